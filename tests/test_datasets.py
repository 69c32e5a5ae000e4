"""The shipped data: intact, complete, and with its papers in order."""

import copy
import hashlib
import math
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from celib import datasets

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "celib" / "datasets"
LANGUAGES = ["da", "de", "en", "es", "fi", "fr", "it", "nl", "pl", "pt", "sv", "tr"]
LOADERS = {
    "hamlet_gut.txt": datasets.load_hamlet,
    "penguins.csv": datasets.load_penguins,
    "digits.csv.gz": datasets.load_digits,
    "mnist_5k.csv.gz": datasets.load_mnist_5k,
    "shuttle.csv.gz": datasets.load_shuttle,
    "langdetect/en": lambda: datasets.load_ngrams("en"),
}


def files():
    return [f for name in datasets.names() for f in datasets.provenance(name)["files"]]


def tables():
    """Every line of the README's two tables, written from the manifest."""
    yield "| data set | what it is | package | source | licence | licence files |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name in datasets.names():
        entry = datasets.provenance(name)
        keys = ("description", "package", "source", "licence")
        papers = ", ".join(f"`{paper}`" for paper in entry["licence_files"])
        yield " | ".join([f"| `{name}`", *(entry[k] for k in keys), f"{papers} |"])
    yield "| file | path in the package | SHA-256 |"
    yield "| --- | --- | --- |"
    for f in files():
        yield f"| `{f['path']}` | `{f['member']}` | `{f['sha256']}` |"


# Hamlet


def test_hamlet_is_the_whole_play_and_nothing_else():
    play = datasets.load_hamlet()
    assert len(play) == 173_942
    assert len(set(play)) == 65
    assert play.startswith("HAMLET, PRINCE OF DENMARK\n\nby William Shakespeare\n")
    assert play.endswith("ordnance is shot off.]")
    assert "\r" not in play
    assert "gutenberg" not in play.lower()


def test_hamlet_costs_4_657_bits_a_character():
    play = datasets.load_hamlet()
    shares = [count / len(play) for count in Counter(play).values()]
    bits = -math.fsum(share * math.log2(share) for share in shares)
    assert bits == pytest.approx(4.656948, abs=5e-7)


# Penguins


def test_penguins_by_species_island_sex_and_year():
    penguins = datasets.load_penguins()
    counts = {
        name: Counter(penguins[name].tolist())
        for name in ("species", "island", "sex", "year")
    }
    assert counts == {
        "species": {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68},
        "island": {"Biscoe": 168, "Dream": 124, "Torgersen": 52},
        "sex": {"male": 168, "female": 165, "": 11},
        "year": {2007: 110, 2008: 114, 2009: 120},
    }


def test_penguins_columns_keep_order_shape_and_dtype():
    penguins = datasets.load_penguins()
    kinds = {name: column.dtype.kind for name, column in penguins.items()}
    assert list(kinds.items()) == [
        ("species", "U"),
        ("island", "U"),
        ("bill_length_mm", "f"),
        ("bill_depth_mm", "f"),
        ("flipper_length_mm", "f"),
        ("body_mass_g", "f"),
        ("sex", "U"),
        ("year", "i"),
    ]
    assert {column.shape for column in penguins.values()} == {(344,)}


def test_penguins_first_rows_and_what_is_missing():
    penguins = datasets.load_penguins()
    first = [column[0].item() for column in penguins.values()]
    assert first == ["Adelie", "Torgersen", 39.1, 18.7, 181, 3750, "male", 2007]
    for name in ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"):
        assert np.flatnonzero(np.isnan(penguins[name])).tolist() == [3, 271]
    assert {3, 271} < set(np.flatnonzero(penguins["sex"] == "").tolist())


# Digits


def test_digits_shape_range_and_class_counts():
    images, labels = datasets.load_digits()
    assert (images.shape, images.dtype) == ((1797, 64), np.float64)
    assert (labels.shape, labels.dtype) == ((1797,), np.int64)
    assert (images.min(), images.max()) == (0, 16)
    assert np.array_equal(images, np.round(images))
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(labels).tolist() == counts


