"""The command line: ``python -m grader.release hw2``, or `make assignments` for all."""

import argparse
import shutil
import sys

from grader.marking import trial
from grader.release.assignment import ROOT, AssignmentError
from grader.release.build import ReleaseError, build
from grader.release.leaks import LeakError
from grader.sandbox.walls import SandboxError

EXPECTED = (AssignmentError, LeakError, ReleaseError, SandboxError, trial.TrialError)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    words = argparse.ArgumentParser(
        prog="python -m grader.release",
        description="Build what students get and what the marker needs, and try both.",
    )
    words.add_argument("names", nargs="*", help="hw1 …; all if none is named")
    words.add_argument(
        "--variant",
        type=int,
        default=1,
        choices=range(1, 10),
        help="the VARIANT to hand out (1 to 9)",
    )
    return words


def main(argv=None) -> int:
    """Build and try the assignments that are named, or all; return the exit status."""
    options = parser().parse_args(argv)
    folders = sorted((ROOT / "assignments").glob("*/assignment.yml"))
    try:
        for name in options.names or [path.parent.name for path in folders]:
            target = build(name, variant=options.variant)
            if options.variant == 1:
                try_out_or_remove(name, target)
            print(f"{name}: hand out {target.relative_to(ROOT)}/{target.name}.zip")
    except EXPECTED as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def try_out_or_remove(name, target) -> None:
    """Try what was built, and remove it if it must not be handed out."""
    try:
        print(trial.try_out(name))
    except BaseException:
        shutil.rmtree(target)
        raise


if __name__ == "__main__":
    sys.exit(main())
