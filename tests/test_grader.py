"""The marker's parts that need no sandbox: values, notebooks, folders, tables."""

import datetime
import doctest
import json
import struct

import numpy as np
import pytest
import torch
import yaml

from grader import notebook
from grader.marking import checks, collect, store
from grader.marking.mark import Result
from grader.release import assignment, seeds
from grader.sandbox import packages
from grader.sandbox.inside import wire

pytestmark = pytest.mark.slow

# ---- what crosses


def across(value, tensors=True):
    data = wire.pack({"id": 1}, [value])
    message, blobs = wire.Reader().feed(data)
    return wire.decode(message["values"][0], blobs, tensors)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        -(2**80),
        0.1,
        float("inf"),
        "naïve ✓ 語",
        [1, [2.5, "x"], []],
        (1, (2,), ()),
        {"a": 1, 2: [3], (4, 5): None},
    ],
    ids=repr,
)
def test_plain_values_cross(value):
    got = across(value)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    "dtype", ["f8", "f4", "f2", "i8", "i1", "u2", "?", "c16", ">f8"]
)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4), (2, 0)])
def test_arrays_cross(dtype, shape):
    value = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    got = across(value)
    np.testing.assert_array_equal(got, value, strict=True)
    assert got.flags.writeable


def test_what_is_not_contiguous_and_text_and_numbers_of_numpy_cross():
    value = np.arange(12.0).reshape(3, 4)[::-1, ::2]
    np.testing.assert_array_equal(across(value), value, strict=True)
    np.testing.assert_array_equal(across(np.array(["a", "éé"])), ["a", "éé"])
    for item in (np.float64(0.1), np.float32(0.1), np.int64(3), np.bool_(True)):
        assert across(item) == item
        assert type(across(item)) is type(item)
    assert np.isnan(across(float("nan")))


def test_read_only_crosses():
    value = np.zeros(3)
    value.setflags(write=False)
    assert not across(value).flags.writeable


@pytest.mark.parametrize("dtype", wire.TENSOR_DTYPES)
def test_tensors_cross(dtype):
    value = torch.tensor([[0, 1], [1, 0]]).to(getattr(torch, dtype))
    got = across(value)
    assert got.dtype == value.dtype
    assert torch.equal(got, value)
    with pytest.raises(wire.MalformedError):
        across(value, tensors=False)


def test_a_tensor_keeps_that_it_wants_a_gradient():
    assert across(torch.zeros(2, requires_grad=True)).requires_grad
    assert not across(torch.zeros(2)).requires_grad


class Everything:
    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (len, "functions don't cross"),
        (lambda: 1, "functions don't cross"),
        ([1, Everything()], "a Everything can't be checked"),
        (np.array([Everything()]), "dtype object"),
        ({1, 2}, "a set can't be checked"),
        (b"bytes", "a bytes can't be checked"),
        (1 << 5000, "5001 bits"),
    ],
)
def test_what_can_not_cross_says_so(value, says):
    with pytest.raises(wire.UncrossableError, match=says):
        wire.pack({"id": 1}, [value])


def test_nesting_without_end_does_not_cross():
    value = []
    value.append(value)
    with pytest.raises(wire.UncrossableError, match="nested"):
        wire.pack({"id": 1}, [value])


def test_too_much_does_not_cross():
    with pytest.raises(wire.TooLongError):
        wire.pack({"id": 1}, [np.zeros(5_000_000)])
    with pytest.raises(wire.TooLongError):
        wire.pack({"id": 1}, ["x" * 5_000_000])


def frame(text, body=b""):
    return struct.pack(">I", len(text)) + text + body


@pytest.mark.parametrize(
    "data",
    [
        frame(b"no json"),
        frame(b"[" * 100_000),
        frame(b"[1]"),
        frame(b'{"values": [], "blobs": [-1]}'),
        frame(b'{"values": [], "blobs": [1.5]}'),
        frame(b'{"values": [], "blobs": "x"}'),
        frame(b'{"values": 1, "blobs": []}'),
        frame(b'{"values": [], "blobs": []}', b"more"),
        frame(b'{"values": [], "blobs": ' + b"[" + b"0," * 20_000 + b"0]}"),
        frame(b"1" * 10_000),
        frame(b"\xff\xfe"),
    ],
)
def test_a_message_that_is_none_is_refused(data):
    with pytest.raises(wire.MalformedError):
        wire.Reader().feed(data)


