"""The benchmarks: what the chapters say of their results, and that they judge rightly.

That a result is older than the code is no error: `python benchmarks/results.py`
says so.
"""

import importlib
import itertools
import json
import math
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

from celib import information, losses
from celib.softmax import softmax

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
results = importlib.import_module("results")
accuracy = importlib.import_module("accuracy")
speed = importlib.import_module("speed")
pairs = importlib.import_module("pairs")
parallel = importlib.import_module("parallel")
linear = importlib.import_module("linear")
tensorflow_names = importlib.import_module("tensorflow_names")
sys.path.append(str(ROOT / "web" / "ext"))
celib_book = importlib.import_module("celib_book")


# --- what is stored, as far as a chapter relies on it ----------------------


@pytest.mark.parametrize("name", results.NAMES)
def test_a_result_says_where_and_with_what_it_was_measured(name):
    result = results.load(name)
    assert set(results.FIELDS) <= set(result)
    assert set(result["machine"]) == {"cpu", "cores"}
    assert {"python", "numpy", "torch"} <= set(result["versions"])
    assert result["rows"]
    for row in result["rows"]:
        assert list(row) == result["columns"]
        # a library that could not be measured is named, not dropped in silence
        absent = accuracy.ABSENT in row.values()
        assert absent == bool(result["missing"])


def test_chapter_9_celib_is_exact_to_8_ulps_wherever_it_was_measured():
    for row in results.load("accuracy")["rows"]:
        assert float(row["celib"]) <= 8, row["case"]


def test_chapter_18_celib_needs_no_more_time_or_memory_than_the_dense_way():
    stored = results.load("linear")
    for row in stored["rows"]:
        assert float(row["celib"]) < 1, row["batch"]
    for row in stored["memory"]:
        assert int(row["celib"]) < int(row["plain"]), row["batch"]


def test_chapter_19_celib_needs_about_a_third_and_gathering_the_most():
    rows = {row["way"]: row for row in results.load("parallel")["rows"]}
    celib, torch, gathering = (rows[way] for way in parallel.WAYS)
    for column in ("wall time", "CPU time", "memory"):
        assert 0.2 < float(celib[column]) < 0.45
        assert float(torch[column]) == 1 < float(gathering[column])
    exchanged = ("collectives", "numbers a token")
    assert [celib[column] for column in exchanged] == ["2", "4"]
    assert [torch[column] for column in exchanged] == ["3", "3"]


def test_chapter_10_tensorflow_returned_what_celib_returns():
    stored = results.load("tensorflow")
    assert set(results.FIELDS) <= set(stored)
    assert {"tensorflow-cpu", "keras"} <= set(stored["versions"])
    assert stored["example"] == tensorflow_names.EXAMPLE
    assert [row["call"] for row in stored["rows"]] == list(tensorflow_names.CALLS)
    names = {k: np.array(v) for k, v in tensorflow_names.EXAMPLE.items()}
    names |= {"losses": losses, "information": information, "q": softmax(names["z"])}
    for row in stored["rows"]:
        assert row["celib"] == tensorflow_names.CALLS[row["call"]]
        mean = np.mean(eval(row["celib"], dict(names)))
        assert float(row["mean"]) == pytest.approx(mean, abs=1e-10), row["call"]


# --- results.py ------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    return tmp_path / "results"


def small():
    rows = [{"case": "a", "celib": "0.1"}]
    columns = ["case", "celib"]
    return results.make("accuracy", "Title", columns, rows, missing=[], notes=["Note."])


def test_a_result_comes_back_as_it_went(folder):
    result = small()
    path = results.write("accuracy", result)
    assert path == folder / "accuracy.json"
    assert results.load("accuracy") == result
    assert set(results.FIELDS) == set(result)
    assert not results.is_stale("accuracy", result)
    assert results.is_stale("accuracy", result | {"code": "0"})


def test_a_result_that_is_not_there_says_what_to_do(folder):
    with pytest.raises(FileNotFoundError, match="run make bench"):
        results.load("accuracy")


