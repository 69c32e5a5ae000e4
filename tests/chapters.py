"""What the tests of the chapters share: reading notebooks, and judging them."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from celib.book import ledger

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "chapters"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.stem[0].isdigit()]
FIGURE = "application/vnd.celib.figure+json"


def read(path):
    """The notebook at `path`, as JSON."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def source(cell):
    """The text of a cell."""
    return "".join(cell["source"])


def markdown(path):
    """All Markdown of a chapter, in one piece."""
    cells = read(path)["cells"]
    return "\n\n".join(source(c) for c in cells if c["cell_type"] == "markdown")


def code_cells(path):
    """The code cells of a chapter."""
    return [c for c in read(path)["cells"] if c["cell_type"] == "code"]


def figures(path):
    """Name, digest and picture of every figure of a chapter."""
    for cell in code_cells(path):
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                yield data.get(FIGURE), base64.b64decode("".join(data["image/png"]))


def repeated_labels(folder):
    """Labels that two equations of `folder` bear."""
    labels = [equation.label for equation in ledger(folder)]
    return sorted({label for label in labels if labels.count(label) > 1})


def typed_equations(text):
    """Labels of numbered display maths that is typed, where no cell proves it."""
    return re.findall(r"^\$\$\s*\(([^)]+)\)", text, re.MULTILINE)


def difference(picture, other):
    """Share of the pixels, in per cent, that two PNG pictures do not agree on.

    Fonts are smoothed a little differently from machine to machine, so a pixel
    counts only if a colour is off by more than a quarter of its range.
    """
    a, b = (
        np.asarray(Image.open(io.BytesIO(p)).convert("RGB")) for p in (picture, other)
    )
    if a.shape != b.shape:
        return 100.0
    off = np.abs(a.astype(int) - b.astype(int)).max(axis=-1) > 64
    return 100.0 * float(off.mean())
