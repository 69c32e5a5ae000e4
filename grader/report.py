"""The instructor's page: how the class did, and what it found hard."""

import io
import math
import re
from collections import Counter
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from grader import feedback, pages
from grader.feedback import NOT_RUN
from grader.marking import MEANING
from grader.pages import escape, number, points

ENOUGH = 10
UNKNOWN = "n/a"
WALLS = (
    "At least one notebook was marked without a sandbox. Its code could reach this "
    "machine and what is on it, other submissions and grades among them: don't rely on "
    "these points."
)
MEANINGS = {
    "ok": "marked without an accident",
    **{status: f"a cell or a call {meaning}" for status, meaning in MEANING.items()},
    "UNREADABLE": "the file is no notebook that can be marked",
    "MISSING": "nothing was handed in",
}
# Stand-ins that matplotlib draws with; the page's own colours take their place.
INK, BARS, GRID = "#010203", "#040506", "#070809"
COLOURS = {INK: "currentColor", BARS: "var(--blue)", GRID: "var(--line)"}
# The same picture each time, with text that stays text, legible on a phone.
DRAWING = {"svg.fonttype": "none", "svg.hashsalt": "grader", "font.size": 12.5}
STYLE = """
figure { margin: 1rem 0; max-width: 29rem; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { color: var(--soft); font-size: .95rem; }
.bar { background: var(--line); height: .4rem; min-width: 4rem; margin-top: .55rem; }
.bar span { background: var(--blue); height: 100%; display: block; }
"""


def page(results, task, written=None) -> str:
    """Return the report on all submissions of an assignment.

    Parameters
    ----------
    results : iterable of Result
    task : Assignment
    written : dict, optional
        Student → question → (points, comment), of those marked by hand so far.
    """
    ordered = sorted(results, key=lambda result: result.student)
    ran = [result for result in ordered if result.status not in NOT_RUN]
    questions = _questions(ran, task, written or {})
    count = _counted(len(ordered), "submission")
    parts = [pages.head(task, f"Class report: {count}")]
    if not all(result.walled for result in ordered):
        parts.append(pages.note([WALLS], "warn"))
    parts += [_statuses(ordered), _accidents(ordered)]
    if ran:
        with mpl.rc_context():
            # Whatever style this process has, the report looks the same.
            mpl.rcdefaults()
            mpl.rcParams.update(DRAWING)
            parts += [_distribution(ran, task), _difficulty(questions)]
        parts.append(_table(questions, len(ran)))
        parts += [_checks(ran, task, question) for question in task.questions]
    else:
        parts.append("<p>No notebook could be marked, so there is nothing to draw.</p>")
    title = f"Class report, {task.name}: {task.title}"
    about = f"How the class did in {task.name}: points, questions and checks."
    return pages.page(title, "\n".join(filter(None, parts)), about, STYLE)


def _counted(count, thing):
    return f"{count} {thing}{'' if count == 1 else 's'}"


# ---- who had an accident


def _statuses(results):
    counts = Counter(result.status for result in results)
    rows = [
        [f"<code>{status}</code>", escape(meaning), str(counts[status])]
        for status, meaning in MEANINGS.items()
        if counts[status]
    ]
    caption = "How marking went"
    return "<h2>Status</h2>" + pages.table(
        caption, ["Status", "Meaning", "#Count"], rows
    )


def _accidents(results):
    """Return who is not ok or left cells that raised, and what happened."""
    odd = [result for result in results if result.status != "ok" or result.notes]
    if not odd:
        return "<p>Nothing went wrong in any notebook.</p>"
    rows = [
        [escape(result.student), f"<code>{result.status}</code>", _happened(result)]
        for result in odd
    ]
    caption = "Not ok, or with cells that raised"
    return pages.table(caption, ["Student", "Status", "What happened"], rows)


def _happened(result):
    return "<br>".join(escape(line) for line in feedback.happened(result))


# ---- numbers


@dataclass
class Question:
    """One question's figures over all who have points in it."""

    name: str
    title: str
    points: float
    scores: np.ndarray
    discrimination: float | None

    @property
    def share(self) -> float | None:
        """The mean share of its points, None if there is none to take."""
        if not len(self.scores) or not self.points:
            return None
        return float(self.scores.mean() / self.points)


