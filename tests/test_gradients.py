"""The Jacobian of the softmax and the Hessian of the loss. See also test_binary."""

import mpmath
import numpy as np
import pytest
import torch
from arrays import DTYPES, both_libraries, exactly, slope, ulps
from torch.nn import functional as F

from celib.gradients import (
    cross_entropy_hessian,
    cross_entropy_value_and_grad,
    softmax_jacobian,
)
from celib.softmax import softmax

BOTH = pytest.mark.parametrize("function", [softmax_jacobian, cross_entropy_hessian])


def scores(shape):
    return np.random.default_rng(len(shape)).standard_normal(shape) * 3


@both_libraries
@BOTH
@pytest.mark.parametrize("shape", [(1,), (5,), (4, 3), (2, 3, 4)])
def test_equals_torch_by_autograd(array, function, shape):
    z = scores(shape)
    rows = torch.tensor(z).reshape(-1, shape[-1])
    jacobian = torch.func.vmap(torch.func.jacrev(lambda v: torch.softmax(v, -1)))
    expected = jacobian(rows).reshape(*shape, shape[-1])
    ours = function(array(z))
    assert type(ours) is type(array(z))
    np.testing.assert_allclose(np.asarray(ours), expected.numpy(), atol=1e-15)


@both_libraries
@pytest.mark.parametrize("label", [0, 2])
def test_hessian_is_that_of_the_loss_whatever_the_label(array, label):
    z = scores((4,))

    def loss(v):
        return F.cross_entropy(v, torch.tensor(label))

    expected = torch.autograd.functional.hessian(loss, torch.tensor(z))
    ours = np.asarray(cross_entropy_hessian(array(z)))
    np.testing.assert_allclose(ours, expected.numpy(), atol=1e-15)


def test_jacobian_and_hessian_by_finite_differences():
    z, y = scores((4,)), np.array(1)
    for k in range(4):
        row = slope(lambda v, k=k: softmax(v)[k], z)
        np.testing.assert_allclose(softmax_jacobian(z)[k], row, atol=1e-10)
        row = slope(lambda v, k=k: cross_entropy_value_and_grad(v, y)[1][k], z)
        np.testing.assert_allclose(cross_entropy_hessian(z)[k], row, atol=1e-10)


@both_libraries
@BOTH
def test_symmetric_semidefinite_and_blind_to_a_common_shift(array, function):
    for scale in (0.1, 3, 30):
        h = np.asarray(function(array(scores((6, 5)) * scale)))
        np.testing.assert_array_equal(h, np.swapaxes(h, -1, -2))
        np.testing.assert_allclose(h.sum(-1), 0, atol=1e-16)
        # no eigenvalue is negative, but for what the solver itself rounds
        assert (np.linalg.eigvalsh(h) >= -2 * np.finfo(h.dtype).eps).all()
        assert (np.diagonal(h, axis1=-2, axis2=-1) >= 0).all()


@both_libraries
@BOTH
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("z", [[40.0, 0.0, -1.0], [20.0, 0.5, 0.0], [1.0, 0.5, 0.0]])
def test_exact_diagonal_of_a_confident_prediction(array, function, dtype, z):
    h = function(array(np.array(z, dtype=dtype)))
    parts = [mpmath.exp(v) for v in exactly(z)]
    for k in range(3):
        others = mpmath.fsum(parts[:k] + parts[k + 1 :])
        true = parts[k] * others / mpmath.fsum(parts) ** 2
        assert ulps(h[k, k], true, dtype) <= 8


@both_libraries
@BOTH
def test_type_of_the_caller_is_kept(array, function):
    for dtype in (np.float16, np.float32, np.float64):
        z = array(np.zeros(2, dtype=dtype))
        assert function(z).dtype == z.dtype
    half = torch.zeros(2, dtype=torch.bfloat16)
    assert function(half).dtype == torch.bfloat16


@BOTH
def test_wrong_input_is_refused(function):
    with pytest.raises(TypeError, match="logits must hold floating-point numbers"):
        function(np.array([1, 2]))
    with pytest.raises(TypeError, match="logits must be a NumPy array or a torch"):
        function([1.0, 2.0])
    with pytest.raises(ValueError, match="axis must be one of the 0 axes of logits"):
        function(np.array(1.0))
    with pytest.raises(ValueError, match="logits must have at least one entry"):
        function(np.zeros((2, 0)))
