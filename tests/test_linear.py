"""linear_cross_entropy: the dense loss to the letter, and never its logits."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import torch
from arrays import exactly, ulps
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import celib.linear
from celib.linear import linear_cross_entropy
from celib.losses import cross_entropy

N, D, K = 11, 4, 6
GRID = list(
    itertools.product(
        [False, True],
        [0.0, 0.1, 1.0],
        [-100, 1],
        ["mean", "sum", "none"],
        [1, 3, 7, N, 50, None],
    )
)


def problem(shape=(N,), *, biased=True, ignore=-100, dtype=torch.float64):
    made = torch.Generator().manual_seed(0)
    hidden = torch.randn(*shape, D, generator=made, dtype=torch.float64)
    weight = torch.randn(K, D, generator=made, dtype=torch.float64)
    bias = torch.randn(K, generator=made, dtype=torch.float64)
    target = torch.randint(0, K, shape, generator=made)
    if target.ndim:
        target.view(-1)[::4] = ignore
    leaves = [x.to(dtype).requires_grad_() for x in (hidden, weight, bias)]
    return leaves[: 2 + biased], target


def ours(leaves, target, **options):
    hidden, weight, *bias = leaves
    bias = bias[0] if bias else None
    return linear_cross_entropy(hidden, weight, target, bias=bias, **options)


def dense(leaves, target, **options):
    return cross_entropy(F.linear(*leaves), target, **options)


def upstream(loss):
    # neither all alike nor all positive
    return torch.linspace(-1, 2, loss.numel(), dtype=loss.dtype).reshape(loss.shape)


def gradients(loss, leaves):
    return torch.autograd.grad(loss, leaves, upstream(loss))


@pytest.mark.parametrize(("biased", "smoothing", "ignore", "reduction", "chunk"), GRID)
def test_equals_the_dense_loss_under_every_option(
    biased, smoothing, ignore, reduction, chunk
):
    leaves, target = problem(biased=biased, ignore=ignore)
    options = {
        "ignore_index": ignore,
        "label_smoothing": smoothing,
        "reduction": reduction,
    }
    expected = dense(leaves, target, **options)
    loss = ours(leaves, target, chunk_size=chunk, **options)
    assert loss.dtype == torch.float64
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    found, wanted = gradients(loss, leaves), gradients(expected, leaves)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 0), (2, 1, 4)])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_tokens_may_have_any_axes(shape, reduction):
    leaves, target = problem(shape)
    loss = ours(leaves, target, reduction=reduction, chunk_size=2)
    expected = dense(leaves, target, reduction=reduction)
    assert loss.shape == expected.shape
    torch.testing.assert_close(loss, expected, equal_nan=True)
    torch.testing.assert_close(gradients(loss, leaves), gradients(expected, leaves))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradcheck(reduction, smoothing):
    leaves, target = problem()

    def f(*leaves):
        options = {"reduction": reduction, "label_smoothing": smoothing}
        return ours(leaves, target, chunk_size=3, **options)

    assert torch.autograd.gradcheck(f, leaves)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_no_worse_than_the_dense_loss(dtype):
    made = torch.Generator().manual_seed(1)
    leaves = [torch.randn(n, 64, generator=made) for n in (300, 1000)]
    leaves = [x.to(dtype).requires_grad_() for x in leaves]
    target = torch.randint(0, 1000, (300,), generator=made)
    wide = [x.detach().double().requires_grad_() for x in leaves]
    truth = cross_entropy(F.linear(*wide), target)
    reference = F.cross_entropy(F.linear(*leaves), target)
    loss = ours(leaves, target, chunk_size=70)
    assert loss.dtype == torch.float32
    error = abs(float(loss.detach()) - float(truth.detach()))
    assert error <= abs(float(reference.detach()) - float(truth.detach())) + 1e-6
    exact = gradients(truth, wide)
    found, peer = gradients(loss, leaves), gradients(reference, leaves)
    for true, mine, theirs in zip(exact, found, peer, strict=True):
        assert mine.dtype == dtype
        worst = (mine.double() - true).abs().max()
        half_an_ulp = torch.finfo(dtype).eps / 2 * true.abs().max()
        assert worst <= (theirs.double() - true).abs().max() + half_an_ulp


def test_types_may_differ():
    # as where activations are half as wide as the weights that are trained
    leaves, target = problem(dtype=torch.float32)
    hidden, *others = leaves
    narrow = hidden.detach().bfloat16().requires_grad_()
    wide = narrow.detach().float().requires_grad_()
    loss, expected = ours([narrow, *others], target), ours([wide, *others], target)
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == float(expected.detach())
    found = gradients(loss, [narrow, *others])
    wanted = gradients(expected, [wide, *others])
    assert [g.dtype for g in found] == [torch.bfloat16, torch.float32, torch.float32]
    torch.testing.assert_close(found[0], wanted[0].bfloat16(), rtol=0, atol=0)
    torch.testing.assert_close(found[1:], wanted[1:], rtol=0, atol=0)


def test_a_scaled_loss_keeps_small_gradients_of_half_precision():
    # 1e-8 is below the least float16, but not once training scales the loss
    n = 1 << 12
    hidden = torch.zeros(n, 1, dtype=torch.float16, requires_grad=True)
    weight = torch.tensor([[-1e-4], [0.0]], dtype=torch.float16)
    loss = linear_cross_entropy(hidden, weight, torch.zeros(n, dtype=torch.int64))
    (loss * 2**16).backward()
    assert float(hidden.grad[0, 0]) == pytest.approx(0.5e-4 / n * 2**16, rel=1e-2)


CONFIDENT = [[46, 0, 0], [20, 1, -3], [700, 2, 1], [-50, -60, -100], [2, 5, 0.5]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z", CONFIDENT)
def test_confident_predictions_are_exact_to_eight_ulps(dtype, z):
    # one token after the other: products with one are not rounded
    hidden = torch.ones(2, 1, dtype=torch.from_numpy(np.ones(1, dtype)).dtype)
    weight = torch.from_numpy(np.array(z, dtype)[:, None]).requires_grad_()
    bias = torch.zeros_like(weight[:, 0]).detach().requires_grad_()
    loss = ours([hidden, weight, bias], torch.tensor([0, 0]), chunk_size=1)
    loss.backward()
    first, *others = exactly(weight.detach().numpy())
    true_loss, true_grad = reference(first, others)
    # below the least float32 nothing can be asked
    if abs(true_loss) > np.finfo(dtype).tiny:
        assert ulps(loss.detach(), true_loss, dtype) <= 8
        assert ulps(bias.grad[0], true_grad, dtype) <= 8
        assert ulps(weight.grad[0, 0], true_grad, dtype) <= 8
    assert float(loss.detach()) > 0 or true_loss < np.finfo(dtype).tiny


def reference(first, others):
    from mpmath import exp, fsum, log1p

    rest = fsum(exp(v - first) for v in others)
    return log1p(rest), -rest / (1 + rest)


class Allocations(TorchDispatchMode):
    """See every tensor that is formed; remember how many numbers its memory has."""

    def __init__(self):
        super().__init__()
        self.sizes, self.made = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for x in result if isinstance(result, tuple | list) else [result]:
            if isinstance(x, torch.Tensor):
                size = x.untyped_storage().nbytes() // x.element_size()
                self.sizes.append(size)
                if func is torch.ops.aten.new_empty.default:
                    self.made.append(size)
        return result


def numpy_peak(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_logits_are_never_whole(reduction, smoothing):
    n, k, chunk = 3000, 2000, 25
    hidden = torch.randn(n, 2, requires_grad=True)
    weight = torch.randn(k, 2, requires_grad=True)
    target = torch.randint(0, k, (n,))
    options = {"reduction": reduction, "label_smoothing": smoothing}

    def call(chunk=chunk):
        loss = ours([hidden, weight], target, chunk_size=chunk, **options)
        loss.sum().backward()

    call()
    with Allocations() as seen:
        call()
    assert max(seen.sizes) == chunk * k
    # a buffer that the chunks share, and once more in a backward pass of its own
    sweeps = 2 if reduction == "none" else 1
    assert seen.made.count(chunk * k) == sweeps
    # what NumPy takes for itself, of which smoothing needs some
    assert numpy_peak(call) < 4 * chunk * k * (5 if smoothing else 1.2)
    with Allocations() as seen:
        call(chunk=n)
    assert max(seen.sizes) == n * k


def test_the_chunks_of_a_small_vocabulary_are_longer(monkeypatch):
    lengths = []
    costs_of = celib.linear._costs_in_numpy

    def spy(z, *others):
        lengths.append(len(z))
        return costs_of(z, *others)

    monkeypatch.setattr(celib.linear, "_costs_in_numpy", spy)
    monkeypatch.setattr(celib.linear, "LOGITS_PER_CHUNK", 5 * K)
    monkeypatch.setattr(celib.linear, "LEAST_TOKENS_PER_CHUNK", 3)
    hidden, target = torch.zeros(N, D), torch.zeros(N, dtype=torch.int64)
    linear_cross_entropy(hidden, torch.zeros(K, D), target)
    assert lengths == [5, 5, 1]
    lengths.clear()
    linear_cross_entropy(hidden, torch.zeros(100, D), target)
    assert lengths == [3, 3, 3, 2]
    # what is ignored takes no room
    lengths.clear()
    target[2:] = -100
    linear_cross_entropy(hidden, torch.zeros(K, D), target)
    assert lengths == [2]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_with_ignored_tokens_equals_the_batch_without(reduction):
    leaves, target = problem()
    with torch.no_grad():
        leaves[0][target == -100] = math.nan
    hidden, *others = leaves
    kept = hidden.detach()[target >= 0].requires_grad_()
    options = {"reduction": reduction, "chunk_size": 3}
    loss = ours(leaves, target, **options)
    without = ours([kept, *others], target[target >= 0], **options)
    assert float(loss.detach()) == pytest.approx(float(without.detach()), rel=1e-15)
    found, expected = gradients(loss, leaves), gradients(without, [kept, *others])
    torch.testing.assert_close(found[0][target >= 0], expected[0])
    assert (found[0][target == -100] == 0).all()
    torch.testing.assert_close(found[1:], expected[1:])


def test_all_ignored():
    leaves, target = problem()
    target[:] = -100
    loss = ours(leaves, target)
    assert math.isnan(loss.detach())
    assert all((g == 0).all() for g in torch.autograd.grad(loss, leaves))
    assert float(ours(leaves, target, reduction="sum").detach()) == 0
    assert (ours(leaves, target, reduction="none") == 0).all()


def buffers_of(call, monkeypatch):
    """What gradients a call forms."""
    made = []
    usual = celib.linear._costs_and_gradients

    def spy(*args, **more):
        costs, grads = usual(*args, **more)
        made.extend(g is not None for g in grads)
        return costs, grads

    with monkeypatch.context() as m:
        m.setattr(celib.linear, "_costs_and_gradients", spy)
        call()
    return made


def test_only_gradients_that_are_needed_are_formed(monkeypatch):
    leaves, target = problem()
    assert buffers_of(lambda: ours(leaves, target), monkeypatch) == [True] * 3
    fixed = [x.detach() for x in leaves]
    assert buffers_of(lambda: ours(fixed, target), monkeypatch) == [False] * 3
    with torch.no_grad():
        assert buffers_of(lambda: ours(leaves, target), monkeypatch) == [False] * 3
        assert not ours(leaves, target).requires_grad
    for i in range(3):
        mixed = [leaf if i == j else leaf.detach() for j, leaf in enumerate(leaves)]
        made = buffers_of(lambda mixed=mixed: ours(mixed, target), monkeypatch)
        assert made == [i == j for j in range(3)]
        (found,) = gradients(ours(mixed, target), [leaves[i]])
        torch.testing.assert_close(
            found, gradients(dense(leaves, target), leaves)[i], rtol=1e-12, atol=1e-12
        )
    lazy = buffers_of(lambda: ours(leaves, target, reduction="none"), monkeypatch)
    assert lazy == [False] * 3


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_retained_graph_gives_the_same_gradient_again(reduction):
    leaves, target = problem()
    loss = ours(leaves, target, reduction=reduction, chunk_size=3)
    by = upstream(loss)
    first = torch.autograd.grad(loss, leaves, 2 * by, retain_graph=True)
    kept = [g.clone() for g in first]
    for g in first:
        g.zero_()
    again = torch.autograd.grad(loss, leaves, by)
    torch.testing.assert_close([2 * g for g in again], kept, rtol=1e-14, atol=1e-15)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, leaves, by)


def test_a_target_changed_before_the_backward_pass_is_noticed():
    leaves, target = problem()
    loss = ours(leaves, target, reduction="none")
    target += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.sum().backward()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_differentiating_twice(reduction, smoothing):
    leaves, target = problem()
    options = {"reduction": reduction, "label_smoothing": smoothing}
    loss = ours(leaves, target, chunk_size=3, **options)
    first = torch.autograd.grad(loss, leaves, upstream(loss), create_graph=True)
    expected = gradients(
        dense(leaves, target, reduction=reduction, label_smoothing=smoothing), leaves
    )
    torch.testing.assert_close(first, expected, rtol=1e-12, atol=1e-12)

    def f(*leaves):
        return ours(leaves, target, **options)

    assert torch.autograd.gradgradcheck(f, leaves)


def test_differentiating_twice_where_one_input_is_made_of_another():
    # the gradient of each input leaves out what comes through the others
    leaves, target = problem(biased=False)
    hidden, weight = leaves

    def gradient(loss_of, **more):
        bias = weight.sum(-1) ** 2
        loss = loss_of([hidden, weight, bias], target)
        return torch.autograd.grad(loss, leaves, **more)

    found = gradient(ours, create_graph=True)
    torch.testing.assert_close(found, gradient(dense), rtol=1e-12, atol=1e-12)


def test_inputs_with_gaps_in_memory():
    (hidden, weight, bias), target = problem((3, 5))
    wanted = dense([hidden, weight, bias], target)
    expected = gradients(wanted, [hidden, weight, bias])
    apart = [
        torch.stack([hidden, hidden], -1)[..., 0].transpose(0, 1),
        weight.T.contiguous().T,
        torch.stack([bias, bias], -1)[..., 0],
    ]
    assert not any(x.is_contiguous() for x in apart)
    loss = ours(apart, target.T, chunk_size=4)
    found = gradients(loss, [hidden, weight, bias])
    torch.testing.assert_close(loss, wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "kind", [torch.uint8, torch.int16, torch.int32, torch.uint64], ids=str
)
def test_labels_of_any_integer_type(kind):
    leaves, target = problem(ignore=1)
    loss = ours(leaves, target.to(kind))
    assert float(loss.detach()) == float(ours(leaves, target).detach())
    if kind == torch.uint8:
        # what -100 would wrap to is not ignored
        with pytest.raises(ValueError, match="got maximum 156"):
            ours(leaves, torch.full((N,), 156, dtype=kind))


@pytest.mark.parametrize(
    ("kind", "ignored"), [(torch.uint8, -100), (torch.uint8, 255), (torch.int8, 255)]
)
def test_narrow_labels_do_not_wrap(kind, ignored):
    # in eight bits -100 is 156, and 255 is -1
    chance = torch.Generator().manual_seed(2)
    inputs = [torch.randn(n, D, generator=chance).double() for n in (4, 200)]
    target = torch.tensor([120, 127, 1, 0], dtype=kind)
    if kind == torch.uint8:
        target[0] = 156
    found = ours(inputs, target, ignore_index=ignored)
    expected = F.cross_entropy(F.linear(*inputs), target.long())
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_no_label_need_be_ignored():
    leaves, target = problem(ignore=1)
    expected = ours(leaves, target)
    assert ours(leaves, target, ignore_index=None) == expected
    found = dense(leaves, target, ignore_index=None)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match=r"must lie in \[0, 6\), got minimum -100"):
        ours(leaves, torch.full((N,), -100), ignore_index=None)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_what_numpy_cannot_follow_goes_the_same_way(monkeypatch, smoothing):
    # as on an accelerator
    leaves, target = problem()
    options = {"label_smoothing": smoothing, "chunk_size": 3}
    expected = ours(leaves, target, **options)
    wanted = gradients(expected, leaves)

    monkeypatch.setattr(celib.linear, "_costs_in_numpy", celib.linear._costs_in_torch)
    loss = ours(leaves, target, **options)
    torch.testing.assert_close(loss, expected, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(gradients(loss, leaves), wanted, rtol=1e-13, atol=1e-14)


# --- where the operations are asked for, and not only their result ---------

# what torch's own transforms are made of
SAYS_SO_OF_ITSELF = pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated")


def fixed_problem():
    leaves, target = problem()
    return [x.detach() for x in leaves], target


def loss_and_reference(target, **options):
    def f(*inputs):
        return ours(inputs, target, chunk_size=3, **options)

    def g(*inputs):
        return dense(inputs, target, **options)

    return f, g


@SAYS_SO_OF_ITSELF
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_transforms_of_torch_func(reduction):
    inputs, target = fixed_problem()
    every = (0, 1, 2)
    f, g = loss_and_reference(target, reduction=reduction, label_smoothing=0.1)
    leaves = [x.clone().requires_grad_() for x in inputs]
    expected = torch.autograd.functional.jacobian(g, tuple(leaves))
    near = {"rtol": 1e-12, "atol": 1e-12}
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        found = jacobian(f, every)(*inputs)
        torch.testing.assert_close(found, expected, **near)
    many = torch.stack([inputs[0], 2 * inputs[0]])
    found = torch.func.vmap(lambda hidden: f(hidden, *inputs[1:]))(many)
    one_by_one = torch.stack([g(hidden, *inputs[1:]) for hidden in many])
    torch.testing.assert_close(found, one_by_one, **near)


def test_vmap_over_labels():
    inputs, target = fixed_problem()
    many = torch.stack([target, target.flip(0)])
    found = torch.func.vmap(lambda labels: ours(inputs, labels))(many)
    one_by_one = torch.stack([dense(inputs, labels) for labels in many])
    torch.testing.assert_close(found, one_by_one, rtol=1e-12, atol=1e-12)


@SAYS_SO_OF_ITSELF
def test_second_derivatives_by_torch_func():
    inputs, target = fixed_problem()
    f, g = loss_and_reference(target)
    found = torch.func.hessian(f)(*inputs)
    expected = torch.autograd.functional.hessian(
        lambda hidden: g(hidden, *inputs[1:]), inputs[0]
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@SAYS_SO_OF_ITSELF
def test_forward_mode():
    inputs, target = fixed_problem()
    f, g = loss_and_reference(target)
    tangents = tuple(torch.ones_like(x) for x in inputs)
    _, expected = torch.autograd.functional.jvp(g, tuple(inputs), tangents)
    with torch.autograd.forward_ad.dual_level():
        pairs = zip(inputs, tangents, strict=True)
        duals = [torch.autograd.forward_ad.make_dual(x, t) for x, t in pairs]
        _, tangent = torch.autograd.forward_ad.unpack_dual(f(*duals))
    torch.testing.assert_close(tangent, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_torch_compiles_it_whole(reduction):
    inputs, target = fixed_problem()
    f, g = loss_and_reference(target, reduction=reduction, label_smoothing=0.1)
    results = []
    for loss_of in (torch.compile(f, fullgraph=True, backend="aot_eager"), g):
        leaves = [x.clone().requires_grad_() for x in inputs]
        loss = loss_of(*leaves)
        results.append((loss.detach(), gradients(loss, leaves)))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


class Head(torch.nn.Module):
    """The last layer of a model, with its loss."""

    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(weight)

    def forward(self, hidden, target):
        return linear_cross_entropy(hidden, self.weight, target)


@SAYS_SO_OF_ITSELF
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_what_is_traced_stays_a_function_of_its_inputs():
    (hidden, weight, _), target = fixed_problem()
    head = Head(weight)
    written_down = {
        "export": torch.export.export(head, (hidden, target)).module(),
        "make_fx": torch.fx.experimental.proxy_tensor.make_fx(
            lambda h, y: linear_cross_entropy(h, weight, y)
        )(hidden, target),
        "jit": torch.jit.trace(head, (hidden, target)),
    }
    other = 2 * hidden
    labels = target.roll(1)
    expected = dense([other, weight], labels)
    for name, function in written_down.items():
        found = function(other, labels).detach()
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12, msg=name)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_shapes_of_tensors_without_numbers(reduction):
    inputs, target = fixed_problem()
    expected = ours(inputs, target, reduction=reduction)
    meta = [x.to("meta") for x in inputs]
    found = ours(meta, target.to("meta"), reduction=reduction)
    assert found.is_meta
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    with torch._subclasses.FakeTensorMode() as mode:
        fake = [mode.from_tensor(x) for x in inputs]
        found = ours(fake, mode.from_tensor(target), reduction=reduction)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_autocast_rounds_nothing(reduction):
    leaves, target = problem(dtype=torch.bfloat16)

    def result():
        loss = ours(leaves, target, reduction=reduction, chunk_size=3)
        return loss, gradients(loss, leaves)

    expected = result()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, found = result()
        (mapped,) = torch.func.vmap(
            lambda hidden: ours([hidden, *leaves[1:]], target, reduction=reduction)
        )(leaves[0].detach()[None])
    assert loss.dtype == torch.float32
    torch.testing.assert_close((loss, found), expected, rtol=0, atol=0)
    torch.testing.assert_close(mapped, expected[0], rtol=1e-6, atol=1e-6)


if torch.cuda.is_available():  # there, and no skip elsewhere

    @pytest.mark.parametrize("reduction", ["mean", "none"])
    def test_on_a_cuda_device(reduction):
        leaves, target = problem()
        moved = [x.detach().cuda().requires_grad_() for x in leaves]
        options = {"reduction": reduction, "label_smoothing": 0.1, "chunk_size": 3}
        loss = ours(moved, target.cuda(), **options)
        assert loss.is_cuda
        expected = ours(leaves, target, **options)
        torch.testing.assert_close(loss.cpu(), expected, rtol=1e-12, atol=1e-12)
        found = torch.autograd.grad(loss, moved, upstream(expected).cuda())
        wanted = gradients(expected, leaves)
        torch.testing.assert_close([g.cpu() for g in found], list(wanted))


HALVES = torch.full((2, 3), 0.5)
REFUSALS = [
    (TypeError, "hidden must be a torch tensor, got ndarray", {"hidden": np.ones(3)}),
    (TypeError, "bias must be a torch tensor, got list", {"bias": [0.0]}),
    (TypeError, "hidden must be dense", {"hidden": torch.ones(2, 4).to_sparse()}),
    (
        TypeError,
        r"target must hold integer class indices, got torch\.float32: probabilities",
        {"target": HALVES},
    ),
    (
        TypeError,
        "target must hold integer class indices, got bool",
        {"target": torch.tensor([True, False])},
    ),
    (
        TypeError,
        r"hidden must hold floating-point numbers, got torch\.int64",
        {"hidden": torch.ones(2, 4, dtype=torch.int64)},
    ),
    (
        TypeError,
        r"weight must hold floating-point numbers, got torch\.int64",
        {"weight": torch.ones(3, 4, dtype=torch.int64)},
    ),
    (
        ValueError,
        r"weight must have shape \(4, 4\) beside 4 hidden units, got \(4, 3\)",
        {"weight": torch.ones(4, 3)},
    ),
    (ValueError, r"got \(4,\)", {"weight": torch.ones(4)}),
    (
        ValueError,
        r"bias must have shape \(3,\) beside 4 hidden units, got \(1,\)",
        {"bias": torch.ones(1)},
    ),
    (
        ValueError,
        r"target of class indices must have shape \(2,\) beside logits of shape "
        r"\(2, 3\), got \(3,\)",
        {"target": torch.tensor([0, 1, 2])},
    ),
    (
        ValueError,
        r"target must lie in \[0, 3\) or equal ignore_index=-100, got minimum -1",
        {"target": torch.tensor([0, -1])},
    ),
    (ValueError, "got maximum 3", {"target": torch.tensor([3, 0])}),
    (
        ValueError,
        "hidden must have at least one entry along axis=-1",
        {"hidden": torch.ones(2, 0), "weight": torch.ones(3, 0)},
    ),
    (
        ValueError,
        "logits must have at least one entry along axis=-1",
        {"weight": torch.ones(0, 4)},
    ),
    (
        ValueError,
        "reduction must be one of 'mean', 'sum', 'none', got 'avg'",
        {"reduction": "avg"},
    ),
    (
        ValueError,
        r"label_smoothing must lie in \[0, 1\], got -0\.1",
        {"label_smoothing": -0.1},
    ),
    (
        ValueError,
        "chunk_size must be None or a positive integer, got 0",
        {"chunk_size": 0},
    ),
    (ValueError, r"positive integer, got 2\.5", {"chunk_size": 2.5}),
]


def test_labels_are_checked_although_a_mode_looks_on():
    leaves, target = problem()
    target[1] = K
    with Allocations(), pytest.raises(ValueError, match="got maximum 6"):
        ours(leaves, target)


@pytest.mark.parametrize(("kind", "match", "changed"), REFUSALS)
def test_wrong_input_is_refused(kind, match, changed):
    given = {
        "hidden": torch.ones(2, 4),
        "weight": torch.ones(3, 4),
        "target": torch.tensor([0, 1]),
    } | changed
    arrays = [given.pop(name) for name in ("hidden", "weight", "target")]
    with pytest.raises(kind, match=match):
        linear_cross_entropy(*arrays, **given)
