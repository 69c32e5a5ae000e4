"""The diagnosis: what went wrong, told from two arrays, and the call that is right.

First values that a person can check by hand, then one table with a row for each
situation, then the calls that the diagnosis suggests, and last what it never does.
"""

import os
import time
import tracemalloc
from typing import NamedTuple

os.environ.setdefault("KERAS_BACKEND", "torch")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
import scipy.special
import sklearn.metrics
import torch
from arrays import to_numpy, to_torch
from diagnosed import valid_calls
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.scipy.special import logit
from torch.nn import functional as F

from celib import information, losses
from celib.diagnose import _facts, diagnose
from celib.diagnose._rules import RULES
from celib.softmax import log_softmax, sigmoid, softmax

# --- running a suggested call ----------------------------------------------

# What the names in a call stand for.
NAMES = {
    "F": F,
    "expit": scipy.special.expit,
    "information": information,
    "jnp": jnp,
    "log_loss": sklearn.metrics.log_loss,
    "logit": logit,
    "np": np,
    "optax": optax,
    "softmax": scipy.special.softmax,
    **{name: getattr(losses, name) for name in losses.__all__},
    **{name: getattr(keras.losses, name) for name in dir(keras.losses)},
}
# The arrays that each library gets; celib takes them as they are.
OWN_ARRAYS = {
    "torch": to_torch,
    "scikit-learn": to_numpy,
    "optax": jnp.asarray,
    "Keras": to_numpy,
}
LIBRARIES = {"celib", *OWN_ARRAYS}


def run(library, call, output, target, array=to_numpy):
    """The loss that a suggested call gives, pasted as it is."""
    own = OWN_ARRAYS.get(library, array)
    # the logarithm of a probability of 0 is what these calls take
    with np.errstate(divide="ignore"), jax.enable_x64(True):
        arrays = {"output": own(output), "target": own(target)}
        return float(eval(call, NAMES | arrays))


def losses_of_all_calls(output, target):
    """The loss by every call suggested for two NumPy arrays."""
    calls = diagnose(output, target).fits
    return {library: run(library, calls[library], output, target) for library in calls}


def causes(diagnosis):
    """The short names of what looks like a mistake, each of them once."""
    slugs = [finding.slug for finding in diagnosis.mistakes]
    assert len(slugs) == len(set(slugs))
    return set(slugs)


# --- worked by hand --------------------------------------------------------

# Four items, three classes. The label's probability is 1/2, 1/2, 1/4 and 1/4, so
# the losses are log 2, log 2, 2 log 2 and 2 log 2: their mean is 1.5 log 2.
QUARTERS = np.array([[1, 2, 1], [2, 1, 1]] * 2) / 4
ITEMS = np.array([1, 0, 2, 1])
ITEMS_LOSS = 1.5 * np.log(2)


@pytest.mark.parametrize(
    ("output", "target"),
    [
        pytest.param(np.log(QUARTERS) + 1, ITEMS, id="logits"),
        pytest.param(np.log(QUARTERS).T + 1, ITEMS, id="classes first"),
        pytest.param(np.log(QUARTERS), ITEMS, id="log-probabilities"),
        pytest.param(QUARTERS, ITEMS, id="probabilities"),
        pytest.param(np.log(QUARTERS) + 1, np.eye(3)[ITEMS], id="one-hot"),
        pytest.param(np.log(QUARTERS) + 1, ITEMS + 1, id="labels from 1"),
        pytest.param(np.log(QUARTERS) + 1, ITEMS * 1.0, id="labels as floats"),
    ],
)
def test_every_call_gives_the_cross_entropy_worked_by_hand(output, target):
    found = losses_of_all_calls(output, target)
    assert set(found) == LIBRARIES
    for library, loss in found.items():
        assert loss == pytest.approx(ITEMS_LOSS, rel=2e-6), library


@pytest.mark.parametrize("mark", [-100, -1])
def test_padding_counts_for_nothing_in_any_call(mark):
    padded = np.array([mark, 0, 2, 1])
    found = losses_of_all_calls(np.log(QUARTERS) + 1, padded)
    assert set(found) == LIBRARIES
    for library, loss in found.items():
        assert loss == pytest.approx(5 / 3 * np.log(2), rel=2e-6), library


# Yes or no, eight times: what happened had probability 3/4 or 1/4 by turns.
ODDS = np.array([3, 1 / 3, 3, 1 / 3] * 2)
HAPPENED = np.array([1, 0, 0, 1] * 2)
HAPPENED_LOSS = (np.log(4 / 3) + np.log(4)) / 2


@pytest.mark.parametrize(
    ("output", "target"),
    [
        pytest.param(np.log(ODDS), 1.0 * HAPPENED, id="logits"),
        pytest.param(np.log(ODDS), 2 * HAPPENED - 1, id="labels -1 and 1"),
        pytest.param(np.log(ODDS)[:, None], 1.0 * HAPPENED, id="a column"),
        pytest.param(ODDS / (1 + ODDS), 1.0 * HAPPENED, id="probabilities"),
    ],
)
def test_every_call_gives_the_binary_cross_entropy_worked_by_hand(output, target):
    found = losses_of_all_calls(output, target)
    assert set(found) == LIBRARIES
    for library, loss in found.items():
        assert loss == pytest.approx(HAPPENED_LOSS, rel=2e-6), library


def test_the_floor_of_a_second_softmax_is_the_loss_that_is_reached():
    best = np.eye(10)
    reached = float(losses.cross_entropy(best, np.arange(10)))
    (mistake,) = diagnose(softmax(best * 50), np.arange(10), axis=1).mistakes
    assert mistake.slug == "softmax-before-loss"
    assert f"log(1 + 9/e) = {reached:.4f}" in mistake.sentence


# --- the table -------------------------------------------------------------


def normal(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def put(x, index, value):
    x = x.copy()
    x[index] = value
    return x


# Eight items of three classes, and what a model may give for them.
LABELS = np.array([0, 1, 2, 2, 1, 0, 0, 1])
PADDED = np.where(LABELS == 2, -100, LABELS)
LOGITS = 3 * normal(8, 3, seed=0)
PROBS = softmax(LOGITS)
LOG_PROBS = log_softmax(LOGITS)
SIGMOIDS = sigmoid(LOGITS)
BEST, WORST = LOGITS.argmax(axis=1), LOGITS.argmin(axis=1)
MASKED = LOGITS.copy()
MASKED[np.arange(8), WORST] = -np.inf
# Other ways to say what is right.
ONE_HOT = np.eye(3)[LABELS]
SOFT = softmax(normal(8, 3, seed=1))
MANY = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 1], [0, 1, 0]] * 2).astype(float)
# A mask that rules one class of each item out, in two ways of writing it.
MASKED_BY_1E9 = np.where(np.isinf(MASKED), -1e9, LOGITS)
MASKED_BY_1E4 = np.where(np.isinf(MASKED), -1e4, LOGITS)
# Yes or no, with one score for an item or two.
YES = np.array([0.0, 1, 1, 0, 1, 0, 0, 1])
YES_INT = YES.astype(int)
SCORE = 3 * normal(8, seed=2)
TWO = 3 * normal(8, 2, seed=3)
# Four sequences of five tokens.
SEQUENCES = 3 * normal(4, 5, 3, seed=4)
TOKENS = np.random.default_rng(5).integers(0, 3, (4, 5))
CUBE = 3 * normal(4, 3, 3, seed=6)
# A batch as large as the number of classes: eight items, eight classes, three places.
EIGHTS = 3 * normal(8, 8, 3, seed=11)
EIGHT_LABELS = np.random.default_rng(12).integers(0, 8, (8, 3))
# A picture of eight pixels in each of two images.
IMAGES = 3 * normal(2, 2, 4, seed=13)
BLACK_AND_WHITE = np.array([[[0, 255, 255, 0], [0, 0, 255, 0]]] * 2, dtype=np.uint8)

