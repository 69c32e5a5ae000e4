"""Cross-entropy of logits whose classes lie on several machines. Chapter 19.

A loss needs two sums over all classes: the rest of the exponentials, and the gap
from the top logit to the label's. Each rank adds up its own classes; the ranks
then exchange a few numbers a token, never logits, and form their own gradients.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from typing import Any

import torch
import torch.distributed as dist

from celib import _kernel
from celib._arrays import Array, check_labels, namespace, quiet
from celib._cross_entropy import Options, _reduce, _scale, as_rows, back, check, plain
from celib._finish import attach, records

__all__ = ["vocab_parallel_cross_entropy"]


def vocab_parallel_cross_entropy(
    local_logits: torch.Tensor,
    target: torch.Tensor,
    /,
    *,
    group: dist.ProcessGroup | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> torch.Tensor:
    r"""Cross-entropy of logits whose classes are spread over a group of processes.

    .. math:: \ell = M - z_y + \operatorname{log1p}(r + t - 1), \qquad
              r = \sum_k e^{z_k - M} - t

    M is the largest logit of all, t the number of ranks that have one as large,
    and each of them leaves one out of the sum r.

    Parameters
    ----------
    local_logits : tensor, shape (..., K_r)
        Scores z of this rank's classes. The shards lie in the order of the
        ranks and need not be of one size.
    target : tensor, shape (...)
        Class indices in [0, K), K the sum of all K_r; the same on every rank.
    group : torch.distributed.ProcessGroup, optional
        The processes that share the classes, by default all of them.
    ignore_index : int
        Items with this index count for nothing.
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
    TypeError
        If `local_logits` are not floating-point, or `target` not integer.
    ValueError
        If shapes do not fit, a label is out of range, or an option is unknown.
    RuntimeError
        If another rank was given other labels, options or types, or wrong
        input, or has not called within the timeout of the group. It says which.

    See Also
    --------
    celib.losses.cross_entropy : The same loss of logits that are in one place.

    Notes
    -----
    Two collectives forward: the maximum of the row maxima, and the sum of
    M - z_y, t and r, to which label smoothing adds M - z over all classes. That is
    four or five numbers a token, in the type of the logits (float32 for half
    precision). None backward: each rank has the gradient of its shard, q - y,
    which is formed where its exponentials lie, in a buffer of the shard's size
    (in float32). It has no derivative of its own: differentiating twice is an
    error. Upstream gradients must be the same on every rank. Nothing is rounded to
    0 on the way: the loss is as exact as the dense one.

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
    o = Options(-1, None, ignore_index, label_smoothing, reduction)
    start, classes = _agree(local_logits, target, o, group or dist.group.WORLD)
    xp, (z, t) = plain(local_logits, target)
    rows, t = as_rows(z), t.reshape(-1)
    counted = check_labels(namespace(x=t), t, classes, ignore_index=ignore_index)
    total, real = int(counted.sum()), _kernel.working_type(rows, xp)
    label = xp.where(counted, xp.asarray(t, dtype=xp.int64) - start, -1)
    scale = xp.asarray(counted, dtype=real) * _scale(total, o)
    out = xp.empty_like(rows, dtype=real) if records(local_logits) else None
    cost = _evaluate(rows, label, scale, label_smoothing, classes, out, group, xp)
    loss = back(_reduce(cost, total, tuple(target.shape), reduction, rows, xp), target)
    if out is None:
        return loss
    grad = xp.asarray(out, dtype=rows.dtype).reshape(z.shape)
    return attach(local_logits, loss, back(grad, target), -1)


def _agree(z: Any, target: Any, o: Options, group: Any) -> tuple[int, int]:
    """Check the input on all ranks; return the first class of this one, and K."""
    ranks, here = dist.get_process_group_ranks(group), dist.get_rank(group)
    store = dist.distributed_c10d._get_process_group_store(group)
    call = store.add(f"celib {here}", 1)
    keys = [f"celib {call} {rank}" for rank in range(len(ranks))]
    try:
        said = _describe(z, target, o)
    except Exception as error:
        # the others need not wait for a call that won't come
        store.set(keys[here], json.dumps([0, {"input": repr(error)}]))
        raise
    store.set(keys[here], json.dumps([z.shape[-1], said]))
    timeout = group._get_backend(z.device).options._timeout
    with contextlib.suppress(dist.DistStoreError):
        store.wait(keys, timeout)
    lost = [0, {"input": f"no call within {timeout}"}]
    answers = (json.loads(store.get(k)) if store.check([k]) else lost for k in keys)
    sizes, heard = zip(*answers, strict=True)
    for name in said:
        came = {rank: x.get(name) for rank, x in zip(ranks, heard, strict=True)}
        if any(value != said[name] for value in came.values()):
            raise RuntimeError(f"{name} must be the same on every rank, got {came}")
    # all have read what was said at the call before, or they would not be here
    store.delete_key(f"celib {call - 1} {here}")
    return sum(sizes[:here]), sum(sizes)


