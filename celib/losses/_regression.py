"""Squared error, to compare the others with. Chapter 6."""

from celib._arrays import (
    Array,
    check_choice,
    check_float,
    check_one_shape,
    namespace,
)
from celib._bridge import is_numpy, narrow_half, reduce, widen_half
from celib._cross_entropy import REDUCTIONS

__all__ = ["mse_loss"]


def mse_loss(prediction: Array, target: Array, /, *, reduction: str = "mean") -> Array:
    r"""Mean squared error, here to be compared with.

    .. math:: \ell = (x - y)^2

    Parameters
    ----------
    prediction, target : array, any shape
        Two arrays of one shape.
    reduction : {"mean", "sum", "none"}
        The mean is over all entries.

    Returns
    -------
    array, shape () or that of `prediction`
        Squared units of the target.

    Notes
    -----
    Elsewhere: ``torch.nn.functional.mse_loss``.

    Examples
    --------
    >>> import numpy as np
    >>> float(mse_loss(np.array([0.0, 2.0]), np.array([1.0, 2.0])))
    0.5
    """
    namespace(prediction=prediction, target=target)
    check_float(prediction=prediction, target=target)
    check_choice("reduction", reduction, REDUCTIONS)
    check_one_shape(prediction=prediction, target=target)
    wide = widen_half(prediction)
    if is_numpy(prediction):
        error = wide - widen_half(target)
        loss = reduce(error * error, reduction)
    else:
        from torch.nn import functional as F

        loss = F.mse_loss(wide, widen_half(target), reduction=reduction)
    return narrow_half(loss, prediction)