def test_a_write_that_fails_leaves_the_old_result(folder, monkeypatch):
    results.write("accuracy", {"old": True})

    def fail(self, target):
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        results.write("accuracy", {"new": True})
    assert json.loads((folder / "accuracy.json").read_text()) == {"old": True}
    assert [path.name for path in folder.iterdir()] == ["accuracy.json"]


def test_what_is_no_number_is_not_written(folder):
    with pytest.raises(ValueError, match="JSON"):
        results.write("accuracy", {"x": math.nan})


def test_a_change_in_a_module_measured_makes_a_result_old(tmp_path):
    def hash_after(name, content):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
        return results.code_hash("linear", tmp_path)

    seen = [hash_after("benchmarks/linear.py", b"from celib.linear import loss\n")]
    # a module is a file or a package, and may be imported by another
    seen.append(hash_after("celib/linear.py", b"from celib import _kernel, x\n"))
    seen.append(hash_after("celib/linear.py", b"from celib import _kernel\n"))
    seen.append(hash_after("celib/_kernel/__init__.py", b"x = 1\n"))
    seen.append(hash_after("celib/_kernel/__init__.py", b"x = 2\n"))
    assert len(set(seen)) == len(seen)
    # neither the ends of lines nor another module matter
    assert hash_after("celib/_kernel/__init__.py", b"x = 2\r\n") == seen[-1]
    assert hash_after("celib/likelihood.py", b"x = 3\n") == seen[-1]


def test_a_benchmark_measures_what_it_imports():
    files = {f.relative_to(ROOT).as_posix() for f in results.measured("linear")}
    assert {"celib/linear.py", "celib/_kernel.py", "celib/_arrays.py"} <= files
    assert "celib/likelihood.py" not in files
    # it times ways of doing the same in other libraries
    assert results.measured("pairs") == []


def test_old_results_are_warned_of_and_no_error(folder):
    assert results.warnings() == []
    results.write("accuracy", small())
    assert results.warnings() == []
    results.write("accuracy", small() | {"code": "0", "date": "2026-01-31"})
    (warning,) = results.warnings()
    assert "accuracy.json was measured on 2026-01-31" in warning
    assert "make bench" in warning


def test_a_page_says_below_a_result_that_it_is_old(folder):
    reading = {"cell_type": "code", "source": 'stored("accuracy")'}
    other = {"cell_type": "code", "source": "stored = accuracy"}
    text = {"cell_type": "markdown", "source": 'In "accuracy.json" we keep'}
    cells = [reading, other, text]
    results.write("accuracy", small())
    assert list(celib_book.note_earlier_results(cells)) == cells
    results.write("accuracy", small() | {"code": "0", "date": "2026-01-31"})
    first, line, *others = celib_book.note_earlier_results(cells)
    assert [first, *others] == cells
    assert line.source.endswith("an earlier version of `celib`, on 2026-01-31.")


@pytest.mark.parametrize(
    ("chapter", "name"), [("09", "accuracy"), ("18", "linear"), ("19", "parallel")]
)
def test_a_page_knows_which_result_it_shows(chapter, name):
    (path,) = (ROOT / "chapters").glob(f"{chapter}-*.ipynb")
    cells = json.loads(path.read_text("utf-8"))["cells"]
    showing = [n for n in results.NAMES for c in cells if celib_book.shows_result(c, n)]
    assert showing == [name]


def test_table_on_tiny_input():
    rows = [{"case": "one", "ulps": "0.5"}, {"case": "seventeen", "ulps": "0 (lost)"}]
    assert results.table(["case", "ulps"], rows).splitlines() == [
        "case           ulps",
        "-------------------",
        "one             0.5",
        "seventeen  0 (lost)",
    ]
    assert results.table(["case"], []).splitlines() == ["case", "----"]


