"""Hinge losses: what a score lacks of its margin. Chapter 16."""

from typing import Any

from celib._arrays import (
    Array,
    check_at_least_zero,
    check_choice,
    check_fixed,
    check_float,
    check_labels,
    check_one_shape,
    namespace,
    values_can_be_read,
)
from celib._bridge import array_namespace, cast, narrow_half, pick, reduce, widen_half
from celib._cross_entropy import REDUCTIONS, Options, check

__all__ = ["hinge_loss", "multiclass_hinge_loss"]

VARIANTS = ("crammer-singer", "weston-watkins")


def hinge_loss(
    scores: Array,
    target: Array,
    /,
    *,
    squared: bool = False,
    reduction: str = "mean",
) -> Array:
    r"""Hinge loss: what a score lacks of a margin of one on the right side.

    .. math:: \ell = \max(0,\, 1 - y s)
              \quad\text{or its square}

    Parameters
    ----------
    scores : array, any shape
        Scores s; their sign is the prediction.
    target : array, the shape of `scores`
        What happened: y, -1 or 1, as integers or floats.
    squared : bool
        Square what is lacking, which makes the loss smooth.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of entries.

    Returns
    -------
    array, shape () or that of `scores`
        Units of the scores, or their square. NaN for the mean of nothing.

    Notes
    -----
    At the kink, :math:`y s = 1`, the gradient is 0, as that of ``torch.relu``;
    ``torch.clamp`` would give the other end of the subdifferential, and
    ``jax.numpy.maximum``, within ``optax.hinge_loss``, its middle.

    Elsewhere: ``sklearn.metrics.hinge_loss(target, scores)``;
    ``optax.hinge_loss`` is ``reduction="none"``; ``torchmetrics`` takes targets
    of 0 and 1, and passes scores outside [0, 1] through a sigmoid first.
    ``torch.nn.functional.hinge_embedding_loss`` is another loss.

    Examples
    --------
    >>> import numpy as np
    >>> scores, target = np.array([2.0, 0.5, -1.0]), np.array([1, 1, 1])
    >>> hinge_loss(scores, target, reduction="none")
    array([0. , 0.5, 2. ])
    """
    check_choice("reduction", reduction, REDUCTIONS)
    namespace(scores=scores, target=target)
    check_float(scores=scores)
    check_fixed(target=target)
    check_one_shape(scores=scores, target=target)
    _check_signs(target)
    xp = array_namespace(scores)
    wide = widen_half(scores)
    margin = wide * cast(target, wide.dtype)
    cost = _positive_part(1 - margin, xp)
    cost = cost * cost if squared else cost
    return narrow_half(reduce(cost, reduction), scores)


def multiclass_hinge_loss(
    scores: Array,
    target: Array,
    /,
    *,
    variant: str = "crammer-singer",
    margin: float = 1.0,
    power: int = 1,
    axis: int = -1,
    reduction: str = "mean",
) -> Array:
    r"""Hinge loss of several classes: what the label's score lacks of a margin.

    .. math:: \ell = \max\bigl(0,\, m - s_y + \max_{k \ne y} s_k\bigr)^p
              \quad\text{or}\quad
              \ell = \frac1K \sum_{k \ne y} \max(0,\, m - s_y + s_k)^p

    Parameters
    ----------
    scores : array, shape (..., K, ...)
        Scores s, the K classes along `axis`.
    target : array of integers, the shape of `scores` without `axis`
        Class indices y in [0, K).
    variant : {"crammer-singer", "weston-watkins"}
        The first formula, which looks at the best of the others; or the
        second, which adds up all that come too close.
    margin : float
        The margin m, not negative.
    power : {1, 2}
        The exponent p.
    axis : int
        The class axis: the last one here, ``axis=1`` in PyTorch's layout.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of items.

    Returns
    -------
    array, shape () or the shape of `target`
        Units of the scores to the power of `power`. NaN for the mean of nothing.

    Notes
    -----
    The second form divides by K, although it adds up K - 1 terms: so does
    PyTorch. At a kink the gradient is 0, as in PyTorch; where several of the
    others are best, the first of them has all of it.

    Elsewhere: the first form is ``sklearn.metrics.hinge_loss`` and, item by
    item, ``optax.losses.multiclass_hinge_loss``; the second is
    ``torch.nn.functional.multi_margin_loss``, which also has `margin` and `p`.

    References
    ----------
    Crammer and Singer (2001), On the algorithmic implementation of multiclass
    kernel-based vector machines.

    Examples
    --------
    >>> import numpy as np
    >>> scores, target = np.array([[2.0, 1.5, 1.5, -1.0]]), np.array([0])
    >>> float(multiclass_hinge_loss(scores, target))
    0.5
    >>> float(multiclass_hinge_loss(scores, target, variant="weston-watkins"))
    0.25
    """
    check(scores, target, Options(axis, reduction=reduction), "scores")
    check_choice("variant", variant, VARIANTS)
    check_at_least_zero("margin", margin)
    if power not in (1, 2):
        raise ValueError(f"power must be 1 or 2, got {power}")
    k = scores.shape[axis]
    if values_can_be_read(target):
        check_labels(namespace(target=target), target, k)
    xp = array_namespace(scores)
    s = xp.moveaxis(widen_half(scores), axis, -1)
    label = cast(target, xp.int64)
    own = pick(s, label)[..., None]
    classes = xp.arange(k, device=s.device)
    lack = _positive_part(margin - own + s, xp)
    lack = xp.where(classes == label[..., None], 0, lack)
    if variant == "crammer-singer":
        cost = pick(lack, lack.argmax(-1)) ** power
    else:
        cost = (lack**power).sum(-1) / k
    return narrow_half(reduce(cost, reduction), scores)


def _check_signs(target: Array) -> None:
    if not values_can_be_read(target):
        return
    strange = target[(target != 1) & (target != -1)]
    if strange.shape[0]:
        raise ValueError(f"target must hold -1 and 1 only, got {float(strange[0]):.6g}")


def _positive_part(x: Array, xp: Any) -> Array:
    """Return the larger of x and 0, with slope 0 at 0."""
    return xp.relu(x) if hasattr(xp, "relu") else xp.maximum(x, 0)
