"""Figures that guard themselves: what was drawn is written down beside the picture.

nbval does not compare pictures. `show` therefore puts a digest of the drawn
data, the caption and the alternative text into the same output, invisible on
the page and compared to the letter when the notebook is tested.
"""

import base64
import io
import math
import os
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, ScalarFormatter
from PIL import Image

from celib.book.display import publish
from celib.calibration import ReliabilityBins

__all__ = ["COLOURS", "digest", "reliability_diagram", "show", "subplots"]

MIME = "application/vnd.celib.figure+json"

#: Okabe and Ito's palette, told apart by colour-blind eyes; yellow is left out,
#: since a yellow line can't be seen on white.
#:
#: Examples
#: --------
#: >>> print(*COLOURS)
#: blue orange green purple sky amber black grey
COLOURS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "amber": "#E69F00",
    "black": "#000000",
    "grey": "#767676",
}

# A colour of more pixels than these fills an area, and is stored as it was drawn.
AREA = 400
# On smoothed edges, where colours are many, red, green and blue may each be off
# by this much of 255. That can't be seen, and a picture needs a quarter of the bytes.
TOLERANCE = 16

# In inches. Narrow, so that 12.5 points are still 10 pixels on a phone.
WIDTH = 5.6

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 12.5,
    "axes.titlesize": 13,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=list(COLOURS.values())[:6]),
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.2,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 200,
}


def subplots(
    rows: int = 1, columns: int = 1, /, *, height: float = 3.3, **options: Any
) -> tuple[Figure, Any]:
    """Open a figure in the book's style, wide enough for a page, legible on a phone.

    Parameters
    ----------
    rows, columns : int
        Number of axes.
    height : float
        In inches; the width is 5.6.
    **options
        Passed to `matplotlib.figure.Figure.subplots`.

    Returns
    -------
    figure, axes
        As from `matplotlib.pyplot.subplots`, but nothing is shown by itself.

    Examples
    --------
    >>> fig, ax = subplots()
    >>> float(fig.get_figwidth())
    5.6
    """
    mpl.rcParams.update(_STYLE)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def reliability_diagram(ax: Any, bins: ReliabilityBins, /) -> None:
    """Draw accuracy against confidence: a dot for each bin, its gap to the diagonal.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    bins : ReliabilityBins
        As from `celib.calibration.reliability_bins`; empty bins are left out.

    Notes
    -----
    The strip below shows how many items each bin holds: the gaps of bins
    with a handful of items say little.

    Examples
    --------
    >>> import numpy as np
    >>> from celib.calibration import reliability_bins
    >>> probs, target = np.array([0.2, 0.9, 0.9]), np.array([0, 1, 0])
    >>> fig, ax = subplots()
    >>> reliability_diagram(ax, reliability_bins(probs, target, n_bins=5))
    >>> digest(fig)["axes"][0]["points"][0]["y"]
    [0.0, 0.5]
    """
    colour = COLOURS["blue"]
    edges, count, confidence, accuracy = (np.asarray(x) for x in bins)
    held = count > 0
    left, width = edges[:-1][held], np.diff(edges)[held]
    x, y, n = confidence[held], accuracy[held], count[held]
    ax.plot([0, 1], [0, 1], color=COLOURS["grey"], linestyle="--", linewidth=1.2)
    # rounded, so that no gap at all is not some last bit in the digest
    gap, fill = np.round(y - x, 9), mpl.colors.to_rgba(colour, 0.3)
    ax.bar(left, gap, width, x, align="edge", color=fill, edgecolor="white")
    ax.scatter(x, y, color=colour, zorder=3)
    # the edge line keeps a bin of one item among thousands visible
    strip = {"align": "edge", "color": colour, "edgecolor": colour, "linewidth": 1}
    ax.bar(left, 0.16 * n / n.max(), width, -0.3, **strip)
    # short: half a figure on a phone has room for some twenty letters
    ax.text(0.02, -0.03, f"items (most: {n.max()})", va="top", color=colour)
    ax.set(xlim=(0, 1), ylim=(-0.31, 1.03), yticks=np.linspace(0, 1, 6))
    ax.set(xlabel="confidence", ylabel="accuracy")


def show(figure: Figure, /, *, name: str, caption: str, alt: str) -> None:
    """Show `figure` with its caption, its alternative text and a digest.

    Parameters
    ----------
    figure : matplotlib Figure
        What to show.
    name : str
        Its label in the book, which begins with ``fig-``.
    caption : str
        Markdown: what the reader should see in it.
    alt : str
        What the picture shows, for readers who do not see it.

    Raises
    ------
    ValueError
        If `name` does not begin with ``fig-``, the caption is empty, or the
        alternative text says less than 20 characters.

    Examples
    --------
    >>> fig, ax = subplots()
    >>> _ = ax.plot([0, 1], [0, 1])
    >>> words = "A straight line from the origin to (1, 1)."
    >>> show(fig, name="fig-line", caption="A line.", alt=words)
    Figure: A straight line from the origin to (1, 1).
    """
    if not name.startswith("fig-"):
        raise ValueError(f"name must begin with 'fig-', got {name!r}")
    if not caption.strip():
        raise ValueError(f"caption must say what {name} shows, got an empty string")
    if len(alt.strip()) < 20:
        raise ValueError(
            f"alt must describe {name} in 20 characters or more, got {alt!r}"
        )
    picture = _png(figure)
    # nbval runs the cell but looks at no picture: this lets a test do so
    if folder := os.environ.get("CELIB_FIGURES"):
        Path(folder, f"{name}.png").write_bytes(picture)
    publish(
        {
            "image/png": base64.b64encode(picture).decode(),
            "text/plain": f"Figure: {alt}",
            MIME: {"name": name, "caption": caption, "alt": alt, **digest(figure)},
        }
    )


