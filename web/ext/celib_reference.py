"""Appendix E: every public name of celib, from its docstring.

Sphinx's autodoc reads the docstrings and numpydoc lays them out. This extension
writes the list of modules and names, so that none can be forgotten, and links what a
docstring names: parts of celib, in single backticks, and chapters.
"""

import importlib
import json
import pkgutil
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.ext.autodoc.mock import mock
from sphinx.util.docutils import SphinxRole

PAGE = "chapters/appendix-e-reference"
NAMES, ENTRIES = "% every name, by module", "% every entry, by module"
SUPPORT = "% what works where"
# tests/support.py measures it, in all of these ways and some more.
TABLE = Path(__file__).resolve().parent.parent / "support.json"
COLUMNS = {
    "NumPy": "NumPy",
    "eager": "torch",
    "backward": "backward",
    "twice": "twice",
    "compile": "compile",
    "export": "export",
    "func.grad": "func.grad",
    "vmap": "vmap",
    "jvp": "jvp",
    "autocast": "autocast",
}
MARKS = {"yes": "✓", "refused": "✗", "no gradient": "\N{EN DASH}"}
# The choices of an option, whose quotation marks are to stay straight.
CHOICES = re.compile(r"(?<= : )\{.*\}")
CHAPTERS = re.compile(r"\b[Cc]hapters? \d+(?:(?:, and chapter|,| and| to) \d+)*")


def setup(app):
    """Register the extension."""
    app.add_role("quoted", Quoted())
    app.connect("source-read", write_modules)
    app.connect("autodoc-skip-member", skip_fields)
    # before numpydoc, which reads what is left
    app.connect("autodoc-process-docstring", mark_up, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def public_modules(package="celib"):
    """Import the modules that offer something, in the order of their names.

    A package of public modules stands for these; one of private modules for itself.
    """
    modules = []
    path = importlib.import_module(package).__path__
    for name in sorted(m.name for m in pkgutil.iter_modules(path) if m.name[0] != "_"):
        module = importlib.import_module(f"{package}.{name}")
        inner = public_modules(module.__name__) if hasattr(module, "__path__") else []
        modules += inner or [module]
    return modules


def write_modules(app, docname, source):
    """Fill the page with the names and the entries of all modules."""
    if docname == PAGE:
        with mock(app.config.autodoc_mock_imports):
            modules = public_modules()
        assert SUPPORT in source[0], f"{PAGE} must hold the line {SUPPORT!r}"
        source[0] = source[0].replace(SUPPORT, support_table())
        for place, write in ((NAMES, name_line), (ENTRIES, entries)):
            assert place in source[0], f"{PAGE} must hold the line {place!r}"
            source[0] = source[0].replace(place, "\n".join(map(write, modules)))


def support_table():
    """Show which function takes arrays and tensors in which way, from `TABLE`."""
    lines = [["function", *COLUMNS.values()], [":---", *[":---:"] * len(COLUMNS)]]
    for name, outcomes in json.loads(TABLE.read_text()).items():
        marks = [MARKS[outcomes[way]] for way in COLUMNS]
        lines.append([f"{{py:obj}}`{name} <celib.{name}>`", *marks])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


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


class Quoted(SphinxRole):
    """Link words in single backticks if they name a part of celib; else show code."""

    def run(self):
        """Return the link, or the code."""
        module = self.env.ref_context.get("py:module", "celib")
        offered = getattr(sys.modules.get(module), "__all__", ())
        described = self.env.temp_data.get("object") or [""]
        own = described[0].rpartition(".")[2]
        target = self.text
        if self.text in offered and self.text != own:
            target = f"~{module}.{self.text}"
        elif not self.text.startswith("celib."):
            return [nodes.literal(self.text, self.text)], []
        # a wrong one is no target, which stops the build
        link = self.env.get_domain("py").role("obj")
        return link("py:obj", self.rawtext, target, self.lineno, self.inliner)


def mark_up(app, what, name, thing, options, lines):
    """Keep the quotation marks of choices; in the words on a module, link chapters."""
    lines[:] = [CHOICES.sub(r"``\g<0>``", line) for line in lines]
    if what == "module":
        folder = Path(app.srcdir, "chapters")
        text = "\n".join(lines)
        lines[:] = CHAPTERS.sub(lambda m: chapters(m[0], folder), text).split("\n")


def chapters(words, folder):
    """Link the numbers in "chapters 6 to 8" to those that are written."""

    def link(number):
        found = [p.stem for p in folder.glob(f"{int(number[0]):02}-*.ipynb")]
        return f":doc:`{number[0]} </chapters/{found[0]}>`" if found else number[0]

    return re.sub(r"\d+", link, words)
