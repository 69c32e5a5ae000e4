"""Array namespaces, and what must hold of the input: checked here, once.

Every public function asks this module which library its arrays come from and
whether they make sense. An error says what must hold, then what came. Shapes and
types are always checked; numbers only where there are any, see
`values_can_be_read`.
"""

import functools
import math
import operator
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import array_api_compat.numpy
import numpy as np

__all__: list[str] = []


# Modules that use what only NumPy or only torch has are not checked against
# `celib._typing.Array`, which has what both have.
Array = Any
Function = TypeVar("Function", bound=Callable[..., Any])

# ---- which library


def namespace(**arrays: Array) -> Any:
    """Return the array API namespace that all of `arrays` share."""
    if set(map(type, arrays.values())) == {np.ndarray}:
        return array_api_compat.numpy
    libraries = {name: _library(name, x) for name, x in arrays.items()}
    if len(set(libraries.values())) > 1:
        raise TypeError(
            f"{' and '.join(arrays)} must come from one library, "
            f"got {' and '.join(libraries.values())}"
        )
    if "torch" in libraries.values():
        # here, since torch need not be installed
        from array_api_compat import torch as torch_namespace

        return torch_namespace
    return array_api_compat.numpy


def is_tensor(x: object) -> bool:
    """Whether `x` is a torch tensor; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def values_can_be_read(*arrays: Array) -> bool:
    """Whether a check may look at the numbers in `arrays`.

    It may not while torch writes operations down, to compile, export or
    vectorise them: tensors then stand for numbers that come later.
    """
    tensors: list[Any] = [x for x in arrays if is_tensor(x)]
    if not tensors:
        return True
    torch = sys.modules["torch"]
    if (
        _torch_is_compiling()
        or torch.jit.is_tracing()
        or torch._C._len_torch_dispatch_stack() > 0
    ):
        return False
    fake = torch._subclasses.FakeTensor
    return not any(
        x.is_meta
        or isinstance(x, fake)
        or torch._C._functorch.is_functorch_wrapped_tensor(x)
        for x in tensors
    )


def as_data(**arrays: Any) -> tuple[Any, ...]:
    """Arrays from what people keep data in: lists, tuples, tables and numbers, too.

    For functions into which only data goes. A list beside a tensor becomes a
    tensor on its device; arrays and tensors are returned as they are.
    """
    tensors: list[Any] = [x for x in arrays.values() if is_tensor(x)]
    result = []
    for name, x in arrays.items():
        if not (isinstance(x, np.ndarray) or is_tensor(x)):
            x = _array_from(name, x)
            if tensors:
                x = sys.modules["torch"].asarray(x, device=tensors[0].device)
        result.append(x)
    namespace(**dict(zip(arrays, result, strict=True)))
    return tuple(result)


def as_probabilities(**arrays: Any) -> tuple[Any, ...]:
    """Like `as_data`, for probabilities: the integers 0 and 1 become floats."""
    found = as_data(**arrays)
    xp = namespace(**dict(zip(arrays, found, strict=True)))
    floats = [x.dtype for x in found if is_float(x)]
    result = []
    for name, x in zip(arrays, found, strict=True):
        if xp.isdtype(x.dtype, ("bool", "integral")):
            if values_can_be_read(x) and bool(xp.any((x != 0) & (x != 1))):
                raise ValueError(
                    f"{name} must hold probabilities, got integers other than 0 and 1: "
                    "counts are divided by their sum first"
                )
            x = xp.astype(x, floats[0] if floats else xp.float64)
        result.append(x)
    return tuple(result)


def _library(name: str, x: Any) -> str:
    """Tell the library of an array, which must be a plain one."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array, whose mask would be lost: pass "
            f"{name}.filled(…), or what is not masked, {name}.compressed()"
        )
    # other subclasses may carry units, or multiply like matrices
    if type(x) in (np.ndarray, np.memmap) or isinstance(x, np.generic):
        return "numpy"
    if is_tensor(x):
        _check_plain_tensor(name, x)
        return "torch"
    raise TypeError(
        f"{name} must be a NumPy array or a torch tensor, got {_kind(x)}: "
        f"pass np.asarray({name})"
    )


def _check_plain_tensor(name: str, x: Any) -> None:
    """Refuse tensors that hold only part of their numbers, or mask some of them."""
    kind = type(x).__name__
    if kind == "DTensor":
        raise TypeError(
            f"{name} must not be a DTensor: pass {name}.full_tensor(), or this "
            f"process's part, {name}.to_local()"
        )
    if kind == "MaskedTensor":
        raise TypeError(
            f"{name} must not be a masked tensor, whose mask would be lost: pass "
            f"{name}.get_data() with the masked entries filled in"
        )
    if x.is_nested:
        raise TypeError(
            f"{name} must not be a nested tensor: pass {name}.to_padded_tensor(…), "
            "and mark the padding with ignore_index"
        )
    if x.layout is not sys.modules["torch"].strided:
        raise TypeError(
            f"{name} must be dense, got layout {x.layout}: pass {name}.to_dense()"
        )