CROSS_ENTROPY = "F.cross_entropy(output, target)"
BINARY = "F.binary_cross_entropy_with_logits(output, target)"
NO_CALL = None
CANT_TELL = "can't tell"


class Situation(NamedTuple):
    """One row: what someone did, the arrays, and what the diagnosis must say."""

    did: str
    output: np.ndarray
    target: np.ndarray
    # what the output and the target are told to be
    output_is: str
    target_is: str
    # the mistakes that it looks like, parted by spaces
    causes: str
    # the call for PyTorch that is right
    fix: str | None

    @property
    def sure(self):
        """How sure the kind of the output is."""
        # all below 0, logits might yet be logarithms of probabilities
        if self.output_is == "logits" and np.max(self.output) > 0:
            return "certain"
        return CANT_TELL if self.output_is == CANT_TELL else "likely"


# fmt: off
NOTHING_IS_WRONG = [
    Situation("one label for each row of logits",
        LOGITS, LABELS, "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("numbers of half the size",
        LOGITS.astype(np.float32), LABELS.astype(np.int32), "logits", "class indices",
        "", "F.cross_entropy(output, target.long())"),
    Situation("one-hot rows",
        LOGITS, ONE_HOT, "logits", "one-hot rows",
        "", CROSS_ENTROPY),
    Situation("a distribution as target",
        LOGITS, SOFT, "logits", "probabilities",
        "", CROSS_ENTROPY),
    Situation("several labels may apply",
        LOGITS, MANY, "logits", "multi-label rows",
        "", BINARY),
    Situation("several labels, none quite sure",
        LOGITS, MANY * 0.9 + 0.04, "logits", "independent probabilities",
        "", BINARY),
    Situation("yes or no",
        SCORE, YES, "logits", "binary labels",
        "", BINARY),
    Situation("yes or no, both as columns",
        SCORE[:, None], YES[:, None], "logits", "binary labels",
        "", BINARY),
    Situation("yes or no, not quite sure",
        SCORE, YES * 0.8 + 0.1, "logits", "independent probabilities",
        "", BINARY),
    Situation("yes or no, with two logits",
        TWO, YES_INT, "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("a single item",
        np.array([2.0, -1.0, 0.5]), np.array(2), "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("padding, marked -100",
        LOGITS, PADDED, "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("a mask that rules classes out",
        MASKED, BEST, "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("a mask by -1e9 that leaves the answer open",
        MASKED_BY_1E9, BEST, "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("the last class does not occur",
        LOGITS, np.minimum(LABELS, 1), "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("the first class does not occur",
        LOGITS, np.maximum(LABELS, 1), "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("all logits are above 1",
        LOGITS - LOGITS.min() + 2, LABELS, "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("all logits are below 0",
        LOGITS - LOGITS.max() - 2, LABELS, "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("hundreds of classes",
        normal(4, 500, seed=7), np.array([7, 0, 499, 3]), "logits", "class indices",
        "", CROSS_ENTROPY),
    Situation("sequences, classes last",
        SEQUENCES, TOKENS, "logits", "class indices",
        "", "F.cross_entropy(output.movedim(-1, 1), target)"),
]

# The arrays are right for one loss and wrong for another.
THE_LOSS_DECIDES = [
    Situation("softmax in the model",
        PROBS, LABELS, "probabilities", "class indices",
        "softmax-before-loss", "F.nll_loss(output.log(), target)"),
    Situation("softmax in half precision",
        PROBS.astype(np.float16), LABELS, "probabilities", "class indices",
        "softmax-before-loss", "F.nll_loss(output.log(), target)"),
    Situation("softmax over two classes",
        softmax(TWO), YES_INT, "probabilities", "class indices",
        "softmax-before-loss", "F.nll_loss(output.log(), target)"),
    Situation("softmax, one-hot rows",
        PROBS, ONE_HOT, "probabilities", "one-hot rows",
        "softmax-before-loss", "F.cross_entropy(output.log(), target)"),
    Situation("two distributions, as for a divergence",
        PROBS, SOFT, "probabilities", "probabilities",
        "softmax-before-loss kl-of-probabilities",
        "F.cross_entropy(output.log(), target)"),
    Situation("log-softmax in the model",
        LOG_PROBS, LABELS, "log-probabilities", "class indices",
        "log-probs-as-logits", "F.nll_loss(output, target)"),
    Situation("log-softmax, with padding",
        LOG_PROBS, PADDED, "log-probabilities", "class indices",
        "log-probs-as-logits", "F.nll_loss(output, target)"),
    Situation("log-softmax, a distribution as target",
        LOG_PROBS, SOFT, "log-probabilities", "probabilities",
        "log-probs-as-logits", CROSS_ENTROPY),
    Situation("log-softmax, one-hot rows",
        LOG_PROBS, ONE_HOT, "log-probabilities", "one-hot rows",
        "log-probs-as-logits", CROSS_ENTROPY),
    Situation("a sigmoid in the model",
        sigmoid(SCORE), YES, "independent probabilities", "binary labels",
        "sigmoid-before-loss", "F.binary_cross_entropy(output, target)"),
    Situation("a sigmoid, target of another size",
        sigmoid(SCORE).astype(np.float32), YES,
        "independent probabilities", "binary labels",
        "sigmoid-before-loss",
        "F.binary_cross_entropy(output, target.to(output.dtype))"),
    Situation("a sigmoid for each of several labels",
        SIGMOIDS, MANY, "independent probabilities", "multi-label rows",
        "sigmoid-before-loss", "F.binary_cross_entropy(output, target)"),
    Situation("a saturated sigmoid that is wrong",
        put(sigmoid(SCORE), 0, 1.0), YES,
        "independent probabilities", "binary labels",
        "sigmoid-before-loss infinite-loss", "F.binary_cross_entropy(output, target)"),
    Situation("a saturated sigmoid that is right",
        put(sigmoid(SCORE), 1, 1.0), YES,
        "independent probabilities", "binary labels",
        "sigmoid-before-loss log-of-zero", "F.binary_cross_entropy(output, target)"),
    Situation("probabilities of 0, by a mask",
        softmax(MASKED), BEST, "probabilities", "class indices",
        "softmax-before-loss log-of-zero", "F.nll_loss(output.log(), target)"),
    Situation("logarithms of 0, by a mask",
        log_softmax(MASKED), BEST, "log-probabilities", "class indices",
        "log-probs-as-logits log-of-zero", "F.nll_loss(output, target)"),
]

