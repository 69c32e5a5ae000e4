"""What an equation leaves on the page and in the notebook, and the list of them all."""

import itertools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

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
    conditions : str
        The line under it, in Markdown.
    solves : tuple of str
        The conditions that it satisfies, if it is a solution.
    rejected : tuple of str
        Deliberately wrong versions that numbers contradict.

    Examples
    --------
    >>> Record("eq-a", "any K", "a = a").verdict
    'proved for any K'
    """

    label: str
    kind: str
    latex: str
    conditions: str = ""
    solves: tuple = ()
    rejected: tuple = ()

    @property
    def verdict(self) -> str:
        """Its kind in a word or two."""
        if self.kind == "definition":
            return "definition"
        if self.kind == "instances":
            return "checked for K = 2 to 6, not proved"
        scope = " for any K" if self.kind == "any K" else ""
        return f"{'solution, ' if self.solves else ''}proved{scope}"


def publish_record(record: Record) -> None:
    """Show an equation in a notebook; the page makes its own form of it."""
    mark = "≔" if record.kind == "definition" else "✓"
    note = ", ".join(filter(None, [record.verdict, record.conditions]))
    markdown = f"$$\n{record.latex}\n$$\n\n{mark} *{note}*"
    one_line = " ".join(record.latex.split())
    verdict = ": ".join(filter(None, [record.label, record.verdict]))
    bundle = {"text/markdown": markdown, "text/plain": f"{one_line}   [{verdict}]"}
    if record.label:
        bundle[MIME] = json.loads(json.dumps(asdict(record)))
    publish(bundle)


# --- the list of proofs ----------------------------------------------------


@dataclass(frozen=True)
class Equation:
    """A numbered equation of the book, and the chapter that it stands in."""

    label: str
    chapter: str
    record: Record

    @property
    def kind(self) -> str:
        """How far its proof reaches."""
        return self.record.kind


def ledger(folder: str | Path, /) -> list[Equation]:
    """Every numbered equation of the chapters in `folder`.

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
    """
    notebooks = sorted(Path(folder).glob("*.ipynb"))
    if not notebooks:
        raise ValueError(f"folder must hold executed notebooks, got none in {folder}")
    return list(itertools.chain.from_iterable(map(_equations, notebooks)))


def _equations(path: Path) -> list[Equation]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    records = [output.get("data", {}).get(MIME) for output in outputs]
    return [
        Equation(record["label"], path.stem, Record(**record))
        for record in records
        if record is not None
    ]
