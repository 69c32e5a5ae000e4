"""Likelihood: what a model gave to what happened. Chapter 1.

Negative log-likelihoods here are totals over the data, in nats. Divided by
the number of outcomes they are cross-entropies, which is chapter 2.

Arrays may be NumPy's or torch's, or lists and tables of numbers.
"""

from typing import Any

from celib._arrays import (
    as_class_indices,
    as_data,
    as_probabilities,
    check_at_least_zero,
    check_axis,
    check_between_0_and_1,
    check_float,
    check_not_negative,
    is_float,
    log,
    log1p,
    namespace,
    narrow,
    pairwise_sum,
    values_can_be_read,
    widen,
)
from celib._typing import Array

__all__ = ["bernoulli_nll", "categorical_mle", "categorical_nll"]


def bernoulli_nll(p: Array, y: Array, /) -> Array:
    r"""Negative log-likelihood of yes-or-no outcomes.

    .. math:: -\sum_n \bigl( y_n \log p_n + (1 - y_n) \log (1 - p_n) \bigr)

    Parameters
    ----------
    p : array, shape (N,) or ()
        The probability of a one that the model gave to each outcome, or one
        probability for all of them.
    y : array, shape (N,)
        Outcomes, each 0 or 1.

    Returns
    -------
    array, shape ()
        Nats; infinite if the model ruled out something that happened.

    Notes
    -----
    Elsewhere: ``sklearn.metrics.log_loss(y, p, normalize=False)``, which
    clips; ``torch.nn.functional.binary_cross_entropy(p, y,
    reduction="sum")``, which caps each term at 100.

    Examples
    --------
    >>> import numpy as np
    >>> throws = np.array([1, 1, 0, 1])
    >>> round(float(bernoulli_nll(np.array(0.75), throws)), 6)
    2.249341
    """
    xp, p, y = _as_yes_or_no(p, y)
    wide = widen(p, xp)
    happened = y == 1
    # Each logarithm sees only its own outcomes: elsewhere an infinite derivative
    # times zero would be NaN. log1p keeps the digits that 1 - p would round away.
    log_yes = log(xp.where(happened, wide, 1), xp)
    log_no = log1p(xp.where(happened, 0, -wide), xp)
    log_q = xp.reshape(log_yes + log_no, (-1,))
    return 0 - pairwise_sum(log_q, 0, xp)


def categorical_nll(probs: Array, labels: Array, /) -> Array:
    r"""Negative log-likelihood of outcomes with K kinds.

    .. math:: -\sum_n \log q_{n, y_n}

    Parameters
    ----------
    probs : array, shape (N, K) or (K,)
        The model's distribution for each outcome, or one for all of them.
    labels : array of integers, shape (N,)
        Which of the K kinds each outcome was.

    Returns
    -------
    array, shape ()
        Nats; infinite if the model ruled out something that happened.

    Notes
    -----
    Elsewhere: ``torch.nn.functional.nll_loss(probs.log(), labels,
    reduction="sum")``.

    Examples
    --------
    >>> import numpy as np
    >>> die = np.array([0.5, 0.25, 0.25])
    >>> round(float(categorical_nll(die, np.array([0, 0, 2]))), 6)
    2.772589
    """
    xp, probs, labels = _as_outcomes(probs, labels)
    q = widen(probs, xp)
    if q.ndim == 1:
        q_of_label = xp.take(q, labels, axis=0)
    else:
        q_of_label = xp.take_along_axis(q, labels[:, None], axis=1)[:, 0]
    return 0 - pairwise_sum(log(q_of_label, xp), 0, xp)


def categorical_mle(counts: Array, /, *, alpha: float = 0.0) -> Array:
    r"""Most likely distribution for these counts, with optional smoothing.

    .. math:: q_k = \frac{n_k + \alpha}{N + \alpha K}

    Parameters
    ----------
    counts : array, shape (..., K)
        How often each of the K kinds occurred; integers or weights.
    alpha : float
        Pretended extra occurrences of every kind. Zero gives the maximum of
        the likelihood.

    Returns
    -------
    array of floats, shape (..., K)
        A distribution along the last axis.

    Notes
    -----
    With alpha > 0 this is the posterior *mean* under a Dirichlet(alpha) prior,
    and the posterior *mode* under a Dirichlet(alpha + 1) prior.

    Examples
    --------
    >>> import numpy as np
    >>> categorical_mle(np.array([7, 3]))
    array([0.7, 0.3])
    >>> categorical_mle(np.array([2, 0]), alpha=1.0)
    array([0.75, 0.25])
    """
    xp, counts = _as_counts(counts, alpha)
    smoothed = widen(counts, xp) + alpha
    shares = smoothed / xp.sum(smoothed, axis=-1, keepdims=True)
    return narrow(shares, counts, xp)


def _as_yes_or_no(p: Any, y: Any) -> tuple[Any, Array, Array]:
    p, y = as_data(p=p, y=y)
    (p,) = as_probabilities(p=p)
    xp = namespace(p=p, y=y)
    check_float(p=p)
    check_between_0_and_1(xp, p=p)
    if p.shape not in ((), y.shape):
        raise ValueError(
            f"p must have the shape of y or none, got {tuple(p.shape)} "
            f"and {tuple(y.shape)}"
        )
    if values_can_be_read(y):
        odd = y[(y != 0) & (y != 1)]
        if odd.shape[0] > 0:
            raise ValueError(f"y must hold only 0 and 1, got {odd[0].item()}")
    return xp, p, y


def _as_outcomes(probs: Any, labels: Any) -> tuple[Any, Array, Array]:
    probs, labels = as_data(probs=probs, labels=labels)
    xp = namespace(probs=probs, labels=labels)
    check_float(probs=probs)
    check_axis(probs, -1, "probs")
    check_not_negative(xp, probs=probs)
    if labels.ndim != 1 or probs.ndim > 2 or probs.shape[:-1] not in ((), labels.shape):
        raise ValueError(
            "probs must have shape (K,) or (N, K) and labels (N,), "
            f"got {tuple(probs.shape)} and {tuple(labels.shape)}"
        )
    labels, _ = as_class_indices(xp, labels, probs.shape[-1], name="labels")
    return xp, probs, labels


def _as_counts(counts: Any, alpha: float) -> tuple[Any, Array]:
    (counts,) = as_data(counts=counts)
    xp = namespace(counts=counts)
    check_axis(counts, -1, "counts")
    if not xp.isdtype(counts.dtype, ("integral", "real floating")):
        raise TypeError(f"counts must hold real numbers, got {counts.dtype}")
    if not is_float(counts):
        counts = xp.astype(counts, xp.float64)
    check_not_negative(xp, counts=counts)
    check_at_least_zero("alpha", alpha)
    if values_can_be_read(counts):
        if not bool(xp.all(xp.isfinite(counts))):
            raise ValueError("counts must be finite, got infinity or NaN")
        if alpha == 0 and not bool(xp.all(xp.any(counts > 0, axis=-1))):
            raise ValueError("counts must have a positive total, got 0")
    return xp, counts
