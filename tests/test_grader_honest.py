"""Right answers in a hundred forms keep each point that a real kernel's checks give."""

import json
import subprocess
import sys

import grading
import honest
import pytest
from grading import ROOT, mark, notebook

from grader.sandbox import walls as sandbox

pytestmark = pytest.mark.slow

walls = grading.walls
FORMS = honest.forms()


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """What came of each form in a kernel of its own."""
    folder = tmp_path_factory.mktemp("packages")
    for package in honest.LOOKALIKES:
        path = folder / package.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(package.text)
    script = ROOT / "tests" / "kernels.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(folder)],
        input=honest.asked(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def box():
    """One worker for all forms: they are honest, and each begins without names."""
    limits = honest.TASK.limits
    inner = sandbox.Sandbox(honest.TASK.packages, limits)
    with sandbox.OneWorker(inner, len(FORMS)) as one:
        yield one


def test_there_are_a_hundred_forms():
    assert len(FORMS) >= 100


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("name", FORMS)
def test_an_honest_notebook_loses_nothing(there, box, name):
    kernel = there[name]
    assert all(ok for found in kernel["checks"].values() for ok, _ in found), kernel
    result = mark(notebook(*FORMS[name]), honest.TASK, box=box)
    assert (result.scores, result.status) == (honest.FULL, "ok"), result
