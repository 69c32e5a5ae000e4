"""What looks like a mistake: a rule for each, and how sure it is.

A rule is a function of the facts that returns what it found and what to do about it,
or None. Its name is the finding's. To add one, write it here, and a situation in which
it applies in ``tests/test_diagnose.py``.

"certain" is kept for arrays of which no loss of celib has a finite mean. Weights,
`ignore_index` and the loss itself do not show in the arrays, so whatever one of these
would explain is "likely" or "possible".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from celib.diagnose._facts import ENOUGH, Facts
from celib.diagnose._kinds import (
    CANT_TELL,
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    Kinds,
)
from celib.diagnose._report import Finding

__all__ = ["RULES", "Found", "check"]

# Which losses a rule is about, by what the shapes ask for (`Facts.task`).
INDICES = frozenset({"indices"})
SOFTMAX = frozenset({"indices", "rows"})
BINARY = frozenset({"entries"})
THAT_FIT = SOFTMAX | BINARY
ANY = THAT_FIT | {"none"}

# What was found, and what to do about it.
Words = tuple[str, str] | None
Sure = str | Callable[[Facts], str]


class _Rule(NamedTuple):
    """A rule, and what its decorator says of it."""

    slug: str
    sure: Sure
    losses: frozenset[str]
    blocks: bool
    repair: str
    words: Callable[[Facts, Kinds], Words]


RULES: list[_Rule] = []


def rule(
    sure: Sure,
    losses: frozenset[str] = ANY,
    *,
    blocks: bool = False,
    repair: str = "",
    slug: str = "",
) -> Callable[[Callable[[Facts, Kinds], Words]], Callable[[Facts, Kinds], Words]]:
    """Register a rule.

    Parameters
    ----------
    sure : str or callable
        "certain", "likely" or "possible"; or what tells one of these from the facts.
    losses : set of str
        Which losses the rule is about.
    blocks : bool
        Whether no call can be right before this is.
    repair : str
        What makes labels of the target, which is written at ``{}``.
    slug : str
        The finding's name, if the function's is another's.
    """

    def register(
        words: Callable[[Facts, Kinds], Words],
    ) -> Callable[[Facts, Kinds], Words]:
        name = slug or words.__name__.replace("_", "-")
        RULES.append(_Rule(name, sure, losses, blocks, repair, words))
        return words

    return register


@dataclass(frozen=True)
class Found:
    """What looks like a mistake, and what that means for the calls."""

    mistakes: tuple[Finding, ...]
    # no call can be right yet
    blocked: bool
    # what makes labels of the target, with {} where it is written
    repair: str


def check(facts: Facts, kinds: Kinds) -> Found:
    """Try every rule."""
    mistakes = []
    blocked = False
    repair = ""
    for each in RULES:
        if facts.task not in each.losses:
            continue
        words = each.words(facts, kinds)
        if words is None:
            continue
        sure = each.sure if isinstance(each.sure, str) else each.sure(facts)
        mistakes.append(Finding(each.slug, sure, *words))
        blocked = blocked or each.blocks
        repair = repair or each.repair
    return Found(tuple(mistakes), blocked, repair)


# --- no numbers to work with -------------------------------------------------


@rule("certain", blocks=True)
def not_numbers(facts: Facts, kinds: Kinds) -> Words:
    """Find complex numbers, dates, objects."""
    if facts.output.family and (facts.target.family or facts.target.is_text):
        return None
    return (
        f"of {facts.output.dtype} and {facts.target.dtype}, not both are real numbers.",
        "Convert them first.",
    )


@rule("likely", blocks=True)
def text_labels(facts: Facts, kinds: Kinds) -> Words:
    """Find names of classes, which scikit-learn alone takes."""
    if not facts.output.family or not facts.target.is_text:
        return None
    return (
        "the labels are strings: of the five libraries, only scikit-learn takes these.",
        "Number them: target = np.unique(target, return_inverse=True)[1].",
    )


@rule("certain", blocks=True)
def two_libraries(facts: Facts, kinds: Kinds) -> Words:
    """Find a tensor beside a NumPy array."""
    if facts.output.library == facts.target.library:
        return None
    return "one array is NumPy's, the other torch's.", "Convert one of them."


@rule("certain")
def empty(facts: Facts, kinds: Kinds) -> Words:
    """Find no items, or no classes."""
    if facts.output.size and facts.target.size:
        return None
    return (
        f"the shapes {facts.shapes} leave nothing to average: the mean is NaN.",
        "Look for a filter, or a last batch, that leaves nothing.",
    )


def _certain_if_counted(facts: Facts) -> str:
    """Allow for `ignore_index`, which may name one label, along one of the axes."""
    if facts.broken_label is not None or len(facts.axes) > 1:
        return "likely"
    return "likely" if facts.may_be_one_class else "certain"


@rule(_certain_if_counted)
def nan(facts: Facts, kinds: Kinds) -> Words:
    """Find NaN in the output, where it counts."""
    if not facts.has_nan or _is_ignored(facts):
        return None
    return (
        "the output has NaN, and so will the loss.",
        "Look upstream: 0/0, inf - inf, log of a negative number, too large a step.",
    )


def _certain_of_softmax(facts: Facts) -> str:
    """Allow for rows of yes and no, too, of which a binary loss takes +inf for yes."""
    if facts.task == "rows" and not facts.has_empty_row:
        return "certain" if facts.infinite_where_wrong else "likely"
    return _certain_if_counted(facts)


@rule(_certain_of_softmax, SOFTMAX | {"none"})
def infinite(facts: Facts, kinds: Kinds) -> Words:
    """Find infinity among the scores of classes, or no class left, where it counts."""
    if not facts.broken or facts.has_nan or not facts.output.size:
        return None
    if not facts.output.family or _is_ignored(facts):
        return None
    return (
        "+inf, or a row of nothing but -inf: softmax makes NaN of it.",
        "Look for an overflow (float16 ends at 65504), or a mask that hides all.",
    )


@rule("likely", BINARY, slug="infinite")
def infinite_score(facts: Facts, kinds: Kinds) -> Words:
    """Find infinity as the score of a yes or no, of which the sigmoid is 1."""
    if facts.output.high != np.inf:
        return None
    return (
        "+inf in the output: its sigmoid is 1, but torch's losses make NaN of it.",
        "Look for an overflow: float16 ends at 65504.",
    )


@rule("possible", INDICES)
def broken_but_ignored(facts: Facts, kinds: Kinds) -> Words:
    """Find NaN or infinity in rows that do not count."""
    if not _is_ignored(facts):
        return None
    return (
        f"NaN or infinity, but only in rows whose label is {facts.ignore}. The loss "
        "leaves them out; torch's gradient does not.",
        "Replace them by 0 before the loss.",
    )


def _is_ignored(facts: Facts) -> bool:
    """Whether nothing but rows that seem to be left out is NaN or infinite."""
    return facts.broken_label is not None and facts.broken_label == facts.ignore


@rule("certain", blocks=True)
def nan_target(facts: Facts, kinds: Kinds) -> Words:
    """Find NaN or infinity in the target, but for logarithms of 0."""
    if not facts.target.family or not facts.target.size:
        return None
    if facts.target_is_finite or facts.target_is_log:
        return None
    return (
        "the target has NaN or inf.",
        "Drop those items; class indices can be marked with ignore_index.",
    )


# --- shapes and axes ---------------------------------------------------------


@rule("likely", blocks=True)
def swapped(facts: Facts, kinds: Kinds) -> Words:
    """Find a target that came first."""
    if not facts.swapped:
        return None
    return (
        "the first array looks like labels, the second like scores.",
        "celib, torch and optax take the output first, scikit-learn and Keras last.",
    )


@rule("certain", frozenset({"none"}))
def shapes(facts: Facts, kinds: Kinds) -> Words:
    """Find a target with neither the shape of the output nor one axis less."""
    if facts.swapped:
        return None
    return (
        f"the shapes {facts.shapes} do not fit.",
        "A target has the output's shape, or that without the class axis.",
    )


@rule("likely", BINARY, blocks=True)
def no_class_axis(facts: Facts, kinds: Kinds) -> Words:
    """Find labels of several classes, and one score for each item."""
    if kinds.target != "class indices" or facts.swapped:
        return None
    return (
        f"labels other than 0 and 1, but one score per item (shapes {facts.shapes}).",
        "Give the last layer one output for each class.",
    )


@rule("possible", blocks=True)
def ambiguous_axis(facts: Facts, kinds: Kinds) -> Words:
    """Find several axes that may hold the classes."""
    if len(facts.axes) < 2:
        return None
    return (
        f"with shapes {facts.shapes} the classes may lie along any of the axes "
        f"{facts.axes}.",
        "Name it: diagnose(output, target, axis=...).",
    )


@rule("likely", SOFTMAX)
def class_axis(facts: Facts, kinds: Kinds) -> Words:
    """Find classes where the library does not look for them."""
    if not facts.misplaced:
        return None
    if facts.axis == 0 and facts.task == "indices":
        return (
            "the classes lie along axis 0, where no loss looks for them.",
            "Transpose, or tell celib axis=0.",
        )
    return (
        f"the classes lie along axis {facts.axis}; torch looks at axis 1, all others "
        "at -1.",
        "Move the axis as the calls above do, or name it.",
    )


def _certain_but_for_one_class(facts: Facts) -> str:
    """Allow for a cross-entropy over one class, which takes a column and integers."""
    return "likely" if facts.may_be_one_class else "certain"


@rule(_certain_but_for_one_class)
def column(facts: Facts, kinds: Kinds) -> Words:
    """Find an axis of length 1 that only one of the arrays has."""
    if (facts.output.name, facts.target.name) == ("output", "target"):
        return None
    return (
        f"the shapes {facts.shapes} differ by an axis of length 1: arithmetic would "
        "broadcast them to all pairs.",
        "Take it off, as the calls above do.",
    )


@rule("possible")
def one_class(facts: Facts, kinds: Kinds) -> Words:
    """Find a column of outputs, which cross-entropy takes for a single class."""
    if facts.output.name == "output" or facts.column_of_ones:
        return None
    return (
        "softmax over a single column is 1: cross_entropy is 0 whatever you do.",
        "Take a binary loss, or one column for each class.",
    )


# --- what the last layer did -------------------------------------------------


@rule("likely", blocks=True)
def softmax_of_one(facts: Facts, kinds: Kinds) -> Words:
    """Find a softmax over an axis of length 1."""
    if not facts.column_of_ones or facts.swapped:
        return None
    return (
        "every output is 1, as softmax over an axis of length 1 makes it.",
        "Take a sigmoid in its place, or leave it out and take the loss with logits.",
    )


@rule("likely", blocks=True)
def softmax_axis(facts: Facts, kinds: Kinds) -> Words:
    """Find a softmax over the items in place of the classes."""
    if not facts.wrong_sums or facts.hard or facts.swapped:
        return None
    return (
        f"the output sums to 1 along {facts.wrong_sums}, and not over the classes: a "
        "softmax along the wrong axis.",
        "Name the class axis there (dim in torch, axis elsewhere), or leave it out.",
    )


@rule("likely", blocks=True)
def hard_predictions(facts: Facts, kinds: Kinds) -> Words:
    """Find decisions in place of scores."""
    if not facts.hard or facts.swapped or facts.column_of_ones:
        return None
    return (
        "only 0 and 1: predictions (argmax, round), or a softmax that was rounded. "
        "They teach nothing: their gradient is 0 or none.",
        "Give the loss the scores they came from.",
    )


@rule("certain", blocks=True)
def integer_output(facts: Facts, kinds: Kinds) -> Words:
    """Find integers, of which no loss takes a gradient."""
    if facts.output.family not in ("int", "bool") or facts.hard or facts.swapped:
        return None
    return (
        f"the output holds {facts.output.dtype} where losses take floats.",
        "Cast scores; if these are predicted labels, give the scores instead.",
    )


@rule("possible", SOFTMAX)
def softmax_before_loss(facts: Facts, kinds: Kinds) -> Words:
    """Find probabilities, which most losses would put through softmax again."""
    if not facts.sums or facts.hard or facts.swapped:
        return None
    others = facts.classes - 1
    # the best that softmax can do with probabilities: 1 for the label, 0 elsewhere
    floor = np.log1p(others / math.e)
    return (
        "a loss that takes logits, such as cross_entropy, applies softmax again and "
        f"cannot fall below log(1 + {others}/e) = {floor:.4f}.",
        "Leave softmax out of the model, or take a loss of probabilities.",
    )


@rule("possible", SOFTMAX)
def log_probs_as_logits(facts: Facts, kinds: Kinds) -> Words:
    """Find log-probabilities, which cross-entropy would normalise again."""
    if not facts.logs:
        return None
    return (
        "cross_entropy would normalise again: redundant, but harmless.",
        "Leave log_softmax out, or take nll.",
    )


@rule("possible", BINARY)
def sigmoid_before_loss(facts: Facts, kinds: Kinds) -> Words:
    """Find probabilities, which most losses would put through a sigmoid again."""
    if not kinds.sigmoid or facts.wrong_sums:
        return None
    if facts.hard or facts.swapped or facts.column_of_ones:
        return None
    return (
        "a loss that takes logits applies sigmoid again; one that takes "
        "probabilities has lost digits near 0 and 1.",
        "Leave sigmoid out, and take the loss with logits.",
    )


@rule("likely", SOFTMAX)
def sigmoid_on_multiclass(facts: Facts, kinds: Kinds) -> Words:
    """Find a sigmoid for each class, where one class is right."""
    if not kinds.sigmoid or facts.wrong_sums or facts.hard or facts.swapped:
        return None
    return (
        "one class per item, but rows in [0, 1] that do not sum to 1: a sigmoid where "
        "softmax belongs.",
        "Give cross_entropy the scores before the sigmoid.",
    )


@rule("likely", BINARY)
def softmax_on_multilabel(facts: Facts, kinds: Kinds) -> Words:
    """Find a distribution over classes, where several may be right."""
    if kinds.output not in (PROBABILITIES, LOG_PROBABILITIES) or facts.swapped:
        return None
    return (
        "rows that sum to 1, but labels that do not exclude each other.",
        "Give a binary loss with logits the scores before the softmax.",
    )


@rule("likely")
def relu_before_loss(facts: Facts, kinds: Kinds) -> Words:
    """Find scores of one sign, many of them 0."""
    if kinds.output != LOGITS or facts.output.size < ENOUGH or facts.output.low != 0:
        return None
    if facts.output_is_whole or np.mean(facts.z == 0) < 0.25:
        return None
    return (
        "no output is negative, and many are exactly 0: a ReLU after the last layer.",
        "Leave it out: scores need both signs.",
    )


@rule("possible", SOFTMAX)
def kl_of_probabilities(facts: Facts, kinds: Kinds) -> Words:
    """Find two distributions, as for a divergence."""
    if not kinds.output == kinds.target == PROBABILITIES or facts.swapped:
        return None
    return (
        "F.kl_div takes log-probabilities first: of these it may be negative.",
        "KL(target, output) is F.kl_div(output.log(), target, reduction='batchmean').",
    )


# --- what the target holds ---------------------------------------------------


@rule("likely", SOFTMAX, blocks=True)
def log_target(facts: Facts, kinds: Kinds) -> Words:
    """Find logarithms, where losses take probabilities."""
    if kinds.target != LOG_PROBABILITIES:
        return None
    return (
        "the target holds log-probabilities where losses take probabilities.",
        "Exponentiate it; F.kl_div alone takes it so, with log_target=True.",
    )


@rule("likely", THAT_FIT, blocks=True)
def not_labels(facts: Facts, kinds: Kinds) -> Words:
    """Find quantities, or scores, as the target."""
    if kinds.target != CANT_TELL or not facts.target.size or facts.swapped:
        return None
    if not facts.target_is_finite:
        return None
    return (
        f"the target holds neither labels nor probabilities ({facts.target.about}).",
        "For a quantity take mse_loss; for a teacher's scores their softmax.",
    )


def _certain_of_tensors(facts: Facts) -> str:
    """Allow for NumPy arrays on their way to scikit-learn or Keras, which take them."""
    return "certain" if facts.target.library == "torch" else "possible"


@rule(_certain_of_tensors, INDICES)
def float_labels(facts: Facts, kinds: Kinds) -> Words:
    """Find class indices that are no integers."""
    if facts.target.family != "float":
        return None
    if kinds.target not in ("class indices", "signed labels", "labels 0 and 255"):
        return None
    return (
        f"class indices stored as {facts.target.dtype}: celib and torch take floats "
        "for probabilities, and refuse the shape.",
        "Cast them to integers.",
    )


@rule("possible", INDICES)
def narrow_labels(facts: Facts, kinds: Kinds) -> Words:
    """Find class indices of fewer bits than torch takes."""
    if facts.target.library != "torch" or facts.target.family != "int":
        return None
    if facts.target.dtype in ("int64", "uint8"):
        return None
    return (
        f"class indices stored as {facts.target.dtype}: torch takes int64 (or uint8) "
        "only.",
        "Cast them with .long().",
    )


def _certain_of_answers_in_tensors(facts: Facts) -> str:
    """Allow for NumPy arrays, as above, and for class indices beside a column."""
    return "possible" if facts.may_be_one_class else _certain_of_tensors(facts)


@rule(_certain_of_answers_in_tensors, frozenset({"rows", "entries"}))
def integer_target(facts: Facts, kinds: Kinds) -> Words:
    """Find answers that are no floats."""
    if facts.target.family not in ("int", "bool"):
        return None
    if kinds.target in ("class indices", CANT_TELL) or facts.swapped:
        return None
    return (
        f"the target holds {facts.target.dtype} where celib and torch take floats.",
        "Cast it to the output's dtype.",
    )


@rule("likely", SOFTMAX | BINARY, repair="({} - 1)")
def labels_from_1(facts: Facts, kinds: Kinds) -> Words:
    """Find labels that count from 1."""
    if not facts.from_one:
        return None
    if facts.task == "entries":
        return (
            "the labels are 1 and 2, where binary losses take 0 and 1.",
            "Count from 0: subtract 1.",
        )
    return (
        f"labels run from 1 to {facts.classes}, the number of classes.",
        "Count from 0: subtract 1.",
    )


@rule("likely", THAT_FIT, repair="({} > 0)")
def labels_0_and_255(facts: Facts, kinds: Kinds) -> Words:
    """Find an image's black and white for no and yes."""
    if not facts.target_is_0_and_255:
        return None
    return (
        "0 and 255 are black and white of an image; losses take 0 and 1.",
        "Take target > 0. If 255 means void, say ignore_index=255.",
    )


