"""The attacks once more, as the other kind of user: they must fail for root and user.

An ordinary user's sandbox is another one than root's: it has a user namespace, and the
worker in it is the only process. Each must hold against what the other one rules out.
"""

import os
import subprocess
import sys
import tempfile

import ordinary
import pytest

from chapters import ROOT
from conftest import lacks

pytestmark = pytest.mark.slow

FILES = ("tests/test_grader_attacks.py", "tests/test_grader_limits.py")


@pytest.fixture
def home():
    """A folder that everyone may write to: pytest's own is closed to others."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o777)
        yield folder


def test_the_attacks_fail_for_the_other_kind_of_user_as_well(home):
    if problem := ordinary.why_not():
        lacks(problem)
    settings = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "TMPDIR": home,
        "OMP_NUM_THREADS": "1",
        "CELIB_REQUIRE_ALL": "1",
    }
    words = ["env", "-i", *(f"{name}={value}" for name, value in settings.items())]
    words += [sys.executable, "-B", "-m", "pytest", "-q", *FILES]
    words += ["-p", "no:xdist", "-p", "no:cacheprovider"]
    done = subprocess.run(
        ordinary.as_the_other(words),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-5000:]}{done.stderr[-2000:]}"
    assert " passed" in done.stdout
    assert " skipped" not in done.stdout
