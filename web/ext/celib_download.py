"""The notebook that a reader downloads, and the package that it needs.

The chapters are written in MyST, which Jupyter, VS Code and Colab show raw, and run
where celib is installed. So the copies under `_sources/`, to which the button on each
page leads, are rewritten when the pages are done: plain Markdown with the numbers of
the page, and a first cell that says how to get celib. Its wheel is in `downloads/`.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from celib_book import FIGURE, PROOF, show_equation

# Read and written without a check against the schema, which would take seconds.
from nbformat.v4 import new_code_cell, new_markdown_cell, reads, writes
from pybtex.backends.markdown import Backend
from sphinx.errors import ExtensionError

ROLE = re.compile(r"\{(term|eq|numref|cite:p|cite:t)\}`([^`]+)`")
LABEL = re.compile(r"\n( *)\$\$ \((eq-[\w-]+)\) *$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\(([\w./-]+\.(?:ipynb|md))(#[^)]*)?\)")
BOX = re.compile(r"^:{3,}\{(\w+)\} *(.*)\n(?::\w+:.*\n)*\n*", re.MULTILINE)
END_OF_BOX = re.compile(r"^:{3,} *$\n?", re.MULTILINE)
IMPORT = re.compile(r"^\s*(?:import|from) +(\w+)(?:\.\w+)*(?: as | +import |$)", re.M)
# What celib's pages are made with, and the one name that differs on PyPI.
BOOK_NEEDS = {"matplotlib", "sympy"}
ON_PYPI = {"sklearn": "scikit-learn"}
# What only a copy of the book's source has: its measurements, its other chapters.
IN_SOURCE = re.compile(r'"benchmarks"|\.\./benchmarks|ledger\("\."\)|Path\("\."\)')
BUILD_WHEEL = """
import sys
from setuptools import build_meta
build_meta.build_wheel(sys.argv[1])
"""
FIRST_CELL = """\
# This notebook runs on celib, the package of its book. To install what it needs:
# {install}
# {where}
# Not `pip install celib`: on PyPI that is another project.{source}
from importlib.util import find_spec

if not find_spec("celib"):
    raise ImportError("celib, the package of this book, must be installed: see above")
if not find_spec("celib.book"):
    raise ImportError(
        "The package celib that is installed is another project of the same name: "
        "run %pip uninstall -y celib, then the line above, and restart the kernel"
    )"""


def setup(app):
    """Register the extension."""
    app.connect("build-finished", write_downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_downloads(app, error):
    """Put the wheel beside the pages, and the readers' notebooks in place."""
    if error or app.builder.format != "html":
        return
    site = Path(app.outdir)
    wheel = build_wheel(Path(app.srcdir), site / "downloads")
    for docname in sorted(app.env.found_docs):
        path = Path(app.env.doc2path(docname))
        if path.suffix == ".ipynb":
            notebook = reads(path.read_text(encoding="utf-8"))
            rewrite(notebook, Page(app, docname), wheel)
            copy = site / "_sources" / f"{docname}.ipynb"
            copy.write_text(writes(notebook) + "\n", encoding="utf-8")


def build_wheel(root, folder):
    """Build celib's wheel into `folder`, from a copy: setuptools leaves its traces."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as copy:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(root / name, copy)
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / "celib", Path(copy, "celib"), ignore=leave)
        done = subprocess.run(
            [sys.executable, "-c", BUILD_WHEEL, str(folder.resolve())],
            cwd=copy,
            # one date for all files, so that the same source gives the same wheel
            env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"},
            capture_output=True,
            encoding="utf-8",
        )
    if done.returncode:
        raise ExtensionError(f"celib's wheel was not built:\n{done.stderr}")
    (wheel,) = folder.glob("*.whl")
    return wheel.name


class Page:
    """What the built page knows: its numbers, its sources, where it is published."""

    def __init__(self, app, docname):
        self.env, self.builder, self.docname = app.env, app.builder, docname
        self.site = app.config.html_baseurl.rstrip("/")
        self.repository = app.config.html_theme_options.get("repository_url", "")
        self.cited = {}

    def link(self, words, docname, anchor=""):
        """Lead to a page if its address is known; else leave the words alone."""
        address = f"{self.site}/{docname}.html{anchor and '#' + anchor}"
        return f"[{words}]({address})" if self.site else words

    def number(self, kind, docname, anchor):
        """Return a number as the page shows it, such as 3.2."""
        return ".".join(map(str, self.env.toc_fignumbers[docname][kind][anchor]))

    def term(self, target):
        """Return a term of the glossary, as `words <term>` or the term alone."""
        words, _, term = target.rstrip(">").rpartition("<")
        docname, anchor = self.env.domaindata["std"]["terms"][term.lower()]
        return self.link(words.strip() or term, docname, anchor)

    def equation(self, label):
        """Return an equation's number in parentheses."""
        docname, _ = self.env.domaindata["math"]["objects"][label]
        anchor = f"equation-{label}"
        number = self.number("displaymath", docname, anchor)
        return self.link(f"({number})", docname, anchor)

    def figure(self, name):
        """Return Figure and its number."""
        docname, anchor = self.env.domaindata["std"]["anonlabels"][name]
        number = self.number("figure", docname, anchor)
        return self.link(f"Figure {number}", docname, anchor)

    def citation(self, role, keys):
        """Return authors and year, and note the source for the notebook's end."""
        domain = self.env.get_domain("cite")
        for citation in domain.citations:
            if citation.key in keys.split(","):
                self.cited[citation.key] = citation
        kind = role.removeprefix("cite:")
        found = domain.resolve_xref(
            self.env, self.docname, self.builder, kind, keys, None, None
        )
        return found.astext()

    def role(self, match):
        """Return what a role says on the page."""
        role, target = match.groups()
        if role == "term":
            return self.term(target)
        if role == "eq":
            return self.equation(target)
        if role == "numref":
            return self.figure(target)
        return self.citation(role, target)

    def tag(self, match):
        """Replace the label of an equation by its number."""
        indent, label = match.groups()
        number = self.number("displaymath", self.docname, f"equation-{label}")
        return f" \\tag{{{number}}}\n{indent}$$"

    def file(self, match):
        """Lead to a page of the site, or to a notebook that may lie beside this one."""
        words, file, anchor = match.groups(default="")
        if self.site:
            docname = os.path.normpath(
                f"{self.docname}/../{Path(file).with_suffix('')}"
            )
            return self.link(words, docname, anchor[1:])
        return match[0] if file.endswith(".ipynb") else words

    def plain(self, text):
        """Turn MyST into Markdown that any viewer shows."""
        text = LABEL.sub(self.tag, text)
        text = ROLE.sub(self.role, text)
        text = LINK.sub(self.file, text)
        text = BOX.sub(title_of_box, text)
        return END_OF_BOX.sub("", text)


