"""Build the pages of the book from nothing, and say where they are.

python tools/build_book.py

It needs what requirements-book.txt lists, and runs nothing of the chapters.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# `jupyter-book build -W -n --keep-going`, with two settings that it has no option for:
# a book is millions of small objects, which Python would look through for rubbish
# again and again; and pages can be made side by side.
JUPYTER_BOOK = """
import gc, os, sys
from jupyter_book.sphinx import build_sphinx
gc.set_threshold(100_000, 50, 100)
settings = {"nitpicky": True, "latex_individualpages": False}
settings["external_toc_path"] = os.path.abspath("_toc.yml")
result = build_sphinx(
    os.getcwd(),
    sys.argv[1],
    path_config="_config.yml",
    noconfig=True,
    confoverrides=settings,
    warningiserror=True,
    keep_going=True,
    quiet=not sys.stdout.isatty(),
    jobs=os.cpu_count(),
)
sys.exit(result != 0)
"""
COMPLAINT = re.compile(r"\b(?:WARNING|ERROR|CRITICAL): ")


def build(root):
    """Build into a folder beside, and move the pages when all went well."""
    pages, beside = root / "_build" / "html", root / "_build" / "unfinished"
    # Only a build from nothing reports every warning.
    for old in (pages, beside):
        shutil.rmtree(old, ignore_errors=True)
    # What the caller's Python is told does not concern this one.
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env["PYTHONUTF8"] = "1"
    command = [sys.executable, "-c", JUPYTER_BOOK, str(beside / "html")]
    done = subprocess.run(
        command, cwd=root, env=env, stderr=subprocess.PIPE, encoding="utf-8"
    )
    if done.returncode:
        told = done.stderr.splitlines()
        warnings = [line for line in told if COMPLAINT.search(line)]
        sys.exit("\n".join([*(warnings or told), "The book was not built: see above."]))
    (beside / "html").rename(pages)
    shutil.rmtree(beside)
    return pages / "index.html"


def main():
    try:
        page = build(ROOT)
    except KeyboardInterrupt:
        sys.exit("\nStopped: the book was not built.")
    print(f"The book is built: open {page.relative_to(ROOT)}, or {page.as_uri()}")


if __name__ == "__main__":
    main()
