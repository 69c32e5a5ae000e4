"""The diagnosis: right and wrong situations, and the calls that it suggests."""

import os
import re
from pathlib import Path

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

rng = np.random.default_rng(0)
SOURCE = Path(celib.diagnose.__file__).read_text(encoding="utf-8")
LIBRARIES = {"celib", "torch", "scikit-learn", "optax", "Keras"}

# ---- what the situations are made of: 8 items, 3 classes

Z = rng.normal(size=(8, 3)) * 3
Y = np.array([0, 1, 2, 2, 1, 0, 0, 1])
P, LOG_P, S = softmax(Z), log_softmax(Z), sigmoid(Z)
ONE_HOT = np.eye(3)[Y]
SOFT = softmax(rng.normal(size=(8, 3)))
MULTI = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 1], [0, 1, 0]] * 2).astype(float)
X = rng.normal(size=8) * 3
B = np.array([0, 1, 1, 0, 1, 0, 0, 1]).astype(float)
Z2 = rng.normal(size=(8, 2)) * 3
PADDED = np.where(Y == 2, -100, Y)
SEQUENCE = rng.normal(size=(4, 5, 3)) * 3
TOKENS = rng.integers(0, 3, (4, 5))
CUBE = rng.normal(size=(4, 3, 3)) * 3
HALF = softmax(Z).astype(np.float16)
HARD = np.eye(3)[(Y + 1) % 3]
ZEROED = np.where(Z.min(1, keepdims=True) == Z, -np.inf, Z)
SURE = np.argmax(Z, axis=1)


def put(x, index, value):
    x = x.copy()
    x[index] = value
    return x


LOGITS = ("logits", "certain")
LOG_PROBS = ("log-probabilities", "likely")
PROBS = ("probabilities", "likely")
SIGMOIDS = ("independent probabilities", "likely")
UNSURE = ("can't tell", "can't tell")