# The call may be as usual, and still training will not work.
WORTH_A_LOOK = [
    Situation("a model before training",
        LOGITS * 1e-4, LABELS, "logits", "class indices",
        "no-preference", CROSS_ENTROPY),
    Situation("a mask that hides the answer",
        MASKED, WORST, "logits", "class indices",
        "infinite-loss", CROSS_ENTROPY),
    Situation("a mask by -1e9 that hides the answer",
        MASKED_BY_1E9, WORST, "logits", "class indices",
        "masked-answer", CROSS_ENTROPY),
    Situation("a mask in half precision that hides the answer",
        MASKED_BY_1E4.astype(np.float16), WORST, "logits", "class indices",
        "masked-answer", CROSS_ENTROPY),
    Situation("a mask that hides the answer, one-hot",
        MASKED_BY_1E9, np.eye(3)[WORST], "logits", "one-hot rows",
        "masked-answer", CROSS_ENTROPY),
    Situation("a mask that hides a yes",
        np.where(YES > 0, -1e9, SCORE), YES, "logits", "binary labels",
        "masked-answer", BINARY),
    Situation("the same logits for every item",
        np.tile(LOGITS[0], (8, 1)), LABELS, "logits", "class indices",
        "same-output", CROSS_ENTROPY),
    Situation("the same logits for every sequence",
        np.tile(SEQUENCES[:1], (4, 1, 1)), TOKENS, "logits", "class indices",
        "same-output", "F.cross_entropy(output.movedim(-1, 1), target)"),
    Situation("the same score for every item",
        np.full(8, 1.7), YES, "logits", "binary labels",
        "same-output", BINARY),
    Situation("the same scores for several labels",
        np.tile(LOGITS[0], (8, 1)), MANY, "logits", "multi-label rows",
        "same-output", BINARY),
    Situation("a ReLU as the last layer",
        np.maximum(LOGITS, 0), LABELS, "logits", "class indices",
        "relu-before-loss", CROSS_ENTROPY),
]

THE_CALL_REPAIRS_IT = [
    Situation("labels as floats",
        LOGITS, LABELS.astype(float), "logits", "class indices",
        "float-labels", "F.cross_entropy(output, target.long())"),
    Situation("labels that count from 1",
        LOGITS, LABELS + 1, "logits", "class indices",
        "labels-from-1", "F.cross_entropy(output, (target - 1))"),
    Situation("floats that count from 1",
        LOGITS, LABELS + 1.0, "logits", "class indices",
        "labels-from-1 float-labels", "F.cross_entropy(output, (target - 1).long())"),
    Situation("one-hot rows of integers",
        LOGITS, ONE_HOT.astype(int), "logits", "one-hot rows",
        "integer-target", "F.cross_entropy(output, target.to(output.dtype))"),
    Situation("several labels as booleans",
        LOGITS, MANY > 0, "logits", "multi-label rows",
        "integer-target",
        "F.binary_cross_entropy_with_logits(output, target.to(output.dtype))"),
    Situation("yes or no as integers",
        SCORE, YES_INT, "logits", "binary labels",
        "integer-target",
        "F.binary_cross_entropy_with_logits(output, target.to(output.dtype))"),
    Situation("yes or no as 1 and -1",
        SCORE, 2 * YES - 1, "logits", "signed labels",
        "signed-labels",
        "F.binary_cross_entropy_with_logits(output, (target > 0).to(output.dtype))"),
    Situation("1 and -1 beside two logits",
        TWO, 2 * YES_INT - 1, "logits", "signed labels",
        "signed-labels", "F.cross_entropy(output, (target > 0).long())"),
    Situation("padding, marked -1",
        LOGITS, np.where(LABELS == 2, -1, LABELS), "logits", "class indices",
        "ignore-index", "F.cross_entropy(output, target, ignore_index=-1)"),
    Situation("a void label, 255",
        LOGITS, np.where(LABELS == 2, 255, LABELS), "logits", "class indices",
        "ignore-index", "F.cross_entropy(output, target, ignore_index=255)"),
    Situation("a void label, 255, in a byte",
        LOGITS, np.where(LABELS == 2, 255, LABELS).astype(np.uint8),
        "logits", "class indices",
        "ignore-index", "F.cross_entropy(output, target, ignore_index=255)"),
    Situation("a void label beside two logits",
        TWO, put(YES_INT, 0, 255), "logits", "class indices",
        "ignore-index", "F.cross_entropy(output, target, ignore_index=255)"),
    Situation("labels that count from 1, with padding",
        LOGITS, np.where(LABELS == 1, -100, LABELS + 1), "logits", "class indices",
        "labels-from-1", "F.cross_entropy(output, (target - 1), ignore_index=-101)"),
    Situation("yes or no as 1 and 2",
        SCORE, YES + 1, "logits", "labels 1 and 2",
        "labels-from-1",
        "F.binary_cross_entropy_with_logits(output, (target - 1))"),
    Situation("yes or no as integers 1 and 2",
        SCORE, YES_INT + 1, "logits", "labels 1 and 2",
        "labels-from-1 integer-target",
        "F.binary_cross_entropy_with_logits(output, (target - 1).to(output.dtype))"),
    Situation("1 and 2 beside a sigmoid for each of several labels",
        SIGMOIDS, MANY + 1, "independent probabilities", "labels 1 and 2",
        "labels-from-1 sigmoid-before-loss",
        "F.binary_cross_entropy(output, (target - 1))"),
    Situation("yes or no, void marked 255",
        SCORE, put(YES, 1, 255), "logits", "binary labels",
        "marked-answers",
        "F.binary_cross_entropy_with_logits(output[target != 255], "
        "target[target != 255])"),
    Situation("several labels, some unknown and marked -1",
        LOGITS, put(MANY, (0, 0), -1), "logits", "multi-label rows",
        "marked-answers",
        "F.binary_cross_entropy_with_logits(output[target != -1], "
        "target[target != -1])"),
    Situation("a saturated sigmoid that is wrong where the mark is",
        put(sigmoid(SCORE), 1, 1.0), put(YES, 1, -100),
        "independent probabilities", "binary labels",
        "marked-answers sigmoid-before-loss log-of-zero",
        "F.binary_cross_entropy(output[target != -100], target[target != -100])"),
    Situation("a mask that hides what is left out",
        put(SCORE, 1, -1e9), put(YES, 1, 255), "logits", "binary labels",
        "marked-answers",
        "F.binary_cross_entropy_with_logits(output[target != 255], "
        "target[target != 255])"),
    Situation("yes or no as black and white",
        IMAGES, BLACK_AND_WHITE, "logits", "labels 0 and 255",
        "labels-0-and-255 integer-target",
        "F.binary_cross_entropy_with_logits(output, (target > 0).to(output.dtype))"),
    Situation("yes or no as 0.0 and 255.0",
        SCORE, YES * 255, "logits", "labels 0 and 255",
        "labels-0-and-255",
        "F.binary_cross_entropy_with_logits(output, (target > 0).to(output.dtype))"),
    Situation("black and white beside two logits",
        TWO, YES_INT * 255, "logits", "labels 0 and 255",
        "labels-0-and-255", "F.cross_entropy(output, (target > 0).long())"),
    Situation("scores in a column, answers not",
        SCORE[:, None], YES, "logits", "binary labels",
        "column one-class",
        "F.binary_cross_entropy_with_logits(output[..., 0], target)"),
    Situation("answers in a column, scores not",
        SCORE, YES[:, None], "logits", "binary labels",
        "column", "F.binary_cross_entropy_with_logits(output, target[..., 0])"),
    Situation("labels in a column",
        LOGITS, LABELS[:, None], "logits", "class indices",
        "column", "F.cross_entropy(output, target[..., 0])"),
    Situation("classes first",
        LOGITS.T, LABELS, "logits", "class indices",
        "class-axis", "F.cross_entropy(output.movedim(0, 1), target)"),
    Situation("classes first, one-hot",
        LOGITS.T, ONE_HOT.T.copy(), "logits", "one-hot rows",
        "class-axis", "F.cross_entropy(output.movedim(0, 1), target.movedim(0, 1))"),
]

