"""Mark a class of 100, and one in which 30 attack: seconds, and rights and wrongs.

python benchmarks/grading.py [hw2 …]

Prints seconds by the clock on this machine's cores, and whether every honest
notebook got what it deserves. Needs what `make assignments` builds.
"""

import contextlib
import csv
import io
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grader import __main__ as command  # noqa: E402
from grader.marking import trial  # noqa: E402
from grader.release import assignment  # noqa: E402

HOSTILE = {
    "ends its process": "import os\nos._exit(0)",
    "loops": "while True:\n    pass",
    "takes memory": "hoard = [bytearray(2**28) for _ in range(64)]",
    "starts processes": "import os\nwhile True:\n    os.fork()",
    "floods": "import os\nfor n in range(3, 64):\n"
    "    try:\n        os.write(n, b'x' * 2**20)\n    except OSError:\n        pass",
    "equals everything": "class E:\n    def __eq__(self, other):\n        return True\n"
    "def log_softmax(z):\n    return E()",
    "patches numpy": "import numpy\nnumpy.testing.assert_allclose = lambda *a, **k: 0",
    "reads files": "open('/etc/passwd').read()",
    "uses the network": "import socket\nsocket.create_connection(('127.0.0.1', 80))",
    "is no notebook": None,
}


def honest(name, count):
    """Yield notebooks: the solution, the blank, and wrong answers, in turns."""
    built = ROOT / "dist" / name
    solution = (built / "autograder" / f"{name}.ipynb").read_bytes()
    blank = (built / "student" / f"{name}.ipynb").read_bytes()
    wrong = [path.read_text() for path in trial.wrong_answers(name)]
    kinds = [solution, blank, *(trial.with_cell(solution, text) for text in wrong)]
    yield from (kinds[n % len(kinds)] for n in range(count))


def hostile(name, count):
    """Yield the solution with an attack at its end."""
    data = (ROOT / "dist" / name / "autograder" / f"{name}.ipynb").read_bytes()
    for n in range(count):
        attack = list(HOSTILE.values())[n % len(HOSTILE)]
        yield b"\x00 no JSON" if attack is None else trial.with_cell(data, attack)


def marked(name, folder, notebooks):
    """Mark notebooks, and return the rows of grades.csv and the seconds."""
    inside = Path(folder, "in")
    inside.mkdir()
    for number, data in notebooks:
        (inside / f"student-{number:03}.ipynb").write_bytes(data)
    out, seed = Path(folder, "out"), Path(folder, "seed.txt")
    seed.write_text("benchmark\n")
    words = [name, str(inside), "--out", str(out), "--seed-file", str(seed)]
    began = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):
        status = command.main(words)
    seconds = time.perf_counter() - began
    assert status == 0, "marking failed"
    with (out / "grades.csv").open() as file:
        return {row["student"]: row for row in csv.DictReader(file)}, seconds


def main(names):
    """Run both batches for each assignment."""
    for name in names or ["hw2"]:
        task = assignment.load(name)
        good = list(enumerate(honest(name, 100), 1))
        with tempfile.TemporaryDirectory() as folder:
            alone, seconds = marked(name, folder, good)
        print(f"{name}: 100 submissions in {seconds:.0f} s on {os.cpu_count()} cores")
        bad = list(enumerate(hostile(name, 30), 71))
        with tempfile.TemporaryDirectory() as folder:
            mixed, seconds = marked(name, folder, good[:70] + bad)
        same = sum(mixed[who] == alone[who] for who in list(alone)[:70])
        print(
            f"{name}: of 70 beside 30 attacks {same} are marked alike ({seconds:.0f} s)"
        )
        for number, attack in zip(range(71, 81), HOSTILE, strict=True):
            row = mixed[f"student-{number:03}"]
            points = f"{row['total']:>4} of {task.points:g}"
            print(f"  {attack:18} {row['status']:10} {points}")


if __name__ == "__main__":
    main(sys.argv[1:])
