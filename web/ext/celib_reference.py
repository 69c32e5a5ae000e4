"""Appendix E: every public name of celib, from its docstring.

Sphinx's autodoc reads the docstrings and numpydoc lays them out. This extension
writes the list of modules and names, so that none can be forgotten, and turns the
single backticks of a docstring into links, or code.
"""

import importlib
import pkgutil
import re
from pathlib import Path

from sphinx.ext.autodoc.mock import mock

PAGE = "chapters/appendix-e-reference"
NAMES, ENTRIES = "% every name, by module", "% every entry, by module"
# A role or a literal, to be left alone, or words in single backticks.
QUOTED = re.compile(r":[\w:]+:`[^`]*`|``.*?``|`([^`<>]+)`")
# The choices of an option, whose quotation marks are to stay straight.
CHOICES = re.compile(r"(?<= : )\{.*\}")
CHAPTERS = re.compile(r"\b[Cc]hapters? \d+(?:(?:, and chapter|,| and| to) \d+)*")


def setup(app):
    """Register the extension."""
    app.connect("source-read", write_modules)
    app.connect("autodoc-skip-member", skip_fields)
    # before numpydoc, which reads what is left
    app.connect("autodoc-process-docstring", link_names, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def public_modules(absent):
    """Import every public module of celib, but not the libraries to do without."""
    package = importlib.import_module("celib")
    names = {m.name for m in pkgutil.iter_modules(package.__path__)} - {"book"}
    pages = pkgutil.iter_modules([f"{package.__path__[0]}/book"], "book.")
    names = sorted(names.union(m.name for m in pages))
    with mock(absent):
        return [importlib.import_module(f"celib.{n}") for n in names if n[0] != "_"]


def write_modules(app, docname, source):
    """Fill the page with the names and the entries of all modules."""
    if docname == PAGE:
        modules = public_modules(app.config.autodoc_mock_imports)
        for place, write in ((NAMES, name_line), (ENTRIES, entries)):
            assert place in source[0], f"{PAGE} must hold the line {place!r}"
            source[0] = source[0].replace(place, "\n".join(map(write, modules)))


def name_line(module):
    """List a module's names, each a link to its entry."""
    own = module.__name__
    links = [f"{{py:obj}}`{name} <{own}.{name}>`" for name in module.__all__]
    # the space before a dot does not break, so that no line begins with one
    return f"[{own}](#{anchor(module)})\n: " + "\u00a0· ".join(links) + "\n"


def entries(module):
    """Write a module's section: autodoc documents what `__all__` lists."""
    return (
        f"({anchor(module)})=\n## {module.__name__}\n\n```{{eval-rst}}\n"
        f".. automodule:: {module.__name__}\n   :members:\n```\n"
    )


def anchor(module):
    """Name the place of a module's section."""
    return module.__name__.replace(".", "-")


def skip_fields(app, what, name, member, skip, options):
    """Leave out what a class stores: its docstring says so already."""
    return True if what == "class" and not isinstance(member, property) else None


def link_names(app, what, name, thing, options, lines):
    """Turn backticks into links to celib's names, or into code; link chapters."""
    owner = thing if what == "module" else importlib.import_module(module_of(name))
    own = name.rpartition(".")[2]
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>> ", "... ")):
            lines[i] = QUOTED.sub(lambda m: reference(m, owner, own), line)
            lines[i] = CHOICES.sub(r"``\g<0>``", lines[i])
    if what == "module":
        folder = Path(app.srcdir, "chapters")
        text = "\n".join(lines)
        lines[:] = CHAPTERS.sub(lambda m: chapters(m[0], folder), text).split("\n")


def module_of(name):
    """Return the public module in which autodoc found `name`."""
    return ".".join(name.split(".")[: 3 if name.startswith("celib.book.") else 2])


def reference(quoted, owner, own):
    """Write a role that links to the quoted words if they name a part of celib."""
    words = quoted[1]
    if words is None:
        return quoted[0]
    if words != own and words in owner.__all__:
        return f":py:obj:`~{owner.__name__}.{words}`"
    # a wrong one is no target, which stops the build
    return f":py:obj:`{words}`" if words.startswith("celib.") else f"``{words}``"


def chapters(words, folder):
    """Link the numbers in "chapters 6 to 8" to those that are written."""

    def link(number):
        found = [p.stem for p in folder.glob(f"{int(number[0]):02}-*.ipynb")]
        return f":doc:`{number[0]} </chapters/{found[0]}>`" if found else number[0]

    return re.sub(r"\d+", link, words)
