"""The proof ledger: every numbered equation is settled, where it stands."""

import ast
import json
import re

import pytest
import sympy as sp

from celib.book.proofs import ledger
from celib.book.proofs._record import MIME
from chapters import (
    CHAPTERS,
    FOLDER,
    NOTEBOOKS,
    code_cells,
    markdown,
    source,
    unlabelled_numbers,
    unsettled,
)

APPENDICES = [path for path in NOTEBOOKS if path not in CHAPTERS]
PROOFS = FOLDER / "appendix-b-proof-ledger.ipynb"


def test_every_equation_is_settled_and_every_proof_has_its_equation():
    assert unsettled(FOLDER) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_every_number_belongs_to_the_ledger(path):
    assert unlabelled_numbers(markdown(path)) == []


@pytest.mark.parametrize("path", APPENDICES, ids=lambda p: p.stem)
def test_an_appendix_shows_the_formulas_as_the_chapters_do(path):
    assert outdated(path, ledger(FOLDER)) == [], renew(path)


def test_the_list_of_proofs_is_complete():
    assert unlisted(PROOFS, ledger(FOLDER)) == [], renew(PROOFS)


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
    ]
    found = [(re.search(r"\{eq\}`([^`]+)`", line), line) for line in shown]
    return {label[1]: line for label, line in found if label and "$" in line}


def bare(latex):
    """LaTeX without what a table changes in it: blanks, bars, large fractions."""
    for written, meant in (("dfrac", "frac"), ("Vert", "|"), ("vert", "|")):
        latex = latex.replace(rf"\{written}", rf"\{meant}")
    return re.sub(r"[\s|]", "", latex.replace(r"\|", "")).rstrip(".,")


def outdated(path, equations):
    """Labels of the equations that `path` shows in another form than the text."""
    typed = {e.label: bare("".join(e.typed[:1])) for e in equations}
    return [
        label
        for label, row in rows(path).items()
        if not typed.get(label) or typed[label] not in bare(row)
    ]


def unlisted(path, equations):
    """Labels of the equations that `path` lacks, or lists without what settled them."""
    listed = {label: bare(row) for label, row in rows(path).items()}
    return [
        equation.label
        for equation in equations
        if equation.label not in listed
        or any(bare(e["latex"]) not in listed[equation.label] for e in equation.entries)
    ]


def names(path):
    """The names that a notebook's symbols are given, where they are written out."""
    for cell in code_cells(path):
        calls = [
            n for n in ast.walk(ast.parse(source(cell))) if isinstance(n, ast.Call)
        ]
        symbols = [c.args[0] for c in calls if ast.unparse(c.func) == "sp.Symbol"]
        yield from (s.value for s in symbols if isinstance(s, ast.Constant))


def without_needless_braces(latex):
    return re.sub(r"([_^])\{(\\[a-z]+|.)\}", r"\1\2", latex)


def is_printed_as_written(name):
    """Whether sympy, which looks for indices in a name, leaves its LaTeX whole."""
    printed = without_needless_braces(sp.latex(sp.Symbol(name)))
    return name.isidentifier() or printed == without_needless_braces(name)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_names_of_symbols_are_printed_as_written(path):
    # braces anywhere in a name keep sympy from taking it apart
    assert [name for name in names(path) if not is_printed_as_written(name)] == []


@pytest.mark.parametrize("name", [r"(m_1, s_1) \oplus c", "e^m s"])
def test_a_name_that_sympy_takes_apart_is_found(name):
    assert not is_printed_as_written(name)
    assert is_printed_as_written("{" + name + "}")


def chapter(folder, name, text, *labels):
    def output(label):
        record = {"label": label, "kind": "any K", "latex": "x"}
        return {"output_type": "display_data", "data": {MIME: record}}

    cells = [
        {"cell_type": "markdown", "source": [text]},
        {"cell_type": "code", "source": [""], "outputs": list(map(output, labels))},
    ]
    (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))


def equation(label):
    return f"$$\\nx = x\\n$$ ({label})\\n".replace("\\n", "\n")


def test_the_check_sees_each_fault(tmp_path):
    chapter(tmp_path, "01-a", equation("eq-a"), "eq-a")
    assert unsettled(tmp_path) == []
    chapter(tmp_path, "02-b", equation("eq-b"))
    assert unsettled(tmp_path) == ["02-b: eq-b has no proof or definition"]
    chapter(tmp_path, "02-b", "", "eq-b")
    assert unsettled(tmp_path) == ["02-b: eq-b is proved but not typed in the text"]
    chapter(tmp_path, "02-b", equation("eq-b") * 2, "eq-b")
    assert unsettled(tmp_path) == ["02-b: eq-b is typed twice"]
    chapter(tmp_path, "02-b", equation("eq-a"), "eq-a")
    assert unsettled(tmp_path) == ["eq-a stands in two chapters"]
    assert unlabelled_numbers(equation("gibbs")) == ["gibbs"]


def appendix(folder, *rows):
    """A page whose cell shows these rows."""
    path = folder / "appendix-b.ipynb"
    output = {"output_type": "display_data", "data": {"text/plain": "\n".join(rows)}}
    cell = {"cell_type": "code", "source": [""], "outputs": [output]}
    path.write_text(json.dumps({"cells": [cell]}))
    return path


def test_an_appendix_older_than_the_chapters_is_seen(tmp_path):
    text = "$$\nx = \\frac{1}{2} |y|\n$$ (eq-a)\n"
    chapter(tmp_path, "01-a", text, "eq-a")
    equations = ledger(tmp_path)
    row = r"| {eq}`eq-a` | $x = \dfrac{1}{2} \vert y\vert$ <br> $x$ |"
    fresh = appendix(tmp_path, row, "| about {eq}`eq-b`, no formula |")
    assert outdated(fresh, equations) == unlisted(fresh, equations) == []
    assert outdated(appendix(tmp_path, row.replace("2", "3")), equations) == ["eq-a"]
    assert outdated(appendix(tmp_path, row.replace("-a", "-b")), equations) == ["eq-b"]
    assert unlisted(appendix(tmp_path, "nothing"), equations) == ["eq-a"]
    equations[0].entries[0]["latex"] = "z"
    assert unlisted(appendix(tmp_path, row), equations) == ["eq-a"]
