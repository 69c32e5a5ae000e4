"""Losses: prediction first, then target. Begun in chapter 2, completed in 6 to 8.

They have PyTorch's semantics to the letter, on a class axis that you name, and
keep the digits that PyTorch rounds away.
"""

from typing import Any

from celib._arrays import (
    Array,
    check_axis,
    check_choice,
    check_float,
    check_labels,
    check_one_shape,
    check_positive,
    check_weight,
    log,
    log1p,
    namespace,
    narrow,
    quiet,
    widen,
)
from celib._binary import check_binary, evaluate_binary, reduce
from celib._cross_entropy import REDUCTIONS, Options, evaluate
from celib._distil import distillation_loss
from celib._finish import attach as _attach
from celib._finish import records as _records
from celib._focal import focal_loss, poly1_cross_entropy, sigmoid_focal_loss
from celib._margin import hinge_loss, multiclass_hinge_loss

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "distillation_loss",
    "focal_loss",
    "hinge_loss",
    "info_nce",
    "mse_loss",
    "multiclass_hinge_loss",
    "nll",
    "poly1_cross_entropy",
    "sigmoid_focal_loss",
]


def cross_entropy(
    logits: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Array:
    r"""Cross-entropy between targets and the softmax of logits.

    .. math:: \ell = w_y \bigl( \operatorname{LSE}(z) - z_y \bigr)
              \quad\text{or}\quad
              \ell = \sum_k w_k\, y_k \bigl( \operatorname{LSE}(z) - z_k \bigr)

    Parameters
    ----------
    logits : array, shape (..., K, ...)
        Scores z, the K classes along `axis`.
    target : array
        Class indices, integers of the shape of `logits` without `axis`; or
        probabilities, floats of the shape of `logits`.
    axis : int
        The class axis: the last one here, ``axis=1`` in PyTorch's layout.
    weight : array, shape (K,), optional
        A weight for each class.
    ignore_index : int
        Items with this index count for nothing. Not for probabilities.
    label_smoothing : float
        Mixes this share of the uniform distribution into every target.
    reduction : {"mean", "sum", "none"}
        The mean divides by the weights of what counts for indices, and by the
        number of items for probabilities.

    Returns
    -------
    array, shape () or that of `logits` without `axis`
        Nats. NaN for the mean of nothing.

    Raises
    ------
    TypeError
        If the arrays are of different libraries, or `logits` not floating-point.
    ValueError
        If shapes do not fit, a label is out of range, a weight or probability
        is negative, or an option is unknown.

    Notes
    -----
    Exact in both tails: the loss of a confident prediction is
    :math:`\operatorname{log1p}` of the rest of the exponentials, not zero. A
    target of zero against a logit of minus infinity costs nothing.

    For tensors the gradient is the analytic one, formed in the same pass. It
    has no derivative of its own: differentiating twice is an error.

    Elsewhere: ``torch.nn.functional.cross_entropy(logits, target)`` for
    ``axis=1``; ``optax.softmax_cross_entropy_with_integer_labels`` is
    ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[2.0, 0.0], [0.0, 0.0]])
    >>> cross_entropy(logits, np.array([0, 1]), reduction="none").round(6)
    array([0.126928, 0.693147])
    """
    o = Options(axis, weight, ignore_index, label_smoothing, reduction)
    record = _records(logits)
    loss, grad = evaluate(logits, target, o, None, want_grad=record)
    return _attach(logits, loss, grad, axis) if record else loss


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


def binary_cross_entropy(
    probs: Array,
    target: Array,
    /,
    *,
    weight: Array | None = None,
    reduction: str = "mean",
) -> Array:
    r"""Binary cross-entropy of probabilities: one yes-or-no question an entry.

    .. math:: \ell = -w \bigl( y \log q + (1 - y) \log (1 - q) \bigr)

    Parameters
    ----------
    probs : array, any shape
        The model's probabilities q of a one, each in [0, 1].
    target : array, the shape of `probs`
        What happened: y in [0, 1].
    weight : array, optional
        Multiplies each entry's loss; of a shape that broadcasts to `probs`.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of entries, whatever the weights.

    Returns
    -------
    array, shape () or that of `probs`
        Nats; infinite if the model ruled out what happened.

    Raises
    ------
    TypeError
        If the arrays are of different libraries or not floating-point.
    ValueError
        If shapes differ, a value lies outside [0, 1], a weight is negative,
        or `reduction` is unknown.

    See Also
    --------
    binary_cross_entropy_with_logits : Takes logits, and keeps more digits.

    Notes
    -----
    Nothing is clipped: ``torch.nn.functional.binary_cross_entropy`` caps each
    logarithm at 100 nats, and Keras and scikit-learn move q away from 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> loss = binary_cross_entropy(np.array([1e-50]), np.array([1.0]))
    >>> round(float(loss), 6)
    115.129255
    """
    xp = check_binary(probs, target, weight, None, reduction, name="probs")
    if bool(xp.any((probs < 0) | (probs > 1))):
        raise ValueError(
            f"probs must lie in [0, 1], got {float(xp.min(probs)):.6g} "
            f"to {float(xp.max(probs)):.6g}"
        )
    q, y = widen(probs, xp), widen(target, xp)
    one, none = xp.ones_like(q), xp.zeros_like(q)
    # a logarithm that counts for nothing is taken of 1, and costs nothing
    yes = y * log(xp.where(y > 0, q, one), xp)
    no = (1 - y) * log1p(xp.where(y < 1, -q, none), xp)
    return narrow(reduce(0 - (yes + no), weight, reduction, xp), probs, xp)


def binary_cross_entropy_with_logits(
    logits: Array,
    target: Array,
    /,
    *,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    reduction: str = "mean",
) -> Array:
    r"""Binary cross-entropy between targets and the sigmoid of logits.

    .. math:: \ell = w \bigl( c\, y \log(1 + e^{-x})
              + (1 - y) \log(1 + e^{x}) \bigr)

    Parameters
    ----------
    logits : array, any shape
        Scores x, one for each yes-or-no question.
    target : array, the shape of `logits`
        What happened: y in [0, 1].
    weight : array, optional
        The w above: multiplies each entry's loss; broadcasts to the shape of `logits`.
    pos_weight : array, optional
        The c above: multiplies the part of the positives; broadcasts likewise.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of entries, whatever the weights.

    Returns
    -------
    array, shape () or that of `logits`
        Nats. Finite at infinite logits, unless the target disagrees.

    Raises
    ------
    TypeError
        If the arrays are of different libraries or not floating-point.
    ValueError
        If shapes do not fit, a target lies outside [0, 1], a weight is
        negative, or `reduction` is unknown.

    Notes
    -----
    Both parts are sums of what is not negative, so nothing cancels. For tensors
    the gradient is the analytic one, once.

    Elsewhere: ``torch.nn.functional.binary_cross_entropy_with_logits``;
    ``optax.sigmoid_binary_cross_entropy`` is ``reduction="none"``.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([40.0, -40.0, np.inf])
    >>> y = np.array([1.0, 1.0, 1.0])
    >>> binary_cross_entropy_with_logits(x, y, reduction="none")
    array([4.24835426e-18, 4.00000000e+01, 0.00000000e+00])
    """
    record = _records(logits)
    options = (weight, pos_weight, reduction)
    loss, grad = evaluate_binary(logits, target, *options, want_grad=record)
    return _attach(logits, loss, grad, None) if record else loss


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

    Raises
    ------
    TypeError
        If the arrays are of different libraries or not floating-point.
    ValueError
        If the shapes differ, or `reduction` is unknown.

    Notes
    -----
    Elsewhere: ``torch.nn.functional.mse_loss``.

    Examples
    --------
    >>> import numpy as np
    >>> float(mse_loss(np.array([0.0, 2.0]), np.array([1.0, 2.0])))
    0.5
    """
    xp = namespace(prediction=prediction, target=target)
    check_float(prediction=prediction, target=target)
    check_choice("reduction", reduction, REDUCTIONS)
    check_one_shape(prediction=prediction, target=target)
    error = widen(prediction, xp) - widen(target, xp)
    return narrow(reduce(error * error, None, reduction, xp), prediction, xp)


def info_nce(
    positive: Array,
    negatives: Array,
    /,
    *,
    temperature: float = 1.0,
    reduction: str = "mean",
) -> Array:
    r"""InfoNCE: pick the positive pair among negatives, by softmax cross-entropy.

    .. math:: \ell = -\log \frac{e^{s_+ / T}}{e^{s_+ / T} + \sum_m e^{s_m / T}}

    Parameters
    ----------
    positive : array, shape (...)
        Similarities of the pairs that belong together.
    negatives : array, shape (..., M)
        For each of them, similarities of M pairs that do not.
    temperature : float
        T, positive: the smaller, the more the closest negatives count.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of positives.

    Returns
    -------
    array, shape () or that of `positive`
        Nats: :math:`\log(1 + M)` if all similarities are equal.

    Raises
    ------
    TypeError
        If the arrays are of different libraries or of the wrong kind.
    ValueError
        If shapes do not fit, or an option is out of range.

    See Also
    --------
    cross_entropy : What this is, of the logits with the positive first.

    Notes
    -----
    Computed from distances to the positive. For tensors both arrays get their
    gradient, the analytic one, once.

    Elsewhere: ``torch.nn.functional.cross_entropy`` of the similarities over T,
    the positive first, with targets of 0.

    References
    ----------
    Van den Oord, Li and Vinyals (2018), Representation learning with
    contrastive predictive coding.

    Examples
    --------
    >>> import numpy as np
    >>> positive, negatives = np.array([1.0]), np.array([[1.0, 1.0, 1.0]])
    >>> round(float(info_nce(positive, negatives) / np.log(2)), 6)
    2.0
    """
    xp = namespace(positive=positive, negatives=negatives)
    check_float(positive=positive, negatives=negatives)
    check_axis(negatives, -1, "negatives")
    check_positive("temperature", temperature)
    if tuple(negatives.shape[:-1]) != tuple(positive.shape):
        raise ValueError(
            "negatives must have the shape of positive and one axis more, got "
            f"{tuple(negatives.shape)} beside {tuple(positive.shape)}"
        )
    # distances keep the digits of scores that are close together
    above = (widen(negatives, xp) - widen(positive, xp)[..., None]) / temperature
    logits = xp.concat([xp.zeros_like(above[..., :1]), above], axis=-1)
    first = xp.zeros_like(positive, dtype=xp.int64)
    return narrow(cross_entropy(logits, first, reduction=reduction), positive, xp)


def _check_nll(
    log_probs: Array, target: Array, axis: int, weight: Array | None, reduction: str
) -> Any:
    arrays = {"log_probs": log_probs, "target": target}
    if weight is not None:
        arrays["weight"] = weight
    xp = namespace(**arrays)
    check_choice("reduction", reduction, REDUCTIONS)
    check_float(log_probs=log_probs)
    check_axis(log_probs, axis, "log_probs")
    expected = list(log_probs.shape)
    n_classes = expected.pop(axis)
    if tuple(target.shape) != tuple(expected):
        raise ValueError(
            f"target must have shape {tuple(expected)}, that of log_probs without "
            f"axis={axis}, got {tuple(target.shape)}"
        )
    if weight is not None:
        check_weight(xp, weight, n_classes)
    return xp


@quiet
def _reduce(nats: Array, scale: Array, reduction: str, xp: Any) -> Array:
    if reduction == "none":
        return nats
    if reduction == "sum":
        return xp.sum(nats)
    return xp.sum(nats) / xp.sum(scale)
