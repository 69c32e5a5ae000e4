"""Cross-entropy of logits whose classes lie on several machines. Chapter 19.

A loss needs two sums over all classes: the rest of the exponentials, and the gap
from the top logit to the label's. Each rank adds up its own classes; the ranks
then exchange a few numbers a token, never logits, and form their own gradients.
"""

from __future__ import annotations

import contextlib
import json
import math
import zlib
from typing import Any

import array_api_compat.numpy
import numpy as np
import torch
import torch.distributed as dist

from celib import _kernel
from celib._arrays import as_class_indices, quiet
from celib._autograd import exp_of_gap
from celib._bridge import is_half, is_recorded, is_transformed, narrow_half, widen_half
from celib._cross_entropy import Options, check

__all__ = ["vocab_parallel_cross_entropy"]

Tensor = torch.Tensor

NOT_FOLLOWED = (
    "local_logits must be numbers that ranks can exchange, got a tensor that torch "
    "compiles, traces or transforms: call vocab_parallel_cross_entropy outside of "
    "torch.compile, torch.func, forward mode and tracing"
)


def vocab_parallel_cross_entropy(
    local_logits: torch.Tensor,
    target: torch.Tensor,
    /,
    *,
    group: dist.ProcessGroup | None = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> torch.Tensor:
    r"""Cross-entropy of logits whose classes are spread over a group of processes.

    .. math:: \ell = M - z_y + \operatorname{log1p}(\rho + t - 1), \qquad
              \rho = \sum_k e^{z_k - M} - t

    M is the largest logit of all, t the number of ranks that have one as large,
    and each of them leaves one out of the sum rho.

    Parameters
    ----------
    local_logits : tensor, shape (..., K_r)
        Scores z of this rank's classes. The shards lie in the order of the
        ranks and need not be of one size.
    target : tensor, shape (...)
        Class indices in [0, K), K the sum of all K_r; the same on every rank.
    group : torch.distributed.ProcessGroup, optional
        The processes that share the classes, by default all of them.
    ignore_index : int, optional
        Items with this index count for nothing. With None all items count.
    label_smoothing : float
        Mixes this share of the uniform distribution over all K classes into
        every target.
    reduction : {"mean", "sum", "none"}
        The mean divides by the number of items that count.

    Returns
    -------
    tensor, shape () or that of `target`
        Nats, the same on every rank. NaN for the mean of nothing.

    Raises
    ------
    RuntimeError
        If another rank was given other labels, options or types, or wrong
        input, or has not called within the timeout of the group. It says which.

    See Also
    --------
    celib.losses.cross_entropy : The same loss of logits that are in one place.

    Notes
    -----
    Two collectives forward: the maximum of the row maxima, and the sum of
    M - z_y, t and rho, to which label smoothing adds M - z over all classes. That is
    four or five numbers a token, in the type of the logits (float32 for half
    precision). None backward: each rank has the gradient of its shard, q - y,
    which is formed where its exponentials lie, in a buffer of the shard's size
    (in float32). It has no derivative of its own: differentiating twice is an
    error, and so are the transforms of ``torch.func``, forward mode and tracing,
    since ranks exchange numbers while the loss is formed. Upstream gradients must
    be the same on every rank. Nothing is rounded to 0 on the way: the loss is as
    exact as the dense one.

    Ranks that disagree about a collective hang in it, or get nonsense from it. So
    before it each leaves word of its input in the key-value store that the group
    was set up with, and reads what the others left: a few round trips to the
    store. This also says where the classes of a rank begin. A rank that fails
    after that breaks the collective, and its backend says so. After any of these
    errors set the group up anew.

    Elsewhere: ``torch.distributed.tensor.parallel.loss_parallel``, of a DTensor
    that is sharded along its classes and without label smoothing.

    Examples
    --------
    >>> import torch
    >>> import torch.distributed as dist
    >>> from celib.parallel import vocab_parallel_cross_entropy
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
    >>> loss = vocab_parallel_cross_entropy(logits, torch.tensor([0, 1]))
    >>> round(loss.item(), 6)
    0.410038
    >>> loss.backward()
    >>> logits.grad[1]
    tensor([ 0.2500, -0.2500])
    >>> dist.destroy_process_group()
    """
    if torch.compiler.is_compiling():
        raise RuntimeError(NOT_FOLLOWED)
    options = Options(-1, None, ignore_index, label_smoothing, reduction)
    first_class, n_classes = _compare_what_ranks_were_given(
        local_logits, target, options, group or dist.group.WORLD
    )
    rows = local_logits.detach().reshape(-1, local_logits.shape[-1])
    # by NumPy, which sees the labels even if a mode of torch looks on
    labels, counted = as_class_indices(
        array_api_compat.numpy,
        target.detach().cpu().numpy().reshape(-1),
        n_classes,
        ignore_index=ignore_index,
    )
    column = np.where(counted, labels - first_class, -1)
    n_counted = int(counted.sum())
    row_weight = counted / n_counted if reduction == "mean" and n_counted else counted
    record = is_recorded(local_logits)
    costs, gradient = _costs_and_gradient(
        rows,
        torch.from_numpy(column).to(rows.device),
        torch.tensor(row_weight, dtype=_working_type(rows), device=rows.device),
        label_smoothing,
        n_classes,
        group,
        want_gradient=record,
    )
    loss = costs.reshape(target.shape) if reduction == "none" else costs.sum()
    if reduction == "mean" and not n_counted:
        loss = loss + math.nan
    if gradient is not None:
        gradient = gradient.reshape(local_logits.shape)
        loss = _KnownGradient.apply(local_logits, loss, gradient)
    result: torch.Tensor = narrow_half(loss, local_logits)
    return result


class _KnownGradient(torch.autograd.Function):
    """A loss whose gradient is known, in float32 if the logits are half as wide."""

    @staticmethod
    def forward(
        ctx: Any, local_logits: Tensor, loss: Tensor, gradient: Tensor
    ) -> Tensor:
        ctx.save_for_backward(gradient)
        ctx.dtype = local_logits.dtype
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "create_graph must be False for vocab_parallel_cross_entropy, got "
                "True: its gradient has no derivative, since that would take more "
                "exchanges between the ranks"
            )
        (gradient,) = ctx.saved_tensors
        if upstream.ndim < gradient.ndim and upstream.ndim:
            gradient = gradient * upstream[..., None]
        elif upstream.item() != 1:
            gradient = gradient * upstream
        return gradient.to(ctx.dtype), None, None


