"""The command line: ``python -m grader hw2 submissions/hw2 --out grades/hw2``."""

import argparse
import os
import secrets
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from grader.marking import batch, collect, sheet, trial
from grader.marking import compare as comparing
from grader.marking.store import Store, StoreError
from grader.pages import outputs
from grader.release import assignment
from grader.sandbox import walls

DESCRIPTION = """\
Mark the notebooks that students handed in.

Each notebook runs in a sandbox; the checks run outside it, so that no student's code
can reach them. Marking can be stopped at any time and run again: what is marked
already is kept, and the same files give the same grades.
"""
EPILOG = """\
submissions/hw2 holds student-001.ipynb, student-002.ipynb … or one folder for each
student with a notebook in it. --out grades/hw2 will then hold:

  grades.csv      student, points per question, total, status
  feedback/       a page for each student, without hidden tests
  written.csv     the sheet for the questions that you mark by hand
  written.html    what students wrote, to read while you mark
  report.html     how the class did, and where it went wrong
  gradescope/     results in Gradescope's form
  results/        every check's result, hidden ones too: for you alone
  log.csv         when each was marked, and how long it took

Then fill in the column `points` of written.csv, and merge it:

  python -m grader hw2 --out grades/hw2 --merge

status is ok, or says what happened: TIMEOUT (code ran too long), DIED (it ended its
process or took too much memory), FLOOD (it returned far too much), PROTOCOL (it
answered what can't be read), UNREADABLE (no notebook), OTHER (another assignment's),
MISSING (nothing came), LOST (marking it ended the marker's own process, twice: the
next run tries again). Points earned beside such an accident are kept.

When somebody says that a check passes on their machine, run it both ways:

  python -m grader compare submissions/hw2/student-007.ipynb
"""
COMPARE = """\
Run a notebook's public checks in a plain kernel, as a student's Jupyter does, and as
the marker does; show the first difference. Both run in the sandbox.
"""
EXPECTED = (
    assignment.AssignmentError,
    comparing.CompareError,
    collect.InputError,
    sheet.SheetError,
    StoreError,
    trial.TrialError,
    walls.SandboxError,
)


