"""The notebooks that readers download, and the wheel of celib beside them."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from types import SimpleNamespace

import pytest

from chapters import NOTEBOOKS, ROOT, read, source

sys.path.append(str(ROOT / "web" / "ext"))
import celib_download

# Roles, boxes, labels, targets and directives.
RAW = re.compile(r"\{[a-z:]+\}`|^:{3,}|^ *\$\$ \(|^\([\w-]+\)=$|^```\{", re.MULTILINE)
RUN = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
notebook.cells.append(nbformat.v4.new_code_cell("import celib; print(celib.__file__)"))
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
print(notebook.cells[-1].outputs[0].text)
"""


def downloaded(site, path):
    """The notebook that the page of a chapter offers."""
    (link,) = re.findall(r'<a [^>]*href="([^"]+\.ipynb)" download>', html(site, path))
    return site / "chapters" / link


def html(site, path):
    """The page of a chapter, as text: parsing all of them takes long."""
    return (site / "chapters" / f"{path.stem}.html").read_text(encoding="utf-8")


def code(notebook):
    """Source and outputs of each code cell, without text that the page rewrites."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [(source(cell), [shown(out) for out in cell["outputs"]]) for cell in cells]


def shown(output):
    data = {k: v for k, v in output.get("data", {}).items() if k != "text/markdown"}
    return {**output, "data": data}


def prose(notebook):
    """What a reader sees as Markdown, in cells and in outputs."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            yield source(cell)
        for output in cell.get("outputs", []):
            yield "".join(output.get("data", {}).get("text/markdown", ""))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_download_is_its_chapter_in_plain_markdown(site, path):
    notebook, written = read(downloaded(site, path)), read(path)
    first, *others = code(notebook)
    assert "%pip install" in first[0]
    assert others == code(written)
    raw = [found for text in prose(notebook) for found in RAW.findall(text)]
    assert raw == []


def test_raw_myst_is_found():
    found = RAW.findall(
        "see {eq}`a`\n:::{tip}\nOh\n:::\n$$\na\n$$ (eq-a)\n(here)=\n```{index} b\n```"
    )
    assert found == ["{eq}`", ":::", ":::", "$$ (", "(here)=", "```{"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_download_has_the_numbers_of_its_page(site, path):
    numbers = re.findall(r'class="eqno">\(([\d.]+)\)', html(site, path))
    assert path.stem.startswith("appendix") or numbers
    text = "\n".join(prose(read(downloaded(site, path))))
    assert re.findall(r"\\tag\{(.*?)\}", text) == numbers


def test_only_our_celib_passes_the_first_cell(site, tmp_path):
    first = code(read(downloaded(site, NOTEBOOKS[0])))[0][0]

    def run(folder):
        # without site-packages, where celib is installed
        python = [sys.executable, "-S", "-c", first]
        env = {**os.environ, "PYTHONPATH": str(folder)}
        done = subprocess.run(
            python, cwd=tmp_path, env=env, capture_output=True, text=True
        )
        return done.stderr.splitlines()[-1:]

    (wrong,) = run(tmp_path)
    assert "must be installed: see above" in wrong
    # as celib 0.0.10 of PyPI: a folder without __init__.py
    stranger = tmp_path / "stranger" / "celib"
    stranger.mkdir(parents=True)
    (stranger / "celist.py").touch()
    (wrong,) = run(stranger.parent)
    assert "another project of the same name: run %pip uninstall" in wrong
    assert run(ROOT) == []


@pytest.mark.parametrize(
    ("site", "repository", "line"),
    [
        ("", "", "%pip install celib-0.1.0-py3-none-any.whl numpy"),
        ("", "https://host.example/b", "%pip install git+https://host.example/b numpy"),
        (
            "https://b.example",
            "https://host.example/b",
            "%pip install https://b.example/downloads/celib-0.1.0-py3-none-any.whl "
            "numpy",
        ),
    ],
)
def test_the_install_line_names_what_is_configured(site, repository, line):
    page = SimpleNamespace(site=site, repository=repository)
    cells = [SimpleNamespace(cell_type="code", source="import os\nimport numpy as np")]
    first = celib_download.first_cell(cells, page, "celib-0.1.0-py3-none-any.whl")
    assert f"# {line}\n" in first.source


def test_packages_are_called_as_on_pypi():
    lines = "import torch\nfrom sklearn import metrics\nfrom celib.book import show"
    found = ["matplotlib", "scikit-learn", "sympy", "torch"]
    assert celib_download.packages(lines + '\n"""\nfrom the web') == found


def test_the_wheel_holds_all_of_celib(site):
    (wheel,) = (site / "downloads").glob("celib-*.whl")
    held = {
        name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name
    }
    files = [path for path in (ROOT / "celib").rglob("*") if path.is_file()]
    ours = {path.relative_to(ROOT).as_posix() for path in files if needed(path)}
    assert held == ours


def needed(path):
    """Whether the package uses a file when it is installed."""
    about = {"README.md", ".gitattributes"}
    return path.name not in about and "__pycache__" not in path.parts


@pytest.mark.slow
def test_a_download_runs_where_only_the_wheel_is_installed(site, tmp_path):
    venv.create(tmp_path / "bare", symlinks=True)
    python = tmp_path / "bare" / "bin" / "python"
    (wheel,) = (site / "downloads").glob("celib-*.whl")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", wheel], check=True)
    # everything else comes from here; the celib installed here is named by a .pth
    # file, which Python reads in its own folder only
    packages = sysconfig.get_path("purelib")
    (folder,) = (tmp_path / "bare" / "lib").glob("*/site-packages")
    (folder / "others.pth").write_text(packages)
    path = downloaded(site, ROOT / "chapters" / "03-entropy-and-codes.ipynb")
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-c", RUN, path],
        cwd=tmp_path,
        env={**env, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(folder))
