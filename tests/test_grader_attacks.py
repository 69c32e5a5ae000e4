"""Notebooks that attack the grader: none earns a point, gets out, or harms another.

Each attack lies beside the right answers, so that it also shows that those keep their
points. The attacks' own code is in `attacks.py`.
"""

import contextlib
import json
import os
import random
import secrets
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import attacks
import grading
import pytest
from grading import code_cells, mark, notebook, solution_cells

from grader.marking import collect
from grader.marking.mark import MEANING, Submission
from grader.marking.store import Store
from grader.notebook import titles
from grader.pages import feedback, gradescope
from grader.release import seeds
from grader.sandbox import session
from grader.sandbox import walls as sandbox

pytestmark = pytest.mark.slow

hw2, walls = grading.hw2, grading.walls
in_walls = pytest.mark.usefixtures("walls")

FULL = {"q1": 6, "q2": 4, "q3": 7, "q4": 8, "q5": 7}
# Beside its function, the fifth question asks for a number, which is worth 3.
NO_FUNCTION = {"q1": 0, "q2": 0, "q3": 0, "q4": 0, "q5": 3}
FUNCTIONS = dict(zip(attacks.NAMES, FULL, strict=True))
# Among the limits, so that the processes of this test run can be told from others.
OURS = 40 + random.SystemRandom().randrange(2**20) / 2**30
LIMITS = {"cell_s": 20, "call_s": 10, "total_s": OURS, "memory_mib": 1024}
# Nothing takes as many seconds by the clock, on the busiest machine, that is to end.
SOON = 100


@pytest.fixture
def marked(hw2, tmp_path):
    """Mark a notebook, look at all that is written of it, and return the result."""

    def marked(data, **limits):
        result = mark(data, hw2.task, **LIMITS | limits)
        Store(tmp_path / "grades", hw2.task).save(result)
        for text in shown(result, hw2.task):
            text.encode()
            assert not set("\0\7\x1b\r") & set(text)
        assert "<script>alert" not in shown(result, hw2.task)[0]
        return result

    return marked


