"""A written answer as it is read on a page: its formulas drawn, its pictures shown."""

import re

from markupsafe import Markup, escape

from grader.pages.mathml import mathml
from grader.text import clean

LONGEST = 50_000
# A photo from a phone has 3 MiB, and four letters stand for three bytes.
MOST_PICTURES = 4 * 2**20
IMAGE = r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+"
PICTURE = re.compile(
    rf"!\[[^\]\n]{{0,300}}\]\(\s*({IMAGE})(?:\s[^)\n]{{0,100}})?\)"
    rf"|<img\b[^<>]{{0,300}}?\bsrc\s*=\s*[\"']({IMAGE})[\"'][^<>]{{0,300}}>"
)
# As in Jupyter: a dollar with a space behind it, or a digit behind its end, is money.
MATH = re.compile(
    r"\$\$(?P<own>[^$]{1,2000})\$\$"
    r"|\$(?!\s)(?P<inline>[^$]{1,2000}?)(?<!\s)\$(?!\d)"
    r"|\\\[(?P<square>.{1,2000}?)\\\]"
    r"|\\\((?P<round>.{1,2000}?)\\\)"
    r"|(?P<begin>\\begin\{(?:align|equation|gather)\*?\}.{1,2000}?"
    r"\\end\{(?:align|equation|gather)\*?\})",
    re.S,
)
ON_ITS_OWN = ("own", "square", "begin")


def shown(written: str) -> Markup:
    """Return an answer with its pictures and formulas, cut where no answer goes on."""
    parts, pictures = [], 0
    cut, last, room = 0, 0, LONGEST
    for match in [*PICTURE.finditer(written), None]:
        text = written[last : match.start() if match else len(written)]
        parts.append(_with_formulas(clean(text[:room])))
        cut += len(text) - len(text[:room])
        room -= len(text[:room])
        if match:
            last, address = match.end(), match[1] or match[2]
            pictures += len(address)
            parts.append(_picture(address, pictures <= MOST_PICTURES))
    if cut:
        parts.append(f"\n\n[… {cut:,} more characters: see the notebook]")
    return Markup("").join(parts)


def without_pictures(written: str) -> str:
    """Return an answer as text, cut where no answer goes on."""
    text = PICTURE.sub("[a picture]", written)
    if len(text) <= LONGEST:
        return text
    more = len(text) - LONGEST
    return f"{text[:LONGEST]}\n\n[… {more:,} more characters: see the notebook]"


def _picture(address, fits):
    if not fits:
        return (
            f"[a picture of {len(address) * 3 // 4 / 2**20:.1f} MiB: see the notebook]"
        )
    # Checked above: it holds no sign that could end the attribute.
    return Markup(f'<img src="{address}" alt="picture in the answer" loading="lazy">')


def _with_formulas(text):
    parts, last = [], 0
    for match in MATH.finditer(text):
        parts.append(escape(text[last : match.start()]))
        block = match.lastgroup in ON_ITS_OWN
        parts.append(mathml(match[match.lastgroup].strip(), block))
        last = match.end()
    return Markup("").join([*parts, escape(text[last:])])
