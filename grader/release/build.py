"""Builds a master notebook into `dist/`: what students get and what the checks need."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from grader.release import assignment as assignments
from grader.release import leaks
from grader.release.assignment import ROOT

# What marks is what builds, on the same machine.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What students get beside the notebook, and what makes the tests use it.
HANDED_OUT = Path(__file__).resolve().parent / "handed_out" / "check_output.py"
USE = """\
try:  # so that a failed check says in one line what came
    import check_output

    check_output.install()
except ImportError:
    pass

"""
EPOCH = (2020, 1, 1, 0, 0, 0)


class ReleaseError(RuntimeError):
    """The assignment can't be built; the message says why."""


def build(name: str, root: Path = ROOT, variant: int = 1) -> Path:
    """Build one assignment into ``dist/`` and return its folder there.

    The folder is replaced as a whole: a build that fails leaves the old one.
    """
    source = root / "assignments" / name
    given = assignments.settings(source)
    target = root / "dist" / (name if variant == 1 else f"{name}-variant-{variant}")
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        fresh = Path(scratch, name)
        _otter_assign(source / f"{name}.ipynb", fresh)
        _finish(fresh / "student" / f"{name}.ipynb", given, variant)
        _finish(fresh / "autograder" / f"{name}.ipynb", given, variant)
        _shorten_output(fresh / "student")
        leaks.check(source, fresh, given)
        stamp = {"source": assignments.source_hash(source), "variant": variant}
        (fresh / "built.json").write_text(json.dumps(stamp) + "\n")
        _zip(fresh / "student", fresh / f"{target.name}.zip", name)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    return target


def _otter_assign(master, target):
    done = subprocess.run(
        [sys.executable, "-m", "otter", "assign", str(master.resolve()), str(target)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not (target / "student").is_dir():
        raise ReleaseError(f"otter assign {master.name} failed:\n{done.stderr[-2000:]}")
    # It holds the hidden tests, and nothing here reads it.
    for path in target.glob("autograder/*.zip"):
        path.unlink()


def _finish(path, given, variant):
    """Fill in what the release says, and clear what running left behind."""
    content = json.loads(path.read_text(encoding="utf-8"))
    points = sum(q.points for q in given["questions"].values())
    points += sum(q["points"] for q in given["written"].values())
    for number, cell in enumerate(content["cells"], 1):
        cell["id"] = f"cell-{number}"  # otter draws them at random
        text = "".join(cell["source"])
        text = text.replace("{points}", f"{points:g}").replace("{due}", given["due"])
        text = text.replace("{python}", PYTHON)
        text = re.sub(r"^VARIANT = 1\b", f"VARIANT = {variant}", text, flags=re.M)
        cell["source"] = text.splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _shorten_output(student):
    """Let the students' own checks show one line for each failure."""
    shutil.copy(HANDED_OUT, student)
    for path in (student / "tests").glob("*.py"):
        path.write_text(USE + path.read_text(encoding="utf-8"), encoding="utf-8")


def _zip(folder, target, name):
    """Pack a folder, the same bytes for the same content."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(f"{name}/{path.relative_to(folder)}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