def _questions(results, task, written):
    """Return the figures of each question, coded ones first."""
    totals = np.array([result.total for result in results])
    found = []
    for name, about in task.questions.items():
        scores = np.array([result.scores.get(name, 0.0) for result in results])
        rest = correlation(scores, totals - scores)
        title = pages.heading(task, name)
        found.append(Question(name, title, about.points, scores, rest))
    for name, about in task.written.items():
        marks = [written.get(result.student, {}).get(name) for result in results]
        there = [mark is not None for mark in marks]
        scores = np.array([mark[0] for mark in marks if mark is not None])
        rest = correlation(scores, totals[there] if len(totals) else totals)
        title = pages.heading(task, name)
        found.append(Question(name, title, about["points"], scores, rest))
    return found


def correlation(scores, rest) -> float | None:
    """Return how a question goes with the rest; None where that says nothing.

    That is so for fewer than ten students, or when all have the same points.
    """
    if len(scores) < ENOUGH or np.ptp(scores) < 1e-9 or np.ptp(rest) < 1e-9:
        return None
    return float(np.corrcoef(scores, rest)[0, 1])


# ---- pictures


def _distribution(results, task):
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
        f"{_counted(len(totals), 'notebook')} marked: mean {number(totals.mean())}, "
        f"median {number(np.median(totals))}, from {number(totals.min())} to "
        f"{number(totals.max())} points. What could not be read is left out."
    )
    return _drawn(figure, "Points", f"Histogram of the points: {told}.", caption)


def _difficulty(questions):
    known = [question for question in questions if question.share is not None]
    if not known:
        return ""
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
    """Return a heading and the figure, an SVG in the page's own colours."""
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
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(told)}" ', 1)
    return (
        f"<h2>{title}</h2>\n<figure>{svg}<figcaption>{escape(caption)}</figcaption>"
        "</figure>"
    )


# ---- tables


def _table(questions, count):
    columns = ["Question", "#Points", "#Marked", "#Mean", "#Share", "#Full", "#None"]
    rows = [[escape(question.title), *_figures(question)] for question in questions]
    table = pages.table("Points", [*columns, "#Discrimination"], rows)
    about = (
        "Marked counts the students, Full and None those with all and with none of the "
        "points. "
    )
    if count < ENOUGH:
        about += f"Discrimination is shown from {ENOUGH} marked notebooks on."
    else:
        about += (
            "Discrimination is the correlation of a question's points with the points "
            "for the rest of the code. Near 0, or below, the question tells you little "
            "about a student, or measures something else."
        )
    return f'<h2>Questions</h2>{table}<p class="soft">{about}</p>'


def _figures(question):
    """Return the cells of a question's row, behind its title."""
    scores, of = question.scores, question.points
    if question.share is None:
        return [number(of), str(len(scores)), *[UNKNOWN] * 5]
    rest = question.discrimination
    return [
        number(of),
        str(len(scores)),
        number(scores.mean()),
        f"{100 * question.share:.0f} %",
        str(int((scores >= of - 1e-9).sum())),
        str(int((scores <= 1e-9).sum())),
        UNKNOWN if rest is None else f"{rest:.2f}",
    ]


def _checks(results, task, question):
    """Return a question's checks, the one that fails most named above them."""
    found: dict = {}
    for result in results:
        for check in result.checks.get(question, []):
            found.setdefault(check["name"], []).append(check)
    if not found:
        return ""
    failing = {
        name: sum(not feedback.passed(check) for check in checks)
        for name, checks in found.items()
    }
    title = escape(pages.heading(task, question))
    worst = max(failing, key=failing.get)
    line = "Everyone passed every check."
    if failing[worst]:
        line = f"{worst} fails most, for {failing[worst]} of {len(found[worst])}: "
        line += f"“{_hint(found[worst])}”"
    rows = [_check_row(name, found[name], failing[name]) for name in found]
    columns = ["Check", "#Points", "#Passed", "Share", "Hint when it fails"]
    table = pages.table(f"Checks of {pages.heading(task, question)}", columns, rows)
    return f"<h3>{title}</h3><p>{escape(line)}</p>{table}"


def _check_row(name, checks, failing):
    share = 100 * (len(checks) - failing) / len(checks)
    return [
        escape(name),
        points(checks[0]["possible"]).partition(" ")[0],
        f"{share:.0f} %",
        f'<div class="bar" aria-hidden="true"><span style="width:{share:.0f}%">'
        "</span></div>",
        escape(_hint(checks)),
    ]


def _hint(checks):
    """Return the hint that came with a failure, if there was one."""
    return next((check["hint"] for check in checks if check["hint"]), "")
