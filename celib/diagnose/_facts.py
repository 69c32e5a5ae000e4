"""What two arrays are like: each fact is found once, for the rules to look at.

The smallest and the largest value are those of a whole array. All else is found in a
sample of large arrays, in float64 and on the CPU: a look at 16 rows of 50,000 logits
tells as much about a model as a look at a thousand.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from array_api_compat import is_torch_array

__all__ = ["Facts", "OneArray", "look_at"]

# How many values of an array are looked at. In float64 they take 8 MB, and a rule
# takes a few milliseconds.
SAMPLE = 2**20

# With fewer values than this, what they have in common may be a coincidence.
ENOUGH = 8

# What rounding may add to a probability, or take from it. The sum of a row may be off
# by a hundred times as much.
SPECK = {"float16": 5e-5, "bfloat16": 5e-4}
SPECK_OF_WIDER_TYPES = 1e-6

# Labels that stand for "leave this out": the default of celib and torch, a common
# padding of token sequences, and the void class of segmentation data sets.
MARKS = (-100, -1, 255)

# A mask by subtraction writes -1e9, the least float, or -10000 where half precision
# holds no more. Rounded to bfloat16, the last is -9984.
MASK = -9000


@dataclass(frozen=True)
class OneArray:
    """One of the two arrays.

    `name` is how a call writes it: "output", or "output[..., 0]" where an axis of
    length 1 is taken off.
    """

    raw: Any
    name: str

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(self.raw.shape)

    @cached_property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @cached_property
    def library(self) -> str:
        """Whose array it is: "np" or "torch", as calls write them."""
        return "np" if isinstance(self.raw, np.ndarray) else "torch"

    @cached_property
    def dtype(self) -> str:
        """The type of its values, without the byte order."""
        dtype = self.raw.dtype
        if self.library == "torch":
            return str(dtype).removeprefix("torch.")
        return str(dtype.newbyteorder("=") if self.family else dtype)

    @cached_property
    def family(self) -> str:
        """Say "float", "int" or "bool"; nothing for what are no real numbers."""
        if self.library == "np":
            families = {"f": "float", "i": "int", "u": "int", "b": "bool"}
            return families.get(self.raw.dtype.kind, "")
        kinds = ("float", "int", "bool")
        return next((kind for kind in kinds if kind in self.dtype), "")

    @cached_property
    def is_text(self) -> bool:
        """Whether it holds strings."""
        if self.library == "torch":
            return False
        if self.raw.dtype.kind == "O" and self.size:
            return isinstance(self.raw.flat[0], str)
        return self.raw.dtype.kind in "UST"

    @cached_property
    def _low_and_high(self) -> tuple[float, float]:
        if not self.family or not self.size:
            return math.nan, math.nan
        x = self.raw
        if self.library == "np":
            return float(x.min()), float(x.max())
        low, high = _comparable(x, self.dtype).aminmax()
        return float(low), float(high)

    @property
    def low(self) -> float:
        """The smallest value; NaN if any is."""
        return self._low_and_high[0]

    @property
    def high(self) -> float:
        """The largest value; NaN if any is."""
        return self._low_and_high[1]

    @cached_property
    def speck(self) -> float:
        """What rounding may add to a probability, or take from it."""
        return SPECK.get(self.dtype, SPECK_OF_WIDER_TYPES)

    @cached_property
    def about(self) -> str:
        """A description in a few words."""
        return f"{self.size} of {self.dtype}, {self.low:.4g} to {self.high:.4g}"

    def take(self, steps: Iterable[int]) -> np.ndarray:
        """Return every n-th value along each axis, for steps of n, in float64."""
        # the dots keep NumPy from making a scalar of an array without axes
        view = self.raw[(*(slice(None, None, step) for step in steps), ...)]
        if not self.family:
            return np.full(tuple(view.shape), np.nan)
        if self.library == "torch":
            view = view.cpu().double().numpy()
        return np.asarray(view, dtype=np.float64)

    def lines(self, axis: int) -> np.ndarray:
        """Return whole lines along `axis`: all of them, or a sample."""
        return self.take(_steps(self.shape, whole=axis))

    def highest_along(self, axis: int) -> np.ndarray:
        """Return the largest value of every line along `axis`; NaN where one is."""
        if self.library == "np":
            return np.asarray(self.raw.max(axis), dtype=np.float64)
        highest = _comparable(self.raw, self.dtype).amax(axis)
        return np.asarray(highest.cpu().double().numpy())

    def is_distribution(self, axis: int, *, logs: bool = False) -> bool:
        """Whether the values, or their exponentials, sum to 1 along `axis`."""
        if self.size == 0 or self.shape[axis] < 2:
            return False
        slack = 100 * self.speck
        # most arrays are told by their range, and need no sums
        if logs and not self.high <= slack:
            return False
        if not logs and not (-self.speck <= self.low and self.high <= 1 + slack):
            return False
        x = self.lines(axis)
        if logs:
            x = np.exp(x)
        return bool(np.all(abs(x.sum(axis) - 1) <= slack))

    def without_last_axis(self) -> "OneArray":
        """Take off a last axis of length 1."""
        return OneArray(self.raw[..., 0], f"{self.name}[..., 0]")


@dataclass(frozen=True)
class Facts:
    """What is true of an output and a target, seen together.

    Attributes
    ----------
    output, target : OneArray
        The arrays, without an axis of length 1 that only one of them has.
    shapes : str
        Their shapes as they came, in words.
    raw_output_shape : tuple of int
        The shape of the output as it came.
    named_axis : int or None
        The class axis that the caller named, counted from 0.
    """

    output: OneArray
    target: OneArray
    shapes: str
    raw_output_shape: tuple[int, ...]
    named_axis: int | None

    # --- which kind of problem, and where the classes lie -----------------

    @cached_property
    def _task_and_axes(self) -> tuple[str, list[int]]:
        n = len(self.output.shape)
        asked = list(range(n)) if self.named_axis is None else [self.named_axis]
        if self.output.shape != self.target.shape:
            shorter = less_an_axis(self.output.shape)
            axes = [axis for axis in asked if shorter[axis] == self.target.shape]
            return ("indices" if axes else "none"), axes
        for logs in (False, True):
            axes = self._axes_of_distributions(asked, logs)
            if axes:
                return "rows", axes
        return "entries", []

    def _axes_of_distributions(self, asked: list[int], logs: bool) -> list[int]:
        """Tell along which axes the target is a distribution."""
        target = self.target
        axes = [axis for axis in asked if target.is_distribution(axis, logs=logs)]
        if self.named_axis is not None:
            return axes
        items = target.shape[0] if target.shape else 1
        if axes == [0] and target.size >= 4 * items and not logs:
            return axes
        # over the batch, a few sums of 1 may well be a coincidence
        return [axis for axis in axes if axis > 0]

    @property
    def task(self) -> str:
        """What the shapes ask for.

        One class for each item, by "indices" or by "rows" of probabilities; an answer
        for each of the "entries"; "none" if the shapes do not fit.
        """
        return self._task_and_axes[0]

    @property
    def one_class(self) -> bool:
        """Whether each item has one class, and not each entry an answer."""
        return self.task in ("indices", "rows")

    @cached_property
    def axes(self) -> list[int]:
        """Where the classes may lie: several axes if nothing settles it."""
        axes = self._task_and_axes[1]
        settled = [axis for axis in axes if self._output_sums_to_1(axis)]
        # over the batch, a softmax along the wrong axis is as good an explanation
        if len(settled) != 1 or settled == [0]:
            return axes
        return settled

    def _output_sums_to_1(self, axis: int) -> bool:
        if self.output.is_distribution(axis):
            return True
        return self.output.is_distribution(axis, logs=True)

    @cached_property
    def axis(self) -> int | None:
        """Where the classes lie, -1 if it is the last; None if there is no one axis."""
        if len(self.axes) != 1:
            return None
        return -1 if self.axes[0] == len(self.output.shape) - 1 else self.axes[0]

    @cached_property
    def usual_axis(self) -> int:
        """Where this library looks for the classes."""
        n = len(self.output.shape)
        if self.output.library == "torch" and n > 2:
            return 1
        return -1

    @cached_property
    def along(self) -> int:
        """Where to look for rows in any case."""
        if self.axis is not None:
            return self.axis
        n = len(self.output.shape)
        if not self.axes or self.usual_axis % n in self.axes:
            return self.usual_axis
        # axes that leave one shape, whichever of them is taken off, are equally long
        return self.axes[-1]

    @cached_property
    def misplaced(self) -> bool:
        """Whether the classes lie where this library does not look for them."""
        if self.axis is None or self.named_axis is not None:
            return False
        n = len(self.output.shape)
        return self.axis % n != self.usual_axis % n

    @cached_property
    def classes(self) -> int:
        """How many classes there are; 1 for a single answer."""
        if self.one_class or len(self.output.shape) > 1:
            return self.output.shape[self.along]
        return 1

    @cached_property
    def rows(self) -> int:
        """How many rows the output has."""
        return self.output.size // max(self.classes, 1)

    @cached_property
    def answers(self) -> int:
        """Among how many answers each item chooses."""
        return 2 if self.task == "entries" else max(self.classes, 1)

    # --- the sample -------------------------------------------------------

    @cached_property
    def _steps(self) -> list[int]:
        shape = self.output.shape
        whole = self.along if len(shape) > 1 or self.one_class else None
        return _steps(shape, whole=whole)

    @cached_property
    def z(self) -> np.ndarray:
        """The output, or a sample of its rows."""
        return self.output.take(self._steps)

    @cached_property
    def y(self) -> np.ndarray:
        """The target of the same rows."""
        steps = list(self._steps)
        if self.task == "indices":
            del steps[self.along]
        elif self.task == "none":
            steps = _steps(self.target.shape, whole=None)
        return self.target.take(steps)

    @property
    def sampled(self) -> bool:
        """Whether the sample leaves anything out."""
        return self.z.size < self.output.size

    @cached_property
    def looked_at(self) -> str:
        """Which part was looked at; nothing if all."""
        if not self.sampled:
            return ""
        classes = max(self.classes, 1)
        what = "values" if classes == 1 else "rows"
        return (
            f"{self.z.size // classes} of {self.rows} {what}, evenly spaced; the "
            "smallest and the largest value are those of all"
        )

    @cached_property
    def rows_in_words(self) -> str:
        """How many rows were looked at."""
        if self.sampled:
            return f"{self.z.size // max(self.classes, 1)} of {self.rows} rows"
        return f"all {self.rows} rows"

    @property
    def may_be_one_class(self) -> bool:
        """Whether this may be a cross-entropy over one class.

        Its output has a column, and its labels are integers: 0, or to be ignored.
        """
        return self.output.name != "output" and self.target.family == "int"

    # --- the output -------------------------------------------------------

    @cached_property
    def sums(self) -> bool:
        """Whether every row of the output is a distribution."""
        return self.classes > 1 and self.output.is_distribution(self.along)

    @cached_property
    def logs(self) -> bool:
        """Whether every row of the output holds the logarithms of a distribution."""
        return self.classes > 1 and self.output.is_distribution(self.along, logs=True)

    @cached_property
    def output_is_binary(self) -> bool:
        """Whether the output holds 0 and 1 only."""
        return _only(self.z, 0, 1)

    @cached_property
    def output_is_whole(self) -> bool:
        """Whether the output holds whole numbers only."""
        return bool(np.all(self.z == np.round(self.z)))

    @cached_property
    def hard(self) -> bool:
        """Whether the output looks like decisions in place of scores."""
        enough = self.output.size >= ENOUGH
        return enough and self.output_is_binary and self.output.high > 0

    @cached_property
    def tops(self) -> np.ndarray:
        """The largest value of every row of the whole output; NaN where one is."""
        return self.output.highest_along(self.along)

    @cached_property
    def broken_labels(self) -> np.ndarray:
        """The labels of rows with NaN, +inf or nothing but -inf."""
        labels = self.target.take([1] * len(self.target.shape))
        return np.unique(labels[~np.isfinite(self.tops)])

    @cached_property
    def broken_label(self) -> int | None:
        """The one label that all of these rows have, which `ignore_index` may name."""
        if self.task != "indices" or len(self.axes) > 1 or not self.broken:
            return None
        if not (self.output.family and self.target.family) or not self.output.size:
            return None
        if len(self.broken_labels) != 1 or np.isnan(self.broken_labels[0]):
            return None
        return int(self.broken_labels[0])

    @cached_property
    def has_nan(self) -> bool:
        """Whether the output has NaN."""
        return bool(
            self.output.family and self.output.size and np.isnan(self.output.low)
        )

    @cached_property
    def has_empty_row(self) -> bool:
        """Whether some row of classes is nothing but -inf."""
        if not self.one_class or not self.classes or self.output.low != -np.inf:
            return False
        return bool(np.isneginf(self.tops).any())

    @cached_property
    def broken(self) -> bool:
        """Whether NaN, +inf or a row of -inf leaves no softmax."""
        return not self.output.high < np.inf or self.has_empty_row

    @cached_property
    def odd(self) -> str:
        """Which values are not finite."""
        if self.sampled:
            return "it has NaN or infinite values"
        return (
            f"{np.isnan(self.z).sum()} NaN, {np.isposinf(self.z).sum()} +inf and "
            f"{np.isneginf(self.z).sum()} -inf"
        )

    @cached_property
    def column_of_ones(self) -> bool:
        """Whether every output is 1, as softmax makes it where there is one class."""
        furthest = max(abs(self.output.low - 1), abs(self.output.high - 1))
        if not furthest <= self.output.speck:
            return False
        if 1 in self.raw_output_shape[1:]:
            return self.output.size > 1
        return len(self.raw_output_shape) == 1 and self.output.size >= ENOUGH

    @cached_property
    def wrong_sums(self) -> str:
        """Along what a softmax went wrong, if the output sums to 1 there only."""
        if self.output.size < ENOUGH or self.sums or self.logs:
            return ""
        n = len(self.output.shape)
        right = {axis for axis in self.axes if axis > 0}
        # a single answer for each item has no class axis: every axis is a wrong one
        if self.classes > 1:
            right.add(self.along % n)
        # a saturated sigmoid that says yes to one item only gives a sum of 1, too
        if self.classes == 1 and self.output.high > 0.99:
            return ""
        for axis in range(n):
            if axis not in right and self._output_sums_to_1(axis):
                return f"axis {axis}"
        if n < 2 or self.rows < 2 or self.sampled or self.broken:
            return ""
        for x in (self.z, np.exp(self.z)):
            if abs(x.sum() - 1) <= 100 * self.output.speck and np.all(x >= 0):
                return "all axes at once"
        return ""

    @cached_property
    def same_for_all(self) -> bool:
        """Whether every row, or every item of the batch, gets the same output."""
        if not self.output.size or self.task == "none" or self.broken:
            return False
        if self.one_class:
            rows = self.z_classes_last.reshape(-1, self.classes)
            if _all_alike(rows, self.output.speck):
                return True
        batch_first = not self.one_class or self.along % self.z.ndim != 0
        if self.z.ndim == 0 or not batch_first:
            return False
        return _all_alike(self.z.reshape(len(self.z), -1), self.output.speck)

    # --- the target -------------------------------------------------------

    @cached_property
    def target_is_whole(self) -> bool:
        """Whether the target holds whole numbers only."""
        return bool(np.all(self.y == np.round(self.y)))

    @cached_property
    def target_is_finite(self) -> bool:
        """Whether the target holds finite numbers only."""
        return math.isfinite(self.target.low) and math.isfinite(self.target.high)

    @cached_property
    def target_is_log(self) -> bool:
        """Whether the target holds the logarithms of distributions."""
        return self.task == "rows" and not self.target.low >= -self.target.speck

    def target_is_only(self, *values: int) -> bool:
        """Whether the target holds no other values; those of the range, too."""
        extremes = (self.target.low in values) and (self.target.high in values)
        return extremes and _only(self.y, *values)

    @cached_property
    def target_is_binary(self) -> bool:
        """Whether the target holds 0 and 1 only, but for answers that are left out."""
        return self.target_is_only(0, 1) or self.ignored_answer is not None

    @cached_property
    def target_is_signed(self) -> bool:
        """Whether the target holds -1 and 1 only, and some -1."""
        return self.target.low < 0 and self.target_is_only(-1, 1)

    @cached_property
    def target_is_1_and_2(self) -> bool:
        """Whether the answers are 1 and 2, of which both occur."""
        both = (self.target.low, self.target.high) == (1, 2)
        return self.task == "entries" and both and self.target_is_only(1, 2)

    @cached_property
    def target_is_0_and_255(self) -> bool:
        """Whether the target is the black and white of an image."""
        if self.target.high != 255 or not self.target_is_only(0, 255):
            return False
        if self.task == "entries":
            return True
        return self.task == "indices" and self.classes == 2 and self.target.low == 0

    @cached_property
    def ignored_answer(self) -> int | None:
        """The mark that some answers of 0 and 1 have in their place."""
        if self.task != "entries" or self.target_is_signed or self.target_is_0_and_255:
            return None
        for mark in MARKS:
            occurs = mark in (self.target.low, self.target.high)
            if occurs and self.target_is_only(0, 1, mark):
                return mark
        return None

    # --- class indices ----------------------------------------------------

    @cached_property
    def _labels(self) -> np.ndarray:
        """Which labels occur: in the sample, and at the ends of the whole range."""
        if self.task != "indices" or not self.target.size:
            return np.array([])
        return np.unique([*np.unique(self.y), self.target.low, self.target.high])

    @cached_property
    def ignore(self) -> int | None:
        """The label, or the answer, that seems to mark what to leave out."""
        if self.task == "entries":
            return self.ignored_answer
        two_signs = self.target_is_signed and self.classes == 2
        if two_signs or self.target_is_0_and_255:
            return None
        for mark in MARKS:
            outside = not 0 <= mark < self.classes
            if outside and mark in self._labels:
                return mark
        return None

    @cached_property
    def counted_labels(self) -> np.ndarray:
        """Which labels occur, without the one that is ignored."""
        if self.ignore is None:
            return self._labels
        return self._labels[self._labels != self.ignore]

    @cached_property
    def from_one(self) -> bool:
        """Whether the labels seem to count from 1."""
        if self.task == "entries":
            return self.target_is_1_and_2
        labels = self.counted_labels
        if not labels.size or not self.target_is_whole:
            return False
        return bool(1 <= labels[0] < labels[-1] == self.classes)

    @cached_property
    def out_of_range(self) -> np.ndarray:
        """Which labels no class has, without the one that is ignored."""
        labels = self.counted_labels
        return labels[(labels < 0) | (labels >= self.classes)]

    # --- output and target together ---------------------------------------

    @cached_property
    def z_classes_last(self) -> np.ndarray:
        """The sample of the output, with the classes along the last axis."""
        return np.moveaxis(self.z, self.along, -1) if self.one_class else self.z

    @cached_property
    def happened(self) -> np.ndarray:
        """What happened, as the target tells it: beside `z_classes_last`."""
        if self.task == "indices":
            labels = self.y[..., None] - self.from_one
            return labels == np.arange(self.classes)
        if self.task == "none":
            return np.zeros(self.z.shape, dtype=bool)
        if self.task == "entries":
            return self.counted_answers & (self.y > 0)
        y = np.moveaxis(self.y, self.along, -1)
        return y > -np.inf if self.target_is_log else y > 0

    @cached_property
    def counted_answers(self) -> np.ndarray:
        """Which answers are not left out."""
        if self.ignored_answer is None:
            return np.ones(self.y.shape, dtype=bool)
        return self.y != self.ignored_answer

    @cached_property
    def infinite_where_wrong(self) -> bool:
        """Whether +inf is the score of something that did not happen for sure."""
        if self.task not in ("rows", "entries"):
            return False
        return bool(((self.z == np.inf) & (self.y < 1)).any())

    @cached_property
    def answer_is_masked(self) -> bool:
        """Whether a mask by a large negative number hides what happened."""
        z = self.z_classes_last
        finite = z[np.isfinite(z)]
        low = finite.min(initial=0)
        if low > MASK or len(self.axes) > 1:
            return False
        masked = np.isfinite(z) & (z <= 0.9 * low)
        rest = finite[finite > 0.9 * low]
        # scores of any size are spread; a mask stands apart
        if not rest.size or rest.min() < 0.1 * low:
            return False
        return bool((masked & self.happened).any())

    @cached_property
    def swapped(self) -> bool:
        """Whether the first array looks like labels, and the second like scores."""
        if not self.output.size or not self.output_is_whole:
            return False
        if self.task == "none":
            return self.output.shape in less_an_axis(self.target.shape)
        if self.task == "indices" or not self.target.size or not self.target_is_finite:
            return False
        if not self._output_is_like_labels or self.target_is_whole:
            return False
        if self.target.low < 0 or self.target.high > 1:
            return True
        # two or three labels may be logits that someone typed
        return self.output.size >= 4 and self.output.low < self.output.high

    @property
    def _output_is_like_labels(self) -> bool:
        pairs = ((0, 1), (-1, 1), (1, 2), (0, 255))
        return any(_only(self.z, *pair) for pair in pairs)


def look_at(output: Any, target: Any, axis: int | None) -> Facts:
    """Look at two arrays; refuse what are none."""
    z = OneArray(_as_array(output, "output"), "output")
    y = OneArray(_as_array(target, "target"), "target")
    n = len(z.shape)
    if axis is not None and not -n <= axis < n:
        raise ValueError(f"axis must be one of the {n} axes of output, got {axis=}")
    facts = Facts(
        output=z,
        target=y,
        shapes=f"{z.shape} and {y.shape}",
        raw_output_shape=z.shape,
        named_axis=None if axis is None else axis % n,
    )
    if z.shape == (*y.shape, 1):
        # the axis that was named may have been the one that is taken off
        named = None if facts.named_axis == n - 1 else facts.named_axis
        return replace(facts, output=z.without_last_axis(), named_axis=named)
    shapes_that_fit = (z.shape, *less_an_axis(z.shape))
    if (
        y.shape[-1:] == (1,)
        and z.shape[-1:] != (1,)
        and y.shape[:-1] in shapes_that_fit
    ):
        return replace(facts, target=y.without_last_axis())
    return facts


def _as_array(x: Any, name: str) -> Any:
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array, whose mask no loss sees: select what "
            f"counts, as in {name}[~mask]"
        )
    if isinstance(x, np.ndarray | np.generic):
        # a matrix would keep two axes for good
        return np.asarray(x)
    if not is_torch_array(x):
        raise TypeError(
            f"{name} must be a NumPy array or a torch tensor, got {type(x).__name__}"
        )
    if str(x.layout) != "torch.strided" or x.is_quantized or x.is_meta:
        raise TypeError(f"{name} must be a dense tensor that holds its values")
    return x.detach()


def less_an_axis(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the shapes that are left when one axis is taken off."""
    return [shape[:axis] + shape[axis + 1 :] for axis in range(len(shape))]