def _describe(z: Any, target: Any, o: Options) -> dict[str, Any]:
    """Check the input; say what of it must be the same on all ranks."""
    if not (isinstance(z, torch.Tensor) and check(z, target, o, "local_logits")):
        raise TypeError(
            "local_logits must be a tensor and target hold class indices, got "
            f"{type(z).__name__} and {target.dtype}"
        )
    labels = target.to("cpu", torch.int64).contiguous().numpy()
    return {
        "input": "valid",
        "the shape of target": list(target.shape),
        "the checksum of target": zlib.crc32(labels),
        "the type of local_logits": f"{z.dtype} on {z.device.type}",
        "ignore_index": o.ignore_index,
        "label_smoothing": o.label_smoothing,
        "reduction": o.reduction,
    }


@quiet
def _evaluate(
    z: Array, y: Array, scale: Array, s: float, k: int, out: Any, group: Any, xp: Any
) -> Array:
    """Cost of each row; the gradient of this rank's columns `z` goes to `out`.

    `y` is the label's column, if it is one of these, `scale` what a row counts
    for; the mass `s` is spread over all `k` classes.
    """
    every, share = xp.arange(len(z), device=z.device), s / k
    here, top = (y >= 0) & (y < z.shape[1]), z.argmax(1)
    y, real = xp.where(here, y, 0), scale.dtype
    m, peak, mine = (xp.asarray(z[every, i], dtype=real) for i in (top, top, y))
    dist.all_reduce(torch.as_tensor(m), dist.ReduceOp.MAX, group)
    first, unit = peak == m, xp.empty_like(m)
    sums = xp.empty((4 if s else 3, len(z)), dtype=m.dtype, device=z.device)
    sums[0], sums[1] = xp.where(here, m - mine, 0), first
    _add_up(z, m, unit, top, first, sums, out, xp)
    dist.all_reduce(torch.as_tensor(sums), dist.ReduceOp.SUM, group)
    excess = sums[2] + (sums[1] - 1)
    cost = xp.log1p(excess) + ((1 - s) * sums[0] if s < 1 else 0)
    if out is not None:
        factor = scale / (1 + excess)
        out *= (factor / unit)[:, None]
        if s:
            out -= (scale * share)[:, None]
        out[every, y] -= xp.where(here, (1 - s) * scale, 0)
        # one minus the mass of the top entry, and that without rounding
        free = xp.where(here & (y == top), s, 1) - share
        at_top = factor * (free - (1 - free) * excess)
        out[every, top] = xp.where(first, at_top, out[every, top])
        out[scale == 0] = 0
    return xp.where(scale > 0, scale * (cost + share * sums[3] if s else cost), 0)


def _add_up(
    z: Any, m: Any, unit: Any, top: Any, first: Any, sums: Any, out: Any, xp: Any
) -> None:
    """Sum up the exponentials but the `first` of all, at the top; `out` keeps them.

    They come in a `unit`, which the kernel chooses by the maximum `m` alone. If
    there is a fourth sum, the gaps below the maximum go there.
    """
    step = max(1, _kernel.BLOCK // z.shape[1])
    ones = xp.ones(z.shape[1], dtype=m.dtype, device=z.device)
    for start in range(0, len(z), step):
        rows = slice(start, start + step)
        block = xp.asarray(z[rows], dtype=m.dtype)
        e = xp.empty_like(block) if out is None else out[rows]
        if len(sums) == 4:
            sums[3, rows] = xp.subtract(m[rows, None], block, out=e) @ ones
        _kernel._exponentials(block, m[rows], e, xp)
        _kernel._exponentials(m[rows, None], m[rows], unit[rows, None], xp)
        e[xp.arange(len(e), device=z.device), top[rows]] *= ~first[rows]
        sums[2, rows] = e @ ones / unit[rows]
