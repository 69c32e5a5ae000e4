"""What works where: every public function in every way that torch may take it."""

import inspect
import shutil
from pathlib import Path

import pytest
import support
import torch
from arrays import to_torch
from celib_reference import COLUMNS

import conftest
from celib import losses

pytestmark = pytest.mark.slow

MEASURED = [(name, way) for name in support.CALLS for way in support.WAYS]


def test_every_public_function_has_a_call():
    public = {
        f"{module.__name__.removeprefix('celib.')}.{name}"
        for module in support.MODULES
        for name in module.__all__
        if not inspect.isclass(getattr(module, name))
    }
    assert set(support.CALLS) == public


@pytest.mark.parametrize(("name", "way"), MEASURED)
def test_works_as_the_table_says(name, way):
    found = support.outcome(name, way)
    assert found == support.stored()[name][way], f"renew it: {support.RENEW}"


def test_the_table_has_a_row_for_each_function():
    table = support.stored()
    assert list(table) == list(support.CALLS)
    assert all(list(row) == list(support.WAYS) for row in table.values())


# --- the reasons ---------------------------------------------------------------


@pytest.mark.parametrize("name", support.CALLS)
def test_a_distributed_tensor_is_refused(name, group):
    from torch.distributed.tensor import Replicate, distribute_tensor

    call = support.CALLS[name]
    x = distribute_tensor(torch.tensor(call.x), group, [Replicate()])
    with pytest.raises(TypeError, match=r"must not be a DTensor: pass \w+\.full_tens"):
        call.bind(to_torch)(x)


@pytest.fixture(scope="module")
def group():
    """Start a group of this process alone."""
    from torch.distributed.device_mesh import init_device_mesh

    with support.group_of_one():
        yield init_device_mesh("cpu", (1,))


# torch says so of itself
@pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:DeprecationWarning")
def test_torch_compiles_cross_entropy_to_machine_code():
    if not shutil.which("g++"):
        conftest.lacks("torch.compile needs a C++ compiler: sudo apt install g++")
    torch._dynamo.reset()
    loss = torch.compile(losses.cross_entropy, fullgraph=True)
    z = torch.tensor(support.Z, requires_grad=True)
    labels = torch.tensor(support.LABELS)
    found = loss(z, labels)
    (grad,) = torch.autograd.grad(found, z)
    eager = losses.cross_entropy(z, labels)
    torch.testing.assert_close(found, eager)
    torch.testing.assert_close(grad, torch.autograd.grad(eager, z)[0])


# --- autocast ------------------------------------------------------------------

SCALED = {
    "cross_entropy": lambda z, y, _: losses.cross_entropy(z, y),
    "nll": lambda z, y, _: losses.nll(torch.log_softmax(z, -1), y),
    "focal_loss": lambda z, y, _: losses.focal_loss(z, y),
    "poly1_cross_entropy": lambda z, y, _: losses.poly1_cross_entropy(z, y),
    "multiclass_hinge_loss": lambda z, y, _: losses.multiclass_hinge_loss(z, y),
    "distillation_loss": lambda z, _, t: losses.distillation_loss(z, t),
    "info_nce": lambda z, *_: losses.info_nce(z[:, 0], z[:, 1:]),
    "binary_cross_entropy_with_logits": lambda z, _, t: (
        losses.binary_cross_entropy_with_logits(z, t.sigmoid())
    ),
    "sigmoid_focal_loss": lambda z, _, t: losses.sigmoid_focal_loss(z, t.sigmoid()),
    "hinge_loss": lambda z, _, t: losses.hinge_loss(z, t.sign()),
    "mse_loss": lambda z, _, t: losses.mse_loss(z, t),
}


@pytest.mark.parametrize("name", SCALED)
def test_a_scaler_at_its_default_scale_does_not_overflow(name):
    made = torch.Generator().manual_seed(0)
    layer = (0.1 * torch.randn(16, 4, generator=made)).requires_grad_()
    x = torch.randn(32, 16, generator=made)
    teacher = torch.randn(32, 4, generator=made)
    labels = torch.randint(0, 4, (32,), generator=made)
    scaler = torch.amp.GradScaler("cpu")
    with torch.autocast("cpu", dtype=torch.float16):
        logits = x @ layer
        assert logits.dtype == torch.float16
        loss = SCALED[name](logits, labels, teacher)
    assert loss.dtype == torch.float32
    scaler.scale(loss).backward()
    grad = layer.grad / scaler.get_scale()
    assert scaler.get_scale() == 2.0**16
    assert grad.isfinite().all()
    wide = layer.detach().requires_grad_()
    SCALED[name](x @ wide, labels, teacher).backward()
    torch.testing.assert_close(grad, wide.grad, rtol=0.01, atol=0.001)


# --- the table on the page -------------------------------------------------------


def test_the_page_shows_the_table(site):
    page = Path(site, "chapters", "appendix-e-reference.html").read_text()
    section = page[page.index('id="what-works-where"') :]
    for name in support.CALLS:
        assert f"{name.rpartition('.')[2]}" in section
    for heading in COLUMNS.values():
        assert heading in section
