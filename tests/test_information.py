"""celib.information: identities, exact values, both libraries, every message."""

import math

import mpmath
import numpy as np
import pytest
import scipy.stats
import torch
from arrays import DTYPES, both_libraries, exactly, slope, to_numpy, to_torch, ulps
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from celib import information as info

P = [0.5, 0.25, 0.125, 0.125]
Q = [0.25, 0.25, 0.25, 0.25]


def distributions(k=6):
    weights = hnp.arrays(np.float64, k, elements=st.floats(1e-6, 1.0))
    return weights.map(lambda w: w / w.sum())


@both_libraries
def test_values_worked_by_hand(array):
    p, q = array(P), array(Q)
    assert float(info.entropy(p, base=2)) == 1.75
    assert float(info.cross_entropy(p, q, base=2)) == 2.0
    assert float(info.kl_divergence(p, q, base=2)) == pytest.approx(0.25, rel=1e-15)
    assert float(info.surprisal(array([0.125]), base=2)[0]) == 3.0
    assert float(info.perplexity(array([0.5, 0.125]))) == pytest.approx(4, rel=1e-15)
    assert float(info.entropy(array([1.0, 0.0]))) == 0.0


@both_libraries
def test_certainty_costs_zero_and_not_minus_zero(array):
    sure = array([1.0, 0.0])
    for nothing in (
        info.entropy(sure),
        info.cross_entropy(sure, sure),
        info.kl_divergence(sure, sure),
        info.surprisal(array([1.0]))[0],
    ):
        assert math.copysign(1, float(nothing)) == 1


@both_libraries
def test_bits_of_powers_of_two_are_whole(array):
    halves = 0.5 ** np.arange(1, 60)
    bits = np.asarray(info.surprisal(array(halves), base=2))
    np.testing.assert_array_equal(bits, np.arange(1, 60))


@both_libraries
def test_comes_back_as_it_came(array):
    p = array([P, Q], np.float32)
    for result in (info.entropy(p), info.cross_entropy(p, p), info.kl_divergence(p, p)):
        assert type(result) is type(p)
        assert result.dtype == p.dtype
        assert tuple(result.shape) == (2,)


@both_libraries
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_axis(array, axis):
    rng = np.random.default_rng(0)
    p, q = (rng.dirichlet(np.ones(4), (2, 3)) for _ in range(2))
    expected = info.kl_divergence(p, q)
    moved = info.kl_divergence(
        array(np.moveaxis(p, -1, axis)), array(np.moveaxis(q, -1, axis)), axis=axis
    )
    np.testing.assert_allclose(np.asarray(moved), expected, rtol=1e-14)


def test_agrees_with_scipy():
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(7), (2, 50))
    np.testing.assert_allclose(info.entropy(p), scipy.stats.entropy(p, axis=-1))
    np.testing.assert_allclose(
        info.kl_divergence(p, q), scipy.stats.entropy(p, q, axis=-1)
    )
    root = np.sqrt(info.js_divergence(p, q))
    theirs = scipy.spatial.distance.jensenshannon(p, q, axis=-1)
    np.testing.assert_allclose(root, theirs)


def test_agrees_with_torch():
    rng = np.random.default_rng(2)
    p, q = (torch.from_numpy(rng.dirichlet(np.ones(5))) for _ in range(2))
    theirs = torch.nn.functional.kl_div(q.log(), p, reduction="sum")
    torch.testing.assert_close(info.kl_divergence(p, q), theirs)


@given(distributions(), distributions())
def test_cross_entropy_is_entropy_plus_divergence(p, q):
    total = float(info.entropy(p) + info.kl_divergence(p, q))
    assert float(info.cross_entropy(p, q)) == pytest.approx(total, rel=1e-12)


@given(distributions(), distributions())
def test_divergences_are_bounded(p, q):
    assert float(info.kl_divergence(p, q)) >= 0
    assert 0 <= float(info.js_divergence(p, q)) <= math.log(2)
    assert float(info.js_divergence(p, q)) == float(info.js_divergence(q, p))


@given(distributions())
def test_entropy_lies_between_zero_and_log_k(p):
    assert 0 <= float(info.entropy(p)) <= math.log(6) + 1e-15


def generalised_kl(p, q):
    """The divergence of the stored numbers, in 60 digits."""
    pairs = zip(exactly(p), exactly(q), strict=True)
    return mpmath.fsum((a * mpmath.log(a / b) if a else 0) + b - a for a, b in pairs)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("k", [2, 10, 1000])
