"""vocab_parallel_cross_entropy: equal to the dense loss, in two collectives.

What needs several processes is in sharded.py; here it is started, once for all
numbers of ranks, and the reports are read.
"""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

dist = pytest.importorskip("torch.distributed")
if not dist.is_available():
    pytest.skip("this torch has no torch.distributed", allow_module_level=True)

import sharded  # noqa: E402
import torch  # noqa: E402

import celib.parallel  # noqa: E402
from celib._autograd import exp_of_gap  # noqa: E402
from celib.parallel import vocab_parallel_cross_entropy  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


WORLDS = (2, 4)


def launch(folders):
    """Run the cases in groups of several processes; leave no process behind."""
    groups = [f"{folder}:{world}" for world, folder in folders.items()]
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "sharded.py"), *groups],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            return run.communicate(timeout=300)[0]
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Number of ranks → folder of their reports; and what was printed meanwhile."""
    folders = {world: tmp_path_factory.mktemp(f"world-{world}") for world in WORLDS}
    return folders, launch(folders)


@pytest.fixture(scope="module", params=WORLDS)
def reports(request, folders):
    """What each rank found, case by case."""
    folder, said = folders[0][request.param], folders[1]
    paths = [folder / f"{rank}.json" for rank in range(request.param)]
    assert all(path.exists() for path in paths), said
    return [json.loads(path.read_text("utf-8")) for path in paths]


@pytest.mark.parametrize("name", sharded.CASES)
def test_on_every_rank(reports, name):
    for rank, found in enumerate(reports):
        assert found[name] is None, f"rank {rank}: {found[name]}"


# --- a world of one --------------------------------------------------------


@pytest.fixture
def alone():
    store = dist.HashStore()
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradcheck(reduction, smoothing):
    z, y = sharded.problem((4,), 3)
    z.requires_grad_()
    y[1] = -100

    def f(z):
        return vocab_parallel_cross_entropy(
            z, y, label_smoothing=smoothing, reduction=reduction
        )

    assert torch.autograd.gradcheck(f, (z,))


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("kind", "ignored"), [(torch.uint8, -100), (torch.uint8, 255), (torch.int8, 255)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_narrow_labels_do_not_wrap(kind, ignored, dtype):
    # in eight bits -100 is 156, and 255 is -1
    z, _ = sharded.problem((4,), 200, dtype)
    y = torch.tensor([120, 127, 1, 0], dtype=kind)
    if kind == torch.uint8:
        y[0] = 156
    found = vocab_parallel_cross_entropy(z, y, ignore_index=ignored)
    assert found == vocab_parallel_cross_entropy(z, y.long())


@pytest.mark.usefixtures("alone")
def test_no_label_need_be_ignored():
    z, y = sharded.problem((4,), 3)
    expected = vocab_parallel_cross_entropy(z, y)
    assert vocab_parallel_cross_entropy(z, y, ignore_index=None) == expected
    y[0] = -100
    with pytest.raises(ValueError, match=r"must lie in \[0, 3\), got minimum -100"):
        vocab_parallel_cross_entropy(z, y, ignore_index=None)


@pytest.mark.usefixtures("alone")
def test_a_scaled_loss_keeps_small_gradients_of_half_precision():
    # 1e-8 is below the least float16, but not once training scales the loss
    z = torch.tensor([[18.0, 0.0]], dtype=torch.float16, requires_grad=True)
    loss = vocab_parallel_cross_entropy(z, torch.tensor([0]))
    (loss * 2**12).backward()
    assert float(z.grad[0, 1]) == pytest.approx(math.exp(-18) * 2**12, rel=1e-3)


@pytest.mark.usefixtures("alone")
def test_autocast_leaves_the_loss_in_single_precision():
    z, y = sharded.problem((4,), 3, torch.bfloat16)
    z.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = vocab_parallel_cross_entropy(z, y)
    assert loss.dtype == torch.float32
    loss.backward()
    assert z.grad.dtype == torch.bfloat16
    expected = vocab_parallel_cross_entropy(z.detach().float(), y)
    assert loss.detach() == expected


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_what_numpy_cannot_follow_goes_the_same_way(monkeypatch, smoothing):
    # as on an accelerator
    z, y = sharded.problem((4,), 30)
    z = torch.cat([z, z + 1000, z - 1000, z + 55])
    y = y.repeat(4)
    results = []
    for on_accelerator in (False, True):
        if on_accelerator:

            def exponentials(z, largest, out):
                out.copy_(exp_of_gap(z, largest[:, None]))

            monkeypatch.setattr(celib.parallel, "_exponentials", exponentials)
        leaf = z.clone().requires_grad_()
        loss = vocab_parallel_cross_entropy(leaf, y, label_smoothing=smoothing)
        loss.backward()
        results.append((loss.detach(), leaf.grad))
    torch.testing.assert_close(*results, rtol=1e-13, atol=1e-14)


def in_forward_mode(f):
    def along_itself(z):
        with torch.autograd.forward_ad.dual_level():
            f(torch.autograd.forward_ad.make_dual(z, z))

    return along_itself


FOLLOWED = {
    "func.grad": torch.func.grad,
    "jacfwd": torch.func.jacfwd,
    "vmap": lambda f: lambda z: torch.func.vmap(f)(z[None]),
    "make_fx": torch.fx.experimental.proxy_tensor.make_fx,
    "compile": lambda f: torch.compile(f, backend="eager"),
    "jit.trace": lambda f: lambda z: torch.jit.trace(f, (z,)),
    "meta": lambda f: lambda z: f(z.to("meta")),
    "forward mode": in_forward_mode,
}


# torch says so of itself
@pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", FOLLOWED)
def test_what_ranks_cannot_exchange_is_refused(name):
    z, y = sharded.problem((4,), 3)

    def f(z):
        return vocab_parallel_cross_entropy(z, y.to(z.device))

    follow = FOLLOWED[name](f)
    with pytest.raises(RuntimeError, match="must be numbers that ranks can exchange"):
        follow(z)


REFUSALS = [
    (
        TypeError,
        "floating-point numbers, got torch.int64",
        {"z": torch.zeros(2, 3).long()},
    ),
    (TypeError, "local_logits must be a tensor, got list", {"z": [[0.0]]}),
    (TypeError, "must hold class indices, got torch.float32", {"y": torch.ones(2, 3)}),
    (TypeError, "integer class indices, got bool", {"y": torch.ones(2).bool()}),
    (
        ValueError,
        r"must have shape \(2,\) beside local_logits",
        {"y": torch.ones(3).long()},
    ),
    (ValueError, "got minimum -1", {"y": torch.tensor([0, -1])}),
    (ValueError, "at least one entry along axis=-1", {"z": torch.zeros(2, 0)}),
    (ValueError, "reduction must be one of", {"reduction": "avg"}),
    (ValueError, r"label_smoothing must lie in \[0, 1\]", {"label_smoothing": 1.5}),
]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("kind", "match", "changed"), REFUSALS)
def test_wrong_input_is_refused(kind, match, changed):
    given = {"z": torch.zeros(2, 3), "y": torch.tensor([0, 1])} | changed
    with pytest.raises(kind, match=match):
        vocab_parallel_cross_entropy(given.pop("z"), given.pop("y"), **given)


@pytest.mark.usefixtures("alone")
def test_numpy_arrays_are_refused():
    z, y = torch.zeros(2, 3).numpy(), torch.tensor([0, 1]).numpy()
    with pytest.raises(TypeError, match="local_logits must be a tensor"):
        vocab_parallel_cross_entropy(z, y)


@pytest.mark.usefixtures("alone")
def test_distributed_tensors_are_refused():
    mesh = dist.init_device_mesh("cpu", (1,))
    z = dist.tensor.DTensor.from_local(torch.zeros(2, 3), mesh)
    with pytest.raises(TypeError, match=r"must not be a DTensor: .*to_local\(\)"):
        vocab_parallel_cross_entropy(z, torch.tensor([0, 1]))


@pytest.mark.usefixtures("alone")
def test_labels_are_checked_although_a_mode_looks_on():
    z, y = sharded.problem((4,), 3)
    y[1] = 3
    with sharded.Collectives(), pytest.raises(ValueError, match="got maximum 3"):
        vocab_parallel_cross_entropy(z, y)


def test_a_group_is_needed():
    with pytest.raises(ValueError, match="Default process group has not been init"):
        vocab_parallel_cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1]))
