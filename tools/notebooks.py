"""What the tools share: finding the chapters' notebooks, and writing one whole."""

import os
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"


def chosen(names: tuple[str, ...]) -> list[Path]:
    """The notebooks whose names begin so; complain of a name that fits none."""
    found = []
    for name in names:
        fitting = sorted(CHAPTERS.glob(f"{name}*.ipynb"))
        if not fitting:
            raise SystemExit(
                f"CHAPTER must be how the name of a notebook in {CHAPTERS} begins, "
                f"such as 05, got {name!r}"
            )
        found += [path for path in fitting if path not in found]
    return found


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook at `path`."""
    return nbformat.read(path, as_version=4)


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Replace the file at `path`, all or nothing."""
    half_written = path.with_name(path.name + ".tmp")
    nbformat.write(notebook, half_written)
    os.replace(half_written, path)
