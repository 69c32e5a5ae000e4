"""What an equation leaves on the page and in the notebook, and the list of them all."""

import itertools
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from celib.book.display import publish

__all__ = ["MIME", "Equation", "Record", "ledger", "publish_record"]

MIME = "application/vnd.celib.proof+json"


@dataclass(frozen=True)
class Record:
    """One numbered equation.

    Attributes
    ----------
    label, latex : str
        Its label, and the string that is shown and proved.
    kind : str
        How far the proof reaches: ``any K``, ``no K``, ``instances`` (K = 2 to 6
        checked, which is not a proof), or ``definition``.
    sizes : tuple of str
        The sizes that it depends on, such as K.
    conditions : str
        The line under it, in Markdown.
    methods : tuple of str
        How it was proved, in a few words.
    solves : tuple of str
        The conditions that it satisfies, if it is a solution.
    rejected : tuple of str
        Deliberately wrong versions that numbers contradict.

    Examples
    --------
    >>> Record("eq-a", "any K", "a = a", ("K",)).verdict
    'proved for any K'
    """

    label: str
    kind: str
    latex: str
    sizes: tuple = ()
    conditions: str = ""
    methods: tuple = ()
    solves: tuple = ()
    rejected: tuple = ()

    @property
    def verdict(self) -> str:
        """Its kind in a word or two."""
        if self.kind == "definition":
            return "definition"
        if self.kind == "instances":
            return "checked for K = 2 to 6, not proved"
        scope = f" for any {' and '.join(self.sizes)}" if self.kind == "any K" else ""
        return f"{'solution, ' if self.solves else ''}proved{scope}"


def publish_record(record: Record) -> None:
    """Show an equation in a notebook; the page makes its own form of it."""
    markdown = as_markdown(record)
    one_line = " ".join(record.latex.split())
    verdict = ": ".join(filter(None, [record.label, record.verdict]))
    bundle = {"text/markdown": markdown, "text/plain": f"{one_line}   [{verdict}]"}
    if record.label:
        bundle[MIME] = json.loads(json.dumps(asdict(record)))
    publish(bundle)


def as_markdown(record: Record) -> str:
    """Return an equation and the line under it, as Markdown that any viewer shows."""
    mark = "≔" if record.kind == "definition" else "✓"
    conditions = re.sub(r"\{eq\}(`[^`]+`)", r"\1", record.conditions)
    note = "; ".join(filter(None, [record.verdict, conditions]))
    return f"$$\n{record.latex}\n$$\n\n{mark} {note}"


# --- the list of proofs ----------------------------------------------------


@dataclass(frozen=True)
class Equation:
    """A numbered equation of the book.

    Attributes
    ----------
    label, latex, kind : str
        As in its record.
    chapter : str
        The name of the notebook that it stands in.
    record : Record
        What the cell that proved it left behind.

    Examples
    --------
    >>> Equation("01-a", Record("eq-a", "no K", "a = a")).latex
    'a = a'
    """

    chapter: str
    record: Record

    @property
    def label(self) -> str:
        """Its label, which begins with eq-."""
        return self.record.label

    @property
    def latex(self) -> str:
        """The string that is shown and proved."""
        return self.record.latex

    @property
    def kind(self) -> str:
        """How far its proof reaches."""
        return self.record.kind

    @property
    def rests_on(self) -> set[str]:
        """Labels of the equations that give its names their meaning."""
        return set(re.findall(r"\{eq\}`([^`]+)`", self.record.conditions))


def ledger(folder: str | Path, /) -> list[Equation]:
    r"""Every numbered equation of the chapters in `folder`.

    Parameters
    ----------
    folder : path
        A folder of executed notebooks.

    Returns
    -------
    list of Equation
        In the order of the chapters and of the text.

    Raises
    ------
    ValueError
        If `folder` holds no notebook.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from celib.book.proofs import _record
    >>> data = {_record.MIME: {"label": "eq-h", "kind": "no K", "latex": "1 = 1"}}
    >>> cell = {"cell_type": "code", "outputs": [{"data": data}]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     chapter = Path(folder, "01-one.ipynb")
    ...     _ = chapter.write_text(json.dumps({"cells": [cell]}))
    ...     [(e.label, e.latex, e.kind) for e in ledger(folder)]
    [('eq-h', '1 = 1', 'no K')]
    """
    notebooks = sorted(Path(folder).glob("*.ipynb"))
    if not notebooks:
        raise ValueError(f"folder must hold executed notebooks, got none in {folder}")
    return list(itertools.chain.from_iterable(map(_equations, notebooks)))


def _equations(path: Path) -> list[Equation]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    records = [output.get("data", {}).get(MIME) for output in outputs]
    return [Equation(path.stem, _restored(r)) for r in records if r is not None]


def _restored(record: dict[str, Any]) -> Record:
    """Return a record from what JSON made of it."""
    fields: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in record.items()
    }
    return Record(**fields)
