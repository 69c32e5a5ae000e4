"""Turns values into bytes that cross the sandbox's wall, and back, without unpickling.

Both sides import this file, the worker inside the sandbox among them, so it needs
Python and NumPy only. A message is a JSON text of bounded size and the raw bytes of
its arrays. Reading checks every size and type before anything is allocated, since
what comes out of the sandbox may be hostile.
"""

import itertools
import json
import math
import re
import struct
import sys

import numpy as np

JSON_LIMIT = 4 * 2**20
BLOB_LIMIT = 32 * 2**20
INT_BITS = 4096
DEEPEST = 50
TOO_DEEP = f"a value nested more than {DEEPEST} levels deep can't be checked"
COLLISIONS = 100
# Bytes of an item once an array holds numbers and text side by side: NumPy writes the
# numbers out, in up to 64 characters of 4 bytes.
WRITTEN_OUT = 256
DTYPE_KINDS = "biufcU"
DTYPE = re.compile(rf"[<>|][{DTYPE_KINDS}][1-9]\d{{0,5}}")
TENSOR_DTYPES = [
    *("float64", "float32", "float16", "bfloat16", "complex64", "complex128"),
    *("int64", "int32", "int16", "int8", "uint8", "bool"),
]
_LENGTH = struct.Struct(">I")


class UncrossableError(TypeError):
    """The value can't cross: the message says which can."""


class MalformedError(ValueError):
    """The message is not one that this module writes."""


class TooLongError(ValueError):
    """The message is longer than any answer needs to be."""


def pack(message, values=()):
    """Return the bytes of a message: a dict, and values under ``"values"``.

    Raises
    ------
    UncrossableError
        For a value that is not a number, text, array, tensor, None, or a tuple,
        list or dict of such.
    TooLongError
        If it is longer than the other side reads.
    """
    blobs = []
    tree = [encode(value, blobs) for value in values]
    sizes = [len(blob) for blob in blobs]
    text = json.dumps({**message, "values": tree, "blobs": sizes}).encode()
    if len(text) > JSON_LIMIT or sum(sizes) > BLOB_LIMIT:
        raise TooLongError(f"{len(text) + sum(sizes)} bytes")
    return b"".join([_LENGTH.pack(len(text)), text, *blobs])


class Reader:
    """Puts a message together from the pieces that a pipe delivers."""

    def __init__(self):
        self.data, self.message = bytearray(), None

    def feed(self, piece):
        """Add bytes. Return (message, blobs) when it is whole, else None."""
        self.data += piece
        if self.message is None and not self._take_the_text():
            return None
        message, sizes = self.message, self.message["blobs"]
        if len(self.data) < sum(sizes):
            return None
        if len(self.data) > sum(sizes):
            raise MalformedError("more bytes than were announced")
        ends = itertools.accumulate(sizes, initial=0)
        blobs = [bytes(self.data[a:b]) for a, b in itertools.pairwise(ends)]
        self.data, self.message = bytearray(), None
        return message, blobs

    def _take_the_text(self):
        """Read the JSON text once it is whole; what is left are the arrays."""
        if len(self.data) < _LENGTH.size:
            return False
        (length,) = _LENGTH.unpack_from(self.data)
        if length > JSON_LIMIT:
            raise TooLongError(f"a header of {length} bytes")
        start = _LENGTH.size + length
        if len(self.data) < start:
            return False
        self.message = _parse(bytes(self.data[_LENGTH.size : start]))
        if sum(self.message["blobs"]) > BLOB_LIMIT:
            raise TooLongError(f"arrays of more than {BLOB_LIMIT} bytes")
        del self.data[:start]
        return True


def _parse(text):
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"no JSON: {type(error).__name__}") from None
    if not isinstance(message, dict):
        raise MalformedError("not a dict")
    sizes = message.get("blobs")
    if not isinstance(sizes, list) or len(sizes) > 10_000:
        raise MalformedError("no list of sizes")
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise MalformedError("a size that is no size")
    if not isinstance(message.get("values"), list):
        raise MalformedError("no values")
    return message


# ---- writing a value


def encode(value, blobs, depth=0):
    """Return a JSON tree for `value`; the bytes of its arrays go to `blobs`."""
    if depth > DEEPEST:
        raise UncrossableError(TOO_DEEP)
    if value is None or isinstance(value, (bool, float, str)):
        return _plain(value)
    if isinstance(value, int):
        if value.bit_length() > INT_BITS:
            raise UncrossableError(
                f"an integer of {value.bit_length()} bits is too long"
            )
        return int(value)
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {"is": kind, "of": [encode(v, blobs, depth + 1) for v in value]}
    if isinstance(value, dict):
        pairs = [[encode(x, blobs, depth + 1) for x in pair] for pair in value.items()]
        return {"is": "dict", "of": pairs}
    return _encode_array(value, blobs)