def _kind(x: object) -> str:
    """Name the type of `x`, after its library if it has one."""
    kind = type(x)
    library = kind.__module__.partition(".")[0]
    return kind.__name__ if library == "builtins" else f"{library} {kind.__name__}"


def _array_from(name: str, x: Any) -> Any:
    """Make a NumPy array of a list, a table or a number."""
    listed = isinstance(x, list | tuple | range | int | float | np.generic)
    if not (listed or hasattr(x, "__array__")):
        raise TypeError(
            f"{name} must be an array, a tensor, or a list of numbers, got {_kind(x)}"
        )
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"{name} must have rows of one length, got a list that has not"
        ) from error


# ---- types, shapes and axes


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


def check_one_shape(**arrays: Array) -> None:
    """Refuse arrays of different shapes."""
    shapes = [tuple(x.shape) for x in arrays.values()]
    # compared one by one: while torch.jit traces, lengths are tensors without a hash
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(
            f"{' and '.join(arrays)} must have one shape, "
            f"got {' and '.join(map(str, shapes))}"
        )


# ---- values


def check_not_negative(xp: Any, **arrays: Array) -> None:
    """Refuse negative entries: neither probabilities nor counts have any."""
    for name, x in arrays.items():
        if not values_can_be_read(x) or 0 in x.shape:
            continue
        # quicker than to compare each entry with 0
        least = xp.min(x).item()
        if least < 0 or (math.isnan(least) and bool(xp.any(x < 0))):
            raise ValueError(f"{name} must not be negative, got minimum {least:.6g}")


def check_between_0_and_1(xp: Any, **arrays: Array) -> None:
    """Refuse what is no probability, NaN included."""
    for name, x in arrays.items():
        if not values_can_be_read(x):
            continue
        outside = x[~((x >= 0) & (x <= 1))]
        if outside.shape[0] > 0:
            came = outside[0].item()
            short = f"{came:.6g}"
            # 1.0000001 must not be shown as 1
            shown = repr(came) if short == "1" else short
            raise ValueError(f"{name} must lie in [0, 1], got {shown}")


def as_distributions(*, axis: int, **arrays: Any) -> tuple[Any, ...]:
    """Take arrays as distributions along `axis`: the namespace, then the arrays.

    They must be real, of one shape, nowhere negative, and not all zero. That
    they sum to one is not checked: rounding would make it a matter of taste.
    """
    found = as_probabilities(**arrays)
    arrays = dict(zip(arrays, found, strict=True))
    xp = namespace(**arrays)
    check_float(**arrays)
    check_one_shape(**arrays)
    for name, x in arrays.items():
        check_axis(x, axis, name)
        check_not_negative(xp, **{name: x})
        # no sum is formed, which could leave the range of half precision
        if values_can_be_read(x) and not bool(xp.all(xp.any(x != 0, axis=axis))):
            raise ValueError(
                f"{name} must have a positive total along axis={axis}, got 0"
            )
    return xp, *found


def as_class_indices(
    xp: Any,
    labels: Array,
    n_classes: int,
    *,
    name: str = "target",
    ignore_index: int | None = None,
) -> tuple[Any, Any]:
    """Class indices as int64, and a mask of those that count.

    Every integer type will do. All arithmetic and every comparison happens in
    int64: in uint8, -100 would be 156. Labels equal to `ignore_index` do not
    count, and keep their value; None ignores none. The others must lie in
    [0, n_classes).
    """
    _check_integers(xp, labels, name)
    indices = xp.astype(labels, xp.int64, copy=False)
    if ignore_index is None:
        counted = xp.ones_like(indices, dtype=xp.bool)
    else:
        counted = indices != _as_integer("ignore_index", ignore_index)
    if values_can_be_read(indices):
        if labels.dtype == xp.uint64:
            _check_half_of_uint64(xp, indices, name, n_classes)
        outside = (indices < 0) | (indices >= n_classes)
        if bool(xp.any(outside)) and bool(xp.any(outside & counted)):
            valid = f"[0, {n_classes})"
            if ignore_index is not None:
                valid += f" or equal {ignore_index=}"
            low = xp.min(indices[counted]).item()
            high = xp.max(indices[counted]).item()
            came = f"minimum {low}" if low < 0 else f"maximum {high}"
            raise ValueError(f"{name} must lie in {valid}, got {came}")
    return indices, counted


def check_labels(
    xp: Any,
    labels: Array,
    n_classes: int,
    *,
    name: str = "target",
    ignore_index: int | None = None,
) -> Any:
    """Check class indices against [0, n_classes); return which ones count."""
    return as_class_indices(
        xp, labels, n_classes, name=name, ignore_index=ignore_index
    )[1]