# --- before the loss: do the ranks agree? ----------------------------------


def _compare_what_ranks_were_given(
    local_logits: Any, target: Any, o: Options, group: Any
) -> tuple[int, int]:
    """Check the input on all ranks; return the first class of this one, and K."""
    ranks = dist.get_process_group_ranks(group)
    here = dist.get_rank(group)
    store = dist.distributed_c10d._get_process_group_store(group)
    call = store.add(f"celib {here}", 1)
    keys = [f"celib {call} {rank}" for rank in range(len(ranks))]
    try:
        told = _describe(local_logits, target, o)
    except Exception as error:
        # the others need not wait for a call that won't come
        store.set(keys[here], json.dumps([0, {"input": repr(error)}]))
        raise
    store.set(keys[here], json.dumps([local_logits.shape[-1], told]))
    timeout = group._get_backend(local_logits.device).options._timeout
    with contextlib.suppress(dist.DistStoreError):
        store.wait(keys, timeout)
    sizes: list[int] = []
    heard: list[dict[str, Any]] = []
    for key in keys:
        size, said = 0, {"input": f"no call within {timeout}"}
        if store.check([key]):
            size, said = json.loads(store.get(key))
        sizes.append(size)
        heard.append(said)
    for name in told:
        came = {rank: x.get(name) for rank, x in zip(ranks, heard, strict=True)}
        if any(value != told[name] for value in came.values()):
            raise RuntimeError(f"{name} must be the same on every rank, got {came}")
    # all have read what was said at the call before, or they would not be here
    store.delete_key(f"celib {call - 1} {here}")
    return sum(sizes[:here]), sum(sizes)


def _describe(local_logits: Any, target: Any, o: Options) -> dict[str, Any]:
    """Check the input; say what of it must be the same on all ranks."""
    if not isinstance(local_logits, torch.Tensor):
        kind = type(local_logits).__name__
        raise TypeError(f"local_logits must be a tensor, got {kind}")
    indices = check(local_logits, target, o, "local_logits")
    if not indices:
        raise TypeError(f"target must hold class indices, got {target.dtype}")
    if is_transformed(local_logits, target):
        raise RuntimeError(NOT_FOLLOWED)
    labels = target.to("cpu", torch.int64).contiguous().numpy()
    return {
        "input": "valid",
        "the shape of target": list(target.shape),
        "the checksum of target": zlib.crc32(labels),
        "the type of local_logits": f"{local_logits.dtype} on "
        f"{local_logits.device.type}",
        "ignore_index": o.ignore_index,
        "label_smoothing": o.label_smoothing,
        "reduction": o.reduction,
    }


# --- the loss ---------------------------------------------------------------


