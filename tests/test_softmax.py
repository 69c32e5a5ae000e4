"""celib.softmax: exact in both tails, shift-invariant, the same in both libraries."""

import math

import mpmath
import numpy as np
import pytest
import scipy.special
import torch
from arrays import DTYPES, both_libraries, exactly, slope, to_numpy, to_torch, ulps
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from celib import softmax as sm

scores = hnp.arrays(np.float64, (3, 5), elements=st.floats(-50, 50))


def exact_logsumexp(x):
    return mpmath.log(mpmath.fsum(mpmath.exp(v) for v in exactly(x)))


@both_libraries
def test_values_worked_by_hand(array):
    assert float(sm.logsumexp(array([0.0, 0.0]))) == pytest.approx(math.log(2))
    p = np.asarray(sm.softmax(array(np.log([1.0, 3.0]))))
    np.testing.assert_allclose(p, [0.25, 0.75], rtol=1e-15)
    cool = np.asarray(sm.softmax(array([0.0, math.log(3)]), temperature=0.5))
    np.testing.assert_allclose(cool, [0.1, 0.9], rtol=1e-15)
    assert float(sm.sigmoid(array([0.0]))[0]) == 0.5


@given(scores)
def test_agrees_with_scipy(x):
    np.testing.assert_allclose(sm.softmax(x), scipy.special.softmax(x, axis=-1))
    np.testing.assert_allclose(
        sm.logsumexp(x, axis=0), scipy.special.logsumexp(x, axis=0)
    )
    np.testing.assert_allclose(sm.sigmoid(x), scipy.special.expit(x))
    np.testing.assert_allclose(sm.log_sigmoid(x), scipy.special.log_expit(x))


@given(scores)
def test_softmax_is_a_distribution_and_log_softmax_its_logarithm(x):
    p = sm.softmax(x)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-14)
    np.testing.assert_allclose(np.exp(sm.log_softmax(x)), p, rtol=1e-13)
    assert (sm.log_softmax(x) <= 0).all()


@given(scores, st.integers(-1000, 1000))
def test_a_shift_changes_nothing_but_logsumexp(x, c):
    x = np.round(x * 1024) / 1024  # so that adding c is exact
    # a shift of the kernel's own may round the last digits differently
    np.testing.assert_allclose(sm.softmax(x + c), sm.softmax(x), rtol=2e-15)
    np.testing.assert_allclose(sm.logsumexp(x + c), sm.logsumexp(x) + c, rtol=1e-13)


@given(scores)
def test_logsumexp_lies_between_max_and_max_plus_log_k(x):
    top = x.max(axis=-1)
    assert (sm.logsumexp(x) >= top).all()
    assert (sm.logsumexp(x) <= top + math.log(5) + 1e-14).all()


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("array", [to_numpy, to_torch], ids=["numpy", "torch"])
@pytest.mark.parametrize(
    "x",
    [
        [0, -40],
        [-40, 0],
        [0, -80, -80],
        [20, 0, 0],
        [1000, 1000],
        [-1000, -1001],
        [0.5],
    ],
)
def test_logsumexp_is_right_in_both_tails(array, dtype, x):
    x = np.array(x, dtype=dtype)
    assert ulps(sm.logsumexp(array(x)), exact_logsumexp(x), dtype) <= 2


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("gap", [1, 10, 20, 40, 80])
def test_a_confident_prediction_keeps_its_digits(dtype, gap):
    x = np.array([gap, 0, 0], dtype=dtype)
    exact = mpmath.mpf(gap) - exact_logsumexp(x)
    for array in (to_numpy, to_torch):
        assert ulps(sm.log_softmax(array(x))[0], exact, dtype) <= 4


@pytest.mark.parametrize("x", [-745.0, -100.0, -40.0, -1.0, 0.0, 1.0, 40.0, 100.0])
def test_sigmoid_is_exact_in_both_tails(x):
    for array in (to_numpy, to_torch):
        given_x = array([x])
        exact = 1 / (1 + mpmath.exp(-mpmath.mpf(x)))
        assert ulps(sm.sigmoid(given_x)[0], exact) <= 2
        assert ulps(sm.log_sigmoid(given_x)[0], mpmath.log(exact)) <= 2


