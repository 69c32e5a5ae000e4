"""Losses: prediction first, then target. Chapter 2 begins them.

They have PyTorch's semantics to the letter, on a class axis that you name.
"""

from typing import Any

from celib._arrays import (
    Array,
    check_axis,
    check_choice,
    check_float,
    check_labels,
    check_not_negative,
    namespace,
    narrow,
    quiet,
    widen,
)

__all__ = ["nll"]


def nll(
    log_probs: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    r"""Negative log-likelihood of class labels, from log-probabilities.

    .. math:: \ell_n = -w_{y_n} \log q_{n, y_n}, \qquad
              \text{mean} = \frac{\sum_n \ell_n}{\sum_n w_{y_n}}

    Parameters
    ----------
    log_probs : array, shape (..., K, ...)
        Log-probabilities, the K classes along `axis`.
    target : array of integers, the shape of `log_probs` without `axis`
        Class indices in [0, K), or `ignore_index`.
    axis : int
        The class axis: the last one here, ``axis=1`` in PyTorch's layout.
    weight : array, shape (K,), optional
        A weight for each class.
    ignore_index : int
        Items with this target count for nothing.
    reduction : {"mean", "sum", "none"}
        The mean is weighted: it divides by the weights of what counts.

    Returns
    -------
    array, shape () or the shape of `target`
        Nats. NaN for the mean of nothing.

    Raises
    ------
    TypeError
        If the arrays are of different libraries, `log_probs` is not
        floating-point, or `target` does not hold integers.
    ValueError
        If the shapes do not fit, a label is out of range, a weight is
        negative, or `reduction` is unknown.

    Notes
    -----
    Elsewhere: ``torch.nn.functional.nll_loss``.

    Examples
    --------
    >>> import numpy as np
    >>> log_probs = np.log(np.array([[0.5, 0.5], [0.25, 0.75]]))
    >>> round(float(nll(log_probs, np.array([0, 0]))), 6)
    1.039721
    """
    xp = _check_nll(log_probs, target, axis, weight, reduction)
    log_q = xp.moveaxis(widen(log_probs, xp), axis, -1)
    counted = check_labels(xp, target, log_q.shape[-1], ignore_index=ignore_index)
    label = xp.astype(xp.where(counted, target, xp.zeros_like(target)), xp.int64)
    taken = xp.take_along_axis(log_q, label[..., None], axis=-1)[..., 0]
    scale = xp.astype(counted, log_q.dtype)
    if weight is not None:
        per_item = xp.take(widen(weight, xp), xp.reshape(label, (-1,)), axis=0)
        scale = scale * xp.reshape(per_item, label.shape)
    # what counts for nothing must not turn an infinite loss into NaN
    nats = xp.where(scale > 0, 0 - taken, xp.zeros_like(taken)) * scale
    return narrow(_reduce(nats, scale, reduction, xp), log_probs, xp)


def _check_nll(
    log_probs: Array, target: Array, axis: int, weight: Array | None, reduction: str
) -> Any:
    arrays = {"log_probs": log_probs, "target": target}
    if weight is not None:
        arrays["weight"] = weight
    xp = namespace(**arrays)
    check_choice("reduction", reduction, ("mean", "sum", "none"))
    check_float(xp, log_probs=log_probs)
    check_axis(log_probs, axis, "log_probs")
    expected = list(log_probs.shape)
    n_classes = expected.pop(axis)
    if tuple(target.shape) != tuple(expected):
        raise ValueError(
            f"target must have shape {tuple(expected)}, that of log_probs without "
            f"axis={axis}, got {tuple(target.shape)}"
        )
    if weight is not None:
        check_float(xp, weight=weight)
        if tuple(weight.shape) != (n_classes,):
            raise ValueError(
                f"weight must have shape ({n_classes},), one for each class, "
                f"got {tuple(weight.shape)}"
            )
        check_not_negative(xp, weight=weight)
    return xp


@quiet
def _reduce(nats: Array, scale: Array, reduction: str, xp: Any) -> Array:
    if reduction == "none":
        return nats
    if reduction == "sum":
        return xp.sum(nats)
    return xp.sum(nats) / xp.sum(scale)