def _certain_of_two_labels(facts: Facts) -> str:
    """Allow for one label that `ignore_index` names; two cannot both be that."""
    marks = 0 if facts.ignore is None else 1
    return "certain" if len(facts.out_of_range) + marks > 1 else "likely"


@rule(_certain_of_two_labels, INDICES, blocks=True)
def label_range(facts: Facts, kinds: Kinds) -> Words:
    """Find labels that no class has."""
    if kinds.target != "class indices" or facts.from_one or not len(facts.out_of_range):
        return None
    return (
        f"labels must lie in [0, {facts.classes}) ({facts.target.about}).",
        "Compare the number of outputs with the number of classes. A label that means "
        "no class is named by ignore_index.",
    )


@rule("likely", THAT_FIT, repair="({} > 0)")
def signed_labels(facts: Facts, kinds: Kinds) -> Words:
    """Find the labels of the hinge loss."""
    if kinds.target != "signed labels":
        return None
    return (
        "-1 and 1 are the hinge loss's labels; cross-entropy takes 0 and 1.",
        "Take target > 0.",
    )


@rule("likely", INDICES)
def ignore_index(facts: Facts, kinds: Kinds) -> Words:
    """Find padding that is not marked as celib and torch mark it by default."""
    if facts.ignore in (None, -100) or not facts.counted_labels.size:
        return None
    what = "padding" if facts.ignore == -1 else "a void label"
    return (
        f"{facts.ignore} looks like {what}, but by default celib and torch ignore "
        "-100.",
        f"Say ignore_index={facts.ignore}.",
    )


