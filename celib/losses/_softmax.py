"""Losses of K classes: softmax, then a logarithm. Chapters 2, 7, 13 to 16.

They have PyTorch's semantics to the letter, on a class axis that you name, and
keep the digits that PyTorch rounds away.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from celib import _kernel
from celib._arrays import (
    Array,
    as_class_indices,
    axis_last,
    check_at_least_zero,
    check_axis,
    check_choice,
    check_fixed,
    check_float,
    check_one_shape,
    check_positive,
    check_weight,
    excess,
    is_float,
    namespace,
    quiet,
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
from celib._cross_entropy import (
    REDUCTIONS,
    Options,
    check,
    class_indices,
    cross_entropy_loss,
)
from celib.softmax import log_softmax

__all__ = [
    "cross_entropy",
    "distillation_loss",
    "focal_loss",
    "info_nce",
    "nll",
    "poly1_cross_entropy",
]


def cross_entropy(
    logits: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    ignore_index: int | None = -100,
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

    Notes
    -----
    Exact in both tails: the loss of a confident prediction is
    :math:`\operatorname{log1p}` of the rest of the exponentials, not zero. A
    target of zero against a logit of minus infinity costs nothing.

    For tensors the gradient is formed in the same pass, and can be differentiated
    again.

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
    options = Options(axis, weight, ignore_index, label_smoothing, reduction)
    return cross_entropy_loss(logits, target, options)


def nll(
    log_probs: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    ignore_index: int | None = -100,
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
    options = Options(axis, weight, ignore_index, 0.0, reduction)
    _check_nll(log_probs, target, options)
    wide = widen_half(log_probs)
    if is_numpy(log_probs):
        result = _nll_of_array(wide, target, options)
    else:
        result = _nll_of_tensor(wide, target, options)
    return narrow_half(result, log_probs)


def focal_loss(
    logits: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    gamma: float = 2.0,
    ignore_index: int | None = -100,
    reduction: str = "mean",
) -> Array:
    r"""Focal loss of several classes: cross-entropy that forgets the easy ones.

    .. math:: \ell = w_y\, (1 - q_y)^\gamma\, (-\log q_y)

    Parameters
    ----------
    logits, target : array
        As for `cross_entropy`; probabilities stand for the mean loss of a label
        that is drawn from them.
    axis, weight : optional
        As for `cross_entropy`.
    gamma : float
        How fast the easy ones are forgotten, not negative: 0 forgets nothing.
    ignore_index, reduction : optional
        As for `cross_entropy`.

    Returns
    -------
    array, shape () or that of `logits` without `axis`
        Nats, weighted. NaN for the mean of nothing.

    Notes
    -----
    Exact in both tails, also in its gradient. With ``gamma=0`` it is
    `celib.losses.cross_entropy`.

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

    def curve(nats: Array, xp: Any) -> Array:
        missed = _probability_missed(nats, xp)
        # 0**gamma has an infinite slope for gamma < 1; there the loss is 0
        none_missed = missed == 0
        scale = xp.where(none_missed, 1, missed) ** gamma
        return xp.where(none_missed, 0, scale * nats)

    options = Options(axis, weight, ignore_index, 0.0, reduction)
    return _curved(logits, target, options, curve)


