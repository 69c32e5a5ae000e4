"""Starts a student's code behind bubblewrap's walls, which are tried beforehand."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from grader.limits import Limits
from grader.sandbox import packages as site
from grader.sandbox import syscalls

# All of the grader that is shown to students' code: see the package's own comment.
INSIDE = Path(__file__).resolve().parent / "inside"
WORKER, PROBE, KERNEL = (
    INSIDE / f"{name}.py" for name in ("worker", "probe", "kernel")
)
# What a worker is made of.
PARTS = (WORKER, *(INSIDE / f"{name}.py" for name in ("wire", "shell", "standins")))
NOBODY = 65534
INSTALL = "install it (on Debian and Ubuntu: sudo apt-get install bubblewrap)"
UBUNTU = (
    "Ubuntu forbids it to ordinary users by default; allow it until the next start "
    "with sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0."
)
# One thread each: the sandbox has no second one to give.
THREADS = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]

# The kernel stops a worker so much later than the session does, which tells why.
SPARE_S = 60


class SandboxError(RuntimeError):
    """Student code can't be kept in: the message says why, and what helps."""


@dataclass(frozen=True)
class Sandbox:
    """How to start a worker for one assignment.

    Parameters
    ----------
    packages : tuple of str
        What the student's code may import.
    limits : Limits
    walled : bool
        False for ``--unsafe-no-sandbox``: limits hold, walls don't.
    """

    packages: tuple[str, ...]
    limits: Limits
    walled: bool = True

    @contextmanager
    def worker(self, script=WORKER, stderr=subprocess.DEVNULL):
        """Start a worker and yield its process; nothing of it outlives the block."""
        with tempfile.TemporaryDirectory(prefix="grader-") as folder, _rules() as rules:
            own, start = (rules, self._walled) if self.walled else (folder, self._open)
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
            process = subprocess.Popen(
                start(own, script),
                **pipes,
                stderr=stderr,
                pass_fds=rules,
                env=_environment(),
                cwd=folder,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                # The group, for a bubblewrap that is not ready yet is two processes, of
                # which the second does not end with the first so early.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.stdin.close()
                process.stdout.close()
                process.wait()

    def _walled(self, rules, script):
        entries = site.site_entries(self.packages)
        files = (*PARTS, script)
        show = {f"/worker/{file.name}": str(file) for file in files}
        show |= {f"/site/{name}": path for name, path in entries.items()}
        show |= {folder: folder for folder in site.python_folders()}
        command = [*_walls(), *_system(), *_parents(show)]
        command += [word for file in rules for word in ("--seccomp", str(file))]
        for inside, path in show.items():
            command += ["--ro-bind", path, inside]
        size = str(64 * 2**20)
        command += ["--perms", "1777", "--size", size, "--tmpfs", "/tmp"]
        # Last: with these two read-only, /tmp is all that can be written.
        command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
        become = NOBODY if os.getuid() == 0 else 0
        return [*command, *self._python(f"/worker/{script.name}", ["/site"], become)]

    def _open(self, folder, script):
        for name, path in site.site_entries(self.packages).items():
            link = Path(folder, "site", name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
        return self._python(str(script), [str(Path(folder, "site"))], 0)

    def _python(self, script, sites, become):
        limits = {
            "become": become,
            "site": [*sites, os.path.dirname(script)],
            "memory_mib": self.limits.memory_mib,
            # A folder that the probe must not find.
            "secret": str(INSIDE),
            "cpu_s": self.limits.total_s + SPARE_S,
            "preload": [
                p for p in ("numpy", "torch") if p in ("numpy", *self.packages)
            ],
        }
        return [site.python_program(), "-I", "-S", "-B", script, json.dumps(limits)]


class OneWorker:
    """A sandbox that keeps its worker from one notebook to the next.

    It spares the start of Python and PyTorch, which takes longer than a notebook does.
    What one notebook does to a module, the next one finds so: this is for the answers
    of an assignment's own author, and never for those of students.

    Parameters
    ----------
    sandbox : Sandbox
        Starts the worker, and starts another after it was lost, or while it is in use.
    notebooks : int
        How many it is for: the kernel counts the time of all of them together.
    """

    def __init__(self, sandbox, notebooks):
        self.packages, self.limits = sandbox.packages, sandbox.limits
        self.walled = sandbox.walled
        total = replace(self.limits, total_s=self.limits.total_s * notebooks)
        self._sandbox = replace(sandbox, limits=total)
        self._idle = []

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        for _, kept in self._idle:
            kept.close()
        self._idle = []

    @contextmanager
    def worker(self):
        """Yield the process of the notebook before, unless it is lost or in use."""
        process, kept = self._idle.pop() if self._idle else self._another()
        try:
            yield process
        except BaseException:
            kept.close()
            raise
        self._idle.append((process, kept))

    def _another(self):
        kept = ExitStack()
        return kept.enter_context(self._sandbox.worker()), kept


@contextmanager
def _rules():
    """Yield the open files that hold the filter of system calls: one, or none."""
    if not (rules := syscalls.rules()):
        yield ()
        return
    with tempfile.TemporaryFile() as file:
        file.write(rules)
        file.seek(0)
        yield (file.fileno(),)


def _environment():
    keep = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}
    return keep | dict.fromkeys(THREADS, "1")


def _walls():
    """Return the start of the command: new namespaces, no rights, no way to stay."""
    walls = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    walls += ["--unshare-cgroup-try", "--die-with-parent", "--new-session"]
    walls += ["--hostname", "sandbox", "--cap-drop", "ALL"]
    if os.getuid() == 0:
        # Without a user namespace, so that the worker can become nobody for real:
        # the limit on processes does not bind the root user under another name.
        return ["bwrap", *walls, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    nobody = ["--uid", str(NOBODY), "--gid", str(NOBODY)]
    # The worker is alone in there: bubblewrap's own first process would run under the
    # same name, without limits, and its memory be open to the worker. (Root's can't be
    # opened; and there a worker that is the first, and then becomes nobody, would not
    # end with its marker.)
    return ["bwrap", *walls, "--as-pid-1", "--unshare-user", *nobody]


def _system():
    """Return what a Python needs of the system: programs, libraries, devices."""
    command = ["--ro-bind", "/usr", "/usr"]
    for name in ("/bin", "/lib", "/lib64", "/lib32"):
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            command += ["--ro-bind", name, name]
    cache = "/etc/ld.so.cache"
    command += [*_parents([cache]), "--ro-bind-try", cache, cache]
    return [*command, "--proc", "/proc", "--dev", "/dev"]


def _parents(paths):
    """Return options that make the folders above `paths` such that all may pass.

    bubblewrap makes missing ones itself, but passable by their owner alone.
    """
    above = {parent for path in paths for parent in Path(path).parents}
    folders = sorted(str(parent) for parent in above if parent != Path("/"))
    return [word for f in folders for word in ("--perms", "0755", "--dir", f)]


def find(packages, limits, unsafe=False) -> Sandbox:
    """Return a sandbox that was tried and held.

    Raises
    ------
    SandboxError
        If there is none on this machine, or it let something through, and
        `unsafe` does not say to go on without.
    """
    sandbox = Sandbox(tuple(packages), limits, walled=not unsafe)
    if not unsafe:
        _look_for_bubblewrap()
    leaks = tried(sandbox)
    if leaks and not unsafe:
        what = "; ".join(leaks)
        help_ = f" {UBUNTU}" if "uid map" in what else ""
        raise SandboxError(f"The sandbox was tried and did not hold: {what}.{help_}")
    return sandbox


def _look_for_bubblewrap():
    if not sys.platform.startswith("linux"):
        raise SandboxError(
            f"Marking needs Linux, whose bubblewrap keeps students' code in; this is "
            f"{sys.platform}. Mark on a Linux machine, or in a virtual one."
        )
    if shutil.which("bwrap") is None:
        raise SandboxError(
            f"The program bwrap (bubblewrap) is missing, which keeps students' code "
            f"in: {INSTALL}."
        )


def tried(sandbox) -> list[str]:
    """Run a probe inside and return what it could do and must not, in words."""
    with sandbox.worker(PROBE, stderr=subprocess.PIPE) as process:
        try:
            out, problem = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            return ["a probe inside did not end within 60 s"]
    if process.returncode != 0:
        last = problem.decode(errors="replace").strip().rpartition("\n")[2]
        return [f"a worker could not be started ({last or process.returncode})"]
    return json.loads(out)
