"""celib.book.display: what is shown is what was imported."""

import inspect

import pytest

from celib import softmax
from celib.book import display


def test_show_source_shows_the_import_without_its_docstring(monkeypatch):
    bundles = []
    monkeypatch.setattr(display, "publish", bundles.append)
    display.show_source(softmax.logsumexp)
    (bundle,) = bundles
    code = bundle["text/plain"]
    assert code.startswith("def logsumexp(")
    assert '"""' not in code
    full = inspect.getsource(softmax.logsumexp)
    assert all(line in full.splitlines() for line in code.splitlines())
    assert "return narrow_half(result, x)" in code
    assert bundle["text/markdown"] == f"```python\n{code}\n```"


def test_comments_stay_and_no_docstring_is_no_problem(monkeypatch, capsys):
    def plain(value):
        # why it is doubled
        return 2 * value

    display.show_source(plain)
    assert "# why it is doubled" in capsys.readouterr().out


def test_source_must_exist():
    with pytest.raises(TypeError):
        display.show_source(len)
