"""celib._arrays: labels of every type, which arrays are taken, when to read numbers."""

import collections
import sys

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from arrays import both_libraries, to_numpy

from celib._arrays import (
    as_class_indices,
    as_data,
    as_probabilities,
    check_labels,
    check_not_negative,
    namespace,
    pairwise_sum,
    values_can_be_read,
)

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def indices(labels, n_classes, **options):
    return as_class_indices(namespace(target=labels), labels, n_classes, **options)


def typed(array, values, dtype):
    """Labels of a NumPy type, or of the torch type of that name."""
    if array is to_numpy:
        return np.array(values, dtype)
    return torch.tensor(values, dtype=getattr(torch, dtype))


# ---- labels


@both_libraries
@pytest.mark.parametrize("dtype", INTEGERS)
def test_labels_become_int64_and_keep_their_values(array, dtype):
    found, counted = indices(typed(array, [0, 2, 1], dtype), 3)
    assert found.tolist() == [0, 2, 1]
    assert str(found.dtype).endswith("int64")
    assert counted.tolist() == [True] * 3


@both_libraries
@pytest.mark.parametrize("dtype", INTEGERS)
def test_an_ignore_index_is_never_wrapped_into_the_labels_type(array, dtype):
    # in eight bits 156 and -100 are the same, and so are 255 and -1
    high = 156 if dtype != "int8" else 100
    found, counted = indices(typed(array, [high, 1], dtype), 200, ignore_index=-100)
    assert found.tolist() == [high, 1]
    assert counted.tolist() == [True, True]
    if dtype.startswith("int"):
        labels = typed(array, [-1, 1], dtype)
        with pytest.raises(ValueError, match=r"equal ignore_index=255, got minimum -1"):
            indices(labels, 200, ignore_index=255)
        labels = typed(array, [-100, 1], dtype)
        assert indices(labels, 3, ignore_index=-100)[1].tolist() == [False, True]


@both_libraries
def test_uint8_holds_256_classes_and_its_own_void_label(array):
    labels = typed(array, [0, 7, 255], "uint8")
    assert indices(labels, 256)[0].tolist() == [0, 7, 255]
    assert indices(labels, 8, ignore_index=255)[1].tolist() == [True, True, False]
    with pytest.raises(ValueError, match=r"must lie in \[0, 255\), got maximum 255"):
        indices(labels, 255)


@both_libraries
def test_the_upper_half_of_uint64_does_not_wrap(array):
    labels = typed(array, [2**64 - 100, 1], "uint64")
    with pytest.raises(
        ValueError, match=rf"must lie in \[0, 3\), got maximum {2**64 - 100}"
    ):
        indices(labels, 3, ignore_index=-100)


@both_libraries
def test_check_labels_tells_which_count(array):
    labels = typed(array, [0, -100], "int16")
    xp = namespace(labels=labels)
    assert check_labels(xp, labels, 3, ignore_index=-100).tolist() == [True, False]


@both_libraries
def test_no_labels_are_fine(array):
    found, counted = indices(typed(array, [], "uint8"), 3, ignore_index=-100)
    assert tuple(found.shape) == tuple(counted.shape) == (0,)


@both_libraries
def test_what_is_no_class_index_is_refused(array):
    with pytest.raises(TypeError, match="target must hold integer class indices, got"):
        indices(array([0.0, 1.0]), 2)
    with pytest.raises(TypeError, match=r"got .*bool: pass xp.astype\(target, int\)"):
        indices(array([False, True]), 2)
    with pytest.raises(TypeError, match=r"ignore_index must be an integer, got 1\.5"):
        indices(array([0, 1]), 2, ignore_index=1.5)


@pytest.mark.parametrize("dtype", ["<U3", "S3", object])
def test_text_labels_are_refused_with_the_way_out(dtype):
    labels = np.array(["cat", "dog"], dtype)
    with pytest.raises(
        TypeError,
        match=r"got text or objects \(.*\): number the classes, "
        r"np\.unique\(target, return_inverse=True\)\[1\]",
    ):
        indices(labels, 2)
    assert np.unique(labels, return_inverse=True)[1].tolist() == [0, 1]


# ---- arrays


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        ([0.5], "list"),
        (0.5, "float"),
        (pd.Series([0.5]), "pandas Series"),
        (pd.DataFrame([[0.5]]), "pandas DataFrame"),
        (jnp.ones(1), "jaxlib ArrayImpl"),
        (np.matrix([[0.5]]), "numpy matrix"),
        (scipy.sparse.csr_array([[0.5]]), "scipy csr_array"),
    ],
)
def test_other_arrays_are_refused_with_the_way_out(x, kind):
    with pytest.raises(
        TypeError,
        match=rf"^logits must be a NumPy array or a torch tensor, got {kind}: "
        r"pass np\.asarray\(logits\)$",
    ):
        namespace(logits=x)


def test_what_masks_or_splits_its_numbers_is_refused_with_the_way_out():
    masked = np.ma.masked_array([0.5, 0.5], [True, False])
    with pytest.raises(TypeError, match=r"a masked array.*logits\.filled"):
        namespace(logits=masked)
    with pytest.raises(TypeError, match=r"a masked array.*logits\.filled"):
        as_data(logits=masked)
    with pytest.raises(TypeError, match=r"dense, got layout .*logits\.to_dense"):
        namespace(logits=torch.eye(2).to_sparse())
    parts = [torch.zeros(2), torch.zeros(3)]
    nested = torch.nested.nested_tensor(parts, layout=torch.jagged)
    with pytest.raises(TypeError, match=r"nested tensor.*to_padded_tensor"):
        namespace(logits=nested)