def _steps(shape: tuple[int, ...], whole: int | None) -> list[int]:
    """Choose a step along each axis, so that about `SAMPLE` values are left.

    The axis `whole` keeps all of its values.
    """
    steps = [1] * len(shape)
    left = list(shape)
    free = [
        axis
        for axis in range(len(shape))
        if whole is None or axis != whole % len(shape)
    ]
    while math.prod(left) > SAMPLE and any(left[axis] > 1 for axis in free):
        longest = max(free, key=left.__getitem__)
        steps[longest] *= 2
        left[longest] = -(-shape[longest] // steps[longest])
    return steps


def _comparable(x: Any, dtype: str) -> Any:
    """Convert what torch cannot compare to what it can."""
    if dtype in ("bool", "uint16", "uint32", "uint64"):
        return x.long()
    return x.float() if dtype.startswith("float8") else x


def _only(x: np.ndarray, *values: int) -> bool:
    """Whether `x` has no other values, and any at all."""
    found = np.zeros(x.shape, dtype=bool)
    for value in values:
        found |= x == value
    return x.size > 0 and bool(found.all())


def _all_alike(items: np.ndarray, speck: float) -> bool:
    """Whether there are several items, and all of them the same but for rounding."""
    if len(items) < 4:
        return False
    largest = np.abs(items[np.isfinite(items)]).max(initial=1)
    # infinite values are equal, but have no difference
    same = (items == items[0]) | (abs(items - items[0]) <= speck * largest)
    return bool(same.all())
