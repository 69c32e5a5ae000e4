"""What several tests share: the site, a browser, the figures that nbval draws."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tools"))
import browser as chromium  # noqa: E402

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    """Start Chromium, once for each file of tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = chromium.require()
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def site():
    """Build the site if need be; return the folder of its pages."""
    build = [sys.executable, str(ROOT / "tools" / "build_book.py")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ROOT / "_build" / "html"


def pytest_configure(config):
    """Have the chapters' kernels, which nbval starts, use one thread, keep figures."""
    # as tools/run_chapters.py: sums in one order, and no threads that wait in turns
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    config.drawn = tempfile.TemporaryDirectory(prefix="figures-")
    os.environ["CELIB_FIGURES"] = config.drawn.name


def pytest_collection_modifyitems(items):
    """Compare figures after nbval has drawn them, so that nothing runs twice."""
    items.sort(key=lambda item: "pictures_are_drawn_again" in item.name)


@pytest.fixture
def drawn(request):
    """The folder of the figures that this test run has drawn so far."""
    return Path(request.config.drawn.name)
