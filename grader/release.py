"""Builds what students get and what the marker needs, and tries both.

``python -m grader.release [hw1 …] [--variant N]``: `make assignments` runs it for all.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from functools import partial
from pathlib import Path

from grader import assignment as assignments
from grader import batch, leaks, sandbox
from grader.marking import Submission, mark

ROOT = assignments.ROOT
HINT = re.compile(r"# hint: (.+)")
EPOCH = (2020, 1, 1, 0, 0, 0)


class BadRelease(RuntimeError):
    """Something would leak, or a check does not do what it is for."""


# ---- building


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
        raise BadRelease(f"otter assign {master.name} failed:\n{done.stderr[-2000:]}")
    # It holds the hidden tests, and nothing here reads it.
    for path in target.glob("autograder/*.zip"):
        path.unlink()


def _finish(path, given, variant):
    """Fill in points, due date and variant, and clear what running left behind."""
    content = json.loads(path.read_text(encoding="utf-8"))
    points = sum(q.points for q in given["questions"].values())
    points += sum(q["points"] for q in given["written"].values())
    for number, cell in enumerate(content["cells"], 1):
        cell["id"] = f"cell-{number}"  # otter draws them at random
        text = "".join(cell["source"])
        text = text.replace("{points}", f"{points:g}").replace("{due}", given["due"])
        text = re.sub(r"^VARIANT = 1\b", f"VARIANT = {variant}", text, flags=re.M)
        cell["source"] = text.splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _zip(folder, target, name):
    """Pack a folder, the same bytes for the same content."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(f"{name}/{path.relative_to(folder)}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())


# ---- trying what was built


def try_out(name: str, root: Path = ROOT, course_seed="authoring", say=print):
    """Mark the solution, the blank release and every wrong answer.

    Raises
    ------
    BadRelease
        If the solution loses a point, the blank one earns one, or a wrong
        answer passes or does not bring up its hint.
    """
    task = assignments.load(name, root)
    box = sandbox.find(task.packages, task.limits)
    built, wrong = root / "dist" / name, wrong_answers(name, root)
    solution = (built / "autograder" / f"{name}.ipynb").read_bytes()
    blank = (built / "student" / f"{name}.ipynb").read_bytes()
    tried = [Submission("solution", solution), Submission("blank", blank)]
    tried += [Submission(p.stem, with_cell(solution, p.read_text())) for p in wrong]
    with batch.local(os.cpu_count() or 1) as executor:
        marks = executor.map(partial(_mark, task, box, course_seed), tried)
        full, nothing, *results = marks
    problems = [*_full(task, full), *_nothing(nothing)]
    problems += _enough_wrong_answers(task, root)
    for path, result in zip(wrong, results, strict=True):
        problems += _caught(path, result, task)
    if problems:
        raise BadRelease(f"{name}:\n  " + "\n  ".join(problems))
    say(f"{name}: solution 100 %, blank 0 %, {len(wrong)} wrong answers caught")


def try_out_or_remove(name: str, target: Path) -> None:
    """Try what was built, and remove it if it must not be handed out."""
    try:
        try_out(name)
    except BaseException:
        shutil.rmtree(target)
        raise


def _mark(task, box, course_seed, submission):
    return mark(submission, task, box, course_seed)


def wrong_answers(name: str, root: Path = ROOT) -> list[Path]:
    """Return the files that hold common wrong answers, in order."""
    return sorted((root / "assignments" / name / "wrong").glob("*.py"))


def with_cell(data: bytes, source: str) -> bytes:
    """Return a notebook with one more code cell at its end."""
    content = json.loads(data)
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
    content["cells"].append(cell)
    return json.dumps(content).encode()


def _full(task, result):
    if result.status != "ok" or result.total != task.points:
        yield (
            f"the solution gets {result.total:g} of {task.points:g} ({result.status}; "
            f"{'; '.join(result.notes)}): {result.scores}"
        )
        for question, checks in result.checks.items():
            for check in checks:
                if check["earned"] != check["possible"]:
                    yield f"{question}, {check['name']}: {check['message'][-500:]}"


def _nothing(result):
    for question, score in result.scores.items():
        if score:
            yield f"the blank release gets {score:g} in {question}, and must get 0"


def _enough_wrong_answers(task, root):
    questions = [path.stem.partition("-")[0] for path in wrong_answers(task.name, root)]
    for question in task.questions:
        if questions.count(question) < 3:
            yield f"{question} has {questions.count(question)} wrong answers, needs 3"


def _caught(path, result, task):
    question = path.stem.partition("-")[0]
    hint = HINT.match(path.read_text())
    failed = [c for c in result.checks[question] if c["earned"] < c["possible"]]
    if not failed:
        yield f"{path.name} is wrong, and no check of {question} fails"
    elif not hint or not any(hint[1].strip() in check["hint"] for check in failed):
        got = "; ".join(check["hint"] for check in failed)
        yield f"{path.name} brings up other hints than {hint and hint[1]!r}: {got}"


def main(argv=None) -> int:
    """Build and try the assignments that are named, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m grader.release", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", help="hw1 …; all if none is named")
    parser.add_argument(
        "--variant",
        type=int,
        default=1,
        choices=range(1, 10),
        help="the VARIANT to hand out (1 to 9)",
    )
    options = parser.parse_args(argv)
    folders = sorted((ROOT / "assignments").glob("*/assignment.yml"))
    try:
        for name in options.names or [path.parent.name for path in folders]:
            target = build(name, variant=options.variant)
            if options.variant == 1:
                try_out_or_remove(name, target)
            print(f"{name}: hand out {target.relative_to(ROOT)}/{target.name}.zip")
    except (BadRelease, leaks.Leak, assignments.BadAssignment, sandbox.NoSandbox) as e:
        print(f"Error: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