@both_libraries
def test_extremes(array):
    inf = math.inf
    assert float(sm.logsumexp(array([-inf, -inf]))) == -inf
    assert float(sm.logsumexp(array([inf, 0.0, 800.0]))) == inf
    assert float(sm.logsumexp(array([1e308, -1e308]))) == 1e308
    masked = np.asarray(sm.softmax(array([0.0, -inf])))
    np.testing.assert_array_equal(masked, [1.0, 0.0])
    assert np.isnan(np.asarray(sm.softmax(array([-inf, -inf])))).all()
    assert np.isnan(np.asarray(sm.log_softmax(array([inf, 0.0])))).all()
    assert math.isnan(float(sm.logsumexp(array([math.nan, 0.0]))))
    sharp = np.asarray(sm.softmax(array([1.0, 5.0, 7.0, 10.0]), temperature=1e-300))
    np.testing.assert_array_equal(sharp, [0, 0, 0, 1])
    np.testing.assert_array_equal(np.asarray(sm.sigmoid(array([-inf, inf]))), [0, 1])


def test_half_precision_does_not_overflow():
    x = np.zeros(100_000, dtype=np.float16)
    assert float(sm.logsumexp(x)) == pytest.approx(math.log(100_000), rel=1e-3)
    brain = torch.zeros(100_000, dtype=torch.bfloat16)
    assert sm.logsumexp(brain).dtype == torch.bfloat16
    assert float(sm.logsumexp(brain)) == pytest.approx(math.log(100_000), rel=1e-2)


@both_libraries
@pytest.mark.parametrize("axis", [0, 1, -1, -3])
def test_axis_and_keepdims(array, axis):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    result = sm.logsumexp(array(x), axis=axis, keepdims=True)
    expected = scipy.special.logsumexp(x, axis=axis, keepdims=True)
    np.testing.assert_allclose(np.asarray(result), expected)
    p = np.asarray(sm.softmax(array(x), axis=axis))
    np.testing.assert_allclose(p, scipy.special.softmax(x, axis=axis))


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_torch_gradient_by_finite_differences(name):
    f = getattr(sm, name)
    x = np.array([0.3, -1.0, 2.0, 2.0])
    x_t = torch.tensor(x, requires_grad=True)
    weights = np.array([1.0, 2.0, -1.0, 0.5])
    (f(x_t) * torch.tensor(weights)).sum().backward()
    numeric = slope(lambda v: float((f(v) * weights).sum()), x)
    np.testing.assert_allclose(x_t.grad, numeric, atol=1e-9)


def test_wrong_input_is_refused():
    with pytest.raises(TypeError, match="x must be a NumPy array or a torch tensor"):
        sm.softmax([1.0, 2.0])
    with pytest.raises(
        TypeError, match="x must hold floating-point numbers, got int64"
    ):
        sm.logsumexp(np.array([1, 2]))
    with pytest.raises(
        ValueError, match="temperature must be positive and finite, got 0"
    ):
        sm.softmax(np.array([1.0]), temperature=0)
    with pytest.raises(
        ValueError, match="x must have at least one entry along axis=-1"
    ):
        sm.log_softmax(np.zeros((2, 0)))
    with pytest.raises(
        ValueError, match="axis must be one of the 1 axes of x, got axis=2"
    ):
        sm.log_softmax(np.zeros(2), axis=2)


# --- what once was wrong -----------------------------------------------------


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_sigmoid_has_a_slope_at_zero(dtype, zero):
    for function, expected in ((sm.sigmoid, 0.25), (sm.log_sigmoid, 0.5)):
        x = torch.tensor([zero], dtype=getattr(torch, dtype), requires_grad=True)
        function(x).backward()
        assert float(x.grad) == expected


@both_libraries
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("gap", [1.0, 16.0, 40.0, 86.0])
def test_log_softmax_is_exact_to_eight_ulps(array, dtype, gap):
    for x in ([gap, 0.0], [0.0, gap, gap / 2], [-gap, 0.0]):
        found = sm.log_softmax(array(x, dtype))
        stored = exactly(np.array(x, dtype))
        total = exact_logsumexp(np.array(x, dtype))
        for value, z in zip(found, stored, strict=True):
            assert ulps(value, z - total, dtype) <= 8


@both_libraries
def test_the_logarithm_of_no_sum_is_minus_infinity(array):
    nothing = array(np.zeros((2, 0)))
    np.testing.assert_array_equal(np.asarray(sm.logsumexp(nothing)), [-math.inf] * 2)
    kept = sm.logsumexp(nothing, keepdims=True)
    assert tuple(kept.shape) == (2, 1)
    np.testing.assert_array_equal(np.asarray(kept), -math.inf)