@pytest.mark.parametrize(
    "data",
    [struct.pack(">I", 2**31), frame(b'{"values": [], "blobs": [999999999999]}')],
)
def test_a_message_without_end_is_refused_before_it_is_read(data):
    with pytest.raises(wire.TooLongError):
        wire.Reader().feed(data)


def array(**changes):
    return {"is": "array", "dtype": "<f8", "shape": [2], "at": 0, **changes}


@pytest.mark.parametrize(
    "tree",
    [
        array(dtype="|O"),
        array(dtype="O"),
        array(dtype="<f3"),
        array(dtype="<f8,<f8"),
        array(dtype=["<f8"]),
        array(dtype="<U0"),
        array(dtype="|V16"),
        array(dtype="<M8[s]"),
        array(shape=[3]),
        array(shape=[-2]),
        array(shape=[True, 2]),
        array(shape=[2.0]),
        array(shape=[0, 10**12]),
        array(shape=[1] * 65 + [2]),
        array(shape="2"),
        array(at=1),
        array(at=-1),
        array(at="0"),
        {"is": "item", **{k: v for k, v in array().items() if k != "is"}},
        {"is": "tensor", "torch": "load", **array()} | {"is": "tensor"},
        {"is": "dict", "of": [[1]]},
        {"is": "dict", "of": [[{"is": "list", "of": []}, 1]]},
        {"is": "list", "of": 3},
        {"is": "object", "of": "os.system"},
        {"is": "scalar", "of": "1"},
        {"of": 1},
        ["bare", "list"],
    ],
    ids=str,
)
def test_a_value_that_is_none_is_refused(tree):
    with pytest.raises(wire.MalformedError):
        wire.decode(tree, [bytes(16)])


def test_the_reader_takes_any_pieces():
    data = wire.pack({"id": 7}, [np.arange(5.0), "x"])
    reader = wire.Reader()
    whole = [reader.feed(data[n : n + 1]) for n in range(len(data))]
    assert whole[:-1] == [None] * (len(data) - 1)
    assert whole[-1][0]["id"] == 7


# ---- notebooks


def pages(*cells, **more):
    return json.dumps({"cells": list(cells), **more}).encode()


def test_a_notebook_is_read_whatever_its_metadata():
    data = pages(
        {"cell_type": "code", "source": ["a = 1\n", "b = 2"]},
        {"cell_type": "markdown", "source": "text"},
        {"cell_type": "code", "source": "  \n"},
        {"cell_type": "heading", "source": "what"},
        {"cell_type": "code", "source": "c = '\ud800'"},
        metadata={"kernelspec": {"name": "julia"}},
        nbformat="x",
    )
    read = notebook.parse(b"\xef\xbb\xbf" + data)
    assert read.code == ("a = 1\nb = 2", "c = '?'")
    assert read.text == ("text",)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"%PDF-1.7", "not JSON"),
        (b"[" * 200_000, "nested"),
        (b'{"n": ' + b"1" * 9999 + b"}", "not JSON"),
        (b"[]", "no notebook"),
        (b"{}", "no notebook"),
        (b'{"cells": {}}', "no notebook"),
        (b'{"cells": [1]}', "no text"),
        (b'{"cells": [{"source": [1]}]}', "no text"),
        (b'{"cells": [{"source": null}]}', "no text"),
        (pages(*[{}] * 1001), "1,000"),
        (pages({"cell_type": "code", "source": "x" * 1_100_000}), "1 MiB"),
    ],
)
def test_what_is_no_notebook_says_why(data, says):
    with pytest.raises(notebook.UnreadableError, match=says):
        notebook.parse(data)


def test_the_written_answer_is_what_the_release_does_not_have():
    released = ["# Title", "**Derive** it."]
    own = [
        "# Title",
        "**Derive**   it.",
        notebook.PLACEHOLDER,
        "My answer.",
        " ",
        "And more.",
    ]
    assert notebook.written_answer(own, released) == "My answer.\n\nAnd more."
    assert notebook.written_answer(released, released) == ""


