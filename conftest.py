"""What tests, chapters and doctests share: the pages, a browser, figures as drawn."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

# Debian and others call it chromium, Google's own builds google-chrome.
CHROMIUM = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
NO_CHROMIUM = (
    "the tests of the pages need a browser: install Chromium (apt-get install "
    "chromium) or Google Chrome, or name one with the variable CHROMIUM"
)
NO_SITE = "the tests of the pages need the pages: run `make book` first"
# nbval calls a cell chapters/<name>.ipynb::Cell <number>.
FIGURE_TEST = re.compile(r"::test_pictures_are_drawn_again\[(.+)\]")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def lacks(reason):
    """Skip a test for want of something, or fail where no test may skip."""
    if os.environ.get("CELIB_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def answers(program):
    """Whether a browser tells its version: Ubuntu's chromium-browser can be a stub."""
    command = [program, "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def find_chromium():
    """Return the path of a Chromium that answers, or None."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else CHROMIUM
    found = (shutil.which(name) for name in candidates)
    return next((path for path in found if path and answers(path)), None)


@pytest.fixture(scope="module")
def browser():
    """Start Chromium, once for each file of tests."""
    from playwright.sync_api import sync_playwright

    path = find_chromium() or lacks(NO_CHROMIUM)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def site():
    """Return the folder of the pages, which `make test` has brought up to date."""
    folder = ROOT / "_build" / "html"
    if not (folder / "index.html").exists():
        lacks(NO_SITE)
    return folder


def pytest_configure(config):
    """Have the chapters' kernels, which nbval starts, use one thread, keep figures."""
    # as tools/run_chapters.py: sums in one order, and no threads that wait in turns
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    config.drawn = tempfile.TemporaryDirectory(prefix="figures-")
    os.environ["CELIB_FIGURES"] = config.drawn.name


def pytest_collection_modifyitems(items):
    """Begin with what takes long, so that no process is left alone with it at the end.

    Figures are compared after nbval has drawn them, so that nothing runs twice. What
    needs built pages counts as slow: `make quick` does not build them.
    """
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
    items.sort(key=place)


def place(item):
    """Return a number that is smaller for what comes earlier."""
    if FIGURE_TEST.search(item.nodeid):
        return 2
    if ".ipynb::" in item.nodeid:
        return 1
    return 0 if item.get_closest_marker("slow") else 3


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each file as a whole to one of the parallel processes."""
    from xdist.scheduler import LoadFileScheduling

    class WithFigures(LoadFileScheduling):
        def _split_scope(self, nodeid):
            """Put the test of a notebook's figures where its cells draw them."""
            if figures := FIGURE_TEST.search(nodeid):
                return f"chapters/{figures[1]}.ipynb"
            return super()._split_scope(nodeid)

    return WithFigures(config, log)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    """Say how to store anew what a notebook prints, if the change is meant."""
    failed = [report.nodeid for report in terminalreporter.getreports("failed")]
    notebooks = {nodeid.split("::")[0] for nodeid in failed if ".ipynb::" in nodeid}
    for path in sorted(notebooks):
        terminalreporter.line(
            f"{path} no longer prints what is stored in it. If the change is meant: "
            f"make chapter CHAPTER={Path(path).stem}"
        )


@pytest.fixture
def drawn(request):
    """Return the folder of the figures that this test run has drawn so far."""
    return Path(request.config.drawn.name)
