"""What the benchmarks share: results on disk, with all that they depend on."""

import ast
import contextlib
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).resolve().parent / "results"
# What `make bench` measures; tensorflow.json is made apart, once.
NAMES = ("accuracy", "speed", "losses", "pairs", "linear", "parallel")
FIELDS = (
    "title",
    "date",
    "machine",
    "versions",
    "code",
    "missing",
    "columns",
    "rows",
    "notes",
)

LIBRARIES = ("numpy", "torch", "scipy", "scikit-learn", "jax", "optax", "mpmath")


def code_hash(name: str, root: Path = ROOT) -> str:
    """Return the SHA-256 of the modules of celib that a benchmark measures."""
    digest = hashlib.sha256()
    for path in measured(name, root):
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode())
        # the same text has the same hash, however a checkout ends its lines
        digest.update(path.read_text("utf-8").encode())
    return digest.hexdigest()


def measured(name: str, root: Path = ROOT) -> list[Path]:
    """List the files of celib that a benchmark imports, directly or not.

    A change in one makes the result old: run this file to see which results are.
    That is a warning and no error.
    """
    script = "tensorflow_names" if name == "tensorflow" else name
    found: set[Path] = set()
    to_read = [root / "benchmarks" / f"{script}.py"]
    while to_read:
        new = set(_imported(to_read.pop(), root)) - found
        found |= new
        to_read += new
    return sorted(found)


def _imported(file: Path, root: Path) -> Iterable[Path]:
    """Yield the files of celib that the statements of one file import."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("celib."):
            # what is imported may be a module or a name in one
            for name in ("", *(f"/{alias.name}" for alias in node.names)):
                path = root / (str(node.module).replace(".", "/") + name)
                files = (path.with_suffix(".py"), path / "__init__.py")
                yield from filter(Path.is_file, files)


def cpu_model() -> str:
    """Name the processor, as far as the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that are installed."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[library] = importlib.metadata.version(library)
    return found


def missing_line(library: str, packages: str) -> str:
    """Say that a peer is missing, and how to get it."""
    return f"{library}: not installed; pip install {packages}"


def make(
    name: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, str]],
    *,
    missing: Iterable[str],
    notes: Iterable[str],
    **more: Any,
) -> dict[str, Any]:
    """Put a result together, with date, machine, versions and code."""
    return {
        "title": title,
        "date": datetime.date.today().isoformat(),
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count()},
        "versions": versions(),
        "code": code_hash(name),
        "missing": list(missing),
        "columns": list(columns),
        "rows": [dict(row) for row in rows],
        "notes": list(notes),
        **more,
    }


def write(name: str, result: Mapping[str, Any]) -> Path:
    """Write a result whole or not at all; return its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    handle, temporary = tempfile.mkstemp(dir=FOLDER, prefix=f".{name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # made for its owner alone; a result is for all to read
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def load(name: str) -> dict[str, Any]:
    """Read a result back."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path.name} must have been written: run make bench")
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return result


def is_stale(name: str, result: Mapping[str, Any]) -> bool:
    """Tell if the code has moved on since it was measured."""
    return result["code"] != code_hash(name)


def warnings() -> list[str]:
    """Say which stored results are old, and how to renew them."""
    found = {name: load(name) for name in NAMES if (FOLDER / f"{name}.json").exists()}
    return [
        f"{name}.json was measured on {result['date']} with an earlier version of "
        "celib; make bench measures it again"
        for name, result in found.items()
        if is_stale(name, result)
    ]


def table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """Lay rows out under their columns: the first to the left, others to the right."""
    grid = [list(columns), *([row[c] for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in grid) for i in range(len(columns))]

    def lay(line: Sequence[str]) -> str:
        first, *others = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(t.rjust(w) for t, w in others)]
        return "  ".join(cells).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([lay(grid[0]), rule, *map(lay, grid[1:])])


def report(result: Mapping[str, Any]) -> str:
    """Render a result for the terminal: table, machine, versions, notes."""
    machine = result["machine"]
    libraries = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    parts = [
        result["title"],
        "",
        table(result["columns"], result["rows"]),
        "",
        *result["missing"],
        *result["notes"],
        f"{result['date']}; {machine['cpu']}, {machine['cores']} cores; {libraries}",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    for line in warnings():
        print(f"warning: {line}")
