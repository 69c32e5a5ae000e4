"""Information: what a distribution costs to describe. Chapters 2 to 4.

Truth comes first, as on paper: ``cross_entropy(p, q)`` is the cost of data
from `p` under the model `q`. Nats, unless `base` says otherwise. Each
distribution is taken as it is stored: nothing is normalised or clipped.

Arrays may be NumPy's or torch's, or lists and tables of numbers; integers must be 0
or 1. On tensors, derivatives at 0 are those from the right. The exception is the
derivative of `entropy`, `kl_divergence` and `js_divergence` by an entry of 0 that
it would make infinite: that is 0, so that a softmax whose entry has underflowed to
0 gets the derivative 0, which is its limit, and not NaN.
"""

import math
from typing import Any

from celib._arrays import (
    as_distributions,
    as_probabilities,
    check_axis,
    check_base,
    check_float,
    check_not_negative,
    exp,
    is_tensor,
    log,
    namespace,
    narrow,
    pairwise_sum,
    quiet,
    times_log,
    widen,
)
from celib._typing import Array

__all__ = [
    "cross_entropy",
    "entropy",
    "js_divergence",
    "kl_divergence",
    "perplexity",
    "surprisal",
]


def surprisal(p: Array, /, *, base: float | None = None) -> Array:
    r"""Surprisal: how surprising an outcome of probability `p` is.

    .. math:: h(p) = -\log p

    Parameters
    ----------
    p : array, any shape
        Probabilities.
    base : float, optional
        Base of the logarithm: 2 for bits. Nats if omitted.

    Returns
    -------
    array, the shape of `p`
        Zero for what is certain, infinite for what is impossible.

    References
    ----------
    Shannon (1948), A mathematical theory of communication.

    Examples
    --------
    >>> import numpy as np
    >>> surprisal(np.array([1.0, 0.5, 0.25]), base=2)
    array([0., 1., 2.])
    """
    check_base(base)
    (p,) = as_probabilities(p=p)
    xp = namespace(p=p)
    check_float(p=p)
    check_not_negative(xp, p=p)
    return narrow(0 - log(widen(p, xp), xp, base), p, xp)


def entropy(p: Array, /, *, base: float | None = None, axis: int = -1) -> Array:
    r"""Entropy: the expected surprisal of a distribution.

    .. math:: H(p) = -\sum_k p_k \log p_k

    Parameters
    ----------
    p : array, shape (..., K)
        A distribution along `axis`.
    base : float, optional
        Base of the logarithm: 2 for bits. Nats if omitted.
    axis : int
        The axis of the K outcomes.

    Returns
    -------
    array, shape (...)
        Between 0 and log K. Outcomes of probability zero add nothing.

    Notes
    -----
    Elsewhere: ``scipy.stats.entropy(p)``, which divides `p` by its sum first.

    References
    ----------
    Shannon (1948), A mathematical theory of communication.

    Examples
    --------
    >>> import numpy as np
    >>> float(entropy(np.array([0.5, 0.25, 0.25]), base=2))
    1.5
    """
    return cross_entropy(p, p, base=base, axis=axis)


def cross_entropy(
    p: Array, q: Array, /, *, base: float | None = None, axis: int = -1
) -> Array:
    r"""Cross-entropy: the expected surprisal of data from `p` under the model `q`.

    .. math:: H(p, q) = -\sum_k p_k \log q_k

    Parameters
    ----------
    p, q : array, shape (..., K)
        Truth and model, distributions along `axis`.
    base : float, optional
        Base of the logarithm: 2 for bits. Nats if omitted.
    axis : int
        The axis of the K outcomes.

    Returns
    -------
    array, shape (...)
        At least the entropy of `p`; infinite where the model rules out what
        can happen. There is no upper bound.

    See Also
    --------
    celib.losses.nll : The same number from log-probabilities and class labels.

    References
    ----------
    Good (1952), Rational decisions: the logarithmic score.

    Examples
    --------
    >>> import numpy as np
    >>> float(cross_entropy(np.array([1.0, 0.0]), np.array([0.25, 0.75]), base=2))
    2.0
    """
    check_base(base)
    xp, p, q = as_distributions(p=p, q=q, axis=axis)
    terms = times_log(widen(p, xp), widen(q, xp), xp, base)
    return narrow(0 - pairwise_sum(terms, axis, xp), p, xp)


