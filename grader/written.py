"""Answers that a person marks: a sheet to fill in, a page to read, marks to merge."""

import csv
import hashlib
import io
import re
from pathlib import Path

from grader import pages
from grader.feedback import NOT_RUN
from grader.pages import escape, points

COLUMNS = ("student", "question", "points", "out_of", "comment", "answer_sha")
FORMULA = re.compile(r"'*[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?|[+-]?[.,]\d+")
STYLE = """
nav ul { columns: 9rem; padding-left: 1.2rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
section h2 { margin-top: 1rem; }
"""


class BadSheet(ValueError):
    """The sheet can't be used as it is; the message says where and what must hold."""


def defused(text: str) -> str:
    """Return a cell that no spreadsheet runs: a formula gets an apostrophe in front."""
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if FORMULA.match(text) else text


def plain(cell: str) -> str:
    """Return the text that `defused` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def fingerprint(answer: str) -> str:
    """Return what tells two answers apart; no spreadsheet takes it for a number."""
    if not answer:
        return "no answer"
    return "sha-" + hashlib.sha256(answer.encode("utf-8", "replace")).hexdigest()[:12]


# ---- the sheet


def sheet(results, task, existing=None) -> str:
    """Return the sheet to fill in, with the marks that an existing one holds.

    A mark given for another answer of the same student is taken out of the column
    ``points`` and kept in the comment. Rows of students or questions that are no
    longer there stay, at the end, if they hold a mark or a comment.

    Parameters
    ----------
    results : iterable of Result
    task : Assignment
    existing : pathlib.Path or str, optional
        The file of the sheet so far, or its text.

    Returns
    -------
    str
        CSV, with the byte order mark by which Excel knows UTF-8.

    Raises
    ------
    BadSheet
        If the existing sheet can't be understood: nothing of it must be lost.
    """
    ordered = sorted(results, key=lambda result: result.student)
    students = [result.student for result in ordered]
    old = {} if existing is None else _by_place(existing, students)
    rows = []
    for result in ordered:
        sha = fingerprint(result.written)
        for question, about in task.written.items():
            row = old.pop((result.student, question), None) or dict.fromkeys(
                COLUMNS, ""
            )
            given, comment = _carried(row, sha)
            of = pages.number(about["points"])
            rows.append([result.student, question, given, of, comment, sha])
    for row in old.values():
        if row["points"] or row["comment"]:
            rows.append([row[name] for name in COLUMNS])
    return _csv([COLUMNS, *rows])


def _carried(row, sha):
    """Return the points and the comment that a row of the old sheet leaves."""
    given, comment = row["points"], row["comment"]
    if row["answer_sha"] == sha or not given:
        return given, comment
    earlier = f"earlier: {given} points for another answer"
    return "", f"{earlier}; {comment}" if comment else earlier


def _csv(rows):
    """Return CSV text; all in quotes, so that no semicolon starts a new cell."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([defused(cell) for cell in row] for row in rows)
    return "\ufeff" + out.getvalue()


# ---- reading it


def read_marks(path, task, students=None) -> dict:
    """Return the marks in a sheet: student → question → (points, comment).

    Rows without points are not marked yet and left out. What Excel and LibreOffice
    make of a CSV file is understood: a byte order mark, semicolons or tabs, 3,5 for
    3.5, and numbers without their leading zeros.

    It is `sheet` that compares a mark's answer with the one there is now: write the
    sheet anew before you read it, if answers may have changed.

    Parameters
    ----------
    path : pathlib.Path
    task : Assignment
    students : iterable of str, optional
        Who may be named; anyone if not given.

    Raises
    ------
    BadSheet
        For the first row that can't be meant so.
    """
    names = None if students is None else list(students)
    marks: dict = {}
    for (student, question), row in _by_place(Path(path), names or []).items():
        if not (row["points"] or row["comment"]):
            continue
        if names is not None and student not in names:
            raise BadSheet(_unknown(row, "student", student, names))
        if question not in task.written:
            raise BadSheet(_unknown(row, "question", question, task.written))
        if row["points"]:
            mark = (_number(row, task.written[question]["points"]), row["comment"])
            marks.setdefault(student, {})[question] = mark
    return marks


def _unknown(row, kind, name, known):
    some = ", ".join(sorted(known)[:5]) + (" …" if len(known) > 5 else "")
    return (
        f"{row['at']}: the {kind} must be one of {some}, got {name!r}. Mend the name, "
        "or empty the points and the comment of this row."
    )