@pytest.fixture(autouse=True)
def _nothing_stays():
    """See that a test leaves no process of the grader behind."""
    yield
    end = time.monotonic() + 5
    while (left := our_processes()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not left


def our_processes():
    """Return the processes that were started with this test run's limits."""
    mark, found = str(OURS + sandbox.SPARE_S).encode(), []
    numbers = os.listdir("/proc") if os.path.isdir("/proc") else []
    for number in filter(str.isdigit, numbers):
        with (
            contextlib.suppress(OSError),
            open(f"/proc/{number}/cmdline", "rb") as text,
        ):
            if mark in text.read():
                found.append(number)
    return found


def shown(result, task):
    """Return all that a student gets to see of a result."""
    form = gradescope.results(result, task)
    return feedback.page(result, task), json.dumps(form, ensure_ascii=False)


def messages(result):
    return " ".join(c["message"] for checks in result.checks.values() for c in checks)


# ---- answers

FIVES = [list(attacks.VALUES)[n : n + 5] for n in range(0, len(attacks.VALUES), 5)]


PAIRS = list(zip(FIVES, attacks.NUMBERS, strict=True))


@in_walls
@pytest.mark.parametrize(("names", "number"), PAIRS, ids=str)
def test_an_odd_answer_earns_nothing(marked, names, number):
    bodies = dict(
        zip(FUNCTIONS, (attacks.VALUES[name] for name in names), strict=False)
    )
    odd = [attacks.function(*pair) for pair in bodies.items()]
    result = marked([*solution_cells(), attacks.FREEZE, *odd, f"accuracy = {number}"])
    want = FULL | {q: 0 for name, q in FUNCTIONS.items() if name in bodies}
    want["q5"] = 0 if "train" in bodies else 4
    assert result.scores == want
    assert (result.status, result.notes) == ("ok", [])


@in_walls
def test_answers_that_change_or_come_from_a_table_earn_what_they_are(marked):
    kept = (
        "right = dict(log_softmax=log_softmax, loss=loss)\ncalls = {'q1': 0, 'q3': 0}"
    )
    first = """
        calls['q1'] += 1
        return right['log_softmax'](*args) if calls['q1'] <= 3 else np.zeros(3)
    """
    later = """
        calls['q3'] += 1
        return right['loss'](*args) if calls['q3'] > 3 else 0.0
    """
    table = """
        if not 0 <= args[2] <= 1:
            raise ValueError
        return np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])
    """
    bodies = {"log_softmax": first, "smooth": table, "loss": later}
    odd = [attacks.function(*pair) for pair in bodies.items()]
    result = marked([*solution_cells(), attacks.FREEZE, kept, *odd])
    assert result.scores == FULL | {"q1": 3, "q2": 1, "q3": 3}
    assert (result.status, result.notes) == ("ok", [])


@in_walls
@pytest.mark.parametrize(
    "answer", ["np.zeros(10**7)", "object()", "np.zeros((0, 10**9))"]
)
def test_an_odd_answer_is_not_the_error_that_was_asked_for(marked, answer):
    # Where an exception is the right answer, one of the marker's own is not.
    body = f"""
        if not 0 <= args[2] <= 1:
            return {answer}
        return right(*args)
    """
    odd = ["right = smooth", attacks.function("smooth", body)]
    result = marked([*solution_cells(), attacks.FREEZE, *odd])
    assert result.scores == FULL | {"q2": 3}


@in_walls
@pytest.mark.parametrize("patch", attacks.PATCHES)
def test_what_is_patched_in_the_worker_earns_nothing(marked, hw2, patch):
    blank = code_cells(hw2.blank)
    assert marked([*blank, attacks.PATCHES[patch]], total_s=6).total == 0
    assert marked([attacks.PATCHES[patch], *blank], total_s=6).total == 0


# ---- replies


class Worker:
    """Stands for a worker: it says what it is told to, piece by piece, and ends."""

    def __init__(self, pieces):
        self.unread, stdin = os.pipe()
        stdout, here = os.pipe()
        self.stdin, self.stdout = os.fdopen(stdin, "wb", 0), os.fdopen(stdout, "rb", 0)
        # no process has this number, so that the clock on the wall counts
        self.pid = 0
        self.writer = threading.Thread(target=self._say, args=(here, pieces))
        self.writer.start()

    def _say(self, pipe, pieces):
        with contextlib.suppress(BrokenPipeError):
            for piece in pieces:
                left = memoryview(piece)
                while left:
                    left = left[os.write(pipe, left[: 2**16]) :]
        os.close(pipe)

    def close(self):
        self.stdin.close()
        self.stdout.close()
        self.writer.join()
        os.close(self.unread)


def lost_over(pieces, seconds=5):
    """Ask a worker that says this; return how it was lost, and what it cost here."""
    began = time.process_time()
    with contextlib.closing(Worker(pieces)) as worker:
        channel = session.Channel(worker, tensors=True)
        with pytest.raises(session.WorkerLostError) as lost:
            channel.ask({"do": "get", "name": "x"}, [], seconds)
    return lost.value, time.process_time() - began


@pytest.mark.parametrize("name", attacks.REPLIES)
def test_a_reply_by_hand_is_refused_soon(name):
    lost, seconds = lost_over([attacks.REPLIES[name]])
    assert lost.status in ("PROTOCOL", "FLOOD", "DIED")
    assert seconds < 4


def test_a_reply_in_small_pieces_ends_with_the_time():
    # The text is whole long before its array is, and is not to be read each time.
    text = attacks.reply([1.0] * 600_000, [2**24])
    drops = (bytes(10) for _ in range(2**20))
    lost, seconds = lost_over(
        (piece for part in ([text], drops) for piece in part), 0.5
    )
    assert lost.status == "TIMEOUT"
    assert seconds < 2


@pytest.mark.parametrize("given", attacks.ERRORS, ids=lambda given: str(given)[:40])
def test_an_error_by_hand_becomes_a_plain_exception(given):
    asked = SimpleNamespace(ask=lambda *question: (given, []))
    # Whatever comes, it is short, ends no process and can be written to a file.
    with pytest.raises(Exception, match=r"^[^\x00\x1b\ud800]{,1200}\Z"):
        session.Proxy(asked, "loss")()


@in_walls
def test_functions_that_answer_by_hand_earn_nothing(marked):
    names = [
        "two at once",
        "sizes of thousands of digits",
        "one array for many",
        "brackets in a value",
        "letters of a gigabyte",
    ]
    pairs = zip(FUNCTIONS, (attacks.REPLIES[name] for name in names), strict=True)
    odd = [attacks.function(name, attacks.forged(data)) for name, data in pairs]
    result = marked([*solution_cells(), attacks.FREEZE, attacks.FORGER, *odd])
    assert result.scores == NO_FUNCTION
    assert result.status == "PROTOCOL"
    assert len(result.notes) == 10


@in_walls
def test_an_answer_in_advance_earns_nothing(marked):
    # The questions are numbered, so a student can answer the next hundred at once.
    body = """
        right = '{"is": "array", "dtype": "<f8", "shape": [1, 3], "at": 0}'
        for number in range(200):
            text = f'{{"id": {number}, "values": [{right}], "blobs": [24]}}'.encode()
            forge(len(text).to_bytes(4, "big") + text + bytes(24))
            time.sleep(0.001)
        time.sleep(60)
    """
    odd = attacks.function("log_softmax", body)
    result = marked([*solution_cells(), attacks.FREEZE, attacks.FORGER, odd])
    assert result.scores == FULL | {"q1": 0}
    assert result.status == "PROTOCOL"


# ---- cells and functions that end or hold up their worker


@in_walls
def test_cells_that_raise_cost_nothing_else(marked):
    result = marked([*attacks.CELLS.values(), *solution_cells()])
    assert result.scores == FULL
    assert result.status == "ok"
    assert len(result.notes) == len(attacks.CELLS)
    assert all(note.startswith("The cell “") for note in result.notes)


@in_walls
@pytest.mark.parametrize("name", attacks.SPOILS)
def test_a_cell_that_uses_up_the_worker_costs_nothing_else(marked, name):
    result = marked([*solution_cells(), attacks.SPOILS[name]])
    assert result.scores == FULL
    assert result.status == "ok"


@in_walls
@pytest.mark.parametrize("status", attacks.LOSES)
def test_cells_that_lose_the_worker_are_left_out(marked, status):
    cells = attacks.LOSES[status].values()
    result = marked([*cells, *solution_cells()], cell_s=1)
    assert result.scores == FULL
    assert result.status == status
    want = [f"The cell {title}: {MEANING[status]}." for title in titles(cells)]
    assert result.notes == want


@in_walls
def test_a_signal_to_oneself_costs_nothing_else(marked):
    cells = attacks.SIGNALS.values()
    result = marked([*cells, *solution_cells()])
    lost = os.getuid() == 0
    assert result.scores == FULL
    assert result.status == ("DIED" if lost else "ok")
    notes = [f"The cell {title}: {MEANING['DIED']}." for title in titles(cells)]
    assert result.notes == (notes if lost else [])


@in_walls
def test_functions_that_lose_the_worker_cost_themselves(marked):
    odd = [attacks.function(*pair) for pair in attacks.FATAL.items()]
    began = time.monotonic()
    cells = [*solution_cells(), attacks.FREEZE, attacks.FORGER, *odd]
    result = marked(cells, call_s=0.7)
    assert time.monotonic() - began < SOON
    assert result.scores == NO_FUNCTION
    assert result.status == "PROTOCOL"
    lost = [note.partition(":")[0] for note in result.notes]
    assert sorted(lost) == sorted([*FUNCTIONS] * 2)


@in_walls
def test_one_function_that_hangs_takes_its_users_along_and_no_other(marked):
    # Four functions and a cell hang, each of them twice; smooth needs none of them.
    hangs = attacks.function("log_softmax", "while True: pass")
    cells = solution_cells()
    at = next(n for n, cell in enumerate(cells) if "def log_softmax" in cell)
    result = marked([*cells[:at], hangs, *cells[at + 1 :]], call_s=0.4, cell_s=1)
    assert result.scores == {"q1": 0, "q2": 4, "q3": 0, "q4": 0, "q5": 0}
    assert result.status == "TIMEOUT"


@in_walls
@pytest.mark.parametrize("way", attacks.SLOW)
def test_a_notebook_ends_with_its_time(marked, way):
    slow = ["import time", *[attacks.SLOW[way]] * 900]
    began = time.monotonic()
    result = marked([*slow, *solution_cells()], total_s=0.5)
    assert time.monotonic() - began < SOON
    assert (result.total, result.status) == (0, "TIMEOUT")
    assert len(result.notes) == 1


@in_walls
def test_what_takes_long_because_others_compute_is_not_stopped(marked):
    # By the clock it takes longer than a call may compute.
    waits = attacks.function("smooth", "time.sleep(0.6)\nreturn right(*args)")
    cells = [*solution_cells(), attacks.FREEZE, "import time", "right = smooth", waits]
    result = marked(cells, call_s=0.3)
    assert (result.scores, result.status) == (FULL, "ok")


@in_walls
def test_a_start_that_fails_is_told(marked):
    result = marked(solution_cells(), memory_mib=40)
    assert (result.total, result.status) == (0, "DIED")
    assert result.notes[0] == f"the start: {MEANING['DIED']}."


@in_walls
def test_a_notebook_that_loses_every_worker_ends(marked):
    began = time.monotonic()
    result = marked(["import os\nos._exit(0)"] * 100)
    assert time.monotonic() - began < SOON
    assert (result.total, result.status) == (0, "DIED")


@in_walls
def test_a_worker_that_is_kept_forgets_every_name_and_is_replaced_when_lost(hw2):
    limits = sandbox.Limits(**LIMITS)
    cells, leaves = solution_cells(), "import os\nos._exit(0)"
    with sandbox.OneWorker(sandbox.Sandbox(hw2.task.packages, limits), 1) as one:
        with one.worker() as first:
            pass
        assert mark(cells, hw2.task, box=one).scores == FULL
        assert mark(["x = 1"], hw2.task, box=one).total == 0
        assert first.poll() is None
        lost = mark([*cells, leaves], hw2.task, box=one)
        assert (lost.scores, lost.status) == (FULL, "DIED")
        with one.worker() as second:
            assert first.poll() is not None
        assert second.pid != first.pid
        assert mark(cells, hw2.task, box=one).status == "ok"
    assert second.poll() is not None


# ---- what is outside


def tries(code):
    """Return a cell that says so if `code` gets through."""
    return (
        f"try:\n    exec({code!r}, dict(globals()))\nexcept BaseException: pass\n"
        f"else: raise RuntimeError('THROUGH')"
    )


def got_through(result, names):
    # They all begin with the same line.
    numbers = [
        int(note.partition("(number ")[2].split()[0])
        for note in result.notes
        if "THROUGH" in note
    ]
    return [list(names)[number - 1] for number in numbers]


@in_walls
def test_nothing_gets_through_the_walls(marked):
    inside = attacks.INSIDE | {"a control": "1 + 1"}
    result = marked([tries(code) for code in inside.values()])
    assert got_through(result, inside) == ["a control"]
    assert result.status == "ok"


@in_walls
def test_of_the_grader_only_the_worker_and_the_wire_can_be_seen(marked):
    tells = "import os\nraise ValueError(sorted(os.listdir('/worker')))"
    finds = "import sys\nraise ValueError([p for p in sys.path if os.path.isdir(p)])"
    imports = ["import grader", "import session", "import probe", "import walls"]
    result = marked([tells, finds, *map(tries, imports)])
    _, files, folders = result.notes
    assert files == (
        "The cell “import os” raised ValueError: "
        "['shell.py', 'standins.py', 'wire.py', 'worker.py']"
    )
    assert "'/site', '/worker'" in folders
    assert "grader" not in folders
    assert not any("THROUGH" in note for note in result.notes)


def secret_files(hw2):
    """Return files that a student would like to read, by the paths that they have."""
    built, root = hw2.root / "dist" / "hw2" / "autograder", grading.ROOT
    yield from (built / "hw2.ipynb", built / "tests" / "q1.py", root / "README.md")
    yield from (root / "assignments/hw2/hw2.ipynb", root / "celib/softmax.py")


def attempts_on(peer, servers):
    """Return attempts on another student's file, and on what listens out here."""
    path, connect = str(peer), "import socket; socket.socket({}).connect({!r})"
    for server in servers:
        family = "" if server.family == socket.AF_INET else "socket.AF_UNIX"
        yield connect.format(family, server.getsockname())
    yield f"open({path!r}).read()"
    yield f"open({path!r}, 'a').write('mine')"
    yield f"import os; os.unlink({path!r})"
    yield f"import os; os.listdir({str(peer.parent)!r})"
    yield f"import os; open('/tmp/x', 'w'); os.replace('/tmp/x', {path!r})"
    yield f"import os; os.symlink({path!r}, '/tmp/l'); open('/tmp/l')"


@pytest.fixture
def servers(tmp_path):
    """Listen at the loopback, at an abstract name and at a file."""
    names = [f"\0{secrets.token_hex(8)}", str(tmp_path / "socket")]
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.create_server(("127.0.0.1", 0)))]
        for name in names:
            made.append(stack.enter_context(socket.socket(socket.AF_UNIX)))
            made[-1].bind(name)
            made[-1].listen()
        for server in made:
            server.setblocking(False)
        yield made


