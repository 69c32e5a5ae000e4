"""Array namespaces, and what must hold of the input: checked here, once.

Every public function asks this module which library its arrays come from and
whether they make sense. An error says what must hold, then what came.
"""

import math
from typing import Any

import array_api_compat.numpy
import numpy as np
from array_api_compat import array_namespace, is_numpy_array, is_torch_array

__all__: list[str] = []

# A NumPy array or a torch tensor; neither library has a type for both.
Array = Any


def namespace(**arrays: Array) -> Any:
    """Return the array API namespace that all of `arrays` share."""
    if set(map(type, arrays.values())) == {np.ndarray}:
        return array_api_compat.numpy
    libraries = {}
    for name, x in arrays.items():
        if not (is_numpy_array(x) or is_torch_array(x)):
            raise TypeError(
                f"{name} must be a NumPy array or a torch tensor, "
                f"got {type(x).__name__}"
            )
        libraries[name] = "numpy" if is_numpy_array(x) else "torch"
    if len(set(libraries.values())) > 1:
        raise TypeError(
            f"{' and '.join(arrays)} must come from one library, "
            f"got {' and '.join(libraries.values())}"
        )
    return array_namespace(*arrays.values())


def values_can_be_read(*arrays: Array) -> bool:
    return True


def is_float(x: Array) -> bool:
    """Whether `x` holds real floating-point numbers."""
    if isinstance(x.dtype, np.dtype):
        return x.dtype.kind == "f"
    return bool(x.dtype.is_floating_point)


def check_float(**arrays: Array) -> None:
    """Refuse integers and complex numbers where real numbers are meant."""
    for name, x in arrays.items():
        if not is_float(x):
            raise TypeError(f"{name} must hold floating-point numbers, got {x.dtype}")


def check_axis(x: Array, axis: int, name: str) -> None:
    """Refuse an axis that `x` does not have, or along which it is empty."""
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(
            f"axis must be one of the {x.ndim} axes of {name}, got axis={axis}"
        )
    if x.shape[axis] == 0:
        raise ValueError(
            f"{name} must have at least one entry along axis={axis}, "
            f"got shape {tuple(x.shape)}"
        )


def check_distributions(*, axis: int = -1, **arrays: Array) -> Any:
    """Check that `arrays` can be distributions along `axis`; return the namespace.

    They must be real, of one shape, nowhere negative, and not all zero. That
    they sum to one is not checked: rounding would make it a matter of taste.
    """
    xp = namespace(**arrays)
    check_float(**arrays)
    check_one_shape(**arrays)
    for name, x in arrays.items():
        check_axis(x, axis, name)
        check_not_negative(xp, **{name: x})
        if bool(xp.any(xp.sum(x, axis=axis) == 0)):
            raise ValueError(
                f"{name} must have a positive total along axis={axis}, got 0"
            )
    return xp


def check_one_shape(**arrays: Array) -> None:
    """Refuse arrays of different shapes."""
    shapes = {name: tuple(x.shape) for name, x in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"{' and '.join(shapes)} must have one shape, "
            f"got {' and '.join(map(str, shapes.values()))}"
        )


def check_not_negative(xp: Any, **arrays: Array) -> None:
    """Refuse negative entries: neither probabilities nor counts have any."""
    for name, x in arrays.items():
        if bool(xp.any(x < 0)):
            raise ValueError(
                f"{name} must not be negative, got minimum {float(xp.min(x)):.6g}"
            )


def check_labels(
    xp: Any,
    labels: Array,
    n_classes: int,
    *,
    name: str = "target",
    ignore_index: int | None = None,
) -> Array:
    """Check class indices against [0, n_classes); return which ones count."""
    if not xp.isdtype(labels.dtype, "integral"):
        raise TypeError(f"{name} must hold integer class indices, got {labels.dtype}")
    counted = xp.ones_like(labels, dtype=xp.bool)
    if ignore_index is not None:
        counted = labels != ignore_index
    wrong = counted & ((labels < 0) | (labels >= n_classes))
    if bool(xp.any(wrong)):
        low, high = int(xp.min(labels[counted])), int(xp.max(labels[counted]))
        came = f"minimum {low}" if low < 0 else f"maximum {high}"
        exempt = "" if ignore_index is None else f" or equal {ignore_index=}"
        raise ValueError(f"{name} must lie in [0, {n_classes}){exempt}, got {came}")
    return counted


def check_weight(xp: Any, weight: Array, classes: int) -> None:
    """Refuse weights that are not one for each class, or negative."""
    check_float(weight=weight)
    if tuple(weight.shape) != (classes,):
        raise ValueError(
            f"weight must have shape ({classes},), one for each class, "
            f"got {tuple(weight.shape)}"
        )
    check_not_negative(xp, weight=weight)


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse an option string that is not one of `choices`."""
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {known}, got {value!r}")


def check_positive(name: str, value: float) -> None:
    """Refuse a number that is not positive and finite."""
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be positive and finite, got {value}")


def check_at_least_zero(name: str, value: float) -> None:
    """Refuse a number that is negative or not finite."""
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be finite and not negative, got {value}")


def check_fixed(**arrays: Array) -> None:
    """Refuse tensors that ask for a gradient where none is formed."""
    for name, x in arrays.items():
        if getattr(x, "requires_grad", False):
            raise ValueError(f"{name} must not require a gradient: none is formed")


def check_base(base: float | None) -> None:
    """Refuse a base that no logarithm has."""
    if base is not None:
        check_positive("base", base)
        if base == 1:
            raise ValueError("base must not be 1, whose logarithm is 0")


def widen(x: Array, xp: Any) -> Array:
    """Half precision to float32: enough digits, and range, to add things up."""
    return xp.astype(x, xp.float32) if xp.finfo(x.dtype).bits == 16 else x


def narrow(x: Array, like: Array, xp: Any) -> Array:
    """Back to the precision that the caller's array had."""
    return xp.astype(x, like.dtype, copy=False)


def total(x: Array, axis: int, xp: Any) -> Array:
    """Sum along `axis` by halves: the rounding grows with log2 of its length.

    NumPy sums by pairs too, but only along an axis that is contiguous.
    """
    x = xp.moveaxis(x, axis, -1)
    while (n := x.shape[-1]) > 1:
        half = n // 2
        pairs = x[..., :half] + x[..., half : 2 * half]
        x = pairs if n % 2 == 0 else xp.concat([pairs, x[..., 2 * half :]], axis=-1)
    return x[..., 0]


# NumPy warns where torch is silent; an infinite loss is an answer here.
quiet = np.errstate(over="ignore", divide="ignore", invalid="ignore")


@quiet
def log(x: Array, xp: Any, base: float | None = None) -> Array:
    """Logarithm, minus infinity at 0 without a warning; natural without a base."""
    if base == 2:
        # exact for powers of two, which a quotient of logarithms is not
        return xp.log2(x)
    return xp.log(x) if base is None else xp.log(x) / math.log(base)


@quiet
def excess(x: Array, xp: Any) -> Array:
    """Compute exp(x) - 1 - x >= 0, which cancels near 0 unless it is summed."""
    near = xp.where(abs(x) < 1, x, 0)
    tail = 0 * near
    for n in range(19, 2, -1):
        tail = near / n * (1 + tail)
    return xp.where(abs(x) < 1, near * near / 2 * (1 + tail), xp.expm1(x) - x)


@quiet
def log1p(x: Array, xp: Any) -> Array:
    """Logarithm of 1 + x, minus infinity at -1 without a warning."""
    return xp.log1p(x)
