"""The sheet `written.csv`: points given by hand, typed into a spreadsheet, read back.

Also what every table needs: cells that no spreadsheet runs as a formula, and numbers.
"""

import csv
import hashlib
import io
import re
from pathlib import Path

COLUMNS = ("student", "question", "points", "out_of", "comment", "answer_sha")
FORMULA = re.compile(r"'*[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?|[+-]?[.,]\d+")


class SheetError(ValueError):
    """The sheet can't be used as it is; the message says where and what must hold."""


def defused(text: str) -> str:
    """Return a cell that no spreadsheet runs: a formula gets an apostrophe in front."""
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if FORMULA.match(text) else text


def plain(cell: str) -> str:
    """Return the text that `defused` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def number(value: float) -> str:
    """Return a number as it stands in a table, without the dust of floats."""
    return f"{round(value, 6):g}"


def fingerprint(answer: str) -> str:
    """Return what tells two answers apart; no spreadsheet takes it for a number."""
    if not answer:
        return "no answer"
    return "sha-" + hashlib.sha256(answer.encode("utf-8", "replace")).hexdigest()[:12]


# ---- the sheet


def make(results, task, existing: Path | None = None) -> str:
    """Return the sheet to fill in, with the marks that an existing one holds.

    A mark given for another answer of the same student is taken out of the column
    ``points`` and kept in the comment. Rows of students or questions that are no
    longer there stay, at the end, if they hold a mark or a comment.

    Parameters
    ----------
    results : iterable of Result
    task : Assignment
    existing : pathlib.Path, optional
        The file of the sheet so far.

    Returns
    -------
    str
        CSV, with the byte order mark by which Excel knows UTF-8.

    Raises
    ------
    SheetError
        If the existing sheet can't be understood: nothing of it must be lost.
    """
    ordered = sorted(results, key=lambda result: result.student)
    students = [result.student for result in ordered]
    old = {} if existing is None else _by_place(existing, students)
    empty = dict.fromkeys(COLUMNS, "")
    rows = []
    for result in ordered:
        sha = fingerprint(result.written)
        for question, about in task.written.items():
            row = old.pop((result.student, question), empty)
            given, comment = _carried(row, sha)
            of = number(about["points"])
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


def read_marks(path: Path, task) -> dict:
    """Return the marks in a sheet: student → question → (points, comment).

    Rows without points are not marked yet and left out. What Excel and LibreOffice
    make of a CSV file is understood: a byte order mark, semicolons or tabs, and 3,5
    for 3.5.

    It is `make` that compares a mark's answer with the one there is now, and restores
    the zeros in front of a student's number: write the sheet anew before you read it.

    Raises
    ------
    SheetError
        For the first row that can't be meant so.
    """
    marks: dict = {}
    for (student, question), row in _by_place(path, []).items():
        if not (row["points"] or row["comment"]):
            continue
        if question not in task.written:
            raise SheetError(_unknown(row, question, task.written))
        if row["points"]:
            mark = (_number(row, task.written[question]["points"]), row["comment"])
            marks.setdefault(student, {})[question] = mark
    return marks


def _unknown(row, question, known):
    return (
        f"{row['at']}: the question must be one of {', '.join(known)}, got "
        f"{question!r}. Correct the name, or empty the points and the comment of this "
        "row."
    )


def _number(row, of):
    """Return the points of a row, which must lie between 0 and what can be had."""
    text = row["points"]
    what = f"{row['at']}: the points of {row['student']} in {row['question']}"
    if not NUMBER.fullmatch(text):
        raise SheetError(f"{what} must be a number, got {text!r}.")
    value = float(text.replace(",", "."))
    if not 0 <= value <= of:
        raise SheetError(f"{what} must lie between 0 and {of:g}, got {text}.")
    return value


def _by_place(path, students):
    """Return (student, question) → row, each a dict that also says where it stands."""
    found: dict = {}
    for row in _rows(path):
        row["student"] = _known(row["student"], students)
        place = row["student"], row["question"]
        if place in found:
            raise SheetError(
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


def _rows(path):
    """Yield the rows that hold something, as dicts of plain texts."""
    name = path.name
    lines = _lines(_text(path.read_bytes()), name)
    columns = [cell.strip().lower() for cell in lines[0]] if lines else []
    _check_columns(columns, name)
    for line, cells in enumerate(lines[1:], 2):
        at = f"{name}, line {line}"
        if any(cells[len(columns) :]):
            raise SheetError(
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
        raise SheetError(f"{name} is no table that can be read: {error}.") from None


def _check_columns(names, sheet):
    missing = [name for name in COLUMNS if name not in names]
    double = sorted({name for name in names if name and names.count(name) > 1})
    if missing or double:
        problem = f"{', '.join(missing)} missing" if missing else f"{double[0]} twice"
        raise SheetError(
            f"{sheet}, line 1 must name the columns {', '.join(COLUMNS)}, each once: "
            f"{problem}."
        )


def _text(data):
    """Return a sheet's text, whatever a spreadsheet has saved it as."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Excel's plain "CSV" on Windows.
        return data.decode("cp1252", "replace")