@in_walls
def test_nobody_elses_files_or_sockets_are_in_reach(marked, hw2, tmp_path, servers):
    peer = tmp_path / "student-002.ipynb"
    peer.write_text("a peer's answer")
    assert all(path.is_file() for path in secret_files(hw2))
    tried = [f"open({str(path)!r}).read()" for path in secret_files(hw2)]
    tried += attempts_on(peer, servers)
    result = marked([tries(code) for code in tried])
    assert got_through(result, tried) == []
    for server in servers:
        with pytest.raises(BlockingIOError):
            server.accept()
    assert peer.read_text() == "a peer's answer"
    assert {p.name for p in tmp_path.iterdir()} == {"socket", peer.name, "grades"}


@in_walls
def test_no_secret_is_in_a_workers_reach(marked, monkeypatch):
    secret, word = secrets.token_hex(8), secrets.token_hex(8)
    monkeypatch.setenv("COURSE_SECRET", secret)
    monkeypatch.setattr(grading, "SEED", word)
    texts = (secret, word, "scipy_log_softmax", "Try an array that may not be")
    # The last is there and must be found, or nothing was looked through.
    halves = [(t[:7].encode(), t[7:].encode()) for t in (*texts, "here it is, you see")]
    own = "OWN = 'here it is' + ', you see'[int('0'):]"
    # Once for the public checks, once for the hidden ones.
    body = (
        f"if np.shape(args[0]) in [(1, 3), (4, 5)]: raise ValueError(search({halves}))"
    )
    odd = attacks.function("log_softmax", body)
    cells = [*solution_cells(), attacks.FREEZE, attacks.SEARCH, own, odd]
    result = marked(cells)
    for number in (0, 3):
        _, _, found = result.checks["q1"][number]["message"].partition("ValueError: ")
        assert found.startswith(repr(["nowhere"] * 4 + ["memory"]))
    assert result.scores == FULL | {"q1": 0}