def kl_divergence(
    p: Array, q: Array, /, *, base: float | None = None, axis: int = -1
) -> Array:
    r"""Kullback-Leibler divergence: the extra cost of describing `p` with `q`.

    .. math:: D(p \,\|\, q) = \sum_k p_k \log \frac{p_k}{q_k} \;\ge\; 0

    Parameters
    ----------
    p, q : array, shape (..., K)
        Truth and model; each sums to one along `axis`.
    base : float, optional
        Base of the logarithm: 2 for bits. Nats if omitted.
    axis : int
        The axis of the K outcomes.

    Returns
    -------
    array, shape (...)
        Never negative; infinite where the model rules out what can happen.

    Notes
    -----
    The textbook sum subtracts nearly equal numbers when `q` is close to `p`,
    and can come out negative. Here each term is
    :math:`p_k \log(p_k / q_k) + q_k - p_k`, which is never negative, so
    nothing cancels; the additions sum to zero. For stored numbers whose sums
    differ in the last digit this is the *generalised* divergence: it adds
    :math:`\sum_k q_k - \sum_k p_k`.

    Elsewhere: ``scipy.stats.entropy(p, q)``; and, with the order turned
    round, ``torch.nn.functional.kl_div(q.log(), p, reduction="sum")``.

    References
    ----------
    Kullback and Leibler (1951), On information and sufficiency.

    Examples
    --------
    >>> import numpy as np
    >>> float(kl_divergence(np.array([1.0, 0.0]), np.array([0.25, 0.75]), base=2))
    2.0
    """
    check_base(base)
    xp, p, q = as_distributions(p=p, q=q, axis=axis)
    wide_p = widen(p, xp)
    wide_q = widen(q, xp)
    terms = _excess(wide_p, wide_q, wide_q - wide_p, xp)
    nats = pairwise_sum(terms, axis, xp)
    return narrow(_in_base(nats, base), p, xp)


def js_divergence(
    p: Array, q: Array, /, *, base: float | None = None, axis: int = -1
) -> Array:
    r"""Jensen-Shannon divergence: how far two distributions are from their mean.

    .. math:: \mathrm{JS}(p, q) = \tfrac12 D(p \,\|\, m) + \tfrac12 D(q \,\|\, m),
              \qquad m = \tfrac12 (p + q)

    Parameters
    ----------
    p, q : array, shape (..., K)
        Two distributions along `axis`; their order does not matter.
    base : float, optional
        Base of the logarithm: 2 for bits. Nats if omitted.
    axis : int
        The axis of the K outcomes.

    Returns
    -------
    array, shape (...)
        Between 0 and log 2. Its square root is a metric.

    Notes
    -----
    Elsewhere: the square of ``scipy.spatial.distance.jensenshannon(p, q)``.

    References
    ----------
    Lin (1991), Divergence measures based on the Shannon entropy.

    Examples
    --------
    >>> import numpy as np
    >>> float(js_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]), base=2))
    1.0
    """
    check_base(base)
    xp, p, q = as_distributions(p=p, q=q, axis=axis)
    wide_p = widen(p, xp)
    wide_q = widen(q, xp)
    middle = wide_p / 2 + wide_q / 2
    gap = (wide_q - wide_p) / 2
    terms = _excess(wide_p, middle, gap, xp) + _excess(wide_q, middle, -gap, xp)
    # beside an outcome that neither allows, both derivatives are (log 2)/2
    neither = (wide_p == 0) & (wide_q == 0)
    terms = xp.where(neither, math.log(2) * (wide_p + wide_q), terms)
    return narrow(_in_base(pairwise_sum(terms, axis, xp) / 2, base), p, xp)