def poly1_cross_entropy(
    logits: Array,
    target: Array,
    /,
    *,
    epsilon: float = 1.0,
    axis: int = -1,
    weight: Array | None = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
) -> Array:
    r"""Cross-entropy with the first term of its series in 1 - q changed.

    .. math:: \ell = w_y \bigl( -\log q_y + \epsilon\, (1 - q_y) \bigr)

    Parameters
    ----------
    logits, target : array
        As for `cross_entropy`; probabilities stand for the mean loss of a label
        that is drawn from them.
    epsilon : float
        What is added to the coefficient of the first term, which is 1.
    axis, weight, ignore_index, reduction : optional
        As for `cross_entropy`.

    Returns
    -------
    array, shape () or that of `logits` without `axis`
        Nats. NaN for the mean of nothing.

    Notes
    -----
    The series is :math:`-\log q = \sum_j (1 - q)^j / j`. With
    ``epsilon=-1`` its first term is gone, and the loss still keeps its digits.

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

    def curve(nats: Array, xp: Any) -> Array:
        missed = _probability_missed(nats, xp)
        # nats - missed cancels where both are small; it is the excess of -nats
        small = missed < 0.5
        near = xp.where(small, nats, 0)
        close = (1 + epsilon) * near - epsilon * excess(-near, xp)
        return xp.where(small, close, nats + epsilon * missed)

    options = Options(axis, weight, ignore_index, 0.0, reduction)
    return _curved(logits, target, options, curve)


def distillation_loss(
    student_logits: Array,
    teacher_logits: Array,
    /,
    *,
    temperature: float = 1.0,
    axis: int = -1,
    reduction: str = "mean",
) -> Array:
    r"""Divergence of a student from its teacher, both softened by a temperature.

    .. math:: \ell = T^2\, D\bigl(\operatorname{softmax}(t / T) \,\big\|\,
              \operatorname{softmax}(s / T)\bigr)

    Parameters
    ----------
    student_logits : array, shape (..., K, ...)
        Scores s, the K classes along `axis`.
    teacher_logits : array, the shape of `student_logits`
        Scores t of the model to learn from. They get no gradient.
    temperature : float
        T, positive: above 1 shows more of what the teacher thinks of the rest.
    axis : int
        The class axis: the last one here, ``axis=1`` in PyTorch's layout.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of items.

    Returns
    -------
    array, shape () or that of `student_logits` without `axis`
        Nats, times the square of the temperature. Never negative.

    Notes
    -----
    The factor :math:`T^2` keeps the gradient, :math:`T (q - p)` with the
    softened probabilities, of one size when T changes. A student that is close
    to its teacher keeps its digits: nothing that is nearly equal is subtracted
    but the logits themselves.

    Elsewhere: ``T**2 * torch.nn.functional.kl_div(log_softmax(s / T),
    softmax(t / T), reduction="batchmean")``, which divides by the length of the
    first axis alone; its ``"mean"`` divides by all entries.

    References
    ----------
    Hinton, Vinyals and Dean (2015), Distilling the knowledge in a neural network.

    Examples
    --------
    >>> import numpy as np
    >>> student, teacher = np.array([0.0, 0.0]), np.log(np.array([3.0, 1.0]))
    >>> round(float(distillation_loss(student, teacher)), 6)
    0.130812
    >>> float(distillation_loss(teacher, teacher, temperature=4.0))
    0.0
    """
    arrays = {"student_logits": student_logits, "teacher_logits": teacher_logits}
    namespace(**arrays)
    check_choice("reduction", reduction, REDUCTIONS)
    check_positive("temperature", temperature)
    check_float(**arrays)
    check_fixed(teacher_logits=teacher_logits)
    check_axis(student_logits, axis, "student_logits")
    check_one_shape(**arrays)
    student = widen_half(student_logits)
    teacher = widen_half(teacher_logits)
    if is_numpy(student):
        cost, _ = _distil_in_numpy(student, teacher, temperature, axis)
    else:
        cost = _distil_tensor(student, teacher, temperature, axis)
    return narrow_half(reduce(cost, reduction), student_logits)


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

    See Also
    --------
    cross_entropy : What this is, of the logits with the positive first.

    Notes
    -----
    Computed from distances to the positive. Both arrays get their gradient.

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
    namespace(positive=positive, negatives=negatives)
    check_float(positive=positive, negatives=negatives)
    check_axis(negatives, -1, "negatives")
    check_positive("temperature", temperature)
    if tuple(negatives.shape[:-1]) != tuple(positive.shape):
        raise ValueError(
            "negatives must have the shape of positive and one axis more, got "
            f"{tuple(negatives.shape)} beside {tuple(positive.shape)}"
        )
    xp = array_namespace(positive)
    first = widen_half(positive)[..., None]
    others = widen_half(negatives)
    # distances to the positive keep the digits of scores that are close together
    level = xp.where(xp.isfinite(first), first, 0)
    scores = xp.concatenate([first - level, others - level], -1)
    # an entry of minus infinity stays there, whatever the temperature is
    finite = xp.isfinite(scores)
    logits = xp.where(finite, xp.where(finite, scores, 0) / temperature, scores)
    labels = xp.zeros_like(logits[..., 0], dtype=xp.int64)
    return narrow_half(cross_entropy(logits, labels, reduction=reduction), positive)


# --- nll -------------------------------------------------------------------


def _check_nll(log_probs: Array, target: Array, o: Options) -> None:
    arrays = {"log_probs": log_probs, "target": target}
    if o.weight is not None:
        arrays["weight"] = o.weight
    xp = namespace(**arrays)
    check_choice("reduction", o.reduction, REDUCTIONS)
    check_float(log_probs=log_probs)
    check_axis(log_probs, o.axis, "log_probs")
    expected = list(log_probs.shape)
    n_classes = expected.pop(o.axis)
    if tuple(target.shape) != tuple(expected):
        raise ValueError(
            f"target must have shape {tuple(expected)}, that of log_probs without "
            f"axis={o.axis}, got {tuple(target.shape)}"
        )
    if is_float(target):
        raise TypeError(f"target must hold integer class indices, got {target.dtype}")
    if o.weight is not None:
        check_weight(xp, o.weight, n_classes)


@quiet
def _nll_of_array(log_probs: np.ndarray, target: np.ndarray, o: Options) -> Array:
    log_q = np.moveaxis(log_probs, o.axis, -1)
    label, counted = as_class_indices(
        namespace(target=target), target, log_q.shape[-1], ignore_index=o.ignore_index
    )
    label = np.where(counted, label, 0)
    nats = -np.take_along_axis(log_q, label[..., None], -1)[..., 0]
    scale = counted.astype(log_q.dtype)
    if o.weight is not None:
        scale = scale * o.weight.astype(log_q.dtype, copy=False)[label]
    # what counts for nothing must not turn an infinite loss into NaN
    nats = np.where(scale > 0, nats * scale, log_q.dtype.type(0))
    return reduce(nats, o.reduction, scale.sum())


def _nll_of_tensor(log_probs: Array, target: Array, o: Options) -> Array:
    import torch
    from torch.nn import functional as F

    k = log_probs.shape[o.axis]
    label, counted = class_indices(target, k, o.ignore_index)
    if o.weight is None:
        # torch's own operation takes the entries as they are: nothing is lost
        classes_second = log_probs.movedim(o.axis, min(1, log_probs.ndim - 1))
        ignored = torch.where(counted, label, -100)
        # torch cannot differentiate it where an image has gaps in memory
        classes_second = classes_second.contiguous()
        return F.nll_loss(classes_second, ignored, reduction=o.reduction)
    log_q = log_probs.movedim(o.axis, -1)
    nats = -log_q.gather(-1, label[..., None])[..., 0]
    scale = counted.to(log_q.dtype) * o.weight.to(log_q.dtype)[label]
    # what counts for nothing must not turn an infinite loss into NaN
    nats = torch.where(scale > 0, nats, 0.0) * scale
    return reduce(nats, o.reduction, scale.sum())


# --- curves over cross-entropy ---------------------------------------------


def _probability_missed(nats: Array, xp: Any) -> Array:
    """Probability of all classes but one, from the surprisal of that one."""
    # an infinite surprisal misses all; exp would move it by zero times infinity
    infinite = xp.isinf(nats)
    finite = xp.where(infinite, 0, nats)
    # Below log 2 the difference 1 - exp cancels; above it the derivative of expm1,
    # which torch forms as expm1 + 1, would.
    small = finite < math.log(2)
    missed = xp.where(small, -xp.expm1(-finite), 1 - xp.exp(-finite))
    return xp.where(infinite, 1, missed)


@quiet
def _curved(
    logits: Array, target: Array, o: Options, curve: Callable[[Array, Any], Array]
) -> Array:
    """Loss that is a curve over the cross-entropy of a label, or its mean over labels.

    `curve` takes surprisals and returns losses.
    """
    check(logits, target, o)
    xp = array_namespace(logits)
    wide = widen_half(logits)
    if is_float(target):
        costs = _curved_soft(wide, target, o, curve, xp)
        return narrow_half(reduce(costs, o.reduction), logits)
    plain = Options(o.axis, None, o.ignore_index, 0.0, "none")
    nats = cross_entropy_loss(wide, target, plain)
    scale = _label_weights(target, o, wide)
    costs = xp.where(scale > 0, scale * curve(nats, xp), 0)
    return narrow_half(reduce(costs, o.reduction, scale.sum()), logits)


def _curved_soft(
    z: Array, target: Array, o: Options, curve: Callable[[Array, Any], Array], xp: Any
) -> Array:
    """Mean of the curve over labels that are drawn from the target."""
    names = namespace(target=target)
    nats = -log_softmax(axis_last(z, o.axis, names))
    y = cast(axis_last(target, o.axis, names), z.dtype)
    if o.weight is not None:
        y = y * cast(o.weight, z.dtype)
    # a target of zero against an infinite surprisal costs nothing
    counted = y > 0
    costs = y * curve(xp.where(counted, nats, 0), xp)
    return costs.sum(-1)


def _label_weights(target: Array, o: Options, like: Array) -> Array:
    """Weight of each label; 0 where it is ignored."""
    xp = array_namespace(target)
    label = cast(target, xp.int64)
    counted = label != o.ignore_index
    weights = cast(counted, like.dtype)
    if o.weight is None:
        return weights
    label = xp.where(counted, label, 0)
    return weights * cast(o.weight, like.dtype)[label]


# --- distillation ----------------------------------------------------------


def _distil_in_numpy(
    student: Array, teacher: Array, temperature: float, axis: int
) -> tuple[Array, Array]:
    """Cost of each item, and the gradient of their sum, in the caller's library."""
    s, t = (np.moveaxis(x, axis, -1) for x in lend_to_numpy(student, teacher))
    shape = s.shape
    s, t = (np.ascontiguousarray(x.reshape(-1, shape[-1])) for x in (s, t))
    nats, moved = _divergence(s, t, temperature)
    cost = temperature**2 * nats.reshape(shape[:-1])
    grad = np.moveaxis(temperature * moved.reshape(shape), -1, axis)
    return give_back(cost, student), give_back(grad, student)