# ---- hidden inputs


@in_walls
def test_a_worker_leaves_nothing_to_the_next(marked):
    keeps = "keep('inputs ' + repr(args))\nos._exit(0)"
    odd = [attacks.function(name, keeps) for name in ("log_softmax", "loss", "train")]
    for _ in range(2):
        result = marked([*solution_cells(), attacks.FREEZE, attacks.NOTES, *odd])
        assert result.status == "DIED"
        assert "KEPT" not in " ".join(result.notes)
    assert result.scores == FULL | {"q1": 0, "q3": 0, "q5": 3}


@in_walls
def test_what_students_see_holds_no_hidden_input(marked, hw2):
    odd = [
        attacks.function(name, attacks.SAYS.format(way))
        for name, way in attacks.WAYS.items()
    ]
    last = "raise ValueError(seen)"
    data = notebook(*solution_cells(), attacks.FREEZE, "seen = []", *odd, last)
    result = marked(data)
    assert result.scores == NO_FUNCTION
    hidden = set(hidden_numbers(data))
    assert len({n for n in hidden if n in messages(result)}) > 20
    for text in (*shown(result, hw2.task), *result.notes, result.status):
        assert not {n for n in hidden if n in text}


def hidden_numbers(data):
    """Return a notebook's hidden inputs of the first two questions, to eight digits."""
    seeds.set_course(grading.SEED, submission=Submission("student-001", data).hash)
    for z in (
        seeds.course_rng("q1").normal(0, 3, (4, 5)),
        seeds.course_rng("q1 classes").uniform(-3000, 0, (5, 7)),
        seeds.course_rng("q2").uniform(size=1),
    ):
        yield from (repr(float(abs(value)))[:8] for value in z.ravel())


