"""Reads a submitted notebook as data: its code cells and the written answer."""

import json
from dataclasses import dataclass
from pathlib import Path

SIZE_LIMIT = 20 * 2**20
CELL_LIMIT = 2**20
CELLS_LIMIT = 1000
PLACEHOLDER = "_Type your answer here, replacing this text._"


class UnreadableError(ValueError):
    """The file is not a notebook that can be marked; the message says why."""


@dataclass(frozen=True)
class Notebook:
    """What a submission holds: code cells in order, and text cells."""

    code: tuple[str, ...]
    text: tuple[str, ...]


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
    cells = [_cell(cell) for cell in content["cells"]]
    code = tuple(source for kind, source in cells if kind == "code" and source.strip())
    text = tuple(source for kind, source in cells if kind in ("markdown", "raw"))
    return Notebook(code, text)


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
    # As it will be sent, where a letter beyond ASCII takes six bytes or twelve.
    if kind == "code" and len(json.dumps(source)) > CELL_LIMIT:
        raise UnreadableError("one of its code cells is longer than 1 MiB")
    return kind, source


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