def test_mnist_5k_shape_range_and_class_counts():
    images, labels = datasets.load_mnist_5k()
    assert images.shape == (5000, 784)
    assert images.dtype == np.float64
    assert (images.min(), images.max()) == (0, 255)
    assert (images == images.round()).all()
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [500] * 10
    # an image of a one has the least ink, and every border is paper
    ink = [images[labels == digit].mean() for digit in range(10)]
    assert int(np.argmin(ink)) == 1
    assert images.reshape(-1, 28, 28)[:, 0].max() == 0


def test_shuttle_shape_and_anomalies():
    readings, labels = datasets.load_shuttle()
    assert readings.shape == (49_097, 9)
    assert readings[0].tolist() == [50, 21, 77, 0, 28, 0, 27, 48, 22]
    assert np.bincount(labels).tolist() == [45_586, 3_511]
    assert labels[:5].tolist() == [1, 0, 0, 0, 1]


def test_digits_equal_those_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.datasets").load_digits()
    images, labels = datasets.load_digits()
    np.testing.assert_array_equal(images, theirs.data)
    np.testing.assert_array_equal(labels, theirs.target)


# Letter n-grams


def test_languages_are_the_twelve_with_english_names():
    assert list(datasets.languages()) == LANGUAGES
    assert datasets.languages()["sv"] == "Swedish"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_ngrams_have_length_n_and_stay_within_a_word(language, n):
    counts = datasets.load_ngrams(language, n=n)
    assert {len(gram) for gram in counts} == {n}
    assert all(" " not in gram[1:-1] for gram in counts)
    assert (n > 1) == any(" " in gram for gram in counts)
    assert list(counts) == sorted(counts, key=lambda gram: (-counts[gram], gram))


@pytest.mark.parametrize("language", LANGUAGES)
def test_ngrams_are_cut_off_at_one_in_ten_thousand(language):
    letters = sum(datasets.load_ngrams(language, n=1).values())
    kept = [min(datasets.load_ngrams(language, n=n).values()) for n in (1, 2, 3)]
    assert min(kept) / letters == pytest.approx(1e-4, rel=0.01)


def test_ngrams_of_english():
    totals = [sum(datasets.load_ngrams("en", n=n).values()) for n in (1, 2, 3)]
    assert totals == [260_942_223, 308_553_243, 224_934_017]
    trigrams = datasets.load_ngrams("en")
    assert len(trigrams) == 1687
    assert list(trigrams.items())[:3] == [
        ("he ", 3_774_627),
        (" th", 3_629_714),
        ("the", 3_415_279),
    ]


# Every loader


def test_penguins_are_fresh_at_every_call():
    before = copy.deepcopy(datasets.load_penguins())
    harmed = datasets.load_penguins()
    for column in harmed.values():
        column[:] = column[0]
    del harmed["year"]
    again = datasets.load_penguins()
    assert list(again) == list(before)
    for name, column in again.items():
        np.testing.assert_array_equal(column, before[name])


@pytest.mark.parametrize(
    "load", [datasets.load_digits, datasets.load_mnist_5k, datasets.load_shuttle]
)
def test_tables_are_fresh_at_every_call(load):
    before = copy.deepcopy(load())
    for harmed in load():
        harmed[:] = -1
    for again, array in zip(load(), before, strict=True):
        np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize(
    "load",
    [
        lambda: datasets.load_ngrams("fi", n=2),
        datasets.languages,
        lambda: datasets.provenance("ngrams"),
    ],
)
def test_dicts_are_fresh_at_every_call(load):
    before = copy.deepcopy(load())
    harmed = load()
    for value in harmed.values():
        if isinstance(value, list | dict):
            value.clear()
    harmed.clear()
    assert load() == before


def test_hamlet_is_equal_at_every_call():
    assert datasets.load_hamlet() == datasets.load_hamlet()


# The papers


@pytest.mark.parametrize("name", datasets.names())
def test_provenance_states_source_and_licence(name):
    entry = datasets.provenance(name)
    for key in ("description", "package", "archive", "source", "licence"):
        assert entry[key].strip() == entry[key] != ""
        assert "\n" not in entry[key]
        assert "|" not in entry[key]
    assert entry["licence_files"]
    assert entry["files"]


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("hamlet", "CC BY"),
        ("penguins", "CC0"),
        ("digits", "BSD"),
        ("mnist_5k", "BSD"),
        ("shuttle", "BSD"),
        ("ngrams", "Apache"),
    ],
)
def test_licence_of_each_data_set(name, licence):
    assert datasets.provenance(name)["licence"].startswith(licence)