def perplexity(probs: Array, /, *, axis: int = -1) -> Array:
    r"""Perplexity of the probabilities that a model gave to what happened.

    .. math:: \mathrm{PP} = \exp\Bigl(-\frac1N \sum_n \log q_n\Bigr)

    Parameters
    ----------
    probs : array, shape (..., N)
        The probability given to each of the N outcomes that occurred.
    axis : int
        The axis of the N outcomes.

    Returns
    -------
    array, shape (...)
        The geometric mean of 1/q: as uncertain as a fair choice among that
        many outcomes. It has no unit, so no base.

    References
    ----------
    Jelinek et al. (1977), Perplexity: a measure of the difficulty of speech
    recognition tasks.

    Examples
    --------
    >>> import numpy as np
    >>> float(perplexity(np.array([0.5, 0.125])))
    4.0
    """
    (probs,) = as_probabilities(probs=probs)
    xp = namespace(probs=probs)
    check_float(probs=probs)
    check_axis(probs, axis, "probs")
    check_not_negative(xp, probs=probs)
    log_q = log(widen(probs, xp), xp)
    mean = pairwise_sum(log_q, axis, xp) / probs.shape[axis]
    return narrow(exp(-mean, xp), probs, xp)


def _in_base(nats: Array, base: float | None) -> Array:
    return nats if base is None else nats / math.log(base)


@quiet
def _excess(p: Array, q: Array, gap: Array, xp: Any) -> Array:
    """Compute p log(p/q) + q - p, where gap = q - p: a term of D that is >= 0."""
    near = (p > 0) & (xp.abs(gap) < 0.6 * p)
    far = (p != 0) & ~near
    # Each formula sees only its own entries: an infinite derivative elsewhere, times
    # zero, would be NaN.
    far_p = xp.where(far, p, 1)
    far_q = xp.where(far, q, 1)
    # Near p = q this cancels: at gap = 0.6 p it is 4.6 times smaller than the gap.
    from_logs = gap - far_p * _log_ratio(far_q, far_p, xp)
    # There p (d - log(1 + d)) does not, with d = gap / p, summed as a series.
    d = _quotient(xp.where(near, gap, 0), xp.where(near, p, 1))
    from_series = p * _d_minus_log1p(d)
    return xp.where(near, from_series, xp.where(far, from_logs, q))


def _log_ratio(q: Array, p: Array, xp: Any) -> Array:
    """log(q/p), also where the quotient leaves the range of the type."""
    apart = log(q, xp) - log(p, xp)
    ratio = _without_gradient(q) / _without_gradient(p)
    inside = (ratio > xp.finfo(q.dtype).smallest_normal) & xp.isfinite(ratio)
    exact = log(xp.where(inside, ratio, 1), xp)
    if is_tensor(q):
        # the digits of the quotient's logarithm, and the derivative of the
        # difference, in which no 1/p overflows
        exact = exact + (apart - _without_gradient(apart))
    return xp.where(inside, exact, apart)


def _quotient(gap: Array, p: Array) -> Array:
    """Divide; p is moved off the end of its range, so that autograd can divide by it.

    A power of two rounds nothing. In float32 the smallest number becomes 2.6e-26.
    """
    return (gap * 2.0**64) / (p * 2.0**64)


def _d_minus_log1p(d: Array) -> Array:
    """Compute d - log(1 + d) to the last digits, for abs(d) < 0.6."""
    # log(1 + d) = 2 atanh(s) and d = 2 s / (1 - s), with s = d / (2 + d)
    s = d / (2 + d)
    # atanh(s) = s (1 + s^2/3 + s^4/5 + ...), here up to s^46/47. As abs(s) < 3/7, the
    # first term left out is below 5e-20, which is 1.3e-19 of the result's bracket.
    tail = 0 * s
    for odd in range(47, 1, -2):
        tail = s * s * (tail + 1 / odd)
    return 2 * s * (s / (1 - s) - tail)


def _without_gradient(x: Any) -> Any:
    return x.detach() if is_tensor(x) else x
