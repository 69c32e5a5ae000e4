"""The two commands: what they say when something is wrong, and what they leave."""

import ast
import errno
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
browser = importlib.import_module("browser")
build_book = importlib.import_module("build_book")
setup_env = importlib.import_module("setup_env")


def calm_environment(**more):
    """The environment without what an outer make, or the reader's pip, puts there."""
    drop = ("MAKE", "MFLAGS", "PIP_", "PYTHON", "TORCH_INDEX")
    env = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
    return {**env, "PIP_CONFIG_FILE": os.devnull, **more}


def command(*words, cwd=ROOT, **more):
    return subprocess.run(
        words,
        cwd=cwd,
        env=calm_environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def is_one_sentence(text):
    """Whether this is a line to read, and no traceback."""
    text = text.strip()
    return "\n" not in text and text.endswith(".") and "Traceback" not in text


# ---- what can be wrong: one sentence each


def test_setup_speaks_on_old_pythons():
    source = (ROOT / "tools" / "setup_env.py").read_text()
    ast.parse(source, feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13), (3, 15, 0)])
def test_wrong_python(version, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(setup_env, "ROOT", str(tmp_path))
    check = setup_env.check_python
    monkeypatch.setattr(setup_env, "check_python", lambda: check(version))
    assert setup_env.main([]) == 1
    said = capsys.readouterr().err
    assert is_one_sentence(said)
    assert "This is Python 3." in said
    assert "3.11 to 3.14" in said


def test_the_range_of_pythons_is_the_same_everywhere():
    makefile = (ROOT / "Makefile").read_text()
    span = f"{setup_env.OLDEST} <= sys.version_info[:2] <= {setup_env.NEWEST}"
    assert span in makefile
    assert set(re.findall(r"3\.\d+ to 3\.\d+", makefile)) == {setup_env.RANGE}
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


def test_no_python(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "make"):
        places = ("/bin", "/usr/bin", "/usr/local/bin")
        found = next(p for p in places if Path(p, name).exists())
        (tools / name).symlink_to(Path(found, name))
    broken = tools / "python3"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    done = command("make", "env", PATH=str(tools))
    said = done.stderr.splitlines()[0]
    assert done.returncode != 0
    assert said.startswith("No Python was found")
    assert is_one_sentence(said)


def test_no_venv_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(setup_env.Problem, match=r"-venv\), and run the same command"):
        setup_env.check_venv_module()


def test_no_space_is_seen_before(tmp_path, monkeypatch, capsys):
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(setup_env, "ROOT", str(tmp_path))
    monkeypatch.setattr(setup_env, "free_space", lambda folder: 1.2e9)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "celib-setup").write_text("installing")
    assert setup_env.main([]) == 1
    said = capsys.readouterr().err
    assert is_one_sentence(said)
    assert "needs about 3.0 GB of disk space and 1.2 GB are free" in said
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no /dev/full"
)
def test_no_space_is_recognised_after(tmp_path):
    fill = "import sys; print('x', file=open('/dev/full', 'w'), flush=True)"
    with pytest.raises(setup_env.Problem, match=r"^The disk is full .*same command"):
        setup_env.run([sys.executable, "-c", fill], str(tmp_path / "log"))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert setup_env.explain(full).startswith("The disk is full")


def test_the_reason_pip_gives_is_passed_on(tmp_path):
    log = tmp_path / "log"
    log.write_text("ERROR: No matching distribution found for numpy==0.1\n")
    said = str(setup_env.diagnose(str(log)))
    assert "found no numpy==0.1 for this Python" in said
    assert is_one_sentence(said)
    log.write_text("Collecting x\nERROR: the moon is full\nbye\n")
    assert "(ERROR: the moon is full)" in str(setup_env.diagnose(str(log)))


def test_stopped_by_hand(monkeypatch, capsys):
    def stop(task):
        raise KeyboardInterrupt

    monkeypatch.setattr(setup_env, "perform", stop)
    assert setup_env.main([]) == 130
    assert is_one_sentence(capsys.readouterr().err)


# ---- a whole setup, of a project of two empty packages

