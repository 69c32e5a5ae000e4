"""celib.losses.mse_loss: the loss that cross-entropy is compared with."""

import math

import numpy as np
import pytest
import torch
from arrays import both_libraries, slope

from celib.losses import mse_loss


def pair(shape=(4, 3)):
    rng = np.random.default_rng(0)
    return rng.standard_normal(shape), rng.standard_normal(shape)


@both_libraries
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(), (4,), (4, 3)])
def test_equals_torch(array, shape, reduction):
    x, y = pair(shape)
    expected = torch.nn.functional.mse_loss(
        torch.tensor(x), torch.tensor(y), reduction=reduction
    )
    loss = mse_loss(array(x), array(y), reduction=reduction)
    np.testing.assert_allclose(np.asarray(loss), expected.numpy(), rtol=1e-14)


def test_gradient_by_finite_differences():
    x, y = pair()
    tensor = torch.tensor(x, requires_grad=True)
    mse_loss(tensor, torch.tensor(y)).backward()
    numeric = slope(lambda v: float(mse_loss(v, y)), x)
    np.testing.assert_allclose(tensor.grad.numpy(), numeric, atol=1e-10)


@both_libraries
def test_documented_values_of_nothing(array):
    nothing = array(np.zeros(0))
    assert math.isnan(float(mse_loss(nothing, nothing)))
    assert float(mse_loss(nothing, nothing, reduction="sum")) == 0.0


def test_half_precision_is_added_up_in_single():
    x = np.full(1000, 16.0, dtype=np.float16)
    loss = mse_loss(x, np.zeros_like(x))
    assert loss.dtype == np.float16
    assert float(loss) == 256.0


def test_wrong_input_is_refused():
    x, y = pair()
    with pytest.raises(ValueError, match=r"one shape, got \(4, 3\) and \(3,\)"):
        mse_loss(x, y[0])
    with pytest.raises(ValueError, match="reduction must be one of 'mean', 'sum'"):
        mse_loss(x, y, reduction="avg")
    with pytest.raises(TypeError, match="target must hold floating-point numbers"):
        mse_loss(x, np.zeros((4, 3), dtype=int))
    with pytest.raises(TypeError, match="prediction and target must come from one"):
        mse_loss(x, torch.tensor(y))
