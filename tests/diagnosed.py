"""Calls of celib's losses, drawn at random. In a valid one nothing is surely wrong."""

from typing import NamedTuple

import numpy as np
import torch
from arrays import to_torch

from celib import losses
from celib.softmax import log_softmax, sigmoid, softmax

INTEGERS = (np.int64, np.int64, np.int32, np.int16, np.int8, np.uint8)
FLOATS = (np.float64, np.float32, np.float16)
MARKS = (-100, -1, 255)


class Call(NamedTuple):
    """A call of a loss: its name, its two arrays and its options."""

    loss: str
    output: object
    target: object
    options: dict

    def mean(self):
        """The mean loss, or None if celib refuses the call."""
        try:
            loss = getattr(losses, self.loss)
            # an infinite cost is an answer, of which NumPy warns
            with np.errstate(all="ignore"):
                mean = loss(self.output, self.target, **self.options)
                return float(mean.detach() if isinstance(mean, torch.Tensor) else mean)
        except (TypeError, ValueError):
            return None

    def __str__(self):
        shapes = f"{tuple(self.output.shape)} and {tuple(self.target.shape)}"
        types = f"{self.output.dtype} and {self.target.dtype}"
        return f"{self.loss}, {shapes}, {types}, {self.options}"


# a mask may be beyond what half precision holds
@np.errstate(over="ignore")
def any_call(draw):
    """A call of one of the losses, with arrays of any make."""
    families = (class_indices, class_indices, distributions, answers, quantities)
    call = Call(*pick(draw, families)(draw))
    if call.output.ndim == 0 and draw.random() < 0.5:
        # NumPy's scalars
        return call._replace(output=call.output[()], target=call.target[()])
    dtype = pick(draw, FLOATS)
    call = call._replace(output=call.output.astype(dtype))
    if call.target.dtype == np.float64:
        call = call._replace(target=call.target.astype(dtype))
    return in_torch(draw, call) if draw.random() < 0.5 else in_numpy(draw, call)


def in_torch(draw, call):
    """The same call with tensors."""
    z, y = to_torch(call.output), to_torch(call.target)
    if z.dtype == torch.float32 and draw.random() < 0.2:
        z = z.bfloat16()
    options = dict(call.options)
    if "weight" in options:
        options["weight"] = to_torch(options["weight"])
    elif draw.random() < 0.3:
        z.requires_grad_()
    return Call(call.loss, z, y, options)


def in_numpy(draw, call):
    """The same call with another layout, or order of bytes."""
    z, y = call.output, call.target
    if draw.random() < 0.1:
        z, y = np.asfortranarray(z), np.asfortranarray(y)
    if draw.random() < 0.1:
        z, y = (x.astype(x.dtype.newbyteorder(">")) for x in (z, y))
    return call._replace(output=z, target=y)


def class_indices(draw):
    """One label for each item; the classes along any axis."""
    loss = pick(draw, ("cross_entropy", "nll", "focal_loss", "poly1_cross_entropy"))
    classes, items = size(draw), sizes(draw)
    z = scores(draw, (*items, classes))
    labels = draw.integers(0, classes, items)
    if draw.random() < 0.3:
        # not all classes occur
        labels = np.clip(labels, draw.integers(classes), draw.integers(classes))
        labels = np.clip(labels, 0, classes - 1)
    if draw.random() < 0.2:
        z = with_masks(draw, z, labels)
    options = {}
    dtype = pick(draw, INTEGERS)
    if draw.random() < 0.3:
        mark = pick(draw, MARKS) if draw.random() < 0.7 else draw.integers(-5, 15)
        if np.iinfo(dtype).min <= mark <= np.iinfo(dtype).max:
            left_out = draw.random(items) < 0.3
            labels = np.where(left_out, mark, labels)
            options["ignore_index"] = int(mark)
            if draw.random() < 0.1:
                z[labels == mark] = pick(draw, (np.nan, np.inf, -np.inf))
    if draw.random() < 0.2:
        weight = draw.random(classes)
        weight[draw.random(classes) < 0.2] = 0
        options["weight"] = weight
    if draw.random() < 0.1 and loss == "cross_entropy":
        options["label_smoothing"] = 0.1
    return loss, *along_any_axis(draw, z, options), labels.astype(dtype), options


