"""Make the environment that the book and its tests run in.

python tools/setup_env.py            .venv, from requirements.txt, and celib
python tools/setup_env.py lab        the same, and JupyterLab
python tools/setup_env.py newest     .venv-newest, from the newest releases
python tools/setup_env.py lock       write the pinned requirements anew
"""

# An old Python must get far enough to print one sentence, so this file keeps to
# the syntax of Python 3.6.
import contextlib
import errno
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST, NEWEST = (3, 11), (3, 14)
RANGE = "3.11 to 3.14"
AGAIN = "run the same command again"
SPACE_NEEDED = 3 * 10**9
# jupyterlab-myst 2.7 does not load in JupyterLab 4.6.
LAB = ["jupyterlab<4.6", "jupyterlab-myst"]
# Packages for one platform only (the same pins serve all), and pip itself.
UNPINNED = re.compile(r"^(nvidia-|cuda-|triton\b|pip==)", re.I)
COMPLETE, INSTALLING = "complete ", "installing"

NETWORK_SIGNS = re.compile(
    r"NewConnectionError|Failed to establish a new connection|name resolution"
    r"|ConnectTimeout|ReadTimeout|timed out|Connection refused|Max retries"
    r"|Network is unreachable|ProxyError|SSLError|IncompleteRead"
    r"|Connection (?:broken|aborted|reset)|Could not fetch URL",
    re.I,
)
DISK_SIGNS = re.compile(r"No space left on device|Errno 28\b|Disk quota", re.I)
MISSING_SIGN = re.compile(r"No matching distribution found for (\S+)")


class Problem(Exception):
    """Something the reader can put right, said in one sentence."""


class Progress:
    """One line that is rewritten on a terminal, and repeated now and then in a log."""

    def __init__(self, label, every=10.0):
        self.label, self.every = label, every
        self.live = sys.stdout.isatty()
        self.began = self.printed = time.monotonic()
        self.say("…")

    def say(self, text):
        line = f"{self.label} {text}"
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            print("\r\033[K" + line[:width], end="", flush=True)
        else:
            print(line, flush=True)
        self.printed = time.monotonic()

    def update(self, text):
        if self.live or time.monotonic() - self.printed >= self.every:
            self.say(f"{text}, {self.seconds()} s")

    def done(self, text="done"):
        self.say(f"{text}, {self.seconds()} s")
        self.close()

    def seconds(self):
        return round(time.monotonic() - self.began)

    def close(self):
        if self.live:
            print(flush=True)
            self.live = False


# ---- what can be wrong before anything is done


def dotted(version):
    return ".".join(str(part) for part in version)


def check_python(version=sys.version_info):
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        raise Problem(
            f"This is Python {dotted(version[:3])}, and the pinned packages need "
            f"Python {RANGE}: install one of these, or name it, as in "
            "`make book PYTHON=/path/to/python3.11`."
        )


def check_venv_module():
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        version = dotted(sys.version_info[:2])
        raise Problem(
            f"This Python {version} has no venv module: install it (on Debian and "
            f"Ubuntu the package python{version}-venv), and {AGAIN}."
        ) from None


def free_space(folder):
    return shutil.disk_usage(folder).free


def gigabytes(size):
    return f"{size / 10**9:.1f} GB"


def check_space():
    free = free_space(ROOT)
    if free < SPACE_NEEDED:
        raise Problem(
            f"The environment needs about {gigabytes(SPACE_NEEDED)} of disk space and "
            f"{gigabytes(free)} are free in {ROOT}: free some, and {AGAIN}."
        )


def disk_full():
    places = dict.fromkeys([ROOT, tempfile.gettempdir()])
    free = ", ".join(f"{gigabytes(free_space(p))} in {p}" for p in places)
    return Problem(
        f"The disk is full (free: {free}): "
        f"free about {gigabytes(SPACE_NEEDED)}, and {AGAIN}."
    )


# ---- one setup at a time, and never a half-made one taken for whole


