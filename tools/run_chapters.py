"""Run chapters from a fresh kernel, store what they printed, renew what depends on it.

python tools/run_chapters.py          every notebook, in order
python tools/run_chapters.py 01 03    chapters whose names begin so, then the
                                      appendices, which copy from chapters; then
                                      the tests of what was run and has changed
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import notebooks
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

# What the tests of a notebook are called, besides those that bear its name.
OF_ALL = ("test_ledger", "of_the_book")


def main() -> int:
    """Run the chapters named on the command line, or all; return the shell's status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="how the chapters' names begin")
    names = tuple(parser.parse_args().names)
    asked = notebooks.chosen(names or ("",))
    to_run = asked + dependents(asked)
    changed = []
    for number, path in enumerate(to_run, start=1):
        print(f"[{number}/{len(to_run)}] {path.name} … ", end="", flush=True)
        start, before = time.perf_counter(), path.read_bytes()
        try:
            run(path)
        except CellExecutionError as error:
            print(f"stopped; the file was left as it was\n{error}")
            return 1
        same = path.read_bytes() == before
        changed += [] if same else [path]
        seconds = f"{time.perf_counter() - start:.1f} s"
        print(f"{seconds}, {'as before' if same else 'changed'}", flush=True)
    # without a name, everything is to be tested: that is make test
    return test(dict.fromkeys([*asked, *changed])) if names else 0


def dependents(paths: list[Path]) -> list[Path]:
    """The appendices, if any of `paths` is a chapter, and they are not among them."""
    appendices = sorted(notebooks.CHAPTERS.glob("appendix-*.ipynb"))
    if all(path in appendices for path in paths):
        return []
    return [path for path in appendices if path not in paths]


def run(path: Path) -> None:
    """Execute the notebook at `path` and replace it, all or nothing."""
    notebook = notebooks.read(path)
    _execute(notebook)
    _normalise(notebook)
    notebooks.write(notebook, path)


def _execute(notebook: nbformat.NotebookNode) -> None:
    # one thread, so that sums are added in one order on every machine
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    os.environ.update(dict.fromkeys(threads, "1"))
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebooks.CHAPTERS)}},
        coalesce_streams=True,
        # or it warns, before each notebook, that its port on this machine is open
        extra_arguments=["--IPKernelApp.log_level=40"],
    )
    client.execute()


def _normalise(notebook: nbformat.NotebookNode) -> None:
    """Drop what differs from run to run or machine to machine."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


def test(paths: dict[Path, None]) -> int:
    """Run the tests of these notebooks, and of the equations; return their status."""
    files = [*paths, notebooks.ROOT / "tests/test_notebooks.py"]
    files.append(notebooks.ROOT / "tests/test_ledger.py")
    wanted = " or ".join([path.stem for path in paths] + list(OF_ALL))
    command = [sys.executable, "-m", "pytest", "-k", wanted, *map(str, files)]
    return subprocess.run(command, cwd=notebooks.ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
