"""celib.information: identities, exact values, both libraries, every message."""

import math

import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from arrays import DTYPES, both_libraries, exactly, slope, to_numpy, to_torch, ulps
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.fx.experimental.proxy_tensor import make_fx

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


def gradients(name, *arguments, dtype=torch.float64):
    """The gradient by each argument, as lists."""
    xs = [torch.tensor(x, dtype=dtype, requires_grad=True) for x in arguments]
    getattr(info, name)(*xs).backward()
    return [x.grad.tolist() for x in xs]


def test_derivatives_at_zero_are_those_from_the_right():
    # by p it is -log q, for what does not happen too; by q it is -p/q
    p, q = gradients("cross_entropy", [1.0, 0.0], [0.5, 0.25])
    assert p == pytest.approx([math.log(2), math.log(4)], rel=1e-15)
    assert q == [-2, 0]
    # by q it is 1 - p/q, also where p and q are 0
    _, q = gradients("kl_divergence", [1.0, 0.0, 0.0], [0.5, 0.5, 0.0])
    assert q == pytest.approx([-1, 1, 1], rel=1e-15)
    p, q = gradients("kl_divergence", [0.5, 0.5], [1.0, 0.0])
    assert p == pytest.approx([-math.log(2), math.inf])
    assert q == [0.5, -math.inf]
    p, q = gradients("js_divergence", [1.0, 0.0], [1.0, 0.0])
    assert p == q == [0, pytest.approx(math.log(2) / 2)]
    assert gradients("surprisal", 0.0) == [-math.inf]
    assert gradients("perplexity", [0.5, 0.0]) == [[-math.inf, -math.inf]]


def test_derivatives_are_zero_between_equals():
    for name in ("kl_divergence", "js_divergence"):
        assert gradients(name, [0.5, 0.5, 0.0], [0.5, 0.5, 0.0])[0][:2] == [0, 0]


def test_a_softmax_that_has_underflowed_gets_no_nan():
    # an infinite derivative by p, times the softmax's derivative of zero
    for name in ("entropy", "kl_divergence", "js_divergence"):
        z = torch.tensor([0.0, -1000.0], requires_grad=True)
        q = [torch.tensor([0.5, 0.5])] if name != "entropy" else []
        getattr(info, name)(torch.softmax(z, -1), *q).backward()
        assert z.grad.tolist() == [0, 0]


@pytest.mark.parametrize("tiny", [1e-20, 1e-38, 1e-44])
def test_derivatives_by_tiny_probabilities(tiny):
    # 1/p and q/p^2 leave the range of float32
    p = [tiny, 1.0]
    stored = float(np.float32(tiny))
    by_p, by_q = gradients("kl_divergence", p, [0.5, 0.5], dtype=torch.float32)
    assert by_p == pytest.approx([math.log(2 * stored), math.log(2)], rel=1e-6)
    assert by_q == pytest.approx([1, -1], rel=1e-6)
    near = [float(np.float32(1.3 * tiny)), 1.0]
    # 1e-44 is seven times the smallest number, which leaves one digit
    rel = 1e-5 if tiny > 1e-40 else 0.4
    by_p, by_q = gradients("kl_divergence", p, near, dtype=torch.float32)
    assert by_p == pytest.approx([math.log(stored / near[0]), 0], rel=rel)
    assert by_q == pytest.approx([1 - stored / near[0], 0], rel=rel)


def test_half_of_the_smallest_number_is_zero_and_no_nan():
    # the mean of 1e-45 and 0 is rounded to 0 in float32
    by_p, by_q = gradients(
        "js_divergence", [1e-45, 0.5, 0.5], [0.0, 0.5, 0.5], dtype=torch.float32
    )
    assert np.isfinite([by_p, by_q]).all()


@both_libraries
@pytest.mark.parametrize("name", ["cross_entropy", "kl_divergence", "js_divergence"])
def test_a_nan_is_passed_on(array, name):
    p, odd = array([0.5, 0.5]), array([0.5, math.nan])
    for pair in [(p, odd), (odd, p), (odd, odd)]:
        assert math.isnan(float(getattr(info, name)(*pair)))
    for one in (info.entropy, info.perplexity):
        assert math.isnan(float(one(odd)))


@both_libraries
@pytest.mark.parametrize("axis", [0, -1])
def test_no_rows_have_no_entropies(array, axis):
    p = array(np.zeros((0, 3)) if axis == -1 else np.zeros((3, 0)))
    for result in (
        info.entropy(p, axis=axis),
        info.cross_entropy(p, p, axis=axis),
        info.kl_divergence(p, p, axis=axis),
        info.js_divergence(p, p, axis=axis),
        info.perplexity(p, axis=axis),
    ):
        assert tuple(result.shape) == (0,)
    assert tuple(info.surprisal(p).shape) == tuple(p.shape)


EDGES = {
    np.float64: [0.0, 5e-324, 1e-310, 1e-155, 0.3, 1.0],
    np.float32: [0.0, 1e-45, 1e-39, 1e-20, 0.3, 1.0],
    np.float16: [0.0, 6e-8, 6e-5, 1e-3, 0.3, 1.0],
}