# name: output, target, (output kind, how sure), target kind, mistakes
SITUATIONS = {
    # right
    "logits, class indices": (Z, Y, LOGITS, "class indices", ""),
    "float32, int32": (
        Z.astype(np.float32),
        Y.astype(np.int32),
        LOGITS,
        "class indices",
        "",
    ),
    "logits, one-hot": (Z, ONE_HOT, LOGITS, "one-hot rows", ""),
    "logits, soft labels": (Z, SOFT, LOGITS, "probabilities", ""),
    "logits, multi-label": (Z, MULTI, LOGITS, "multi-label rows", ""),
    "logits, soft multi-label": (
        Z,
        MULTI * 0.9 + 0.04,
        LOGITS,
        "independent probabilities",
        "",
    ),
    "one logit an item": (X, B, LOGITS, "binary labels", ""),
    "one logit an item, both columns": (
        X[:, None],
        B[:, None],
        LOGITS,
        "binary labels",
        "",
    ),
    "one logit an item, soft": (
        X,
        B * 0.8 + 0.1,
        LOGITS,
        "independent probabilities",
        "",
    ),
    "two logits an item": (Z2, B.astype(int), LOGITS, "class indices", ""),
    "one item": (np.array([2.0, -1.0, 0.5]), np.array(2), LOGITS, "class indices", ""),
    "one binary item": (np.array(-2.0), np.array(1.0), UNSURE, "binary labels", ""),
    "padding": (Z, PADDED, LOGITS, "class indices", ""),
    "masked logits": (ZEROED, SURE, LOGITS, "class indices", ""),
    "a class is absent": (Z, np.minimum(Y, 1), LOGITS, "class indices", ""),
    "no class 0": (Z, np.maximum(Y, 1), LOGITS, "class indices", ""),
    "logits above 1 only": (Z - Z.min() + 2, Y, LOGITS, "class indices", ""),
    "logits below 0 only": (
        Z - Z.max() - 2,
        Y,
        ("logits", "likely"),
        "class indices",
        "",
    ),
    "hundreds of classes": (
        rng.normal(size=(4, 500)),
        np.array([7, 0, 499, 3]),
        LOGITS,
        "class indices",
        "",
    ),
    "sequence, classes last": (SEQUENCE, TOKENS, LOGITS, "class indices", ""),
    # right for one loss, wrong for another
    "probabilities, class indices": (
        P,
        Y,
        PROBS,
        "class indices",
        "softmax-before-loss",
    ),
    "half precision": (HALF, Y, PROBS, "class indices", "softmax-before-loss"),
    "probabilities, one-hot": (
        P,
        ONE_HOT,
        PROBS,
        "one-hot rows",
        "softmax-before-loss",
    ),
    "probabilities, soft labels": (
        P,
        SOFT,
        PROBS,
        "probabilities",
        "softmax-before-loss kl-of-probabilities",
    ),
    "two probabilities an item": (
        softmax(Z2),
        B.astype(int),
        PROBS,
        "class indices",
        "softmax-before-loss",
    ),
    "log-probabilities, class indices": (
        LOG_P,
        Y,
        LOG_PROBS,
        "class indices",
        "log-probs-as-logits",
    ),
    "log-probabilities, padding": (
        LOG_P,
        PADDED,
        LOG_PROBS,
        "class indices",
        "log-probs-as-logits",
    ),
    "log-probabilities, soft labels": (
        LOG_P,
        SOFT,
        LOG_PROBS,
        "probabilities",
        "log-probs-as-logits",
    ),
    "log-probabilities, one-hot": (
        LOG_P,
        ONE_HOT,
        LOG_PROBS,
        "one-hot rows",
        "log-probs-as-logits",
    ),
    "sigmoid, binary": (
        sigmoid(X),
        B,
        SIGMOIDS,
        "binary labels",
        "sigmoid-before-loss",
    ),
    "sigmoid, binary, mixed precision": (
        sigmoid(X).astype(np.float32),
        B,
        SIGMOIDS,
        "binary labels",
        "sigmoid-before-loss",
    ),
    "sigmoid, multi-label": (
        S,
        MULTI,
        SIGMOIDS,
        "multi-label rows",
        "sigmoid-before-loss",
    ),
    "no preference yet": (Z * 1e-4, Y, LOGITS, "class indices", "no-preference"),
    # mended in the calls
    "float labels": (Z, Y.astype(float), LOGITS, "class indices", "float-labels"),
    "integer one-hot": (
        Z,
        ONE_HOT.astype(int),
        LOGITS,
        "one-hot rows",
        "integer-target",
    ),
    "boolean multi-label": (
        Z,
        MULTI > 0,
        LOGITS,
        "multi-label rows",
        "integer-target",
    ),
    "integer binary": (X, B.astype(int), LOGITS, "binary labels", "integer-target"),
    "labels from 1": (Z, Y + 1, LOGITS, "class indices", "labels-from-1"),
    "float labels from 1": (
        Z,
        Y + 1.0,
        LOGITS,
        "class indices",
        "labels-from-1 float-labels",
    ),
    "signed binary": (X, 2 * B - 1, LOGITS, "signed labels", "signed-labels"),
    "signed integers, two logits": (
        Z2,
        2 * B.astype(int) - 1,
        LOGITS,
        "signed labels",
        "signed-labels",
    ),
    "padding with -1": (
        Z,
        np.where(Y == 2, -1, Y),
        LOGITS,
        "class indices",
        "ignore-index",
    ),
    "output is a column": (
        X[:, None],
        B,
        LOGITS,
        "binary labels",
        "column one-class",
    ),
    "binary target is a column": (X, B[:, None], LOGITS, "binary labels", "column"),
    "indices are a column": (Z, Y[:, None], LOGITS, "class indices", "column"),
    "classes first": (Z.T, Y, LOGITS, "class indices", "class-axis"),
    "classes first, one-hot": (
        Z.T,
        ONE_HOT.T.copy(),
        LOGITS,
        "one-hot rows",
        "class-axis",
    ),
    "zeros among probabilities": (
        softmax(ZEROED),
        SURE,
        PROBS,
        "class indices",
        "softmax-before-loss log-of-zero",
    ),
    "zeros in a logarithm": (
        log_softmax(ZEROED),
        SURE,
        LOG_PROBS,
        "class indices",
        "log-probs-as-logits log-of-zero",
    ),
    "a mask hides the answer": (
        ZEROED,
        np.argmin(Z, axis=1),
        LOGITS,
        "class indices",
        "infinite-loss",
    ),
    "a saturated sigmoid was wrong": (
        put(sigmoid(X), 0, 1.0),
        B,
        SIGMOIDS,
        "binary labels",
        "sigmoid-before-loss infinite-loss",
    ),
    "a saturated sigmoid was right": (
        put(sigmoid(X), 1, 1.0),
        B,
        SIGMOIDS,
        "binary labels",
        "sigmoid-before-loss log-of-zero",
    ),
    "a last ReLU": (
        np.maximum(Z, 0),
        Y,
        LOGITS,
        "class indices",
        "relu-before-loss",
    ),
    # wrong: no call
    "sigmoid, class indices": (
        S,
        Y,
        SIGMOIDS,
        "class indices",
        "sigmoid-on-multiclass",
    ),
    "sigmoid, one-hot": (S, ONE_HOT, SIGMOIDS, "one-hot rows", "sigmoid-on-multiclass"),
    "softmax, multi-label": (
        P,
        MULTI,
        PROBS,
        "multi-label rows",
        "softmax-on-multilabel",
    ),
    "log-softmax, multi-label": (
        LOG_P,
        MULTI,
        LOG_PROBS,
        "multi-label rows",
        "softmax-on-multilabel",
    ),
    "labels beyond K": (Z, Y * 2, LOGITS, "class indices", "label-range"),
    "negative labels": (Z, Y - 3, LOGITS, "class indices", "label-range ignore-index"),
    "all padding": (Z, Y * 0 - 100, LOGITS, "class indices", "all-ignored"),
    "indices, one score an item": (X, Y, LOGITS, "class indices", "no-class-axis"),
    "indices, a column of scores": (
        X[:, None],
        Y,
        LOGITS,
        "class indices",
        "no-class-axis column one-class",
    ),
    "shapes that differ": (Z, Y[:5], LOGITS, "class indices", "shapes"),
    "swapped indices": (Y, Z, LOGITS, "can't tell", "swapped integer-output"),
    "swapped one-hot": (
        ONE_HOT,
        Z,
        PROBS,
        "can't tell",
        "swapped softmax-on-multilabel",
        "hard-predictions",
    ),
    "swapped binary": (
        B,
        X,
        SIGMOIDS,
        "can't tell",
        "swapped hard-predictions",
    ),
    "swapped binary, few": (
        B[:4],
        X[:4],
        UNSURE,
        "can't tell",
        "swapped",
    ),
    "complex labels": (Z, Y + 0j, LOGITS, "can't tell", "not-numbers"),
    "fractions for indices": (Z, X, LOGITS, "can't tell", "not-labels"),
    "scores for a target": (Z, Z * 2, LOGITS, "can't tell", "not-labels"),
    "logarithms for a target": (Z, LOG_P, LOGITS, "log-probabilities", "log-target"),
    "predicted one-hot": (
        HARD,
        Y,
        PROBS,
        "class indices",
        "hard-predictions infinite-loss",
    ),
    "predicted labels": (
        B.astype(int),
        B,
        SIGMOIDS,
        "binary labels",
        "hard-predictions",
    ),
    "integer scores": (
        np.round(Z).astype(int),
        Y,
        LOGITS,
        "class indices",
        "integer-output",
    ),
    "NaN": (put(Z, (0, 1), np.nan), Y, UNSURE, "class indices", "nan"),
    "infinity": (put(Z, (0, 1), np.inf), Y, UNSURE, "class indices", "infinite"),
    "nothing left of a row": (
        put(Z, 3, -np.inf),
        Y,
        UNSURE,
        "class indices",
        "infinite infinite-loss",
    ),
    "NaN in the target": (Z, put(SOFT, 0, np.nan), LOGITS, "can't tell", "nan-target"),
    "no items": (Z[:0], Y[:0], UNSURE, "can't tell", "empty"),
    "no classes": (Z[:, :0], Y, UNSURE, "class indices", "empty label-range"),
    "complex numbers": (Z + 1j, Y, UNSURE, "class indices", "not-numbers"),
    # can't tell
    "one row": (
        np.array([[0.2, 0.8]]),
        np.array([1]),
        UNSURE,
        "class indices",
        "softmax-before-loss",
    ),
    "one row of many": (
        P[:1, [0] * 9] / 9 / P[0, 0],
        Y[:1],
        PROBS,
        "class indices",
        "softmax-before-loss no-preference",
    ),
    "one row of logarithms": (
        np.log([[0.2, 0.8]]),
        np.array([1]),
        UNSURE,
        "class indices",
        "log-probs-as-logits",
    ),
    "two rows of three": (
        P[:2],
        Y[:2],
        UNSURE,
        "class indices",
        "softmax-before-loss",
    ),
    "few values between 0 and 1": (
        np.array([0.3, 0.9]),
        np.array([0.0, 1.0]),
        UNSURE,
        "binary labels",
        "",
    ),
    "negative binary scores": (-abs(X), B, UNSURE, "binary labels", ""),
    "all zero": (Z * 0, Y, UNSURE, "class indices", "no-preference"),
    "square": (Z[:3], Y[:3], LOGITS, "class indices", "ambiguous-axis"),
    "two axes fit": (CUBE, TOKENS[:, :3], LOGITS, "class indices", "ambiguous-axis"),
}