# ---- notebooks


@in_walls
def test_magics_keep_what_is_defined_beside_them(marked):
    cells = solution_cells()
    places = [n for n, cell in enumerate(cells) if cell.startswith("def ")]
    for place, magic in zip(places, attacks.MAGICS, strict=True):
        cells[place] = magic.format(*(cells[p] if p == place else "" for p in places))
    cells += ["%%bash\nrm -rf /", "%%javascript\nalert(1)", "%%nothing\nx", "!sleep 99"]
    result = marked(cells)
    assert (result.scores, result.status) == (FULL, "ok")
    assert result.notes == []


def edited(data, edit):
    content = json.loads(data)
    edit(content)
    return json.dumps(content).encode()


def without_checks(content):
    content["cells"] = [c for c in content["cells"] if "grader" not in str(c["source"])]


def twice(content):
    checks = [c for c in content["cells"] if "grader.check" in str(c["source"])]
    content["cells"] = checks + content["cells"] + checks * 3


def other_checks(content):
    for cell in content["cells"]:
        if "grader.check" in str(cell["source"]):
            cell["source"] = ["grader.check = lambda *rest: 100\n", "raise SystemExit"]


def bare(content):
    for cell in content["cells"]:
        for key in set(cell) - {"cell_type", "source"}:
            del cell[key]
    for key in set(content) - {"cells"}:
        del content[key]


