"""Whether forecasts mean what they say, and the temperature that helps. Chapter 15.

Arrays are given as to `celib.scoring`: with one axis they are yes-or-no questions;
with more, each row along `axis` is about K classes.
"""

import math
from typing import Any, NamedTuple

from celib._arrays import (
    as_data,
    check_choice,
    namespace,
    narrow,
    quiet,
    values_can_be_read,
    widen,
)
from celib._forecasts import as_forecasts
from celib._typing import Array
from celib.softmax import softmax

__all__ = [
    "ReliabilityBins",
    "expected_calibration_error",
    "fit_temperature",
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


def reliability_bins(
    probs: Array,
    target: Array,
    /,
    *,
    n_bins: int = 15,
    strategy: str = "uniform",
    axis: int | None = -1,
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
    axis : int or None
        The class axis. None if there is none: each entry is then a yes-or-no
        question, as with one axis.

    Returns
    -------
    ReliabilityBins
        Edges, counts, mean confidence and accuracy; NaN for an empty bin.

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
    probs, target = as_data(probs=probs, target=target)
    xp, q, y = as_forecasts("probs", probs, target, axis)
    _check_values("reliability_bins", q, y)
    q, y = _top_class(q, y, xp)
    if strategy == "quantile":
        edges = narrow(_quantile_edges(q, n_bins, xp), probs, xp)
    else:
        # rounded as the caller's numbers are, so that a typed 0.1 is on its edge
        shares = [b / n_bins for b in range(n_bins + 1)]
        edges = xp.asarray(shares, dtype=probs.dtype, device=q.device)
    index = xp.searchsorted(xp.astype(edges, q.dtype)[1:-1], q, side="right")
    inside = [index == b for b in range(n_bins)]
    count = xp.stack([xp.count_nonzero(mask) for mask in inside])
    size = xp.where(count > 0, xp.astype(count, q.dtype), math.nan)
    confidence = xp.stack([xp.sum(q[mask]) for mask in inside]) / size
    accuracy = xp.stack([xp.sum(y[mask]) for mask in inside]) / size
    return ReliabilityBins(
        edges,
        count,
        narrow(confidence, probs, xp),
        narrow(accuracy, probs, xp),
    )


def expected_calibration_error(
    probs: Array,
    target: Array,
    /,
    *,
    n_bins: int = 15,
    norm: str = "l1",
    strategy: str = "uniform",
    axis: int | None = -1,
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
    axis : int or None
        The class axis. None if there is none: each entry is then a yes-or-no
        question, as with one axis.

    Returns
    -------
    array, shape ()
        Between 0 and 1.

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
    probs, target = as_data(probs=probs, target=target)
    bins = reliability_bins(probs, target, n_bins=n_bins, strategy=strategy, axis=axis)
    xp = namespace(probs=probs)
    held = bins.count > 0
    confidence = widen(bins.confidence[held], xp)
    accuracy = widen(bins.accuracy[held], xp)
    gap = xp.abs(accuracy - confidence)
    share = xp.astype(bins.count[held], gap.dtype) / int(xp.sum(bins.count))
    if norm == "l1":
        error = xp.sum(share * gap)
    elif norm == "l2":
        error = _root(xp.sum(share * gap**2), xp)
    else:
        error = xp.max(gap)
    return narrow(error, probs, xp)


def fit_temperature(
    logits: Array, target: Array, /, *, axis: int | None = -1, max_iter: int = 100
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
    axis : int or None
        The class axis. None if there is none: each entry is then a yes-or-no
        question, as with one axis.
    max_iter : int
        Refuse to take more steps than these; ten are plenty as a rule.

    Returns
    -------
    float
        T > 0: above 1 for a model that is too sure of itself. Divide logits
        by it; no prediction changes, only its confidence.

    Raises
    ------
    ValueError
        If the best T does not exist, being 0 or infinite: the targets are always
        the top class, or the top class no more often than by chance.
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
    logits, target = as_data(logits=logits, target=target)
    xp, z, y = as_forecasts("logits", logits, target, axis)
    _check_values("fit_temperature", z, y)
    infinite = z[~xp.isfinite(z)]
    if infinite.shape[0] > 0:
        raise ValueError(f"logits must be finite, got {infinite[0].item()}")
    # a power of two, so that nothing is rounded
    unit = 2.0 ** (math.frexp(xp.max(xp.abs(z)).item())[1] - 1)
    z = xp.astype(z, xp.float64) / unit
    y = xp.astype(y, xp.float64)
    if z.shape[-1] == 1:
        z = xp.concat([xp.zeros_like(z), z], axis=-1)
        y = xp.concat([1 - y, y], axis=-1)
    below = xp.max(z, axis=-1, keepdims=True) - z
    seen = xp.mean(xp.sum(y * below, axis=-1)).item()
    by_chance = xp.mean(below).item()
    if not 0 < seen < by_chance:
        raise ValueError(
            "target must differ from the top class at times, or the best temperature "
            "is 0, and less than by chance, or it is infinite; got "
            f"{seen * unit:.6g} below the top logit, by chance {by_chance * unit:.6g}"
        )
    # beta = 1/T lies between low and high, where expected = seen
    low = 0.0
    beta = 1 / by_chance
    high = math.inf
    for _ in range(max_iter):
        expected, variance = _mean_and_variance(below, beta, xp)
        if expected > seen:
            low = beta
        else:
            high = beta
        step = -beta
        if expected * variance > 0:
            step = math.log(expected / seen) * (expected / variance)
        # Newton's error is squared at each step: from 1e-9, the step still to be
        # taken leads below the rounding of float64, 1.1e-16
        if abs(step) < 1e-9 * beta:
            return unit / (beta + step)
        beta = beta + step
        if not low < beta < high:
            beta = (low + high) / 2
    raise RuntimeError(f"max_iter must exceed {max_iter}, got to T={unit / beta:.6g}")


def _mean_and_variance(below: Array, beta: float, xp: Any) -> tuple[float, float]:
    """Tell how far below the top the model expects labels at T = 1/beta to lie."""
    q = softmax(-below, temperature=1 / beta)
    mean = xp.sum(q * below, axis=-1, keepdims=True)
    variance = xp.sum(q * (below - mean) ** 2, axis=-1)
    return xp.mean(mean).item(), xp.mean(variance).item()


def _check_values(function: str, *arrays: Array) -> None:
    """Refuse tensors that torch only traces: here the numbers decide what is done."""
    if not values_can_be_read(*arrays):
        raise TypeError(
            f"{function} needs numbers, got tensors that torch only traces: call it "
            "outside torch.compile, torch.export and torch.func"
        )


def _top_class(q: Array, y: Array, xp: Any) -> tuple[Any, Any]:
    """Return the largest probability of each item, and whether it came true."""
    top = xp.argmax(q, axis=-1, keepdims=True)
    confidence = xp.take_along_axis(q, top, axis=-1)
    right = xp.take_along_axis(y, top, axis=-1)
    return xp.reshape(confidence, (-1,)), xp.reshape(right, (-1,))


def _quantile_edges(q: Array, n_bins: int, xp: Any) -> Any:
    n = q.shape[0]
    ranks = [min(b * n // n_bins, n - 1) for b in range(n_bins + 1)]
    return xp.sort(q)[ranks]


@quiet
def _root(x: Array, xp: Any) -> Any:
    """Square root, with the derivative 0 at 0, where it is infinite."""
    positive = x > 0
    return xp.where(positive, xp.sqrt(xp.where(positive, x, 1)), 0)
