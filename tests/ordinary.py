"""Runs a command as the other kind of user: for root an ordinary one, for one root."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NOBODY = 65534
# What the other one must be able to read: this checkout, its packages, its Python.
NEEDED = [
    Path(path).resolve()
    for path in (Path(__file__).parents[1], sys.prefix, sys.base_prefix)
]


def as_the_other(words: list[str]) -> list[str]:
    """Return the command that runs `words` as an ordinary user, or as root."""
    if os.geteuid() == 0:
        return [*_as_nobody(), *words]
    return ["sudo", "-n", *words]


def why_not() -> str:
    """Return why this machine can't run a command so, and what helps; or nothing."""
    what = "the attacks run as root and as an ordinary user"
    for program in ("bwrap", "setpriv") if os.geteuid() == 0 else ("sudo",):
        if shutil.which(program) is None:
            return f"{what}: install {program}"
    trial = as_the_other([sys.executable, "-c", ""])
    done = subprocess.run(trial, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return f"{what}, and this must work: {' '.join(trial)}\n{done.stderr}"


def _as_nobody():
    """Return the start of a command that gives up all rights.

    A folder that is closed to others, such as /root, is replaced by one that holds
    nothing but what is needed of it.
    """
    words = ["bwrap", "--dev-bind", "/", "/", "--die-with-parent"]
    closed = {folder: _closed_above(folder) for folder in NEEDED}
    for above in sorted({above for above in closed.values() if above}):
        words += ["--perms", "0755", "--tmpfs", str(above)]
    for folder, above in closed.items():
        if above is None:
            continue
        for parent in reversed(folder.parents):
            if above in parent.parents:
                words += ["--perms", "0755", "--dir", str(parent)]
        words += ["--ro-bind", str(folder), str(folder)]
    words += ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return words


def _closed_above(folder):
    """Return the topmost of the folders above this one that others can't enter."""
    for above in reversed(folder.parents):
        if not above.stat().st_mode & 0o001:
            return above
    return None