@pytest.mark.parametrize("delta", [1e-12, 1e-10, 1e-6, 1e-3, 0.3, 1.0, 3.0])
def test_kl_is_exact_to_four_ulps(dtype, k, delta):
    rng = np.random.default_rng(int(k + 1e6 * delta))
    for _ in range(5):
        p = rng.dirichlet(np.ones(k))
        q = p * np.exp(delta * rng.standard_normal(k))
        p, q = p.astype(dtype), (q / q.sum()).astype(dtype)
        exact = generalised_kl(p, q)
        for array in (to_numpy, to_torch):
            value = float(info.kl_divergence(array(p), array(q)))
            assert value >= 0
            assert ulps(value, exact, dtype) <= 4


def test_kl_is_exact_along_a_strided_axis():
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.ones(5000)).reshape(-1, 1)
    q = rng.permutation(p)
    exact = generalised_kl(p, q)
    assert ulps(info.kl_divergence(p, q, axis=0)[0], exact) <= 4


def test_js_is_exact_for_near_equal_distributions():
    p = np.array([0.1, 0.2, 0.7])
    q = p * (1 + np.array([1e-10, -1e-10, 1e-11]))
    a, b = exactly(p), exactly(q)
    middle = [(x + y) / 2 for x, y in zip(a, b, strict=True)]
    halves = [
        x * mpmath.log(x / m) + m - x
        for side in (a, b)
        for x, m in zip(side, middle, strict=True)
    ]
    assert ulps(info.js_divergence(p, q), mpmath.fsum(halves) / 2) <= 4


@both_libraries
def test_extreme_probabilities(array):
    tiny = 1e-310
    half = array([0.5, 0.5])
    far = float(info.kl_divergence(half, array([1.0, tiny])))
    assert far == pytest.approx(0.5 * (-math.log(4) - math.log(tiny)), rel=1e-12)
    near = float(info.kl_divergence(array([tiny, 1.0]), half))
    assert near == pytest.approx(math.log(2), rel=1e-12)


@both_libraries
def test_impossible_outcomes(array):
    sure, half = array([1.0, 0.0]), array([0.5, 0.5])
    assert float(info.kl_divergence(half, sure)) == math.inf
    assert float(info.cross_entropy(half, sure)) == math.inf
    assert float(info.cross_entropy(sure, half, base=2)) == 1.0
    assert float(info.kl_divergence(sure, sure)) == 0.0
    assert float(info.js_divergence(sure, array([0.0, 1.0]), base=2)) == 1.0
    assert float(info.surprisal(array([0.0]))[0]) == math.inf
    assert float(info.perplexity(array([0.5, 0.0]))) == math.inf


def test_half_precision_is_added_up_in_single():
    p = np.full(50_000, 2e-5, dtype=np.float16)
    exact = -mpmath.fsum(x * mpmath.log(x) for x in exactly(p))
    assert info.entropy(p).dtype == np.float16
    assert float(info.entropy(p)) == pytest.approx(float(exact), rel=1e-3)


@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence", "js_divergence"])
def test_torch_gradient_by_finite_differences(name):
    f = getattr(info, name)
    p, q = np.array([0.2, 0.3, 0.5, 0.0]), np.array([0.3, 0.3, 0.3, 0.1])
    q_t = torch.tensor(q, requires_grad=True)
    f(torch.tensor(p), q_t).backward()
    np.testing.assert_allclose(q_t.grad, slope(lambda v: float(f(p, v)), q), atol=1e-9)


def test_wrong_input_is_refused():
    p = np.array(P)
    with pytest.raises(
        TypeError, match="p must be a NumPy array or a torch tensor, got list"
    ):
        info.entropy([0.5, 0.5])
    with pytest.raises(TypeError, match="p and q must come from one library"):
        info.kl_divergence(p, torch.tensor(Q))
    with pytest.raises(
        TypeError, match="p must hold floating-point numbers, got int64"
    ):
        info.entropy(np.array([1, 0]))
    with pytest.raises(
        ValueError, match=r"p and q must have one shape, got \(4,\) and \(2,\)"
    ):
        info.kl_divergence(p, np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"q must not be negative, got minimum -0\.1"):
        info.cross_entropy(p, np.array([1.1, -0.1, 0.0, 0.0]))
    with pytest.raises(
        ValueError, match="p must have a positive total along axis=-1, got 0"
    ):
        info.entropy(np.zeros(3))
    with pytest.raises(ValueError, match="base must be positive and finite, got -2"):
        info.entropy(p, base=-2)
    with pytest.raises(ValueError, match="base must not be 1"):
        info.entropy(p, base=1)
    with pytest.raises(
        ValueError, match="axis must be one of the 1 axes of p, got axis=1"
    ):
        info.entropy(p, axis=1)
    with pytest.raises(ValueError, match="probs must have at least one entry"):
        info.perplexity(np.zeros(0))