NO_CALL_IS_RIGHT_YET = [
    # the wrong kind of model
    Situation("a sigmoid where one class is right",
        SIGMOIDS, LABELS, "independent probabilities", "class indices",
        "sigmoid-on-multiclass", NO_CALL),
    Situation("a sigmoid beside one-hot rows",
        SIGMOIDS, ONE_HOT, "independent probabilities", "one-hot rows",
        "sigmoid-on-multiclass", NO_CALL),
    Situation("softmax where several labels apply",
        PROBS, MANY, "probabilities", "multi-label rows",
        "softmax-on-multilabel", NO_CALL),
    Situation("log-softmax where several apply",
        LOG_PROBS, MANY, "log-probabilities", "multi-label rows",
        "softmax-on-multilabel", NO_CALL),
    # softmax over what are no classes
    Situation("softmax over the batch",
        softmax(LOGITS, axis=0), LABELS, "independent probabilities", "class indices",
        "softmax-axis", NO_CALL),
    Situation("softmax over the batch, one-hot",
        softmax(LOGITS, axis=0), ONE_HOT, "independent probabilities", "one-hot rows",
        "softmax-axis", NO_CALL),
    Situation("softmax over the batch, several labels",
        softmax(LOGITS, axis=0), MANY, "independent probabilities", "multi-label rows",
        "softmax-axis", NO_CALL),
    Situation("softmax over the batch, as many items as classes",
        softmax(EIGHTS[..., 0], axis=0), LABELS,
        "independent probabilities", "class indices",
        "softmax-axis ambiguous-axis", NO_CALL),
    Situation("softmax over a batch of single scores",
        softmax(SCORE), YES, "independent probabilities", "binary labels",
        "softmax-axis", NO_CALL),
    Situation("log-softmax over the batch",
        log_softmax(LOGITS, axis=0), LABELS, "logits", "class indices",
        "softmax-axis", NO_CALL),
    Situation("softmax over everything, SciPy's default",
        scipy.special.softmax(LOGITS), LABELS,
        "independent probabilities", "class indices",
        "softmax-axis", NO_CALL),
    Situation("softmax over a single column",
        softmax(SCORE[:, None]), YES, "independent probabilities", "binary labels",
        "softmax-of-one column", NO_CALL),
    Situation("softmax over a single column, answers in a column, too",
        softmax(SCORE[:, None]), YES[:, None],
        "independent probabilities", "binary labels",
        "softmax-of-one", NO_CALL),
    Situation("softmax over a single column, which was then taken off",
        np.ones(8), YES_INT, "independent probabilities", "binary labels",
        "softmax-of-one integer-target", NO_CALL),
    Situation("softmax over a single column, rounded",
        np.full((8, 1), np.nextafter(1, 0)), YES,
        "independent probabilities", "binary labels",
        "softmax-of-one column", NO_CALL),
    # decisions in place of scores
    Situation("predicted classes, one-hot",
        np.eye(3)[(LABELS + 1) % 3], LABELS, "probabilities", "class indices",
        "hard-predictions infinite-loss", NO_CALL),
    Situation("predicted answers, yes or no",
        YES_INT, YES, "independent probabilities", "binary labels",
        "hard-predictions", NO_CALL),
    Situation("scores rounded to integers",
        np.round(LOGITS).astype(int), LABELS, "logits", "class indices",
        "integer-output", NO_CALL),
    # labels that cannot be
    Situation("labels beyond the classes",
        LOGITS, LABELS * 2, "logits", "class indices",
        "label-range", NO_CALL),
    Situation("every label is the number of classes",
        LOGITS, np.full(8, 3), "logits", "class indices",
        "label-range", NO_CALL),
    Situation("labels below 0",
        LOGITS, LABELS - 3, "logits", "class indices",
        "label-range ignore-index", NO_CALL),
    Situation("padding and nothing else",
        LOGITS, np.full(8, -100), "logits", "class indices",
        "all-ignored", NO_CALL),
    Situation("fractions as labels",
        LOGITS, SCORE, "logits", CANT_TELL,
        "not-labels", NO_CALL),
    Situation("logits as target",
        LOGITS, LOGITS * 2, "logits", CANT_TELL,
        "not-labels", NO_CALL),
    Situation("log-probabilities as target",
        LOGITS, LOG_PROBS, "logits", "log-probabilities",
        "log-target", NO_CALL),
    Situation("log-probabilities on both sides",
        LOG_PROBS, log_softmax(LOGITS * 2), "log-probabilities", "log-probabilities",
        "log-probs-as-logits log-target", NO_CALL),
    Situation("logarithms of 0 in the target",
        LOGITS, log_softmax(MASKED), "logits", "log-probabilities",
        "log-target", NO_CALL),
    Situation("logarithms of one-hot rows",
        LOGITS, np.where(ONE_HOT > 0, 0, -np.inf), "logits", "log-probabilities",
        "log-target", NO_CALL),
    # shapes that do not fit, and arguments in the wrong order
    Situation("three labels, one score an item",
        SCORE, LABELS, "logits", "class indices",
        "no-class-axis", NO_CALL),
    Situation("three labels, a column of scores",
        SCORE[:, None], LABELS, "logits", "class indices",
        "no-class-axis column one-class", NO_CALL),
    Situation("too few labels",
        LOGITS, LABELS[:5], "logits", "class indices",
        "shapes", NO_CALL),
    Situation("target first",
        LABELS, LOGITS, "logits", CANT_TELL,
        "swapped", NO_CALL),
    Situation("target first, one-hot",
        ONE_HOT, LOGITS, "probabilities", CANT_TELL,
        "swapped", NO_CALL),
    Situation("target first, yes or no",
        YES, SCORE, "independent probabilities", CANT_TELL,
        "swapped", NO_CALL),
    Situation("target first, four items",
        YES[:4], SCORE[:4], CANT_TELL, CANT_TELL,
        "swapped", NO_CALL),
    Situation("target first, yes or no, and a sigmoid",
        YES, sigmoid(SCORE), "independent probabilities", "independent probabilities",
        "swapped", NO_CALL),
    Situation("target first, yes or no as integers, and a sigmoid",
        YES_INT, sigmoid(SCORE),
        "independent probabilities", "independent probabilities",
        "swapped", NO_CALL),
    Situation("target first, in a column",
        YES[:, None], sigmoid(SCORE), "independent probabilities",
        "independent probabilities", "swapped column one-class", NO_CALL),
    Situation("target first, one-hot, and a softmax",
        ONE_HOT, PROBS, "probabilities", "probabilities",
        "swapped", NO_CALL),
    Situation("target first, 1 and -1",
        2 * YES - 1, SCORE, "logits", CANT_TELL,
        "swapped", NO_CALL),
    # nothing, or no numbers
    Situation("NaN in the output",
        put(LOGITS, (0, 1), np.nan), LABELS, CANT_TELL, "class indices",
        "nan", NO_CALL),
    Situation("NaN where the label is ignored",
        put(LOGITS, 2, np.nan), PADDED, CANT_TELL, "class indices",
        "broken-but-ignored", NO_CALL),
    Situation("infinity as one of the scores",
        put(SCORE, 1, np.inf), YES, CANT_TELL, "binary labels",
        "infinite", NO_CALL),
    Situation("infinity in the output",
        put(LOGITS, (0, 1), np.inf), LABELS, CANT_TELL, "class indices",
        "infinite", NO_CALL),
    Situation("a mask that leaves no class",
        put(LOGITS, 3, -np.inf), LABELS, CANT_TELL, "class indices",
        "infinite infinite-loss", NO_CALL),
    Situation("NaN in the target",
        LOGITS, put(SOFT, 0, np.nan), "logits", CANT_TELL,
        "nan-target", NO_CALL),
    Situation("no items",
        LOGITS[:0], LABELS[:0], CANT_TELL, CANT_TELL,
        "empty", NO_CALL),
    Situation("no classes",
        LOGITS[:, :0], LABELS, CANT_TELL, "class indices",
        "empty label-range", NO_CALL),
    Situation("complex numbers as output",
        LOGITS + 1j, LABELS, CANT_TELL, "class indices",
        "not-numbers", NO_CALL),
    Situation("complex numbers as target",
        LOGITS, LABELS + 0j, "logits", CANT_TELL,
        "not-numbers", NO_CALL),
]

