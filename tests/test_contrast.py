"""Distillation and InfoNCE: one model beside another, one pair beside others."""

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

from celib.information import kl_divergence
from celib.losses import distillation_loss, info_nce
from celib.softmax import softmax

# --- distillation: worked by hand, and at the extremes ---------------------


def test_distillation_worked_by_hand():
    teacher, student = np.log(np.array([3.0, 1.0])), np.zeros(2)
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(distillation_loss(student, teacher)) == pytest.approx(expected)
    # halving and doubling by T = 2 turns these logits into those
    loss = distillation_loss(student, 2 * teacher, temperature=2.0)
    assert float(loss) == pytest.approx(4 * expected)


@both_libraries
def test_distillation_at_infinite_logits(array):
    inf = math.inf
    masked = array(np.array([0.0, 1.0, -inf])), array(np.array([1.0, 0.0, -inf]))
    plain = array(np.array([0.0, 1.0])), array(np.array([1.0, 0.0]))
    assert float(distillation_loss(*masked)) == float(distillation_loss(*plain))
    for s in ([0.0, -inf], [-inf, 0.0]):
        ruled_out = distillation_loss(array(np.array(s)), array(np.zeros(2)))
        assert float(ruled_out) == inf
    teacher = array(np.array([0.0, -inf]))
    assert float(distillation_loss(array(np.zeros(2)), teacher)) == (
        pytest.approx(math.log(2), rel=1e-15)
    )


# --- distillation: the same as torch, and what must hold -------------------

REDUCTIONS = ["mean", "sum", "none"]

TEMPERATURES = [0.5, 1.0, 3.0, 20.0]


def pair(shape=(6,), k=5, scale=3):
    rng = np.random.default_rng(0)
    return [rng.standard_normal((*shape, k)) * scale for _ in range(2)]


def torchs(s, t, temperature, reduction):
    s, t = torch.log_softmax(s / temperature, -1), torch.softmax(t / temperature, -1)
    kind = "batchmean" if reduction == "mean" else reduction
    loss = temperature**2 * F.kl_div(s, t, reduction=kind)
    return loss.sum(-1) if reduction == "none" else loss


@both_libraries
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_distillation_equals_torch(array, temperature, reduction):
    s, t = pair()
    theirs = torch.tensor(s, requires_grad=True)
    expected = torchs(theirs, torch.tensor(t), temperature, reduction)
    expected.sum().backward()
    options = {"temperature": temperature, "reduction": reduction}
    loss = distillation_loss(array(s), array(t), **options)
    np.testing.assert_allclose(loss, expected.detach(), rtol=1e-11)
    ours = torch.tensor(s, requires_grad=True)
    distillation_loss(ours, torch.tensor(t), **options).sum().backward()
    np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-9, atol=1e-13)


logits = st.lists(st.floats(-30, 30), min_size=4, max_size=4)


@given(logits, logits, st.sampled_from([0.5, 1.0, 2.0]))
def test_distillation_is_a_divergence(s, t, temperature):
    s, t = np.array(s), np.array(t)
    loss = float(distillation_loss(s, t, temperature=temperature))
    assert loss >= 0
    p, q = softmax(t, temperature=temperature), softmax(s, temperature=temperature)
    expected = temperature**2 * float(kl_divergence(p, q))
    assert loss == pytest.approx(expected, rel=1e-10, abs=1e-14)
    assert float(distillation_loss(t, t, temperature=temperature)) == 0


@both_libraries
def test_the_mean_is_over_items_on_every_axis_but_that_of_the_classes(array):
    s, t = pair((2, 3))
    each = distillation_loss(array(s), array(t), reduction="none")
    assert tuple(each.shape) == (2, 3)
    mean = float(distillation_loss(array(s), array(t)))
    assert mean == pytest.approx(float(np.asarray(each).mean()), rel=1e-14)
    moved = [np.ascontiguousarray(np.moveaxis(x, -1, 1)) for x in (s, t)]
    same = distillation_loss(*map(array, moved), axis=1, reduction="none")
    np.testing.assert_array_equal(np.asarray(same), np.asarray(each))
    first, other = (torch.tensor(x, requires_grad=True) for x in (s, moved[0]))
    distillation_loss(first, torch.tensor(t)).backward()
    distillation_loss(other, torch.tensor(moved[1]), axis=1).backward()
    np.testing.assert_array_equal(first.grad.movedim(-1, 1), other.grad)


# --- distillation: the gradient --------------------------------------------


