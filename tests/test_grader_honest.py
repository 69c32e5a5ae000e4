"""Right answers in a hundred forms keep each point that a real kernel's checks give."""

import json
import subprocess
import sys

import grading
import honest
import nbclient
import nbformat
import pytest
from grading import ROOT, code_cells, mark, notebook

from grader import notebook as reading
from grader.sandbox import walls as sandbox

pytestmark = pytest.mark.slow

walls = grading.walls
FORMS = honest.forms()


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """What came of each form in a kernel of its own."""
    folder = tmp_path_factory.mktemp("packages")
    for package in honest.LOOKALIKES:
        path = folder / package.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(package.text)
    script = ROOT / "tests" / "kernels.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(folder)],
        input=honest.asked(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def box():
    """One worker for all forms: they are honest, and each begins without names."""
    limits = honest.TASK.limits
    inner = sandbox.Sandbox(honest.TASK.packages, limits)
    with sandbox.OneWorker(inner, len(FORMS)) as one:
        yield one


def test_there_are_a_hundred_forms():
    assert len(FORMS) >= 100


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("name", FORMS)
def test_an_honest_notebook_loses_nothing(there, box, name):
    kernel = there[name]
    assert all(ok for found in kernel["checks"].values() for ok, _ in found), kernel
    result = mark(notebook(*FORMS[name]), honest.TASK, box=box)
    assert (result.scores, result.status) == (honest.FULL, "ok"), result


EVERYWHERE = """
import torch, torch.nn.functional as F
import matplotlib.pyplot as plt
from google.colab import drive
drive.mount("/content/drive")
plt.rcParams["figure.dpi"] = 120
torch.manual_seed(0)
"""


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("name", ["hw1", "hw2", "hw4", "hw5"])
def test_the_books_own_assignments_lose_nothing(name):
    task = grading.built(name).task
    cells = code_cells(grading.built(name).solution)
    first = next(n for n, cell in enumerate(cells) if "import numpy" in cell)
    cells[first] = EVERYWHERE + cells[first]
    names = [n for question in task.questions.values() for n in question.exports]
    loops = [f"for {name} in [1, 2]:\n    print({name})" for name in names]
    result = mark(notebook(*cells, *loops), task)
    assert (result.total, result.status) == (task.points, "ok"), result.scores


WITH_TORCH = {
    "more threads": """
import torch
torch.set_num_interop_threads(2)
torch.set_num_threads(4)
product = torch.ones(1500, 1500) @ torch.ones(1500, 1500)
total = torch.ones(3_000_000).exp().sum()
""",
    "what is compiled": """
import torch
@torch.compile
def twice(x):
    return 2 * x
assert twice(torch.ones(2)).sum() == 4
assert torch.compile(lambda x: x + 1)(torch.ones(1)).item() == 2
""",
    "workers that load data": """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(6.0).reshape(3, 2))
sums = [float(x.sum()) for (x,) in DataLoader(data, batch_size=2, num_workers=2)]
assert sums == [6.0, 9.0]
""",
    "devices": """
import torch
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.set_default_device(device)
torch.use_deterministic_algorithms(True)
torch.autograd.set_detect_anomaly(True)
""",
    "a board": """
from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter()
writer.add_scalar("loss", 0.5, 1)
""",
}


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize("name", WITH_TORCH)
def test_torch_where_it_is_allowed_is_the_real_one(name):
    task = grading.built("hw3").task
    cells = code_cells(grading.built("hw3").solution)
    first = next(n for n, cell in enumerate(cells) if "import torch" in cell)
    cells[first] = WITH_TORCH[name] + cells[first]
    result = mark(notebook(*cells), task)
    assert (result.total, result.status) == (task.points, "ok"), result.notes
    assert name == "a board" or result.notes == []


@pytest.mark.parametrize("name", ["the plain one", "await in a loop"])
def test_a_students_own_jupyter_says_the_same(there, name, tmp_path):
    # With IPython's kernel and Otter, as students have them.
    (tmp_path / "tests").mkdir()
    for question, codes in honest.public().items():
        cases = [{"code": code, "hidden": False, "locked": False} for code in codes]
        suite = {"cases": cases, "scored": True, "setup": "", "teardown": ""}
        spec = {"name": question, "points": 1, "suites": [suite | {"type": "doctest"}]}
        text = f"OK_FORMAT = True\n\ntest = {spec!r}\n"
        (tmp_path / "tests" / f"{question}.py").write_text(text)
    cells = map(nbformat.v4.new_code_cell, FORMS[name])
    data = nbformat.v4.new_notebook(cells=list(cells))
    (tmp_path / "hw0.ipynb").write_text(nbformat.writes(data))
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(data, kernel_name="python3", resources=resources).execute()
    read = reading.parse(nbformat.writes(data).encode())
    assert read.passed == set(there[name]["checks"]) == set(honest.FULL)