# The arrays leave more than one reading, and the diagnosis says so.
CANT_BE_TOLD = [
    Situation("one row that sums to 1",
        np.array([[0.2, 0.8]]), np.array([1]), CANT_TELL, "class indices",
        "softmax-before-loss", NO_CALL),
    Situation("two rows that sum to 1",
        PROBS[:2], LABELS[:2], CANT_TELL, "class indices",
        "softmax-before-loss", NO_CALL),
    # nine values are enough
    Situation("one long row that sums to 1",
        np.full((1, 9), 1 / 9), LABELS[:1], "probabilities", "class indices",
        "softmax-before-loss no-preference", "F.nll_loss(output.log(), target)"),
    Situation("logarithms of one row",
        np.log([[0.2, 0.8]]), np.array([1]), CANT_TELL, "class indices",
        "log-probs-as-logits", NO_CALL),
    Situation("two values between 0 and 1",
        np.array([0.3, 0.9]), np.array([0.0, 1.0]), CANT_TELL, "binary labels",
        "", NO_CALL),
    Situation("one score below 0",
        np.array(-2.0), np.array(1.0), CANT_TELL, "binary labels",
        "", NO_CALL),
    Situation("all scores below 0",
        -abs(SCORE), YES, CANT_TELL, "binary labels",
        "", NO_CALL),
    Situation("nothing but zeros",
        np.zeros((8, 3)), LABELS, CANT_TELL, "class indices",
        "no-preference", NO_CALL),
    Situation("as many items as classes",
        LOGITS[:3], LABELS[:3], "logits", "class indices",
        "ambiguous-axis", NO_CALL),
    Situation("as many items as classes, at three places",
        EIGHTS, EIGHT_LABELS, "logits", "class indices",
        "ambiguous-axis", NO_CALL),
    Situation("as many tokens as classes",
        CUBE, TOKENS[:, :3], "logits", "class indices",
        "ambiguous-axis", NO_CALL),
]
# fmt: on

SITUATIONS = [
    *NOTHING_IS_WRONG,
    *THE_LOSS_DECIDES,
    *WORTH_A_LOOK,
    *THE_CALL_REPAIRS_IT,
    *NO_CALL_IS_RIGHT_YET,
    *CANT_BE_TOLD,
]


def each(situations):
    ids = [situation.did for situation in situations]
    return pytest.mark.parametrize("situation", situations, ids=ids)


def assert_diagnosed(found, situation):
    assert (found.output, found.sure) == (situation.output_is, situation.sure)
    assert found.target == situation.target_is
    assert causes(found) == set(situation.causes.split())
    assert found.fits.get("torch") == situation.fix
    assert bool(found.fits) == bool(situation.fix)


@each(SITUATIONS)
def test_what_was_done_is_told_from_numpy_arrays(situation):
    assert_diagnosed(diagnose(situation.output, situation.target), situation)


# torch has its class axis elsewhere in sequences, and takes no int32 labels: below
@each([s for s in SITUATIONS if s.output.ndim < 3 and s.target.dtype != np.int32])
def test_what_was_done_is_told_from_tensors(situation):
    output = to_torch(situation.output)
    output.requires_grad_(output.is_floating_point())
    assert_diagnosed(diagnose(output, to_torch(situation.target)), situation)


def test_every_mistake_is_in_the_table():
    shown = {slug for situation in SITUATIONS for slug in situation.causes.split()}
    # tensors, and strings: below
    shown |= {"two-libraries", "narrow-labels", "text-labels"}
    assert shown == {rule.slug for rule in RULES}


def test_torch_takes_no_int32_labels():
    logits, labels = to_torch(LOGITS), to_torch(LABELS)
    found = diagnose(logits, labels.int())
    assert causes(found) == {"narrow-labels"}
    assert found.fits["torch"] == "F.cross_entropy(output, target.long())"
    assert causes(diagnose(logits, labels.byte())) == set()


