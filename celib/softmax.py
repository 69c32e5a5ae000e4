"""Softmax and its logarithm, exact in both tails. Chapter 5, and chapter 9.

The top entry of each row is treated apart: after the row's maximum has been
subtracted it contributes exactly 1 to the sum of exponentials, and ``log1p``
of the *rest* keeps the digits that ``log(1 + rest)`` would round away.
"""

from collections.abc import Callable

import numpy as np

from celib import _kernel
from celib._arrays import (
    Array,
    check_axis,
    check_float,
    check_positive,
    namespace,
    quiet,
)
from celib._bridge import (
    can_lend,
    give_back,
    is_numpy,
    is_recorded,
    lend_to_numpy,
    narrow_half,
    widen_half,
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
    namespace(x=x)
    check_float(x=x)
    if x.ndim and -x.ndim <= axis < x.ndim and x.shape[axis] == 0:
        return _log_of_no_sum(x, axis, keepdims)
    check_axis(x, axis, "x")
    wide = widen_half(x)
    if is_numpy(x):
        result = _rows(wide, axis, _kernel.logsumexp)
        result = np.expand_dims(result, axis) if keepdims else result
    else:
        from celib import _autograd

        result = _autograd.logsumexp(wide.movedim(axis, -1)).movedim(-1, axis)
        result = result if keepdims else result.squeeze(axis)
    return narrow_half(result, x)


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
    _check_scores(x, axis)
    wide = widen_half(x)
    if is_numpy(x):
        result = _rows(wide, axis, lambda rows: _softmax_rows(rows, temperature))
    else:
        from celib import _autograd

        result = _autograd.softmax(wide.movedim(axis, -1), temperature)
        result = result.movedim(-1, axis)
    return narrow_half(result, x)


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
    _check_scores(x, axis)
    wide = widen_half(x)
    if is_numpy(x):
        result = _rows(wide, axis, _kernel.log_softmax)
    else:
        result = _log_softmax_of_tensor(wide.movedim(axis, -1)).movedim(-1, axis)
    return narrow_half(result, x)


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

    Notes
    -----
    Elsewhere: ``scipy.special.expit``, ``torch.sigmoid``.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    namespace(x=x)
    check_float(x=x)
    wide = widen_half(x)
    if is_numpy(x):
        tail = np.exp(-np.abs(wide))
        result = np.where(wide < 0, tail, wide.dtype.type(1)) / (1 + tail)
    else:
        from celib import _autograd

        result = _autograd.sigmoid(wide)
    return narrow_half(result, x)


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

    Notes
    -----
    Elsewhere: ``scipy.special.log_expit``, ``torch.nn.functional.logsigmoid``.

    Examples
    --------
    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, 40.0]))
    array([-1.00000000e+03, -4.24835426e-18])
    """
    namespace(x=x)
    check_float(x=x)
    wide = widen_half(x)
    if is_numpy(x):
        result = np.minimum(wide, 0) - np.log1p(np.exp(-np.abs(wide)))
    else:
        from torch.nn import functional as F

        # exact in both tails, and so is its derivative
        result = F.logsigmoid(wide)
    return narrow_half(result, x)


@quiet
def _softmax_rows(z: np.ndarray, temperature: float) -> np.ndarray:
    if temperature != 1:
        # the difference first: it is exact where logits are large and close
        z = (z - z.max(1, keepdims=True)) / z.dtype.type(temperature)
    return _kernel.log_softmax_and_softmax(z)[1]


def _log_softmax_of_tensor(z: Array) -> Array:
    """Logarithm of the softmax of a tensor along its last axis."""
    from celib import _autograd

    if not can_lend(z):
        return _autograd.log_softmax(z)
    (array,) = lend_to_numpy(z)
    rows = np.ascontiguousarray(array.reshape(-1, array.shape[-1]))
    if not is_recorded(z):
        return give_back(_kernel.log_softmax(rows).reshape(array.shape), z)
    parts = _kernel.log_softmax_and_softmax(rows)
    log_probs, probs = (give_back(x.reshape(array.shape), z) for x in parts)
    return _autograd.LogSoftmax.apply(z, log_probs, probs)


def _log_of_no_sum(x: Array, axis: int, keepdims: bool) -> Array:
    """Minus infinity, the logarithm of 0, for each sum of nothing."""
    shape = list(x.shape)
    shape[axis] = 1
    if not keepdims:
        shape.pop(axis)
    if is_numpy(x):
        return np.full(shape, -np.inf, dtype=x.dtype)
    return x.new_full(shape, -np.inf)


def _rows(x: Array, axis: int, function: Callable[[np.ndarray], np.ndarray]) -> Array:
    """Apply `function` to the rows of a NumPy array along `axis`."""
    last = np.moveaxis(x, axis, -1)
    rows = np.ascontiguousarray(last.reshape(-1, last.shape[-1]))
    result = function(rows)
    if result.ndim == 1:
        return result.reshape(last.shape[:-1])
    return np.moveaxis(result.reshape(last.shape), -1, axis)


def _check_scores(x: Array, axis: int) -> None:
    namespace(x=x)
    check_float(x=x)
    check_axis(x, axis, "x")
