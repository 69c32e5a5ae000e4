"""Refuses a build in which students could read a solution, hidden test or rubric."""

import ast
import json
import re
from pathlib import Path

from grader.notebook import normal

WORDS = re.compile(
    r"(BEGIN|END) (SOLUTION|TESTS?|HIDDEN|PROMPT|TEST CONFIG)|# SOLUTION|course_rng"
    r"|course_variant|\{points\}|\{due\}",
    re.I,
)
SHORT = 12


class LeakError(RuntimeError):
    """The release holds what it must not, or hides other points than it says."""


def check(source: Path, built: Path, given: dict) -> None:
    """Compare a build with its master and its `assignment.yml`.

    Raises
    ------
    LeakError
        If a solution, a hidden test, a rubric or an output is in the student
        version, or the points of a question are not what is said.
    """
    master = json.loads((source / f"{source.name}.ipynb").read_text(encoding="utf-8"))
    student = built / "student"
    problems = [*_outputs(student), *_unexpected(student, given), *_words(student)]
    problems += _secrets(master, built, given)
    problems += _points(built, given)
    if problems:
        raise LeakError(
            f"{source.name} must not be released:\n  " + "\n  ".join(problems)
        )


def _outputs(student):
    for path in student.glob("*.ipynb"):
        for n, cell in enumerate(json.loads(path.read_text())["cells"], 1):
            if cell.get("outputs") or cell.get("execution_count"):
                yield f"{path.name}, cell {n}, has a stored output"
            if cell.get("attachments"):
                yield f"{path.name}, cell {n}, has an attachment"


def _unexpected(student, given):
    name = given["name"]
    expected = {f"{name}.ipynb", "check_output.py"}
    expected |= {f"tests/{q}.py" for q in given["questions"]}
    found = {str(p.relative_to(student)) for p in student.rglob("*") if p.is_file()}
    for path in sorted(found ^ expected):
        yield f"{path} is {'missing' if path in expected else 'not expected'}"


def _words(student):
    for path in sorted(p for p in student.rglob("*") if p.is_file()):
        for match in WORDS.finditer(path.read_text(encoding="utf-8")):
            yield f"{path.name} holds {match[0]!r}"


# ---- what the master keeps to itself


def _secrets(master, built, given):
    """Yield the lines of solution, rubric and hidden tests that students could read."""
    files = sorted(p for p in (built / "student").rglob("*") if p.is_file())
    shown = normal("\n".join(_readable(path) for path in files))
    solution, open_text = _split(master)
    kept = [*solution, *_hidden_lines(built, given)]
    kept += [line for q in given["written"].values() for line in q["rubric"]]
    # A line of code that the master also shows, as a bug to find, is no secret.
    open_lines = {normal(line) for text in open_text for line in text.splitlines()}
    for line in dict.fromkeys(map(normal, kept)):
        if len(line) >= SHORT and line not in open_lines and line in shown:
            yield f"this line is kept back, and students can read it: {line[:100]}"


def _readable(path):
    """Return a file's text as a person reads it, without JSON's or Python's escapes."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return "\n".join("".join(c["source"]) for c in json.loads(text)["cells"]) + text
    bodies = [case["code"] for case in _cases(path)] if path.suffix == ".py" else []
    return "\n".join([text, *(_without_prompts(body) for body in bodies)])


def _parts(master):
    """Yield (part, type, text) of each cell; part is solution, tests or open."""
    part = "open"
    for cell in master["cells"]:
        text = "".join(cell["source"])
        marker = re.match(r"# (BEGIN|END) (SOLUTION|TESTS)", text)
        if cell["cell_type"] == "raw" and marker:
            part = marker[2].lower() if marker[1] == "BEGIN" else "open"
        else:
            yield part, cell["cell_type"], text


def _split(master):
    """Return the lines of the solutions, and the code that the master shows to all."""
    solution, open_text = [], []
    for part, cell_type, text in _parts(master):
        if part == "open":
            fenced = re.findall(r"^```.*?^```", text, re.M | re.S)
            open_text += fenced if cell_type == "markdown" else [text]
        elif part == "solution" and cell_type == "markdown":
            solution += re.split(r"(?<=[.!?])\s", text)
        elif part == "solution":
            inside = False
            for line in text.splitlines():
                if marker := re.match(r"\s*# (BEGIN|END) SOLUTION", line):
                    inside = marker[1] == "BEGIN"
                elif inside or line.rstrip().endswith("# SOLUTION"):
                    solution.append(line.replace("# SOLUTION", ""))
                else:
                    open_text.append(line)
    return solution, open_text


def _hidden_lines(built, given):
    """Return what hidden tests hold and no public test does."""
    public, hidden = [], []
    for question in given["questions"]:
        for case in _cases(built / "autograder" / "tests" / f"{question}.py"):
            lines = _without_prompts(case["code"]).splitlines()
            lines.append(case.get("failure_message") or "")
            (hidden if case["hidden"] else public).extend(map(normal, lines))
    shown = "\n".join(public)
    return [line for line in hidden if line not in shown]


def _cases(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "test":
            return ast.literal_eval(node.value)["suites"][0]["cases"]
    return []


def _without_prompts(body):
    return re.sub(r"^(>>>|\.\.\.) ?", "", body, flags=re.M)


# ---- points


def _points(built, given):
    """Yield where the tests give other points than `assignment.yml` says."""
    for name, question in given["questions"].items():
        cases = _cases(built / "autograder" / "tests" / f"{name}.py")
        total = sum(case["points"] for case in cases)
        hidden = sum(case["points"] for case in cases if case["hidden"])
        if (total, hidden) != (question.points, question.hidden):
            yield (
                f"{name}: the tests give {total:g} points, {hidden:g} of them hidden; "
                f"assignment.yml says {question.points:g} and {question.hidden:g}"
            )
        for n, case in enumerate(cases, 1):
            if not case.get("failure_message"):
                yield f"{name}, test {n}, has no hint"
        student = built / "student" / "tests" / f"{name}.py"
        cases = _cases(student) if student.exists() else []
        public = sum(case["points"] for case in cases)
        if public != question.points - question.hidden:
            yield f"{name}: students see tests worth {public:g} points"
