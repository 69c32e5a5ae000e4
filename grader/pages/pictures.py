"""The report's two pictures: how points are spread, and how hard each question was."""

import io
import math
import re
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from grader.pages.words import counted, number
from grader.text import clean

# Stand-ins that matplotlib draws with; the page's own colours take their place.
INK, BARS, GRID = "#010203", "#040506", "#070809"
COLOURS = {INK: "currentColor", BARS: "var(--blue)", GRID: "var(--line)"}
# The same picture each time, with text that stays text, legible on a phone.
DRAWING = {"svg.fonttype": "none", "svg.hashsalt": "grader", "font.size": 12.5}


@dataclass
class Picture:
    """A picture with the heading above it and the caption below."""

    title: str
    svg: Markup
    caption: str


def draw(results, task, questions) -> list[Picture]:
    """Return the pictures, which look the same whatever style this process has."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(DRAWING)
        pictures = [distribution(results, task)]
        known = [question for question in questions if question.share is not None]
        if known:
            pictures.append(difficulty(known))
        return pictures


def distribution(results, task) -> Picture:
    """Draw how the points for the code are spread."""
    totals = np.array([result.total for result in results])
    width = max(1, math.ceil(task.points / 10))
    edges = width * np.arange(max(1, math.ceil(task.points / width)) + 1)
    counts, _ = np.histogram(totals, edges)
    figure, ax = _axes(2.6)
    ax.hist(totals, edges, color=BARS, rwidth=0.92)
    ax.set_xticks(edges)
    ax.margins(x=0.02)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(axis="y", color=GRID)
    ax.set_xlabel(f"points for the code, out of {number(task.points)}")
    ax.set_ylabel("students")
    told = ", ".join(
        f"{count} from {low} to {high}"
        for count, low, high in zip(counts, edges, edges[1:], strict=False)
    )
    caption = (
        f"{counted(len(totals), 'notebook')} marked: mean {number(totals.mean())}, "
        f"median {number(np.median(totals))}, from {number(totals.min())} to "
        f"{number(totals.max())} points. What could not be read is left out."
    )
    return _drawn(figure, "Points", f"Histogram of the points: {told}.", caption)


def difficulty(known) -> Picture:
    """Draw the mean share of the points of each question that has one."""
    names = [question.title.partition(":")[0] for question in known]
    shares = [100 * question.share for question in known]
    figure, ax = _axes(0.75 + 0.36 * len(known))
    bars = ax.barh(range(len(known)), shares, 0.6, color=BARS)
    labels = [f"{share:.0f} %" for share in shares]
    ax.bar_label(bars, labels, padding=4, color=INK)
    ax.set_yticks(range(len(known)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, 112)
    ax.set_xticks([0, 25, 50, 75, 100])
    ax.grid(axis="x", color=GRID)
    ax.set_xlabel("mean share of the points, in per cent")
    told = ", ".join(
        f"{name} {label}" for name, label in zip(names, labels, strict=True)
    )
    hardest = min(known, key=lambda question: question.share)
    caption = (
        f"Hardest: {hardest.title}, with {100 * hardest.share:.0f} % of its points."
    )
    return _drawn(figure, "Difficulty", f"Bars, a question each: {told}.", caption)


def _axes(height):
    """Return a figure in the stand-in colours, and its axes."""
    figure = Figure(figsize=(4.8, height), layout="constrained")
    figure.patch.set_alpha(0)
    ax = figure.subplots()
    ax.patch.set_alpha(0)
    ax.set_axisbelow(True)
    ax.tick_params(colors=INK, length=0)
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID)
    return figure, ax


def _drawn(figure, title, told, caption):
    """Return the picture, an SVG in the page's own colours."""
    out = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(out, format="svg", metadata=nothing)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    for stand_in, colour in COLOURS.items():
        svg = svg.replace(stand_in, colour)
    # Two pictures on one page must not use the same identifiers.
    own = title.lower()
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{own}-", svg)
    label = escape(clean(told))
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return Picture(title, Markup(svg), caption)
