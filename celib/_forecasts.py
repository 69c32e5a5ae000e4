"""Forecasts beside what happened: checked here once, for scores and calibration."""

from typing import Any

from celib._arrays import (
    as_class_indices,
    axis_last,
    check_axis,
    check_between_0_and_1,
    check_float,
    namespace,
    pairwise_sum,
    values_can_be_read,
    widen,
)
from celib._typing import Array

__all__: list[str] = []


def as_forecasts(
    name: str, scores: Array, target: Array, axis: int | None
) -> tuple[Any, Array, Array]:
    """Return the namespace, the forecasts (..., K), and what happened (..., K).

    The classes come last, in single precision at least. What happened is a
    distribution, one-hot for a label. Yes-or-no questions have one column, K = 1:
    those are arrays of one axis, and all arrays if `axis` is None.
    """
    xp = namespace(**{name: scores, "target": target})
    check_float(**{name: scores})
    shape = tuple(scores.shape)
    if axis is not None:
        check_axis(scores, axis, name)
    if 0 in shape:
        raise ValueError(f"{name} must have at least one item, got shape {shape}")
    x = widen(scores, xp)
    if axis is None or len(shape) == 1:
        _check_one_answer_each(name, shape, target, "one answer for each question")
        x = x[..., None]
        y = xp.astype(target, x.dtype)[..., None]
    elif shape[axis] == 1:
        _check_one_answer_each(name, shape, target, "since one column is yes or no")
        x = axis_last(x, axis, xp)
        y = axis_last(xp.astype(target, x.dtype), axis, xp)
    else:
        x = axis_last(x, axis, xp)
        y = _as_distribution(xp, name, shape, target, axis, x)
    if name == "probs":
        _check_probabilities(xp, name, x, scores.dtype)
    _check_probabilities(xp, "target", y, scores.dtype)
    return xp, x, y


def mean_over_items(x: Array, xp: Any) -> Any:
    """Average all entries."""
    flat = xp.reshape(x, (-1,))
    return pairwise_sum(flat, 0, xp) / flat.shape[0]


def _check_one_answer_each(
    name: str, shape: tuple[int, ...], target: Array, reason: str
) -> None:
    if tuple(target.shape) != shape:
        raise ValueError(
            f"target must have the shape of {name}, {shape}, {reason}, "
            f"got {tuple(target.shape)}"
        )


def _as_distribution(
    xp: Any, name: str, shape: tuple[int, ...], target: Any, axis: int, x: Array
) -> Any:
    """Return what happened as one distribution per item, the classes last."""
    items = tuple(x.shape[:-1])
    k = shape[axis]
    if tuple(target.shape) == shape:
        return axis_last(xp.astype(target, x.dtype), axis, xp)
    if tuple(target.shape) != items:
        raise ValueError(
            f"target must have the shape of {name}, {shape}, or that without "
            f"axis={axis}, got {tuple(target.shape)}"
        )
    if k == 2 and xp.isdtype(target.dtype, "bool"):
        target = xp.astype(target, xp.int64)
    labels, _ = as_class_indices(xp, target, k)
    classes = xp.arange(k, dtype=xp.int64, device=x.device)
    return xp.astype(labels[..., None] == classes, x.dtype)


def _check_probabilities(xp: Any, name: str, p: Array, dtype: Any) -> None:
    """Refuse rows that are no distributions; one column is a yes or no."""
    check_between_0_and_1(xp, **{name: p})
    if p.shape[-1] == 1 or not values_can_be_read(p):
        return
    # Rounding moves the sum of K entries by about sqrt(K) eps. The square root of
    # eps leaves room for any K in use. The type need not tell how a row was rounded:
    # float64 may have been float32 once, whose eps is 1e-7, or was typed as 0.333.
    tolerance = max(xp.finfo(dtype).eps, 1e-6) ** 0.5
    off = xp.max(xp.abs(xp.sum(p, axis=-1) - 1)).item()
    if off > tolerance:
        raise ValueError(
            f"{name} must sum to 1 over the classes, got a row that is off by "
            f"{off:.6g}; if each entry is a yes-or-no question, pass axis=None"
        )
