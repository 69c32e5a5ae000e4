"""What an output holds, which loss fits it, and what looks wrong. Chapter 10."""

# The knowledge stands in tables, and all of them look at one record of facts.
# The first row that applies of `_OUTPUTS` and of `_TARGETS` names the array; of
# `_MISTAKES` every row that applies counts; `_LOSSES` spells what fits.

import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from celib._arrays import Array, namespace, quiet

__all__ = ["Diagnosis", "Finding", "diagnose"]


class Finding(NamedTuple):
    """What looks like a mistake, how sure that is, and what to do about it.

    `sure` is "certain" where the arrays leave no other reading, "likely" where
    only a coincidence or an odd intention would, and "possible" where it
    depends on what the arrays do not show, such as the loss that you call.

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
        "binary labels", "independent probabilities", "signed labels",
        "log-probabilities" or "can't tell".
    reasons : tuple of two str
        Why, for the output and for the target.
    axis : int or None
        The class axis, -1 if it is the last; None if there is none to name.
    fits : dict of str to str
        The call of the mean loss, mended where the arrays need it, for
        "celib", "torch", "scikit-learn", "optax" and "Keras". No entry where
        a library has none; empty where no call can be right yet.
    unfit : str
        The losses that would take this output for something else.
    mistakes : tuple of Finding
        What it looks like.

    Examples
    --------
    >>> import numpy as np
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

    def __str__(self) -> str:
        """Return the report, in lines of at most 80 columns."""
        parts = [
            (
                "output",
                " ".join(dict.fromkeys((self.sure, self.output)))  # "can't tell" once
                + f": {self.reasons[0]}",
            ),
            ("target", f"{self.target}: {self.reasons[1]}"),
            *([] if self.axis is None else [("class axis", f"{self.axis}")]),
            *self.fits.items(),
            *[("not for", self.unfit)][: len(self.unfit)],
            *((m.sure, f"{m.slug}: {m.sentence} {m.advice}") for m in self.mistakes),
        ]
        fold = textwrap.TextWrapper(
            80,
            subsequent_indent=" " * 4,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return "\n".join(fold.fill(f"{head:13}{text}") for head, text in parts)

    __repr__ = __str__


class _Row(NamedTuple):
    """A name, how sure it is, when it applies, why, and what to do then."""

    name: str
    sure: str
    when: Callable[[SimpleNamespace], object]
    says: str
    advice: str = ""


# Fewer values may lie in [0, 1], or sum to 1, by coincidence.
_ENOUGH = 8

_OUTPUTS = (
    _Row(
        "can't tell",
        "can't tell",
        lambda f: f.z.x.size == 0,
        "it is empty ({f.z.about})",
    ),
    _Row("can't tell", "can't tell", lambda f: f.broken, "{f.z.odd} ({f.z.about})"),
    _Row(
        "logits",
        "certain",
        lambda f: (
            f.z.high > 1 + f.z.speck or f.z.low < -f.z.speck < f.z.speck < f.z.high
        ),
        "neither probabilities nor their logarithms ({f.z.about})",
    ),
    _Row(
        "can't tell",
        "can't tell",
        lambda f: f.z.low == f.z.high == 0,
        "every value is 0 ({f.z.about})",
    ),
    _Row(
        "log-probabilities",
        "likely",
        lambda f: f.logs and f.z.x.size >= _ENOUGH,
        "none is positive, and the exponentials of all {f.rows} rows sum to 1",
    ),
    _Row(
        "can't tell",
        "can't tell",
        lambda f: f.logs,
        "log-probabilities, as their exponentials sum to 1, or logits, as so few "
        "values may do so by coincidence ({f.z.about})",
    ),
    _Row(
        "logits",
        "likely",
        lambda f: f.z.low < -f.z.speck and f.classes > 1,
        "none is positive, but not every row's exponentials sum to 1 ({f.z.about})",
    ),
    _Row(
        "can't tell",
        "can't tell",
        lambda f: f.z.low < -f.z.speck,
        "logits or logarithms of a sigmoid, as none is positive ({f.z.about})",
    ),
    _Row(
        "probabilities",
        "likely",
        lambda f: f.sums and f.z.x.size >= _ENOUGH,
        "none is negative, and all {f.rows} rows sum to 1",
    ),
    _Row(
        "can't tell",
        "can't tell",
        lambda f: f.sums,
        "probabilities, as they sum to 1, or logits, as so few values may "
        "do so by coincidence ({f.z.about})",
    ),
    _Row(
        "independent probabilities",
        "likely",
        lambda f: f.z.x.size >= _ENOUGH,
        "none is outside [0, 1], but not every row sums to 1 ({f.z.about})",
    ),
    _Row(
        "can't tell",
        "can't tell",
        lambda f: True,
        "probabilities or logits, as so few may lie in [0, 1] by coincidence "
        "({f.z.about})",
    ),
)

_TARGETS = (
    _Row(
        "can't tell",
        "",
        lambda f: f.y.x.size == 0 or not np.isfinite(f.y.x).all(),
        "it is empty, or not all finite numbers ({f.y.about})",
    ),
    _Row(
        "signed labels",
        "",
        lambda f: f.y.signed and f.ignore is None,
        "only -1 and 1 ({f.y.about})",
    ),
    _Row(
        "one-hot rows",
        "",
        lambda f: f.task == "rows" and f.y.binary,
        "one 1 in every row, else 0 ({f.y.about})",
    ),
    _Row(
        "probabilities",
        "",
        lambda f: f.task == "rows",
        "none is negative, and every row sums to 1 ({f.y.about})",
    ),
    _Row(
        "multi-label rows",
        "",
        lambda f: f.task == "entries" and f.y.binary and f.classes > 1,
        "0 and 1, but not one 1 in every row ({f.y.about})",
    ),
    _Row(
        "binary labels",
        "",
        lambda f: f.task == "entries" and f.y.binary,
        "a 0 or 1 for each output ({f.y.about})",
    ),
    _Row(
        "independent probabilities",
        "",
        lambda f: f.task == "entries" and f.y.low >= 0 and f.y.high <= 1,
        "none is outside [0, 1], but not every row sums to 1 ({f.y.about})",
    ),
    _Row(
        "log-probabilities",
        "",
        lambda f: f.task == "entries" and f.classes > 1 and _normal(f.y, -1, logs=True),
        "the exponentials of every row sum to 1 ({f.y.about})",
    ),
    _Row(
        "class indices",
        "",
        lambda f: f.y.whole and (f.task != "entries" or f.classes == 1),
        "whole numbers ({f.y.about})",
    ),
    _Row(
        "can't tell",
        "",
        lambda f: True,
        "neither labels nor probabilities ({f.y.about})",
    ),
)

_MISTAKES = (
    _Row(
        "not-numbers",
        "certain",
        lambda f: not (f.z.family and f.y.family),
        "of {f.z.dtype} and {f.y.dtype}, not both are real numbers.",
        "Convert them first.",
    ),
    _Row(
        "two-libraries",
        "certain",
        lambda f: f.z.library != f.y.library,
        "one array is NumPy's, the other torch's.",
        "Convert one of them.",
    ),
    _Row(
        "empty",
        "certain",
        lambda f: not (f.z.x.size and f.y.x.size),
        "the shapes {f.shapes} leave nothing to average: the mean is NaN.",
        "Look for a filter, or a last batch, that leaves nothing.",
    ),
    _Row(
        "nan",
        "certain",
        lambda f: f.z.family and np.isnan(f.z.x).any(),
        "the output has NaN, and so will the loss.",
        "Look upstream: 0/0, inf - inf, log of a negative number, too large a step.",
    ),
    _Row(
        "infinite",
        "certain",
        lambda f: f.broken and not np.isnan(f.z.x).any(),
        "+inf, or a row of nothing but -inf: softmax makes NaN of it.",
        "Look for an overflow (float16 ends at 65504), or a mask that hides all.",
    ),
    _Row(
        "nan-target",
        "certain",
        lambda f: f.y.family and not np.isfinite(f.y.x).all(),
        "the target has NaN or inf.",
        "Drop those items; class indices can be marked with ignore_index.",
    ),
    _Row(
        "swapped",
        "likely",
        lambda f: f.swapped,
        "the first array looks like labels, the second like scores.",
        "celib, torch and optax take the output first, scikit-learn and Keras last.",
    ),
    _Row(
        "shapes",
        "certain",
        lambda f: f.task == "none" and not f.swapped,
        "the shapes {f.shapes} do not fit.",
        "A target has the output's shape, or that without the class axis.",
    ),
    _Row(
        "no-class-axis",
        "certain",
        lambda f: f.task == "entries" and f.truth == "class indices",
        "labels other than 0 and 1, but one score an item (shapes {f.shapes}).",
        "Give the last layer one output for each class.",
    ),
    _Row(
        "ambiguous-axis",
        "possible",
        lambda f: len(f.axes) > 1,
        "with shapes {f.shapes} the classes may lie along any of the axes {f.axes}.",
        "Name it: diagnose(output, target, axis=...).",
    ),
    _Row(
        "class-axis",
        "certain",
        lambda f: f.misplaced and f.axis == 0 and f.task == "indices",
        "the classes lie along axis 0, where no loss looks for them.",
        "Transpose, or tell celib axis=0.",
    ),
    _Row(
        "class-axis",
        "likely",
        lambda f: f.misplaced and not (f.axis == 0 and f.task == "indices"),
        "the classes lie along axis {f.axis}; torch looks at axis 1, all others at -1.",
        "Move the axis as the calls above do, or name it.",
    ),
    _Row(
        "column",
        "certain",
        lambda f: (f.z.name, f.y.name) != ("output", "target"),
        "the shapes {f.shapes} differ by an axis of length 1: arithmetic would "
        "broadcast them to all pairs.",
        "Take it off, as the calls above do.",
    ),
    _Row(
        "one-class",
        "possible",
        lambda f: f.z.name != "output",
        "softmax over a single column is 1: cross_entropy is 0 whatever you do.",
        "Take a binary loss, or one column for each class.",
    ),
    _Row(
        "hard-predictions",
        "likely",
        lambda f: f.hard,
        "only 0 and 1: predictions (argmax, round), or a softmax that was rounded. "
        "They teach nothing: their gradient is 0 or none.",
        "Give the loss the scores they came from.",
    ),
    _Row(
        "integer-output",
        "certain",
        lambda f: f.z.family in ("int", "bool") and not f.hard,
        "the output holds {f.z.dtype} where losses take floats.",
        "Cast scores; if these are predicted labels, give the scores instead.",
    ),
    _Row(
        "softmax-before-loss",
        "possible",
        lambda f: f.one_class and f.sums and not f.hard,
        "a loss that takes logits, such as cross_entropy, applies softmax again and "
        "cannot fall below log(1 + {f.others}/e) = {f.floor:.4f}.",
        "Leave softmax out of the model, or take a loss of probabilities.",
    ),
    _Row(
        "log-probs-as-logits",
        "possible",
        lambda f: f.one_class and f.logs,
        "cross_entropy would normalise again: redundant, but harmless.",
        "Leave log_softmax out, or take nll.",
    ),
    _Row(
        "sigmoid-before-loss",
        "possible",
        lambda f: f.task == "entries" and f.sigmoid and not f.hard,
        "a loss that takes logits applies sigmoid again; one that takes "
        "probabilities has lost digits near 0 and 1.",
        "Leave sigmoid out, and take the loss with logits.",
    ),
    _Row(
        "sigmoid-on-multiclass",
        "likely",
        lambda f: f.one_class and f.sigmoid and not f.hard,
        "one class an item, but rows in [0, 1] that do not sum to 1: a sigmoid where "
        "softmax belongs.",
        "Give cross_entropy the scores before the sigmoid.",
    ),
    _Row(
        "softmax-on-multilabel",
        "likely",
        lambda f: (
            f.task == "entries" and f.kind in ("probabilities", "log-probabilities")
        ),
        "rows that sum to 1, but labels that do not exclude each other.",
        "Give a binary loss with logits the scores before the softmax.",
    ),
    _Row(
        "kl-of-probabilities",
        "possible",
        lambda f: f.kind == f.truth == "probabilities",
        "F.kl_div takes log-probabilities first: of these it may be negative.",
        "KL(target, output) is F.kl_div(output.log(), target, reduction='batchmean').",
    ),
    _Row(
        "log-target",
        "certain",
        lambda f: f.truth == "log-probabilities",
        "the target holds log-probabilities where losses take probabilities.",
        "Exponentiate it; F.kl_div alone takes it so, with log_target=True.",
    ),
    _Row(
        "not-labels",
        "certain",
        lambda f: (
            f.truth == "can't tell"
            and f.task != "none"
            and f.y.x.size
            and np.isfinite(f.y.x).all()
            and not f.swapped
        ),
        "the target holds neither labels nor probabilities ({f.y.about}).",
        "For a quantity take mse_loss; for a teacher's scores their softmax.",
    ),
    _Row(
        "float-labels",
        "certain",
        lambda f: (
            f.task == "indices"
            and f.y.family == "float"
            and f.truth in ("class indices", "signed labels")
        ),
        "class indices stored as {f.y.dtype}: celib and torch take floats for "
        "probabilities, and refuse the shape.",
        "Cast them to integers.",
    ),
    _Row(
        "narrow-labels",
        "certain",
        lambda f: f.y.library == "torch" and f.narrow and f.y.family == "int",
        "class indices stored as {f.y.dtype}: torch takes int64 (or uint8) only.",
        "Cast them with .long().",
    ),
    _Row(
        "integer-target",
        "certain",
        lambda f: (
            f.task in ("rows", "entries")
            and f.y.family in ("int", "bool")
            and f.truth not in ("class indices", "can't tell")
        ),
        "the target holds {f.y.dtype} where celib and torch take floats.",
        "Cast it to the output's dtype.",
    ),
    _Row(
        "labels-from-1",
        "likely",
        lambda f: f.from_one,
        "labels run from 1 to {f.classes}, the number of classes.",
        "Count from 0: subtract 1.",
    ),
    _Row(
        "label-range",
        "certain",
        lambda f: (
            f.task == "indices"
            and f.truth == "class indices"
            and np.any((f.labels < 0) | (f.labels >= f.classes))
            and not f.from_one
        ),
        "labels must lie in [0, {f.classes}) ({f.y.about}).",
        "Compare the number of outputs with the number of classes.",
    ),
    _Row(
        "signed-labels",
        "certain",
        lambda f: f.truth == "signed labels",
        "-1 and 1 are the hinge loss's labels; cross-entropy takes 0 and 1.",
        "Take target > 0.",
    ),
    _Row(
        "ignore-index",
        "likely",
        lambda f: f.ignore == -1 and f.labels.size,
        "-1 looks like padding, but by default celib and torch ignore -100.",
        "Say ignore_index=-1.",
    ),
    _Row(
        "all-ignored",
        "certain",
        lambda f: f.ignore is not None and not f.labels.size,
        "every label is {f.ignore}: nothing counts, and the mean is 0/0 = NaN.",
        "Skip such a batch, or divide the sum by max(count, 1).",
    ),
    _Row(
        "infinite-loss",
        "certain",
        lambda f: f.ruled_out and not f.swapped,
        "something happened that the output gives probability 0: the loss is "
        "infinite, or whatever a library clips it to.",
        "Give a loss with logits the scores; look for rounding, or a mask.",
    ),
    _Row(
        "log-of-zero",
        "possible",
        lambda f: f.zeros and f.task != "none" and not f.ruled_out and not f.hard,
        "some probabilities are exactly 0 (or 1, of yes or no): log gives -inf.",
        "Give a loss with logits the scores: they keep what rounding lost.",
    ),
    _Row(
        "no-preference",
        "possible",
        lambda f: (
            f.rows
            and f.task != "none"
            and len(f.axes) < 2
            and (
                np.max(np.ptp(f.z.x, axis=f.along)) <= 0.01 / (f.sums * f.others + 1)
                if f.one_class
                else np.max(abs(f.z.x - f.sigmoid / 2)) <= 0.005
            )
        ),
        "all answers get about the same: the loss is log {f.answers} = {f.chance:.4f}.",
        "Right for a model not yet trained. If it stays: look at the step size, at "
        "dead units, and at whether inputs and labels belong together.",
    ),
    _Row(
        "relu-before-loss",
        "likely",
        lambda f: (
            f.kind == "logits"
            and f.z.x.size >= _ENOUGH
            and not f.z.whole
            and f.z.low == 0
            and np.mean(f.z.x == 0) >= 0.25
        ),
        "no output is negative, and many are exactly 0: a ReLU after the last layer.",
        "Leave it out: scores need both signs.",
    ),
)

_LOSSES = {
    ("logits", "indices"): {
        "celib": "cross_entropy({z}, {y}{options})",
        "torch": "F.cross_entropy({z}, {y}{options})",
        "scikit-learn": "log_loss({y}, softmax({z}, axis=-1), labels=range({k}))",
        "optax": "optax.softmax_cross_entropy_with_integer_labels({z}, {y}).mean()",
        "Keras": ("SparseCategoricalCrossentropy(from_logits=True)({y}, {z})"),
    },
    ("log-probabilities", "indices"): {
        "celib": "nll({z}, {y}{options})",
        "torch": "F.nll_loss({z}, {y}{options})",
        "scikit-learn": "log_loss({y}, np.exp({z}), labels=range({k}))",
        "optax": "optax.softmax_cross_entropy_with_integer_labels({z}, {y}).mean()",
        "Keras": ("SparseCategoricalCrossentropy(from_logits=True)({y}, {z})"),
    },
    ("probabilities", "indices"): {
        "celib": "nll({log}, {y}{options})",
        "torch": "F.nll_loss({log}, {y}{options})",
        "scikit-learn": "log_loss({y}, {z}, labels=range({k}))",
        "optax": "optax.softmax_cross_entropy_with_integer_labels({log}, {y}).mean()",
        "Keras": "SparseCategoricalCrossentropy()({y}, {z})",
    },
    ("logits", "rows"): {
        "celib": "cross_entropy({z}, {y}{options})",
        "torch": "F.cross_entropy({z}, {y})",
        "scikit-learn": (
            "log_loss({y}.argmax(-1), softmax({z}, axis=-1), labels=range({k}))"
        ),
        "optax": "optax.softmax_cross_entropy({z}, {y}).mean()",
        "Keras": "CategoricalCrossentropy(from_logits=True)({y}, {z})",
    },
    ("log-probabilities", "rows"): {
        "celib": "cross_entropy({z}, {y}{options})",
        "torch": "F.cross_entropy({z}, {y})",
        "scikit-learn": "log_loss({y}.argmax(-1), np.exp({z}), labels=range({k}))",
        "optax": "optax.softmax_cross_entropy({z}, {y}).mean()",
        "Keras": "CategoricalCrossentropy(from_logits=True)({y}, {z})",
    },
    ("probabilities", "rows"): {
        "celib": "information.cross_entropy({y}, {z}{options}).mean()",
        "torch": "F.cross_entropy({log}, {y})",
        "scikit-learn": "log_loss({y}.argmax(-1), {z}, labels=range({k}))",
        "optax": "optax.softmax_cross_entropy({log}, {y}).mean()",
        "Keras": "CategoricalCrossentropy()({y}, {z})",
    },
    ("logits", "entries"): {
        "celib": "binary_cross_entropy_with_logits({z}, {y})",
        "torch": "F.binary_cross_entropy_with_logits({z}, {y})",
        "scikit-learn": "log_loss({y}.ravel(), expit({z}).ravel(), labels=[0, 1])",
        "optax": "optax.sigmoid_binary_cross_entropy({z}, {y}).mean()",
        "Keras": "BinaryCrossentropy(from_logits=True)({y}, {z})",
    },
    ("independent probabilities", "entries"): {
        "celib": "binary_cross_entropy({z}, {y})",
        "torch": "F.binary_cross_entropy({z}, {y})",
        "scikit-learn": "log_loss({y}.ravel(), {z}.ravel(), labels=[0, 1])",
        "optax": "optax.sigmoid_binary_cross_entropy(logit({z}), {y}).mean()",
        "Keras": "BinaryCrossentropy()({y}, {z})",
    },
}
_UNFIT = {
    ("logits", True): (
        "nll_loss and log_loss, which apply no softmax; binary losses, which apply "
        "a sigmoid to each score"
    ),
    ("logits", False): (
        "BCELoss and log_loss, which apply no sigmoid; cross_entropy, whose softmax "
        "makes the scores compete"
    ),
}
_REPAIRS = {"signed-labels": "({} > 0)", "labels-from-1": "({} - 1)"}
# (spelled for torch, to class indices)
_CASTS = {
    (True, True): ".long()",
    (True, False): ".to(output.dtype)",
    (False, True): ".astype(int)",
    (False, False): ".astype(output.dtype)",
}
# With these no call can be right before something else is. (Others have no call as
# it is: `_LOSSES` has no row for what the output holds.)
_STOPS = {
    *("not-numbers", "two-libraries", "nan-target", "no-class-axis"),
    *("ambiguous-axis", "hard-predictions", "integer-output", "log-target"),
    *("not-labels", "label-range", "all-ignored"),
}


@quiet
def diagnose(output: Array, target: Array, /, *, axis: int | None = None) -> Diagnosis:
    """Tell what an output holds, which loss fits it, and what looks wrong.

    Parameters
    ----------
    output : array, any shape
        What a model gave: logits, probabilities or their logarithms.
    target : array
        What it should have given: class indices, rows of probabilities, or a
        0 or 1 for each output.
    axis : int, optional
        The class axis. Found from the shapes if they leave one choice only.

    Returns
    -------
    Diagnosis
        A report when printed. It says "can't tell" where the arrays leave
        more than one reading.

    Raises
    ------
    TypeError
        If `output` or `target` is neither a NumPy array nor a torch tensor.
    ValueError
        If `output` has no such axis.

    Notes
    -----
    Of the kinds above, a value below 0 cannot be a probability, and one above
    0 cannot be the logarithm of one: this is certain. Eight or more values
    that sum to 1 in every row are likely probabilities; within [0, 1] without
    such sums, likely those of a sigmoid. Fewer may be logits that someone
    typed: of ``[[0.2, 0.8]]`` it can't tell. A sum may be off by 1e-4 (0.005
    in float16, 0.05 in bfloat16).

    Which loss you call does not show in the arrays: what depends on it is
    "possible" at most. Options (weights, reductions) do not show either.

    Each call in `Diagnosis.fits` takes `output` and `target` as that library's
    arrays: as they are for celib, tensors for torch, ``jax.numpy`` arrays for
    optax, NumPy arrays for scikit-learn and Keras. The names are those of
    ``celib.losses`` and ``celib.information``, ``torch.nn.functional as F``,
    ``sklearn.metrics``, ``scipy.special`` (softmax, expit), ``jax.numpy as
    jnp``, ``jax.scipy.special`` (logit) and ``keras.losses``.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
    >>> diagnosis = diagnose(logits, np.array([0, 1]))
    >>> diagnosis.output, diagnosis.sure, diagnosis.target
    ('logits', 'certain', 'class indices')
    >>> diagnosis.fits["torch"]
    'F.cross_entropy(output, target)'
    >>> [m.slug for m in diagnose(logits, np.array([1, 3])).mistakes]
    ['labels-from-1']
    """
    z, y = _side(output, "output"), _side(target, "target")
    if axis is not None and not -output.ndim <= axis < output.ndim:
        raise ValueError(
            f"axis must be one of the {output.ndim} axes of output, got {axis=}"
        )
    f = _facts(z, y, axis)
    kind, truth = (next(r for r in t if r.when(f)) for t in (_OUTPUTS, _TARGETS))
    f.kind, f.truth = kind.name, truth.name
    f.sigmoid, f.zeros, f.ruled_out = _zeros(f)
    rows = [row for row in _MISTAKES if row.when(f)]
    f.slugs = {row.name for row in rows}
    calls = _LOSSES.get((f.kind, f.task), {}) if _STOPS.isdisjoint(f.slugs) else {}
    return Diagnosis(
        output=f.kind,
        sure=kind.sure,
        target=f.truth,
        reasons=(kind.says.format(f=f), truth.says.format(f=f)),
        axis=f.axis,
        fits={
            library: call.format(**_spell(f, library))
            for library, call in calls.items()
            # one takes no soft labels; logits of 0 and 1 would be NaN in the other
            if (f.y.whole or library != "scikit-learn")
            and not (library == "optax" and f.sigmoid and f.zeros)
        },
        unfit="" if f.task == "none" else _UNFIT.get((f.kind, f.one_class), ""),
        mistakes=tuple(
            Finding(row.name, row.sure, row.says.format(f=f), row.advice)
            for row in rows
        ),
    )


def _side(x: Array, name: str) -> SimpleNamespace:
    """Record one of the arrays; `_facts` may take an axis off its numbers `x`."""
    namespace(**{name: x})
    library = "np" if isinstance(x, np.ndarray) else "torch"
    dtype = str(x.dtype).removeprefix("torch.")
    family = next((kind for kind in ("float", "int", "bool") if kind in dtype), "")
    wide = x.detach().cpu().double() if library == "torch" and family else x
    x = np.asarray(wide, dtype=np.float64) if family else np.full(x.shape, np.nan)
    low, high = (float(f(x)) if x.size else np.nan for f in (np.min, np.max))
    return SimpleNamespace(
        x=x,
        name=name,
        library=library,
        dtype=dtype,
        family=family,
        # what rounding adds to a probability, and a hundredth of what to a sum
        speck={"float16": 5e-5, "bfloat16": 5e-4}.get(dtype, 1e-6),
        binary=x.size > 0 and bool(np.isin(x, (0, 1)).all()),
        signed=x.size > 0 and bool(np.isin(x, (-1, 1)).all()) and low < 0,
        low=low,
        high=high,
        whole=bool(np.all(x == np.round(x))),
        about=f"{x.size} of {dtype}, {low:.4g} to {high:.4g}",
        odd=(
            f"{np.isnan(x).sum()} NaN, {np.isposinf(x).sum()} +inf and "
            f"{np.isneginf(x).sum()} -inf"
        ),
    )


def _facts(
    z: SimpleNamespace, y: SimpleNamespace, named: int | None
) -> SimpleNamespace:
    """Record what the tables look at."""
    s, t = z.x.shape, y.x.shape
    if s == (*t, 1):
        z.x, z.name = z.x[..., 0], "output[..., 0]"
    elif s[-1:] != t[-1:] == (1,) and t[:-1] in (s, *_less_an_axis(s)):
        y.x, y.name = y.x[..., 0], "target[..., 0]"
    n, (task, axes) = z.x.ndim, _match(z, y, named)
    one_class = task in ("indices", "rows")
    settled = [a for a in axes if _normal(z, a) or _normal(z, a, logs=True)]
    axes = settled if len(settled) == 1 else axes
    axis = None if len(axes) != 1 else -1 if axes[0] == n - 1 else axes[0]
    along = -1 if axis is None else axis
    classes = z.x.shape[along] if n > 1 or one_class else 1
    marks = (-100, -1)[: 0 if task != "indices" or (y.signed and classes == 2) else 2]
    ignore = next((mark for mark in marks if np.any(y.x == mark)), None)
    labels = y.x if ignore is None else y.x[y.x != ignore]
    answers = 2 if task == "entries" else max(classes, 1)
    return SimpleNamespace(
        z=z,
        y=y,
        shapes=f"{s} and {t}",
        task=task,  # "indices", "rows" or "entries"; "none" if the shapes misfit
        one_class=one_class,  # for each item, and not an answer for each entry
        axes=axes,  # where the classes may lie
        axis=axis,  # where they do
        along=along,  # where to look in any case
        misplaced=axis is not None
        and named is None
        and axis % n != (min(n, 2) - 1 if z.library == "torch" else n - 1),
        classes=classes,
        others=classes - 1,
        rows=z.x.size // max(classes, 1),
        sums=classes > 1 and _normal(z, along),
        logs=classes > 1 and _normal(z, along, logs=True),
        broken=not np.all(z.x < np.inf)
        or (one_class and classes > 0 and np.isneginf(z.x).all(along).any()),
        hard=z.x.size >= _ENOUGH and z.binary and z.high > 0,
        swapped=z.x.size > 0
        and z.whole
        and (
            s in _less_an_axis(t)
            if task == "none"
            else task == "entries" and z.binary and (y.low < 0 or y.high > 1)
        ),
        ignore=ignore,
        labels=labels,  # without the ignored ones
        from_one=task == "indices"
        and y.whole
        and labels.size > 0
        and 1 <= np.min(labels) < np.max(labels) == classes,
        narrow=task == "indices" and y.dtype not in ("int64", "uint8"),
        miscast=y.family != "int" if task == "indices" else y.dtype != z.dtype,
        floor=np.log1p(max(classes - 1, 0) / math.e),
        answers=answers,
        chance=np.log(answers),
    )


def _less_an_axis(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [shape[:a] + shape[a + 1 :] for a in range(len(shape))]


def _match(
    z: SimpleNamespace, y: SimpleNamespace, named: int | None
) -> tuple[str, list[int]]:
    """Tell what kind of problem this is, and along which axes classes may lie."""
    asked = list(range(z.x.ndim)) if named is None else [named % z.x.ndim]
    if z.x.shape != y.x.shape:
        axes = [a for a in asked if _less_an_axis(z.x.shape)[a] == y.x.shape]
        return "indices" if axes else "none", axes
    axes = [a for a in asked if _normal(y, a)]
    if named is None and (axes != [0] or y.x.size < 4 * len(y.x)):
        # over the batch, a few sums of 1 may well be a coincidence
        axes = [a for a in axes if a > 0]
    return "rows" if axes else "entries", axes


def _normal(side: SimpleNamespace, axis: int, *, logs: bool = False) -> bool:
    """Whether the values, or their exponentials, are distributions along `axis`."""
    x = np.exp(side.x) if logs else side.x
    if x.size == 0 or x.shape[axis] < 2 or np.any(x < -side.speck):
        return False
    return bool(np.all(abs(x.sum(axis) - 1) <= 100 * side.speck))


def _zeros(f: SimpleNamespace) -> tuple[bool, bool, bool]:
    """Tell of sigmoids, of probabilities of 0, and whether such a thing happened."""
    sigmoid = f.kind == "independent probabilities"
    z, happened = f.z.x, f.y.x > 0
    if f.task == "indices":
        z = np.moveaxis(z, f.along, -1)
        happened = f.y.x[..., None] - f.from_one == np.arange(f.classes)
    elif f.task == "entries" and sigmoid:
        z, happened = np.stack([z, 1 - z]), np.stack([happened, f.y.x < 1])
    never = z == (0 if f.sums or sigmoid else -np.inf)
    ruled_out = f.task != "none" and len(f.axes) < 2 and (never & happened).any()
    return sigmoid, (f.sums or f.logs or sigmoid) and never.any(), ruled_out


def _spell(f: SimpleNamespace, library: str) -> dict[str, object]:
    """Write the arrays as arguments, with the classes where `library` looks."""
    own = {"celib": f.z.library, "torch": "torch", "optax": "jnp"}.get(library, "np")
    mend = next((_REPAIRS[slug] for slug in _REPAIRS if slug in f.slugs), "{}")
    z, y, n = f.z.name, mend.format(f.y.name), f.z.x.ndim
    if "signed-labels" in f.slugs or f.miscast or (own == "torch" and f.narrow):
        y += _CASTS[own == "torch", f.task == "indices"]
    home = {"celib": f.along, "torch": min(n, 2) - 1}.get(library, -1)
    if f.axis is not None and (f.axis - home) % n:
        move = "{}.movedim({}, {})" if own == "torch" else own + ".moveaxis({}, {}, {})"
        z, y = (
            move.format(x, f.axis, home) if x is z or f.task == "rows" else x
            for x in (z, y)
        )
    options = f", axis={f.axis}" * (
        library == "celib" and f.axis not in (None, -1)
    ) + ", ignore_index=-1" * (f.ignore == -1)
    if f.ignore is not None and library not in ("celib", "torch"):
        z, y = (f"{x}[{f.y.name} != {f.ignore}]" for x in (z, y))
    elif library == "scikit-learn" and f.one_class and n != 2:
        flat = f".reshape(-1, {f.classes})"
        z, y = z + flat, y + (flat if f.task == "rows" else ".ravel()")
    log = f"{z}.log()" if own == "torch" else f"{own}.log({z})"
    return {"z": z, "y": y, "log": log, "options": options, "k": f.classes}