def _plain(value):
    """Return the built-in value, also of a subclass such as numpy.float64."""
    if isinstance(value, np.float64):
        return {"is": "scalar", "dtype": "<f8", "of": float(value)}
    for kind in (bool, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def _encode_array(value, blobs):
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        plain = value.detach().cpu().resolve_conj().resolve_neg()
        if dtype == "bfloat16":
            plain = plain.float()
        extra = {"torch": dtype, "grad": bool(value.requires_grad)}
        return {**_array(plain.numpy(), blobs), "is": "tensor", **extra}
    if isinstance(value, complex) and not isinstance(value, np.generic):
        value = np.complex128(value)
    if isinstance(value, np.generic):
        return {**_array(np.asarray(value), blobs), "is": "item"}
    if isinstance(value, np.ndarray):
        fixed = not value.flags.writeable
        return {**_array(value, blobs), "is": "array", "fixed": fixed}
    raise UncrossableError(_why_not(value))


def _array(value, blobs):
    value = np.asarray(value)
    if value.dtype.kind not in DTYPE_KINDS:
        raise UncrossableError(
            f"an array of dtype {value.dtype} can't be checked: numbers, booleans or "
            "text can"
        )
    if _room(value.shape, value.dtype) > BLOB_LIMIT:
        raise TooLongError(f"an array of shape {value.shape}")
    blobs.append(np.ascontiguousarray(value).tobytes())
    return {"dtype": value.dtype.str, "shape": list(value.shape), "at": len(blobs) - 1}


def _why_not(value):
    name = type(value).__name__
    if callable(value):
        return (
            "functions don't cross between your notebook and the checks: pass or "
            f"return numbers, arrays, tuples, lists or dicts, not a {name}"
        )
    return (
        f"a {name} can't be checked: return numbers, text, arrays, tensors, or tuples, "
        "lists and dicts of these"
    )


# ---- reading a value


def decode(tree, blobs, tensors=True):
    """Return the value that `tree` and `blobs` describe, made of plain types only.

    Each of `blobs` is used once and then gone: a short text that names a large one
    many times would fill the memory.

    Raises
    ------
    MalformedError
        If they describe none.
    """
    try:
        return _decode(tree, blobs, tensors, 0)
    except MalformedError:
        raise
    except (TypeError, KeyError, IndexError, ValueError, RecursionError) as error:
        raise MalformedError(
            f"no value: {type(error).__name__}: {error}"[:200]
        ) from None


def _decode(tree, blobs, tensors, depth):
    if depth > DEEPEST or (type(tree) is int and tree.bit_length() > INT_BITS):
        raise MalformedError("a value that is too deep or too long")
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    kind, of = tree["is"], tree.get("of")
    if kind == "scalar" and type(of) is float:
        return np.float64(of)
    if kind in ("list", "tuple"):
        items = [_decode(item, blobs, tensors, depth + 1) for item in of]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return _dict([[_decode(x, blobs, tensors, depth + 1) for x in y] for y in of])
    array = _read_array(tree, blobs)
    if kind == "array":
        array.setflags(write=tree.get("fixed") is not True)
        return array
    if kind == "item" and array.ndim == 0:
        return array[()]
    if kind == "tensor" and tensors and tree["torch"] in TENSOR_DTYPES:
        return _tensor(tree, array)
    raise MalformedError(f"a value of kind {str(kind)[:40]!r}")


def _dict(pairs):
    """Return a dict, unless its keys were made to collide, which takes minutes."""
    different = {hash(key) for key, _ in pairs}
    if len(pairs) - len(different) > COLLISIONS:
        raise MalformedError("keys that collide")
    return dict(pairs)


def _read_array(tree, blobs):
    dtype, shape, at = tree["dtype"], tree["shape"], tree["at"]
    if type(dtype) is not str or not DTYPE.fullmatch(dtype):
        raise MalformedError("a dtype that doesn't cross")
    if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 32:
        raise MalformedError("a shape that is no shape")
    dtype = np.dtype(dtype)
    if _room(shape, dtype) > BLOB_LIMIT:
        raise MalformedError("a shape beyond the limit")
    if type(at) is not int or not 0 <= at < len(blobs):
        raise MalformedError("no such bytes")
    data, blobs[at] = blobs[at], None
    if math.prod(shape) * dtype.itemsize != len(data):
        raise MalformedError("bytes that don't fill the shape")
    return np.frombuffer(data, dtype).reshape(shape).copy()


# ---- the room that a value takes


def check_room(value):
    """Refuse an answer of which a check could make an array beyond the limit.

    In an array every item is as wide as the widest: one long text in a list of short
    ones would take gigabytes.

    Raises
    ------
    TooLongError
        If a list or tuple anywhere in it has more than BLOB_LIMIT bytes as an array.
    """
    _as_an_array(value, 0)


def _as_an_array(value, depth):
    """Return the items, the bytes of the widest, and the kinds of an array of it."""
    if isinstance(value, str):
        return 1, 4 * len(value), {"text"}
    if depth > DEEPEST:
        raise UncrossableError(TOO_DEEP)
    if isinstance(value, (list, tuple)):
        return _of_a_list(value, depth)
    if isinstance(value, dict):
        for pair in value.items():
            _as_an_array(pair, depth + 1)
    if isinstance(value, np.ndarray):
        kind = "text" if value.dtype.kind == "U" else "number"
        return value.size, value.dtype.itemsize, {kind}
    # The widest number is a complex one.
    return 1, 16, {"number"}


def _of_a_list(value, depth):
    items, widest, kinds = 0, 0, set()
    for part in value:
        more, wide, kind = _as_an_array(part, depth + 1)
        items, widest, kinds = items + more, max(widest, wide), kinds | kind
    if len(kinds) > 1:
        widest = max(widest, WRITTEN_OUT)
    if items * widest > BLOB_LIMIT:
        raise TooLongError(f"a list of {items} items, the longest of {widest} bytes")
    return items, widest, kinds


def _room(shape, dtype):
    """Return the bytes of an array, each empty axis counted as one of length 1.

    Without that, a sum over the empty axis could make a huge array of none.
    """
    return math.prod(max(n, 1) for n in shape) * dtype.itemsize


def _tensor(tree, array):
    import torch

    tensor = torch.from_numpy(array).to(getattr(torch, tree["torch"]))
    if tree.get("grad") is not True:
        return tensor
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise MalformedError("a gradient of integers")
    return tensor.requires_grad_()
