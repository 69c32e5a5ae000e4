"""Run chapters from a fresh kernel and store what they printed.

python tools/run_chapters.py                 every chapter, in order
python tools/run_chapters.py 01 03           chapters whose name begins so
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"


def run(path: Path) -> None:
    """Execute the notebook at `path` and replace it, all or nothing."""
    notebook = nbformat.read(path, as_version=4)
    _execute(notebook)
    _normalise(notebook)
    half_written = path.with_name(path.name + ".tmp")
    nbformat.write(notebook, half_written)
    os.replace(half_written, path)


def _execute(notebook: nbformat.NotebookNode) -> None:
    # one thread, so that sums are added in one order on every machine
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    os.environ.update(dict.fromkeys(threads, "1"))
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(CHAPTERS)}},
        coalesce_streams=True,
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


def main() -> int:
    """Run the chapters named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="how the chapters' names begin")
    names = tuple(parser.parse_args().names) or ("",)
    chosen = [p for p in sorted(CHAPTERS.glob("*.ipynb")) if p.name.startswith(names)]
    if not chosen:
        print(f"No chapter in {CHAPTERS} has a name that begins so: {names}")
        return 1
    for number, path in enumerate(chosen, start=1):
        start = time.perf_counter()
        print(f"[{number}/{len(chosen)}] {path.name} … ", end="", flush=True)
        try:
            run(path)
        except CellExecutionError as error:
            print(f"stopped; the file was left as it was\n{error}")
            return 1
        print(f"{time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
