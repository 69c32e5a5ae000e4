"""The list of proofs: every numbered equation is what a cell proved, and is listed."""

import json
import re

import pytest

from celib.book.proofs import ledger
from celib.book.proofs._record import MIME
from chapters import (
    CHAPTERS,
    FOLDER,
    NOTEBOOKS,
    ROOT,
    code_cells,
    markdown,
    repeated_labels,
    source,
    typed_equations,
)

APPENDICES = [path for path in NOTEBOOKS if path not in CHAPTERS]
PROOFS = FOLDER / "appendix-b-proof-ledger.ipynb"
EQUATIONS = ledger(FOLDER)


def test_a_label_belongs_to_one_equation():
    assert repeated_labels(FOLDER) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_number_stands_beside_an_equation_that_no_cell_proved(path):
    assert typed_equations(markdown(path)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_a_cell_that_proves_shows_one_equation(path):
    # the page puts the equation where the cell is, and folds the cell
    for cell in code_cells(path):
        shown = [o for o in cell["outputs"] if MIME in o.get("data", {})]
        assert len(shown) <= 1, source(cell)
        if shown:
            assert len(cell["outputs"]) == 1, source(cell)


def test_what_is_not_proved_for_every_size_is_an_exception():
    assert [e.label for e in EQUATIONS if e.kind == "instances"] == []


@pytest.mark.parametrize("page", ["intro.md", "README.md"])
def test_the_front_page_and_the_readme_count_right(page):
    kinds = [e.kind for e in EQUATIONS]
    proved = kinds.count("any K") + kinds.count("no K")
    counted = (
        f"the {len(kinds)} numbered equations {proved} are proved, "
        f"{kinds.count('any K')} of them for any number of classes or items, and "
        f"{kinds.count('definition')} are definitions"
    )
    assert counted in " ".join((ROOT / page).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("path", APPENDICES, ids=lambda p: p.stem)
def test_an_appendix_shows_the_formulas_as_the_chapters_do(path):
    assert outdated(path, EQUATIONS) == [], renew(path)


def test_the_list_of_proofs_is_complete():
    assert unlisted(PROOFS, EQUATIONS) == [], renew(PROOFS)


def renew(path):
    """Say what to do about an appendix that is older than the chapters."""
    return f"{path.name} is out of date: make chapter CHAPTER={path.stem}"


def rows(path):
    """The lines that a page's cells show about equations, by label."""
    shown = [
        line
        for cell in code_cells(path)
        for output in cell["outputs"]
        for line in "".join(output.get("data", {}).get("text/plain", "")).splitlines()
        if line.startswith("|")
    ]
    found = [(re.search(r"\{eq\}`([^`]+)`", line), line) for line in shown]
    return {label[1]: line for label, line in found if label and "$" in line}


def bare(latex):
    """LaTeX without what a table changes in it: blanks, bars, large fractions."""
    for written, meant in (("dfrac", "frac"), ("Vert", "|"), ("vert", "|")):
        latex = latex.replace(rf"\{written}", rf"\{meant}")
    return re.sub(r"[\s|]", "", latex.replace(r"\|", "")).rstrip(".,")


def outdated(path, equations):
    """Labels of the equations that `path` shows in another form than the chapter."""
    printed = {e.label: bare(e.latex) for e in equations}
    return [
        label
        for label, row in rows(path).items()
        if label not in printed or printed[label] not in bare(row)
    ]


def unlisted(path, equations):
    """Labels of the equations that `path` lacks, or lists without their conditions."""
    listed = {label: bare(row) for label, row in rows(path).items()}
    return [
        e.label
        for e in equations
        if e.label not in listed
        or bare(e.record.conditions) not in listed[e.label]
        or e.record.verdict.replace(" ", "") not in listed[e.label]
    ]


# --- the checks see each fault


def chapter(folder, name, text, *records):
    outputs = [{"output_type": "display_data", "data": {MIME: r}} for r in records]
    cells = [
        {"cell_type": "markdown", "source": [text]},
        {"cell_type": "code", "source": [""], "outputs": outputs},
    ]
    (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))


def record(label, latex="x = x"):
    return {"label": label, "kind": "no K", "latex": latex, "conditions": "for real"}


def test_a_label_that_stands_twice_is_seen(tmp_path):
    chapter(tmp_path, "01-a", "", record("eq-a"))
    assert repeated_labels(tmp_path) == []
    chapter(tmp_path, "02-b", "", record("eq-a"))
    assert repeated_labels(tmp_path) == ["eq-a"]


def test_a_typed_number_is_seen():
    assert typed_equations("$$\nx = x\n$$ (eq-a)\n") == ["eq-a"]
    assert typed_equations("$$\nx = x\n$$\n") == []


def appendix(folder, *rows):
    """A page whose cell shows these rows."""
    path = folder / "appendix-b.ipynb"
    output = {"output_type": "display_data", "data": {"text/plain": "\n".join(rows)}}
    cell = {"cell_type": "code", "source": [""], "outputs": [output]}
    path.write_text(json.dumps({"cells": [cell]}))
    return path


def test_an_appendix_older_than_the_chapters_is_seen(tmp_path):
    chapter(tmp_path, "01-a", "", record("eq-a", "x = \\frac{1}{2} |y|"))
    equations = ledger(tmp_path)
    formula = r"| {eq}`eq-a` | $x = \dfrac{1}{2} \vert y\vert$"
    row = formula + " <br> for real | proved |"
    fresh = appendix(tmp_path, row, "| about {eq}`eq-b`, no formula |")
    assert outdated(fresh, equations) == unlisted(fresh, equations) == []
    assert outdated(appendix(tmp_path, row.replace("2", "3")), equations) == ["eq-a"]
    assert outdated(appendix(tmp_path, row.replace("-a", "-b")), equations) == ["eq-b"]
    assert unlisted(appendix(tmp_path, "nothing"), equations) == ["eq-a"]
    assert unlisted(appendix(tmp_path, formula + " | proved |"), equations) == ["eq-a"]
    assert unlisted(appendix(tmp_path, row.replace("proved", "")), equations) == [
        "eq-a"
    ]
