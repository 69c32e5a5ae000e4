"""Focal loss and poly-1: cross-entropy reshaped by the probability missed."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from arrays import DTYPES, both_libraries, exactly, slope, ulps
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from celib.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    focal_loss,
    poly1_cross_entropy,
    sigmoid_focal_loss,
)

# --- worked by hand, and at the extremes -----------------------------------


def test_values_worked_by_hand():
    half = np.zeros(2)
    assert float(focal_loss(half, np.array(0))) == pytest.approx(math.log(2) / 4)
    assert float(sigmoid_focal_loss(half[:1], np.ones(1), alpha=0.25)) == (
        pytest.approx(math.log(2) / 16)
    )
    assert float(sigmoid_focal_loss(half[:1], np.zeros(1), alpha=0.25)) == (
        pytest.approx(math.log(2) * 3 / 16)
    )
    loss = poly1_cross_entropy(half, np.array(1), epsilon=2.0)
    assert float(loss) == pytest.approx(math.log(2) + 1)
    # weights 1 and 3, losses log(2) / 4 each: their mean is the same
    both = np.zeros((2, 2)), np.array([0, 1])
    weighted = focal_loss(*both, weight=np.array([1.0, 3.0]))
    assert float(weighted) == pytest.approx(math.log(2) / 4)


@both_libraries
@pytest.mark.parametrize("function", [focal_loss, poly1_cross_entropy])
def test_the_mean_of_nothing_is_nan(array, function):
    z, y = array(np.zeros((2, 3))), array(np.array([-100, -100]))
    assert math.isnan(float(function(z, y)))
    assert float(function(z, y, reduction="sum")) == 0
    assert math.isnan(float(function(z[:0], y[:0])))
    assert tuple(function(z[:0], y[:0], reduction="none").shape) == (0,)
    nothing = array(np.zeros(0))
    assert math.isnan(float(sigmoid_focal_loss(nothing, nothing)))


GAMMAS = [0, 0.5, 1.0, 2.0, 5.0]

EPSILONS = [-1.0, -0.5, 0.0, 1.0, 2.0]

CURVES = [
    *((focal_loss, {"gamma": g}) for g in GAMMAS),
    *((poly1_cross_entropy, {"epsilon": e}) for e in EPSILONS),
]


@both_libraries
def test_finite_at_infinite_logits(array):
    inf = math.inf
    x, y = array([inf, -inf, inf, -inf]), array([1.0, 0.0, 0.0, 1.0])
    for gamma in GAMMAS:
        loss = sigmoid_focal_loss(x, y, gamma=gamma, reduction="none")
        np.testing.assert_array_equal(np.asarray(loss), [0, 0, inf, inf])
    z = array(np.array([[0.0, -inf], [-inf, 0.0]]))
    for function, option in CURVES:
        if option.get("epsilon") != 0.0:
            loss = function(z, array([0, 0]), reduction="none", **option)
            np.testing.assert_array_equal(np.asarray(loss), [0, inf])


@pytest.mark.parametrize("gamma", GAMMAS)
def test_gradient_is_finite_at_infinite_logits(gamma):
    inf = math.inf
    x = torch.tensor([inf, -inf], dtype=torch.float64, requires_grad=True)
    sigmoid_focal_loss(x, torch.zeros_like(x), gamma=gamma, reduction="sum").backward()
    np.testing.assert_array_equal(x.grad, [1, 0])
    z = torch.tensor([[0.0, -inf], [-inf, 0.0]], dtype=torch.float64)
    z.requires_grad_()
    focal_loss(z, torch.tensor([0, 0]), gamma=gamma, reduction="sum").backward()
    np.testing.assert_array_equal(z.grad, [[0, 0], [-1, 1]])


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_no_nan_where_the_weight_has_an_infinite_slope(gamma):
    x = torch.tensor([30.0, 800.0, math.inf], dtype=torch.float64, requires_grad=True)
    sigmoid_focal_loss(x, torch.ones_like(x), gamma=gamma).backward()
    assert bool((x.grad[:1] < 0).all())
    assert bool((x.grad[1:] == 0).all())
    z = torch.tensor(
        [[30.0, 0.0], [800.0, 0.0]], dtype=torch.float64, requires_grad=True
    )
    focal_loss(z, torch.tensor([0, 0]), gamma=gamma, reduction="sum").backward()
    assert float(z.grad[0, 0]) < 0
    assert bool((z.grad[1] == 0).all())


# --- the same as peers -----------------------------------------------------

REDUCTIONS = ["mean", "sum", "none"]


def binary(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((4, 3)) * 4, rng.uniform(0, 1, (4, 3)).round(1)


def torchvisions(x, y, alpha, gamma, reduction):
    """Compute what ``torchvision.ops.sigmoid_focal_loss`` is documented to be."""
    p = torch.sigmoid(x)
    loss = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    loss = loss * (1 - (p * y + (1 - p) * (1 - y))) ** gamma
    if alpha >= 0:
        loss = (alpha * y + (1 - alpha) * (1 - y)) * loss
    return loss if reduction == "none" else getattr(loss, reduction)()


@both_libraries
@pytest.mark.parametrize(
    ("alpha", "gamma", "reduction"),
    list(itertools.product([None, 0.25, 1.0], GAMMAS, REDUCTIONS)),
)
def test_sigmoid_focal_equals_torchvision(array, alpha, gamma, reduction):
    x, y = binary()
    theirs = torch.tensor(x, requires_grad=True)
    a = -1 if alpha is None else alpha
    expected = torchvisions(theirs, torch.tensor(y), a, gamma, reduction)
    expected.sum().backward()
    options = {"alpha": alpha, "gamma": gamma, "reduction": reduction}
    loss = sigmoid_focal_loss(array(x), array(y), **options)
    np.testing.assert_allclose(loss, expected.detach(), rtol=1e-11)
    ours = torch.tensor(x, requires_grad=True)
    sigmoid_focal_loss(ours, torch.tensor(y), **options).sum().backward()
    np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-9, atol=1e-13)


@pytest.fixture
def jnp():
    """JAX in double precision, which is a switch for the whole process."""
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax.numpy
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("alpha", [None, 0.25])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_sigmoid_focal_equals_optax(jnp, alpha, gamma):
    optax = pytest.importorskip("optax")
    x, y = binary()
    expected = optax.sigmoid_focal_loss(
        jnp.asarray(x), jnp.asarray(y), alpha=alpha, gamma=gamma
    )
    loss = sigmoid_focal_loss(x, y, alpha=alpha, gamma=gamma, reduction="none")
    np.testing.assert_allclose(loss, np.asarray(expected), rtol=1e-11)


def classes(shape=(4, 3), k=5, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((*shape, k)) * 3
    return logits, rng.integers(0, k, shape), rng.uniform(0, 2, k)


def soft(shape=(4, 3), k=5):
    return np.random.default_rng(1).dirichlet(np.ones(k), shape)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_poly1_equals_optax(jnp, epsilon):
    optax = pytest.importorskip("optax")
    logits, target, _ = classes()
    for y in (soft(), np.eye(5)[target]):
        expected = optax.losses.poly_loss_cross_entropy(
            jnp.asarray(logits), jnp.asarray(y), epsilon=epsilon
        )
        loss = poly1_cross_entropy(logits, y, epsilon=epsilon, reduction="none")
        np.testing.assert_allclose(loss, np.asarray(expected), rtol=1e-11)


def by_hand(z, y, weight, ignore, reduction, curve):
    """Build the loss of torch's own parts, for autograd to differentiate."""
    log_q = torch.log_softmax(z, -1)
    counted = y != ignore
    label = torch.where(counted, y, 0)
    nats = -log_q.gather(-1, label[..., None])[..., 0]
    w = torch.where(counted, weight[label], 0.0)
    loss = w * curve(nats)
    return {"none": loss, "sum": loss.sum(), "mean": loss.sum() / w.sum()}[reduction]


