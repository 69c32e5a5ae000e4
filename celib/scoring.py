"""Scores of forecasts, and whether they mean what they say. Chapters 12 and 15.

Scores are for judging a model, losses for training one: a score takes the
probabilities that you publish. With one axis, `probs` and `target` are yes-or-no
questions; with more, each row along `axis` is a distribution over K classes.
Each function checks that, and averages over all items.
"""

import math
from typing import Any, NamedTuple

from celib._arrays import (
    check_axis,
    check_choice,
    check_float,
    check_labels,
    check_not_negative,
    log,
    log1p,
    namespace,
    narrow,
    pairwise_sum,
    widen,
)
from celib._typing import Array
from celib.softmax import softmax

__all__ = [
    "ReliabilityBins",
    "brier_score",
    "expected_calibration_error",
    "fit_temperature",
    "log_loss",
    "reliability_bins",
]


class ReliabilityBins(NamedTuple):
    """What `reliability_bins` counts in each of B bins; NaN where there is nothing.

    Attributes
    ----------
    edges : array, shape (B + 1,)
        Bin b holds edges[b] <= confidence < edges[b + 1], the last one both ends.
    count : array of integers, shape (B,)
        How many items fell into each bin.
    confidence, accuracy : array, shape (B,)
        The mean probability in each bin, and how often it came true.

    Examples
    --------
    >>> import numpy as np
    >>> rain = reliability_bins(np.array([0.25, 0.75]), np.array([0, 1]), n_bins=2)
    >>> rain.edges.tolist(), rain.count.tolist()
    ([0.0, 0.5, 1.0], [1, 1])
    """

    edges: Array
    # not Array, because tuples have a method of that name
    count: Any
    confidence: Array
    accuracy: Array


def brier_score(probs: Array, target: Array, /, *, axis: int = -1) -> Array:
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
    axis : int
        The class axis.

    Returns
    -------
    array, shape ()
        Between 0 and 1 for (N,), between 0 and 2 for classes.

    Raises
    ------
    TypeError
        If the arrays are of different libraries, `probs` is not
        floating-point, or labels are not integers.
    ValueError
        If shapes do not fit or are empty, a probability lies outside [0, 1],
        a row does not sum to one, or a label is out of range.

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
    xp, q, y = _match("probs", probs, target, axis)
    return narrow(_mean(pairwise_sum((q - y) ** 2, -1, xp), None, xp), probs, xp)