def test_gradient_by_finite_differences():
    s, t = pair((3,))
    z = torch.tensor(s, requires_grad=True)
    distillation_loss(z, torch.tensor(t), temperature=2.0).backward()
    numeric = slope(lambda v: float(distillation_loss(v, t, temperature=2.0)), s)
    np.testing.assert_allclose(z.grad, numeric, atol=1e-9)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradcheck_of_distillation(temperature, reduction):
    s, t = pair()

    def f(z):
        options = {"temperature": temperature, "reduction": reduction}
        return distillation_loss(z, torch.tensor(t), **options)

    assert torch.autograd.gradcheck(f, (torch.tensor(s, requires_grad=True),))


# --- distillation: exact to the last digits --------------------------------


@pytest.fixture
def digits():
    """Digits enough for a divergence that is the rest of a long subtraction."""
    with mpmath.workdps(400):
        yield


def exact(s, t, temperature):
    """Loss, gradient, and the probabilities of student and teacher."""
    both = []
    for z in (s, t):
        z = [v / mpmath.mpf(temperature) for v in exactly(z)]
        e = [mpmath.exp(v - max(z)) for v in z]
        both.append([v / mpmath.fsum(e) for v in e])
    q, p = both
    nats = mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(p, q, strict=True))
    grad = [temperature * (b - a) for a, b in zip(p, q, strict=True)]
    return temperature**2 * nats, grad


# How far from the teacher's the student's logits are, relative to their size.
APART = [1e-6, 1e-3, 0.1, 1, "opposite"]


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("apart", APART)
@pytest.mark.parametrize("scale", [0.1, 1, 20, 200])
def test_distillation_is_exact_to_sixteen_ulps(
    dtype, temperature, apart, scale, digits
):
    rng = np.random.default_rng(0)
    for k in (2, 3, 40):
        t = (rng.standard_normal(k) * scale).astype(dtype)
        if dtype == np.float32:
            t = np.clip(t, -20, 20)  # beyond, the loss itself may underflow
        noise = 1 if apart == "opposite" else apart * rng.standard_normal(k)
        s = -t if apart == "opposite" else (t * (1 + noise)).astype(dtype)
        true, true_grad = exact(s, t, temperature)
        z = torch.tensor(s, requires_grad=True)
        loss = distillation_loss(z, torch.tensor(t), temperature=temperature)
        loss.backward()
        if true > np.finfo(dtype).tiny:
            assert ulps(loss.detach(), true, dtype) <= 16
        # an entry may cancel by chance: the largest sets the scale
        size = np.spacing(dtype(float(max(map(abs, true_grad)))))
        for got, expected in zip(z.grad, true_grad, strict=True):
            assert abs(float(mpmath.mpf(float(got)) - expected)) <= 16 * float(size)


@pytest.mark.parametrize("temperature", [3.0, 0.07])
def test_any_temperature_costs_the_rounding_of_a_quotient(temperature, digits):
    rng = np.random.default_rng(0)
    for apart, scale in itertools.product([1e-6, 1e-3, 1], [0.1, 1, 10]):
        t = rng.standard_normal(10) * scale
        s = t * (1 + apart * rng.standard_normal(10))
        true, _ = exact(s, t, temperature)
        loss = distillation_loss(s, t, temperature=temperature)
        assert ulps(loss, true) <= 16 + 2 * np.abs(t).max() / temperature


# Each loses all digits, or its sign, in the sum of p log(p / q).
TAILS = [
    ([41.0, 0.0], [40.0, 0.0]),
    ([40.0, 0.0], [41.0, 0.0]),
    ([300.0, 0.0], [40.0, 0.0]),
    ([40.0, 0.0], [300.0, 0.0]),
    ([1000.0, 0.0], [30.0, 0.0]),
    ([30.0, 0.0], [1000.0, 0.0]),
    ([0.0, 2000.0], [2000.0, 0.0]),
    ([0.0, 700.0, 3.0], [700.0, 0.0, 3.0]),
]


@both_libraries
@pytest.mark.parametrize(("s", "t"), TAILS)
def test_distillation_keeps_its_digits_in_both_tails(array, s, t):
    with mpmath.workdps(1000):
        true, true_grad = exact(s, t, 1)
        assert ulps(distillation_loss(array(s), array(t)), true) <= 16
        z = torch.tensor(s, dtype=torch.float64, requires_grad=True)
        distillation_loss(z, torch.tensor(t, dtype=torch.float64)).backward()
        for got, expected in zip(z.grad, true_grad, strict=True):
            assert ulps(got, expected) <= 16


# --- InfoNCE ---------------------------------------------------------------


@given(st.floats(-10, 10), st.integers(1, 20), st.floats(0.01, 10))
def test_equal_similarities_cost_the_log_of_their_number(value, m, temperature):
    loss = info_nce(np.array(value), np.full(m, value), temperature=temperature)
    assert float(loss) == pytest.approx(math.log(1 + m), rel=1e-14)