@contextlib.contextmanager
def locked(folder):
    """Hold a folder; a child inherits the lock, so an orphaned one keeps it."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another run is at work in {folder}: waiting for it.", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass  # a network folder without locks
        os.set_inheritable(handle, True)
        yield
    finally:
        os.close(handle)


def digest(names):
    found = hashlib.sha256(repr((sys.version_info[:3], ROOT)).encode())
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as source:
            found.update(b"\0" + name.encode() + b"\0" + source.read())
    return found.hexdigest()


class Environment:
    """A virtual environment with a stamp that says what it holds."""

    def __init__(self, name):
        self.name, self.path = name, os.path.join(ROOT, name)
        self.python = os.path.join(self.path, "bin", "python")
        self.log = os.path.join(self.path, "setup.log")
        self.stamp = os.path.join(self.path, "celib-setup")

    def state(self, stamp=None):
        try:
            with open(stamp or self.stamp) as handle:
                return handle.read().strip()
        except OSError:
            return ""

    def mark(self, text, stamp=None):
        stamp = stamp or self.stamp
        with open(stamp + ".new", "w") as handle:
            handle.write(text + "\n")
        os.replace(stamp + ".new", stamp)

    def usable(self):
        """An environment made by hand is adopted; an interrupted one is not."""
        if self.state().startswith(INSTALLING) or not self.made_here():
            return False
        check = "import sys, pip; print(sys.version_info[:3])"
        told = subprocess.run(
            [self.python, "-c", check],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return told.stdout.decode().strip() == repr(tuple(sys.version_info[:3]))

    def made_here(self):
        """Scripts name their Python by its full path, so a moved folder breaks them."""
        try:
            with open(os.path.join(self.path, "bin", "pip"), "rb") as script:
                return self.path.encode() + b"/" in script.read()
        except OSError:
            return False

    def make(self):
        os.makedirs(self.path)
        self.mark(INSTALLING)
        with open(os.path.join(self.path, ".gitignore"), "w") as handle:
            handle.write("*\n")
        # From inside an environment, the Python beneath it makes the new one.
        python = getattr(sys, "_base_executable", None) or sys.executable
        run([python, "-m", "venv", self.path], self.log)

    def pip(self, *arguments, **options):
        command = [self.python, "-m", "pip", *arguments]
        run(command, self.log, **options)

    def installed(self):
        return len(
            glob.glob(glob.escape(self.path) + "/lib/*/site-packages/*.dist-info")
        )


def remove(path):
    if os.path.islink(path) or os.path.isfile(path):
        os.remove(path)
    elif os.path.isdir(path):
        # The stamp goes last but one, or a removal cut short leaves a good stamp.
        with contextlib.suppress(OSError):
            os.remove(os.path.join(path, "celib-setup"))
        shutil.rmtree(path)


# ---- running pip: its words go to the log, one line goes to the reader


def clean_environment():
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_QUIET", "PIP_DRY_RUN"):
        env.pop(name, None)
    env.update(
        PIP_USER="0",
        PIP_NO_INPUT="1",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_PROGRESS_BAR="off",
        PYTHONUNBUFFERED="1",
        PYTHONIOENCODING="utf-8",
    )
    return env


def run(command, log, listener=None, tick=None):
    """Run a command, its output to the log; a failure becomes one sentence."""
    with open(log, "ab") as sink:
        sink.write(("\n$ " + " ".join(command) + "\n").encode())
        sink.flush()
        start = sink.tell()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            close_fds=False,
        )
        trouble = []
        reader = threading.Thread(target=copy, args=(process, sink, listener, trouble))
        reader.start()
        wait(process, reader, tick)
    if trouble:
        raise trouble[0]
    if process.returncode:
        raise diagnose(log, start)


def copy(process, sink, listener, trouble):
    for line in process.stdout:
        try:
            sink.write(line)
            sink.flush()
            if listener:
                listener(line.decode("utf-8", "replace").rstrip())
        except Exception as error:  # a full disk: said by the main thread
            trouble.append(error)
            process.kill()
            break
    process.stdout.close()


def wait(process, reader, tick):
    try:
        while reader.is_alive():
            reader.join(0.3)
            if tick:
                tick()
        process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        reader.join()
        raise


def diagnose(log, start=0):
    """Say in one sentence why pip failed, from what it wrote."""
    with open(log, "rb") as handle:
        handle.seek(start)
        text = handle.read().decode("utf-8", "replace")
    if DISK_SIGNS.search(text):
        return disk_full()
    if NETWORK_SIGNS.search(text):
        return Problem(
            "The package index could not be reached: check the network (or pip's "
            f"proxy and index settings), and {AGAIN}; pip's words are in {log}."
        )
    missing = MISSING_SIGN.search(text)
    if missing:
        return Problem(
            f"pip found no {missing.group(1)} for this Python "
            f"{dotted(sys.version_info[:3])}: check pip's index settings, or try the "
            f"newest release of Python {RANGE}; pip's words are in {log}."
        )
    errors = [x for x in text.splitlines() if re.match(r"(ERROR|error):", x.strip())]
    last = (errors or text.strip().splitlines() or ["no reason given"])[-1].strip()
    return Problem(f"The setup failed ({last}): the full text is in {log}.")


class PipWatcher:
    """Turn what pip writes into one line of progress."""

    def __init__(self, environment, progress, total=None):
        self.environment, self.progress, self.total = environment, progress, total
        self.collected, self.now, self.before = 0, "starting pip", None

    def hear(self, line):
        words = line.split()
        if "(from -r " in line or (line.startswith("Collecting ") and not self.total):
            self.collected += 1
        if line.startswith("Collecting "):
            self.now = "collecting " + re.split(r"[=<>!~\[; ]", words[1])[0]
        elif words[:1] == ["Downloading"] and not line.endswith(".metadata"):
            size = re.search(r"\(.*\)", line)
            name = os.path.basename(words[1]).split("-")[0]
            self.now = f"downloading {name} {size.group(0) if size else ''}".strip()
        elif line.startswith("Installing collected packages: "):
            self.names = line.split(": ", 1)[1].split(", ")
            self.before = self.environment.installed()
        elif "Retrying (" in line:
            self.now = "no answer from the network, trying again"

    def tick(self):
        if self.before is not None:
            done = max(self.environment.installed() - self.before, 0)
            name = self.names[min(done, len(self.names) - 1)]
            text = f"installing {name}, {done} of {len(self.names)} done"
        elif self.total:
            text = f"{self.collected} of {self.total}, {self.now}"
        else:
            text = f"{self.collected} so far, {self.now}"
        self.progress.update(text)


# ---- the steps


def read_pins(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as handle:
        lines = [line.split("#")[0].strip() for line in handle]
    return [line for line in lines if line]


def install(environment, progress, *arguments, **options):
    watcher = PipWatcher(environment, progress, options.get("total"))
    environment.pip("install", *arguments, listener=watcher.hear, tick=watcher.tick)


def install_list(environment, progress, name, *more):
    pins = read_pins(name)
    index = os.environ.get("TORCH_INDEX", "").strip()
    torch = [pin for pin in pins if re.match(r"torch\b(?!-)", pin)]
    if index and torch:
        install(environment, progress, "--no-deps", "--index-url", index, torch[0])
    pinned = len(pins) if name.endswith(".txt") else None
    install(environment, progress, "-r", name, *more, total=pinned)


def create(environment, label):
    progress = Progress(f"{label} environment {environment.name}:")
    if environment.usable():
        environment.mark(INSTALLING)
        return progress.done("is there")
    check_venv_module()
    # What an interrupted run left may be what fills the disk.
    remove(environment.path)
    check_space()
    environment.make()
    return progress.done()


def step(label, text, action, *arguments):
    progress = Progress(f"{label} {text}")
    try:
        action(arguments[0], progress, *arguments[1:])
        progress.done()
    finally:
        progress.close()


def install_celib(environment, progress):
    install(environment, progress, "--no-deps", "-e", ".")


def ensure(environment, requirements):
    key = COMPLETE + digest([requirements, "pyproject.toml"])
    if environment.state() == key and os.path.exists(environment.python):
        return
    print(f"Setting up {environment.name}; the full text goes to {environment.log}")
    create(environment, "[1/3]")
    step("[2/3]", "packages:", install_list, environment, requirements)
    step("[3/3]", "celib:", install_celib, environment)
    environment.mark(key)


def ensure_lab(environment):
    ensure(environment, "requirements.txt")
    stamp = environment.stamp + "-lab"
    key = COMPLETE + digest(["requirements.txt", "requirements-lab.txt"])
    if environment.state(stamp) == key:
        return
    whole = environment.state()
    environment.mark(INSTALLING)
    more = ("-c", "requirements.txt")
    step(
        "[1/1]", "JupyterLab:", install_list, environment, "requirements-lab.txt", *more
    )
    environment.mark(key, stamp)
    environment.mark(whole)


def freeze(environment):
    told = subprocess.check_output(
        [environment.python, "-m", "pip", "freeze", "--local", "--all"],
        env=clean_environment(),
    )
    pins = [re.sub(r"\+.*", "", pin) for pin in told.decode().split()]
    return [pin for pin in pins if "==" in pin and not UNPINNED.match(pin)]


def rewrite(name, pins):
    """Replace the pins of a file and keep the comment above them."""
    path = os.path.join(ROOT, name)
    with open(path, encoding="utf-8") as handle:
        header = [line for line in handle if line.startswith("#")]
    with open(path + ".new", "w", encoding="utf-8") as handle:
        handle.write("".join(header) + "\n".join(pins) + "\n")
    os.replace(path + ".new", path)


def lock():
    environment = Environment(".venv-lock")
    try:
        remove(environment.path)
        create(environment, "[1/3]")
        step("[2/3]", "packages:", install_list, environment, "requirements.in")
        pins = freeze(environment)
        fixed = os.path.join(environment.path, "pins.txt")
        with open(fixed, "w") as handle:
            handle.write("\n".join(pins))
        step("[3/3]", "JupyterLab:", install, environment, "-c", fixed, *LAB)
        lab = freeze(environment)
    finally:
        remove(environment.path)
    rewrite("requirements.txt", pins)
    rewrite("requirements-lab.txt", [pin for pin in lab if pin not in pins])
    print(f"Wrote {len(pins)} pins, and {len(lab) - len(pins)} more for JupyterLab.")


def newest():
    environment = Environment(".venv-newest")
    remove(environment.path)
    ensure(environment, "requirements.in")


def perform(task):
    check_python()
    with locked(ROOT):
        if task == "lock":
            lock()
        elif task == "newest":
            newest()
        elif task == "lab":
            ensure_lab(Environment(".venv"))
        else:
            ensure(Environment(".venv"), "requirements.txt")


def explain(error):
    """The sentence for an exception, or None where there is none."""
    if isinstance(error, Problem):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return str(disk_full())
    if isinstance(error, OSError):
        return f"The setup failed ({error}): put that right, and {AGAIN}."
    return None


def main(arguments):
    try:
        perform(arguments[0] if arguments else "")
    except KeyboardInterrupt:
        print(
            "\nStopped: run the same command again, and it starts afresh.",
            file=sys.stderr,
        )
        return 130
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        sys.stdout.flush()
        print(sentence, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