def _distil_tensor(
    student: Array, teacher: Array, temperature: Any, axis: int
) -> Array:
    import torch

    from celib import _autograd

    teacher = teacher.to(student.dtype)

    def formula(s: Array) -> Array:
        s, t = s.movedim(axis, -1), teacher.movedim(axis, -1)
        return _autograd.distillation_costs(s, t, temperature)

    if isinstance(temperature, torch.Tensor) or not can_lend(student, teacher):
        return formula(student)
    cost, grad = _distil_in_numpy(student, teacher, temperature, axis)
    if not is_recorded(student):
        return cost
    return _autograd.Known.apply(student, cost, grad, axis, formula)


def _divergence(
    s: np.ndarray, t: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Divergence of q = softmax(s / T) from p = softmax(t / T), and q - p."""
    n, k = s.shape
    nats = np.empty(n, dtype=s.dtype)
    moved = np.empty_like(s)
    rows_per_block = max(1, _kernel.SMALL_BLOCK // k)
    for start in range(0, n, rows_per_block):
        rows = slice(start, start + rows_per_block)
        nats[rows], moved[rows] = _divergence_of_rows(s[rows], t[rows], temperature)
    return nats, moved


@quiet
def _divergence_of_rows(
    s: np.ndarray, t: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    temperature = s.dtype.type(temperature)
    log_q, q = _kernel.log_softmax_and_softmax(s / temperature)
    log_p, p = _kernel.log_softmax_and_softmax(t / temperature)
    # With x = (s - t) / T, moved by any constant, D = log(sum p exp(x)) - sum p x.
    # Moved so that sum p x = 0, it is log1p of a sum of what is not negative.
    possible = p > 0
    x = np.where(possible, (s - t) / temperature, 0)
    # twice, because the first rounds
    x -= (p * x).sum(1)[:, None]
    x -= (p * x).sum(1)[:, None]
    # where x <= 2 an entry grows to exp(2) = 7.4 times p at most
    near = possible & (x <= 2)
    # far above, p exp(x) might overflow: it is q times one plus that sum
    terms = np.where(near, p * excess(np.where(near, x, 0), np), q - p * (1 + x))
    # Solved for the sum, this divides by the share of q that is near: harmless
    # above a half. Below it s and t are far apart, and the plain sum does not cancel.
    share = np.where(near, q, 0).sum(1)
    apart = np.where(possible, p * (log_p - log_q), 0).sum(1)
    nats = np.where(share > 0.5, np.log1p(terms.sum(1) / share), apart)
    moved = np.where(near, p * np.expm1(x - nats[:, None]), q - p)
    # x - nats cancels at an entry near 1; what it gains is what the others lose
    largest = p > 0.5
    gain = -np.where(largest, 0, moved).sum(1)
    return nats, np.where(largest, gain[:, None], moved)
