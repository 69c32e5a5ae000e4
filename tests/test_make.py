"""The two commands: what they set up, what they leave, what they say."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import conftest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent


def make(*words, cwd=ROOT, **more):
    """Run make without what an outer make, or the reader's pip, put there."""
    drop = ("MAKE", "MFLAGS", "PIP_", "PYTHON", "TORCH_INDEX", "VIRTUAL_ENV")
    calm = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    return subprocess.run(
        ["make", *words],
        cwd=cwd,
        env={**calm, "PIP_CONFIG_FILE": os.devnull, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


# ---- setting up, in a project of two empty packages


def write_wheel(folder, name):
    """Write a wheel that holds one empty module."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
    }
    record = [f"{path},{checksum(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,\n"])
    wheel = Path(folder, f"{name}-1.0-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel.name


def checksum(text):
    """Return the hash that a wheel's record wants."""
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


# Stands for setuptools, which a test without a network can't install.
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "house"
version = "1.0"
"""
BACKEND = """
import shutil

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return shutil.copy("house-1.0-py3-none-any.whl", wheel_directory).split("/")[-1]
"""


@pytest.fixture
def project(tmp_path):
    """Copy the Makefile beside a list of one package and a package of its own."""
    root = tmp_path / "a clone"
    root.mkdir()
    (root / "Makefile").write_text((ROOT / "Makefile").read_text())
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "backend.py").write_text(BACKEND)
    write_wheel(root, "house")
    write_wheel(root, "brick")
    return root


def set_up(root):
    return make(".venv/book.stamp", cwd=root, PYTHON=sys.executable, PIP_NO_INDEX="1")


def test_what_was_interrupted_is_finished_and_then_left_alone(project):
    wanted = project / "requirements-book.txt"
    wanted.write_text("./brick-1.0-py3-none-any.whl\n./lost-1.0-py3-none-any.whl\n")
    failed = set_up(project)
    assert failed.returncode != 0
    assert "lost" in failed.stderr
    assert not (project / ".venv" / "book.stamp").exists()

    wanted.write_text("./brick-1.0-py3-none-any.whl\n")
    done = set_up(project)
    assert done.returncode == 0, done.stdout + done.stderr
    python = project / ".venv" / "bin" / "python"
    subprocess.run([python, "-c", "import brick, house"], check=True)

    assert "up to date" in set_up(project).stdout


@pytest.mark.parametrize("python", ["/nowhere/python", "false"])
def test_a_wrong_python_is_one_sentence(project, python):
    (project / "requirements-book.txt").touch()
    failed = make(".venv/book.stamp", f"PYTHON={python}", cwd=project)
    assert failed.returncode != 0
    assert "The book needs Python 3.11 to 3.14: install one, or name it" in (
        failed.stderr
    )
    assert not (project / ".venv").exists()


def test_every_target_of_help_can_be_made():
    targets = re.findall(r"^make (\w+)", make("help").stdout, re.M)
    assert {"book", "test", "quick", "check", "chapter"} <= set(targets)
    for target in targets:
        planned = make("--dry-run", target, "CHAPTER=01", f"PYTHON={sys.executable}")
        assert planned.returncode == 0, planned.stderr


def pins(name):
    lines = (ROOT / name).read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


def test_the_books_packages_are_among_all():
    assert pins("requirements-book.txt") <= pins("requirements.txt")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-lab.txt"])
def test_every_package_is_pinned(name):
    assert [pin for pin in pins(name) if not re.fullmatch(r"\S+==\S+", pin)] == []


# ---- the browser that the tests of the pages use


def stand_in(folder, monkeypatch, script):
    """Name a script as the browser."""
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(path))
    return str(path)


def test_a_browser_that_answers_is_found(tmp_path, monkeypatch):
    path = stand_in(tmp_path, monkeypatch, "echo Chromium 150.0")
    assert conftest.find_chromium() == path


def test_a_stub_is_no_browser(tmp_path, monkeypatch):
    stand_in(tmp_path, monkeypatch, "echo install the snap; exit 1")
    assert conftest.find_chromium() is None


@pytest.mark.parametrize(
    ("everything", "outcome"),
    [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)],
)
def test_what_is_missing_skips_for_a_person_and_fails_in_ci(
    everything, outcome, monkeypatch
):
    monkeypatch.setenv("CELIB_REQUIRE_ALL", everything)
    # Both are caught, for a skip that gets through would only skip this test.
    either = (pytest.skip.Exception, pytest.fail.Exception)
    with pytest.raises(either, match="install Chromium") as caught:
        conftest.lacks(conftest.NO_CHROMIUM)
    assert caught.type is outcome
