"""Hinge losses: scikit-learn's, optax's and PyTorch's, with their gradients."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sklearn.metrics
import torch
from arrays import both_libraries, slope
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from celib.losses import hinge_loss, multiclass_hinge_loss

# --- worked by hand, and at the extremes -----------------------------------


@both_libraries
def test_values_worked_by_hand(array):
    s, y = array(np.array([[2.0, 1.5, 0.5, 3.0]])), array(np.array([0]))
    # lacking: 1 - 2 + 1.5 = 0.5; 1 - 2 + 0.5 < 0; 1 - 2 + 3 = 2
    assert float(multiclass_hinge_loss(s, y)) == 2.0
    assert float(multiclass_hinge_loss(s, y, power=2)) == 4.0
    options = {"variant": "weston-watkins"}
    assert float(multiclass_hinge_loss(s, y, **options)) == 2.5 / 4
    assert float(multiclass_hinge_loss(s, y, power=2, **options)) == 4.25 / 4
    one = multiclass_hinge_loss(s[:, :1], y)
    assert float(one) == 0.0


@both_libraries
def test_the_mean_of_nothing_is_nan(array):
    nothing = array(np.zeros(0))
    assert math.isnan(float(hinge_loss(nothing, nothing)))
    assert float(hinge_loss(nothing, nothing, reduction="sum")) == 0
    s, y = array(np.zeros((0, 3))), array(np.zeros(0, int))
    assert math.isnan(float(multiclass_hinge_loss(s, y)))


VARIANTS = ["crammer-singer", "weston-watkins"]


def test_nan_is_not_swallowed():
    assert math.isnan(float(hinge_loss(np.array([math.nan]), np.array([1]))))
    for variant in VARIANTS:
        for s in ([math.nan, 0.0], [0.0, math.nan]):
            loss = multiclass_hinge_loss(np.array(s), np.array(0), variant=variant)
            assert math.isnan(float(loss))


# --- the same as peers -----------------------------------------------------

REDUCTIONS = ["mean", "sum", "none"]


def binary(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(12) * 2, rng.choice([-1, 1], 12)


def reduce(values, reduction):
    return values if reduction == "none" else getattr(np, reduction)(values)


@both_libraries
@pytest.mark.parametrize("kind", [np.int8, np.int64, np.float64])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_equals_its_formula(array, kind, squared, reduction):
    s, y = binary()
    expected = np.maximum(0, 1 - y * s) ** (2 if squared else 1)
    loss = hinge_loss(
        array(s), array(y.astype(kind)), squared=squared, reduction=reduction
    )
    np.testing.assert_allclose(loss, reduce(expected, reduction), rtol=1e-14)


def test_binary_equals_scikit_learn_and_optax():
    optax = pytest.importorskip("optax")
    s, y = binary()
    expected = sklearn.metrics.hinge_loss(y, s)
    assert float(hinge_loss(s, y)) == pytest.approx(expected, rel=1e-14)
    each = optax.hinge_loss(s.astype(np.float32), y.astype(np.float32))
    loss = hinge_loss(s.astype(np.float32), y, reduction="none")
    np.testing.assert_allclose(loss, np.asarray(each), rtol=1e-6)


def classes(shape=(12,), k=4):
    rng = np.random.default_rng(0)
    return rng.standard_normal((*shape, k)) * 2, rng.integers(0, k, shape)


@pytest.mark.parametrize("squared", [False, True])
def test_equals_torchmetrics(squared):
    metrics = pytest.importorskip("torchmetrics.functional.classification")
    s, y = binary()
    q = torch.sigmoid(torch.tensor(s))
    theirs = metrics.binary_hinge_loss(q, torch.tensor((y + 1) // 2), squared=squared)
    ours = hinge_loss(q, torch.tensor(y), squared=squared)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-12)
    z, label = classes()
    p = torch.softmax(torch.tensor(z), -1)
    theirs = metrics.multiclass_hinge_loss(
        p, torch.tensor(label), num_classes=4, squared=squared
    )
    ours = multiclass_hinge_loss(p, torch.tensor(label), power=2 if squared else 1)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-12)


@both_libraries
def test_crammer_singer_equals_scikit_learn_and_optax(array):
    optax = pytest.importorskip("optax")
    s, y = classes()
    expected = sklearn.metrics.hinge_loss(y, s, labels=range(4))
    loss = multiclass_hinge_loss(array(s), array(y))
    assert float(loss) == pytest.approx(expected, rel=1e-14)
    each = optax.losses.multiclass_hinge_loss(s.astype(np.float32), y)
    loss = multiclass_hinge_loss(array(s), array(y), reduction="none")
    np.testing.assert_allclose(loss, np.asarray(each), rtol=1e-5, atol=1e-6)


@both_libraries
@pytest.mark.parametrize(
    ("power", "margin", "reduction"),
    list(itertools.product([1, 2], [0.0, 0.5, 1.0, 3.0], REDUCTIONS)),
)
def test_weston_watkins_equals_torch(array, power, margin, reduction):
    s, y = classes()
    theirs = torch.tensor(s, requires_grad=True)
    expected = F.multi_margin_loss(
        theirs, torch.tensor(y), p=power, margin=margin, reduction=reduction
    )
    expected.sum().backward()
    options = {"variant": "weston-watkins", "power": power, "margin": margin}
    options["reduction"] = reduction
    loss = multiclass_hinge_loss(array(s), array(y), **options)
    np.testing.assert_allclose(loss, expected.detach(), rtol=1e-13)
    ours = torch.tensor(s, requires_grad=True)
    multiclass_hinge_loss(ours, torch.tensor(y), **options).sum().backward()
    np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_added_up_in_single(dtype):
    s = torch.zeros(100_000, 2, dtype=dtype, requires_grad=True)
    y = torch.zeros(100_000, dtype=torch.int64)
    for loss in (multiclass_hinge_loss(s, y), hinge_loss(s, torch.ones_like(s))):
        assert loss.dtype == dtype
        assert float(loss.detach()) == 1.0
        loss.backward()
        assert s.grad.dtype == dtype


# --- what must hold --------------------------------------------------------


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5))
def test_squared_is_the_square_and_bounds_the_mistakes(s):
    s, y = np.array(s), np.ones(len(s))
    plain = hinge_loss(s, y, reduction="none")
    square = hinge_loss(s, y, squared=True, reduction="none")
    assert bool(np.all(square >= 0))
    np.testing.assert_allclose(square, plain**2)
    assert bool(np.all(plain >= (s < 0)))


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_two_classes_are_one_question(first, second):
    s = np.array([first, second])
    best = float(multiclass_hinge_loss(s, np.array(0)))
    binary = float(hinge_loss(s[:1] - s[1:], np.array([1])))
    assert best == pytest.approx(binary, abs=1e-12)
    total = float(multiclass_hinge_loss(s, np.array(0), variant="weston-watkins"))
    assert total == best / 2


def test_exact_but_for_one_rounding():
    s, y = binary(1)
    loss = hinge_loss(s, y, reduction="none")
    for value, score, sign in zip(loss, s, y, strict=True):
        lack = 1 - int(sign) * Fraction(float(score))
        assert float(value) == float(max(lack, Fraction(0)))


# --- the gradient ----------------------------------------------------------


def test_gradient_by_finite_differences():
    s, y = binary()
    z = torch.tensor(s, requires_grad=True)
    hinge_loss(z, torch.tensor(y), squared=True).backward()
    numeric = slope(lambda v: float(hinge_loss(v, y, squared=True)), s)
    np.testing.assert_allclose(z.grad, numeric, atol=1e-9)


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradcheck(squared, reduction):
    s, y = binary()

    def f(z):
        return hinge_loss(z, torch.tensor(y), squared=squared, reduction=reduction)

    assert torch.autograd.gradcheck(f, (torch.tensor(s, requires_grad=True),))


GRID = list(itertools.product(VARIANTS, [1, 2], [0.5, 1.0], REDUCTIONS))


@pytest.mark.parametrize(("variant", "power", "margin", "reduction"), GRID)
def test_gradcheck_of_classes(variant, power, margin, reduction):
    s, y = classes((3, 4))

    def f(z):
        return multiclass_hinge_loss(
            z.movedim(-1, 1),
            torch.tensor(y),
            variant=variant,
            power=power,
            margin=margin,
            axis=1,
            reduction=reduction,
        )

    assert torch.autograd.gradcheck(f, (torch.tensor(s, requires_grad=True),))


def test_gradient_is_zero_at_the_kink():
    z = torch.tensor([1.0, -1.0], dtype=torch.float64, requires_grad=True)
    hinge_loss(z, torch.tensor([1, -1])).backward()
    np.testing.assert_array_equal(z.grad, [0, 0])
    like_torch = torch.tensor([0.0], requires_grad=True)
    torch.relu(like_torch).backward()
    assert float(like_torch.grad) == 0
    s = torch.tensor([[2.0, 1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    for variant in VARIANTS:
        multiclass_hinge_loss(s, torch.tensor([0]), variant=variant).backward()
    np.testing.assert_array_equal(s.grad, [[0, 0, 0]])


def test_among_ties_the_first_of_the_best_moves():
    s = torch.tensor([[2.0, 1.5, 1.5]], dtype=torch.float64, requires_grad=True)
    multiclass_hinge_loss(s, torch.tensor([0])).backward()
    np.testing.assert_array_equal(s.grad, [[-1, 1, 0]])


# --- refusals --------------------------------------------------------------

REFUSALS = [
    ({"target": np.array([0, 1])}, ValueError, "hold -1 and 1 only, got 0"),
    ({"target": np.array([0.5, 1])}, ValueError, "hold -1 and 1 only, got 0.5"),
    ({"target": np.ones(3)}, ValueError, r"one shape, got \(2,\) and \(3,\)"),
    ({"scores": np.array([1, 2])}, TypeError, "scores must hold floating-point"),
    ({"target": torch.ones(2)}, TypeError, "scores and target must come from one"),
    ({"reduction": "avg"}, ValueError, "reduction must be one of 'mean', 'sum'"),
]


@pytest.mark.parametrize(("changed", "kind", "match"), REFUSALS)
def test_wrong_input_is_refused(changed, kind, match):
    options = {"scores": np.zeros(2), "target": np.array([-1, 1])} | changed
    with pytest.raises(kind, match=match):
        hinge_loss(options.pop("scores"), options.pop("target"), **options)


CLASS_REFUSALS = [
    ({"target": np.array([0, -100])}, ValueError, r"lie in \[0, 3\), got minimum -10"),
    ({"target": np.array([0, 3])}, ValueError, r"lie in \[0, 3\), got maximum 3"),
    ({"target": np.zeros((2, 3))}, TypeError, "integer class indices, got float64"),
    ({"target": np.array([0])}, ValueError, r"shape \(2,\) beside scores of shape"),
    ({"scores": np.zeros((2, 3), int)}, TypeError, "scores must hold floating-point"),
    ({"variant": "lee"}, ValueError, "variant must be one of 'crammer-singer', 'we"),
    ({"margin": -1.0}, ValueError, "margin must be finite and not negative, got -1"),
    ({"power": 3}, ValueError, "power must be 1 or 2, got 3"),
    ({"axis": 2}, ValueError, "axis must be one of the 2 axes of scores, got axis=2"),
    ({"reduction": "avg"}, ValueError, "reduction must be one of 'mean', 'sum'"),
]


@pytest.mark.parametrize(("changed", "kind", "match"), CLASS_REFUSALS)
def test_wrong_classes_are_refused(changed, kind, match):
    options = {"scores": np.zeros((2, 3)), "target": np.array([0, 1])} | changed
    with pytest.raises(kind, match=match):
        multiclass_hinge_loss(options.pop("scores"), options.pop("target"), **options)


def test_what_cannot_have_a_gradient_is_refused():
    with pytest.raises(ValueError, match="target must not require a gradient"):
        hinge_loss(torch.zeros(2), torch.ones(2, requires_grad=True))


# --- differentiated twice ----------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_differentiated_twice(reduction):
    s = torch.tensor([[0.5, -0.75, 2.0]], dtype=torch.float64, requires_grad=True)
    check = torch.autograd.gradgradcheck
    signs = torch.tensor([[1, -1, 1]])
    squared = {"squared": True, "reduction": reduction}
    assert check(lambda s: hinge_loss(s, signs, **squared), s)
    label = torch.tensor([1])
    for variant in VARIANTS:
        options = {"power": 2, "variant": variant, "reduction": reduction}
        assert check(with_options(label, options), s)


def with_options(label, options):
    """The loss of scores alone."""
    return lambda s: multiclass_hinge_loss(s, label, **options)
