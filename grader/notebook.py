"""Reads a submitted notebook as data: its code cells and the written answer."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from grader.text import clean

SIZE_LIMIT = 20 * 2**20
CELL_LIMIT = 2**20
CELLS_LIMIT = 1000
OUTPUT_LIMIT = 2000
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
BASE64 = re.compile("[A-Za-z0-9+/]+=*")
PLACEHOLDER = "_Type your answer here, replacing this text._"
# What the first cell and the cell below it say.
ASSIGNMENT = re.compile(r"""otter\.Notebook\(\s*["']([\w.-]{1,60}?)\.ipynb["']""")
VARIANT = re.compile(r"^VARIANT *= *([1-9])\b", re.M)
# What Otter says below a check, in a notebook that was saved after it ran.
PASSED = re.compile(r"\b(\w{1,20}) results: All test cases passed!")


class UnreadableError(ValueError):
    """The file is not a notebook that can be marked; the message says why."""


@dataclass(frozen=True)
class Notebook:
    """What a submission holds, in order.

    Parameters
    ----------
    cells : tuple of (str, str)
        Kind and text of each cell.
    passed : frozenset of str
        Questions whose checks have passed, as the notebook's own outputs say.
    """

    cells: tuple[tuple[str, str], ...]
    passed: frozenset[str] = frozenset()

    @property
    def code(self) -> tuple[str, ...]:
        """The code cells that hold something."""
        return tuple(
            text for kind, text in self.cells if kind == "code" and text.strip()
        )

    @property
    def text(self) -> tuple[str, ...]:
        """The text cells."""
        return tuple(text for kind, text in self.cells if kind in ("markdown", "raw"))

    @property
    def assignment(self) -> str:
        """The assignment that the notebook says it is, empty if it says none."""
        found = ASSIGNMENT.search("\n".join(self.code))
        return found[1] if found else ""

    @property
    def variant(self) -> int | None:
        """The variant that the notebook was handed out with, if it says so."""
        found = VARIANT.findall("\n".join(self.code))
        return int(found[-1]) if found else None


def load(path: Path) -> bytes:
    """Return the bytes of a submitted file, which must be a plain one.

    Raises
    ------
    UnreadableError
        If it is a link, a device or a folder, or longer than 20 MiB.
    """
    if path.is_symlink() or not path.is_file():
        raise UnreadableError(
            "it is a link or no plain file; hand in the notebook itself"
        )
    if path.stat().st_size > SIZE_LIMIT:
        raise UnreadableError(
            f"it has {path.stat().st_size / 2**20:.0f} MiB and may have 20: clear the "
            "outputs and save it again"
        )
    return path.read_bytes()


def parse(data: bytes) -> Notebook:
    """Return the cells of a notebook, whatever its metadata say.

    Raises
    ------
    UnreadableError
        If the bytes are not a notebook.
    """
    content = _json(data)
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise UnreadableError("it is JSON but no notebook: it has no list of cells")
    if len(content["cells"]) > CELLS_LIMIT:
        raise UnreadableError(
            f"it has {len(content['cells'])} cells and may have 1,000"
        )
    cells = tuple(_cell(cell) for cell in content["cells"])
    return Notebook(cells, frozenset(_passed(content["cells"])))


def _passed(cells):
    """Yield the questions of which an output says that all checks passed."""
    for cell in cells:
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else ():
            data = output.get("data") if isinstance(output, dict) else None
            plain = data.get("text/plain") if isinstance(data, dict) else None
            lines = plain if isinstance(plain, list) else [plain]
            for line in lines:
                if isinstance(line, str):
                    yield from PASSED.findall(line[:OUTPUT_LIMIT])


def _json(data):
    if not data.strip():
        raise UnreadableError("it is empty")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8 text, so no notebook") from None
    try:
        return json.loads(text)
    except RecursionError:
        raise UnreadableError("it is nested too deeply to be a notebook") from None
    except ValueError as error:
        raise UnreadableError(
            f"it is not JSON, so no notebook ({error})"[:200]
        ) from None


def _cell(cell):
    """Return the kind and the text of one cell."""
    source = cell.get("source", "") if isinstance(cell, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise UnreadableError("one of its cells has no text")
    # A lone surrogate, which JSON can spell, can't be sent on or written to a file.
    source = source.encode("utf-8", "replace").decode("utf-8")
    kind = str(cell.get("cell_type"))
    if kind == "markdown":
        source = _with_attachments(source, cell.get("attachments"))
    # As it will be sent, where a letter beyond ASCII takes six bytes or twelve.
    if kind == "code" and len(json.dumps(source)) > CELL_LIMIT:
        raise UnreadableError("one of its code cells is longer than 1 MiB")
    return kind, source


def _with_attachments(source, attached):
    """Return a text with the pictures that were pasted into it, for their names."""
    for name, kinds in attached.items() if isinstance(attached, dict) else ():
        for kind, data in kinds.items() if isinstance(kinds, dict) else ():
            if isinstance(data, list) and all(isinstance(part, str) for part in data):
                data = "".join(data)
            data = "".join(data.split()) if isinstance(data, str) else ""
            if kind in PICTURES and BASE64.fullmatch(data):
                address = f"data:{kind};base64,{data}"
                source = source.replace(f"(attachment:{name})", f"({address})", 1)
    return source


def restored(pages: Notebook, wanted) -> tuple[Notebook, list[str]]:
    """Return a notebook whose code is code again, and which text cells held it.

    One key in Jupyter turns a code cell into text. A text cell is taken for code only
    if it looks like it from its first line on, and gives a name that no code cell does.

    Parameters
    ----------
    pages : Notebook
    wanted : iterable of str
        The names that the checks use.
    """
    candidates = [text for kind, text in pages.cells if _may_be_code(kind, text)]
    if not candidates:
        return pages, []
    given, wanted = _names("\n".join(pages.code)), set(wanted)
    cells, found = [], []
    for kind, text in pages.cells:
        if _may_be_code(kind, text):
            names = _names(text)
            needed = (names & wanted) or (names if IMPORT.search(text) else set())
            if needed - given:
                found.append(first_line(text))
                kind = "code"
        cells.append((kind, text))
    return Notebook(tuple(cells), pages.passed), found


LOOKS_LIKE_CODE = re.compile(
    r"(?:[ \t]*(?:#[^\n]*)?\n)*(?:def \w+\(|import \w|from [\w.]+ import |@\w|\w+ = )"
)
IMPORT = re.compile(r"^(?:from [\w.]+ )?import ([\w., ]+)$", re.M)
FUNCTION = re.compile(r"^[ \t]*def (\w+)\(", re.M)
VALUE = re.compile(r"^[ \t]*(\w[\w, ]*)=(?!=)", re.M)
CODE_IN_TEXT = 50_000
QUOTES = re.compile("[“”]")


def _may_be_code(kind, text):
    text_cell = kind in ("markdown", "raw") and len(text) <= CODE_IN_TEXT
    return text_cell and LOOKS_LIKE_CODE.match(text) is not None


def _names(text):
    """Return the names that a text, if it is code, gives a meaning."""
    lists = [*IMPORT.findall(text), *FUNCTION.findall(text), *VALUE.findall(text)]
    parts = [part.split() for names in lists for part in names.split(",")]
    return {words[-1] for words in parts if words}


def first_line(text: str) -> str:
    """Return the first line of a cell that says something, cut to fit in a sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    code = (line for line in lines if not line.startswith("#"))
    line = next(code, lines[0] if lines else "")
    return line if len(line) <= 60 else line[:59] + "…"


def titles(cells) -> list[str]:
    """Return what each cell is called: nobody can count the cells in Jupyter.

    No quotation mark within a title closes it, so that what is said of a cell can't be
    forged by its first line.
    """
    lines = [QUOTES.sub('"', clean(first_line(cell))) for cell in cells]
    times, seen = Counter(lines), Counter()
    found = []
    for line in lines:
        seen[line] += 1
        which = f" (number {seen[line]} of {times[line]})" if times[line] > 1 else ""
        found.append(f"“{line}”{which}")
    return found


def written_answer(text, released) -> str:
    """Return what a student wrote under the question that is answered in words.

    Where that question's heading is gone, it is every text cell that the release
    does not have. The due date and the wording of the release may have changed since,
    and an answer may have been typed into the cell of the question itself.
    """
    known = {normal(cell) for cell in (*released, PLACEHOLDER)}
    titles = {heading(cell) for cell in released} - {""}
    new = [cell for cell in text if normal(cell) not in known]
    own = [c for c in new if heading(c) not in titles or _goes_on(c, released)]
    asked = _from_the_question(text, released)
    answer = [cell for cell in asked if cell in own] or own
    answer = answer or [cell for cell in asked if cell in new]
    return "\n\n".join(cell.strip() for cell in answer if cell.strip())


def _goes_on(cell, released):
    """Return whether a cell holds one of the release, and more."""
    starts = [normal(given) for given in released if heading(given)]
    return any(normal(cell).startswith(start) for start in starts)


def _from_the_question(text, released):
    """Return the text cells from the heading on that the answer's place follows."""
    marks = [normal(cell) == normal(PLACEHOLDER) for cell in released]
    place = marks.index(True) if any(marks) else 0
    title = next((h for h in map(heading, reversed(released[:place])) if h), "")
    places = [n for n, cell in enumerate(text) if title and heading(cell) == title]
    return text[places[-1] :] if places else ()


def heading(text: str) -> str:
    """Return the first heading in a text cell, if there is one."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line.startswith("#")), "")


def normal(text: str) -> str:
    """Return a text without differences in white space."""
    return " ".join(text.split())
