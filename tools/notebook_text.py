"""Work on a notebook as text: write it as MyST Markdown, and take the text back.

python tools/notebook_text.py text 05        writes _build/text/05-softmax.md
python tools/notebook_text.py notebook 05    takes it back into the notebook

What the text does not hold stays in the notebook: ids, and the outputs of cells
whose code is unchanged. A cell of changed code loses its outputs.
"""

import argparse
import difflib
import os
import sys
from pathlib import Path

import jupytext
import nbformat
import notebooks
from nbformat import NotebookNode

TEXTS = notebooks.ROOT / "_build" / "text"
# Above this share of equal letters, a cell is an old one that was changed.
ALIKE = 0.5


def main() -> int:
    """Do what the command line says; return what the shell is to know."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("direction", choices=["text", "notebook"])
    parser.add_argument("names", nargs="*", help="how the notebooks' names begin")
    arguments = parser.parse_args()
    if not arguments.names:
        command = f"make {arguments.direction} CHAPTER=05"
        raise SystemExit(f"CHAPTER must name a notebook, as in: {command}")
    move = {"text": write_text, "notebook": take_text}[arguments.direction]
    for path in notebooks.chosen(tuple(arguments.names)):
        print(move(path, Path(os.path.relpath(TEXTS / f"{path.stem}.md"))))
    return 0


def write_text(path: Path, text: Path) -> str:
    """Write the notebook at `path` as `text`; say so."""
    content = as_text(notebooks.read(path))
    newer = text.exists() and text.stat().st_mtime > path.stat().st_mtime
    if newer and text.read_text(encoding="utf-8") != content:
        raise SystemExit(
            f"{text} holds changes that the notebook lacks: take them with "
            f"make notebook CHAPTER={path.stem}, or delete the file"
        )
    text.parent.mkdir(parents=True, exist_ok=True)
    text.write_text(content, encoding="utf-8")
    return f"{text} is yours to edit; then: make notebook CHAPTER={path.stem}"


def take_text(path: Path, text: Path) -> str:
    """Take the changes of `text` into the notebook at `path`; say which."""
    if not text.exists():
        raise SystemExit(
            f"{text} does not exist: make text CHAPTER={path.stem} writes it"
        )
    old = notebooks.read(path)
    new = merge(old, text.read_text(encoding="utf-8"))
    if new == old:
        return f"{path.name} says the same already"
    if text.stat().st_mtime < path.stat().st_mtime:
        raise SystemExit(
            f"{path.name} was changed after its text was written: save your changes "
            f"of {text} elsewhere, then make text CHAPTER={path.stem} writes it anew"
        )
    notebooks.write(new, path)
    to_run = sum("outputs" in c and c.execution_count is None for c in new.cells)
    then = f", then: make chapter CHAPTER={path.stem}" if to_run else ""
    return f"{path.name} has the new text; cells to run: {to_run}{then}"


def as_text(notebook: NotebookNode) -> str:
    """Write a notebook as MyST Markdown."""
    return jupytext.writes(notebook, fmt="md:myst")


def from_text(text: str) -> list[NotebookNode]:
    """Read the cells of a text."""
    return jupytext.reads(text, fmt="md:myst").cells


def merge(old: NotebookNode, text: str) -> NotebookNode:
    """Take the cells of `text` into a copy of the notebook `old`."""
    # as the text shows them: it has no blank lines at their ends, for example
    shown = from_text(as_text(old))
    unused = list(zip(old.cells, shown, strict=True))
    new = from_text(text)
    merged = [take_same(cell, unused) for cell in new]
    for i, cell in enumerate(new):
        if merged[i] is None:
            merged[i] = take_changed(cell, unused) or cell
    result = nbformat.from_dict({**old, "cells": merged})
    nbformat.validate(result)
    return result


def take_same(cell: NotebookNode, unused: list) -> NotebookNode | None:
    """Take the old cell that the text shows unchanged, if there is one."""
    for pair in unused:
        old, shown = pair
        same_source = (cell.cell_type, cell.source) == (shown.cell_type, shown.source)
        if same_source and cell.metadata == shown.metadata:
            unused.remove(pair)
            return old
    return None


def take_changed(cell: NotebookNode, unused: list) -> NotebookNode | None:
    """Take the old cell that is most like `cell`, if any is, and change it."""

    def likeness(pair: tuple) -> float:
        old, shown = pair
        if old.cell_type != cell.cell_type:
            return 0.0
        return difflib.SequenceMatcher(
            None, shown.source, cell.source, autojunk=False
        ).ratio()

    pair = max(unused, key=likeness, default=None)
    if pair is None or likeness(pair) < ALIKE:
        return None
    unused.remove(pair)
    old, shown = pair
    hidden = {k: v for k, v in old.metadata.items() if k not in shown.metadata}
    changed = nbformat.from_dict({**old, "metadata": {**hidden, **cell.metadata}})
    if cell.source != shown.source:
        changed.source = cell.source
        if changed.cell_type == "code":
            changed.outputs, changed.execution_count = [], None
    return changed


if __name__ == "__main__":
    sys.exit(main())
