"""Hinge losses: what a score lacks of its margin. Chapter 16."""

import math

from celib._arrays import (
    Array,
    check_at_least_zero,
    check_choice,
    check_fixed,
    check_float,
    check_labels,
    check_one_shape,
    namespace,
)
from celib._cross_entropy import REDUCTIONS, Options, check, class_axis_last, plain
from celib._finish import finish
from celib._kernel import working_type

__all__: list[str] = []

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

    Raises
    ------
    TypeError
        If the arrays are of different libraries or of the wrong kind.
    ValueError
        If shapes differ, a target is neither -1 nor 1, or `reduction` is unknown.

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
    strange = target[(target != 1) & (target != -1)]
    if math.prod(strange.shape):
        raise ValueError(f"target must hold -1 and 1 only, got {float(strange[0]):.6g}")
    xp, (s, sign) = plain(scores, target)
    sign = xp.asarray(sign, dtype=working_type(s, xp))
    lack = 1 - sign * s
    lack = xp.where(lack <= 0, 0, lack)
    cost, slope = (lack * lack, 2 * lack) if squared else (lack, 0 + (lack > 0))
    return finish(scores, cost, -sign * slope, reduction)


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

    Raises
    ------
    TypeError
        If the arrays are of different libraries or of the wrong kind.
    ValueError
        If shapes do not fit, a label or an option is out of range.

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
    check_labels(namespace(target=target), target, k)
    xp, (s, label) = plain(scores, target)
    s = class_axis_last(xp.asarray(s, dtype=working_type(s, xp)), axis, xp)
    classes = xp.arange(k, device=s.device)
    own = classes == label[..., None]
    lack = margin - xp.where(own, s, 0).sum(-1)[..., None] + s
    lack = xp.where(own | (lack <= 0), 0, lack)
    if variant == "crammer-singer":
        lack, k = xp.where(classes == lack.argmax(-1)[..., None], lack, 0), 1
    slope = (lack > 0) * (power * lack ** (power - 1) / k)
    grad = slope - own * slope.sum(-1)[..., None]
    return finish(scores, (lack**power).sum(-1) / k, grad, reduction, axis=axis)
