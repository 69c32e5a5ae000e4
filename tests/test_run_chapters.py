"""Running chapters: what depends on them runs too, and is tested if it changed."""

import notebooks
import pytest
import run_chapters
from nbformat import v4

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two chapters and an appendix that reads the first, none of them run."""
    cells = {
        "01-one": ["print(1)"],
        "02-two": ["print(2)", "1 / 1"],
        "appendix-a": ["print('1' in open('01-one.ipynb').read())"],
    }
    for name, code in cells.items():
        notebook = v4.new_notebook(cells=[v4.new_code_cell(c) for c in code])
        notebooks.write(notebook, tmp_path / f"{name}.ipynb")
    monkeypatch.setattr(notebooks, "CHAPTERS", tmp_path)
    return tmp_path


@pytest.fixture
def tested(monkeypatch):
    """The names of the notebooks whose tests would be run."""
    names = []

    def test(paths):
        names.extend(path.stem for path in paths)
        return 0

    monkeypatch.setattr(run_chapters, "test", test)
    return names


def call(monkeypatch, *names):
    monkeypatch.setattr("sys.argv", ["run_chapters.py", *names])
    return run_chapters.main()


def test_a_chapter_renews_the_appendices(folder, tested, monkeypatch, capsys):
    assert call(monkeypatch, "01") == 0
    assert tested == ["01-one", "appendix-a"]
    assert notebooks.read(folder / "01-one.ipynb").cells[0].outputs[0].text == "1\n"
    assert notebooks.read(folder / "02-two.ipynb").cells[0].outputs == []
    tested.clear()
    assert call(monkeypatch, "01") == 0
    assert tested == ["01-one"]
    assert capsys.readouterr().out.count("as before") == 2


def test_an_appendix_runs_alone(folder):
    one, two, appendix = (
        folder / f"{n}.ipynb" for n in ("01-one", "02-two", "appendix-a")
    )
    assert run_chapters.dependents([appendix]) == []
    assert run_chapters.dependents([one, two]) == [appendix]
    assert run_chapters.dependents([one, appendix]) == []


def test_a_cell_that_raises_leaves_the_file(folder, tested, monkeypatch, capsys):
    path = folder / "02-two.ipynb"
    path.write_text(path.read_text().replace("1 / 1", "1 / 0"))
    before = path.read_bytes()
    assert call(monkeypatch, "02") == 1
    assert path.read_bytes() == before
    assert "the file was left as it was" in capsys.readouterr().out
    assert tested == []


def test_an_unknown_name_is_one_sentence(folder, monkeypatch):
    with pytest.raises(SystemExit, match=r"CHAPTER must be how .* begins.* got '77'"):
        call(monkeypatch, "77")
