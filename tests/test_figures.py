"""celib.book.figures: the digest sees what the eye would; words are not optional."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from celib.book import figures
from celib.book.figures import digest, reliability_diagram, show, subplots
from celib.calibration import reliability_bins

WORDS = {
    "name": "fig-line",
    "caption": "A line.",
    "alt": "A straight line that rises from left to right.",
}


def line(slope=1.0, **labels):
    fig, ax = subplots()
    ax.plot([0, 1, 2], [0, slope, 2 * slope], label="line")
    ax.set(**labels)
    return fig


def test_digest_is_stable_and_serialisable():
    assert digest(line()) == digest(line())
    assert json.loads(json.dumps(digest(line()))) == digest(line())


CHANGES = {
    "data": lambda fig, ax: ax.lines[0].set_ydata([0, 1, 3]),
    "data, a little": lambda fig, ax: ax.lines[0].set_ydata([0, 1, 2.001]),
    "title": lambda fig, ax: ax.set_title("another"),
    "axis label": lambda fig, ax: ax.set_xlabel("another"),
    "scale": lambda fig, ax: ax.set_yscale("symlog"),
    "limits": lambda fig, ax: ax.set_xlim(0, 5),
    "colour": lambda fig, ax: ax.lines[0].set_color("red"),
    "style": lambda fig, ax: ax.lines[0].set_linestyle(":"),
    "legend": lambda fig, ax: ax.legend(["another"]),
    "text": lambda fig, ax: ax.text(0, 0, "another"),
    "bar": lambda fig, ax: ax.bar([0], [1]),
    "scatter": lambda fig, ax: ax.scatter([0], [1]),
    "area": lambda fig, ax: ax.fill_between([0, 1], [0, 1]),
    "image": lambda fig, ax: ax.imshow(np.eye(2)),
    "ticks": lambda fig, ax: ax.set_xticks([0, 1], ["zero", "one"]),
    "axes": lambda fig, ax: fig.add_subplot(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_digest_sees_every_change(change):
    fig = line()
    before = digest(fig)
    change(fig, fig.axes[0])
    assert digest(fig) != before


@pytest.mark.parametrize("draw", ["bar", "barh", "scatter", "step", "fill_between"])
def test_digest_sees_the_data_of_every_kind(draw):
    def drawn(values):
        fig, ax = subplots()
        getattr(ax, draw)([0, 1], values)
        return digest(fig)

    assert drawn([1, 2]) != drawn([1, 2.01])


def test_digest_sees_pixels_and_scatter_values():
    def drawn(value):
        fig, (a, b) = subplots(1, 2)
        a.imshow([[0, value]])
        b.scatter([0, 1], [0, 1], c=[0, value])
        return digest(fig)["axes"]

    for before, after in zip(drawn(1), drawn(2), strict=True):
        assert before != after


def test_noise_below_four_digits_is_not_seen():
    assert digest(line(1.0)) == digest(line(1.0 + 1e-9))
    assert digest(line(0.0)) == digest(line(-0.0))


def test_a_value_half_way_between_two_does_not_hang_on_its_last_bit():
    half_way = 0.021745
    for value in (np.nextafter(half_way, 0), half_way, np.nextafter(half_way, 1)):
        assert digest(line(value)) == digest(line(half_way))
    assert digest(line(0.021745))["axes"][0]["lines"][0]["y"][1] == 0.02175


def test_long_data_is_thinned_but_guarded_by_its_mean():
    def drawn(y):
        fig, ax = subplots()
        ax.plot(y)
        return digest(fig)["axes"][0]["lines"][0]["y"]

    y = np.zeros(10_000)
    z = y.copy()
    z[7] = 100.0
    assert len(drawn(y)) <= 401
    assert drawn(y) != drawn(z)


def test_missing_values_are_written_as_words():
    fig, ax = subplots()
    ax.plot([0, 1, 2], [0, np.nan, np.inf])
    assert digest(fig)["axes"][0]["lines"][0]["y"] == [0.0, "nan", "inf"]


def diagram(probs, target):
    fig, ax = subplots()
    bins = reliability_bins(probs, target, n_bins=4)
    reliability_diagram(ax, bins)
    return digest(fig)["axes"][0]


def test_reliability_diagram_shows_gaps_and_counts():
    probs, target = [0.125, 0.125, 0.125, 0.875, 0.625], [0, 1, 0, 1, 0]
    drawn = diagram(np.array(probs), np.array(target))
    assert drawn["lines"][0]["y"] == [0.0, 1.0]
    (points,) = drawn["points"]
    # the bin from 0.25 to 0.5 is empty
    assert points["x"] == [0.125, 0.625, 0.875]
    assert points["y"] == [0.3333, 0.0, 1.0]
    gaps, strip = drawn["bars"][:3], drawn["bars"][3:]
    assert gaps[0] == [0.0, 0.125, 0.25, 0.2083]
    assert gaps[1] == [0.5, 0.625, 0.25, -0.625]
    assert gaps[2] == [0.75, 0.875, 0.25, 0.125]
    assert [bar[3] for bar in strip] == [0.16, 0.05333, 0.05333]
    assert drawn["texts"] == ["items (most: 3)"]
    assert diagram(torch.tensor(probs), torch.tensor(target)) == drawn


def test_reliability_diagram_of_no_gap_is_flat_to_the_last_bit():
    exact = diagram(np.full(10, 0.3), np.arange(10) < 3)
    assert exact["bars"][0] == [0.25, 0.3, 0.25, 0.0]
    moved = diagram(np.full(10, np.nextafter(0.3, 1)), np.arange(10) < 3)
    assert moved == exact


def test_show_publishes_picture_words_and_digest(monkeypatch):
    bundles = []
    monkeypatch.setattr(figures, "publish", bundles.append)
    show(line(xlabel="x"), **WORDS)
    (bundle,) = bundles
    image = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert image.size == (1120, 660)
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    described = bundle[figures.MIME]
    assert {key: described[key] for key in WORDS} == WORDS
    assert described["axes"] == digest(line(xlabel="x"))["axes"]
    assert bundle["text/plain"] == f"Figure: {WORDS['alt']}"


def heat_map(fig, ax):
    ax.imshow(np.arange(80).reshape(8, 10), cmap="Blues")


def gradient(fig, ax):
    ax.imshow(np.arange(1000).reshape(1, 1000), aspect="auto")


def bands(fig, ax):
    for i, colour in enumerate(figures.COLOURS.values()):
        ax.fill_between([0, 1], i, i + 2, color=colour, alpha=0.3)


PICTURES = {"lines": lambda fig, ax: ax.plot([0, 1]), "bands": bands, "map": heat_map}


def drawn_and_stored(draw):
    fig, ax = subplots()
    draw(fig, ax)
    drawn = io.BytesIO()
    fig.savefig(drawn, format="png")
    stored = io.BytesIO(figures._png(fig))
    return [np.asarray(Image.open(f).convert("RGB"), int) for f in (drawn, stored)]


@pytest.mark.slow
@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_a_stored_picture_is_off_by_less_than_can_be_seen(draw):
    drawn, stored = drawn_and_stored(draw)
    off = np.abs(drawn - stored).max(axis=-1)
    assert off.max() <= 16
    # what fills an area keeps its colour to the last bit
    colours, place, count = np.unique(
        drawn.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    assert len(colours) > 100
    assert off.ravel()[(count > 400)[place.ravel()]].max() == 0


def test_a_gradient_leaves_colours_for_letters_and_lines():
    drawn, stored = drawn_and_stored(gradient)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 256
    assert len(np.unique(stored.reshape(-1, 3), axis=0)) <= 256
    assert np.abs(drawn - stored).max() <= 16


def test_a_stored_picture_has_a_palette_and_the_same_bytes_each_time():
    picture = figures._png(line())
    assert picture == figures._png(line())
    assert Image.open(io.BytesIO(picture)).mode == "P"


def test_words_are_not_optional():
    for missing in WORDS:
        with pytest.raises(TypeError, match=missing):
            show(line(), **{k: v for k, v in WORDS.items() if k != missing})
    with pytest.raises(ValueError, match="name must begin with 'fig-', got 'line'"):
        show(line(), **{**WORDS, "name": "line"})
    with pytest.raises(ValueError, match="caption must say what fig-line shows"):
        show(line(), **{**WORDS, "caption": " "})
    with pytest.raises(ValueError, match="alt must describe fig-line in 20 characters"):
        show(line(), **{**WORDS, "alt": "a line"})


def test_palette_can_be_told_apart_and_read_in_both_themes():
    def luminance(colour):
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    # lines need 3:1 against white; two light hues serve as fills only
    for name in ("blue", "orange", "green", "black", "grey"):
        assert 1.05 / (luminance(figures.COLOURS[name]) + 0.05) >= 3, name
    assert len(set(figures.COLOURS.values())) == len(figures.COLOURS)
