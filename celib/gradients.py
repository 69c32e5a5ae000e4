"""Losses together with their gradients, and what curves them. Chapters 7 and 8."""

from typing import Any

from celib._arrays import Array, check_axis, check_float, namespace, narrow, widen
from celib._cross_entropy import Options
from celib._cross_entropy import cross_entropy_value_and_grad as _value_and_grad
from celib.losses._sigmoid import binary_value_and_grad
from celib.softmax import softmax

__all__ = [
    "binary_cross_entropy_with_logits_value_and_grad",
    "cross_entropy_hessian",
    "cross_entropy_value_and_grad",
    "softmax_jacobian",
]


def cross_entropy_value_and_grad(
    logits: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    out: Array | None = None,
) -> tuple[Array, Array]:
    r"""Cross-entropy and its gradient in the logits, in one pass.

    .. math:: \frac{\partial \ell}{\partial z} = \Bigl(\sum_k y_k\Bigr)\,
              \operatorname{softmax}(z) - y

    Parameters
    ----------
    logits, target : array
        As for `celib.losses.cross_entropy`.
    axis, weight, ignore_index, label_smoothing, reduction : optional
        As for `celib.losses.cross_entropy`.
    out : array, the shape and type of `logits`, optional
        Where the gradient goes; may be `logits` itself, which is then lost.

    Returns
    -------
    loss : array
        As from `celib.losses.cross_entropy`.
    grad : array, the shape of `logits`
        The gradient of the loss; of its sum if ``reduction="none"``.

    Notes
    -----
    At the target of a confident prediction the gradient is :math:`-r/(1+r)`,
    with r the rest of the exponentials: :math:`p_y - 1` would be 0.

    Autograd records neither the loss nor the gradient.

    Elsewhere: ``loss.backward()`` in PyTorch, ``jax.value_and_grad``.

    Examples
    --------
    >>> import numpy as np
    >>> loss, grad = cross_entropy_value_and_grad(np.array([0.0, 0.0]), np.array(0))
    >>> grad
    array([-0.5,  0.5])
    """
    o = Options(axis, weight, ignore_index, label_smoothing, reduction)
    return _value_and_grad(logits, target, o, out)


def binary_cross_entropy_with_logits_value_and_grad(
    logits: Array,
    target: Array,
    /,
    *,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    reduction: str = "mean",
) -> tuple[Array, Array]:
    r"""Binary cross-entropy and its gradient in the logits.

    .. math:: \frac{\partial \ell}{\partial x}
              = w \bigl( (1 - y)\,\sigma(x) - c\,y\,\sigma(-x) \bigr)

    Parameters
    ----------
    logits, target : array
        As for `celib.losses.binary_cross_entropy_with_logits`.
    weight, pos_weight, reduction : optional
        As for `celib.losses.binary_cross_entropy_with_logits`.

    Returns
    -------
    loss : array
        As from `celib.losses.binary_cross_entropy_with_logits`.
    grad : array, the shape of `logits`
        The gradient of the loss; of its sum if ``reduction="none"``.

    Notes
    -----
    Without weights it is :math:`\sigma(x) - y`, with all digits in both tails.

    Autograd records neither the loss nor the gradient.

    Elsewhere: ``loss.backward()`` in PyTorch, ``jax.value_and_grad``.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([40.0]), np.array([1.0])
    >>> loss, grad = binary_cross_entropy_with_logits_value_and_grad(x, y)
    >>> grad
    array([-4.24835426e-18])
    """
    options = (weight, pos_weight, reduction)
    return binary_value_and_grad(logits, target, *options)


def softmax_jacobian(logits: Array, /) -> Array:
    r"""Jacobian of the softmax: how every probability answers every logit.

    .. math:: J = \operatorname{diag}(q) - q\,q^\top

    Parameters
    ----------
    logits : array, shape (..., K)
        Scores.

    Returns
    -------
    array, shape (..., K, K)
        Symmetric; every row sums to zero.

    Notes
    -----
    The diagonal is formed as minus the sum of the others, so that
    :math:`p_k (1 - p_k)` keeps its digits when :math:`p_k` is nearly one.

    Elsewhere: ``torch.func.jacrev(torch.softmax)(z, -1)``.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_jacobian(np.array([0.0, 0.0]))
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    xp = _check(logits)
    p = softmax(widen(logits, xp))
    others = 1 - xp.eye(p.shape[-1], dtype=p.dtype, device=p.device)
    off_diagonal = -p[..., :, None] * p[..., None, :] * others
    diagonal = -xp.sum(off_diagonal, axis=-1)
    same = xp.eye(p.shape[-1], dtype=p.dtype, device=p.device)
    return narrow(off_diagonal + diagonal[..., :, None] * same, logits, xp)


def cross_entropy_hessian(logits: Array, /) -> Array:
    r"""Hessian of the cross-entropy in the logits, the same for every target.

    .. math:: \frac{\partial^2 \ell}{\partial z\,\partial z^\top}
              = \operatorname{diag}(q) - q\,q^\top

    Parameters
    ----------
    logits : array, shape (..., K)
        Scores.

    Returns
    -------
    array, shape (..., K, K)
        Positive semidefinite, with (1, ..., 1) in its null space.

    Notes
    -----
    It is the Jacobian of the softmax, since the gradient is :math:`q - y` and
    :math:`y` does not move. For targets that sum to one.

    Elsewhere: ``torch.func.hessian`` of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> cross_entropy_hessian(np.array([0.0, 0.0]))
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    return softmax_jacobian(logits)


def _check(logits: Array) -> Any:
    xp = namespace(logits=logits)
    check_float(logits=logits)
    check_axis(logits, -1, "logits")
    return xp
