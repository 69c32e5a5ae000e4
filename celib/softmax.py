"""Softmax and its logarithm, exact in both tails. Chapter 5, and chapter 9.

The top entry of each row is treated apart: after the row's maximum has been
subtracted it contributes exactly 1 to the sum of exponentials, and ``log1p``
of the *rest* keeps the digits that ``log(1 + rest)`` would round away.
"""

import math
from typing import Any

from celib._arrays import (
    Array,
    check_axis,
    check_float,
    check_positive,
    namespace,
    narrow,
    quiet,
    widen,
)

__all__ = ["log_sigmoid", "log_softmax", "logsumexp", "sigmoid", "softmax"]


def logsumexp(x: Array, /, *, axis: int = -1, keepdims: bool = False) -> Array:
    r"""Logarithm of a sum of exponentials: the soft maximum.

    .. math:: \operatorname{LSE}(x) = \log \sum_k e^{x_k}

    Parameters
    ----------
    x : array, shape (..., K)
        Scores.
    axis : int
        The axis of the K scores.
    keepdims : bool
        Keep `axis` with length one.

    Returns
    -------
    array, shape (...)
        Between max x and max x + log K. Minus infinity if every score is.

    Raises
    ------
    TypeError
        If `x` is not a floating-point array.
    ValueError
        If `x` has no entry along `axis`.

    Notes
    -----
    Computed as :math:`m + \operatorname{log1p}(\sum_{k \ne t} e^{x_k - m})`,
    where the maximum m stands at t. No exponential overflows, and a sum that
    is tiny beside 1 is not lost: ``logsumexp([0, -40])`` is 4.2e-18, not 0.

    Elsewhere: ``scipy.special.logsumexp``, ``torch.logsumexp``.

    References
    ----------
    Blanchard, Higham and Higham (2021), Accurately computing the log-sum-exp
    and softmax functions.

    Examples
    --------
    >>> import numpy as np
    >>> float(logsumexp(np.array([1000.0, 1000.0])))
    1000.6931471805599
    """
    xp = _check_scores(x, axis)
    top, _, rest = _split(widen(x, xp), axis, xp)
    result = xp.where(xp.isinf(top), top, top + xp.log1p(rest))
    result = result if keepdims else xp.squeeze(result, axis=axis)
    return narrow(result, x, xp)


def softmax(x: Array, /, *, axis: int = -1, temperature: float = 1.0) -> Array:
    r"""Softmax: scores to probabilities.

    .. math:: p_k = \frac{e^{x_k / T}}{\sum_j e^{x_j / T}}

    Parameters
    ----------
    x : array, shape (..., K)
        Scores (logits).
    axis : int
        The axis of the K scores.
    temperature : float
        T, positive: above 1 flattens, below 1 sharpens.

    Returns
    -------
    array, the shape of `x`
        Sums to one along `axis`. NaN where the row's maximum is infinite.

    Raises
    ------
    TypeError
        If `x` is not a floating-point array.
    ValueError
        If `x` has no entry along `axis`, or `temperature` is not positive.

    Notes
    -----
    Elsewhere: ``scipy.special.softmax(x / T)``, ``torch.softmax(x / T, -1)``.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.log(np.array([1.0, 3.0]))).round(12)
    array([0.25, 0.75])
    """
    check_positive("temperature", temperature)
    xp = _check_scores(x, axis)
    top, gap, rest = _split(widen(x, xp), axis, xp, temperature)
    p = xp.exp(gap) / (1 + rest)
    return narrow(_undefined_unless_finite(p, top, xp), x, xp)


def log_softmax(x: Array, /, *, axis: int = -1) -> Array:
    r"""Logarithm of the softmax: scores to log-probabilities.

    .. math:: \log p_k = x_k - \log \sum_j e^{x_j}

    Parameters
    ----------
    x : array, shape (..., K)
        Scores (logits).
    axis : int
        The axis of the K scores.

    Returns
    -------
    array, the shape of `x`
        Never positive. NaN where the row's maximum is infinite.

    Raises
    ------
    TypeError
        If `x` is not a floating-point array.
    ValueError
        If `x` has no entry along `axis`.

    Notes
    -----
    A confident prediction keeps its digits: the top entry is
    :math:`-\operatorname{log1p}(\text{rest})`, which other libraries round to
    zero.

    Elsewhere: ``scipy.special.log_softmax``, ``torch.log_softmax(x, -1)``.

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax(np.array([0.0, -40.0]))
    array([-4.24835426e-18, -4.00000000e+01])
    """
    xp = _check_scores(x, axis)
    top, gap, rest = _split(widen(x, xp), axis, xp)
    log_p = gap - xp.log1p(rest)
    return narrow(_undefined_unless_finite(log_p, top, xp), x, xp)


def sigmoid(x: Array, /) -> Array:
    r"""Logistic sigmoid: one score to one probability.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}

    Parameters
    ----------
    x : array, any shape
        Scores (logits).

    Returns
    -------
    array, the shape of `x`
        Probabilities; a tiny one keeps its digits.

    Raises
    ------
    TypeError
        If `x` is not a floating-point array.

    Notes
    -----
    Elsewhere: ``scipy.special.expit``, ``torch.sigmoid``.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    xp = namespace(x=x)
    check_float(x=x)
    wide = widen(x, xp)
    tail = xp.exp(-xp.abs(wide))
    p = xp.where(wide >= 0, xp.ones_like(wide), tail) / (1 + tail)
    return narrow(p, x, xp)


def log_sigmoid(x: Array, /) -> Array:
    r"""Logarithm of the sigmoid.

    .. math:: \log \sigma(x) = \min(x, 0) - \log(1 + e^{-|x|})

    Parameters
    ----------
    x : array, any shape
        Scores (logits).

    Returns
    -------
    array, the shape of `x`
        Log-probabilities, exact in both tails.

    Raises
    ------
    TypeError
        If `x` is not a floating-point array.

    Notes
    -----
    Elsewhere: ``scipy.special.log_expit``, ``torch.nn.functional.logsigmoid``.

    Examples
    --------
    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, 40.0]))
    array([-1.00000000e+03, -4.24835426e-18])
    """
    xp = namespace(x=x)
    check_float(x=x)
    wide = widen(x, xp)
    below = xp.where(wide < 0, wide, xp.zeros_like(wide))
    return narrow(below - xp.log1p(xp.exp(-xp.abs(wide))), x, xp)


def _check_scores(x: Array, axis: int) -> Any:
    xp = namespace(x=x)
    check_float(x=x)
    check_axis(x, axis, "x")
    return xp


@quiet
def _split(
    x: Array, axis: int, xp: Any, temperature: float = 1.0
) -> tuple[Array, Array, Array]:
    """Split off the top: the maximum, distances below it, the sum of the rest."""
    at_top = xp.argmax(x, axis=axis, keepdims=True)
    # taken, not max: among ties, autograd must differentiate this entry alone
    top = xp.take_along_axis(x, at_top, axis=axis)
    gap = (x - top) / temperature
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    index = xp.reshape(xp.arange(x.shape[axis], device=x.device), tuple(shape))
    others = xp.where(index == at_top, xp.zeros_like(x), xp.exp(gap))
    return top, gap, xp.sum(others, axis=axis, keepdims=True)


def _undefined_unless_finite(result: Array, top: Array, xp: Any) -> Array:
    """NaN for a row whose maximum is infinite: no distribution fits it."""
    return xp.where(xp.isfinite(top), result, xp.full_like(result, math.nan))