# ---- folders


def test_files_and_folders_become_submissions(tmp_path):
    good = pages({"cell_type": "code", "source": "a = 1"})
    (tmp_path / "student-002.ipynb").write_bytes(good)
    (tmp_path / "student-001").mkdir()
    (tmp_path / "student-001" / "hw2.ipynb").write_bytes(good)
    (tmp_path / "student-001" / "notes.txt").write_text("see hw2")
    (tmp_path / "student-003.pdf").write_bytes(b"%PDF")
    (tmp_path / "student-004").mkdir()
    (tmp_path / "student-005.ipynb").symlink_to(tmp_path / "student-002.ipynb")
    (tmp_path / ".DS_Store").write_bytes(b"")
    found = {s.student: s for s in collect.submissions(tmp_path)}
    assert sorted(found) == [f"student-00{n}" for n in range(1, 6)]
    assert found["student-001"].data == found["student-002"].data == good
    assert ".pdf" in found["student-003"].problem
    assert "0 notebooks" in found["student-004"].problem
    assert "link" in found["student-005"].problem
    assert not found["student-005"].data


def test_a_roster_adds_who_is_missing_and_the_variants(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "student-001.ipynb").write_bytes(pages())
    roster = tmp_path / "roster.csv"
    roster.write_text("\ufeffstudent,variant\nstudent-001,3\nstudent-002,2\n")
    one, two = collect.submissions(folder, roster)
    assert (one.student, one.variant, one.status) == ("student-001", 3, "UNREADABLE")
    assert (two.student, two.variant, two.status) == ("student-002", 2, "MISSING")


@pytest.mark.parametrize(
    "text", ["name\nstudent-001\n", "student\nA\nA\n", "student,variant\nA,x\n"]
)
def test_a_roster_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "roster.csv"
    path.write_text(text)
    with pytest.raises(collect.InputError, match="line"):
        collect.read_roster(path)


def test_two_submissions_of_one_student_are_refused(tmp_path):
    (tmp_path / "student-001.ipynb").write_bytes(pages())
    (tmp_path / "student-001.pdf").write_bytes(b"")
    with pytest.raises(collect.InputError, match="two submissions of student-001"):
        collect.submissions(tmp_path)


def test_no_folder_and_an_empty_one_are_refused(tmp_path):
    with pytest.raises(collect.InputError, match="must be a folder"):
        collect.submissions(tmp_path / "none")
    with pytest.raises(collect.InputError, match="no notebook"):
        collect.submissions(tmp_path)


# ---- what is written


class Task:
    name, points, written_points = "hw0", 5, 2
    questions, written = ("q1", "q2"), ("q3",)


def test_the_table_is_sorted_and_no_cell_is_a_formula(tmp_path):
    keep = store.Store(tmp_path, Task)
    results = [
        Result("student-002", "k", scores={"q1": 0.1 + 0.2, "q2": 1.0}),
        Result("=cmd|'/c calc'!A1", "k", "DIED", scores={"q1": 0.0, "q2": 0.0}),
    ]
    keep.write_grades(results, {"student-002": {"q3": (1.5, "good")}})
    assert (tmp_path / "grades.csv").read_text().splitlines() == [
        "student,q1,q2,q3,total,out_of,status",
        "'=cmd|'/c calc'!A1,0,0,,0,7,DIED",
        "student-002,0.3,1,1.5,2.8,7,ok",
    ]
    assert keep.students() == ["=cmd|'/c calc'!A1", "student-002"]


@pytest.mark.parametrize("student", ["../../etc/x", "a/b", "x" * 300, "é\nü", "CON"])
def test_a_result_stays_in_its_folder_whatever_the_name(tmp_path, student):
    keep = store.Store(tmp_path, Task)
    keep.save(Result(student, "k", scores={"q1": 1.0}))
    (path,) = (tmp_path / "results").iterdir()
    assert path.parent == tmp_path / "results"
    assert keep.load(student, "k").scores == {"q1": 1.0}
    assert keep.load(student, "another key") is None