def _png(figure: Figure) -> bytes:
    """Draw `figure` as a PNG with a palette, the same bytes each time."""
    drawn, stored = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    picture = _with_palette(Image.open(drawn).convert("RGB"))
    picture.save(stored, format="png", optimize=True)
    return stored.getvalue()


def _with_palette(picture: Image.Image) -> Image.Image:
    """Reduce a picture to 256 colours or fewer, as few as `TOLERANCE` allows."""
    pixels = np.asarray(picture, dtype=int)
    codes, place, count = np.unique(
        pixels @ [1 << 16, 1 << 8, 1], return_inverse=True, return_counts=True
    )
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)

    def distance(chosen: int) -> Any:
        return np.abs(colours - colours[chosen]).max(axis=1)

    most_common_first = np.argsort(-count, kind="stable")
    # at most 192, so that a gradient leaves some of the 256 to letters and lines
    n_areas = np.clip(np.sum(count > AREA), 1, 192)
    palette = list(most_common_first[:n_areas])
    distances = np.array([distance(chosen) for chosen in palette])
    nearest, gap = distances.argmin(axis=0), distances.min(axis=0)
    while gap.max() > TOLERANCE and len(palette) < 256:
        farthest = int(gap.argmax())
        closer = distance(farthest) < gap
        nearest[closer] = len(palette)
        gap = np.minimum(gap, distance(farthest))
        palette.append(farthest)
    indices = nearest[place.reshape(pixels.shape[:2])]
    reduced = Image.fromarray(indices.astype(np.uint8))
    reduced.putpalette(colours[palette].astype(np.uint8).tobytes())
    return reduced


def digest(figure: Figure, /) -> dict[str, Any]:
    """Write down what `figure` draws: its words, and its data to four digits.

    Parameters
    ----------
    figure : matplotlib Figure
        What to describe.

    Returns
    -------
    dict
        A list of axes, each with its titles, limits, lines, bars, points and
        images; ready for JSON.

    Examples
    --------
    >>> fig, ax = subplots()
    >>> _ = ax.plot([0, 1], [1 / 3, 2 / 3], label="a third more")
    >>> digest(fig)["axes"][0]["lines"][0]["y"]
    [0.3333, 0.6667]
    """
    return {"axes": [_axes(ax) for ax in figure.axes]}


def _axes(ax: Any) -> dict[str, Any]:
    legend = ax.get_legend()
    described = {
        "title": ax.get_title(loc="left") or ax.get_title(),
        "labels": [ax.get_xlabel(), ax.get_ylabel()],
        "scales": [ax.get_xscale(), ax.get_yscale()],
        "limits": _numbers([*ax.get_xlim(), *ax.get_ylim()]),
        "ticks": [_tick_words(ax.xaxis), _tick_words(ax.yaxis)],
        "texts": [text.get_text() for text in ax.texts],
        "legend": [t.get_text() for t in legend.get_texts()] if legend else [],
        "lines": [_line(line) for line in ax.lines],
        "bars": [_numbers(_rectangle(bar)) for bar in ax.patches if _is_bar(bar)],
        "points": [_collection(c) for c in ax.collections],
        "images": [_image(image) for image in ax.images],
    }
    return {key: value for key, value in described.items() if value not in ([], "")}


def _tick_words(axis: Any) -> list[str]:
    """Tick labels that were written by hand, such as the names of letters."""
    if isinstance(axis.get_major_formatter(), ScalarFormatter | LogFormatter):
        return []
    return [label.get_text() for label in axis.get_majorticklabels()]


def _line(line: Any) -> dict[str, Any]:
    label = str(line.get_label())
    return {
        "label": "" if label.startswith("_") else label,
        "colour": mpl.colors.to_hex(line.get_color()),
        "style": str(line.get_linestyle()),
        "x": _numbers(line.get_xdata()),
        "y": _numbers(line.get_ydata()),
    }


def _is_bar(patch: Any) -> bool:
    return isinstance(patch, mpl.patches.Rectangle)


def _rectangle(bar: Any) -> list[float]:
    return [bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()]


def _collection(collection: Any) -> dict[str, Any]:
    """Describe a scatter by its points, a filled area by its outline."""
    offsets: Any = np.ma.filled(np.ma.asarray(collection.get_offsets(), float), np.nan)
    paths = [np.asarray(path.vertices) for path in collection.get_paths()]
    scatter = isinstance(collection, mpl.collections.PathCollection)
    data = offsets if scatter else np.concatenate(paths or [np.zeros((0, 2))])
    values = collection.get_array()
    return {
        "label": str(collection.get_label()).removeprefix("_"),
        "x": _numbers(data[:, 0]),
        "y": _numbers(data[:, 1]),
        "values": [] if values is None else _numbers(values),
    }


def _image(image: Any) -> dict[str, Any]:
    values = np.asarray(image.get_array(), dtype=float)
    return {"shape": list(values.shape), "values": _numbers(values)}


def _numbers(values: Any, most: int = 400) -> list[float | str]:
    """Round to four digits; of a long list keep every n-th, and the mean."""
    flat = np.asarray(values, dtype=float).ravel()
    if flat.size > most:
        step = math.ceil(flat.size / most)
        flat = np.concatenate([flat[::step], [np.nanmean(flat)]])
    return [_rounded(float(value)) for value in flat]


def _rounded(value: float) -> float | str:
    # nudged, so that a value half-way between two does not hang on its last bit;
    # JSON has no NaN or infinity; + 0.0 turns -0.0 into 0.0
    nudged = value * (1 + 1e-9)
    return float(f"{nudged:.4g}") + 0.0 if math.isfinite(value) else str(value)