@rule("likely", BINARY)
def marked_answers(facts: Facts, kinds: Kinds) -> Words:
    """Find answers that a mark leaves out, for which binary losses have no option."""
    if facts.ignored_answer is None:
        return None
    return (
        f"{facts.ignored_answer} among answers of 0 and 1 looks like a mark for what "
        "to leave out, but binary losses take no ignore_index.",
        "Select what counts, as the calls above do.",
    )


@rule("certain", INDICES, blocks=True)
def all_ignored(facts: Facts, kinds: Kinds) -> Words:
    """Find nothing but padding."""
    if facts.ignore is None or facts.counted_labels.size:
        return None
    return (
        f"every label is {facts.ignore}: nothing counts, and the mean is 0/0 = NaN.",
        "Skip such a batch, or divide the sum by max(count, 1).",
    )


# --- output and target together ----------------------------------------------


@rule("likely", THAT_FIT)
def infinite_loss(facts: Facts, kinds: Kinds) -> Words:
    """Find something that happened and that the output gives no chance."""
    if not kinds.ruled_out or facts.swapped or facts.column_of_ones:
        return None
    return (
        "something happened that the output gives probability 0: the loss is "
        "infinite, or whatever a library clips it to.",
        "Give a loss with logits the scores; look for rounding, or a mask.",
    )