def test_tensors_that_stand_for_more_are_refused_by_name():
    # their own modules warn, or need several processes
    for name, way_out in [("DTensor", "full_tensor"), ("MaskedTensor", "get_data")]:
        kind = type(name, (torch.Tensor,), {})
        with pytest.raises(TypeError, match=rf"logits must not be .*\.{way_out}\(\)"):
            namespace(logits=torch.zeros(2).as_subclass(kind))


def test_arrays_on_disk_scalars_and_parameters_are_taken(tmp_path):
    on_disk = np.memmap(tmp_path / "x", np.float64, "w+", shape=(3,))
    for x in (on_disk, np.float64(0.5), np.zeros(3)):
        assert namespace(x=x).__name__ == "array_api_compat.numpy"
    for x in (torch.nn.Parameter(torch.zeros(3)), torch.zeros(3)):
        assert namespace(x=x).__name__ == "array_api_compat.torch"
    with pytest.raises(TypeError, match="x and y must come from one library"):
        namespace(x=np.zeros(3), y=torch.zeros(3))


@pytest.mark.parametrize(
    "x",
    [
        [0.25, 0.75],
        (0.25, 0.75),
        np.array([0.25, 0.75]),
        pd.Series([0.25, 0.75], index=[7, 3]),
        pd.Series([0.25, 0.75], dtype="Float64"),
        jnp.array([0.25, 0.75]),
    ],
)
def test_data_may_come_as_lists_and_tables(x):
    (found,) = as_data(x=x)
    assert type(found) is np.ndarray
    assert found.tolist() == [0.25, 0.75]


def test_a_list_beside_a_tensor_becomes_a_tensor():
    probs, target = as_data(probs=torch.tensor([0.5]), target=[1])
    assert type(probs) is type(target) is torch.Tensor
    with pytest.raises(TypeError, match="must come from one library"):
        as_data(probs=torch.tensor([0.5]), target=np.array([1]))


def test_what_is_no_data_is_refused():
    for x in ({0.5}, collections.Counter("ab"), "0.5", iter([0.5]), None):
        with pytest.raises(TypeError, match="probs must be an array, a tensor, or a l"):
            as_data(probs=x)
    with pytest.raises(ValueError, match="probs must have rows of one length"):
        as_data(probs=[[0.5, 0.5], [1.0]])


def test_zeros_and_ones_are_probabilities_and_counts_are_not():
    p, q = as_probabilities(p=[1, 0], q=np.array([0.5, 0.5], np.float32))
    assert p.dtype == q.dtype == np.float32
    (p,) = as_probabilities(p=torch.tensor([True, False]))
    assert p.tolist() == [1, 0]
    assert p.dtype == torch.float64
    with pytest.raises(ValueError, match="p must hold probabilities, got integers"):
        as_probabilities(p=[3, 5])


# ---- numbers that are not there yet


def test_numbers_of_arrays_and_tensors_can_be_read():
    assert values_can_be_read(np.zeros(3), torch.zeros(3, requires_grad=True))
    assert values_can_be_read()


# torch says so of itself when make_fx is first used
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_numbers_of_tensors_that_are_only_traced_cannot():
    seen = []

    def look(x):
        seen.append(values_can_be_read(x, np.zeros(3)))
        return x.sum()

    x = torch.zeros(2, 3)
    look(x.to("meta"))
    with torch._subclasses.FakeTensorMode() as mode:
        look(torch.zeros(3))
    look(mode.from_tensor(x))
    torch.func.vmap(look)(x)
    torch.func.grad(look)(x)
    torch.func.jvp(look, (x,), (x,))
    torch.fx.experimental.proxy_tensor.make_fx(look)(x)
    assert seen == [False] * 7


@pytest.mark.slow
def test_torch_compiles_the_checks_away():
    def checked(x):
        check_not_negative(namespace(x=x), x=x)
        return x.sum()

    compiled = torch.compile(checked, fullgraph=True, backend="eager")
    assert float(compiled(torch.tensor([-1.0, 3.0]))) == 2
    with pytest.raises(ValueError, match="x must not be negative, got minimum -1"):
        checked(torch.tensor([-1.0, 3.0]))


def test_numpy_alone_is_enough(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    assert namespace(x=np.zeros(3)).__name__ == "array_api_compat.numpy"
    assert values_can_be_read(np.zeros(3))


# ---- arithmetic


@both_libraries
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 64])
def test_pairwise_sum(array, axis, n):
    x = np.arange(3.0 * n).reshape(3, n)
    moved = array(np.moveaxis(x, -1, axis))
    found = pairwise_sum(moved, axis, namespace(x=moved))
    np.testing.assert_array_equal(found, x.sum(-1))


def test_pairwise_sum_rounds_little():
    x = np.full((10**6, 1), 0.1)
    found = pairwise_sum(x, 0, namespace(x=x))[0]
    assert found == pytest.approx(1e5, rel=1e-15)
