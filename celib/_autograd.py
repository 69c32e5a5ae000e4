"""The bridge to torch: a loss whose gradient is already known."""

from typing import Any

import torch

__all__: list[str] = []


class _Known(torch.autograd.Function):
    """Stand for a loss that was computed elsewhere, together with its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        loss: torch.Tensor,
        grad: torch.Tensor,
        axis: Any,
    ) -> torch.Tensor:
        ctx.save_for_backward(grad)
        ctx.axis = axis
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[Any, ...]:
        refuse_graph()
        (grad,) = ctx.saved_tensors
        if upstream.ndim and ctx.axis is not None:
            upstream = upstream.unsqueeze(ctx.axis)
        if upstream.ndim or upstream != 1:
            grad = grad * upstream
        return grad, None, None, None


def attach(
    logits: torch.Tensor, loss: torch.Tensor, grad: torch.Tensor, axis: int | None
) -> torch.Tensor:
    """Return `loss` as a function of `logits` whose derivative is `grad`.

    A loss that is not reduced lacks the class axis of its gradient: `axis`, or
    None if it has the same axes. The derivative has no derivative of its own.
    """
    result: torch.Tensor = _Known.apply(logits, loss, grad, axis)
    return result


def is_recording() -> bool:
    """Tell whether autograd writes down what happens to tensors."""
    return torch.is_grad_enabled()


def refuse_graph() -> None:
    """Refuse, in a backward pass, to be differentiated a second time."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "create_graph must be False for celib's losses, got True: their "
            "gradients have no derivative; combine log_softmax and nll instead"
        )
