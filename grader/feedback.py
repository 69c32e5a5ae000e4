"""A page for each student: points, hints, and what went wrong with the code."""

import re
from collections import Counter
from itertools import dropwhile, takewhile

from grader import pages
from grader.marking import MEANING
from grader.pages import escape, points
from grader.session import LOSSES_A_NAME

LONGEST = 600
# The statuses of those whose code never ran.
NOT_RUN = ("UNREADABLE", "MISSING")
WALLS = (
    "This notebook was marked without a sandbox. Its code could reach the marking "
    "machine, so the points count only once your instructor has confirmed them."
)
HIDDEN = (
    "Hidden checks call your functions with other inputs, which stay secret. When one "
    "fails, its hint says what to try."
)
RAISED = re.compile(r"Cell (\d+) raised (.*)", re.S)
EXCEPTION = re.compile(r"(?P<home>(?:\w+\.)*)(?P<kind>\w+)(?:: ?(?P<text>.*))?", re.S)
PATH = re.compile(r"(?<![\w/.])/(?:[\w.@+~-]+/)+[\w.@+~-]*")
STYLE = """
.checks { list-style: none; padding: 0; margin: 0; }
.checks li { border-top: 1px solid var(--line); padding: .5rem 0 .5rem 1.6rem; }
.checks p { margin: .2rem 0; }
.mark { width: 1.1rem; margin-left: -1.6rem; font-weight: bold; }
.passed .mark { color: var(--green); }
.failed .mark { color: var(--red); }
.comment { white-space: pre-line; }
"""


def page(result, task, written=None) -> str:
    """Return a student's page, which holds nothing of the hidden tests but hints.

    Parameters
    ----------
    result : Result
    task : Assignment
    written : dict, optional
        Question → (points, comment), of those marked by hand so far.
    """
    marked = written or {}
    parts = [pages.head(task, result.student), _total(result, task, marked)]
    if not result.walled:
        parts.append(pages.note([escape(WALLS)], "warn"))
    if told := troubles(result, task):
        parts.append(pages.note([escape(line) for line in told], "warn"))
    if result.status not in NOT_RUN:
        parts.append(f'<p class="soft">{escape(HIDDEN)}</p>')
        parts += [_question(result, task, name) for name in task.questions]
    parts += [
        _by_hand(task, name, marked.get(name))
        for name in task.written
        if name in marked or result.status not in NOT_RUN
    ]
    if task.written and result.status not in NOT_RUN:
        parts.append(_answer(result))
    title = f"{result.student}, {task.name}: {task.title}"
    about = f"Points and hints for {result.student}, {task.name}."
    return pages.page(title, "\n".join(parts), about, STYLE)


# ---- words that other outputs use too


def passed(check: dict) -> bool:
    """Tell whether a check passed, also one that gives no points."""
    return check["earned"] >= check["possible"] and not check["message"]


def troubles(result, task) -> list[str]:
    """Return what went wrong, and what to do about it, in plain words."""
    if result.status in NOT_RUN:
        return _not_run(result, task)
    kinds = {_told(text)[0] for text in result.notes}
    about = _explained(task.limits)
    return happened(result) + [about[kind] for kind in about if kind in kinds]


def happened(result) -> list[str]:
    """Return what went wrong, each thing once."""
    told = []
    for text, times in Counter(result.notes).items():
        often = f" ({times} times)" if times > 1 else ""
        told.append(f"{_told(text)[1]}{often}.")
    return told


def _not_run(result, task):
    """Return what to do when there is no notebook that can be read."""
    problem = "".join(result.notes).removeprefix("The file: ").rstrip(".")
    problem = _cut(PATH.sub("…", problem))
    name = f"{task.name}.ipynb"
    if result.status == "MISSING":
        return [
            f"There is no notebook of yours to mark: {problem}.",
            "If you did hand it in, tell your instructor when and where.",
        ]
    return [
        f"Your file could not be read as a notebook: {problem}.",
        f"Open your {name} in Jupyter, choose “Restart and run all”, and save it.",
        f"Hand in {name} itself: no PDF, no zip archive, no shortcut to it.",
        "Then download what you handed in and open it once, to be sure.",
        "If it opens for you, tell your instructor: your work may not be lost.",
    ]


def _told(text):
    """Return the kind of a note, and the note without its full stop."""
    if match := RAISED.fullmatch(text):
        return "raised", _cut(f"Code cell {match[1]} raised {match[2]}").rstrip(".")
    for status, meaning in MEANING.items():
        if text.endswith(f": {meaning}."):
            place = text.removesuffix(f": {meaning}.")
            return status, f"{place.replace('cell', 'Code cell')} {meaning}"
    return "", _cut(text).rstrip(".")


