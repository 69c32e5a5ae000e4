"""What several tests share: the built site."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def site():
    """Build the site if need be; return the folder of its pages."""
    build = [sys.executable, str(ROOT / "tools" / "build_book.py")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ROOT / "_build" / "html"
