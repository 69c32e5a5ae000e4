"""Find a Chromium for the tests that look at pages, or get one.

python tools/browser.py          say where it is
python tools/browser.py --get    the same, and install one where none is found
"""

import functools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HOW = (
    "No Chromium answers on this machine: install Chromium or Google Chrome, or name "
    "one with the variable CHROMIUM, and the browser tests run."
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    print(p.chromium.executable_path)
"""
A_DAY = 24 * 3600


def output(command, timeout):
    """What a command says, or None where it fails, hangs or does not exist."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            text=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def answers(path):
    """Ask for the version: Ubuntu's chromium-browser can be a stub that has none."""
    told = output([path, "--version"], 30) if path else None
    return bool(told) and "chrom" in told.lower()


def from_playwright():
    path = output([sys.executable, "-c", PLAYWRIGHT], 60)
    return path if path and Path(path).exists() else None


@functools.cache
def find():
    """Return the path of a Chromium that answers, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named) if answers(shutil.which(named)) else None
    for name in (*NAMES, *MAC):
        path = shutil.which(name)
        if answers(path):
            return path
    path = from_playwright()
    return path if answers(path) else None


def apt_prefix():
    """How to call apt-get here: as root, through a sudo that does not ask, or not."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    may = shutil.which("sudo") and output(["sudo", "-n", "true"], 10) is not None
    return ["sudo", "-n"] if may else None


def install():
    prefix = apt_prefix()
    if prefix is not None:
        print("Getting Chromium from the system's packages …", flush=True)
        # Debian's dpkg asks questions unless it is told that nobody is there.
        apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
        output([*apt, "update"], 300)
        output([*apt, "install", "-y", "--no-install-recommends", "chromium"], 900)
        find.cache_clear()
        if find():
            return
    print("Getting Chromium with Playwright …", flush=True)
    output([sys.executable, "-m", "playwright", "install", "chromium"], 600)
    find.cache_clear()


def get():
    """Find a Chromium, or install one; a failed attempt is repeated after a day."""
    tried = Path(sys.prefix, "celib-no-browser")
    if find():
        return find()
    recent = tried.exists() and time.time() - tried.stat().st_mtime < A_DAY
    if os.environ.get("CHROMIUM") or (recent and not required()):
        return None
    install()
    if not find():
        tried.touch()
    return find()


def required():
    return os.environ.get("CELIB_REQUIRE_ALL") == "1"


def require():
    """Return the path for a test; without one, skip, or fail where none may skip."""
    import pytest

    path = find()
    if path:
        return path
    if required():
        return pytest.fail(HOW, pytrace=False)
    return pytest.skip(HOW)


def main(arguments):
    path = get() if "--get" in arguments else find()
    if path is None:
        print(HOW, file=sys.stderr)
        return 1 if required() or "--get" not in arguments else 0
    if "--get" not in arguments:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