def test_a_report_names_the_machine_the_versions_and_what_is_missing():
    line = results.missing_line("optax", "jax optax")
    text = results.report(small() | {"missing": [line]})
    assert "optax: not installed; pip install jax optax" in text
    assert f"numpy {np.__version__}" in text
    assert results.cpu_model() in text
    assert "Note." in text


# --- accuracy.py -----------------------------------------------------------


def test_ulps_are_units_of_the_type():
    one = mpmath.mpf(1)
    assert accuracy.ulps(1 + 2**-52, one, "float64") == 1
    assert accuracy.ulps(1 + 2**-22, one, "float32") == 2
    assert accuracy.ulps(1 - 2**-11, one, "float16") == 0.5
    assert accuracy.ulps(0.0, mpmath.mpf(0), "float64") == 0
    # above the power of two the unit is twice that below it
    assert accuracy.ulps(2 + 2**-51, mpmath.mpf(2), "float64") == 1


@pytest.mark.parametrize(
    ("value", "exact", "words"),
    [
        (1.0, 1, "0.0"),
        (1 + 2**-51, 1, "2.0"),
        (1 + 2**-40, 1, "4,096"),
        (1 + 2**-20, 1, "4e9"),
        (0.0, 1e-20, "0 (lost)"),
        (0.0, 0, "0.0"),
        (math.nan, 1, "nan"),
        (math.inf, 1, "inf"),
        (-math.inf, 1, "-inf"),
    ],
)
def test_values_are_judged_in_words(value, exact, words):
    assert accuracy.in_words(value, mpmath.mpf(exact), "float64") == words


def case(inputs):
    return accuracy.Case("c", "float64", "loss", inputs, lambda x: mpmath.mpf(1))


def test_the_worst_input_counts():
    same = {"loss": lambda x: x}
    assert accuracy.measure(case([(1.0,), (1 + 2**-51,), (1.0,)]), same) == "2.0"
    assert accuracy.measure(case([(1.0,), (math.nan,), (9.0,)]), same) == "nan"
    assert accuracy.measure(case([(1.0,)]), {}) == accuracy.NO_SUCH


