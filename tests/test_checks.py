"""Checks of the checks: a chapter is corrupted in five ways, and each is caught.

Each fault goes into a copy of chapter 1. Four must turn nbval red on the copy,
and the fifth must be seen by the ledger; an unharmed copy must stay green.
"""

import json
import os
import subprocess
import sys

import pytest

from chapters import FIGURE, FOLDER, code_cells, figures, read, source, unsettled

CHAPTER = FOLDER / "01-likelihood.ipynb"


def outputs(notebook):
    for cell in notebook["cells"]:
        yield from cell.get("outputs", ())


def change_number(notebook):
    """A digit of a printed number."""
    output = next(o for o in outputs(notebook) if "0.002224" in str(o.get("text")))
    output["text"] = [line.replace("0.002224", "0.002225") for line in output["text"]]


def change_formula(notebook):
    """A sign in a proved formula, as it is shown."""
    for output in outputs(notebook):
        text = "".join(output.get("data", {}).get("text/markdown", ""))
        if "7 - 10 p" in text:
            changed = text.replace("7 - 10 p", "7 + 10 p")
            output["data"]["text/markdown"] = changed
            return
    raise LookupError("no formula to corrupt")


def change_figure_data(notebook):
    """The data behind a figure: the code draws another curve than the stored one."""
    cell = next(c for c in notebook["cells"] if "heads**7" in source(c))
    cell["source"] = source(cell).replace("heads**7", "heads**6")


def add_unproved_equation(notebook):
    """A numbered equation that nothing settles."""
    text = "$$\nL(p) = p^{10}\n$$ (eq-unproved)"
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "unproved", "metadata": {}, "source": [text]}
    )


def raise_error(notebook):
    """A cell that raises."""
    cell = next(c for c in notebook["cells"] if c["cell_type"] == "code")
    cell["source"] = source(cell) + "\nraise RuntimeError('broken')"


FAULTS = {
    "nothing": lambda notebook: None,
    "a stored number": change_number,
    "a stored formula": change_formula,
    "data behind a figure": change_figure_data,
    "an equation without proof": add_unproved_equation,
    "an error in a cell": raise_error,
}


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory):
    """A folder for each fault, with the corrupted copy in it."""
    folders = {}
    for name, corrupt in FAULTS.items():
        folder = tmp_path_factory.mktemp("chapter")
        notebook = read(CHAPTER)
        before = json.dumps(notebook)
        corrupt(notebook)
        assert (json.dumps(notebook) != before) == (name != "nothing")
        (folder / CHAPTER.name).write_text(json.dumps(notebook), encoding="utf-8")
        folders[name] = folder
    return folders


@pytest.fixture(scope="module")
def verdicts(corrupted):
    """What nbval says of each copy; kernels that start at once may share a port."""
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "--no-header"]
    command += ["-p", "no:cacheprovider", "-o", "addopts=", "--tb=short"]
    # their figures are no figures of the book
    environment = os.environ | {"COLUMNS": "100"}
    environment.pop("CELIB_FIGURES", None)
    found = {}
    for name in corrupted.keys() - {"an equation without proof"}:
        folder = corrupted[name]
        run = subprocess.run(
            [*command, str(folder)],
            cwd=folder,
            capture_output=True,
            text=True,
            env=environment,
        )
        found[name] = (run.stdout, run.returncode)
    return found


def test_an_unharmed_copy_passes(verdicts, corrupted):
    text, code = verdicts["nothing"]
    assert code == 0, text
    assert unsettled(corrupted["nothing"]) == []


@pytest.mark.parametrize(
    ("fault", "evidence"),
    [
        ("a stored number", "0.002225"),
        ("a stored formula", "7 + 10 p"),
        ("data behind a figure", FIGURE),
        ("an error in a cell", "RuntimeError"),
    ],
)
def test_nbval_catches(verdicts, fault, evidence):
    text, code = verdicts[fault]
    assert code == 1, text
    # one cell and no other, unless the cells after it need what it should have made
    assert text.splitlines()[-1].startswith("1 failed, ") or evidence == "RuntimeError"
    assert evidence in text


def test_the_ledger_catches_an_equation_without_proof(corrupted):
    (problem,) = unsettled(corrupted["an equation without proof"])
    assert problem == "01-likelihood: eq-unproved has no proof or definition"


def test_the_stored_picture_alone_would_not_have_been_enough(corrupted):
    # nbval passes over pictures: the digest, not the PNG, is what is compared
    copy = corrupted["data behind a figure"] / CHAPTER.name
    stored = [picture for _, picture in figures(copy)]
    assert stored == [picture for _, picture in figures(CHAPTER)]
    assert len(code_cells(copy)) == len(code_cells(CHAPTER))
