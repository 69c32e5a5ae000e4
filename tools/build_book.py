"""Build the book, unless it is built, and say where to open it.

python tools/build_book.py
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import setup_env

ROOT = Path(__file__).resolve().parent.parent
SINGLE_SOURCES = ("_config.yml", "_toc.yml", "references.bib", "requirements.txt")
SOURCE_FOLDERS = ("chapters", "web")
IGNORED = {".ipynb_checkpoints", "__pycache__", ".DS_Store"}
PHASES = (("reading sources", "[1/2] reading:"), ("writing output", "[2/2] writing:"))
COMPLAINT = re.compile(r"\b(WARNING|ERROR|CRITICAL):|(Error|Exception)\b.*:")
COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")
SHOWN = 40


class BuildError(Exception):
    """The book was not built; the text says why."""


def sources(root):
    """List the files that the pages are made from."""
    found = [root / name for name in SINGLE_SOURCES]
    found += [*root.glob("*.md"), *root.glob("celib/**/*.py")]
    for folder in SOURCE_FOLDERS:
        found += (root / folder).rglob("*")
    return sorted(p for p in found if p.is_file() and not IGNORED & set(p.parts))


def fingerprint(root):
    """Hash the names and contents of the sources."""
    found = hashlib.sha256()
    for path in sources(root):
        content = hashlib.sha256(path.read_bytes()).digest()
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + content)
    return found.hexdigest()


def up_to_date(root):
    stamp = root / "_build" / "built"
    page = root / "_build" / "html" / "index.html"
    return page.exists() and stamp.exists() and stamp.read_text() == fingerprint(root)


def prepare(folder):
    """Take away the stamp first, then all that an earlier build left.

    Sphinx reports a warning only when it reads the page again, and does not look
    again at links into a page that changed: only a build from nothing says all.
    """
    (folder / "built").unlink(missing_ok=True)
    for name in ("html", ".doctrees", ".jupyter_cache"):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder / name)


def jupyter_book(root, listener):
    """Run jupyter-book, its words to the listener; return its exit code."""
    bin_folder = str(Path(sys.prefix) / "bin")
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    # KaTeX runs on the node of this environment, whatever else is installed.
    env["PATH"] = os.pathsep.join([bin_folder, env.get("PATH", os.defpath)])
    env.update(PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8", NO_COLOR="1")
    # Pages are millions of small objects, among which rubbish is rarely worth a look:
    # a seventh of the time, for a few megabytes.
    code = "import gc; gc.set_threshold(100_000, 50, 100)\n"
    code += "from jupyter_book.cli.main import main; main()"
    options = ["build", "-W", "-n", "--keep-going", "."]
    with subprocess.Popen(
        [sys.executable, "-c", code, *options],
        cwd=root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        close_fds=False,
    ) as process:
        for line in process.stdout:
            listener(COLOUR.sub("", line.rstrip()))
    return process.returncode


class Narrator:
    """Write each line to the log, and one line of progress for each phase."""

    def __init__(self, log):
        self.log, self.phase, self.progress = log, None, None
        self.complaints = []

    def hear(self, line):
        self.log.write(line + "\n")
        self.log.flush()
        if COMPLAINT.search(line) and line not in self.complaints:
            self.complaints.append(line)
        for phase, label in PHASES:
            if line.startswith(phase + "... ["):
                self.advance(label, line[len(phase) + 3 :].strip())

    def advance(self, label, text):
        if label != self.phase:
            self.finish()
            self.phase, self.progress = label, setup_env.Progress(label)
        self.progress.update(text)

    def finish(self):
        if self.progress:
            self.progress.done()
        self.progress = None


def explain(complaints, log):
    """Say what is wrong, from the lines that jupyter-book complained in."""
    if any(setup_env.DISK_SIGNS.search(line) for line in complaints):
        return str(setup_env.disk_full())
    warnings = [x for x in complaints if re.search(r"\b(WARNING|ERROR|CRITICAL):", x)]
    shown = (warnings or complaints[-1:])[:SHOWN]
    more = len(warnings) - len(shown)
    lines = [*shown, f"… and {more} more"] if more > 0 else shown
    what = (
        f"warnings and errors: {len(warnings)}" if warnings else "jupyter-book failed"
    )
    close = f"The book was not built ({what}): put this right; the full log is {log}"
    return "\n".join([*lines, close])


def build(root=ROOT, run=jupyter_book):
    """Build the site if its sources changed; return the path of its front page."""
    root = Path(root)
    for name in ("_config.yml", "_toc.yml"):
        if not (root / name).exists():
            raise BuildError(f"The book was not built: {name} is missing.")
    folder = root / "_build"
    folder.mkdir(exist_ok=True)
    with setup_env.locked(folder):
        if not up_to_date(root):
            build_anew(root, run)
    return folder / "html" / "index.html"


def build_anew(root, run):
    key = fingerprint(root)
    prepare(root / "_build")
    log = root / "_build" / "build.log"
    with open(log, "w", encoding="utf-8") as handle:
        narrator = Narrator(handle)
        code = run(root, narrator.hear)
        narrator.finish()
    if code or not (root / "_build" / "html" / "index.html").exists():
        raise BuildError(explain(narrator.complaints, log))
    new = root / "_build" / "built.new"
    new.write_text(key)
    new.replace(root / "_build" / "built")


def main():
    fresh = up_to_date(ROOT)
    try:
        page = build()
    except KeyboardInterrupt:
        print("\nStopped: the next build starts afresh.", file=sys.stderr)
        return 130
    except (BuildError, OSError) as error:
        print(setup_env.explain(error) or error, file=sys.stderr)
        return 1
    print("The book is up to date." if fresh else "The book is built.")
    print(f"Open {page.relative_to(ROOT)} in a browser, or {page.as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
