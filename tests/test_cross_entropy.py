"""cross_entropy and its gradient: torch's semantics, and the digits torch loses."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from arrays import DTYPES, both_libraries, exactly, slope, to_numpy, to_torch, ulps
from torch.nn import functional as F

from celib import _kernel
from celib.gradients import cross_entropy_value_and_grad
from celib.losses import cross_entropy, nll
from celib.softmax import log_softmax

# --- worked by hand, and at the extremes -----------------------------------


@both_libraries
def test_documented_values_of_nothing(array):
    z = array(np.zeros((2, 3)))
    ignored = array([-100, -100])
    assert math.isnan(float(cross_entropy(z, ignored)))
    assert float(cross_entropy(z, ignored, reduction="sum")) == 0.0
    _, grad = cross_entropy_value_and_grad(z, ignored)
    np.testing.assert_array_equal(np.asarray(grad), 0)
    empty, labels = z[:0], ignored[:0]
    assert math.isnan(float(cross_entropy(empty, labels)))
    assert float(cross_entropy(empty, labels, reduction="sum")) == 0.0
    assert tuple(cross_entropy(empty, labels, reduction="none").shape) == (0,)


@both_libraries
def test_extreme_logits(array):
    inf = math.inf
    z = array(np.array([[1e308, -1e308], [0.0, -inf], [-inf, 0.0]]))
    loss, grad = cross_entropy_value_and_grad(z, array([0, 0, 0]), reduction="none")
    np.testing.assert_array_equal(np.asarray(loss), [0, 0, inf])
    np.testing.assert_array_equal(np.asarray(grad), [[0, 0], [0, 0], [-1, 1]])
    lost = cross_entropy(array(np.array([[1e308, -1e308]])), array([1]))
    assert float(lost) == inf
    # torch: nan; a zero target against an impossible class costs nothing
    masked = cross_entropy(array(np.array([0.0, -inf])), array(np.array([1.0, 0.0])))
    assert float(masked) == 0.0
    nothing = array(np.array([[-inf, -inf]]))
    assert math.isnan(float(cross_entropy(nothing, array([0]))))
    assert math.isnan(
        float(cross_entropy(array(np.array([[math.nan, 0]])), array([0])))
    )


# --- the same as torch under every option ----------------------------------

SHAPES = [(), (6,), (4, 3), (2, 3, 2)]

KINDS = ["indices", "probabilities", "unnormalised"]

GRID = [
    case
    for case in itertools.product(
        SHAPES,
        KINDS,
        ["mean", "sum", "none"],
        [False, True],
        [0.0, 0.1, 1.0],
        [-100, 1],
    )
    if case[1] == "indices" or case[-1] < 0
]


def problem(shape, kind, ignore, k=5):
    rng = np.random.default_rng(len(shape))
    logits = rng.standard_normal((*shape, k)) * 3
    if kind == "indices":
        target = rng.integers(0, k, shape)
        if target.ndim:
            target.flat[0] = ignore
        return logits, target, rng.uniform(0, 2, k)
    target = rng.dirichlet(np.ones(k), shape)
    scale = 1 if kind == "probabilities" else 3
    return logits, target * scale, rng.uniform(0, 2, k)


def torch_layout(x, shape):
    return torch.tensor(np.moveaxis(x, -1, min(1, len(shape))))


@both_libraries
@pytest.mark.parametrize(
    ("shape", "kind", "reduction", "weighted", "smoothing", "ignore"), GRID
)
def test_equals_torch_under_every_option(
    array, shape, kind, reduction, weighted, smoothing, ignore
):
    logits, target, weight = problem(shape, kind, ignore)
    theirs = torch_layout(logits, shape).requires_grad_()
    expected = F.cross_entropy(
        theirs,
        torch.tensor(target) if kind == "indices" else torch_layout(target, shape),
        weight=torch.tensor(weight) if weighted else None,
        ignore_index=ignore,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    expected.sum().backward()
    loss, grad = cross_entropy_value_and_grad(
        array(logits),
        array(target),
        weight=array(weight) if weighted else None,
        ignore_index=ignore,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    np.testing.assert_allclose(
        np.asarray(loss), expected.detach().numpy(), rtol=1e-12, atol=1e-13
    )
    moved = np.moveaxis(theirs.grad.numpy(), min(1, len(shape)), -1)
    np.testing.assert_allclose(np.asarray(grad), moved, rtol=1e-10, atol=1e-12)
    alone = cross_entropy(
        array(logits),
        array(target),
        weight=array(weight) if weighted else None,
        ignore_index=ignore,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    np.testing.assert_array_equal(np.asarray(alone), np.asarray(loss))


@both_libraries
@pytest.mark.parametrize("kind", ["indices", "probabilities"])
def test_class_axis_is_named(array, kind):
    logits, target, _ = problem((4, 3), kind, -100)
    moved_target = target if kind == "indices" else np.moveaxis(target, -1, 1)
    last = cross_entropy_value_and_grad(array(logits), array(target))
    second = cross_entropy_value_and_grad(
        array(np.ascontiguousarray(np.moveaxis(logits, -1, 1))),
        array(np.ascontiguousarray(moved_target)),
        axis=1,
    )
    assert float(last[0]) == pytest.approx(float(second[0]), rel=1e-15)
    np.testing.assert_allclose(
        np.moveaxis(np.asarray(second[1]), 1, -1), np.asarray(last[1]), atol=1e-16
    )


@both_libraries
@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, np.uint64])
def test_labels_of_any_integer_type(array, kind):
    logits, target, _ = problem((6,), "indices", 1)
    expected = cross_entropy_value_and_grad(logits, target)
    loss, grad = cross_entropy_value_and_grad(array(logits), array(target.astype(kind)))
    assert float(loss) == pytest.approx(float(expected[0]), rel=1e-15)
    np.testing.assert_allclose(np.asarray(grad), expected[1], atol=1e-16)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_added_up_in_single(dtype):
    z = torch.zeros(2, 100_000, dtype=dtype, requires_grad=True)
    loss = cross_entropy(z, torch.tensor([1, 2]))
    assert loss.dtype == dtype
    assert float(loss.detach()) == pytest.approx(math.log(100_000), rel=1e-2)
    loss.backward()
    assert z.grad.dtype == dtype
    assert float(z.grad[0, 1]) == pytest.approx(-0.5, rel=1e-2)
    small = np.array([[10.0, 0.0]], dtype=np.float16)
    assert cross_entropy(small, np.array([0])).dtype == np.float16


# --- what must hold --------------------------------------------------------


def test_agrees_with_log_softmax_and_nll():
    logits, target, weight = problem((4, 3), "indices", -100)
    ours = cross_entropy(logits, target, weight=weight)
    parts = nll(log_softmax(logits), target, weight=weight)
    assert float(ours) == pytest.approx(float(parts), rel=1e-14)


def test_an_ignored_row_is_no_row_even_if_it_holds_rubbish():
    logits, target, weight = problem((6,), "indices", -100)
    logits[0], target[0] = np.nan, -100
    loss, grad = cross_entropy_value_and_grad(logits, target, weight=weight)
    without = cross_entropy_value_and_grad(logits[1:], target[1:], weight=weight)
    assert float(loss) == pytest.approx(float(without[0]), rel=1e-15)
    np.testing.assert_array_equal(grad[0], 0)


def test_weights_multiply_what_they_weigh():
    logits, target, _ = problem((6,), "indices", -100)
    twice = np.full(5, 2.0)
    target[0] = 0
    total = cross_entropy(logits, target, reduction="sum")
    assert float(cross_entropy(logits, target, weight=twice, reduction="sum")) == (
        pytest.approx(2 * float(total))
    )
    same = cross_entropy(logits, target, weight=twice)
    assert float(same) == pytest.approx(float(cross_entropy(logits, target)))


# --- the gradient ----------------------------------------------------------


@both_libraries
def test_gradient_by_finite_differences(array):
    logits, target, weight = problem((4,), "unnormalised", -100)
    _, grad = cross_entropy_value_and_grad(
        array(logits), array(target), weight=array(weight)
    )
    numeric = slope(lambda v: float(cross_entropy(v, target, weight=weight)), logits)
    np.testing.assert_allclose(np.asarray(grad), numeric, atol=1e-9)


@pytest.mark.parametrize("kind", ["indices", "probabilities"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradcheck(kind, reduction):
    logits, target, weight = problem((4, 3), kind, -100)
    z = torch.tensor(logits, requires_grad=True)

    def f(z):
        return cross_entropy(
            z,
            torch.tensor(target),
            weight=torch.tensor(weight),
            label_smoothing=0.1,
            reduction=reduction,
        )

    assert torch.autograd.gradcheck(f, (z,))


def test_autograd_gives_the_analytic_gradient():
    logits, target, weight = problem((6,), "indices", -100)
    z = torch.tensor(logits, requires_grad=True)
    loss = cross_entropy(z, torch.tensor(target), weight=torch.tensor(weight))
    (2 * loss).backward()
    _, grad = cross_entropy_value_and_grad(logits, target, weight=weight)
    np.testing.assert_array_equal(z.grad.numpy(), 2 * grad)
    with torch.no_grad():
        assert not cross_entropy(z, torch.tensor(target)).requires_grad


def test_out_receives_the_gradient_and_may_be_the_logits():
    for offset in (0.0, -5.0):  # with and without a shift in the kernel
        logits, target, _ = problem((6,), "indices", -100)
        logits += offset
        _, expected = cross_entropy_value_and_grad(logits, target)
        out = np.empty_like(logits)
        _, grad = cross_entropy_value_and_grad(logits, target, out=out)
        assert grad is out
        np.testing.assert_array_equal(out, expected)
        _, grad = cross_entropy_value_and_grad(logits, target, out=logits)
        np.testing.assert_array_equal(logits, expected)
    tensor = torch.zeros(2, 3)
    _, grad = cross_entropy_value_and_grad(tensor, torch.tensor([0, 1]), out=tensor)
    assert grad is tensor
    assert float(tensor[0, 0]) == pytest.approx(-1 / 3)


def test_blocks_do_not_show(monkeypatch):
    logits, target, _ = problem((4, 3), "probabilities", -100)
    whole = cross_entropy_value_and_grad(logits, target, label_smoothing=0.1)
    monkeypatch.setattr(_kernel, "BLOCK", 5)
    blocks = cross_entropy_value_and_grad(logits, target, label_smoothing=0.1)
    np.testing.assert_allclose(blocks[0], whole[0], rtol=1e-15)
    np.testing.assert_array_equal(blocks[1], whole[1])


# --- exact to the last digits ----------------------------------------------

FIXED = [
    ([20, 0, 0], 0),
    ([46, 0, 0], 0),
    ([46.3, 0.1, 0.7], 0),
    ([88, 1.1, 0.3], 0),
    ([10010, 10000, 10000], 0),
    ([10000.0] * 1000, 3),
    ([-50, -60.3, -100], 0),
    ([-0.1, -20.7], 0),
    ([0, 0, 5], 1),
    ([1e30, -1e30], 1),
    ([3.5], 0),
]


def exact(z, y):
    """Loss and gradient at the target of the stored logits.

    Sums of what is not negative: sixty digits stay sixty digits.
    """
    z = exactly(z)
    first = max(range(len(z)), key=z.__getitem__)
    parts = [mpmath.exp(v - z[first]) for v in z]
    rest = mpmath.fsum(parts[:first] + parts[first + 1 :])
    others = mpmath.fsum(parts[:y] + parts[y + 1 :])
    return z[first] - z[y] + mpmath.log1p(rest), -others / (1 + rest)


def assert_exact(array, z, y):
    loss, grad = cross_entropy_value_and_grad(array(z), array(np.array(y)))
    true_loss, true_grad = exact(z, y)
    assert ulps(loss, true_loss, z.dtype.type) <= 8
    assert ulps(grad[y], true_grad, z.dtype.type) <= 8


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("array", [to_numpy, to_torch], ids=["numpy", "torch"])
@pytest.mark.parametrize(("z", "y"), FIXED)
def test_exact_to_eight_ulps_in_the_cases_that_peers_lose(array, dtype, z, y):
    assert_exact(array, np.array(z, dtype=dtype), y)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("scale", [0.1, 1, 5, 20, 60, 300])
@pytest.mark.parametrize("offset", [0, -30, 1000])
def test_exact_to_eight_ulps_at_any_confidence(dtype, scale, offset):
    rng = np.random.default_rng(int(scale * 10 + abs(offset)))
    for k in (2, 3, 10, 1000):
        z = (rng.standard_normal(k) * scale + offset).astype(dtype)
        assert_exact(to_numpy, z, int(z.argmax()))
        assert_exact(to_numpy, z, int(rng.integers(k)))


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_one_hot_probabilities_are_as_exact_as_indices(dtype):
    z = np.array([40.3, 0.1, -3.0], dtype=dtype)
    soft = cross_entropy_value_and_grad(z, np.array([1, 0, 0], dtype=dtype))
    true_loss, true_grad = exact(z, 0)
    assert ulps(soft[0], true_loss, dtype) <= 8
    assert ulps(soft[1][0], true_grad, dtype) <= 8


# --- refusals --------------------------------------------------------------

REFUSALS = [
    (
        ValueError,
        r"target must lie in \[0, 3\) or equal ignore_index=-100, got minimum -1",
        {"target": np.array([0, -1])},
    ),
    (ValueError, "got maximum 3", {"target": np.array([0, 3])}),
    (
        TypeError,
        "target must hold integer class indices, got bool",
        {"target": np.array([False, True])},
    ),
    (
        ValueError,
        r"target of class indices must have shape \(2,\) beside logits",
        {"target": np.array([0, 1, 2])},
    ),
    (
        ValueError,
        r"target of probabilities must have shape \(2, 3\)",
        {"target": np.array([0.5, 0.5])},
    ),
    (
        ValueError,
        r"target must not be negative, got minimum -0\.5",
        {"target": np.full((2, 3), -0.5)},
    ),
    (
        ValueError,
        "ignore_index must not be given for a target of probabilities, got 0",
        {"target": np.full((2, 3), 1 / 3), "ignore_index": 0},
    ),
    (
        TypeError,
        "logits must hold floating-point numbers, got int64",
        {"logits": np.zeros((2, 3), dtype=np.int64)},
    ),
    (
        TypeError,
        "logits must be a NumPy array or a torch tensor, got list",
        {"logits": [[0.0, 1.0]]},
    ),
    (
        TypeError,
        "logits and target must come from one library, got numpy and torch",
        {"target": torch.tensor([0, 1])},
    ),
    (
        ValueError,
        "reduction must be one of 'mean', 'sum', 'none', got 'avg'",
        {"reduction": "avg"},
    ),
    (
        ValueError,
        r"label_smoothing must lie in \[0, 1\], got 1\.5",
        {"label_smoothing": 1.5},
    ),
    (
        ValueError,
        r"weight must have shape \(3,\), one for each class, got \(2,\)",
        {"weight": np.ones(2)},
    ),
    (
        ValueError,
        "weight must not be negative, got minimum -1",
        {"weight": np.array([1.0, -1.0, 1.0])},
    ),
    (ValueError, "axis must be one of the 2 axes of logits, got axis=2", {"axis": 2}),
    (
        ValueError,
        "logits must have at least one entry along axis=-1",
        {"logits": np.zeros((2, 0))},
    ),
]


@pytest.mark.parametrize(("kind", "match", "changed"), REFUSALS)
@pytest.mark.parametrize("function", [cross_entropy, cross_entropy_value_and_grad])
def test_wrong_input_is_refused(function, kind, match, changed):
    given = {"logits": np.zeros((2, 3)), "target": np.array([0, 1])} | changed
    with pytest.raises(kind, match=match):
        function(given.pop("logits"), given.pop("target"), **given)


def test_what_cannot_have_a_gradient_is_refused():
    z, p = torch.zeros(2, 3), torch.full((2, 3), 1 / 3, requires_grad=True)
    with pytest.raises(ValueError, match="target must not require a gradient"):
        cross_entropy(z, p)
    with pytest.raises(ValueError, match="out must be like logits"):
        cross_entropy_value_and_grad(z, torch.tensor([0, 1]), out=torch.zeros(2, 2))
    with pytest.raises(ValueError, match="out must be contiguous"):
        cross_entropy_value_and_grad(z, torch.tensor([0, 1]), out=torch.zeros(3, 2).T)


# --- differentiated twice ----------------------------------------------------


@pytest.mark.parametrize("kind", ["indices", "probabilities"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_differentiated_twice(kind, reduction):
    rng = np.random.default_rng(3)
    z = torch.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    options = {"weight": torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64)}
    target = torch.tensor([0, 2, -100, 1])
    if kind == "probabilities":
        target = torch.tensor(rng.dirichlet(np.ones(3), 4))
    options |= {"label_smoothing": 0.1, "reduction": reduction}
    assert torch.autograd.gradgradcheck(
        lambda z: cross_entropy(z, target, **options), z
    )


def test_differentiated_twice_as_log_softmax_and_nll():
    z = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    label = torch.tensor([1])
    assert torch.autograd.gradgradcheck(lambda z: nll(log_softmax(z), label), z)


# --- what once was wrong -----------------------------------------------------


@both_libraries
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothing_of_no_rows(array, reduction, weighted):
    z, none = array(np.zeros((0, 3))), array(np.zeros(0, int))
    options = {"label_smoothing": 0.1, "reduction": reduction}
    if weighted:
        options["weight"] = array(np.ones(3))
    loss, grad = cross_entropy_value_and_grad(z, none, **options)
    assert tuple(grad.shape) == (0, 3)
    expected = {"mean": math.nan, "sum": 0.0, "none": np.zeros(0)}[reduction]
    np.testing.assert_array_equal(np.asarray(loss), expected)


@both_libraries
def test_a_single_precision_weight_does_not_round_the_smoothing(array):
    weight = np.array([0.3, 1.7, 0.9], np.float32)
    z, label = np.array([[0.1, 2.0, -1.0]]), np.array([1])
    given = [
        cross_entropy(array(z), array(label), weight=array(w), label_smoothing=0.1)
        for w in (weight, weight.astype(np.float64))
    ]
    assert float(given[0]) == float(given[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_double_precision_weight_beside_narrower_logits(dtype):
    z = torch.tensor([[0.5, 2.0, -1.0]], dtype=dtype, requires_grad=True)
    weight = torch.tensor([0.25, 1.5, 1.0], dtype=torch.float64)
    options = {"weight": weight, "label_smoothing": 0.1}
    loss = cross_entropy(z, torch.tensor([1]), **options)
    loss.backward()
    wide = z.detach().double().requires_grad_()
    expected = cross_entropy(wide, torch.tensor([1]), **options)
    expected.backward()
    assert loss.dtype == z.grad.dtype == dtype
    torch.testing.assert_close(loss, expected.to(dtype))
    torch.testing.assert_close(z.grad, wide.grad.to(dtype))


@pytest.mark.parametrize("way", ["backward", "functional"])
def test_labels_without_weight_have_no_mean_and_move_nothing(way):
    # torch divides the smoothing by 0, too
    z = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    weight = torch.tensor([0.0, 1.0], dtype=torch.float64)

    def loss(z):
        label = torch.tensor([0])
        return cross_entropy(z, label, weight=weight, label_smoothing=0.1)

    if way == "functional":
        grad, value = torch.func.grad_and_value(loss)(z)
    else:
        value = loss(z.requires_grad_())
        (grad,) = torch.autograd.grad(value, z)
    assert math.isnan(float(value.detach()))
    assert grad.tolist() == [[0, 0]]