def _number(row, of):
    """Return the points of a row, which must lie between 0 and what can be had."""
    text = row["points"]
    what = f"{row['at']}: the points of {row['student']} in {row['question']}"
    if not NUMBER.fullmatch(text):
        raise BadSheet(f"{what} must be a number, got {text!r}.")
    value = float(text.replace(",", "."))
    if not 0 <= value <= of:
        raise BadSheet(f"{what} must lie between 0 and {of:g}, got {text}.")
    return value


def _by_place(source, students):
    """Return (student, question) → row, each a dict that also says where it stands."""
    found: dict = {}
    for row in _rows(source):
        row["student"] = _known(row["student"], students)
        place = row["student"], row["question"]
        if place in found:
            raise BadSheet(
                f"{row['at']}: {place[0]} and {place[1]} must stand in one row, and "
                f"stand in {found[place]['at']} as well."
            )
        found[place] = row
    return found


def _known(name, students):
    """Return the student a cell means, whose number may have lost its zeros."""
    if name in students:
        return name
    alike = [student for student in students if student.lstrip("0") == name]
    return alike[0] if name.isdigit() and len(alike) == 1 else name


def _rows(source):
    """Yield the rows that hold something, as dicts of plain texts."""
    name = source.name if isinstance(source, Path) else "the sheet"
    lines = _lines(_text(source), name)
    columns = [cell.strip().lower() for cell in lines[0]] if lines else []
    _check_columns(columns, name)
    for number, cells in enumerate(lines[1:], 2):
        at = f"{name}, line {number}"
        if any(cells[len(columns) :]):
            raise BadSheet(
                f"{at} must have {len(columns)} cells, got {len(cells)}: put a comment "
                "or a number that holds the separator in double quotes."
            )
        if any(cells):
            cells += [""] * (len(columns) - len(cells))
            row = dict(zip(columns, map(plain, cells), strict=False), at=at)
            yield row | {
                c: row[c].strip() for c in ("question", "points", "answer_sha")
            }


def _lines(text, name):
    """Return the cells of every line; empty where they hold only white space."""
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return [[cell if cell.strip() else "" for cell in cells] for cells in reader]
    except csv.Error as error:
        raise BadSheet(f"{name} is no table that can be read: {error}.") from None


def _check_columns(names, sheet):
    missing = [name for name in COLUMNS if name not in names]
    double = sorted({name for name in names if name and names.count(name) > 1})
    if missing or double:
        problem = f"{', '.join(missing)} missing" if missing else f"{double[0]} twice"
        raise BadSheet(
            f"{sheet}, line 1 must name the columns {', '.join(COLUMNS)}, each once: "
            f"{problem}."
        )


def _text(source):
    """Return a sheet's text, whatever a spreadsheet has saved it as."""
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    data = Path(source).read_bytes()
    for start, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(start):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Excel's plain "CSV" on Windows.
        return data.decode("cp1252", "replace")


# ---- what students wrote


def answers_page(results, task) -> str:
    """Return a page to read while you mark: the rubric, then every student's answer."""
    ordered = sorted(results, key=lambda result: result.student)
    answered = sum(1 for result in ordered if result.written)
    parts = [
        pages.head(task, f"Written answers: {answered} of {len(ordered)} students")
    ]
    parts += [_rubric(task, question) for question in task.written]
    links = "".join(_link(result.student) for result in ordered)
    parts.append(f'<nav aria-label="Students"><ul>{links}</ul></nav>')
    parts += [_answer(result) for result in ordered]
    title = f"Written answers, {task.name}: {task.title}"
    about = f"The rubric and all students' written answers, {task.name}."
    return pages.page(title, "\n".join(parts), about, STYLE)


def _link(student):
    return f'<li><a href="#{pages.anchor(student)}">{escape(student)}</a></li>'


def _rubric(task, question):
    about = task.written[question]
    lines = "".join(f"<li>{escape(line)}</li>" for line in about["rubric"])
    title = escape(pages.heading(task, question))
    return (
        f'<h2 id="rubric-{escape(question)}">{title}, {points(about["points"])}</h2>'
        f"<ul>{lines}</ul>"
    )


def _answer(result):
    if result.status in NOT_RUN:
        text = "".join(f"<p>{escape(line)}</p>" for line in result.notes)
    elif result.written:
        text = f"<pre>{escape(result.written)}</pre>"
    else:
        text = "<p>The notebook holds no written answer.</p>"
    name, sha = escape(result.student), fingerprint(result.written)
    return (
        f'<section id="{pages.anchor(result.student)}"><h2>{name}</h2>{text}'
        f'<p class="soft">{sha}</p></section>'
    )
