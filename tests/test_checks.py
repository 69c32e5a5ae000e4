"""Checks of the checks: a chapter is corrupted in four ways, and each is caught.

Four faults go into one copy of chapter 1, each into another cell: nbval must turn red
on these four cells and on no other.
"""

import json
import os
import re
import subprocess
import sys

import pytest

from chapters import FIGURE, FOLDER, code_cells, figures, read, source

pytestmark = pytest.mark.slow

CHAPTER = FOLDER / "01-likelihood.ipynb"
# What nbval says of a cell: a line of its own, then the report.
REPORT = re.compile(r"^_+ .*::Cell (\d+) _+$", re.M)


def shown(cell, kind):
    """Return the outputs of a cell that show text of this kind, and the texts."""
    for output in cell.get("outputs", ()):
        text = output.get("text") or output.get("data", {}).get(kind, "")
        yield output, "".join(text)


def change_number(cells):
    """A digit of a printed number."""
    for cell in cells:
        for output, text in shown(cell, "text/plain"):
            if "0.002224" in text and "text" in output:
                output["text"] = text.replace("0.002224", "0.002225")
                return cell
    raise LookupError("no number to corrupt")


def change_formula(cells):
    """A sign in a proved formula, as it is shown."""
    for cell in cells:
        for output, text in shown(cell, "text/markdown"):
            if "7 - 10p" in text:
                output["data"]["text/markdown"] = text.replace("7 - 10p", "7 + 10p")
                return cell
    raise LookupError("no formula to corrupt")


def change_figure_data(cells):
    """The data behind a figure: the code draws another curve than the stored one."""
    cell = next(c for c in cells if "heads**7" in source(c))
    cell["source"] = source(cell).replace("heads**7", "heads**6")
    return cell


def raise_error(cells):
    """The last cell raises: no cell after it lacks what it should have made."""
    cells[-1]["source"] = source(cells[-1]) + "\nraise RuntimeError('broken')"
    return cells[-1]


# fault → how it is made, and what the report of its cell must say
FAULTS = {
    "a stored number": (change_number, "0.002225"),
    "a stored formula": (change_formula, "7 + 10p"),
    "data behind a figure": (change_figure_data, FIGURE),
    "an error in a cell": (raise_error, "RuntimeError"),
}


def write(notebook, folder):
    (folder / CHAPTER.name).write_text(json.dumps(notebook), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory):
    """The folder of a copy with four faults, and fault → number of its code cell."""
    notebook = read(CHAPTER)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    places = {fault: cells.index(make(cells)) for fault, (make, _) in FAULTS.items()}
    return write(notebook, tmp_path_factory.mktemp("corrupted")), places


@pytest.fixture(scope="module")
def reports(corrupted):
    """What nbval says of the copy: number of a code cell that failed → report."""
    folder, _ = corrupted
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "--no-header"]
    command += ["-p", "no:cacheprovider", "-o", "addopts=", "--tb=short"]
    # its figures are no figures of the book
    environment = os.environ | {"COLUMNS": "100"}
    environment.pop("CELIB_FIGURES", None)
    run = subprocess.run(
        [*command, str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert run.returncode == 1, run.stdout
    said, _, _ = run.stdout.partition("= short test summary info =")
    _, *parts = REPORT.split(said)
    return dict(zip(map(int, parts[::2]), parts[1::2], strict=True))


def test_no_other_cell_fails(corrupted, reports):
    _, places = corrupted
    assert len(set(places.values())) == len(FAULTS)
    assert sorted(reports) == sorted(places.values())


@pytest.mark.parametrize("fault", FAULTS)
def test_nbval_catches(corrupted, reports, fault):
    _, places = corrupted
    _, evidence = FAULTS[fault]
    assert evidence in reports[places[fault]]


def test_the_stored_picture_alone_would_not_have_been_enough(corrupted):
    # nbval passes over pictures: the digest, not the PNG, is what is compared
    folder, _ = corrupted
    copy = folder / CHAPTER.name
    stored = [picture for _, picture in figures(copy)]
    assert stored == [picture for _, picture in figures(CHAPTER)]
    assert len(code_cells(copy)) == len(code_cells(CHAPTER))