def test_a_result_that_was_cut_off_counts_as_none(tmp_path):
    keep = store.Store(tmp_path, Task)
    keep.save(Result("student-001", "k"))
    path = keep.file("results", "student-001", ".json")
    path.write_text(path.read_text()[:30])
    assert keep.load("student-001", "k") is None


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "grades.csv"
    store.write(path, "old")

    def fails(*names):
        raise OSError("disk full")

    monkeypatch.setattr(store.os, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        store.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_one_grader_a_folder_and_one_assignment(tmp_path):
    with (
        store.Store(tmp_path, Task).locked(),
        pytest.raises(store.StoreError, match="Another grader"),
    ):
        store.Store(tmp_path, Task).locked().__enter__()

    class Other(Task):
        name = "hw9"

    with pytest.raises(store.StoreError, match="holds the grades of hw0"):
        store.Store(tmp_path, Other).locked().__enter__()


# ---- seeds, packages, assignments


def test_the_examples_of_the_seed_run():
    assert doctest.testmod(seeds).failed == 0
    assert doctest.testmod(seeds).attempted > 3


def test_the_seed_decides_the_inputs():
    seeds.set_course("one", 4)
    first = seeds.course_rng("q1").normal(size=3)
    assert seeds.course_variant() == 4
    seeds.set_course("two")
    assert (first != seeds.course_rng("q1").normal(size=3)).all()
    seeds.set_course("one", submission="another notebook")
    assert (first != seeds.course_rng("q1").normal(size=3)).all()
    seeds.set_course("one")
    np.testing.assert_array_equal(first, seeds.course_rng("q1").normal(size=3))


def test_of_celib_only_the_datasets_can_be_imported():
    shown = packages.site_entries(("numpy", "celib.datasets"))
    assert [name for name in shown if name.startswith("celib")] == [
        "celib/__init__.py",
        "celib/datasets",
    ]
    assert "numpy" in shown
    assert not {"otter", "grader", "torch", "scipy", "pytest"} & shown.keys()
    assert {"torch", "sympy"} <= packages.site_entries(("torch",)).keys()


GIVEN = yaml.safe_load(
    (assignment.ROOT / "assignments" / "hw2" / "assignment.yml").read_text()
)


def change(path, value):
    def apply(given):
        place = given
        for name in path[:-1]:
            place = place[name]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (change(["due"], None), "must hold title, due"),
        (change(["extra"], 1), "must hold title, due"),
        (change(["due"], "some day"), "due must look like"),
        (change(["questions", "q1", "hidden"], 9), "0 <= hidden <= points"),
        (change(["questions", "q1", "exports"], []), "name its exports"),
        (change(["questions", "q1", "points"], None), "points"),
        (change(["written", "q6", "points"], 5), "must sum up to its 5"),
        (change(["limits", "call_s"], 0), "limits must be positive"),
        (change(["limits", "call_s"], None), "limits must be positive"),
    ],
)
def test_an_assignment_that_does_not_add_up_is_refused(tmp_path, edit, says):
    given = json.loads(json.dumps(GIVEN, default=str))
    edit(given)
    folder = tmp_path / "assignments" / "hw2"
    folder.mkdir(parents=True)
    (folder / "assignment.yml").write_text(yaml.safe_dump(given))
    with pytest.raises(assignment.AssignmentError, match=says):
        assignment.settings(folder)


def test_an_assignment_that_is_not_there_or_not_built_says_so(tmp_path):
    with pytest.raises(assignment.AssignmentError, match="Assignments here: none"):
        assignment.load("hw7", tmp_path)
    folder = tmp_path / "assignments" / "hw2"
    folder.mkdir(parents=True)
    (folder / "assignment.yml").write_text(yaml.safe_dump(GIVEN))
    with pytest.raises(assignment.AssignmentError, match="make assignments"):
        assignment.load("hw2", tmp_path)


def test_a_date_alone_is_the_end_of_its_day(tmp_path):
    folder = tmp_path / "assignments" / "hw2"
    folder.mkdir(parents=True)
    path = folder / "assignment.yml"
    path.write_text(yaml.safe_dump({**GIVEN, "due": datetime.date(2027, 3, 6)}))
    assert assignment.settings(folder)["due"] == "2027-03-06 23:59"
    path.write_text("title: [a")
    with pytest.raises(assignment.AssignmentError, match="can't be read"):
        assignment.settings(folder)


