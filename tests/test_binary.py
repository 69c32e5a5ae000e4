"""Binary cross-entropy: torch's semantics, and exact in both tails."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from arrays import DTYPES, both_libraries, exactly, slope, to_numpy, ulps
from torch.nn import functional as F

from celib.gradients import binary_cross_entropy_with_logits_value_and_grad as with_grad
from celib.losses import binary_cross_entropy, binary_cross_entropy_with_logits

# --- worked by hand, and at the extremes -----------------------------------


@both_libraries
def test_corner_values(array):
    q, y = array([0.0, 1.0, 0.0, 1.0]), array([0.0, 1.0, 1.0, 0.0])
    loss = binary_cross_entropy(q, y, reduction="none")
    np.testing.assert_array_equal(np.asarray(loss), [0, 0, math.inf, math.inf])
    assert float(binary_cross_entropy_with_logits(array([0.0]), array([0.5]))) == (
        pytest.approx(math.log(2), rel=1e-15)
    )
    nothing = array(np.zeros(0))
    for function in (binary_cross_entropy, binary_cross_entropy_with_logits):
        assert math.isnan(float(function(nothing, nothing)))
        assert float(function(nothing, nothing, reduction="sum")) == 0.0
        assert tuple(function(nothing, nothing, reduction="none").shape) == (0,)
    assert tuple(with_grad(nothing, nothing)[1].shape) == (0,)


@both_libraries
def test_a_tiny_probability_is_not_clipped(array):
    loss = binary_cross_entropy(array([1e-50]), array([1.0]))
    assert ulps(loss, -mpmath.log(exactly(1e-50)[0])) <= 1
    assert float(loss) == pytest.approx(115.12925464970229, rel=1e-15)


@both_libraries
def test_finite_at_infinite_logits(array):
    inf = math.inf
    x, y = array([inf, -inf, inf, -inf]), array([1.0, 0.0, 0.0, 1.0])
    loss, grad = with_grad(x, y, reduction="none")
    # torch: nan, nan where the prediction is right beyond doubt
    np.testing.assert_array_equal(np.asarray(loss), [0, 0, inf, inf])
    np.testing.assert_array_equal(np.asarray(grad), [0, 0, 1, -1])


# --- the same as torch under every option ----------------------------------

REDUCTIONS = ["mean", "sum", "none"]

# Shapes of a weight that multiplies logits of shape (4, 3): none, each, one for all.
FACTORS = [None, (4, 3), (3,), (4, 1), ()]

GRID = list(itertools.product(FACTORS, FACTORS, REDUCTIONS))


def problem(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((4, 3)) * 4, rng.uniform(0, 1, (4, 3)).round(1)


def factor(shape, seed):
    rng = np.random.default_rng(seed)
    return None if shape is None else np.asarray(rng.uniform(0, 2, shape))


def given(array, **factors):
    return {k: None if v is None else array(v) for k, v in factors.items()}


@both_libraries
@pytest.mark.parametrize(("weight", "pos_weight", "reduction"), GRID)
def test_equals_torch_under_every_option(array, weight, pos_weight, reduction):
    x, y = problem()
    factors = {"weight": factor(weight, 1), "pos_weight": factor(pos_weight, 2)}
    theirs = torch.tensor(x, requires_grad=True)
    expected = F.binary_cross_entropy_with_logits(
        theirs, torch.tensor(y), **given(torch.tensor, **factors), reduction=reduction
    )
    expected.sum().backward()
    options = given(array, **factors) | {"reduction": reduction}
    loss, grad = with_grad(array(x), array(y), **options)
    np.testing.assert_allclose(
        np.asarray(loss), expected.detach().numpy(), rtol=1e-12, atol=1e-13
    )
    np.testing.assert_allclose(np.asarray(grad), theirs.grad.numpy(), rtol=1e-10)
    alone = binary_cross_entropy_with_logits(array(x), array(y), **options)
    np.testing.assert_array_equal(np.asarray(alone), np.asarray(loss))


@both_libraries
@pytest.mark.parametrize("weight", FACTORS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_probabilities_equal_torch_under_every_option(array, weight, reduction):
    x, y = problem()
    q, w = 1 / (1 + np.exp(-x)), factor(weight, 1)
    expected = F.binary_cross_entropy(
        torch.tensor(q),
        torch.tensor(y),
        **given(torch.tensor, weight=w),
        reduction=reduction,
    )
    loss = binary_cross_entropy(
        array(q), array(y), **given(array, weight=w), reduction=reduction
    )
    np.testing.assert_allclose(np.asarray(loss), expected.numpy(), rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_added_up_in_single(dtype):
    x = torch.zeros(100_000, dtype=dtype, requires_grad=True)
    loss = binary_cross_entropy_with_logits(x, torch.ones_like(x), reduction="mean")
    assert loss.dtype == dtype
    assert float(loss.detach()) == pytest.approx(math.log(2), rel=1e-2)
    (loss * 1e3).backward()
    assert x.grad.dtype == dtype
    half = torch.full((100_000,), 0.5, dtype=dtype)
    plain = binary_cross_entropy(half, torch.ones_like(half))
    assert plain.dtype == dtype
    assert float(plain) == pytest.approx(math.log(2), rel=1e-2)
    small = to_numpy([20.0], dtype=np.float16)
    loss, grad = with_grad(small, np.zeros_like(small))
    assert (loss.dtype, grad.dtype) == (np.float16, np.float16)


# --- what must hold --------------------------------------------------------


def test_two_classes_are_one_question():
    from celib.losses import cross_entropy

    x, y = problem()
    y = y.round()
    two = np.stack([np.zeros_like(x), x], axis=-1)
    assert float(cross_entropy(two, y.astype(int))) == pytest.approx(
        float(binary_cross_entropy_with_logits(x, y)), rel=1e-14
    )


# --- the gradient ----------------------------------------------------------


@both_libraries
def test_gradient_by_finite_differences(array):
    x, y = problem()
    _, grad = with_grad(array(x), array(y))
    numeric = slope(lambda v: float(binary_cross_entropy_with_logits(v, y)), x)
    np.testing.assert_allclose(np.asarray(grad), numeric, atol=1e-9)
    q = 1 / (1 + np.exp(-x))
    tensor = torch.tensor(q, requires_grad=True)
    binary_cross_entropy(tensor, torch.tensor(y)).backward()
    numeric = slope(lambda v: float(binary_cross_entropy(v, y)), q, step=1e-6)
    np.testing.assert_allclose(tensor.grad.numpy(), numeric, rtol=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradcheck(reduction):
    x, y = problem()
    options = given(torch.tensor, weight=factor((3,), 1), pos_weight=factor((), 2))

    def f(z):
        return binary_cross_entropy_with_logits(
            z, torch.tensor(y), **options, reduction=reduction
        )

    assert torch.autograd.gradcheck(f, (torch.tensor(x, requires_grad=True),))


# --- exact to the last digits ----------------------------------------------


def exact(x, y):
    """Loss and gradient of one stored logit, for a target of 0 or 1."""
    toward = x if y else -x
    tail = mpmath.exp(-abs(x))
    soft = mpmath.log1p(tail)
    wrong = (tail if toward > 0 else mpmath.mpf(1)) / (1 + tail)
    return soft + max(-toward, 0), -wrong if y else wrong


SIZES = [1e-3, 1, 10, 40, 100, 700]


@both_libraries
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("y", [0, 1])
def test_exact_to_four_ulps_in_both_tails(array, dtype, y):
    x = np.array([sign * size for size in SIZES for sign in (1, -1)], dtype=dtype)
    target = np.full_like(x, y)
    loss, grad = with_grad(array(x), array(target), reduction="none")
    for i, stored in enumerate(exactly(x)):
        true_loss, true_grad = exact(stored, y)
        assert ulps(loss[i], true_loss, dtype) <= 4, stored
        assert ulps(grad[i], true_grad, dtype) <= 4, stored


# --- refusals --------------------------------------------------------------

BOTH = [
    (
        ValueError,
        r"target must have the shape of {name}, \(2,\), got \(3,\)",
        {"target": np.zeros(3)},
    ),
    (
        ValueError,
        r"target must lie in \[0, 1\], got 0 to 1\.5",
        {"target": np.array([0.0, 1.5])},
    ),
    (
        ValueError,
        r"target must lie in \[0, 1\], got -0\.5 to 1",
        {"target": np.array([-0.5, 1.0])},
    ),
    (
        TypeError,
        "target must hold floating-point numbers, got int64",
        {"target": np.array([0, 1])},
    ),
    (
        TypeError,
        "{name} must hold floating-point numbers, got int64",
        {"prediction": np.array([0, 1])},
    ),
    (
        TypeError,
        "{name} must be a NumPy array or a torch tensor, got list",
        {"prediction": [0.0, 1.0]},
    ),
    (
        TypeError,
        "{name} and target must come from one library, got numpy and torch",
        {"target": torch.zeros(2)},
    ),
    (
        ValueError,
        "reduction must be one of 'mean', 'sum', 'none', got 'avg'",
        {"reduction": "avg"},
    ),
    (
        TypeError,
        "weight must hold floating-point numbers, got int64",
        {"weight": np.array([1, 2])},
    ),
    (
        ValueError,
        "weight must not be negative, got minimum -1",
        {"weight": np.array([1.0, -1.0])},
    ),
    (
        ValueError,
        r"weight must broadcast to shape \(2,\), got \(3,\)",
        {"weight": np.ones(3)},
    ),
    (
        ValueError,
        r"weight must broadcast to shape \(2,\), got \(4, 2\)",
        {"weight": np.ones((4, 2))},
    ),
]


def call(function, changed):
    arguments = {"prediction": np.array([0.25, 1.0]), "target": np.array([0.0, 1.0])}
    arguments |= changed
    return function(arguments.pop("prediction"), arguments.pop("target"), **arguments)


@pytest.mark.parametrize(("kind", "match", "changed"), BOTH)
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (binary_cross_entropy, "probs"),
        (binary_cross_entropy_with_logits, "logits"),
        (with_grad, "logits"),
    ],
)
def test_wrong_input_is_refused(function, name, kind, match, changed):
    with pytest.raises(kind, match=match.replace("{name}", name)):
        call(function, changed)


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_what_is_no_probability_is_refused(value):
    with pytest.raises(ValueError, match=r"probs must lie in \[0, 1\], got"):
        call(binary_cross_entropy, {"prediction": np.array([value, 1.0])})


@pytest.mark.parametrize("function", [binary_cross_entropy_with_logits, with_grad])
def test_wrong_pos_weight_is_refused(function):
    with pytest.raises(ValueError, match="pos_weight must not be negative, got min"):
        call(function, {"pos_weight": np.array([-1.0, 1.0])})
    with pytest.raises(ValueError, match=r"pos_weight must broadcast to shape \(2,\)"):
        call(function, {"pos_weight": np.ones(3)})


@pytest.mark.parametrize("name", ["target", "weight", "pos_weight"])
def test_what_cannot_have_a_gradient_is_refused(name):
    tensors = {"target": torch.ones(2), name: torch.ones(2, requires_grad=True)}
    with pytest.raises(ValueError, match=f"{name} must not require a gradient"):
        binary_cross_entropy_with_logits(
            torch.zeros(2), tensors.pop("target"), **tensors
        )


# --- differentiated twice ----------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_differentiated_twice(reduction):
    x = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([1.0, 0.25, 0.0], dtype=torch.float64)
    options = {"weight": 1 + y, "pos_weight": 2 - y, "reduction": reduction}
    check = torch.autograd.gradgradcheck
    assert check(lambda x: binary_cross_entropy_with_logits(x, y, **options), x)
    del options["pos_weight"]
    assert check(lambda x: binary_cross_entropy(x.sigmoid(), y, **options), x)


# --- what once was wrong -----------------------------------------------------


@both_libraries
def test_a_weight_of_zero_masks_an_infinite_cost(array):
    weight = array([0.0, 1.0])
    loss = binary_cross_entropy(array([0.0, 0.5]), array([1.0, 1.0]), weight=weight)
    assert float(loss) == pytest.approx(math.log(2) / 2, rel=1e-15)
    x, y = array([-math.inf, 0.0]), array([1.0, 1.0])
    loss, grad = with_grad(x, y, weight=weight)
    assert float(loss) == pytest.approx(math.log(2) / 2, rel=1e-15)
    np.testing.assert_array_equal(np.asarray(grad), [0, -0.25])


def test_a_weight_of_zero_masks_an_infinite_gradient():
    q = torch.tensor([0.0, 0.5], dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([0.0, 1.0], dtype=torch.float64)
    binary_cross_entropy(q, torch.ones_like(q), weight=weight).backward()
    assert q.grad.tolist() == [0, -1]
