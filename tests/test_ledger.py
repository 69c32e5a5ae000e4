"""The proof ledger: every numbered equation is settled, where it stands."""

import ast
import json
import re

import pytest
import sympy as sp

from celib.book.proofs import MIME, ledger
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


def test_every_equation_is_settled_and_every_proof_has_its_equation():
    assert unsettled(FOLDER) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_every_number_belongs_to_the_ledger(path):
    assert unlabelled_numbers(markdown(path)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_a_chapter_proves_more_than_it_defines(path):
    kinds = [e.kind for e in ledger(FOLDER) if e.chapter == path.stem]
    assert len([k for k in kinds if k != "definition"]) >= 4


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