# With these there is no call to suggest.
WRONG = {
    *("not-numbers", "two-libraries", "empty", "nan", "infinite", "nan-target"),
    *("swapped", "shapes", "no-class-axis", "ambiguous-axis", "hard-predictions"),
    *("integer-output", "sigmoid-on-multiclass", "softmax-on-multilabel"),
    *("log-target", "not-labels", "label-range", "all-ignored"),
}


def report(output, target, **options):
    """The diagnosis, and the set of its mistakes."""
    found = diagnose(output, target, **options)
    slugs = [m.slug for m in found.mistakes]
    assert len(slugs) == len(set(slugs))
    return found, set(slugs)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation_is_told(name):
    output, target, kind, truth, *mistakes = SITUATIONS[name]
    found, slugs = report(output, target)
    assert (found.output, found.sure) == kind
    assert found.target == truth
    assert slugs == set(" ".join(mistakes).split())
    assert bool(found.fits) == (kind != UNSURE and WRONG.isdisjoint(slugs))


def test_there_are_enough_situations_and_every_mistake_is_in_one():
    assert len(SITUATIONS) >= 50
    seen = {slug for s in SITUATIONS.values() for slug in " ".join(s[4:]).split()}
    every = set(
        re.findall(r'_Row\(\s*"([a-z0-9-]+)",\s*"(?:certain|likely|possible)"', SOURCE)
    )
    # the outputs' own rows; and what needs torch
    every -= {"logits", "log-probabilities", "probabilities"}
    assert every - seen == {"two-libraries", "narrow-labels"}
    assert seen - every == set()
    assert every >= WRONG


