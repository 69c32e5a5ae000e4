"""celib.losses: PyTorch's semantics over the whole grid of options."""

import itertools
import math

import numpy as np
import pytest
import torch
from arrays import both_libraries, slope

from celib import losses

# --- worked by hand --------------------------------------------------------


@both_libraries
def test_documented_corner_values(array):
    log_q = array(np.array([[0.0, -np.inf], [-0.5, -0.5]]))
    assert math.isnan(float(losses.nll(log_q, array([-100, -100]))))
    assert float(losses.nll(log_q, array([-100, -100]), reduction="sum")) == 0.0
    assert math.isnan(float(losses.nll(log_q[:0], array([0])[:0])))
    assert float(losses.nll(log_q, array([1, 0]))) == math.inf
    # an impossible outcome whose weight is zero counts for nothing
    weight = array(np.array([1.0, 0.0]))
    assert float(losses.nll(log_q, array([1, 0]), weight=weight)) == 0.5


# --- the same as torch under every option ----------------------------------

SHAPES = [(), (6,), (4, 3), (2, 3, 2)]

GRID = list(
    itertools.product(SHAPES, ["mean", "sum", "none"], [False, True], [-100, 1])
)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)

    def make(shape, k=5):
        log_q = np.log(rng.dirichlet(np.ones(k), shape))
        return log_q, rng.integers(0, k, shape), rng.uniform(0, 2, k)

    return make


@both_libraries
@pytest.mark.parametrize(("shape", "reduction", "weighted", "ignore"), GRID)
def test_equals_torch_under_every_option(
    batch, array, shape, reduction, weighted, ignore
):
    log_q, target, weight = batch(shape)
    if shape:
        target.flat[0] = ignore
    torch_layout = torch.from_numpy(np.moveaxis(log_q, -1, min(1, len(shape))))
    expected = torch.nn.functional.nll_loss(
        torch_layout,
        torch.tensor(target),
        weight=torch.from_numpy(weight) if weighted else None,
        ignore_index=ignore,
        reduction=reduction,
    )
    loss = losses.nll(
        array(log_q),
        array(target),
        weight=array(weight) if weighted else None,
        ignore_index=ignore,
        reduction=reduction,
    )
    np.testing.assert_allclose(np.asarray(loss), expected.numpy(), rtol=1e-12)


def test_half_precision_is_added_up_in_single():
    log_q = np.full((4000, 2), -20.0, dtype=np.float16)
    loss = losses.nll(log_q, np.zeros(4000, dtype=int))
    assert loss.dtype == np.float16
    assert float(loss) == 20.0


# --- what must hold --------------------------------------------------------


@both_libraries
def test_class_axis_is_named(batch, array):
    log_q, target, _ = batch((4, 3))
    last = losses.nll(array(log_q), array(target))
    second = losses.nll(array(np.moveaxis(log_q, -1, 1)), array(target), axis=1)
    assert float(last) == pytest.approx(float(second), rel=1e-15)


def test_an_ignored_row_is_no_row(batch):
    log_q, target, weight = batch((6,))
    ignored = target.copy()
    ignored[2] = -100
    kept = np.arange(6) != 2
    full = losses.nll(log_q, ignored, weight=weight)
    assert float(full) == float(losses.nll(log_q[kept], target[kept], weight=weight))


def test_gradient_by_finite_differences(batch):
    log_q, target, weight = batch((4,))
    tensor = torch.tensor(log_q, requires_grad=True)
    loss = losses.nll(tensor, torch.tensor(target), weight=torch.tensor(weight))
    loss.backward()
    numeric = slope(lambda v: float(losses.nll(v, target, weight=weight)), log_q)
    np.testing.assert_allclose(tensor.grad, numeric, atol=1e-9)


# --- refusals --------------------------------------------------------------