def odd_metadata(content):
    content["metadata"] = {
        "kernelspec": {"name": "/bin/sh", "argv": ["rm"], "language": "R"},
        "otter": {"points": 10**9, "tests": {"q1": {"points": 99, "suites": []}}},
    }
    content |= {"nbformat": "9", "points": 100, "grade": {"total": 1e9}}
    for cell in content["cells"]:
        cell["metadata"] = {"otter": {"tests": ["q9"]}, "points": -3, "tags": None}
        cell["outputs"] = [{"output_type": "x", "data": {"text/html": "<script>"}}]


def odd_cells(content):
    content["cells"] += [
        {"cell_type": "code", "source": []},
        {"cell_type": "code"},
        {"cell_type": ["code"], "source": "raise ValueError"},
        {"cell_type": None, "source": "raise ValueError"},
        {"cell_type": "raw", "source": "raise ValueError"},
        {"cell_type": "code", "source": "# " + "😀" * 80_000},
        {"cell_type": "code", "source": "x = 1\n" * 100_000},
    ]


def long(content):
    more = 1000 - len(content["cells"])
    content["cells"] += [{"cell_type": "code", "source": "x = 1"}] * more


EDITS = [without_checks, twice, other_checks, bare, odd_metadata, odd_cells, long]


@in_walls
@pytest.mark.parametrize("edit", EDITS)
def test_what_surrounds_the_answers_does_not_matter(marked, hw2, edit):
    result = marked(edited(hw2.solution, edit))
    assert (result.scores, result.status) == (FULL, "ok")


@in_walls
def test_points_are_not_the_students_to_set(marked, hw2):
    for edit in (odd_metadata, other_checks):
        assert marked(edited(hw2.blank, edit)).total == 0


@in_walls
def test_numpy_under_another_name_is_the_students_own_affair(marked):
    result = marked(
        [*solution_cells(), attacks.FREEZE, "np = None", "import numpy as x"]
    )
    assert result.scores == FULL
    assert marked([*solution_cells(), "np = None"]).scores["q1"] == 0