def test_arrays_of_two_libraries_are_told():
    found = diagnose(to_torch(LOGITS), LABELS)
    assert causes(found) == {"two-libraries"}
    assert found.fits == {}


def test_probabilities_in_bfloat16_are_told():
    probs = to_torch(softmax(normal(8, 1000, seed=8))).bfloat16()
    found = diagnose(probs, torch.arange(8))
    assert (found.output, found.sure) == ("probabilities", "likely")


def test_a_sigmoid_that_says_yes_once_is_no_softmax():
    sure = np.array([0.0, 0, 1, 0, 0, 0, 0, 0])
    assert "softmax-axis" not in causes(diagnose(abs(sure - 1e-6), YES))


@pytest.mark.parametrize("labels", [list("abcc"), np.array(list("abcc"), dtype=object)])
def test_names_of_classes_are_told(labels):
    found = diagnose(LOGITS[:4], np.array(labels))
    assert causes(found) == {"text-labels"}
    assert "return_inverse" in found.mistakes[0].advice
    assert found.fits == {}


# How sure it is, where options or the library that takes the arrays decide.
SURE = {
    "two labels that no class has": (LOGITS, LABELS * 2 + 1, "label-range", "certain"),
    "a label below and one above": (
        *(LOGITS, put(put(LABELS, 0, -3), 1, 3), "label-range", "certain"),
    ),
    # ignore_index may name it
    "one label that no class has": (LOGITS, LABELS * 2, "label-range", "likely"),
    "the same beside the padding": (
        *(LOGITS, np.where(LABELS == 0, -100, LABELS * 2), "label-range", "certain"),
    ),
    "NaN in rows of several labels": (
        *(put(LOGITS, slice(3), np.nan), LABELS, "nan", "certain"),
    ),
    "NaN in rows of one label": (put(LOGITS, 2, np.nan), LABELS, "nan", "likely"),
    "NaN beside a distribution": (put(LOGITS, 2, np.nan), SOFT, "nan", "certain"),
    "infinity beside a distribution": (
        *(put(LOGITS, (2, 0), np.inf), SOFT, "infinite", "certain"),
    ),
    # exact in celib, NaN in torch
    "a yes that is infinitely sure": (put(SCORE, 1, np.inf), YES, "infinite", "likely"),
    # a class may have weight 0
    "an answer that is ruled out": (MASKED, WORST, "infinite-loss", "likely"),
    # the hinge loss and mean squared error take them
    "1 and -1": (SCORE, 2 * YES - 1, "signed-labels", "likely"),
    "fractions": (SCORE, SCORE[::-1].copy(), "not-labels", "likely"),
    "counts": (SCORE, 1.0 * LABELS, "no-class-axis", "likely"),
    "classes first": (LOGITS.T, LABELS, "class-axis", "likely"),
    "a column": (SCORE[:, None], YES, "column", "certain"),
    # a cross-entropy over one class
    "a column and zeros": (SCORE[:, None], 0 * LABELS, "column", "likely"),
    # scikit-learn and Keras take these
    "floats as labels": (LOGITS, LABELS * 1.0, "float-labels", "possible"),
    "integers as answers": (SCORE, YES_INT, "integer-target", "possible"),
}


@pytest.mark.parametrize("did", SURE)
def test_only_what_no_call_allows_is_certain(did):
    output, target, slug, sure = SURE[did]
    findings = diagnose(output, target).mistakes
    assert [m.sure for m in findings if m.slug == slug] == [sure]


@pytest.mark.parametrize(
    ("output", "target", "slug"),
    [
        (LOGITS, LABELS * 1.0, "float-labels"),
        (SCORE, YES_INT, "integer-target"),
        (LOGITS, ONE_HOT.astype(int), "integer-target"),
    ],
)
def test_of_tensors_it_is_certain_what_only_scikit_learn_would_take(
    output, target, slug
):
    (finding,) = diagnose(to_torch(output), to_torch(target)).mistakes
    assert (finding.slug, finding.sure) == (slug, "certain")


@pytest.mark.parametrize(
    ("output", "target", "words"),
    [
        (LOGITS[:0], LABELS[:0], "it is empty"),
        (np.array([[0.2, 0.8]]), np.array([1]), "probabilities, as they sum to 1, or"),
        (np.array([0.2, 0.7]), np.array([0.0, 1.0]), "so few may lie in [0, 1]"),
        (put(LOGITS, (0, 1), -np.inf), LABELS + np.nan, "neither probabilities nor"),
        (put(LOGITS, 0, [np.nan, np.inf, -np.inf]), LABELS, "1 NaN, 1 +inf and 1 -inf"),
    ],
)
def test_the_reason_is_given(output, target, words):
    assert words in diagnose(output, target).reasons[0]


# --- where the classes are -------------------------------------------------

# What was done: library, output, target, class axis, whether that is odd there.
CLASSES_SECOND = SEQUENCES.swapaxes(1, 2)
SOFT_TOKENS = softmax(SEQUENCES[::-1])
PADDED_TOKENS = np.where(TOKENS == 2, -100, TOKENS)
LAYOUTS = {
    "NumPy, classes last": (to_numpy, SEQUENCES, TOKENS, -1, False),
    "NumPy, classes second": (to_numpy, CLASSES_SECOND, TOKENS, 1, True),
    "NumPy, classes first": (to_numpy, LOGITS.T, LABELS, 0, True),
    "torch, classes second": (to_torch, CLASSES_SECOND, TOKENS, 1, False),
    "torch, classes second, padded": (
        to_torch,
        CLASSES_SECOND,
        PADDED_TOKENS,
        1,
        False,
    ),
    "torch, classes second, distributions": (
        *(to_torch, CLASSES_SECOND, SOFT_TOKENS.swapaxes(1, 2), 1, False),
    ),
    "torch, classes last": (to_torch, SEQUENCES, TOKENS, -1, True),
    "torch, classes last, distributions": (to_torch, SEQUENCES, SOFT_TOKENS, -1, True),
    "torch, classes first": (to_torch, LOGITS.T, LABELS, 0, True),
}


@pytest.mark.parametrize("did", LAYOUTS)
def test_the_class_axis_is_found_from_the_shapes(did):
    array, output, target, axis, odd = LAYOUTS[did]
    found = diagnose(array(output), array(target))
    assert found.axis == axis
    assert causes(found) == ({"class-axis"} if odd else set())
    named = diagnose(array(output), array(target), axis=axis)
    assert named.axis == axis
    assert causes(named) == set()
    assert named.fits == found.fits


def test_an_axis_that_fits_twice_has_to_be_named():
    square = LOGITS[:3], LABELS[:3]
    found = diagnose(*square)
    assert found.axis is None
    assert "[0, 1]" in found.mistakes[0].sentence
    for axis, call in [
        (1, "cross_entropy(output, target)"),
        (0, "cross_entropy(output, target, axis=0)"),
    ]:
        named = diagnose(*square, axis=axis)
        assert named.fits["celib"] == call
        assert causes(named) == set()