FLAT = [k for k, (z, *_) in SITUATIONS.items() if np.ndim(z) < 3 and "int32" not in k]


@pytest.mark.parametrize("name", FLAT)
def test_tensors_are_told_the_same(name):
    output, target, kind, truth, *mistakes = SITUATIONS[name]
    tensor = to_torch(output).requires_grad_(output.dtype.kind == "f")
    found, slugs = report(tensor, to_torch(target))
    assert (found.output, found.sure) == kind
    assert found.target == truth
    assert slugs == set(" ".join(mistakes).split())


# What depends on the library: torch has its classes on axis 1.
LAYOUTS = {
    "numpy, last": (to_numpy, SEQUENCE, TOKENS, -1, set()),
    "numpy, second": (to_numpy, SEQUENCE.swapaxes(1, 2), TOKENS, 1, {"class-axis"}),
    "torch, last": (to_torch, SEQUENCE, TOKENS, -1, {"class-axis"}),
    "torch, second": (to_torch, SEQUENCE.swapaxes(1, 2), TOKENS, 1, set()),
    "torch, last, soft": (
        to_torch,
        SEQUENCE,
        softmax(SEQUENCE[::-1]),
        -1,
        {"class-axis"},
    ),
    "torch, second, soft": (
        to_torch,
        SEQUENCE.swapaxes(1, 2),
        softmax(SEQUENCE[::-1]).swapaxes(1, 2),
        1,
        set(),
    ),
    "torch, second, padded": (
        to_torch,
        SEQUENCE.swapaxes(1, 2),
        np.where(TOKENS == 2, -100, TOKENS),
        1,
        set(),
    ),
    "numpy, first": (to_numpy, Z.T, Y, 0, {"class-axis"}),
    "torch, first": (to_torch, Z.T, Y, 0, {"class-axis"}),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_class_axis_is_found_from_the_shapes(name):
    array, output, target, axis, mistakes = LAYOUTS[name]
    found, slugs = report(array(output), array(target))
    assert (found.axis, slugs) == (axis, mistakes)
    named, slugs = report(array(output), array(target), axis=axis)
    assert (named.axis, slugs) == (axis, set())
    assert named.fits == found.fits


@pytest.mark.parametrize(
    ("output", "target", "words"),
    [
        (Z[:0], Y[:0], "it is empty"),
        (np.array([[0.2, 0.8]]), np.array([1]), "probabilities, as they sum to 1, or"),
        (np.array([0.2, 0.7]), np.array([0.0, 1.0]), "so few may lie in [0, 1]"),
        (put(Z, (0, 1), -np.inf), Y + np.nan, "neither probabilities nor their log"),
        (put(Z, 0, [np.nan, np.inf, -np.inf]), Y, "1 NaN, 1 +inf and 1 -inf"),
    ],
)
def test_the_reason_is_the_one(output, target, words):
    assert words in diagnose(output, target).reasons[0]


def test_a_named_axis_never_fails():
    for output, target, *_ in SITUATIONS.values():
        for axis in range(-np.ndim(output), np.ndim(output)):
            last = axis in (-1, np.ndim(output) - 1)
            told = -1 if last else axis % np.ndim(output)
            assert diagnose(output, target, axis=axis).axis in (None, told)


def test_an_axis_that_fits_twice_has_to_be_named():
    found, _ = report(Z[:3], Y[:3])
    assert found.axis is None
    assert found.fits == {}
    assert "[0, 1]" in found.mistakes[0].sentence
    for axis, call in [
        (1, "cross_entropy(output, target)"),
        (0, "cross_entropy(output, target, axis=0)"),
    ]:
        named, slugs = report(Z[:3], Y[:3], axis=axis)
        assert named.fits["celib"] == call
        assert slugs == set()


def test_the_values_may_settle_the_axis_that_the_shapes_do_not():
    probs = softmax(rng.normal(size=(4, 4)))
    found, slugs = report(probs, np.arange(4))
    assert found.axis == -1
    assert slugs == {"softmax-before-loss"}


def test_bfloat16_probabilities_are_told():
    probs = torch.from_numpy(softmax(rng.normal(size=(8, 1000)))).bfloat16()
    found, _ = report(probs, torch.arange(8))
    assert (found.output, found.sure) == PROBS


def test_torch_takes_no_int32_labels():
    found, slugs = report(torch.from_numpy(Z), torch.from_numpy(Y).int())
    assert slugs == {"narrow-labels"}
    assert found.fits["torch"] == "F.cross_entropy(output, target.long())"
    assert report(torch.from_numpy(Z), torch.from_numpy(Y).byte())[1] == set()


def test_arrays_of_two_libraries_are_told():
    found, slugs = report(torch.from_numpy(Z), Y)
    assert slugs == {"two-libraries"}
    assert found.fits == {}


# ---- the calls


def plain(x):
    return np.asarray(x)


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
# Each call gets its own library's arrays; Keras and scikit-learn get NumPy's.
ARRAYS = {
    "torch": to_torch,
    "scikit-learn": plain,
    "optax": jnp.asarray,
    "Keras": plain,
}


TENSORS = ("celib", "torch")


def value(library, call, output, target, array=plain):
    """What a suggested call gives, pasted as it is."""
    own = ARRAYS.get(library, array)
    # the logarithm of a probability of 0 is what these calls take
    with np.errstate(divide="ignore"), jax.enable_x64(True):
        arrays = {"output": own(output), "target": own(target)}
        return float(eval(call, NAMES | arrays))


CALLS = {
    name: (array, output, target)
    for array in (to_numpy, to_torch)
    for name, (output, target) in {
        **{f"{array.__name__}: {k}": v[:2] for k, v in SITUATIONS.items()},
        **{f"{array.__name__}: {k}": v[1:3] for k, v in LAYOUTS.items()},
    }.items()
    if diagnose(array(output), array(target)).fits
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_runs_and_all_agree(name):
    array, output, target = CALLS[name]
    found, slugs = report(array(output), array(target))
    whole = np.array_equal(target, np.round(target))
    left_out = set() if whole else {"scikit-learn"}
    if "saturated" in name:
        left_out.add("optax")
    assert set(found.fits) == LIBRARIES - left_out
    # the calls of the other three say the same for tensors: once will do
    calls = {k: c for k, c in found.fits.items() if array is to_numpy or k in TENSORS}
    values = {k: value(k, c, output, target, array) for k, c in calls.items()}
    if "infinite-loss" in slugs:
        assert values["celib"] == np.inf
        return
    tolerance = 2e-3 if output.dtype == np.float16 else 2e-6
    for library, loss in values.items():
        assert loss == pytest.approx(values["celib"], rel=tolerance), library


def test_enough_calls_were_run():
    assert len(CALLS) > 90
    seen = {
        c.split("(")[0]
        for a, z, y in CALLS.values()
        for c in diagnose(a(z), a(y)).fits.values()
    }
    assert len(seen) == 16


# By hand, with nothing of celib or the libraries.
def by_hand(z, y):
    return np.mean(
        [np.log(np.sum(np.exp(row))) - row[k] for row, k in zip(z, y, strict=True)]
    )


@pytest.mark.parametrize(
    ("output", "target"),
    [(Z, Y), (Z.T, Y), (LOG_P, Y), (P, Y), (Z, ONE_HOT), (Z, Y + 1), (Z, Y * 1.0)],
    ids=["logits", "first", "logs", "probs", "one-hot", "from 1", "floats"],
)
def test_the_calls_give_the_cross_entropy(output, target):
    for library, call in diagnose(output, target).fits.items():
        assert value(library, call, output, target) == pytest.approx(
            by_hand(Z, Y), rel=2e-6
        )


def test_the_binary_calls_give_the_binary_cross_entropy():
    expected = np.mean(np.log1p(np.exp(-np.where(B == 1, X, -X))))
    for output in (X, X[:, None], sigmoid(X)):
        for library, call in diagnose(output, 2 * B - 1).fits.items():
            loss = value(library, call, output, 2 * B - 1)
            assert loss == pytest.approx(expected, rel=2e-6), library


def test_padding_counts_for_nothing_in_any_call():
    kept = Y != 2
    for mark in (-100, -1):
        target = np.where(kept, Y, mark)
        for library, call in diagnose(Z, target).fits.items():
            loss = value(library, call, Z, target)
            assert loss == pytest.approx(by_hand(Z[kept], Y[kept]), rel=2e-6), library


# ---- what it may never do

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.tuples(st.integers(4, 12), st.integers(3, 12))


@given(SEEDS, SIZES, st.floats(1, 1e4))
@settings(max_examples=200, deadline=None)
def test_normal_logits_and_what_is_made_of_them(seed, size, scale):
    draw = np.random.default_rng(seed)
    logits = draw.normal(size=size) * scale
    target = draw.integers(0, size[1], size[0])
    axis = -1
    assert diagnose(logits, target, axis=axis).output == "logits"
    for output, kind in [(softmax(logits), PROBS), (log_softmax(logits), LOG_PROBS)]:
        for dtype in (np.float64, np.float32, np.float16):
            found = diagnose(output.astype(dtype), target, axis=axis)
            assert (found.output, found.sure) == kind


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
)
@settings(max_examples=500, deadline=None)
def test_it_has_something_to_say_about_any_two_arrays(output, target):
    found = diagnose(output, target)
    assert all(len(line) <= 80 for line in str(found).splitlines())
    assert (found.sure == "can't tell") == (found.output == "can't tell")
    if output.size and np.min(output) < -0.001:
        assert "probabilities" not in found.output.replace("log-probabilities", "")


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_report_fits_a_page(name):
    output, target, *_ = SITUATIONS[name]
    found = diagnose(output, target)
    lines = str(found).splitlines()
    assert repr(found) == str(found)
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    assert "{" not in str(found)
    if not found.mistakes:
        assert len(lines) <= 14


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
    assert str(diagnose(P, Y)) == expected


def test_only_arrays_are_taken():
    message = "target must be a NumPy array or a torch tensor, got list"
    with pytest.raises(TypeError, match=message):
        diagnose(Z, Y.tolist())
    with pytest.raises(TypeError, match="output must be a NumPy array"):
        diagnose(Z.tolist(), Y)


def test_an_axis_must_be_one_that_the_output_has():
    with pytest.raises(ValueError, match="one of the 2 axes of output, got axis=2"):
        diagnose(Z, Y, axis=2)


def test_the_floor_of_a_second_softmax_is_the_one_that_is_reached():
    best = np.eye(10)[np.arange(10)]
    found = diagnose(softmax(best * 50), np.arange(10), axis=1)
    reached = float(losses.cross_entropy(best, np.arange(10)))
    assert f"{reached:.4f}" in found.mistakes[0].sentence
    assert "log(1 + 9/e)" in found.mistakes[0].sentence


# ---- the forum's questions (questions.md), as far as arrays can show them
#
# Not 6, 8 and 12 (weight, ignore_index=0 and a reduction are options), and not 9,
# 18 and 24. Of 11 only what the order depends on: that both are probabilities.

QUESTIONS = {
    3: (np.array([0.0, 1.0, 0.0]), np.array(1), "softmax-before-loss", "0.5514"),
    4: (P, Y, "softmax-before-loss", "Leave softmax out"),
    5: (
        sigmoid(X * 40).astype(np.float32),
        1 - (X > 0).astype(np.float32),
        "infinite-loss",
        "clips",
    ),
    7: (Z, np.full(8, -100), "all-ignored", "NaN"),
    10: (P, SOFT, "kl-of-probabilities", "log-probabilities first"),
    11: (P, SOFT, "kl-of-probabilities", "KL(target, output)"),
    13: (P, MULTI, "softmax-on-multilabel", "binary loss with logits"),
    14: (X[:, None], B, "one-class", "one column for each class"),
    17: (rng.normal(size=(8, 10)) * 1e-4, Y, "no-preference", "log 10 = 2.3026"),
    21: (torch.from_numpy(SEQUENCE), torch.from_numpy(TOKENS), "class-axis", "axis 1"),
    23: (put(P, (0, slice(None)), [0.0, 0.5, 0.5]), Y, "infinite-loss", "infinite"),
}


@pytest.mark.parametrize("number", QUESTIONS)
def test_a_question_of_the_forum_gets_its_cause(number):
    output, target, slug, words = QUESTIONS[number]
    (finding,) = (m for m in diagnose(output, target).mistakes if m.slug == slug)
    assert words in f"{finding.sentence} {finding.advice}"


def test_question_13_names_the_loss_of_many_labels():
    found = diagnose(to_torch(Z), to_torch(MULTI))
    assert found.fits["torch"] == "F.binary_cross_entropy_with_logits(output, target)"
    assert "cross_entropy" in found.unfit


def test_question_14_takes_one_output_or_two():
    one, two = diagnose(X, B), diagnose(Z2, B.astype(int))
    assert "binary" in one.fits["torch"]
    assert two.fits["torch"] == "F.cross_entropy(output, target)"


def test_question_17_binary_is_stuck_at_log_two():
    found, slugs = report(X * 1e-4, B)
    assert "no-preference" in slugs
    assert "0.6931" in str(found)