NO_NOTEBOOKS = {
    "empty": b"",
    "white space": b" \n\0"[:2],
    "zeros": bytes(1000),
    "no UTF-8": b'{"cells": "\xff\xfe"}',
    "UTF-16": '{"cells": []}'.encode("utf-16"),
    "half of one": notebook("x = 1")[:-20],
    "a list": b"[]",
    "a number": b"1e999",
    "a PDF": b"%PDF-1.7\n%\xe2\xe3",
    "a zip archive": b"PK\3\4",
    "cells that are a dict": b'{"cells": {"0": 1}}',
    "no cells": b'{"worksheets": [{"cells": []}]}',
    "a cell that is a number": b'{"cells": [1]}',
    "a source that is a number": b'{"cells": [{"cell_type": "code", "source": 1}]}',
    "a source that is null": b'{"cells": [{"cell_type": "code", "source": null}]}',
    "lines that are numbers": b'{"cells": [{"cell_type": "code", "source": [1]}]}',
    "lines in lines": b'{"cells": [{"cell_type": "code", "source": [["x"]]}]}',
    "brackets": b'{"cells": ' + b"[" * 10**5 + b"]" * 10**5 + b"}",
    "an endless number": b'{"cells": ' + b"9" * 10**5 + b"}",
    "100,000 cells": notebook(*["x = 1"] * 10**5),
    "a cell of 2 MB": notebook("x" * 2 * 10**6),
    "a cell that would be sent as 5 MB": notebook("😀" * 400_000),
}


@pytest.mark.parametrize("name", NO_NOTEBOOKS)
def test_what_is_no_notebook_gets_a_row_and_a_reason(marked, name):
    result = marked(NO_NOTEBOOKS[name])
    assert (result.total, result.status) == (0, "UNREADABLE")
    assert result.notes[0].startswith("The file: ")
    assert len(result.notes[0]) < 300


def test_a_link_to_somebody_elses_work_is_not_followed(hw2, tmp_path):
    folder, solution = tmp_path / "in", hw2.root / "dist/hw2/autograder/hw2.ipynb"
    (folder / "student-005").mkdir(parents=True)
    (folder / "student-001.ipynb").write_bytes(hw2.blank)
    (folder / "student-002.ipynb").symlink_to(folder / "student-001.ipynb")
    (folder / "student-003.ipynb").symlink_to(solution)
    (folder / "student-004").symlink_to(solution.parent)
    (folder / "student-005" / "hw2.ipynb").symlink_to("/dev/zero")
    (folder / "student-006.ipynb").symlink_to("/dev/stdin")
    os.mkfifo(folder / "student-007.ipynb")
    with (folder / "student-008.ipynb").open("wb") as huge:
        huge.truncate(2**40)
    found = {s.student: s for s in collect.submissions(folder)}
    assert len(found) == 8
    assert [who for who, s in found.items() if s.data] == ["student-001"]
    assert all(s.problem for who, s in found.items() if who != "student-001")


# ---- the walls' own test


@in_walls
def test_a_hole_in_the_walls_is_found_before_a_student_does(monkeypatch):
    box = sandbox.Sandbox(("numpy",), grading.LIMITS)
    assert sandbox.tried(box) == []
    monkeypatch.setattr(sandbox.syscalls, "rules", lambda: b"")
    holes = " ".join(sandbox.tried(box))
    for hole in (
        "memory that no limit counts",
        "for the next student",
        "namespaces",
        "stay when the marker is gone",
    ):
        assert hole in holes


@in_walls
def test_an_open_first_process_is_found_before_a_student_does(monkeypatch):
    walls = sandbox._walls
    without = [word for word in walls() if word != "--as-pid-1"]
    monkeypatch.setattr(sandbox, "_walls", lambda: without)
    holes = sandbox.tried(sandbox.Sandbox(("numpy",), grading.LIMITS))
    # Root's first process keeps another name than the worker's, and some systems let
    # nobody open the memory of a process that they have not started.
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    guarded = os.getuid() == 0 or (scope.exists() and scope.read_text().strip() != "0")
    hole = "it can write to the memory of another process"
    assert holes == ([] if guarded else [hole])