def title_of_box(match):
    """Replace the opening of a box by its title, or by its kind if it has none."""
    kind, title = match.groups()
    if kind == "container":
        return ""
    return f"**{title or kind.capitalize()}**\n\n"


def rewrite(notebook, page, wheel):
    """Turn a chapter into the notebook that a reader downloads."""
    install = first_cell(notebook.cells, page, wheel)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and install:
            cells.append(install)
            install = None
        cells += [cell, *rewrite_cell(cell, page)]
    if page.cited:
        cells.append(new_markdown_cell(list_of_sources(page.cited), id="sources"))
    number_title(cells[0], page)
    notebook.cells = cells


def rewrite_cell(cell, page):
    """Make a cell plain; yield the caption that belongs below it."""
    if cell.cell_type == "markdown":
        cell.source = page.plain(cell.source)
        return
    for output in cell.outputs:
        data = output.get("data", {})
        if PROOF in data:
            show_equation(cell, data)
        if "text/markdown" in data:
            data["text/markdown"] = page.plain(data["text/markdown"])
        if figure := data.get(FIGURE):
            title = page.figure(figure["name"])
            caption = page.plain(figure["caption"])
            yield new_markdown_cell(f"**{title}.** {caption}", id=figure["name"])
    fold(cell)


def fold(cell):
    """Fold what the page folds: plumbing, answers to predictions, solutions."""
    tags = set(cell.metadata.get("tags", []))
    folded = cell.metadata.setdefault("jupyter", {})
    if tags & {"hide-input", "solution"}:
        folded["source_hidden"] = True
    if tags & {"hide-output", "solution"}:
        folded["outputs_hidden"] = True


def number_title(cell, page):
    """Give the title the chapter's number, by which the text refers to it."""
    number = page.env.toc_secnumbers.get(page.docname, {}).get("")
    if number:
        cell.source = cell.source.replace("# ", f"# {number[0]}. ", 1)


def list_of_sources(cited):
    """List what a notebook cites, as in the book's bibliography."""
    ordered = sorted(cited.values(), key=lambda citation: citation.key)
    lines = ["## Sources\n"]
    for citation in ordered:
        entry = citation.formatted_entry.text.render(Backend())
        lines.append(f"- {' '.join(entry.split())}")
    return "\n".join(lines)


def first_cell(cells, page, wheel):
    """Say in one line how to get celib, and make sure that it is this book's."""
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    needs = packages(code)
    if page.site:
        file = f"{page.site}/downloads/{wheel}"
        where = f"The book is at {page.site}/"
    elif page.repository:
        file = f"git+{page.repository}"
        where = f"The book's source is at {page.repository}"
    else:
        file = wheel
        where = (
            "That file is in the folder downloads/ of the book's site: put it beside "
            "this notebook."
        )
    source = ""
    if IN_SOURCE.search(code):
        source = (
            "\n# Some cells read measurements or other chapters: they run only in the "
            "folder\n# chapters/ of a copy of the book's source."
        )
    text = FIRST_CELL.format(
        install=" ".join(["%pip install", file, *needs]),
        where=where,
        source=source,
    )
    return new_code_cell(text, id="install")


def packages(code):
    """List what pip has to install, besides celib, for `code` to run."""
    modules = set(IMPORT.findall(code))
    if "celib.book" in code:
        modules |= BOOK_NEEDS
    modules -= {"celib", *sys.stdlib_module_names}
    return sorted(ON_PYPI.get(name, name) for name in modules)
