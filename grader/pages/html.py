"""Fills in the templates, so that a text is shown as text whoever wrote it."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader.pages import words, written
from grader.text import clean


def fill(template: str, **values) -> str:
    """Return a page; all `values` are cleaned and escaped, but what is Markup."""
    return ENVIRONMENT.get_template(template).render(values)


def _cleaned(value):
    return value if isinstance(value, Markup) else clean(value)


ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
    autoescape=True,
    finalize=_cleaned,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
ENVIRONMENT.filters |= {
    "anchor": words.anchor,
    "answer": written.shown,
    "number": words.number,
    "plain": written.without_pictures,
    "points": words.points,
}
ENVIRONMENT.globals["heading"] = words.heading
