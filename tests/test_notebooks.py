"""Every chapter as a notebook: run from top to bottom, and its pictures drawn again.

That its outputs repeat is tested by nbval, which pytest runs over `chapters/`.
"""

import io
import re

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image, ImageDraw

from chapters import NOTEBOOKS, code_cells, difference, figures, source

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


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


@every_notebook
def test_every_picture_carries_a_digest(path):
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
    assert names
    assert [name for name in names if names.count(name) > 1] == []
