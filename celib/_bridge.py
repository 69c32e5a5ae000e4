"""Between NumPy and torch: lend memory, give results back, reduce costs.

A loss of tensors has two ways. Ordinary tensors in main memory lend their memory
to NumPy, where `celib._kernel` forms loss and gradient in one pass. Tensors that
are being transformed or compiled, or that lie elsewhere, go through the formulas
of `celib._autograd`, which torch can trace, map and differentiate.

torch is imported only when a tensor comes.
"""

import math
from typing import Any

import numpy as np

from celib._arrays import Array, is_float, quiet

__all__: list[str] = []


def is_numpy(x: Array) -> bool:
    """Whether `x` belongs to NumPy, and not to torch."""
    return isinstance(x, (np.ndarray, np.generic))


def array_namespace(x: Array) -> Any:
    """Return the module whose functions take `x`: numpy or torch."""
    if is_numpy(x):
        return np
    import torch

    return torch


def cast(x: Array, dtype: Any) -> Array:
    """Convert `x` to another type, unless it has it."""
    return x.astype(dtype, copy=False) if is_numpy(x) else x.to(dtype)


def pick(x: Array, index: Array) -> Array:
    """Entry of `x` at each `index` along the last axis."""
    if is_numpy(x):
        return np.take_along_axis(x, index[..., None], -1)[..., 0]
    return x.gather(-1, index[..., None])[..., 0]


def can_lend(*tensors: Array | None) -> bool:
    """Whether NumPy may compute on the memory of these tensors.

    Not if somebody has to see each operation: a compiler, a tracer, a transform of
    ``torch.func`` or forward-mode differentiation.
    """
    import torch
    from torch.autograd import forward_ad

    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    # modes that see every operation: fake tensors, make_fx
    if torch._C._len_torch_dispatch_stack():
        return False
    for x in tensors:
        if x is None:
            continue
        if type(x) is not torch.Tensor and type(x) is not torch.nn.Parameter:
            return False
        if x.device.type != "cpu" or torch._C._functorch.is_functorch_wrapped_tensor(x):
            return False
        if forward_ad.unpack_dual(x).tangent is not None:
            return False
    return True


def is_transformed(*tensors: Array | None) -> bool:
    """Whether operations on these tensors are followed, and not only carried out.

    By a compiler, a tracer, a transform of ``torch.func`` or forward-mode
    differentiation; or there are no numbers. Modes that only look on, as those that
    count operations, transform nothing.
    """
    import torch
    from torch.autograd import forward_ad

    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return True
    modes = torch._C._TorchDispatchModeKey
    for mode in (modes.FAKE, modes.FUNCTIONAL, modes.PROXY):
        if torch._C._get_dispatch_mode(mode) is not None:
            return True
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return True
    for x in tensors:
        if x is None:
            continue
        if x.is_meta or isinstance(x, torch._subclasses.FakeTensor):
            return True
        if forward_ad.unpack_dual(x).tangent is not None:
            return True
    return False


def lend_to_numpy(*tensors: Array | None) -> list[Any]:
    """NumPy's view of the memory of tensors; arrays are returned as they are.

    Half precision is converted to float32 first: NumPy has no bfloat16.
    """
    return [
        x if x is None or is_numpy(x) else widen_half(x.detach()).numpy()
        for x in tensors
    ]


def give_back(result: Any, like: Array) -> Array:
    """Give a result of NumPy to the library of `like`."""
    if is_numpy(like):
        return result
    import torch

    return torch.from_numpy(np.asarray(result))


def is_recorded(x: Array) -> bool:
    """Whether autograd records what happens to `x`. For NumPy it never does."""
    if not getattr(x, "requires_grad", False):
        return False
    import torch

    return torch.is_grad_enabled()


def is_half(x: Array) -> bool:
    """Whether `x` has half precision, which has too few digits to add numbers up."""
    return bool(x.dtype.itemsize == 2 and is_float(x))


def widen_half(x: Array) -> Array:
    """Half precision to float32, which torch's autograd records; others as they are."""
    if not is_half(x):
        return x
    return x.astype(np.float32) if is_numpy(x) else x.float()


def autocast_is_on(x: Array) -> bool:
    """Whether `x` is a tensor within a region of ``torch.autocast``."""
    if is_numpy(x):
        return False
    import torch

    return bool(torch.is_autocast_enabled(x.device.type))


@quiet
def narrow_half(result: Array, like: Array) -> Array:
    """Round to half precision if `like` has it, as torch's losses do.

    Not under autocast, where torch computes losses in float32 and leaves them there.
    """
    if not is_half(like) or autocast_is_on(like):
        return result
    if is_numpy(like):
        return result.astype(like.dtype)
    return result.to(like.dtype)


@quiet
def reduce(costs: Array, reduction: str, denominator: Any = None) -> Array:
    """Keep the costs, add them up, or divide the sum by `denominator`.

    The denominator is the number of costs unless it is given. The mean of nothing
    is NaN, and nothing moves it.
    """
    if reduction == "none":
        return costs
    total = costs.sum()
    if reduction == "sum":
        return total
    if denominator is None:
        return total / (costs.size if is_numpy(costs) else costs.numel())
    if is_numpy(costs):
        return total / denominator
    xp = array_namespace(costs)
    counted = denominator > 0
    return xp.where(counted, total / xp.where(counted, denominator, 1), math.nan)