@given(st.floats(-1, 1), st.lists(st.floats(-1, 1), min_size=1, max_size=9))
def test_a_positive_above_all_costs_no_more_than_equal_ones(positive, negatives):
    n = np.array(negatives)
    top = max(positive, n.max())
    loss = float(info_nce(np.array(top), n, temperature=0.1))
    assert 0 <= loss <= math.log(1 + len(n)) * (1 + 1e-14)


def similarities(shape=(6,), m=4):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, shape), rng.uniform(-1, 1, (*shape, m))


@both_libraries
@pytest.mark.parametrize("temperature", [0.07, 0.5, 1.0])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (6,)])
def test_info_nce_is_torchs_cross_entropy(array, temperature, reduction, shape):
    positive, negatives = similarities(shape)
    theirs = [torch.tensor(x, requires_grad=True) for x in (positive, negatives)]
    z = torch.cat([theirs[0][..., None], theirs[1]], -1) / temperature
    target = torch.zeros(shape, dtype=torch.int64)
    expected = F.cross_entropy(z, target, reduction=reduction)
    expected.sum().backward()
    options = {"temperature": temperature, "reduction": reduction}
    loss = info_nce(array(positive), array(negatives), **options)
    np.testing.assert_allclose(loss, expected.detach(), rtol=1e-12)
    ours = [torch.tensor(x, requires_grad=True) for x in (positive, negatives)]
    info_nce(*ours, **options).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad, other.grad, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradcheck_of_info_nce(reduction):
    both = [torch.tensor(x, requires_grad=True) for x in similarities()]

    def f(positive, negatives):
        return info_nce(positive, negatives, temperature=0.3, reduction=reduction)

    assert torch.autograd.gradcheck(f, both)


def exact_info_nce(positive, negatives, temperature):
    """Loss and the gradient of the positive."""
    (p,), n = exactly(positive), exactly(negatives)
    others = mpmath.fsum(mpmath.exp((v - p) / mpmath.mpf(temperature)) for v in n)
    return mpmath.log1p(others), -others / (1 + others) / mpmath.mpf(temperature)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("temperature", [1.0, 0.25, 0.07])
def test_info_nce_is_exact_but_for_the_rounding_of_a_quotient(dtype, temperature):
    rng = np.random.default_rng(0)
    for m in (1, 2, 10, 200):
        p, n = rng.uniform(-1, 1, 1).astype(dtype), rng.uniform(-1, 1, m).astype(dtype)
        z = torch.tensor(p[0], requires_grad=True)
        loss = info_nce(z, torch.tensor(n), temperature=temperature)
        loss.backward()
        true, true_grad = exact_info_nce(p, n, temperature)
        limit = 8 + 2 * np.abs(n - p).max() / temperature
        assert ulps(loss.detach(), true, dtype) <= limit
        assert ulps(z.grad, true_grad, dtype) <= limit


@pytest.mark.parametrize("distance", [40.0, 700.0])
def test_info_nce_keeps_its_digits_in_both_tails(distance):
    for n in (-distance, distance):
        z = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
        negatives = torch.tensor([n], dtype=torch.float64)
        loss = info_nce(z, negatives)
        loss.backward()
        true, true_grad = exact_info_nce(0.0, [n], 1)
        assert ulps(loss.detach(), true) <= 4
        assert ulps(z.grad, true_grad) <= 4


# --- both ------------------------------------------------------------------


@both_libraries
def test_the_mean_of_nothing_is_nan(array):
    nothing, items = array(np.zeros((0, 3))), array(np.zeros(0))
    for function, arguments in [
        (distillation_loss, (nothing, nothing)),
        (info_nce, (items, nothing)),
    ]:
        assert math.isnan(float(function(*arguments)))
        assert float(function(*arguments, reduction="sum")) == 0
        assert tuple(function(*arguments, reduction="none").shape) == (0,)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    z = torch.zeros(10, 3, dtype=dtype, requires_grad=True)
    teacher = torch.tensor([[1.0, 0.0, -1.0]] * 10, dtype=dtype)
    loss = distillation_loss(z, teacher, temperature=2.0)
    wide = distillation_loss(z.detach().float(), teacher.float(), temperature=2.0)
    assert loss.dtype == dtype
    assert loss.detach() == wide.to(dtype)
    loss.backward()
    assert z.grad.dtype == dtype
    positive, negatives = (torch.tensor(x).to(dtype) for x in similarities())
    options = {"temperature": 0.07, "reduction": "none"}
    loss = info_nce(positive, negatives, **options)
    wide = info_nce(positive.float(), negatives.float(), **options)
    assert loss.dtype == dtype
    assert torch.equal(loss, wide.to(dtype))
    info_nce(z[:, 0], z[:, 1:], temperature=0.07).backward()
    assert z.grad.dtype == dtype