def test_wrong_input_is_refused(batch):
    log_q, target, weight = batch((4,))

    def refuse(kind, match, *arguments, **options):
        with pytest.raises(kind, match=match):
            losses.nll(*arguments, **options)

    refuse(ValueError, "reduction must be one of", log_q, target, reduction="avg")
    refuse(ValueError, r"target must have shape \(4,\)", log_q, target[:3])
    refuse(TypeError, "target must hold integer", log_q, target.astype(float))
    refuse(
        ValueError,
        r"target must lie in \[0, 5\) or equal ignore_index=-100, got minimum -1",
        log_q,
        np.array([0, -1, 2, 3]),
    )
    refuse(ValueError, "got maximum 5", log_q, np.array([0, 5, 2, 3]))
    refuse(TypeError, "log_probs must hold floating", np.zeros((4, 5), int), target)
    refuse(
        ValueError, r"weight must have shape \(5,\)", log_q, target, weight=weight[:2]
    )
    refuse(ValueError, "weight must not be negative", log_q, target, weight=-weight)
    refuse(
        TypeError, "weight must hold floating", log_q, target, weight=np.ones(5, int)
    )
    refuse(TypeError, "must come from one library", log_q, torch.tensor(target))
    refuse(ValueError, "axis must be one of the 2 axes", log_q, target, axis=2)


# --- labels of every type ----------------------------------------------------

LABELLED = {
    "cross_entropy": losses.cross_entropy,
    "nll": losses.nll,
    "focal_loss": losses.focal_loss,
    "poly1_cross_entropy": losses.poly1_cross_entropy,
}
FLOATS = ["float16", "bfloat16", "float32", "float64"]


def scores_of(n_classes, dtype):
    z = torch.linspace(-3, 0, 2 * n_classes, dtype=torch.float64)
    return z.reshape(2, n_classes).to(getattr(torch, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", LABELLED)
def test_a_narrow_label_is_never_taken_for_an_ignored_one(name, dtype):
    z = scores_of(200, dtype)
    # 156 is what -100 would be in eight bits
    for labels in (torch.tensor([156, 1], dtype=torch.uint8), torch.tensor([156, 1])):
        costs = LABELLED[name](z, labels, reduction="none")
        each = [LABELLED[name](z[i], labels[i].long()) for i in range(2)]
        assert costs.tolist() == [float(cost) for cost in each]
        assert (costs > 0).all()


@both_libraries
@pytest.mark.parametrize("name", [*LABELLED, "multiclass_hinge_loss"])
def test_eight_bits_hold_256_classes(array, name):
    z = scores_of(256, "float64").numpy()
    labels = np.array([255, 7])
    loss = getattr(losses, name)
    narrow = loss(array(z), array(labels.astype(np.uint8)), reduction="none")
    wide = loss(array(z), array(labels), reduction="none")
    np.testing.assert_array_equal(np.asarray(narrow), np.asarray(wide))


@both_libraries
@pytest.mark.parametrize("name", LABELLED)
def test_a_mark_beyond_the_labels_type_ignores_nothing(array, name):
    z = scores_of(100, "float64").numpy()
    labels = array(np.array([0, 1], np.int8))
    marked = LABELLED[name](array(z), labels, ignore_index=255)
    assert float(marked) == float(LABELLED[name](array(z), labels))


# --- no rows -----------------------------------------------------------------


@both_libraries
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", [*LABELLED, "multiclass_hinge_loss"])
def test_the_loss_of_no_rows(array, name, reduction):
    z, none = array(np.zeros((0, 3))), array(np.zeros(0, int))
    found = getattr(losses, name)(z, none, reduction=reduction)
    expected = {"mean": math.nan, "sum": 0.0, "none": np.zeros(0)}[reduction]
    np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_gradient_of_images_with_the_classes_last(reduction):
    log_q = torch.linspace(-3, -1, 48, dtype=torch.float64).reshape(2, 2, 4, 3)
    labels = torch.arange(16).reshape(2, 2, 4) % 3
    there = log_q.clone().requires_grad_()
    losses.nll(there, labels, reduction=reduction).sum().backward()
    scale = labels.numel() if reduction == "mean" else 1
    expected = -torch.nn.functional.one_hot(labels, 3).double() / scale
    torch.testing.assert_close(there.grad, expected)
