"""What each process of a group checks; test_parallel.py starts this program.

It imports what all need, once, and forks the ranks of each group. Every case runs on
all ranks. What it finds goes to a file for each rank: nothing, or the error it met.
"""

import itertools
import json
import math
import os
import signal
import sys
import time
import traceback
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from arrays import ulps
from test_cross_entropy import FIXED, exact
from torch.utils._python_dispatch import TorchDispatchMode

from celib import _kernel
from celib.losses import cross_entropy
from celib.parallel import vocab_parallel_cross_entropy

CASES = {}
# long enough for a busy machine, short enough to wait for
PATIENCE = 3
INF = math.inf


def case(function):
    CASES[function.__name__] = function
    return function


class Collectives(TorchDispatchMode):
    """Note of every collective what it is, and the shape and type of what it got."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        if call.namespace in ("c10d", "_c10d_functional"):
            tensors = args[0] if isinstance(args[0], list) else [args[0]]
            seen = [(call.__name__, tuple(x.shape), x.dtype) for x in tensors]
            self.seen.extend(seen)
        return call(*args, **(kwargs or {}))


def shard(x, group=None):
    """This rank's columns: uneven, the last rank with the fewest."""
    world, rank = dist.get_world_size(group), dist.get_rank(group)
    k = x.shape[-1]
    ends = [k - (world - 1 - r) * (k // (world + 1)) for r in range(world)]
    return x[..., ends[rank - 1] if rank else 0 : ends[rank]]


def both(z, y, group=None, upstream=None, **options):
    """Loss and gradient of this rank's columns, and those of the dense loss."""
    results = []
    for sharded in (True, False):
        leaf = (shard(z, group) if sharded else z).detach().clone().requires_grad_()
        f, more = cross_entropy, {}
        if sharded:
            f, more = vocab_parallel_cross_entropy, {"group": group}
        loss = f(leaf, y, **options, **more)
        loss.backward(torch.ones_like(loss) if upstream is None else upstream)
        grad = leaf.grad if sharded else shard(leaf.grad, group)
        results.append((loss.detach(), grad))
    return results


def same(z, y, tolerance=1e-12, **more):
    (loss, grad), (true_loss, true_grad) = both(z, y, **more)
    near = {"rtol": tolerance, "atol": tolerance, "equal_nan": True}
    torch.testing.assert_close(loss, true_loss, **near)
    torch.testing.assert_close(grad, true_grad, **near)
    return loss, grad


def problem(shape=(6,), k=11, dtype=torch.float64, spread=3.0):
    chance = torch.Generator().manual_seed(k + len(shape))
    z = torch.randn(*shape, k, generator=chance, dtype=torch.float64) * spread
    y = torch.randint(0, k, shape, generator=chance)
    return z.to(dtype), y


# --- the same as the dense loss --------------------------------------------


@case
def equals_the_dense_loss_under_every_option():
    for shape, reduction, smoothing, ignore in itertools.product(
        [(), (6,), (4, 3)], ["mean", "sum", "none"], [0.0, 0.1, 1.0], [-100, 1]
    ):
        z, y = problem(shape)
        upstream = 2 + torch.arange(y.numel() if reduction == "none" else 1)
        upstream = upstream.reshape(y.shape if reduction == "none" else ()).double()
        if shape:
            y.view(-1)[1] = ignore
        options = {"label_smoothing": smoothing, "reduction": reduction}
        same(z, y, upstream=upstream, ignore_index=ignore, **options)


@case
def ties_are_counted_wherever_they_lie():
    k = 11
    for smoothing in (0.0, 0.1):
        for columns in ([0, k - 1], [0, 1], [k - 2, k - 1], range(k)):
            z, _ = problem((k,))
            z[:, list(columns)] = 20.0
            same(z, torch.arange(k), label_smoothing=smoothing, reduction="none")
    z = torch.zeros(1, k, dtype=torch.float64)
    loss, _ = same(z, torch.tensor([3]))
    assert abs(float(loss) - math.log(k)) < 1e-15


@case
def exact_to_eight_ulps():
    world, rank = dist.get_world_size(), dist.get_rank()
    tall = [([40.0, *[0.1] * 999], 0), ([*[0.1] * 999, 40.0], 999)]
    for dtype, (values, y) in itertools.product(
        (torch.float64, torch.float32), [*FIXED, *tall]
    ):
        values = [*values, *[-60.0] * (2 * world - len(values))]
        z = torch.tensor([values], dtype=dtype)
        part = z.tensor_split(world, 1)[rank].clone().requires_grad_()
        loss = vocab_parallel_cross_entropy(part, torch.tensor([y]))
        loss.backward()
        true_loss, true_grad = exact(z[0].numpy(), y)
        assert true_loss == 0 or loss > 0
        assert ulps(loss.item(), true_loss, z.numpy().dtype.type) <= 8, (values[:4], y)
        first = sum(x.shape[1] for x in z.tensor_split(world, 1)[:rank])
        if first <= y < first + part.shape[1]:
            got = part.grad[0, y - first].item()
            assert ulps(got, true_grad, z.numpy().dtype.type) <= 8, (values[:4], y)


@case
def confident_predictions_are_not_rounded_to_zero():
    z = torch.zeros(2, 11)
    z[0, 0] = z[1, 10] = 60.0
    loss, grad = same(z, torch.tensor([0, 10]), 1e-6, reduction="none")
    torch.testing.assert_close(loss, torch.full((2,), 10 * math.exp(-60)))
    assert (grad != 0).all()


@case
def masked_logits():
    z, y = problem((4,))
    shard(z)[0] = -INF  # for each rank another mask, so that none agrees
    z, _ = problem((4,))
    z[0, :4], z[1, 4:], z[2, 5] = -INF, -INF, -INF
    y = torch.tensor([5, 2, 5, 0])
    loss, grad = same(z, y, reduction="none")
    assert loss[2] == INF
    assert grad.isfinite().all()
    same(z, y, label_smoothing=0.1, reduction="none")
    same(z, y, label_smoothing=1.0, reduction="none")
    z[3] = -INF
    assert same(z, y, reduction="none")[0][3].isnan()
    z[3, 10] = math.nan
    assert same(z, y, reduction="none")[0][3].isnan()


@case
def ignored_rows_are_no_rows():
    z, y = problem()
    z[2], y[2], y[4] = math.nan, -100, -100
    for smoothing in (0.0, 0.1):
        loss, grad = same(z, y, label_smoothing=smoothing)
        keep = y != -100
        (alone, _), _ = both(z[keep], y[keep], label_smoothing=smoothing)
        assert abs(loss - alone) < 1e-14
        assert (grad[~keep] == 0).all()


@case
def nothing_to_average():
    z, y = problem()
    y[:] = -100
    loss, grad = same(z, y)
    assert loss.isnan()
    assert (grad == 0).all()
    assert same(z, y, reduction="sum")[0] == 0
    assert same(z[:0], y[:0])[0].isnan()
    assert same(z[:0], y[:0], reduction="none")[0].shape == (0,)


@case
def single_and_half_precision():
    for dtype, tolerance in (
        (torch.float32, 2e-6),
        (torch.bfloat16, 2e-2),
        (torch.float16, 2e-3),
    ):
        for smoothing in (0.0, 0.1):
            z, y = problem((8,), 300, dtype)
            options = {"label_smoothing": smoothing, "reduction": "none"}
            loss, grad = same(z, y, tolerance, **options)
            assert loss.dtype == grad.dtype == dtype
            (_, grad), (_, dense) = both(z, y, **options)
            normal = dense.abs() > 1e-4
            error = (grad.float() / dense.float() - 1)[normal].abs().max()
            assert error < 2 * torch.finfo(dtype).eps + 2e-6, (dtype, error)


@case
def far_from_zero():
    for offset in (-1000.0, 1000.0, 55.0):
        z, y = problem()
        same(z + offset, y, label_smoothing=0.1, reduction="none")


@case
def blocks_do_not_show():
    z, y = problem()
    usual = _kernel.BLOCK
    for dtype, tolerance in ((torch.float64, 1e-14), (torch.bfloat16, 1e-2)):
        (loss, grad), _ = both(z.to(dtype), y, label_smoothing=0.1)
        _kernel.BLOCK = 5
        try:
            (again, grad_again), _ = both(z.to(dtype), y, label_smoothing=0.1)
        finally:
            _kernel.BLOCK = usual
        near = {"rtol": tolerance, "atol": tolerance}
        torch.testing.assert_close(again, loss, **near)
        torch.testing.assert_close(grad_again, grad, **near)


@case
def labels_and_strides_of_any_kind():
    # more classes than an octet can count
    z, y = problem((4, 3), 600)
    y %= 200
    (loss, grad), _ = both(z, y)
    for kind in (torch.uint8, torch.int32):
        (other, other_grad), _ = both(z, y.to(kind))
        assert other == loss
        assert (other_grad == grad).all()
    across = shard(z).clone().mT.contiguous().mT.requires_grad_()
    turned = vocab_parallel_cross_entropy(across, y.T.contiguous().T)
    turned.backward()
    assert turned == loss
    assert (across.grad == grad).all()


@case
def groups_of_some_ranks():
    world = dist.get_world_size()
    members = [world - 2, world - 1]
    group = dist.new_group(members)
    if dist.get_rank() in members:
        same(*problem(), group=group)
        same(*problem((4, 3)), group=group)


# --- what is exchanged -----------------------------------------------------


@case
def two_collectives_forward_and_none_backward():
    single, double, half = torch.float32, torch.float64, torch.bfloat16
    for (smoothing, numbers), (dtype, sent) in itertools.product(
        ((0.0, 3), (0.1, 4)), ((single, single), (double, double), (half, single))
    ):
        z, y = problem((6,), dtype=dtype)
        part = shard(z).clone().requires_grad_()
        with Collectives() as forward:
            loss = vocab_parallel_cross_entropy(part, y, label_smoothing=smoothing)
        assert forward.seen == [
            ("allreduce_.default", (6,), sent),
            ("allreduce_.default", (numbers, 6), sent),
        ]
        with Collectives() as backward:
            loss.backward()
        assert backward.seen == []


@case
def the_store_does_not_grow():
    group = dist.new_group()
    store = dist.distributed_c10d._get_process_group_store(group)
    held = []
    for _ in range(4):
        both(*problem(), group=group)
        dist.barrier()
        held.append(store.num_keys())
        dist.barrier()
    assert held[1] == held[3], held


@case
def differentiating_is_for_once_and_only_if_asked():
    z, y = problem()
    part = shard(z).clone()
    assert not vocab_parallel_cross_entropy(part, y).requires_grad
    part.requires_grad_()
    with torch.no_grad():
        assert not vocab_parallel_cross_entropy(part, y).requires_grad
    loss = vocab_parallel_cross_entropy(part, y)
    with pytest.raises(RuntimeError, match="create_graph must be False"):
        torch.autograd.grad(loss, part, create_graph=True)


# --- when ranks disagree or fail -------------------------------------------

DIFFERENT = {
    "the shape of target": lambda z, y: ((z[1:], y[1:]), {}),
    "the type of local_logits": lambda z, y: ((z.float(), y), {}),
    "the checksum of target": lambda z, y: ((z, y.roll(1)), {}),
    "ignore_index": lambda z, y: ((z, y), {"ignore_index": 1}),
    "label_smoothing": lambda z, y: ((z, y), {"label_smoothing": 0.1}),
    "reduction": lambda z, y: ((z, y), {"reduction": "sum"}),
}


def refused(kind, match, arrays, **options):
    start = time.monotonic()
    with pytest.raises(kind, match=match):
        vocab_parallel_cross_entropy(*arrays, **options)
    assert time.monotonic() - start < 3 * PATIENCE


@case
def ranks_that_disagree_are_named():
    odd = dist.get_world_size() - 1
    for name, change in DIFFERENT.items():
        group = dist.new_group(timeout=timedelta(seconds=PATIENCE))
        z, y = problem()
        arrays, options = (shard(z), y), {}
        if dist.get_rank() == odd:
            arrays, options = change(*arrays)
        match = rf"{name} must be the same on every rank, got {{0: (.*), {odd}: (?!\1)"
        refused(RuntimeError, match, arrays, group=group, **options)


@case
def a_rank_with_wrong_input_tells_the_others():
    odd = dist.get_world_size() - 1
    group = dist.new_group(timeout=timedelta(seconds=PATIENCE))
    z, y = problem()
    if dist.get_rank() == odd:
        match = r"^label_smoothing must lie in \[0, 1\], got 2"
        refused(ValueError, match, (shard(z), y), group=group, label_smoothing=2)
    else:
        match = rf"0: 'valid'.*, {odd}: .ValueError.*got 2"
        refused(RuntimeError, match, (shard(z), y), group=group)


@case
def labels_are_checked_against_all_classes():
    z, y = problem()
    y[3] = 11
    match = r"target must lie in \[0, 11\) or equal ignore_index=-100, got maximum 11"
    refused(ValueError, match, (shard(z), y))
    same(*problem())


@case
def a_rank_that_raised_before_is_named():
    odd = dist.get_world_size() - 1
    group = dist.new_group(timeout=timedelta(seconds=PATIENCE))
    z, y = problem()
    if dist.get_rank() != odd:
        match = rf"0: 'valid'.*, {odd}: 'no call within 0:00:0{PATIENCE}'"
        refused(RuntimeError, match, (shard(z), y), group=group)


@case
def a_rank_that_left_is_named():
    """Comes last: its last rank does not return."""
    odd = dist.get_world_size() - 1
    group = dist.new_group(timeout=timedelta(seconds=PATIENCE))
    if dist.get_rank() != odd:
        z, y = problem()
        refused(RuntimeError, rf"{odd}: 'no call within", (shard(z), y), group=group)


def outcome(check):
    """Run a case; return what it met, or None."""
    try:
        check()
    except BaseException:
        return traceback.format_exc()
    return None


def main(folder, rank, world, port):
    torch.set_num_threads(1)
    # whoever failed waits longer for the others than they wait for it
    meeting = dist.TCPStore("127.0.0.1", port, timeout=timedelta(seconds=100))
    group = {"store": meeting, "rank": rank, "world_size": world}
    dist.init_process_group("gloo", timeout=timedelta(seconds=30), **group)
    store = dist.distributed_c10d._get_default_store()
    found = dict.fromkeys(CASES, "not run, because a case before it failed")
    for name, check in CASES.items():
        found[name] = outcome(check)
        # after a failure the ranks are out of step
        store.set(f"{name} {rank}", "failed" if found[name] else "passed")
        if b"failed" in [store.get(f"{name} {other}") for other in range(world)]:
            break
    path = Path(folder) / f"{rank}.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    # a group is not torn down by those that are left of it
    os._exit(0)


def fork(work, *arguments):
    """Return the number of a process that does this, and then ends."""
    if number := os.fork():
        return number
    try:
        work(*arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def meet(told):
    """Keep the store where ranks meet: it outlives those that leave."""
    # on a port that the system chooses: two programs never get the same one
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    os.write(told, str(store.port).encode())
    signal.pause()
    del store


def run(folder, world):
    """Start the ranks of a group, and wait for them."""
    heard, told = os.pipe()
    host = fork(meet, told)
    port = int(os.read(heard, 16))
    for number in [fork(main, folder, rank, world, port) for rank in range(world)]:
        os.waitpid(number, 0)
    os.kill(host, signal.SIGKILL)
    os.waitpid(host, 0)
    os.close(heard)
    os.close(told)


if __name__ == "__main__":
    for _argument in sys.argv[1:]:
        _folder, _, _world = _argument.rpartition(":")
        run(_folder, int(_world))