@pytest.mark.parametrize(
    ("module", "library", "line"),
    [
        ("optax", "optax", "optax: not installed; pip install jax optax"),
        ("jax", "optax", "optax: not installed; pip install jax optax"),
        ("sklearn", "scikit-learn", "pip install scikit-learn"),
    ],
)
def test_a_missing_peer_is_named(monkeypatch, module, library, line):
    for name in [n for n in sys.modules if n.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    loaded, missing = accuracy.load_all()
    assert library not in loaded
    assert any(line in said for said in missing)
    (row,) = accuracy.run([case([(1.0,)])], {"celib": {"loss": lambda x: x}})
    assert row[library] == accuracy.ABSENT
    assert row["celib"] == "0.0"


def test_celib_itself_must_not_be_missing(monkeypatch):
    def fail():
        raise ImportError("broken")

    monkeypatch.setitem(accuracy.LOADERS, "celib", fail)
    with pytest.raises(ImportError, match="broken"):
        accuracy.load_all()


def test_true_values_agree_with_what_is_known():
    thirds = np.zeros(3), np.array(0)
    assert abs(accuracy.true_loss(*thirds) - mpmath.log(3)) < 1e-15
    below = np.array([3.0, 1.0]), np.array(1)
    assert abs(accuracy.true_loss(*below) - mpmath.log(1 + mpmath.exp(2))) < 1e-15
    assert abs(accuracy.true_gradient(*thirds) + mpmath.mpf(2) / 3) < 1e-15
    assert abs(accuracy.true_logsumexp(thirds[0]) - mpmath.log(3)) < 1e-15
    assert abs(accuracy.true_bce(0.0, 1.0) - mpmath.log(2)) < 1e-15
    assert accuracy.true_bce(np.array(2.0), 0.0) > 2 > accuracy.true_bce(1.0, 1.0)
    assert float(accuracy.true_bce_gradient(0.0, 1.0)) == -0.5
    assert float(accuracy.true_bce_gradient(0.0, 0.0)) == 0.5
    p = np.array([0.5, 0.5])
    assert accuracy.true_kl(p, p) == 0


# --- speed.py --------------------------------------------------------------


def test_calls_take_turns_and_the_first_round_does_not_count():
    order = []
    timed = {name: lambda name=name: order.append(name) for name in "ab"}
    clock = itertools.count()
    spent = speed.times(timed, rounds=2, repeats=3, clock=lambda: next(clock))
    assert order == list("aaabbb") * 3
    assert {name: len(seen) for name, seen in spent.items()} == {"a": 2, "b": 2}


def test_ratio_is_the_median_over_rounds():
    spent = {"a": [2.0, 3.0, 80.0], "b": [1.0, 1.0, 2.0]}
    assert speed.ratio(spent, "a", "b") == 3


def test_extra_memory_is_the_peak_of_what_a_call_holds():
    extra = speed.extra_memory(lambda: np.zeros(1_000_000).sum())
    assert 8e6 <= extra <= 8.1e6


def test_figures_are_set_beside_their_targets():
    rows = [{"logits": "a", "ratio": "0.50", "memory": "2.0 %"}]
    targets = [
        speed.Target("a", "ratio", 0.5),
        speed.Target("a", "memory", 1.0, " %"),
    ]
    verdicts = speed.judge(rows, targets)
    assert [v["verdict"] for v in verdicts] == ["holds", "misses"]
    assert [v["target"] for v in verdicts] == ["<= 0.5", "<= 1 %"]


def test_everything_timed_computes_the_same_loss():
    timed = speed.calls(speed.Case((4, 3), "float64", 0, 1, 1))
    loss, grad = timed["celib NumPy"]()
    other_loss, other_grad = timed["textbook NumPy"]()
    assert float(loss) == pytest.approx(float(other_loss), rel=1e-14)
    np.testing.assert_allclose(grad, other_grad, atol=1e-15)
    for call in timed.values():
        call()


def test_a_missing_optax_is_left_out_of_the_timing(monkeypatch):
    monkeypatch.setitem(sys.modules, "optax", None)
    monkeypatch.setitem(sys.modules, "jax", None)
    assert speed.OPTAX not in speed.calls(speed.Case((4, 3), "float32", 0, 1, 1))


# --- pairs.py --------------------------------------------------------------


def test_every_way_of_the_pairs_is_the_same_loss(monkeypatch):
    z, y = speed.torch.randn(5, 3).double(), speed.torch.tensor([0, 1, 2, 1, 0])
    values = {name: float(way(z, y)) for name, way in pairs.WAYS.items()}
    assert len(values) == 3
    first, *others = values.values()
    assert others == pytest.approx([first] * 2, rel=1e-12)
    spent = {name: [2.0] for name in pairs.WAYS} | {pairs.REFERENCE: [1.0]}
    monkeypatch.setattr(pairs, "times", lambda *_: spent)
    row = pairs.measure(pairs.Case((4, 3), "float32", 0, 1, 1))
    assert list(row) == pairs.COLUMNS
    assert set(list(row.values())[1:]) == {"2.00"}


# --- parallel.py -----------------------------------------------------------


@pytest.fixture
def alone():
    dist = parallel.dist
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_every_parallel_way_is_the_same_loss_and_gradient():
    torch = parallel.torch
    z, y = parallel.problem(5, 12, 0)
    labels, found = y % 6, {}
    for way in parallel.WAYS:
        loss = parallel.forward_and_backward(way, z, labels)
        found[way] = loss, z.grad.clone()
    z.grad = None
    dense = torch.nn.functional.cross_entropy(z, labels)
    dense.backward()
    for loss, grad in found.values():
        assert loss == pytest.approx(dense.item(), rel=1e-6)
        torch.testing.assert_close(grad, z.grad)


@pytest.mark.usefixtures("alone")
def test_collectives_are_counted_with_what_they_are_given():
    z, y = parallel.problem(4, 8, 0)
    given = {}
    for way in parallel.WAYS:
        with parallel.Collectives() as seen:
            parallel.forward_and_backward(way, z, y % 4)
        given[way] = seen.given
    assert list(given.values()) == [[4, 12], [4, 4, 4], [16]]


def test_the_last_rank_and_all_cpu_time_count():
    def answer(wall, cpu):
        spent = {"celib": {"wall": wall, "cpu": cpu}}
        return spent | {parallel.REFERENCE: {"wall": [2.0, 4.0, 1.0], "cpu": [1.0] * 3}}

    answers = [answer([1.0, 1.0, 9.0], [1.0] * 3), answer([0.5, 3.0, 1.0], [3.0] * 3)]
    assert parallel.ratios(answers, "celib") == (0.75, 2.0)
    seen = {
        "celib": [{"grown": 1, "given": [1, 3]}, {"grown": 3, "given": [1, 3]}],
        parallel.REFERENCE: [{"grown": 6, "given": [1, 1, 1]}],
    }
    row = parallel.row("celib", answers, seen)
    assert list(row) == parallel.COLUMNS
    assert list(row.values()) == ["celib", "0.75", "2.00", "0.50", "2", "4"]
    verdicts = parallel.judge([row])
    assert [v["verdict"] for v in verdicts] == ["misses", "misses", "holds"]
    row = parallel.row(parallel.REFERENCE, None, seen)
    assert list(row.values())[1:4] == ["1.00"] * 3


def test_ranks_that_fail_are_not_waited_for(capfd):
    with pytest.raises(RuntimeError, match="all ranks must come back from time of no"):
        parallel.run("time", "no such way")
    assert "KeyError" in capfd.readouterr().err


# --- linear.py -------------------------------------------------------------


def test_every_way_through_the_linear_layer_is_the_same_loss():
    hidden, weight, target = linear.inputs(linear.Case(600, 8, 10))
    found = []
    for way in linear.ways().values():
        loss = way(hidden, weight, target)
        grads = linear.torch.autograd.grad(loss, [hidden, weight])
        found.append([loss.detach(), *grads])
    assert len(found) == 3
    for other in found[1:]:
        linear.torch.testing.assert_close(other, found[0])
    for call in linear.calls(linear.Case(600, 8, 10)).values():
        call()


def test_peaks_are_those_of_the_call_alone():
    case = linear.Case(2048, 8, 8000)
    logits = case.tokens * case.classes * 4
    # logits, their logarithms, and one gradient or both
    assert 2 * logits < linear.peak(linear.PLAIN, case) < 4.5 * logits
    assert linear.peak(linear.CELIB, case) < logits


def test_a_torch_without_chunks_is_named_not_dropped(monkeypatch):
    monkeypatch.delattr(linear.torch.nn, "LinearCrossEntropyOptions")
    monkeypatch.setattr(linear, "peak", lambda name, case: 10 << 20)
    monkeypatch.setattr(linear, "TIMED", [linear.Case(600, 8, 10, 1)])
    monkeypatch.setattr(linear, "WEIGHED", [linear.Case(600, 8, 10)])
    name = "(600, 8, 10)"
    beside, share = (linear.Target(name, c, 0.5) for c in (linear.BESIDE, linear.SHARE))
    monkeypatch.setattr(linear, "TIME_TARGETS", [beside])
    monkeypatch.setattr(linear, "MEMORY_TARGETS", [share])
    result = linear.measure()
    (row,) = result["rows"]
    assert row[linear.CHUNKED] == row[linear.BESIDE] == linear.ABSENT
    assert float(row[linear.CELIB]) > 0
    assert result["missing"]
    (weighed,) = result["memory"]
    assert list(weighed.values()) == [name, "10", "absent", "10", "1.000"]
    (verdict,) = result["targets"]
    assert verdict["batch"] == name
    assert verdict["verdict"] == "misses"
