"""Losses of yes-or-no questions: a sigmoid, then a logarithm. Chapters 6 and 13."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from celib import _kernel
from celib._arrays import (
    Array,
    check_at_least_zero,
    check_choice,
    check_fixed,
    check_float,
    check_not_negative,
    namespace,
    quiet,
    values_can_be_read,
)
from celib._bridge import (
    array_namespace,
    can_lend,
    cast,
    give_back,
    is_numpy,
    is_recorded,
    lend_to_numpy,
    narrow_half,
    reduce,
    widen_half,
)
from celib._cross_entropy import REDUCTIONS
from celib.softmax import sigmoid

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "sigmoid_focal_loss",
]


@quiet
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
    check_binary(probs, target, weight, None, reduction, name="probs")
    _check_unit_interval("probs", probs)
    xp = array_namespace(probs)
    q = widen_half(probs)
    y = cast(target, q.dtype)
    if weight is not None:
        # what counts for nothing must not move anything, either
        q = xp.where(weight > 0, q, 0.5)
    one = xp.ones_like(q)
    # a logarithm that counts for nothing is taken of 1, and costs nothing
    yes = y * xp.log(xp.where(y > 0, q, one))
    no = (1 - y) * xp.log1p(-xp.where(y < 1, q, 1 - one))
    costs = weigh(0 - (yes + no), weight, xp)
    return narrow_half(reduce(costs, reduction), probs)


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

    Notes
    -----
    Both parts are sums of what is not negative, so nothing cancels. For tensors
    the gradient is formed in the same pass, and can be differentiated again.

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
    return binary_loss(logits, target, weight, pos_weight, reduction)


@quiet
def sigmoid_focal_loss(
    logits: Array,
    target: Array,
    /,
    *,
    alpha: float | None = None,
    gamma: float = 2.0,
    reduction: str = "mean",
) -> Array:
    r"""Focal loss of yes-or-no questions: cross-entropy that forgets the easy ones.

    .. math:: \ell = a\, m^\gamma\, c, \qquad
              m = y\,\sigma(-x) + (1 - y)\,\sigma(x), \qquad
              a = \alpha y + (1 - \alpha)(1 - y)

    Here c is the binary cross-entropy, and m the probability missed.

    Parameters
    ----------
    logits : array, any shape
        Scores x, one for each yes-or-no question.
    target : array, the shape of `logits`
        What happened: y in [0, 1].
    alpha : float, optional
        Weighs ones by alpha and zeros by 1 - alpha; without it a is 1.
    gamma : float
        How fast the easy ones are forgotten, not negative: 0 forgets nothing.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of entries, whatever the weights.

    Returns
    -------
    array, shape () or that of `logits`
        Nats, weighted. NaN for the mean of nothing.

    Notes
    -----
    Exact in both tails, also in its gradient, which is 0 in the limit of a sure
    prediction, for gamma below 1 too.
    The loss of a soft label is not the mean over hard ones drawn from it, which
    it is for cross-entropy.

    Elsewhere: ``torchvision.ops.sigmoid_focal_loss``, whose defaults are
    ``alpha=0.25``, with -1 for none, and ``reduction="none"``;
    ``optax.sigmoid_focal_loss``, with the defaults here, is ``reduction="none"``.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), Focal loss for dense object
    detection.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([0.0, 1.0, -1.0]), np.array([1.0, 1.0, 1.0])
    >>> sigmoid_focal_loss(x, y, reduction="none").round(6)
    array([0.173287, 0.022658, 0.701868])
    """
    check_binary(logits, target, None, None, reduction, name="logits")
    check_at_least_zero("gamma", gamma)
    if not 0 <= (alpha or 0) <= 1:
        raise ValueError(f"alpha must lie in [0, 1] or be None, got {alpha}")
    x = widen_half(logits)

    def formula(x: Array) -> Array:
        return reduce(_focal_formula(x, target, alpha, gamma), reduction)

    if not (is_numpy(x) or can_lend(x, target)):
        return narrow_half(formula(x), logits)
    array, y = lend_to_numpy(x, target)
    y = y.astype(array.dtype, copy=False)
    costs, slopes = _kernel.sigmoid_focal(array, y, alpha, gamma)
    if is_numpy(x):
        return narrow_half(reduce(costs, reduction), logits)
    costs, slopes = give_back(costs, x), give_back(slopes, x)
    return narrow_half(_finish(x, costs, slopes, reduction, formula), logits)


# --- the loss and its gradient ---------------------------------------------


def binary_loss(
    logits: Array,
    target: Array,
    weight: Array | None,
    pos_weight: Array | None,
    reduction: str,
) -> Array:
    """Loss, which autograd can differentiate if the logits are a tensor."""
    check_binary(logits, target, weight, pos_weight, reduction, name="logits")
    x = widen_half(logits)
    if is_numpy(logits):
        costs, _ = _costs_and_slopes(x, target, weight, pos_weight)
        return narrow_half(reduce(costs, reduction), logits)

    def formula(x: Array) -> Array:
        return reduce(_formula(x, target, weight, pos_weight), reduction)

    if not can_lend(x, target, weight, pos_weight):
        return narrow_half(formula(x), logits)
    costs, slopes = _costs_and_slopes(x, target, weight, pos_weight)
    loss = _finish(x, costs, slopes, reduction, formula)
    return narrow_half(loss, logits)


def _finish(
    x: Array,
    costs: Array,
    slopes: Array,
    reduction: str,
    formula: Callable[[Array], Array],
) -> Array:
    """Reduce the costs of the tensor `x`, and attach their gradient to them."""
    loss = reduce(costs, reduction)
    if not is_recorded(x):
        return loss
    from celib._autograd import Known

    if reduction == "mean":
        slopes /= max(1, slopes.numel())
    return Known.apply(x, loss, slopes, None, formula)


def binary_value_and_grad(
    logits: Array,
    target: Array,
    weight: Array | None,
    pos_weight: Array | None,
    reduction: str,
) -> tuple[Array, Array]:
    """Loss, and the gradient of the loss, or of its sum if it is not reduced."""
    check_binary(logits, target, weight, pos_weight, reduction, name="logits")
    x = widen_half(logits)
    if is_numpy(x) or can_lend(x, target, weight, pos_weight):
        costs, grad = _costs_and_slopes(x, target, weight, pos_weight)
    else:
        from celib._autograd import value_and_grad

        def formula(x: Array) -> Array:
            return _formula(x, target, weight, pos_weight)

        costs, grad = value_and_grad(formula, x)
    if reduction == "mean":
        grad = grad / max(1, math.prod(x.shape))
    loss = reduce(costs, reduction)
    return narrow_half(loss, logits), narrow_half(grad, logits)


@quiet
def _costs_and_slopes(
    logits: Array, target: Array, weight: Array | None, pos_weight: Array | None
) -> tuple[Array, Array]:
    x, y, weight, positive = lend_to_numpy(logits, target, weight, pos_weight)
    y = y.astype(x.dtype, copy=False)
    positive = 1 if positive is None else positive.astype(x.dtype, copy=False)
    costs, slopes = _kernel.binary(x, y, positive)
    costs = weigh(costs, weight, np)
    slopes = weigh(slopes, weight, np)
    return give_back(costs, logits), give_back(slopes, logits)


def _formula(
    x: Array, target: Array, weight: Array | None, pos_weight: Array | None
) -> Array:
    """Compute the costs in operations that torch can trace and differentiate."""
    import torch

    from celib._autograd import binary_costs

    positive = 1 if pos_weight is None else pos_weight.to(x.dtype)
    if weight is not None:
        # what counts for nothing must not move anything, either
        x = torch.where(weight > 0, x, 0.0)
    return weigh(binary_costs(x, target.to(x.dtype), positive), weight, torch)


def _focal_formula(x: Array, target: Array, alpha: float | None, gamma: float) -> Array:
    """Compute the costs in operations that torch can trace and differentiate."""
    import torch

    from celib._autograd import binary_costs

    y = target.to(x.dtype)
    balance = torch.ones_like(y)
    if alpha is not None:
        balance = alpha * y + (1 - alpha) * (1 - y)
    # what counts for nothing must not move anything, either
    x = torch.where(balance > 0, x, 0.0)
    nats = binary_costs(x, y, 1.0)
    missed = y * sigmoid(-x) + (1 - y) * sigmoid(x)
    # 0**gamma has an infinite slope for gamma < 1; there the loss is 0
    none_missed = missed == 0
    scale = balance * torch.where(none_missed, 1.0, missed) ** gamma
    # where the loss is infinite, its weight no longer moves
    infinite = torch.isinf(nats)
    finite = scale * nats.masked_fill(infinite, 0)
    costs = torch.where(infinite, scale.detach() * nats, finite)
    return torch.where(none_missed, 0.0, costs)


def weigh(costs: Array, weight: Array | None, xp: Any) -> Array:
    """Multiply costs by weights; a weight of zero times an infinite cost is 0."""
    if weight is None:
        return costs
    weight = cast(weight, costs.dtype)
    return xp.where(weight > 0, weight * xp.where(weight > 0, costs, 0), 0)


# --- checks ----------------------------------------------------------------


def check_binary(
    prediction: Array,
    target: Array,
    weight: Array | None,
    pos_weight: Array | None,
    reduction: str,
    *,
    name: str,
) -> None:
    """Check what both forms of the loss take."""
    weights = {"weight": weight, "pos_weight": pos_weight}
    arrays = {name: prediction, "target": target}
    arrays |= {key: w for key, w in weights.items() if w is not None}
    namespace(**arrays)
    check_choice("reduction", reduction, REDUCTIONS)
    check_float(**arrays)
    if prediction.shape != target.shape:
        raise ValueError(
            f"target must have the shape of {name}, {tuple(prediction.shape)}, "
            f"got {tuple(target.shape)}"
        )
    _check_unit_interval("target", target)
    for key in arrays.keys() - {name, "target"}:
        _check_factor(key, arrays[key], tuple(prediction.shape))
    if name == "logits":
        check_fixed(**{key: x for key, x in arrays.items() if key != name})


def _check_factor(key: str, factor: Array, shape: tuple[int, ...]) -> None:
    check_not_negative(namespace(x=factor), **{key: factor})
    try:
        fits = np.broadcast_shapes(tuple(factor.shape), shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{key} must broadcast to shape {shape}, got {tuple(factor.shape)}"
        )


def _check_unit_interval(name: str, x: Array) -> None:
    if not values_can_be_read(x) or x.shape.count(0):
        return
    x = x if is_numpy(x) else x.detach()
    low, high = float(x.min()), float(x.max())
    if low >= 0 and high <= 1:
        return
    raise ValueError(
        f"{name} must lie in [0, 1], got {_outside(low)} to {_outside(high)}"
    )


def _outside(value: float) -> str:
    """Few digits of a number, but enough to see that it lies outside [0, 1]."""
    few = f"{value:.6g}"
    return few if (0 <= value <= 1) == (0 <= float(few) <= 1) else repr(value)
