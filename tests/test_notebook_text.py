"""Notebooks as text: there and back changes what was edited, and nothing else."""

import os

import notebook_text
import notebooks
import pytest
from nbformat import v4
from notebook_text import as_text, merge, take_text, write_text

from chapters import NOTEBOOKS

pytestmark = pytest.mark.slow


def code(number, text, **metadata):
    outputs = [v4.new_output("stream", text=f"output {number}\n")]
    return v4.new_code_cell(
        text, id=f"code-{number}", execution_count=number, outputs=outputs, **metadata
    )


CELLS = [
    v4.new_markdown_cell("# Softmax\n\nA sentence.", id="title"),
    code(1, "import numpy as np"),
    v4.new_markdown_cell("What is it?", id="ask", metadata={"index": ["what"]}),
    v4.new_markdown_cell("Straight after it, another cell.\n\n", id="two"),
    code(2, "def softmax(z):\n    return z", metadata={"tags": ["hide-input"]}),
    code(3, "print(softmax(1))"),
]
NOTEBOOK = v4.new_notebook(
    cells=CELLS,
    metadata={"kernelspec": {"display_name": "Python 3", "name": "python3"}},
)
TEXT = as_text(NOTEBOOK)


def edited(old, new):
    """The cells, by id, of the notebook that takes an edit back."""
    assert TEXT.count(old) == 1
    merged = merge(NOTEBOOK, TEXT.replace(old, new))
    assert merged.metadata == NOTEBOOK.metadata
    return {cell.id: cell for cell in merged.cells}


def changed(cells):
    """The ids of the cells that differ from what they were."""
    before = {cell.id: cell for cell in CELLS}
    return [i for i in {**before, **cells} if before.get(i) != cells.get(i)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_an_unedited_text_changes_no_byte(path, tmp_path):
    notebook = notebooks.read(path)
    copy = tmp_path / path.name
    notebooks.write(merge(notebook, as_text(notebook)), copy)
    assert copy.read_bytes() == path.read_bytes()


def test_a_changed_sentence_changes_its_cell_alone():
    cells = edited("A sentence.", "Another sentence.")
    assert changed(cells) == ["title"]
    assert cells["title"].source == "# Softmax\n\nAnother sentence."


def test_changed_code_loses_its_outputs_and_no_other_does():
    cells = edited("return z", "return 2 * z")
    assert changed(cells) == ["code-2"]
    assert cells["code-2"].source == "def softmax(z):\n    return 2 * z"
    assert (cells["code-2"].outputs, cells["code-2"].execution_count) == ([], None)
    assert cells["code-2"].metadata == {"tags": ["hide-input"]}


def test_a_changed_tag_keeps_the_outputs():
    cells = edited("hide-input", "solution")
    assert changed(cells) == ["code-2"]
    assert cells["code-2"] == {**CELLS[4], "metadata": {"tags": ["solution"]}}


def test_a_changed_entry_of_the_index_is_taken():
    cells = edited('"what"', '"what else"')
    assert changed(cells) == ["ask"]
    assert cells["ask"].metadata == {"index": ["what else"]}


def test_a_new_cell_gets_an_id_and_leaves_the_others_alone():
    new = "```{code-cell}\n1 + 1\n```\n\n"
    cells = edited("```{code-cell}\nprint", f"{new}```{{code-cell}}\nprint")
    (i,) = changed(cells)
    assert list(cells) == ["title", "code-1", "ask", "two", "code-2", i, "code-3"]
    assert (cells[i].source, cells[i].outputs) == ("1 + 1", [])


def test_a_cell_can_be_removed():
    assert changed(edited("```{code-cell}\nprint(softmax(1))\n```", "")) == ["code-3"]


def test_a_moved_cell_keeps_its_outputs():
    cell = "```{code-cell}\nimport numpy as np\n```"
    moved = TEXT.replace(cell, "") + f"\n{cell}\n"
    ids = [c.id for c in merge(NOTEBOOK, moved).cells]
    assert ids == ["title", "ask", "two", "code-2", "code-3", "code-1"]
    assert changed({c.id: c for c in merge(NOTEBOOK, moved).cells}) == []


@pytest.fixture
def pair(tmp_path):
    """A notebook and its text, as files."""
    notebook, text = tmp_path / "05-softmax.ipynb", tmp_path / "text" / "05.md"
    notebooks.write(NOTEBOOK, notebook)
    write_text(notebook, text)
    return notebook, text


def save(text, content, later):
    """Save a text so many seconds after the notebook was."""
    text.write_text(content, encoding="utf-8")
    now = text.stat().st_mtime + later
    os.utime(text, (now, now))


def test_files_go_there_and_back(pair):
    notebook, text = pair
    assert take_text(notebook, text) == "05-softmax.ipynb says the same already"
    save(text, TEXT.replace("A sentence", "One"), later=10)
    said = take_text(notebook, text)
    assert said == "05-softmax.ipynb has the new text; cells to run: 0"
    save(text, TEXT.replace("softmax(1)", "softmax(2)"), later=10)
    said = take_text(notebook, text)
    assert said.endswith("cells to run: 1, then: make chapter CHAPTER=05-softmax")
    assert notebooks.read(notebook).cells[-1].source == "print(softmax(2))"


def test_no_edit_is_overwritten(pair):
    notebook, text = pair
    save(text, TEXT.replace("A sentence", "One"), later=10)
    with pytest.raises(SystemExit, match="holds changes that the notebook lacks"):
        write_text(notebook, text)
    save(text, TEXT.replace("A sentence", "One"), later=-10)
    before = notebook.read_bytes()
    with pytest.raises(SystemExit, match="was changed after its text was written"):
        take_text(notebook, text)
    assert notebook.read_bytes() == before
    write_text(notebook, text)
    assert text.read_text(encoding="utf-8") == TEXT


def test_a_missing_text_is_one_sentence(pair, tmp_path):
    with pytest.raises(SystemExit, match=r"make text CHAPTER=05-softmax writes it$"):
        take_text(pair[0], tmp_path / "none.md")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "CHAPTER must name a notebook, as in: make text CHAPTER=05"),
        (["77"], "CHAPTER must be how the name of a notebook in .* got '77'"),
    ],
)
def test_a_wrong_name_is_one_sentence(monkeypatch, names, message):
    monkeypatch.setattr("sys.argv", ["notebook_text.py", "text", *names])
    with pytest.raises(SystemExit, match=message):
        notebook_text.main()
