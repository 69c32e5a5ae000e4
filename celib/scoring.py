"""Scores of forecasts. Chapter 12.

Scores are for judging a model, losses for training one: a score takes the
probabilities that you publish. With one axis, `probs` and `target` are yes-or-no
questions; with more, each row along `axis` is a distribution over K classes.
Each function checks that, and averages over all items. Arrays may be NumPy's or
torch's, or lists and tables of numbers; labels are integers of any type.
"""

import math
from typing import Any

from celib._arrays import (
    as_data,
    check_float,
    check_not_negative,
    narrow,
    pairwise_sum,
    times_log,
    times_log1p,
    values_can_be_read,
    widen,
)
from celib._forecasts import as_forecasts, mean_over_items
from celib._typing import Array

__all__ = ["brier_score", "log_loss"]


def brier_score(probs: Array, target: Array, /, *, axis: int | None = -1) -> Array:
    r"""Brier score: the mean squared distance of forecasts from what happened.

    .. math:: \frac1N \sum_n (q_n - y_n)^2
              \quad\text{or}\quad
              \frac1N \sum_n \sum_k (q_{n, k} - y_{n, k})^2

    Parameters
    ----------
    probs : array, shape (N,), or (..., K, ...) with the classes along `axis`
        The probability of a one for each item, or of each class.
    target : array
        What happened. For (N,): zeros and ones, or the probability of a one.
        For classes: labels, integers of the shape of `probs` without `axis`;
        or probabilities, one-hot rows among them, of the shape of `probs`.
    axis : int or None
        The class axis. None if there is none: each entry is then a yes-or-no
        question, as with one axis.

    Returns
    -------
    array, shape ()
        Between 0 and 1 for (N,), between 0 and 2 for classes.

    Notes
    -----
    The sum over K classes is not divided by K, so two classes score twice
    what the probability of a one alone does. One row for one item, (K,), is
    a case of classes as well: write ``probs[None], target[None]``.

    Elsewhere: ``sklearn.metrics.brier_score_loss(target, probs)`` for (N,);
    for (N, K) the same with ``scale_by_half=False`` (scikit-learn 1.7), since
    it halves the score if K is 2 and not if it is more.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability.

    Examples
    --------
    >>> import numpy as np
    >>> rain = np.array([0.5, 1.0])
    >>> float(brier_score(rain, np.array([1, 1])))
    0.125
    >>> float(brier_score(np.stack([1 - rain, rain], axis=-1), np.array([1, 1])))
    0.25
    """
    probs, target = as_data(probs=probs, target=target)
    xp, q, y = as_forecasts("probs", probs, target, axis)
    distance = pairwise_sum((q - y) ** 2, -1, xp)
    return narrow(mean_over_items(distance, xp), probs, xp)


def log_loss(
    probs: Array,
    target: Array,
    /,
    *,
    sample_weight: Array | None = None,
    axis: int | None = -1,
) -> Array:
    r"""Log loss: the mean surprisal at what happened, from probabilities.

    .. math:: \frac{\sum_n w_n \ell_n}{\sum_n w_n}, \qquad
              \ell = - y \log q - (1 - y) \log (1 - q)
              \quad\text{or}\quad
              \ell = - \sum_k y_k \log q_k

    Parameters
    ----------
    probs : array, shape (N,), or (..., K, ...) with the classes along `axis`
        The probability of a one for each item, or of each class.
    target : array
        What happened, as for `brier_score`.
    sample_weight : array, optional
        A weight for each item: of shape (N,), or that of `probs` without `axis`.
        Whole numbers count repeated items; 0 leaves an item out.
    axis : int or None
        The class axis. None if there is none: each entry is then a yes-or-no
        question, as with one axis.

    Returns
    -------
    array, shape ()
        Nats; infinite if an item that counts had been ruled out.

    See Also
    --------
    celib.losses.cross_entropy : The same number from logits, for training.

    Notes
    -----
    Nothing is clipped: a forecast of 1e-300 costs 690.8, and one of zero
    costs infinity.

    Elsewhere: ``sklearn.metrics.log_loss(target, probs)``, which first moves
    probabilities into [eps, 1 - eps], with the eps of their type: no item can
    cost more than 36.04 there, and a row no longer sums to one.

    References
    ----------
    Good (1952), Rational decisions: the logarithmic score.

    Examples
    --------
    >>> import numpy as np
    >>> rain = np.array([0.5, 0.25])
    >>> round(float(log_loss(rain, np.array([1, 0]))), 6)
    0.490415
    """
    probs, target = as_data(probs=probs, target=target)
    xp, q, y = as_forecasts("probs", probs, target, axis)
    weight = _as_weight(sample_weight, q, xp)
    log_q = times_log(weight * y, q, xp)
    if q.shape[-1] == 1:
        # log1p keeps the digits of a tiny q that 1 - q would round away
        log_q = log_q + times_log1p(weight * (1 - y), -q, xp)
    loss = 0 - pairwise_sum(log_q, -1, xp)
    return narrow(mean_over_items(loss, xp) / mean_over_items(weight, xp), probs, xp)


def _as_weight(sample_weight: Any, q: Array, xp: Any) -> Any:
    """Return a weight for each item, shape (..., 1)."""
    if sample_weight is None:
        return xp.ones_like(q[..., :1])
    _, w = as_data(probs=q, sample_weight=sample_weight)
    if tuple(w.shape) != tuple(q.shape[:-1]):
        raise ValueError(
            f"sample_weight must have shape {tuple(q.shape[:-1])}, one for each item, "
            f"got {tuple(w.shape)}"
        )
    if xp.isdtype(w.dtype, ("bool", "integral")):
        w = xp.astype(w, q.dtype)
    check_float(sample_weight=w)
    check_not_negative(xp, sample_weight=w)
    w = widen(w, xp)
    if values_can_be_read(w):
        total = pairwise_sum(xp.reshape(w, (-1,)), 0, xp).item()
        if not 0 < total < math.inf:
            raise ValueError(
                f"sample_weight must have a positive, finite total, got {total}"
            )
    return w[..., None]
