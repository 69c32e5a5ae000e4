"""Appendix E: every public name of celib, found, documented and with an example."""

import doctest
import importlib
import pkgutil

import pages as check
import pytest

import celib


def modules(package):
    """Yield what users import from: of a package its public modules, if it has any."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not found.name.rpartition(".")[2].startswith("_"):
            module = importlib.import_module(found.name)
            inner = list(modules(module)) if found.ispkg else []
            yield from inner or [found.name]


MODULES = sorted(modules(celib))


@pytest.fixture(scope="module")
def page(site):
    return check.read(site / "chapters" / "appendix-e-reference.html")


@pytest.fixture(scope="module")
def index(site):
    return check.read(site / "genindex.html")


def public(module):
    """The full names of what a module offers."""
    return [f"{module}.{name}" for name in importlib.import_module(module).__all__]


def entry(page, name):
    """What the page says about a name."""
    place = page.find("dt", id=name)
    return place and place.find_next_sibling("dd")


def shortcomings(page, names):
    """Names without an entry, a sentence or an example."""
    found = {name: entry(page, name) for name in names}
    checks = {
        "entry": lambda dd: dd,
        "sentence": lambda dd: dd.p and len(dd.p.get_text().split()) >= 3,
        "example": lambda dd: ">>> " in "".join(p.text for p in dd.find_all("pre")),
    }
    return [
        f"{name} has no {what}"
        for name, dd in found.items()
        for what in [next((w for w, has in checks.items() if not (dd and has(dd))), "")]
        if what
    ]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_entry_with_an_example(module, page):
    assert shortcomings(page, public(module)) == []


def test_what_is_missing_is_found(page):
    assert shortcomings(page, ["celib.softmax.hardmax"]) == [
        "celib.softmax.hardmax has no entry"
    ]
    bare = '<dl><dt id="a"></dt><dd>{}</dd></dl>'
    for text, missing in (
        ("<p></p>", "sentence"),
        ("<p>It does it.</p><pre>1 + 1</pre>", "example"),
    ):
        soup = check.BeautifulSoup(bare.format(text), "html.parser")
        assert shortcomings(soup, ["a"]) == [f"a has no {missing}"]


@pytest.mark.parametrize("module", MODULES)
def test_the_list_of_names_and_the_index_lead_to_the_entries(module, page, index):
    listed = {a["href"] for a in page.select("#every-name a")}
    indexed = {a["href"] for a in index.select(".indextable a")}
    for name in public(module):
        assert f"#{name}" in listed
        assert f"chapters/appendix-e-reference.html#{name}" in indexed


def test_nothing_private_is_listed(page):
    entries = {dt["id"] for dt in page.select("dl.py > dt[id]")}
    offered = {name for module in MODULES for name in public(module)}
    extra = {name for name in entries if name.rpartition(".")[0] not in offered}
    assert extra == offered


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run_as_they_are_shown(module, page):
    """Also where no docstring holds them, and after all that was done to them."""
    for name in public(module):
        shown = "\n".join(p.text for p in entry(page, name).select(".doctest pre"))
        scope = dict(vars(importlib.import_module(module)))
        test = doctest.DocTestParser().get_doctest(shown, scope, name, None, None)
        assert test.examples
        # the page does not show the comment that asks for dots to stand for more
        flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        runner = doctest.DocTestRunner(optionflags=flags)
        assert runner.run(test).failed == 0, name


def test_no_backtick_is_left(page):
    text = [t for t in page.select_one("article").find_all(string=True) if "`" in t]
    assert text == []