def _costs_and_gradient(
    z: Tensor,
    column: Tensor,
    row_weight: Tensor,
    smoothing: float,
    n_classes: int,
    group: Any,
    *,
    want_gradient: bool,
) -> tuple[Tensor, Tensor | None]:
    """Weighted cost of each row, and the gradient of this rank's columns `z`.

    `column` is where the label lies among these, if it does.
    """
    every = torch.arange(len(z), device=z.device)
    label_is_here = (column >= 0) & (column < z.shape[1])
    label_at = torch.where(label_is_here, column, 0)
    top_at = _top(z)
    top = widen_half(z[every, top_at])
    at_label = widen_half(z[every, label_at])

    largest = top.clone()
    dist.all_reduce(largest, dist.ReduceOp.MAX, group)

    # each rank that has an entry as large leaves one out of the sum of the rest
    is_largest = top == largest
    sums = torch.empty(4 if smoothing else 3, len(z), dtype=top.dtype, device=z.device)
    sums[0] = torch.where(label_is_here, largest - at_label, 0)
    sums[1] = is_largest
    exps = torch.empty_like(z, dtype=top.dtype) if want_gradient else None
    unit = _add_up(z, largest, top_at, is_largest, sums, exps)
    dist.all_reduce(sums, dist.ReduceOp.SUM, group)

    rest = sums[2] + (sums[1] - 1)
    cost = torch.log1p(rest)
    share = smoothing / n_classes
    if smoothing < 1:
        cost = cost + (1 - smoothing) * sums[0]
    if smoothing:
        cost = cost + share * sums[3]
    # a row of weight 0 is no row, whatever it holds
    cost = torch.where(row_weight > 0, row_weight * cost, 0)
    if exps is None:
        return cost, None

    gradient = exps
    scale = row_weight / (1 + rest)
    gradient *= (scale / unit)[:, None]
    if smoothing:
        gradient -= (row_weight * share)[:, None]
    label_weight = torch.where(label_is_here, (1 - smoothing) * row_weight, 0)
    gradient[every, label_at] -= label_weight
    # what the target of the top entry lacks of one, without rounding
    missing = torch.ones_like(top)
    missing[label_is_here & (label_at == top_at)] = smoothing
    missing -= share
    at_top = scale * (missing - (1 - missing) * rest)
    gradient[every, top_at] = torch.where(is_largest, at_top, gradient[every, top_at])
    (ignored,) = torch.nonzero(row_weight == 0, as_tuple=True)
    gradient[ignored] = 0
    return cost, gradient


@quiet
def _add_up(
    z: Tensor,
    largest: Tensor,
    top_at: Tensor,
    is_largest: Tensor,
    sums: Tensor,
    exps: Tensor | None,
) -> Tensor:
    """Add up the exponentials of each row, but for one that is the largest of all.

    The sums go to `sums[2]`, the exponentials to `exps`. They come in a unit that
    depends on the largest logit alone, and is returned. Label smoothing has a
    `sums[3]`, for the gaps below the largest.
    """
    unit = torch.empty_like(largest)
    rows_per_block = _rows_per_block(z)
    scratch = torch.empty_like(z[:rows_per_block], dtype=largest.dtype)
    for start in range(0, len(z), rows_per_block):
        rows = slice(start, start + rows_per_block)
        block = widen_half(z[rows])
        below = largest[rows]
        out = scratch[: len(block)] if exps is None else exps[rows]
        if len(sums) == 4:
            torch.sub(below[:, None], block, out=out)
            sums[3, rows] = out.sum(1)
        _exponentials(block, below, out)
        _exponentials(below[:, None], below, unit[rows, None])
        every = torch.arange(len(block), device=z.device)
        out[every, top_at[rows]] *= ~is_largest[rows]
        sums[2, rows] = out.sum(1) / unit[rows]
    return unit


def _exponentials(z: Tensor, largest: Tensor, out: Tensor) -> None:
    """Put exp(z - shift) into `out`, with a shift that `largest` alone decides."""
    if z.is_cpu:
        _kernel.exponentials(z.numpy(), largest.numpy(), out.numpy())
    else:
        out.copy_(exp_of_gap(z, largest[:, None]))


def _top(z: Tensor) -> Tensor:
    """Where the largest entry of each row is."""
    if not z.is_cpu:
        return z.argmax(1)
    # NumPy finds it several times as fast
    blocks = z.split(_rows_per_block(z))
    found = [widen_half(block).numpy().argmax(1) for block in blocks]
    return torch.from_numpy(np.concatenate(found))


def _rows_per_block(z: Tensor) -> int:
    return max(1, _kernel.BLOCK // z.shape[1])


def _working_type(z: Tensor) -> torch.dtype:
    """Half precision has too few digits to add numbers up."""
    return torch.float32 if is_half(z) else z.dtype
