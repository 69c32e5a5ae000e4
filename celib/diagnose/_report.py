"""What a diagnosis says, and how it is printed."""

import textwrap
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Diagnosis", "Finding"]


class Finding(NamedTuple):
    """What looks like a mistake, how sure that is, and what to do about it.

    `sure` is "certain" where no call of a loss could be right, "likely" where
    only a coincidence or an unusual intention would explain the arrays, and
    "possible" where it depends on what the arrays do not show, such as the
    loss that you call.

    Attributes
    ----------
    slug : str
        A short name, such as "class-axis".
    sure : str
        "certain", "likely" or "possible".
    sentence, advice : str
        What was found, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from celib.diagnose import diagnose
    >>> swapped = diagnose(np.array([0, 2]), np.array([[0.5, 2, 1], [3, 0, 1]]))
    >>> swapped.mistakes[0].slug, swapped.mistakes[0].sure
    ('swapped', 'likely')
    """

    slug: str
    sure: str
    sentence: str
    advice: str


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What `diagnose` found. Printed, it is a report.

    Attributes
    ----------
    output : str
        "logits", "log-probabilities", "probabilities" (every row one
        distribution), "independent probabilities" or "can't tell".
    sure : str
        How sure `output` is: "certain", "likely" or "can't tell".
    target : str
        "class indices", "one-hot rows", "probabilities", "multi-label rows",
        "binary labels", "independent probabilities", "signed labels", "labels
        1 and 2", "labels 0 and 255", "log-probabilities" or "can't tell".
    reasons : tuple of two str
        Why, for the output and for the target.
    axis : int or None
        The class axis, -1 if it is the last; None if there is none to name.
    fits : dict of str to str
        The call of the mean loss, repaired where the arrays need it, for
        "celib", "torch", "scikit-learn", "optax" and "Keras". No entry where
        a library has none; empty where no call can be right yet.
    unfit : str
        The losses that would take this output for something else.
    mistakes : tuple of Finding
        What it looks like.
    looked_at : str
        Which part of large arrays was looked at; empty if all.

    Examples
    --------
    >>> import numpy as np
    >>> from celib.diagnose import diagnose
    >>> logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
    >>> diagnose(logits, np.array([0, 1])).fits["celib"]
    'cross_entropy(output, target)'
    """

    output: str
    sure: str
    target: str
    reasons: tuple[str, str]
    axis: int | None
    fits: dict[str, str]
    unfit: str
    mistakes: tuple[Finding, ...]
    looked_at: str = ""

    def __str__(self) -> str:
        """Return the report, in lines of at most 80 columns."""
        return "\n".join(_fold(head, text) for head, text in self._entries())

    __repr__ = __str__

    def _entries(self) -> list[tuple[str, str]]:
        """List what the report says, each entry with the word that heads it."""
        output = self.output
        if self.sure != self.output:
            output = f"{self.sure} {self.output}"
        entries = [
            ("output", f"{output}: {self.reasons[0]}"),
            ("target", f"{self.target}: {self.reasons[1]}"),
        ]
        if self.looked_at:
            entries.append(("looked at", self.looked_at))
        if self.axis is not None:
            entries.append(("class axis", f"{self.axis}"))
        entries.extend(self.fits.items())
        if self.unfit:
            entries.append(("not for", self.unfit))
        for finding in self.mistakes:
            text = f"{finding.slug}: {finding.sentence} {finding.advice}"
            entries.append((finding.sure, text))
        return entries


def _fold(head: str, text: str) -> str:
    """Write an entry in lines that fit a terminal, without breaking a call."""
    return textwrap.fill(
        f"{head:13}{text}",
        width=80,
        subsequent_indent=" " * 4,
        break_long_words=False,
        break_on_hyphens=False,
    )