def _explained(limits):
    """Return the kind of a note → what you may use, and what to do about it."""
    stopped = f"After {LOSSES_A_NAME} such failures a function is not called again."
    return {
        "TIMEOUT": (
            f"A cell may take {limits.cell_s:g} seconds, a call by a check "
            f"{limits.call_s:g}, and the whole notebook {limits.total_s:g}. Look for "
            f"loops that don't end and for loops over single numbers. {stopped}"
        ),
        "DIED": (
            f"A notebook may use {limits.memory_mib:g} MiB of memory, and it must not "
            f"end its own process. {stopped}"
        ),
        "FLOOD": f"Look at the shape and the size of what you return. {stopped}",
        "PROTOCOL": f"Return plain numbers, arrays, tuples or lists. {stopped}",
        "raised": (
            "Only code cells that hold something are counted. What such a cell would "
            "have defined after the line that failed is missing. Choose “Restart and "
            "run all” before you hand in."
        ),
    }


def said(check: dict) -> str:
    """Return what went wrong first in a public check: its text, no path, no trace.

    Of a hidden check, which runs on inputs that are kept secret, nothing is said.
    """
    if check["hidden"] or passed(check):
        return ""
    block = _first_failure(check["message"])
    if block and block[0] == "Exception raised:":
        text = _exception(block)
    else:
        text = "\n".join(line.removeprefix("    ") for line in block)
    return _cut(PATH.sub("…", text.strip()))


def _cut(text):
    text = pages.clean(text).strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _first_failure(message):
    """Return the first failure's lines, less the line that failed.

    A check goes on after a failure, and what fails later only follows from the first.
    """
    _, _, rest = message.partition("Failed example:\n")
    ends = ("Trying:", "*" * 20)
    block = takewhile(lambda line: not line.startswith(ends), rest.split("\n"))
    return list(dropwhile(lambda line: line[:1] in ("", " "), block))


def _exception(block):
    """Return the exception's own lines, less the trace above them."""
    starts = [n for n, line in enumerate(block) if line.startswith("    Traceback (")]
    after = block[starts[-1] + 1 :] if starts else []
    lines = list(dropwhile(lambda line: not re.match(r" {4}\S", line), after))
    match = EXCEPTION.fullmatch("\n".join(line.removeprefix("    ") for line in lines))
    if match is None:
        return ""
    text = match["text"] or ""
    if match["kind"] == "AssertionError":
        return text
    # The marker's own exceptions carry all they have to say in their text.
    if match["home"].startswith("grader."):
        return text
    return f"{match['kind']}: {text}" if text else match["kind"]


# ---- parts of the page


def _total(result, task, marked):
    by_hand = sum(score for score, _ in marked.values())
    missing = [name for name in task.written if name not in marked]
    missing = [] if result.status in NOT_RUN else missing
    got, of = result.total + by_hand, task.points
    of += sum(task.written[name]["points"] for name in task.written if name in marked)
    text = f'<p class="total"><strong>{pages.number(got)}</strong> of {points(of)}</p>'
    if marked:
        text += (
            f'<p class="soft">Code: {pages.number(result.total)} of '
            f"{pages.number(task.points)}. By hand: {pages.number(by_hand)}.</p>"
        )
    for name in missing:
        worth = points(task.written[name]["points"])
        title = pages.heading(task, name)
        line = f"{title} ({worth}) is marked by hand later."
        text += f'<p class="soft">{escape(line)}</p>'
    return text


def _question(result, task, name):
    score, of = result.scores.get(name, 0), task.questions[name].points
    checks = "".join(_check(check) for check in result.checks.get(name, []))
    return (
        f"<section>{_title(task, name, f'{pages.number(score)} of {points(of)}')}"
        f'<ul class="checks">{checks or "<li>No check ran.</li>"}</ul></section>'
    )


def _title(task, name, right):
    return f'<h2 class="row">{escape(pages.heading(task, name))} {_right(right)}</h2>'


def _right(text):
    return f'<span class="points">{escape(text)}</span>'


def _check(check):
    good = passed(check)
    word, sign = ("passed", "✓") if good else ("failed", "✗")
    share = f"{pages.number(check['earned'])} of {points(check['possible'])}"
    text = (
        f'<li class="{word}"><p class="row">'
        f'<span class="mark" aria-hidden="true">{sign}</span>'
        f"<strong>{escape(check['name'])}</strong> {word} {_right(share)}</p>"
    )
    if not good and check["hint"]:
        text += f"<p>{escape(check['hint'])}</p>"
    if told := said(check):
        text += f"<pre>{escape(told)}</pre>"
    return text + "</li>"


def _by_hand(task, name, mark):
    of = task.written[name]["points"]
    if mark is None:
        title = _title(task, name, points(of))
        return f"<section>{title}<p>Marked by hand later.</p></section>"
    score, comment = mark
    text = _title(task, name, f"{pages.number(score)} of {points(of)}")
    if comment:
        text += f'<p class="comment">{escape(comment)}</p>'
    return f"<section>{text}</section>"


def _answer(result):
    if not result.written:
        line = "No written answer was found in your notebook."
        return pages.note([f"{line} If you wrote one, tell your instructor."], "warn")
    return (
        "<details><summary>Your written answer, as it was read</summary>"
        f"<pre>{escape(result.written)}</pre></details>"
    )