def distributions(draw):
    """A distribution for each item; the classes along any axis."""
    loss = pick(draw, ("cross_entropy", "cross_entropy", "distillation_loss"))
    classes, items = size(draw), sizes(draw)
    z = scores(draw, (*items, classes))
    y = softmax(normal(draw, (*items, classes)))
    if loss == "distillation_loss":
        y = scores(draw, (*items, classes))
    elif draw.random() < 0.4:
        y = np.eye(classes)[draw.integers(0, classes, items)]
    options = {}
    axis = draw.integers(-1, z.ndim - 1)
    if axis != -1:
        options["axis"] = int(axis)
    return loss, np.moveaxis(z, -1, axis), np.moveaxis(y, -1, axis), options


def answers(draw):
    """A yes or no for each entry, more or less certain."""
    shape = sizes(draw)
    y = draw.integers(0, 2, shape).astype(float)
    if draw.random() < 0.3:
        y = draw.random(shape)
    if draw.random() < 0.3:
        z = sigmoid(normal(draw, shape) * 10.0 ** draw.integers(-3, 4))
        return "binary_cross_entropy", z, y, {}
    loss = pick(draw, ("binary_cross_entropy_with_logits", "sigmoid_focal_loss"))
    z = scores(draw, shape)
    if draw.random() < 0.1:
        # sure of what happened, beyond all bounds
        z = np.where(y == 1, np.inf, np.where(y == 0, -np.inf, z))
    if draw.random() < 0.1 and loss == "binary_cross_entropy_with_logits":
        return "hinge_loss", z, 2 * y - 1, {}
    return loss, z, y, {}


def quantities(draw):
    """A number for each entry."""
    shape = sizes(draw)
    y = normal(draw, shape)
    whole = [(0, 1), (-1, 1), (1, 2), (0, 255), range(10), (-100, 3)]
    if draw.random() < 0.6:
        y = draw.choice(np.array(whole[draw.integers(len(whole))]), shape) * 1.0
    return "mse_loss", scores(draw, shape), np.asarray(y), {}


def scores(draw, shape):
    """What a model may give: any numbers, and such as look like something else."""
    z = normal(draw, shape) * 10.0 ** draw.integers(-4, 4)
    looks = (
        lambda: np.maximum(z, 0),
        lambda: np.round(z),
        lambda: (z > 0) * 1.0,
        lambda: 0 * z,
        lambda: 0 * z + 1,
        lambda: -abs(z),
        lambda: draw.random(shape),
        lambda: softmax(z, axis=int(draw.integers(z.ndim))) if z.ndim else z,
        lambda: log_softmax(z, axis=int(draw.integers(z.ndim))) if z.ndim else z,
        lambda: np.broadcast_to(z[:1], shape).copy() if z.ndim else z,
    )
    return np.asarray(pick(draw, looks)() if draw.random() < 0.5 else z)


def with_masks(draw, z, labels):
    """Rule classes out, but for the label's."""
    masked = draw.random(z.shape) < 0.3
    masked &= labels[..., None] != np.arange(z.shape[-1])
    return np.where(masked, pick(draw, (-np.inf, -1e9, -1e4)), z)


def along_any_axis(draw, z, options):
    """Move the classes, and tell the loss where they are."""
    axis = int(draw.integers(-1, z.ndim - 1))
    if axis != -1:
        options["axis"] = axis
    return (np.moveaxis(z, -1, axis),)


def normal(draw, shape):
    return np.asarray(draw.normal(size=shape))


def size(draw):
    """A small size, so that axes are often equally long."""
    return int(pick(draw, (1, 2, 3, 3, 8, 8, 12)))


def sizes(draw):
    return tuple(size(draw) for _ in range(draw.integers(0, 4)))


def pick(draw, choices):
    return choices[draw.integers(len(choices))]


def valid_calls(seed, n):
    """Yield the valid ones of `n` calls: those whose mean loss is finite."""
    draw = np.random.default_rng(seed)
    for _ in range(n):
        call = any_call(draw)
        mean = call.mean()
        if mean is not None and np.isfinite(mean):
            yield call