BACKEND = """
import base64, hashlib, zipfile

def wheel(folder, name, tag="py3-none-any"):
    stem = f"{name}-1.0"
    meta = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n"
    files = {
        f"{name}.py": "",
        f"{stem}.dist-info/METADATA": meta,
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\\nTag: {tag}\\n",
    }
    record = "".join(f"{path},,\\n" for path in files)
    files[f"{stem}.dist-info/RECORD"] = record
    path = f"{folder}/{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
    return path.rsplit("/", 1)[1]

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return wheel(wheel_directory, "house")
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "house"
version = "1.0"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("a folder") / "clone"
    (root / "tools").mkdir(parents=True)
    for name in ("tools/setup_env.py", "Makefile"):
        (root / name).write_text((ROOT / name).read_text())
    (root / "backend.py").write_text(BACKEND)
    (root / "pyproject.toml").write_text(PYPROJECT)
    return root


def setup(root, **more):
    return command("make", "env", cwd=root, PYTHON=sys.executable, **more)


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    words = ["download", "-d", str(tmp_path), "celib-no-such-package==1.0"]
    with pytest.raises(setup_env.Problem) as caught:
        setup_env.run([sys.executable, "-m", "pip", *words], str(tmp_path / "log"))
    said = str(caught.value)
    assert said.startswith("The package index could not be reached: check the network")
    assert is_one_sentence(said)


def test_only_a_whole_environment_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(setup_env, "ROOT", str(tmp_path))
    environment = setup_env.Environment(".venv")
    scripts = tmp_path / ".venv" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "pip").write_text(f"#!{scripts}/python\n")
    (scripts / "python").write_text(f"#!/bin/sh\necho '{sys.version_info[:3]}'\n")
    (scripts / "python").chmod(0o755)
    assert environment.usable()
    environment.mark("installing")
    assert not environment.usable()
    environment.mark("complete 0")
    assert environment.usable()
    (scripts / "pip").write_text("#!/elsewhere/.venv/bin/python\n")
    assert not environment.usable()


def test_an_interrupted_setup_is_made_anew(project):
    """What was left half-made goes; then there is nothing to do."""
    environment, namespace = project / ".venv", {}
    environment.mkdir()
    (environment / "celib-setup").write_text("installing\n")
    (environment / "half-made").touch()
    exec(BACKEND, namespace)
    brick = namespace["wheel"](project, "brick")
    (project / "requirements.txt").write_text(f"# one package\n./{brick}\n")
    done = setup(project, PIP_NO_INDEX="1", PIP_USER="1", PYTHONPATH="/nonexistent")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[1/3]" in done.stdout
    assert "[3/3] celib: done" in done.stdout
    assert not (environment / "half-made").exists()
    assert (environment / "celib-setup").read_text().startswith("complete ")
    python = environment / "bin" / "python"
    assert command(python, "-c", "import brick, house").returncode == 0
    again = setup(project)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


# ---- the build


class Press:
    """Stands for jupyter-book: writes a page, and says what it is told to."""

    def __init__(self):
        self.runs, self.lines, self.code, self.error = 0, [], 0, None

    def __call__(self, root, listener):
        self.runs += 1
        assert not (root / "_build" / "built").exists()
        assert not (root / "_build" / ".doctrees").exists()
        (root / "_build" / "html").mkdir()
        (root / "_build" / "html" / "index.html").write_text("page")
        (root / "_build" / ".doctrees").mkdir()
        for line in self.lines:
            listener(line)
        if self.error:
            raise self.error
        return self.code


@pytest.fixture
def press():
    return Press()


@pytest.fixture
def book(tmp_path):
    (tmp_path / "chapters").mkdir()
    for name in ("_config.yml", "_toc.yml", "intro.md", "chapters/01-a.ipynb"):
        (tmp_path / name).write_text("text\n")
    return tmp_path


def test_nothing_is_built_twice(book, press):
    for _ in range(2):
        assert build_book.build(book, press).read_text() == "page"
    assert press.runs == 1


@pytest.mark.parametrize(
    "name",
    [
        *("chapters/01-a.ipynb", "_toc.yml", "new.md", "web/book.css"),
        *("celib/a.py", "celib/folder/__init__.py"),
    ],
)
def test_a_change_is_built(book, press, name):
    build_book.build(book, press)
    (book / name).parent.mkdir(parents=True, exist_ok=True)
    (book / name).write_text("other\n")
    build_book.build(book, press)
    assert press.runs == 2


def test_a_lost_page_is_built(book, press):
    build_book.build(book, press).unlink()
    build_book.build(book, press)
    assert press.runs == 2


def test_a_failed_build_is_never_taken_for_whole(book, press):
    press.lines, press.code = ["a.md:3: WARNING: no such role", "and so on"], 1
    for _ in range(2):
        with pytest.raises(build_book.BuildError, match="no such role") as caught:
            build_book.build(book, press)
        assert "and so on" not in str(caught.value)
        assert "build.log" in str(caught.value)
    press.code = 0
    build_book.build(book, press)
    assert press.runs == 3


def test_an_interrupted_build_is_never_taken_for_whole(book, press):
    press.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        build_book.build(book, press)
    press.error = None
    build_book.build(book, press)
    assert press.runs == 2


def test_a_full_disk_while_building(book, press):
    press.lines, press.code = ["OSError: [Errno 28] No space left on device"], 1
    with pytest.raises(build_book.BuildError, match=r"^The disk is full"):
        build_book.build(book, press)


def test_a_warning_is_not_hidden_by_the_build_before(tmp_path):
    off = 'title: T\nonly_build_toc_files: true\nexecute: {execute_notebooks: "off"}\n'
    (tmp_path / "_config.yml").write_text(off)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    (tmp_path / "intro.md").write_text("# T\n\n{nosuchrole}`x`\n")
    for _ in range(2):
        with pytest.raises(build_book.BuildError, match="nosuchrole"):
            build_book.build(tmp_path)


# ---- the browser


@pytest.fixture
def named(monkeypatch, tmp_path):
    """Name a stand-in for Chromium by the variable."""

    def name(script):
        path = tmp_path / "chromium"
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)
        monkeypatch.setenv("CHROMIUM", str(path))
        return str(path)

    browser.find.cache_clear()
    yield name
    browser.find.cache_clear()


def test_a_browser_that_answers_is_found(named):
    path = named("echo Chromium 150.0")
    assert browser.require() == browser.find() == path


@pytest.mark.parametrize(
    ("everything", "outcome"),
    [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)],
)
def test_a_stub_is_no_browser(named, monkeypatch, everything, outcome):
    named("echo this command requires the chromium snap; exit 1")
    monkeypatch.setenv("CELIB_REQUIRE_ALL", everything)
    # Both are caught, for a skip that gets through would only skip this test.
    both = (pytest.skip.Exception, pytest.fail.Exception)
    with pytest.raises(both, match="install Chromium") as caught:
        browser.require()
    assert caught.type is outcome
    assert browser.main(["--get"]) == int(everything)


# ---- CI, make and the repository


def help_targets():
    return re.findall(r"^make (\w+)", command("make", "help").stdout, re.M)


def test_every_target_of_help_exists():
    targets = help_targets()
    assert {"help", "book", "test", "lab", "check", "lock", "clean"} <= set(targets)
    for target in targets:
        done = command("make", "-n", target, PYTHON=sys.executable)
        assert done.returncode == 0, done.stderr


def test_every_tool_that_make_calls_exists():
    called = set(re.findall(r"tools/\w+\.py", (ROOT / "Makefile").read_text()))
    assert called
    assert [name for name in called if not (ROOT / name).exists()] == []


def test_ci_hides_no_failure():
    script = ROOT / ".ci" / "run"
    text = script.read_text()
    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in text
    assert "CELIB_REQUIRE_ALL=1" in text
    code = [line for line in text.splitlines() if not line.startswith("#")]
    assert [x for x in code if re.search(r"\||set \+|trap|2>|--ignore|&\s*$", x)] == []
    assert re.match(r"exec make .*\btest </dev/null$", code[-1])


def test_make_hides_no_failure_of_the_tests():
    recipes = re.findall(
        r"^(\w+):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M
    )
    recipes = dict(recipes)
    for target in ("test", "newest"):
        lines = recipes[target].splitlines()
        assert lines[-1].endswith("/pytest $(ARGS)")
        assert not re.search(r"\||;|\t@?-", recipes[target])


def workflows():
    return sorted((ROOT / ".github" / "workflows").glob("*.yml"))


# The runners lack the marker's sandbox, and forbid it: teaching.md says more.
SANDBOX = (
    "sudo apt-get install --yes bubblewrap poppler-utils",
    "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
)


@pytest.mark.parametrize("path", workflows(), ids=lambda path: path.stem)
def test_workflows_only_call_make(path):
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    steps = [step for job in jobs for step in job["steps"]]
    runs = [step["run"] for step in steps if "run" in step]
    assert runs
    assert set(runs) <= {*SANDBOX, *(f"make {target}" for target in help_targets())}
    for step in steps:
        assert "continue-on-error" not in step
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])


def pins(name):
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_every_requirement_is_pinned_once():
    every = pins("requirements.txt") + pins("requirements-lab.txt")
    assert [x for x in every if not re.fullmatch(r"[\w.-]+==[\w.]+", x)] == []
    names = [re.sub(r"[-_.]+", "-", x.split("==")[0]).lower() for x in every]
    assert sorted(set(names)) == sorted(names)


def repository_files():
    listed = command(
        "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"
    )
    assert listed.returncode == 0, listed.stderr
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_registry_and_no_machine_is_named():
    hosts = [
        "pypi",
        "files.pythonhosted",
        "debian",
        "registry.npmjs",
        "download.pytorch",
    ]
    tails = r"\.(?:org|net|com)\b"
    named = r"(?:\b|\.)(?:" + "|".join(re.escape(x) for x in hosts) + ")" + tails
    # Not inside a longer path or base64 text.
    machine = r"(?<![\w+/.:)}~-])/(?:work|root|home/\w+|Users/\w+|opt)/\w"
    pattern = re.compile(f"{named}|{machine}")
    found = []
    for path in repository_files():
        for match in pattern.finditer(path.read_text(errors="replace")):
            found.append(f"{path.relative_to(ROOT)}: {match.group()}")
    assert found == []