def test_sums_of_1_may_settle_the_axis_that_the_shapes_do_not():
    found = diagnose(softmax(normal(4, 4, seed=9)), np.arange(4))
    assert found.axis == -1
    assert causes(found) == {"softmax-before-loss"}


@each(SITUATIONS)
def test_a_named_axis_is_taken_or_left_out_and_never_fails(situation):
    n = situation.output.ndim
    for axis in range(-n, n):
        told = -1 if axis in (-1, n - 1) else axis % n
        found = diagnose(situation.output, situation.target, axis=axis)
        assert found.axis in (None, told)


# --- all calls for one situation agree -------------------------------------

CALLS = {
    **{s.did: (s.output, s.target) for s in SITUATIONS if s.fix},
    **{did: (output, target) for did, (_, output, target, *_) in LAYOUTS.items()},
}


@pytest.mark.slow
@pytest.mark.parametrize("array", [to_numpy, to_torch], ids=["numpy", "torch"])
@pytest.mark.parametrize("did", CALLS)
def test_every_call_runs_and_all_agree(array, did):
    output, target = CALLS[did]
    found = diagnose(array(output), array(target))
    left_out = set()
    if not np.array_equal(target, np.round(target)):
        left_out.add("scikit-learn")  # takes labels only
    if "saturated" in did:
        left_out.add("optax")  # takes logits only, and these are infinite
    assert set(found.fits) == LIBRARIES - left_out
    calls = found.fits
    if array is to_torch:
        # the calls of the others are the same for tensors: once will do
        calls = {library: calls[library] for library in ("celib", "torch")}
    values = {
        library: run(library, call, output, target, array)
        for library, call in calls.items()
    }
    if "infinite-loss" in causes(found):
        assert values["celib"] == np.inf
        return
    if "masked-answer" in causes(found):
        # beyond what a library takes that clips probabilities, or half precision
        assert values["celib"] > 1000
        return
    tolerance = 2e-3 if output.dtype == np.float16 else 2e-6
    for library, loss in values.items():
        assert loss == pytest.approx(values["celib"], rel=tolerance), library


def test_every_kind_of_call_is_among_them():
    seen = {
        call.split("(")[0]
        for output, target in CALLS.values()
        for call in diagnose(output, target).fits.values()
    }
    every = {
        *("cross_entropy", "nll", "information.cross_entropy"),
        *("binary_cross_entropy", "binary_cross_entropy_with_logits"),
        *("F.cross_entropy", "F.nll_loss"),
        *("F.binary_cross_entropy", "F.binary_cross_entropy_with_logits"),
        "log_loss",
        *("optax.softmax_cross_entropy", "optax.sigmoid_binary_cross_entropy"),
        "optax.softmax_cross_entropy_with_integer_labels",
        *("CategoricalCrossentropy", "SparseCategoricalCrossentropy"),
        "BinaryCrossentropy",
    }
    assert seen == every


# --- the forum's questions, as far as arrays can show them -----------------

# What was asked: output, target, the mistake, and what its explanation must name.
QUESTIONS = {
    "[0, 1, 0] is all right: why is the loss 0.5514?": (
        *(np.array([0.0, 1.0, 0.0]), np.array(1), "softmax-before-loss", "0.5514"),
    ),
    "do I put softmax before the loss?": (
        *(PROBS, LABELS, "softmax-before-loss", "Leave softmax out"),
    ),
    "why do BCELoss and BCEWithLogitsLoss differ?": (
        sigmoid(SCORE * 40).astype(np.float32),
        1 - (SCORE > 0).astype(np.float32),
        "infinite-loss",
        "clips",
    ),
    "why NaN when every target is ignored?": (
        *(LOGITS, np.full(8, -100), "all-ignored", "NaN"),
    ),
    "why is KLDivLoss negative?": (
        *(PROBS, SOFT, "kl-of-probabilities", "log-probabilities first"),
    ),
    "which way round is kl_div?": (
        *(PROBS, SOFT, "kl-of-probabilities", "KL(target, output)"),
    ),
    "several labels: which loss?": (
        *(PROBS, MANY, "softmax-on-multilabel", "binary loss with logits"),
    ),
    "yes or no: one output or two?": (
        SCORE[:, None],
        YES,
        "one-class",
        "one column for each class",
    ),
    "why is the loss stuck at 2.303?": (
        *(1e-4 * normal(8, 10, seed=10), LABELS, "no-preference", "log 10 = 2.3026"),
    ),
    "why is the loss stuck at 0.693?": (
        *(1e-4 * SCORE, YES, "no-preference", "0.6931"),
    ),
    "sequences: why must I transpose?": (
        *(to_torch(SEQUENCES), to_torch(TOKENS), "class-axis", "axis 1"),
    ),
    "log_loss: infinite, NaN or clipped?": (
        put(PROBS, (0, slice(None)), [0.0, 0.5, 0.5]),
        LABELS,
        "infinite-loss",
        "infinite",
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_of_the_forum_gets_its_answer(question):
    output, target, slug, words = QUESTIONS[question]
    (finding,) = (m for m in diagnose(output, target).mistakes if m.slug == slug)
    assert words in f"{finding.sentence} {finding.advice}"


def test_several_labels_the_loss_that_does_not_fit_is_named():
    assert "cross_entropy" in diagnose(LOGITS, MANY).unfit


# --- what it never does ----------------------------------------------------

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(4, 12), st.integers(3, 12))
ANY_ARRAY = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@given(SEEDS, SIZES, st.floats(1, 1e4))
@settings(max_examples=200, deadline=None)
def test_logits_are_never_mistaken_nor_what_is_made_of_them(seed, size, scale):
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=size) * scale
    labels = draw.integers(0, size[1], size[0])
    assert diagnose(logits, labels, axis=-1).output == "logits"
    for dtype in (np.float64, np.float32, np.float16):
        found = diagnose(softmax(logits).astype(dtype), labels, axis=-1)
        assert (found.output, found.sure) == ("probabilities", "likely")
        found = diagnose(log_softmax(logits).astype(dtype), labels, axis=-1)
        assert (found.output, found.sure) == ("log-probabilities", "likely")


@given(SEEDS, st.floats(1, 1e12))
@settings(max_examples=100, deadline=None)
def test_scores_far_apart_are_no_mask(seed, scale):
    logits = np.random.default_rng(seed).normal(size=(8, 3)) * scale
    assert causes(diagnose(logits, logits.argmin(axis=1))) == set()