def curve_of(gamma=None, epsilon=None):
    if gamma is None:
        return lambda nats: nats + epsilon * (1 - torch.exp(-nats))
    return lambda nats: (1 - torch.exp(-nats)) ** gamma * nats


@both_libraries
@pytest.mark.parametrize(("function", "option"), CURVES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_its_parts_in_torch(array, function, option, reduction, weighted):
    logits, target, weight = classes()
    target[0, 0] = -100
    w = torch.tensor(weight if weighted else np.ones(5))
    theirs = torch.tensor(logits, requires_grad=True)
    expected = by_hand(
        theirs, torch.tensor(target), w, -100, reduction, curve_of(**option)
    )
    expected.sum().backward()

    def ours(z, array):
        given = array(weight) if weighted else None
        return function(z, array(target), weight=given, reduction=reduction, **option)

    np.testing.assert_allclose(
        ours(array(logits), array), expected.detach(), rtol=1e-10, atol=1e-13
    )
    z = torch.tensor(logits, requires_grad=True)
    ours(z, torch.tensor).sum().backward()
    np.testing.assert_allclose(z.grad, theirs.grad, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    z = torch.zeros(100_000, 2, dtype=dtype, requires_grad=True)
    y = torch.zeros(100_000, dtype=torch.int64)
    for loss, value in [
        (focal_loss(z, y), math.log(2) / 4),
        (poly1_cross_entropy(z, y), math.log(2) + 0.5),
        (sigmoid_focal_loss(z, torch.ones_like(z)), math.log(2) / 4),
    ]:
        assert loss.dtype == dtype
        assert float(loss.detach()) == pytest.approx(value, rel=1e-2)
        loss.backward()
        assert z.grad.dtype == dtype
    small = np.array([[6.0, 0.0]], dtype=np.float16)
    wide = focal_loss(small.astype(np.float32), np.array([0]), gamma=0.5)
    loss = focal_loss(small, np.array([0]), gamma=0.5)
    assert loss.dtype == np.float16
    assert loss == np.float16(wide)


# --- what must hold --------------------------------------------------------

scores = st.lists(st.floats(-50, 50), min_size=2, max_size=6)


@given(scores)
def test_without_gamma_or_epsilon_it_is_cross_entropy(z):
    z = np.array(z)
    nats = float(cross_entropy(z, np.array(0)))
    assert float(focal_loss(z, np.array(0), gamma=0)) == pytest.approx(nats, rel=1e-14)
    poly = poly1_cross_entropy(z, np.array(0), epsilon=0)
    assert float(poly) == pytest.approx(nats, rel=1e-14)
    y = np.linspace(0, 1, len(z))
    assert float(sigmoid_focal_loss(z, y, gamma=0)) == pytest.approx(
        float(binary_cross_entropy_with_logits(z, y)), rel=1e-14
    )


@given(scores, st.floats(0, 10))
def test_focal_is_at_most_cross_entropy(z, gamma):
    z = np.array(z)
    nats = float(cross_entropy(z, np.array(0)))
    focal = float(focal_loss(z, np.array(0), gamma=gamma))
    assert 0 <= focal <= nats * (1 + 1e-14)


@given(scores, st.floats(-100, 100))
def test_adding_to_every_logit_changes_nothing(z, shift):
    # multiples of 2**-20 add up without rounding
    z, shift = np.round(np.array(z) * 2**20) / 2**20, round(shift * 2**20) / 2**20
    for function in (focal_loss, poly1_cross_entropy):
        before = float(function(z, np.array(0)))
        assert float(function(z + shift, np.array(0))) == pytest.approx(before)


@pytest.mark.parametrize("function", [focal_loss, poly1_cross_entropy])
def test_an_ignored_row_is_no_row_even_if_it_holds_rubbish(function):
    logits, target, weight = classes((6,))
    logits[0], target[0] = np.nan, -100
    z = torch.tensor(logits, requires_grad=True)
    loss = function(z, torch.tensor(target), weight=torch.tensor(weight))
    loss.backward()
    without = function(logits[1:], target[1:], weight=weight)
    assert float(loss.detach()) == pytest.approx(float(without), rel=1e-14)
    np.testing.assert_array_equal(z.grad[0], 0)
    assert bool(torch.isfinite(z.grad).all())


@both_libraries
@pytest.mark.parametrize("function", [focal_loss, poly1_cross_entropy])
def test_class_axis_is_named(array, function):
    logits, target, _ = classes()
    moved = np.ascontiguousarray(np.moveaxis(logits, -1, 1))
    last = function(array(logits), array(target), reduction="none")
    second = function(array(moved), array(target), axis=1, reduction="none")
    np.testing.assert_array_equal(np.asarray(last), np.asarray(second))
    y = soft()
    last = function(array(logits), array(y), reduction="none")
    y = np.ascontiguousarray(np.moveaxis(y, -1, 1))
    second = function(array(moved), array(y), axis=1, reduction="none")
    np.testing.assert_array_equal(np.asarray(last), np.asarray(second))
    first, other = (torch.tensor(v, requires_grad=True) for v in (logits, moved))
    function(first, torch.tensor(target)).backward()
    function(other, torch.tensor(target), axis=1).backward()
    np.testing.assert_array_equal(first.grad.movedim(-1, 1), other.grad)


@both_libraries
@pytest.mark.parametrize(("function", "option"), CURVES)
def test_probabilities_are_the_mean_over_labels(array, function, option):
    logits, _, _ = classes((6,))
    y = soft((6,))
    each = [
        function(array(logits), array(np.full(6, k)), reduction="none", **option)
        for k in range(5)
    ]
    expected = sum(y[:, k] * np.asarray(each[k]) for k in range(5))
    loss = function(array(logits), array(y), reduction="none", **option)
    np.testing.assert_allclose(loss, expected, rtol=1e-13)
    mean = function(array(logits), array(y), **option)
    assert float(mean) == pytest.approx(expected.mean(), rel=1e-13)


# --- the gradient ----------------------------------------------------------


@pytest.mark.parametrize("function", [focal_loss, poly1_cross_entropy])
def test_gradient_by_finite_differences(function):
    logits, target, _ = classes((4,))
    z = torch.tensor(logits, requires_grad=True)
    function(z, torch.tensor(target)).backward()
    numeric = slope(lambda v: float(function(v, target)), logits)
    np.testing.assert_allclose(z.grad, numeric, atol=1e-9)


@pytest.mark.parametrize(("function", "option"), CURVES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradcheck(function, option, reduction):
    logits, target, weight = classes()
    z = torch.tensor(logits, requires_grad=True)
    for y in (target, soft()):

        def f(z, y=y):
            w = torch.tensor(weight)
            return function(z, torch.tensor(y), weight=w, reduction=reduction, **option)

        assert torch.autograd.gradcheck(f, (z,))


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradcheck_of_the_sigmoid(gamma, reduction):
    x, y = binary()

    def f(x):
        options = {"alpha": 0.3, "gamma": gamma, "reduction": reduction}
        return sigmoid_focal_loss(x, torch.tensor(y), **options)

    assert torch.autograd.gradcheck(f, (torch.tensor(x, requires_grad=True),))


# --- exact to the last digits ----------------------------------------------

SIZES = [1e-3, 0.3, 1, 5.1, 20, 40.3, 100, 700]


def exact(z, y):
    """Nats, the probability missed, and the gradient of the nats."""
    z = exactly(z)
    m = max(z)
    e = [mpmath.exp(v - m) for v in z]
    whole = mpmath.fsum(e)
    missed = mpmath.fsum(e[:y] + e[y + 1 :]) / whole
    grad = [v / whole for v in e]
    grad[y] = -missed
    nats = mpmath.log1p(mpmath.fsum(e[:y] + e[y + 1 :]) / e[y])
    return nats, missed, grad


def check_ulps(value, exact, dtype, limit=16):
    if abs(exact) >= np.finfo(dtype).tiny:
        assert ulps(value, exact, dtype) <= limit
    else:
        assert abs(float(value)) <= 2 * np.finfo(dtype).tiny


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("y", [0, 1])
def test_sigmoid_focal_is_exact_to_sixteen_ulps(dtype, gamma, y):
    x = np.array([sign * size for size in SIZES for sign in (1, -1)], dtype=dtype)
    z = torch.tensor(x, requires_grad=True)
    target = torch.full_like(z, y).detach()
    loss = sigmoid_focal_loss(z, target, gamma=gamma, reduction="none")
    loss.sum().backward()
    for i, stored in enumerate(exactly(x)):
        toward = stored if y else -stored
        missed, hit = 1 / (1 + mpmath.exp(toward)), 1 / (1 + mpmath.exp(-toward))
        nats = mpmath.log1p(mpmath.exp(-toward))
        grow = missed**gamma * (missed + gamma * hit * nats)
        check_ulps(loss[i].detach(), missed**gamma * nats, dtype)
        check_ulps(z.grad[i], -grow if y else grow, dtype)


def cases(dtype):
    rng = np.random.default_rng(0)
    for scale, k in itertools.product([0.1, 1, 5, 20, 60, 200], [2, 3, 10, 200]):
        if dtype == np.float64 or scale < 100:
            z = (rng.standard_normal(k) * scale).astype(dtype)
            yield z, int(z.argmax())
            yield z, int(rng.integers(k))
    for top in (40.3, 80.1, 700.7):
        if dtype == np.float64 or top < 100:
            yield np.array([top, 0.1, 0.7], dtype=dtype), 0
            yield np.array([top, 0.1, 0.7], dtype=dtype), 1


def check_case(dtype, function, option, z, y):
    nats, missed, slopes = exact(z, y)
    if "gamma" in option:
        g = option["gamma"]
        value = missed**g * nats
        rise = missed**g * (1 + g * (1 - missed) * nats / missed)
    else:
        e = option["epsilon"]
        value, rise = nats + e * missed, 1 + e * (1 - missed)
    logits = torch.tensor(z, requires_grad=True)
    loss = function(logits, torch.tensor(y), **option)
    loss.backward()
    check_ulps(loss.detach(), value, dtype, 20)
    for got, true in zip(logits.grad, slopes, strict=True):
        check_ulps(got, rise * true, dtype, 20)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize(("function", "option"), CURVES)
def test_classes_are_exact_to_twenty_ulps(dtype, function, option):
    for z, y in cases(dtype):
        # without its first term, the loss is the rest of a long subtraction
        digits = 700 if option.get("epsilon") == -1 else 60
        with mpmath.workdps(digits):
            check_case(dtype, function, option, z, y)


# --- refusals --------------------------------------------------------------

REFUSALS = [
    ({"target": np.array([0, -1])}, ValueError, "ignore_index=-100, got minimum -1"),
    ({"target": np.array([0, 3])}, ValueError, "got maximum 3"),
    ({"target": np.array([0])}, ValueError, r"class indices must have shape \(2,\)"),
    ({"target": torch.tensor([0, 1])}, TypeError, "got numpy and torch"),
    ({"logits": np.zeros((2, 3), int)}, TypeError, "logits must hold floating-point"),
    ({"reduction": "avg"}, ValueError, "reduction must be one of 'mean', 'sum', 'no"),
    ({"axis": 2}, ValueError, "axis must be one of the 2 axes of logits, got axis=2"),
    ({"weight": np.ones(2)}, ValueError, r"weight must have shape \(3,\)"),
]


@pytest.mark.parametrize(("changed", "kind", "match"), REFUSALS)
@pytest.mark.parametrize("function", [focal_loss, poly1_cross_entropy])
def test_wrong_input_is_refused(function, changed, kind, match):
    options = {"logits": np.zeros((2, 3)), "target": np.array([0, 1])} | changed
    with pytest.raises(kind, match=match):
        function(options.pop("logits"), options.pop("target"), **options)


@pytest.mark.parametrize("gamma", [-1, math.inf, math.nan])
def test_wrong_gamma_is_refused(gamma):
    match = f"gamma must be finite and not negative, got {gamma}"
    with pytest.raises(ValueError, match=match):
        focal_loss(np.zeros(2), np.array(0), gamma=gamma)
    with pytest.raises(ValueError, match=match):
        sigmoid_focal_loss(np.zeros(2), np.zeros(2), gamma=gamma)


def test_wrong_options_are_refused():
    for alpha in (-1, 1.5, math.nan):
        with pytest.raises(ValueError, match=rf"alpha must lie in \[0, 1\].*{alpha}"):
            sigmoid_focal_loss(np.zeros(2), np.zeros(2), alpha=alpha)
    with pytest.raises(ValueError, match="epsilon must be finite, got nan"):
        poly1_cross_entropy(np.zeros(2), np.array(0), epsilon=math.nan)
    with pytest.raises(ValueError, match=r"target must lie in \[0, 1\], got 0 to 2"):
        sigmoid_focal_loss(np.zeros(2), np.array([0.0, 2.0]))
    with pytest.raises(ValueError, match="target must not require a gradient"):
        sigmoid_focal_loss(torch.zeros(2), torch.zeros(2, requires_grad=True))


# --- differentiated twice ----------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_differentiated_twice(reduction):
    rng = np.random.default_rng(5)
    z = torch.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    x = torch.tensor(rng.normal(size=4), requires_grad=True)
    y = torch.tensor([1.0, 0.0, 0.25, 1.0], dtype=torch.float64)
    soft = torch.tensor(rng.dirichlet(np.ones(3), 4))
    check = torch.autograd.gradgradcheck
    for target in (torch.tensor([0, 2, -100, 1]), soft):
        for function in (focal_loss, poly1_cross_entropy):
            assert check(partial(function, target, reduction), z)
    assert check(lambda x: sigmoid_focal_loss(x, y, alpha=0.3, reduction=reduction), x)


def partial(function, target, reduction):
    """The loss of logits alone."""
    return lambda z: function(z, target, reduction=reduction)


# --- what once was wrong -----------------------------------------------------


@both_libraries
def test_a_weight_of_zero_masks_an_infinite_cost(array):
    x, y = array([-math.inf]), array([1.0])
    assert float(sigmoid_focal_loss(x, y, alpha=0)) == 0
    assert float(sigmoid_focal_loss(x, y, alpha=0.5)) == math.inf


def test_a_weight_of_zero_masks_an_infinite_gradient():
    x = torch.tensor([-math.inf, 0.5], requires_grad=True)
    sigmoid_focal_loss(x, torch.tensor([1.0, 0.0]), alpha=0).backward()
    assert x.grad[0] == 0
    assert x.grad[1] > 0


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_the_slope_of_a_soft_label_at_an_infinite_logit(gamma):
    y = torch.tensor([0.25], dtype=torch.float64)

    def loss(x):
        return sigmoid_focal_loss(x, y, gamma=gamma)

    x = torch.tensor([-math.inf], dtype=torch.float64)
    # m is 0.25 there, and no longer moves; the slope of the cross-entropy is -0.25
    assert float(torch.func.grad(loss)(x)) == -(0.25**gamma) / 4
    loss(x.requires_grad_()).backward()
    assert float(x.grad) == -(0.25**gamma) / 4
