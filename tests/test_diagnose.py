"""The diagnosis: what went wrong, told from two arrays, and the call that is right.

First values that a person can check by hand, then one table with a row for each
situation, then the calls that the diagnosis suggests, and last what it never does.
"""

import os
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
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.scipy.special import logit
from torch.nn import functional as F

import celib.diagnose
from celib import information, losses
from celib.diagnose import diagnose
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
# Yes or no, with one score for an item or two.
YES = np.array([0.0, 1, 1, 0, 1, 0, 0, 1])
YES_INT = YES.astype(int)
SCORE = 3 * normal(8, seed=2)
TWO = 3 * normal(8, 2, seed=3)
# Four sequences of five tokens.
SEQUENCES = 3 * normal(4, 5, 3, seed=4)
TOKENS = np.random.default_rng(5).integers(0, 3, (4, 5))
CUBE = 3 * normal(4, 3, 3, seed=6)

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
        "swapped integer-output", NO_CALL),
    Situation("target first, one-hot",
        ONE_HOT, LOGITS, "probabilities", CANT_TELL,
        "swapped softmax-on-multilabel hard-predictions", NO_CALL),
    Situation("target first, yes or no",
        YES, SCORE, "independent probabilities", CANT_TELL,
        "swapped hard-predictions", NO_CALL),
    Situation("target first, four items",
        YES[:4], SCORE[:4], CANT_TELL, CANT_TELL,
        "swapped", NO_CALL),
    # nothing, or no numbers
    Situation("NaN in the output",
        put(LOGITS, (0, 1), np.nan), LABELS, CANT_TELL, "class indices",
        "nan", NO_CALL),
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
    # these two take tensors: below
    shown |= {"two-libraries", "narrow-labels"}
    assert shown == {row.name for row in celib.diagnose._MISTAKES}


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
        call.split("(")[0]
        for calls in celib.diagnose._LOSSES.values()
        for call in calls.values()
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


# --- refusals --------------------------------------------------------------


def test_only_arrays_are_taken():
    message = "target must be a NumPy array or a torch tensor, got list"
    with pytest.raises(TypeError, match=message):
        diagnose(LOGITS, LABELS.tolist())
    with pytest.raises(TypeError, match="output must be a NumPy array"):
        diagnose(LOGITS.tolist(), LABELS)


def test_an_axis_must_be_one_that_the_output_has():
    with pytest.raises(ValueError, match="one of the 2 axes of output, got axis=2"):
        diagnose(LOGITS, LABELS, axis=2)