def log_loss(
    probs: Array,
    target: Array,
    /,
    *,
    sample_weight: Array | None = None,
    axis: int = -1,
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
    axis : int
        The class axis.

    Returns
    -------
    array, shape ()
        Nats; infinite if an item that counts had been ruled out.

    Raises
    ------
    TypeError
        If the arrays are of different libraries, `probs` is not
        floating-point, or labels are not integers.
    ValueError
        If shapes do not fit or are empty, a probability lies outside [0, 1],
        a row does not sum to one, a label is out of range, or the weights
        are negative or all zero.

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
    xp, q, y = _match("probs", probs, target, axis)
    log_q = log(xp.where(y > 0, q, xp.ones_like(q)), xp)
    if q.shape[-1] == 1:
        # log1p keeps the digits of a tiny q that 1 - q would round away
        other = log1p(xp.where(y < 1, -q, xp.zeros_like(q)), xp)
        y, log_q = xp.concat([y, 1 - y], axis=-1), xp.concat([log_q, other], axis=-1)
    return narrow(
        _mean(0 - pairwise_sum(y * log_q, -1, xp), sample_weight, xp), probs, xp
    )


def reliability_bins(
    probs: Array,
    target: Array,
    /,
    *,
    n_bins: int = 15,
    strategy: str = "uniform",
    axis: int = -1,
) -> ReliabilityBins:
    r"""Sort items by confidence into bins; compare it there with what came true.

    .. math:: \operatorname{conf}(b) = \frac1{|b|} \sum_{n \in b} q_n, \qquad
              \operatorname{acc}(b) = \frac1{|b|} \sum_{n \in b} y_n

    Parameters
    ----------
    probs : array, shape (N,), or (..., K, ...) with the classes along `axis`
        The probability of a one for each item, or of each class. Of classes
        only the most probable counts (the first of equals): q is its
        probability, and y says whether it was right.
    target : array
        What happened, as for `brier_score`.
    n_bins : int
        How many bins, B.
    strategy : {"uniform", "quantile"}
        Bins of equal width between 0 and 1, or of equal numbers of items:
        these differ by one at most, but for equal probabilities, which stay
        together and can leave bins empty.
    axis : int
        The class axis.

    Returns
    -------
    ReliabilityBins
        Edges, counts, mean confidence and accuracy; NaN for an empty bin.

    Raises
    ------
    TypeError
        If the arrays are of different libraries, `probs` is not
        floating-point, or labels are not integers.
    ValueError
        If shapes do not fit or are empty, a probability lies outside [0, 1],
        a row does not sum to one, a label is out of range, or an option
        makes no sense.

    Notes
    -----
    Bins are closed on the left: [lo, hi), the last [lo, 1], as in
    ``numpy.histogram``. The edges b/B are rounded once, so 0.3 lies on the
    edge 3/10. Elsewhere, the values on edges go other ways:

    - ``torchmetrics`` 1.9 also closes on the left, but gives confidences of
      exactly 1 a bin of their own, and its edges are off by a last bit;
    - ``sklearn.calibration.calibration_curve`` and Guo et al. close on the
      right: (lo, hi]. The former puts 0 into the first bin, and leaves empty
      bins out.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> probs, rain = np.array([0.125, 0.5, 0.75, 1.0]), np.array([0, 1, 0, 1])
    >>> bins = reliability_bins(probs, rain, n_bins=2)
    >>> bins.count
    array([1, 3])
    >>> bins.confidence
    array([0.125, 0.75 ])
    >>> bins.accuracy.round(4)
    array([0.    , 0.6667])
    """
    check_choice("strategy", strategy, ("uniform", "quantile"))
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, got {n_bins}")
    xp, q, y = _match("probs", probs, target, axis)
    top = xp.argmax(q, axis=-1, keepdims=True)
    q, y = (xp.reshape(xp.take_along_axis(x, top, axis=-1), (-1,)) for x in (q, y))
    steps, n = range(n_bins + 1), q.shape[0]
    # rounded as the caller's numbers are, so that a typed 0.1 is on its edge
    edges = xp.asarray([b / n_bins for b in steps], dtype=probs.dtype, device=q.device)
    if strategy == "quantile":
        ranks = [min(b * n // n_bins, n - 1) for b in steps]
        edges = narrow(xp.sort(q)[ranks], probs, xp)
    index = xp.searchsorted(xp.astype(edges, q.dtype)[1:-1], q, side="right")
    bins = [index == b for b in range(n_bins)]
    count = xp.stack([xp.count_nonzero(inside) for inside in bins])
    size = xp.where(count > 0, xp.astype(count, q.dtype), math.nan)
    sums = (xp.stack([xp.sum(x[inside]) for inside in bins]) for x in (q, y))
    return ReliabilityBins(edges, count, *(narrow(x / size, probs, xp) for x in sums))


def expected_calibration_error(
    probs: Array,
    target: Array,
    /,
    *,
    n_bins: int = 15,
    norm: str = "l1",
    strategy: str = "uniform",
    axis: int = -1,
) -> Array:
    r"""Calibration error: the gap between confidence and accuracy, over all bins.

    .. math:: \sum_b \frac{|b|}N g_b, \qquad
              \sqrt{\sum_b \frac{|b|}N g_b^2} \quad\text{or}\quad \max_b g_b,
              \qquad g_b = |\operatorname{acc}(b) - \operatorname{conf}(b)|

    Parameters
    ----------
    probs : array, shape (N,), or (..., K, ...) with the classes along `axis`
        The probability of a one for each item, or of each class.
    target : array
        What happened, as for `brier_score`.
    n_bins : int
        How many bins.
    norm : {"l1", "l2", "max"}
        The mean gap (ECE), the root of the mean squared gap, or the largest
        (MCE).
    strategy : {"uniform", "quantile"}
        Bins of equal width, or of equal numbers of items.
    axis : int
        The class axis.

    Returns
    -------
    array, shape ()
        Between 0 and 1.

    Raises
    ------
    TypeError
        If the arrays are of different libraries, `probs` is not
        floating-point, or labels are not integers.
    ValueError
        If shapes do not fit or are empty, a probability lies outside [0, 1],
        a row does not sum to one, a label is out of range, or an option
        makes no sense.

    Notes
    -----
    It depends on the bins. Within one, gaps of both signs cancel: with a
    single bin, forecasting the base rate for everyone has error zero. With
    many, each gap is mostly noise, and even perfect forecasts look wrong.

    Elsewhere: ``torchmetrics.functional.calibration_error(probs, target,
    task, n_bins=15, norm="l1")``, unless a probability is exactly 1, or
    within rounding of an edge: see `reliability_bins`. For classes it
    computes in float32, and there a confident forecast soon is exactly 1.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015), Obtaining well calibrated
    probabilities using Bayesian binning.

    Examples
    --------
    >>> import numpy as np
    >>> probs, rain = np.array([0.125, 0.5, 0.75, 1.0]), np.array([0, 1, 0, 1])
    >>> round(float(expected_calibration_error(probs, rain, n_bins=2)), 5)
    0.09375
    """
    check_choice("norm", norm, ("l1", "l2", "max"))
    bins = reliability_bins(probs, target, n_bins=n_bins, strategy=strategy, axis=axis)
    xp = namespace(probs=probs)
    held = bins.count > 0
    gap = xp.abs(widen(bins.accuracy, xp) - widen(bins.confidence, xp))[held]
    share = xp.astype(bins.count[held], gap.dtype) / int(xp.sum(bins.count))
    errors = {
        "l1": xp.sum(share * gap),
        "l2": xp.sqrt(xp.sum(share * gap**2)),
        "max": xp.max(gap),
    }
    return narrow(errors[norm], probs, xp)


def fit_temperature(
    logits: Array, target: Array, /, *, axis: int = -1, max_iter: int = 100
) -> float:
    r"""Temperature T at which the cross-entropy of logits / T is smallest.

    .. math:: \sum_n \sum_k \bigl( q_{n, k}(T) - y_{n, k} \bigr) z_{n, k} = 0,
              \qquad q_n(T) = \operatorname{softmax}(z_n / T)

    Parameters
    ----------
    logits : array, shape (N,), or (..., K, ...) with the classes along `axis`
        Scores z of a one for each item, or of each class: of a *validation*
        split, for the training split only flatters the model.
    target : array
        What happened, as for `brier_score`.
    axis : int
        The class axis.
    max_iter : int
        Refuse to take more steps than these; ten are plenty as a rule.

    Returns
    -------
    float
        T > 0: above 1 for a model that is too sure of itself. Divide logits
        by it; no prediction changes, only its confidence.

    Raises
    ------
    TypeError
        If the arrays are of different libraries, `logits` is not
        floating-point, or labels are not integers.
    ValueError
        If shapes do not fit or are empty, a logit is not finite, a target
        makes no sense, or the best T does not exist, being 0 or infinite.
    RuntimeError
        If `max_iter` steps do not suffice.

    Notes
    -----
    The loss is convex in :math:`1/T`. Its slope is how far the labels lie
    below the top logits, less how far the model expects them to: both are
    sums of positive terms, so neither cancels. Their logarithms are made equal
    by Newton's steps, kept between bounds. The best T is 0 if every target is
    at the top, and infinite if targets get no more than their row's mean.

    Elsewhere: ``sklearn.calibration.CalibratedClassifierCV(...,
    method="temperature")`` (scikit-learn 1.8).

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
    >>> right_three_times_in_four = np.array([0, 0, 0, 1])
    >>> round(fit_temperature(logits, right_three_times_in_four), 6)
    3.640957
    """
    xp, z, y = _match("logits", logits, target, axis)
    if not bool(xp.all(xp.isfinite(z))):
        raise ValueError(f"logits must be finite, got {z[~xp.isfinite(z)][0].item()}")
    # a power of two, so that nothing is rounded
    unit = 2.0 ** (math.frexp(xp.max(xp.abs(z)).item())[1] - 1)
    z = xp.astype(z, xp.float64) / unit
    if z.shape[-1] == 1:
        z, y = (xp.concat([a, b], axis=-1) for a, b in ((0 * z, z), (1 - y, y)))
    below = xp.max(z, axis=-1, keepdims=True) - z
    seen, by_chance = xp.mean(xp.sum(y * below, axis=-1)).item(), xp.mean(below).item()
    if not 0 < seen < by_chance:
        raise ValueError(
            "target must differ from the top class at times, or the best temperature "
            "is 0, and less than by chance, or it is infinite; got "
            f"{seen * unit:.6g} below the top logit, by chance {by_chance * unit:.6g}"
        )
    low, beta, high = 0.0, 1 / by_chance, math.inf
    for _ in range(max_iter):
        q = softmax(-below, temperature=1 / beta)
        mean = xp.sum(q * below, axis=-1, keepdims=True)
        expected = xp.mean(mean).item()
        variance = xp.mean(xp.sum(q * (below - mean) ** 2, axis=-1)).item()
        low, high = (beta, high) if expected > seen else (low, beta)
        step = (
            math.log(expected / seen) * (expected / variance)
            if expected * variance > 0
            else -beta
        )
        # the step is still taken, and squares what is left of the error
        if abs(step) < 1e-9 * beta:
            return unit / (beta + step)
        beta = beta + step if low < beta + step < high else (low + high) / 2
    raise RuntimeError(f"max_iter must exceed {max_iter}, got to T={unit / beta:.6g}")


def _match(
    name: str, scores: Array, target: Array, axis: int
) -> tuple[Any, Array, Array]:
    """Scores and what happened, wide, the classes last: one column for a yes or no."""
    xp = namespace(**{name: scores, "target": target})
    check_float(**{name: scores})
    check_axis(scores, axis, name)
    x, shape = xp.moveaxis(widen(scores, xp), axis, -1), tuple(scores.shape)
    if 0 in shape:
        raise ValueError(f"{name} must have at least one item, got shape {shape}")
    if tuple(target.shape) == shape:
        y = xp.moveaxis(xp.astype(target, x.dtype), axis, -1)
        x, y = (x[:, None], y[:, None]) if len(shape) == 1 else (x, y)
    elif target.shape == x.shape[:-1] and shape[axis] > 1:
        check_labels(xp, target, shape[axis])
        classes = xp.arange(shape[axis], dtype=target.dtype, device=x.device)
        y = xp.astype(target[..., None] == classes, x.dtype)
    else:
        raise ValueError(
            f"target must have the shape of {name}, {shape}, or that without "
            f"axis={axis}, got {tuple(target.shape)}"
        )
    # rows that were float32 once, or still are 16 bits, add up to one no closer
    tolerance = max(xp.finfo(scores.dtype).eps, 1e-6) ** 0.5
    for key, p in {name: x, "target": y}.items():
        if key != "logits":
            _check_probabilities(key, p, tolerance, xp)
    return xp, x, y


def _check_probabilities(name: str, p: Array, tolerance: float, xp: Any) -> None:
    outside = p[~((p >= 0) & (p <= 1))]
    if outside.shape[0]:
        raise ValueError(f"{name} must lie in [0, 1], got {outside[0].item():.6g}")
    off = xp.max(xp.abs(xp.sum(p, axis=-1) - 1)).item()
    if p.shape[-1] > 1 and off > tolerance:
        raise ValueError(
            f"{name} must sum to 1 over the classes, got a row that is off by {off:.6g}"
        )


def _mean(x: Array, weight: Array | None, xp: Any) -> Array:
    w = xp.ones_like(x) if weight is None else weight
    namespace(probs=x, sample_weight=w)
    check_float(sample_weight=w)
    check_not_negative(xp, sample_weight=w)
    if w.shape != x.shape:
        raise ValueError(
            f"sample_weight must have shape {tuple(x.shape)}, one for each item, "
            f"got {tuple(w.shape)}"
        )
    w = widen(w, xp)
    # what counts for nothing must not turn an infinite loss into NaN
    weighted = xp.where(w > 0, x, xp.zeros_like(x)) * w
    top, bottom = (pairwise_sum(xp.reshape(a, (-1,)), 0, xp) for a in (weighted, w))
    if not 0 < bottom.item() < math.inf:
        raise ValueError(f"sample_weight must have a positive total, got {bottom}")
    return top / bottom