def _check_integers(xp: Any, labels: Array, name: str) -> None:
    """Refuse labels that are no integers, with the way out where there is one."""
    if xp.isdtype(labels.dtype, "integral"):
        return
    way_out = ""
    came = labels.dtype
    if isinstance(labels.dtype, np.dtype) and labels.dtype.kind in "OSTU":
        came = f"text or objects ({labels.dtype})"
        way_out = f": number the classes, np.unique({name}, return_inverse=True)[1]"
    elif xp.isdtype(labels.dtype, "bool"):
        way_out = f": pass xp.astype({name}, int)"
    raise TypeError(f"{name} must hold integer class indices, got {came}{way_out}")


def _check_half_of_uint64(xp: Any, indices: Any, name: str, n_classes: int) -> None:
    """Refuse what wrapped to a negative number, -100 perhaps, on its way to int64."""
    wrapped = indices[indices < 0]
    if wrapped.shape[0] > 0:
        came = 2**64 + int(xp.max(wrapped))
        raise ValueError(f"{name} must lie in [0, {n_classes}), got maximum {came}")


def _as_integer(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None


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
    # a tensor may be learned, and is not turned into a number that would not be
    if values_can_be_read(value) and not 0 < value < math.inf:
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


# ---- arithmetic in silence


def quiet(function: Function) -> Function:
    """Let NumPy be as silent as torch in `function`: infinity is an answer here."""

    @functools.wraps(function)
    def silenced(*args: Any, **kwargs: Any) -> Any:
        if _torch_is_compiling():
            # np.errstate is unknown to torch.compile, and not needed by it
            return function(*args, **kwargs)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return function(*args, **kwargs)

    return silenced  # type: ignore[return-value]


def _torch_is_compiling() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_compiling()


def widen(x: Array, xp: Any) -> Array:
    """Half precision to float32: enough digits, and range, to add things up."""
    return xp.astype(x, xp.float32) if xp.finfo(x.dtype).bits == 16 else x


@quiet
def narrow(x: Array, like: Array, xp: Any) -> Array:
    """Back to the precision that the caller's array had."""
    return xp.astype(x, like.dtype, copy=False)


def axis_last(x: Array, axis: int, xp: Any) -> Any:
    """Move `axis` to the end. torch.vmap has no rule for moveaxis."""
    order = list(range(x.ndim))
    order.append(order.pop(axis))
    return xp.permute_dims(x, tuple(order))


@quiet
def pairwise_sum(x: Array, axis: int, xp: Any) -> Array:
    """Sum along `axis` by halves: the rounding grows with log2 of its length.

    NumPy sums by pairs too, but only along an axis that is contiguous.
    """
    if x.shape[axis] == 0:
        return xp.sum(x, axis=axis)
    x = axis_last(x, axis, xp)
    while (n := x.shape[-1]) > 1:
        half = n // 2
        pairs = x[..., :half] + x[..., half : 2 * half]
        x = pairs if n % 2 == 0 else xp.concat([pairs, x[..., 2 * half :]], axis=-1)
    return x[..., 0]


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
    # The series x^2/2 (1 + x/3 (1 + x/4 (1 + ...))) up to x^19/19!. The first term
    # left out is 2 x^18/20! < 9e-19 of x^2/2, and the whole at least 0.73 of that.
    tail = 0 * near
    for n in range(19, 2, -1):
        tail = near / n * (1 + tail)
    return xp.where(abs(x) < 1, near * near / 2 * (1 + tail), xp.expm1(x) - x)


@quiet
def log1p(x: Array, xp: Any) -> Array:
    """Logarithm of 1 + x, minus infinity at -1 without a warning."""
    return xp.log1p(x)


@quiet
def exp(x: Array, xp: Any) -> Array:
    """Exponential, infinite where it leaves the range without a warning."""
    return xp.exp(x)


@quiet
def times_log(weight: Array, x: Array, xp: Any, base: float | None = None) -> Array:
    """Compute weight * log(x), where 0 log 0 is 0.

    On tensors the derivative by the weight is log(x), at weight 0 too. Where
    both are 0 it is infinite, and comes out as 0: multiplied by the zero
    derivative of a softmax that has underflowed, infinity would be NaN.
    """
    nothing = (weight == 0) & (x == 0)
    return weight * log(xp.where(nothing, 1, x), xp, base)


@quiet
def times_log1p(weight: Array, x: Array, xp: Any) -> Array:
    """Compute weight * log(1 + x), where 0 log 0 is 0; see `times_log`."""
    nothing = (weight == 0) & (x == -1)
    return weight * xp.log1p(xp.where(nothing, 0, x))