def inside(one: Path, other: Path) -> bool:
    """Return whether one of two folders lies in the other, or both are the same."""
    one, other = one.resolve(), other.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    words = argparse.ArgumentParser(
        prog="python -m grader",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(words.add_argument)
    return words


def _add_options(add):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    add("assignment", help="hw1 …, built by `make assignments`")
    add("submissions", nargs="?", type=Path, help="the folder with the notebooks")
    add("--out", type=Path, required=True, help="the folder for all that is written")
    add("--roster", type=Path, metavar="CSV", help="columns student, variant, times")
    seed = "the course's secret, made if missing (default: %(default)s)"
    file = Path("course-seed.txt")
    add("--seed-file", type=Path, default=file, metavar="FILE", help=seed)
    many = "how many at a time (default: the cores, %(default)s)"
    add("--jobs", type=int, default=cores, help=many)
    add("--scheduler", metavar="ADDRESS", help="mark on the workers of a Dask cluster")
    add("--merge", action="store_true", help="only merge written.csv into the grades")
    add("--again", action="store_true", help="mark all again, whatever is there")
    unsafe = "run students' code with your rights on your files: for your own code only"
    add("--unsafe-no-sandbox", action="store_true", help=unsafe)


def course_seed(path: Path, say) -> str:
    """Return the course's secret seed, and make one if there is none yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(16) + "\n")
        say(
            f"Made {path}, the course's secret seed. Keep it, and keep it to yourself: "
            "with the same seed the same grades come out."
        )
    seed = path.read_text().strip()
    if not seed:
        raise collect.InputError(f"{path} must hold the course's seed, and is empty.")
    return seed


def main(argv=None) -> int:
    """Mark, merge or compare; return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if argv[:1] == ["compare"]:
        return compare(compare_parser().parse_args(argv[1:]), console)
    words = parser()
    options = words.parse_args(argv)
    if options.submissions is None and not options.merge:
        words.error("name the folder with the submissions, or say --merge")
    if options.jobs < 1:
        words.error(f"--jobs must be 1 or more, got {options.jobs}")
    if options.submissions and inside(options.out, options.submissions):
        words.error("--out must be a folder apart from the submissions")
    try:
        task = assignment.load(options.assignment)
        with Store(options.out, task).locked() as store:
            (merge if options.merge else mark_all)(options, task, store, console)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error
        console.print(f"Error: {what}. What is marked is kept.", markup=False)
        return 1
    except EXPECTED as error:
        console.print(f"Error: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped. What is marked is kept: run the same command again.")
        return 130
    return 0


def mark_all(options, task, store, console) -> None:
    """Mark what was handed in and write everything."""
    folder, roster = options.submissions, options.roster
    submissions = collect.submissions(folder, roster, task.name)
    for line in collect.doubts(submissions, roster) + collect.passed_over(folder):
        console.print(line, markup=False)
    if store.forgot_roster(roster):
        console.print("The last run had a roster, and this one has none: say --roster.")
    if not options.seed_file.exists():
        store.seeded(None, options.again)
    seed = course_seed(options.seed_file, console.print)
    store.seeded(seed, options.again)
    box = walls.find(task.packages, task.limits, options.unsafe_no_sandbox)
    if not box.walled:
        console.print("No sandbox: students' code runs with your rights on your files.")
    trial.prove_solution(task, box, seed)
    if options.again:
        store.forget()
    left_out = set(store.students()) - {s.student for s in submissions}
    for student in sorted(left_out):
        console.print(f"{student} was marked before and has no file now: left out.")
    bar = ProgressBar(console, len(submissions))
    with where(options, box) as executor, bar as tell:
        results = batch.run(submissions, task, box, seed, executor, store, tell)
    finish(store, results, console)
    for line in trial.unfair(results, submissions, task, box, seed):
        console.print(line, markup=False)


def compare_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line of ``compare``."""
    words = argparse.ArgumentParser(
        prog="python -m grader compare", description=COMPARE
    )
    words.add_argument("submission", type=Path, help="a notebook, or its folder")
    name = "hw1 … (default: what the notebook's first cell says)"
    words.add_argument("--assignment", default="", help=name)
    return words


def compare(options, console) -> int:
    """Run a notebook both ways and say what differs; return the exit status.

    It is 1 if a check passes in a kernel and fails here, or if there is no telling.
    """
    try:
        submission = collect.read(options.submission, {}, options.assignment)
        name = options.assignment or comparing.assignment_of(submission)
        task = assignment.load(name)
        box = walls.find(task.packages, task.limits)
        found = comparing.compare(submission, task, box)
    except EXPECTED as error:
        console.print(f"Error: {error}", markup=False)
        return 1
    for line in found.told():
        print(line)
    return 1 if found.lost else 0


def where(options, box):
    """Return the executor that the options ask for."""
    if options.scheduler:
        return batch.cluster(options.scheduler, box)
    return batch.local(options.jobs)


def merge(options, task, store, console) -> None:
    """Put the marks given by hand into the grades and all pages."""
    results = [store.load(student) for student in store.students()]
    if not results or None in results:
        raise collect.InputError(
            f"{store.out} must hold marked submissions before you merge, and does not."
        )
    finish(store, results, console)


class ProgressBar:
    """How far the marking is, and a line for each submission that is not ok."""

    def __init__(self, console, total):
        columns = ("Marking", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=console)
        self.task = self.progress.add_task("", total=total)

    def __enter__(self):
        self.progress.start()
        return self.tell

    def __exit__(self, *problem):
        self.progress.stop()

    def tell(self, result):
        """Count one more submission."""
        self.progress.advance(self.task)
        if result.status != "ok":
            line = f"{result.student}: {result.status}"
            self.progress.console.print(line, markup=False)


def finish(store, results, console) -> None:
    """Write everything, then say what is there and what to do next."""
    outputs.write_all(store, results)
    for student in sorted(store.marks().keys() - {r.student for r in results}):
        console.print(
            f"{student} has a mark in written.csv and no submission: left out.",
            markup=False,
        )
    odd = sum(result.status != "ok" for result in results)
    console.print(f"{len(results)} submissions, {odd} of them not ok.")
    lost = sum(result.status == "LOST" for result in results)
    if lost:
        console.print(f"{lost} of them LOST: run the same command again to mark them.")
    console.print(f"Grades: {store.out / 'grades.csv'}", markup=False)
    console.print(f"Report: {store.out / 'report.html'}", markup=False)
    waiting = outputs.waiting(store, results)
    if waiting:
        console.print(
            f"{waiting} written answers wait for your marks in "
            f"{store.out / 'written.csv'}; then run with --merge.",
            markup=False,
        )


if __name__ == "__main__":
    sys.exit(main())