def test_a_folder_may_be_the_one_that_was_handed_out(tmp_path):
    for name in (
        "hw2/hw2.ipynb",
        "hw2/.ipynb_checkpoints/hw2.ipynb",
        "hw2/tests/q1.py",
    ):
        path = tmp_path / "student-001" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pages())
    (tmp_path / "Thumbs.db").write_bytes(b"")
    (only,) = collect.submissions(tmp_path)
    assert (only.student, only.problem) == ("student-001", "")


def test_two_spellings_of_an_accent_are_one_student(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "Zoe\u0308.ipynb").write_bytes(pages())
    (tmp_path / "roster.csv").write_text("student,variant\nZo\u00eb,2\n")
    (only,) = collect.submissions(folder, tmp_path / "roster.csv")
    assert (only.student, only.variant) == ("Zo\u00eb", 2)
    assert collect.doubts([only], tmp_path / "roster.csv") == []
    (tmp_path / "roster.csv").write_text("student\nZoe\n")
    assert "Zo\u00eb" in collect.doubts([only], tmp_path / "roster.csv")[0]


RELEASED = [
    "# Homework\n\nDue 1 May.",
    "## Question 1: Code",
    "## Question 2: On paper\nDerive it.",
    notebook.PLACEHOLDER,
    "<!-- END QUESTION -->",
]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (RELEASED, ""),
        (["# Homework\n\nDue 8 May.", *RELEASED[1:]], ""),
        ([*RELEASED[:2], "a note", *RELEASED[2:3], "Mine.", RELEASED[4]], "Mine."),
        ([*RELEASED[:2], "## Question 2: On paper\nDerive.", "Mine."], "Mine."),
        (["# Homework\n\nDue 8 May.", "Mine."], "Mine."),
        ([f"{RELEASED[2]}\nMine.", "More."], f"{RELEASED[2]}\nMine.\n\nMore."),
        (
            [*RELEASED[:2], f"{RELEASED[2]}\nMine.", *RELEASED[3:]],
            f"{RELEASED[2]}\nMine.",
        ),
        (
            [*RELEASED[:2], "## Question 2: On paper\nMine."],
            "## Question 2: On paper\nMine.",
        ),
        (["Mine.", *RELEASED[1:]], "Mine."),
    ],
)
def test_the_answer_is_found_whatever_else_has_changed(text, answer):
    assert notebook.written_answer(text, RELEASED) == answer


# ---- checks

OF_ALL_KINDS = r"""
test = {"name": "q1", "points": 6, "suites": [{"cases": [
    {"code": ">>> f(2)\n4\n", "hidden": False, "points": 1},
    {"code": ">>> f(2)\n5\n>>> f(3)\n7\n", "hidden": False, "points": 1},
    {"code": ">>> f = abs\n>>> 1 / f(0)\n", "hidden": True, "points": 1,
     "failure_message": "Nothing divides by zero."},
    {"code": ">>> print('f')\n>>> if f(1) > 0:\n...     assert False, 'f(1)'\n",
     "hidden": True, "points": 1},
    {"code": ">>> import sys\n>>> _ = sys.stderr.write('old')\n>>> f(1)\n2\n",
     "hidden": True, "points": 2},
]}]}
"""


def test_checks_come_out_as_in_otter_with_which_students_run_them():
    from otter.test_files.ok_test import OKTestFile

    told: dict = {}
    exec(OF_ALL_KINDS, told)
    file = OKTestFile.from_spec(told["test"])
    names = {"f": lambda x: x**2}
    file.run(names)
    cases = checks.read(OF_ALL_KINDS)
    outcomes = [checks.run(case, names) for case in cases]
    assert [passed for passed, _ in outcomes] == [True, False, False, False, False]
    for case, (passed, printed), otter in zip(
        cases, outcomes, file.test_case_results, strict=True
    ):
        assert passed == otter.passed
        assert passed or otter.message == f"❌ Test case failed\n{printed}"
        assert case.points == otter.test_case.points
        assert case.hidden == otter.test_case.hidden
        assert case.hint == (otter.test_case.failure_message or "")