# --- refusals --------------------------------------------------------------

DISTILLATION = [
    ({"t": np.zeros((2, 2))}, ValueError, r"one shape, got \(2, 3\) and \(2, 2\)"),
    ({"t": torch.zeros(2, 3)}, TypeError, "must come from one library, got numpy and"),
    ({"t": np.zeros((2, 3), int)}, TypeError, "teacher_logits must hold floating-poi"),
    ({"s": np.zeros((2, 3), int)}, TypeError, "student_logits must hold floating-poi"),
    ({"temperature": 0.0}, ValueError, "temperature must be positive and finite, go"),
    ({"axis": 2}, ValueError, "axis must be one of the 2 axes of student_logits"),
    ({"reduction": "avg"}, ValueError, "reduction must be one of 'mean', 'sum'"),
]


@pytest.mark.parametrize(("changed", "kind", "match"), DISTILLATION)
def test_wrong_pairs_are_refused(changed, kind, match):
    options = {"s": np.zeros((2, 3)), "t": np.zeros((2, 3))} | changed
    with pytest.raises(kind, match=match):
        distillation_loss(options.pop("s"), options.pop("t"), **options)


def test_a_teacher_gets_no_gradient():
    teacher = torch.zeros(2, 3, requires_grad=True)
    with pytest.raises(ValueError, match="teacher_logits must not require a gradient"):
        distillation_loss(torch.zeros(2, 3), teacher)


INFO_NCE = [
    ({"n": np.zeros((3, 4))}, ValueError, r"got \(3, 4\) beside \(2,\)"),
    ({"n": np.zeros((2, 0))}, ValueError, "negatives must have at least one entry"),
    ({"n": np.array(0.0)}, ValueError, "axis must be one of the 0 axes of negatives"),
    ({"n": torch.zeros(2, 3)}, TypeError, "positive and negatives must come from one"),
    ({"p": np.zeros(2, int)}, TypeError, "positive must hold floating-point numbers"),
    ({"temperature": -1.0}, ValueError, "temperature must be positive and finite, go"),
    ({"reduction": "avg"}, ValueError, "reduction must be one of 'mean', 'sum'"),
]


@pytest.mark.parametrize(("changed", "kind", "match"), INFO_NCE)
def test_wrong_similarities_are_refused(changed, kind, match):
    options = {"p": np.zeros(2), "n": np.zeros((2, 3))} | changed
    with pytest.raises(kind, match=match):
        info_nce(options.pop("p"), options.pop("n"), **options)


# --- differentiated twice ----------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_differentiated_twice(temperature, reduction):
    rng = np.random.default_rng(7)
    z = torch.tensor(rng.normal(size=(2, 3)), requires_grad=True)
    teacher = torch.tensor(rng.normal(size=(2, 3)))
    options = {"temperature": temperature, "reduction": reduction}
    check = torch.autograd.gradgradcheck
    assert check(lambda z: distillation_loss(z, teacher, **options), z)
    assert check(lambda z: info_nce(z[:, 0], z[:, 1:], **options), z)


# --- a temperature that is learned -------------------------------------------


def pairs(padded):
    """Scores of a student and its teacher, with or without padding."""
    rng = np.random.default_rng(9)
    student, teacher = torch.tensor(rng.normal(size=(2, 3, 4)))
    if padded:
        student[:, 1] = teacher[:, 1] = -math.inf
    return student, teacher


def losses_at(padded):
    student, teacher = pairs(padded)
    return {
        "distillation": lambda t: distillation_loss(student, teacher, temperature=t),
        "info_nce": lambda t: info_nce(student[:, 0], student[:, 1:], temperature=t),
        "softmax": lambda t: (softmax(student, temperature=t) ** 2).sum(),
    }


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", ["distillation", "info_nce", "softmax"])
def test_the_gradient_of_a_learned_temperature(name, padded):
    loss = losses_at(padded)[name]
    temperature = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    value = loss(temperature)
    value.backward()
    assert float(value.detach()) == pytest.approx(float(loss(0.7)), rel=1e-14)
    numeric = slope(lambda t: float(loss(float(t))), np.array(0.7))
    assert float(temperature.grad) == pytest.approx(float(numeric), rel=1e-8)


def test_a_learned_temperature_must_be_positive():
    zero = torch.tensor(0.0, requires_grad=True)
    with pytest.raises(ValueError, match="temperature must be positive and finite, g"):
        info_nce(torch.zeros(2), torch.zeros(2, 3), temperature=zero)


# --- what once was wrong -----------------------------------------------------


@both_libraries
def test_a_positive_that_is_ruled_out_costs_infinity(array):
    positive, negatives = array(np.array(-math.inf)), array(np.array([1.0]))
    assert float(info_nce(positive, negatives)) == math.inf
