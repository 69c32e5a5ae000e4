"""Distillation: a model beside its teacher. Chapter 15."""

from typing import Any

from celib._arrays import (
    Array,
    check_axis,
    check_choice,
    check_fixed,
    check_float,
    check_one_shape,
    check_positive,
    excess,
    namespace,
    quiet,
)
from celib._cross_entropy import REDUCTIONS, as_rows, class_axis_last, plain
from celib._finish import finish
from celib._kernel import softmax_parts, working_type

__all__: list[str] = []


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

    Raises
    ------
    TypeError
        If the arrays are of different libraries or of the wrong kind.
    ValueError
        If shapes differ, or an option is out of range.

    Notes
    -----
    The factor :math:`T^2` keeps the gradient, :math:`T (q - p)` with the
    softened probabilities, of one size when T changes. A student that is close
    to its teacher keeps its digits: nothing that is nearly equal is subtracted
    but the logits themselves.

    Elsewhere: ``T**2 * torch.nn.functional.kl_div(log_softmax(s / T),
    softmax(t / T), reduction="batchmean")``, which divides by the length of the
    first axis alone; its ``"mean"`` divides by all entries. For tensors the
    gradient is the analytic one, once.

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
    namespace(student_logits=student_logits, teacher_logits=teacher_logits)
    check_choice("reduction", reduction, REDUCTIONS)
    check_positive("temperature", temperature)
    check_float(student_logits=student_logits, teacher_logits=teacher_logits)
    check_fixed(teacher_logits=teacher_logits)
    check_axis(student_logits, axis, "student_logits")
    check_one_shape(student_logits=student_logits, teacher_logits=teacher_logits)
    xp, pair = plain(student_logits, teacher_logits)
    real = working_type(pair[0], xp)
    s, t = (class_axis_last(xp.asarray(x, dtype=real), axis, xp) for x in pair)
    nats, moved = _divergence(as_rows(s), as_rows(t), temperature, xp)
    cost = temperature**2 * nats.reshape(s.shape[:-1])
    grad = temperature * moved.reshape(s.shape)
    return finish(student_logits, cost, grad, reduction, axis=axis)


@quiet
def _divergence(s: Array, t: Array, temperature: float, xp: Any) -> tuple[Array, Array]:
    """Divergence of q = softmax(s / T) from p = softmax(t / T), and q - p."""
    (nats_q, q), (nats_p, p) = (softmax_parts(z / temperature, xp) for z in (s, t))
    # With x = (s - t) / T, shifted at will, D = log(sum p exp(x)) - sum p x. Centred
    # (twice: the first rounds) it is log1p of a sum of what is not negative.
    x = xp.where(p > 0, (s - t) / temperature, 0)
    for _ in range(2):
        x = x - (p * x).sum(1)[:, None]
    near = (p > 0) & (x <= 2)
    # far above, p exp(x) might overflow: it is q times one plus that sum
    terms = xp.where(near, p * excess(xp.where(near, x, 0), xp), q - p * (1 + x))
    share = xp.where(near, q, 0).sum(1)
    apart = xp.where(p > 0, p * (nats_q - nats_p), 0).sum(1)
    nats = xp.where(share > 0.5, xp.log1p(terms.sum(1) / share), apart)
    moved = xp.where(near, p * xp.expm1(x - nats[:, None]), q - p)
    # x - nats cancels at an entry near 1; what it gains is what the others lose
    gain = -xp.where(p > 0.5, 0, moved).sum(1)
    return nats, xp.where(p > 0.5, gain[:, None], moved)