@pytest.mark.parametrize("name", datasets.names())
def test_hashes_are_those_of_the_files(name):
    for f in datasets.provenance(name)["files"]:
        content = (FOLDER / "data" / f["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == f["sha256"], f["path"]


def test_hamlet_has_the_hash_on_record():
    (entry,) = datasets.provenance("hamlet")["files"]
    assert entry["sha256"] == (
        "bbe5635616c6e0e0bcf01b7b8c324be8b42451c51848f11c283bd2f4442b1e0a"
    )


def test_manifest_lists_every_data_file_once():
    data = FOLDER / "data"
    found = [p.relative_to(data).as_posix() for p in data.rglob("*") if p.is_file()]
    assert sorted(f["path"] for f in files()) == sorted(found)


def test_every_language_has_its_profile():
    paths = [f["path"] for f in datasets.provenance("ngrams")["files"]]
    assert paths == [f"langdetect/{code}" for code in datasets.languages()]


def test_manifest_lists_every_licence_file_and_no_other():
    entries = [datasets.provenance(name) for name in datasets.names()]
    listed = [paper for entry in entries for paper in entry["licence_files"]]
    found = [p.name for p in (FOLDER / "licences").iterdir()]
    assert sorted(listed) == sorted(found)


def test_readme_table_equals_the_manifest():
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("|")] == list(tables())


# From a wheel


@pytest.mark.slow
def test_data_and_papers_travel_in_the_wheel(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "celib", source / "celib", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", source)
    for name in ("README.md", "LICENSE"):  # named in pyproject.toml
        (source / name).write_text("for this test\n")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--target", target]
    subprocess.run([*pip, *options, source], check=True, cwd=tmp_path)
    code = """
from celib import datasets as d
print(d.__file__)
print(len(d.load_hamlet()), len(d.load_penguins()), len(d.load_digits()[0]))
print(len(d.load_mnist_5k()[0]), len(d.load_shuttle()[0]))
print(*(len(d.load_ngrams(code)) > 1000 for code in d.languages()))
"""
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert Path(out[0]).is_relative_to(target)
    assert out[1:] == ["173942 8 1797", "5000 49097", " ".join(["True"] * 12)]
    shipped = {p.name for p in (target / "celib" / "datasets" / "licences").iterdir()}
    assert shipped == {p.name for p in (FOLDER / "licences").iterdir()}
    # which tells type checkers that celib has types
    assert (target / "celib" / "py.typed").is_file()


# What is refused


@pytest.mark.parametrize("path", LOADERS)
def test_a_changed_file_is_refused(path, tmp_path, monkeypatch):
    shutil.copytree(FOLDER / "data", tmp_path / "data")
    monkeypatch.setattr(datasets, "_DATA", tmp_path / "data")
    LOADERS[path]()
    changed = (FOLDER / "data" / path).read_bytes() + b"\n"
    (tmp_path / "data" / path).write_bytes(changed)
    right = hashlib.sha256((FOLDER / "data" / path).read_bytes()).hexdigest()
    wrong = hashlib.sha256(changed).hexdigest()
    with pytest.raises(
        ValueError,
        match=f"^{path} must have SHA-256 {right}, got {wrong}: "
        "the file was changed; reinstall celib$",
    ):
        LOADERS[path]()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: datasets.load_ngrams("xx"),
            "language must be one of 'da', 'de', 'en', 'es', 'fi', 'fr', 'it', "
            "'nl', 'pl', 'pt', 'sv', 'tr', got 'xx'",
        ),
        (lambda: datasets.load_ngrams("en", n=4), "n must be one of 1, 2, 3, got 4"),
        (
            lambda: datasets.provenance("iris"),
            "name must be one of 'hamlet', 'penguins', 'digits', 'mnist_5k', "
            "'shuttle', 'ngrams', got 'iris'",
        ),
    ],
)
def test_what_is_not_on_offer_is_named_with_what_is(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()
