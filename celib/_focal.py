"""Losses that reshape cross-entropy by the probability missed. Chapters 13 and 16."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from celib._arrays import Array, check_at_least_zero, excess, quiet
from celib._binary import check_binary
from celib._cross_entropy import (
    Options,
    as_rows,
    check,
    class_axis_last,
    from_indices,
    from_probabilities,
    plain,
)
from celib._finish import finish
from celib._kernel import binary, fused, softmax_parts, working_type
from celib.softmax import sigmoid

__all__: list[str] = []


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

    Raises
    ------
    TypeError
        If the arrays are of different libraries or of the wrong kind.
    ValueError
        If shapes differ, a target lies outside [0, 1], or an option is out of range.

    Notes
    -----
    Exact in both tails, also in its gradient, which for tensors is the analytic
    one, once. It is 0 in the limit of a sure prediction, for gamma below 1 too.
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
    xp, (x, y) = plain(logits, target)
    x, y = (xp.asarray(v, dtype=working_type(x, xp)) for v in (x, y))
    nats, slope = binary(x, y, 1, xp)
    up, down = sigmoid(x), sigmoid(-x)
    missed, moved = y * down + (1 - y) * up, (1 - 2 * y) * up * down
    balance = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
    scale = balance * missed**gamma
    # where nothing is missed nothing moves, and infinite nats do not count
    pull = xp.where(moved != 0, nats, 0) * (moved / xp.where(missed > 0, missed, 1))
    return finish(logits, scale * nats, scale * (slope + gamma * pull), reduction)


def focal_loss(
    logits: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    gamma: float = 2.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    r"""Focal loss of several classes: cross-entropy that forgets the easy ones.

    .. math:: \ell = w_y\, (1 - q_y)^\gamma\, (-\log q_y)

    Parameters
    ----------
    logits : array, shape (..., K, ...)
        Scores z, the K classes along `axis`.
    target : array
        Class indices, integers of the shape of `logits` without `axis`; or
        probabilities, floats of the shape of `logits`, for the mean loss of a
        label drawn from them.
    axis : int
        The class axis: the last one here, ``axis=1`` in PyTorch's layout.
    weight : array, shape (K,), optional
        A weight for each class.
    gamma : float
        How fast the easy ones are forgotten, not negative: 0 forgets nothing.
    ignore_index : int
        Items with this index count for nothing. Not for probabilities.
    reduction : {"mean", "sum", "none"}
        The mean divides as that of `celib.losses.cross_entropy`.

    Returns
    -------
    array, shape () or that of `logits` without `axis`
        Nats, weighted. NaN for the mean of nothing.

    Raises
    ------
    TypeError
        If the arrays are of different libraries or of the wrong kind.
    ValueError
        If shapes do not fit, a label or an option is out of range.

    Notes
    -----
    Exact in both tails, also in its gradient, which for tensors is the analytic
    one, once. With ``gamma=0`` it is `celib.losses.cross_entropy`.

    Elsewhere: PyTorch has none; ``keras.losses.CategoricalFocalCrossentropy``
    multiplies by ``alpha=0.25``, and moves q away from 0 and 1.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), Focal loss for dense object
    detection.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[0.0, 0.0], [4.0, 0.0]])
    >>> focal_loss(logits, np.array([0, 0]), reduction="none").round(6)
    array([1.73287e-01, 6.00000e-06])
    """
    check_at_least_zero("gamma", gamma)

    def curve(nats: Array, hit: Array, missed: Array, xp: Any) -> tuple[Array, Array]:
        scale = missed**gamma
        pull = xp.where(hit > 0, hit * nats, 0) / xp.where(missed > 0, missed, 1)
        return scale * nats, scale * (1 + gamma * pull)

    o = Options(axis, weight, ignore_index, reduction=reduction)
    return _curved(logits, target, o, curve)


def poly1_cross_entropy(
    logits: Array,
    target: Array,
    /,
    *,
    epsilon: float = 1.0,
    axis: int = -1,
    weight: Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    r"""Cross-entropy with the first term of its series in 1 - q changed.

    .. math:: \ell = w_y \bigl( -\log q_y + \epsilon\, (1 - q_y) \bigr)

    Parameters
    ----------
    logits : array, shape (..., K, ...)
        Scores z, the K classes along `axis`.
    target : array
        Class indices, integers of the shape of `logits` without `axis`; or
        probabilities, floats of the shape of `logits`, for the mean loss of a
        label drawn from them.
    epsilon : float
        What is added to the coefficient of the first term, which is 1.
    axis : int
        The class axis: the last one here, ``axis=1`` in PyTorch's layout.
    weight : array, shape (K,), optional
        A weight for each class.
    ignore_index : int
        Items with this index count for nothing. Not for probabilities.
    reduction : {"mean", "sum", "none"}
        The mean divides as that of `celib.losses.cross_entropy`.

    Returns
    -------
    array, shape () or that of `logits` without `axis`
        Nats. NaN for the mean of nothing.

    Raises
    ------
    TypeError
        If the arrays are of different libraries or of the wrong kind.
    ValueError
        If shapes do not fit, a label or an option is out of range.

    Notes
    -----
    The series is :math:`-\log q = \sum_j (1 - q)^j / j`. With
    ``epsilon=-1`` its first term is gone, and the loss still keeps its digits.
    For tensors the gradient is the analytic one, once.

    Elsewhere: ``optax.losses.poly_loss_cross_entropy``, for probabilities, with
    ``epsilon=2`` by default, is ``reduction="none"``.

    References
    ----------
    Leng et al. (2022), PolyLoss: a polynomial expansion perspective of
    classification loss functions.

    Examples
    --------
    >>> import numpy as np
    >>> loss = poly1_cross_entropy(np.array([0.0, 0.0]), np.array(0))
    >>> round(float(loss), 6)
    1.193147
    """
    if not math.isfinite(epsilon):
        raise ValueError(f"epsilon must be finite, got {epsilon}")

    def curve(nats: Array, _: Array, missed: Array, xp: Any) -> tuple[Array, Array]:
        # nats - missed, which cancels where both are small, is the excess of -nats
        close = (1 + epsilon) * nats - epsilon * excess(-nats, xp)
        value = xp.where(missed < 0.5, close, nats + epsilon * missed)
        return value, 1 + epsilon - epsilon * missed

    o = Options(axis, weight, ignore_index, reduction=reduction)
    return _curved(logits, target, o, curve)


@quiet
def _curved(
    logits: Array,
    target: Array,
    o: Options,
    curve: Callable[..., tuple[Array, Array]],
) -> Array:
    """Loss that is a curve over the cross-entropy of a label, or its mean over labels.

    `curve` takes nats, the probability that hit, and the one that missed; it
    returns the loss and its slope in nats.
    """
    indices = check(logits, target, o)
    xp, (z, t, weight) = plain(logits, target, o.weight)
    z = class_axis_last(xp.asarray(z, dtype=working_type(z, xp)), o.axis, xp)
    t = t if indices else class_axis_last(t, o.axis, xp)
    rows, build = as_rows(z), from_indices if indices else from_probabilities
    mass = build(rows, t, weight, replace(o, reduction="none"), xp)
    y = xp.zeros_like(rows) if mass.spread is None else mass.spread(slice(None))
    y[xp.arange(len(y), device=y.device), mass.label] += mass.on_label
    nats, hit = softmax_parts(rows, xp)
    value, slope = curve(nats, hit, -xp.expm1(-nats), xp)
    cost = xp.where(y > 0, y * value, 0).sum(1)
    # mass times slope is the mass that pulls; of size 1, lest it underflow within
    pull, grad = xp.where(y > 0, y * slope, 0), xp.empty_like(rows)
    size = xp.where(pull.sum(1) != 0, pull.sum(1), 1)[:, None]
    none, unit = xp.zeros_like(cost), pull / size
    fused(rows, mass.label, none, lambda part: unit[part], grad, xp)
    cost, grad = cost.reshape(z.shape[:-1]), (grad * size).reshape(z.shape)
    return finish(logits, cost, grad, o.reduction, total=mass.total, axis=o.axis)