def certain(call, **options):
    """What the diagnosis of a call says is certain."""
    findings = diagnose(call.output, call.target, **options).mistakes
    return [finding for finding in findings if finding.sure == "certain"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_of_a_valid_call_nothing_is_certainly_wrong(seed):
    calls = list(valid_calls(seed, 1000))
    assert len(calls) > 900
    for call in calls:
        assert certain(call) == [], str(call)
        if call.output.ndim:
            axis = call.options.get("axis", -1)
            assert certain(call, axis=axis) == [], str(call)


def test_of_a_sample_nothing_is_certainly_wrong_either(monkeypatch):
    monkeypatch.setattr(_facts, "SAMPLE", 16)
    sampled = 0
    for call in valid_calls(4, 1000):
        assert certain(call) == [], str(call)
        sampled += bool(diagnose(call.output, call.target).looked_at)
    assert sampled > 100


@pytest.mark.slow
@given(ANY_ARRAY, ANY_ARRAY)
@settings(max_examples=500, deadline=None)
def test_any_two_arrays_get_a_report_that_fits_a_terminal(output, target):
    found = diagnose(output, target)
    assert all(len(line) <= 80 for line in str(found).splitlines())
    assert (found.sure == CANT_TELL) == (found.output == CANT_TELL)
    if output.size and np.min(output) < -0.001:
        assert found.output not in ("probabilities", "independent probabilities")


@each(SITUATIONS)
def test_a_report_is_printed_and_complete(situation):
    found = diagnose(situation.output, situation.target)
    assert repr(found) == str(found)
    assert all(len(line) <= 80 for line in str(found).splitlines())
    # all that is said is filled in
    assert "{" not in str(found)


def test_a_report_reads_like_this():
    expected = """\
output       likely probabilities: none is negative, and all 8 rows sum to 1
target       class indices: whole numbers (8 of int64, 0 to 2)
class axis   -1
celib        nll(np.log(output), target)
torch        F.nll_loss(output.log(), target)
scikit-learn log_loss(target, output, labels=range(3))
optax        optax.softmax_cross_entropy_with_integer_labels(jnp.log(output),
    target).mean()
Keras        SparseCategoricalCrossentropy()(target, output)
possible     softmax-before-loss: a loss that takes logits, such as
    cross_entropy, applies softmax again and cannot fall below log(1 + 2/e) =
    0.5514. Leave softmax out of the model, or take a loss of probabilities."""
    assert str(diagnose(PROBS, LABELS)) == expected


# --- arrays of any size and make -------------------------------------------


def test_numpy_scalars_are_arrays_without_axes():
    found = diagnose(np.float64(2), np.float64(1))
    assert (found.output, found.target) == ("logits", "binary labels")
    assert found.fits["celib"] == "binary_cross_entropy_with_logits(output, target)"
    found = diagnose(np.array([2.0, -1.0, 0.5]), np.int64(2))
    assert found.fits["celib"] == "cross_entropy(output, target)"
    assert causes(found) == set()


@pytest.mark.parametrize("output", [LOGITS, PROBS, LOG_PROBS])
@pytest.mark.parametrize("target", [LABELS, SOFT, ONE_HOT, MANY])
def test_the_order_of_bytes_makes_no_difference(output, target):
    swapped = (x.astype(x.dtype.newbyteorder(">")) for x in (output, target))
    assert str(diagnose(*swapped)) == str(diagnose(output, target))


def test_layout_and_subclass_make_no_difference():
    report = str(diagnose(LOGITS, ONE_HOT))
    assert str(diagnose(LOGITS[::-1][::-1], np.asfortranarray(ONE_HOT))) == report
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(LOGITS)
    assert str(diagnose(matrix, ONE_HOT)) == report


@pytest.mark.parametrize(
    "dtype", [torch.uint16, torch.uint32, torch.uint64, torch.bool]
)
def test_every_type_of_tensor_is_looked_at(dtype):
    found = diagnose(to_torch(LOGITS), to_torch(LABELS > 0).to(dtype))
    assert found.output == "logits"


LARGE = {
    "classes last": (to_numpy, -1),
    "classes second": (to_torch, 1),
    "classes first": (to_numpy, 0),
}


@pytest.mark.parametrize("layout", LARGE)
def test_a_sample_keeps_rows_and_labels_together(layout, monkeypatch):
    monkeypatch.setattr(_facts, "SAMPLE", 512)
    array, axis = LARGE[layout]
    logits = normal(40, 30, 5, seed=14)
    worst = logits.argmin(axis=-1)
    np.put_along_axis(logits, worst[..., None], -np.inf, axis=-1)
    output = np.moveaxis(logits, -1, axis)
    for labels, wrong in ((worst, {"infinite-loss"}), (logits.argmax(axis=-1), set())):
        found = diagnose(array(output), array(labels), axis=axis)
        assert causes(found) == wrong
        assert " of 1200 rows, evenly spaced" in found.looked_at
        assert "looked at    " in str(found)


def test_what_is_rare_is_found_outside_the_sample(monkeypatch):
    monkeypatch.setattr(_facts, "SAMPLE", 512)
    logits = normal(1000, 5, seed=15)
    labels = logits.argmax(axis=1)
    assert "all 1000 rows" not in diagnose(softmax(logits), labels).reasons[0]
    for value, slug in ((np.nan, "nan"), (np.inf, "infinite")):
        assert causes(diagnose(put(logits, (777, 3), value), labels)) == {slug}
    assert causes(diagnose(logits, put(labels, 777, 9))) == {"label-range"}
    assert causes(diagnose(logits, put(0 * labels - 100, 777, 1))) == set()


@pytest.mark.slow
def test_a_large_vocabulary_takes_little_time_and_memory():
    logits = np.random.default_rng(16).standard_normal((1024, 50257), np.float32)
    labels = np.arange(1024)
    tracemalloc.start()
    start = time.process_time()
    found = diagnose(logits, labels)
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "16 of 1024 rows" in found.looked_at
    assert causes(found) == set()
    # measured: 0.04 s and 19 MiB
    assert seconds < 0.3
    assert peak < 40 * 2**20


# --- refusals --------------------------------------------------------------


def test_only_arrays_are_taken():
    message = "target must be a NumPy array or a torch tensor, got list"
    with pytest.raises(TypeError, match=message):
        diagnose(LOGITS, LABELS.tolist())
    with pytest.raises(TypeError, match="output must be a NumPy array"):
        diagnose(LOGITS.tolist(), LABELS)


def test_masked_arrays_are_refused_with_a_way_out():
    message = r"output must not be a masked array, .* output\[~mask\]"
    with pytest.raises(TypeError, match=message):
        diagnose(np.ma.masked_less(LOGITS, 0), LABELS)


@pytest.mark.parametrize(
    "output", [to_torch(LOGITS).to_sparse(), to_torch(LOGITS).to("meta")]
)
def test_tensors_without_values_at_hand_are_refused(output):
    message = "output must be a dense tensor that holds its values"
    with pytest.raises(TypeError, match=message):
        diagnose(output, to_torch(LABELS))


def test_an_axis_must_be_one_that_the_output_has():
    with pytest.raises(ValueError, match="one of the 2 axes of output, got axis=2"):
        diagnose(LOGITS, LABELS, axis=2)