@pytest.mark.parametrize("dtype", EDGES)
def test_numpy_warns_of_nothing_that_is_valid(dtype):
    # every warning is an error here: see pyproject.toml
    edges = np.array(EDGES[dtype], dtype)
    p, q = (x.ravel() for x in np.meshgrid(edges, edges))
    pairs = np.stack([p, np.ones_like(p)], -1), np.stack([q, np.ones_like(q)], -1)
    for base in (None, 2, 10.0):
        assert not np.isnan(info.surprisal(p, base=base)).any()
        for name in ("cross_entropy", "kl_divergence", "js_divergence"):
            assert (getattr(info, name)(*pairs, base=base) >= 0).all()
    assert (info.perplexity(pairs[0]) >= 1).all()
    assert (info.perplexity(edges[:, None]) >= 1).all()
    many = np.full(70_000, 1.0, dtype)
    assert info.perplexity(many) == 1
    assert info.entropy(many) == 0


@pytest.mark.parametrize(
    "kind", [list, tuple, np.float32, pd.Series, jnp.asarray], ids=lambda k: k.__name__
)
def test_lists_tables_and_other_arrays_are_taken_as_data(kind):
    p = kind(P)
    assert float(info.entropy(p, base=2)) == 1.75
    assert float(info.kl_divergence(p, kind(Q), base=2)) == pytest.approx(0.25)
    assert float(info.perplexity(kind([0.5, 0.125]))) == pytest.approx(4)
    table = pd.DataFrame([P, Q])
    np.testing.assert_array_equal(info.entropy(table, base=2), [1.75, 2])
    assert float(info.surprisal(0.25, base=2)) == 2


@both_libraries
def test_zeros_and_ones_may_be_integers(array):
    sure = array([1, 0])
    assert float(info.entropy(sure)) == 0
    q = array([0.25, 0.75], np.float32)
    assert float(info.cross_entropy(sure, q, base=2)) == 2
    assert info.cross_entropy(sure, q).dtype == q.dtype


class Wrapped(torch.nn.Module):
    """A function as a module, which is what torch.export takes."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, *arrays):
        return self.f(*arrays)


TWO = {name: getattr(info, name) for name in ("cross_entropy", "kl_divergence")}
TWO |= {"js_divergence": info.js_divergence}
ONE = {name: getattr(info, name) for name in ("entropy", "surprisal", "perplexity")}


@pytest.mark.slow
# torch says so of itself when it first compiles
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_torch_transforms(name):
    rng = np.random.default_rng(4)
    arrays = [torch.from_numpy(rng.dirichlet(np.ones(3), 5)) for _ in range(2)]
    arrays = arrays if name in TWO else arrays[:1]
    f = getattr(info, name)
    expected = f(*arrays)

    def loss(*xs):
        return f(*xs).sum()

    torch.testing.assert_close(torch.func.vmap(f)(*arrays), expected)
    compiled = torch.compile(f, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(*arrays), expected)
    assert f(*(x.to("meta") for x in arrays)).shape == expected.shape
    exported = torch.export.export(Wrapped(f), tuple(arrays)).module()
    torch.testing.assert_close(exported(*arrays), expected)
    torch.testing.assert_close(make_fx(lambda xs: f(*xs))(arrays)(arrays), expected)
    leaves = [x.clone().requires_grad_() for x in arrays]
    loss(*leaves).backward()
    every = tuple(range(len(arrays)))
    for found, leaf in zip(torch.func.grad(loss, every)(*arrays), leaves, strict=True):
        torch.testing.assert_close(found, leaf.grad)
    _, tangent = torch.func.jvp(loss, tuple(arrays), tuple(arrays))
    slopes = sum((x * leaf.grad).sum() for x, leaf in zip(arrays, leaves, strict=True))
    torch.testing.assert_close(tangent, slopes)
    assert torch.autograd.gradgradcheck(f, leaves)


def test_wrong_input_is_refused():
    p = np.array(P)
    with pytest.raises(
        TypeError, match="p must be an array, a tensor, or a list of numbers, got set"
    ):
        info.entropy({0.5})
    with pytest.raises(TypeError, match=r"a masked array.*p\.filled"):
        info.entropy(np.ma.masked_array(P, [0, 0, 0, 1]))
    with pytest.raises(TypeError, match="p and q must come from one library"):
        info.kl_divergence(p, torch.tensor(Q))
    with pytest.raises(
        ValueError, match="p must hold probabilities, got integers other than 0 and 1"
    ):
        info.entropy(np.array([3, 5]))
    with pytest.raises(
        TypeError, match="p must hold floating-point numbers, got complex128"
    ):
        info.entropy(np.array([1j, 0]))
    with pytest.raises(
        ValueError, match=r"p and q must have one shape, got \(4,\) and \(2,\)"
    ):
        info.kl_divergence(p, np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"q must not be negative, got minimum -0\.1"):
        info.cross_entropy(p, np.array([1.1, -0.1, 0.0, 0.0]))
    with pytest.raises(ValueError, match="p must not be negative"):
        info.entropy(torch.tensor([1.1, -0.1], requires_grad=True))
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


def test_the_slope_at_an_impossible_outcome():
    p = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([0.5, 0.5], dtype=torch.float64, requires_grad=True)
    info.cross_entropy(p, q, base=2).backward()
    # -log2 q, also of what never occurs
    assert p.grad.tolist() == [1, 1]
    assert q.grad[1] == 0
