"""Building the pages: whole, or not at all and with the reason."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONFIG = 'title: T\nonly_build_toc_files: true\nexecute: {execute_notebooks: "off"}\n'


@pytest.fixture
def book(tmp_path):
    """Write a book of one page, with the tool that builds it."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "build_book.py", tmp_path / "tools")
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    (tmp_path / "intro.md").write_text("# A page\n\nWith a sentence.\n")
    return tmp_path


def build(book, **environment):
    command = [sys.executable, str(book / "tools" / "build_book.py")]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment or None, check=False
    )


def test_a_book_is_built_whatever_the_caller_tells_python(book):
    elsewhere = book / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sphinx.py").write_text("raise RuntimeError('the wrong sphinx')\n")
    done = build(book, PYTHONPATH=str(elsewhere))
    assert done.returncode == 0, done.stderr
    page = book / "_build" / "html" / "intro.html"
    assert "With a sentence." in page.read_text(encoding="utf-8")
    assert "_build/html/index.html" in done.stdout


def test_a_warning_stops_the_build_each_time_and_no_page_is_left(book):
    assert build(book).returncode == 0
    (book / "intro.md").write_text("# A page\n\n{nosuchrole}`x`\n")
    for _ in range(2):
        failed = build(book)
        assert failed.returncode != 0
        assert "intro.md:3: WARNING" in failed.stderr
        assert "nosuchrole" in failed.stderr
        assert failed.stderr.endswith("The book was not built: see above.\n")
        assert not (book / "_build" / "html").exists()
