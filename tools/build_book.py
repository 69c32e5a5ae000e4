"""Build the pages into _build/html, whole or not at all.

`make book` calls this when a source has changed. Without make: python
tools/build_book.py, in the environment that has requirements-book.txt.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"

# Pages are millions of small objects, among which Python's search for rubbish rarely
# finds any: looking less often saves a seventh of the time.
JUPYTER_BOOK = """
import gc
gc.set_threshold(100_000, 50, 100)
from jupyter_book.cli.main import main
main()
"""


def remove_pages():
    """Remove what an earlier build made: only a build from nothing shows all warnings.

    Sphinx reports a warning when it reads a page, and doesn't read an unchanged one.
    """
    for name in ("html", ".doctrees", ".jupyter_cache"):
        shutil.rmtree(BUILD / name, ignore_errors=True)


def main():
    """Build, and leave no pages behind if anything was wrong with them."""
    remove_pages()
    options = ["build", "-W", "-n", "--keep-going", "."]
    # the caller's PYTHONPATH must not lead to other packages than the book's
    calm = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    print("Building the pages …", flush=True)
    try:
        subprocess.run(
            [sys.executable, "-c", JUPYTER_BOOK, *options],
            cwd=ROOT,
            env={**calm, "PYTHONUTF8": "1"},
            check=True,
        )
    except (subprocess.CalledProcessError, KeyboardInterrupt):
        remove_pages()
        sys.exit("The pages were not built: the lines above say why.")


if __name__ == "__main__":
    main()
