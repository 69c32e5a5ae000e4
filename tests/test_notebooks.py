"""Every chapter as a notebook: its form, and its pictures drawn again.

That its outputs repeat is tested by nbval, which pytest runs over `chapters/`.
"""

import io
import re

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image, ImageDraw

from chapters import (
    CHAPTERS,
    NOTEBOOKS,
    code_cells,
    difference,
    figures,
    markdown,
    source,
)

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)

ANATOMY = [
    r"# \S",
    r"\*[^*\n]+\?\*",
    r"\*\*In one sentence\.\*\* ",
    r":::\{admonition\} After this chapter you can",
    r"You need: ",
    r"## On trial",
    r"<div class=\"quiz\" data-predict>",
    r"## Where it hurts",
    r"## Quiz",
    r"## Exercises",
    r"· prove\n",
    r"· code\n",
    r"· explore\n",
    r"## What you take with you",
    r"\*\*Where next\.\*\*",
]
EMPTY_WORDS = (
    *("simply", "obviously", "clearly", "trivially", "easily", "basically"),
    *("actually", "utilise", "leverage", "delve", "crucial", "seamless"),
)


@every_notebook
def test_was_run_from_top_to_bottom(path):
    counts = [cell["execution_count"] for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@every_notebook
def test_holds_no_error_warning_or_exemption(path):
    for cell in code_cells(path):
        for output in cell["outputs"]:
            assert output["output_type"] != "error", source(cell)
            assert output.get("name") != "stderr", source(cell)
        exempt = "nbval" in str(cell["metadata"]).lower() + source(cell).lower()
        assert not exempt, f"nbval must see every cell: {source(cell)}"


@every_notebook
def test_code_fits_the_page(path):
    for cell in code_cells(path):
        lines = source(cell).splitlines()
        assert len(lines) <= 15, source(cell)
        assert max(map(len, lines)) <= 80, source(cell)


@every_notebook
def test_outputs_name_no_type_or_address(path):
    types = r"\bnp\.(?:float|u?int|bool|str|array)\w*\(|\btensor\("
    pattern = re.compile(rf"{types}|<\w[\w.]* object|0x[0-9a-f]{{6,}}")
    for cell in code_cells(path):
        for output in cell["outputs"]:
            data = output.get("data", {})
            shown = "".join(output.get("text", "")) + "".join(
                data.get("text/plain", "")
            )
            if "show_source" not in source(cell):
                assert not pattern.search(shown), shown


@every_chapter
def test_follows_the_anatomy(path):
    text, position = markdown(path), 0
    for part in ANATOMY:
        match = re.compile(part, re.MULTILINE).search(text, position)
        assert match, f"{path.stem} lacks, or has out of order: {part}"
        position = match.end()


@every_chapter
def test_has_the_length_of_a_chapter(path):
    assert 1800 <= len(markdown(path).split()) <= 3500


@every_chapter
def test_says_nothing_empty(path):
    text = markdown(path).lower()
    found = [w for w in EMPTY_WORDS if re.search(rf"\b{w}\b", text)]
    assert found == []


@every_chapter
def test_shows_its_own_source_and_figures(path):
    code = "\n".join(map(source, code_cells(path)))
    assert "show_source(" in code
    assert len(list(figures(path))) >= 2


@every_notebook
def test_every_picture_went_through_the_oracle(path):
    for described, _ in figures(path):
        assert described, "show figures with celib.book.show"
        assert {"name", "caption", "alt", "axes"} <= set(described)


@every_notebook
def test_pictures_are_drawn_again(path, drawn):
    stored = {described["name"]: picture for described, picture in figures(path)}
    if not all((drawn / f"{name}.png").exists() for name in stored):
        run(path)  # this test was asked for without nbval
    for name, picture in stored.items():
        again = (drawn / f"{name}.png").read_bytes()
        assert difference(picture, again) < 0.2, name


def run(path):
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=120, resources=resources).execute()


def picture(draw=lambda pen: None):
    image = Image.new("RGB", (200, 100), "white")
    pen = ImageDraw.Draw(image)
    pen.line((0, 90, 200, 10), fill="black", width=3)
    draw(pen)
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def test_the_comparison_of_pictures_sees_a_curve_but_not_a_shade():
    same = picture()
    assert difference(same, picture()) == 0
    assert difference(same, picture(lambda p: p.point((5, 5), (250, 250, 250)))) == 0
    assert difference(same, picture(lambda p: p.line((0, 50, 200, 50), "black"))) > 0.2


def test_every_figure_of_the_book_has_a_name_of_its_own():
    names = [described["name"] for path in NOTEBOOKS for described, _ in figures(path)]
    assert len(names) >= 12
    assert [name for name in names if names.count(name) > 1] == []