@rule("likely", THAT_FIT)
def masked_answer(facts: Facts, kinds: Kinds) -> Words:
    """Find something that happened and that a large negative number masks."""
    if not facts.answer_is_masked:
        return None
    return (
        "something happened whose score is a mask's large negative number: the loss "
        "of that item is as large.",
        "Look at the mask: the right answer must be left open.",
    )


@rule("possible", THAT_FIT)
def log_of_zero(facts: Facts, kinds: Kinds) -> Words:
    """Find probabilities of 0, though nothing of the kind happened."""
    if not kinds.zeros or kinds.ruled_out or facts.hard or facts.column_of_ones:
        return None
    return (
        "some probabilities are exactly 0 (or 1, of yes or no): log gives -inf.",
        "Give a loss with logits the scores: they keep what rounding lost.",
    )


@rule("possible", THAT_FIT)
def no_preference(facts: Facts, kinds: Kinds) -> Words:
    """Find a model that has learned nothing yet."""
    if not _is_indifferent(facts, kinds):
        return None
    return (
        f"all answers get about the same: the loss is log {facts.answers} = "
        f"{np.log(facts.answers):.4f}.",
        "Right for a model not yet trained. If it stays: look at the step size, at "
        "dead units, and at whether inputs and labels belong together.",
    )


def _is_indifferent(facts: Facts, kinds: Kinds) -> bool:
    """Whether all answers get about the same."""
    if not facts.rows or len(facts.axes) > 1 or facts.wrong_sums:
        return False
    if facts.task == "entries":
        middle = 0.5 if kinds.sigmoid else 0
        return bool(np.max(abs(facts.z - middle)) <= 0.005)
    spread = np.max(np.ptp(facts.z, axis=facts.along))
    # a probability is about 1 / classes, and its spread a part of that
    unit = facts.classes if facts.sums else 1
    return bool(spread <= 0.01 / unit)


@rule("likely", THAT_FIT)
def same_output(facts: Facts, kinds: Kinds) -> Words:
    """Find a model that does not look at its input."""
    if not facts.same_for_all or facts.column_of_ones or facts.wrong_sums:
        return None
    if facts.hard or _is_indifferent(facts, kinds):
        return None
    return (
        "every item gets the same output, as if the input did not matter.",
        "Look for dead units, for inputs that are all alike, or for a layer that the "
        "output does not pass.",
    )
