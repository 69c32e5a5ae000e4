"""The questions of the chapters have choices, a right one, and reasons."""

import re

import pytest

from chapters import NOTEBOOKS, markdown, read, source

QUIZ = re.compile(r'<div class="quiz"( data-predict)?>(.*?)\n</div>', re.DOTALL)
CHOICE = re.compile(
    r"<details><summary>(?P<choice>.*?)</summary>(?P<reason>.*?)</details>", re.DOTALL
)
VERDICTS = ("**Right.**", "**Not quite.**")


def faults_of_choice(choice, reason):
    """What is wrong with one choice and its reason."""
    inline = not choice.startswith("\n\n")
    verdict = next((v for v in VERDICTS if reason.strip().startswith(v)), None)
    rules = {
        "has no text": choice.strip(),
        "holds Markdown or $ on its summary's line": not (
            inline and re.search(r"[$`]|\*\*", choice)
        ),
        "needs a blank line before and after its reason": (
            reason.startswith("\n\n") and reason.endswith("\n\n")
        ),
        "begins neither with Right. nor with Not quite.": verdict,
        "gives no reason": reason.replace(verdict or "", "").strip(),
    }
    return [f"“{choice.strip()}” {rule}" for rule, kept in rules.items() if not kept]


def faults_of_quiz(body):
    """What is wrong with one question."""
    choices = CHOICE.findall(body)
    question = body.partition("<details>")[0]
    faults = [f for choice, reason in choices for f in faults_of_choice(choice, reason)]
    rules = {
        "no question": question.startswith("\n\n") and question.strip(),
        "fewer than two choices": len(choices) >= 2,
        "a fold that is no choice": body.count("<details") == len(choices),
        "no right choice": any("**Right.**" in reason for _, reason in choices),
        "a choice twice": len({c for c, _ in choices}) == len(choices),
        # without it JupyterLab shows the reasons below, outside their folds
        "no blank line between two choices": "</details>\n<details>" not in body,
    }
    return faults + [rule for rule, kept in rules.items() if not kept]


def faults(text):
    """What is wrong with the questions of a text."""
    quizzes = QUIZ.findall(text)
    found = [fault for _, body in quizzes for fault in faults_of_quiz(body)]
    if len(quizzes) != len(re.findall(r'class="?quiz\b', text)):
        found.append("a quiz that is not written as web/AUTHORING.md says")
    return found


def unpredicted(cells):
    """Predictions that no folded output follows."""
    return [
        source(cell)
        for cell, following in zip(cells, [*cells[1:], None], strict=True)
        if 'class="quiz" data-predict' in source(cell)
        and "hide-output" not in (following or cell)["metadata"].get("tags", [])
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_questions_of_a_chapter(path):
    assert faults(markdown(path)) == []
    assert unpredicted(read(path)["cells"]) == []


GOOD = """<div class="quiz">

Is 2 even?

<details><summary>Yes</summary>

**Right.** It is two times one, and one is a whole number.

</details>

<details><summary>No</summary>

**Not quite.** Half of two is one, and one is a whole number.

</details>

</div>
"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("**Right.**", "**Not quite.**", "no right choice"),
        ("**Right.**", "Yes.", "begins neither with Right. nor"),
        ("It is two times one, and one is a whole number.", "", "gives no reason"),
        ("<details><summary>No</summary>", "", "fewer than two choices"),
        ("Is 2 even?\n", "", "no question"),
        ("Yes</summary>\n", "Yes</summary>", "needs a blank line"),
        ("<summary>Yes", "<summary>$2$", "holds Markdown or $"),
        ("<summary>Yes", "<summary>No", "a choice twice"),
        ("<details><summary>No", '<details class="a"><summary>No', "is no choice"),
        ('class="quiz"', 'class="quiz" id="a"', "not written as"),
        ("</details>\n\n<details>", "</details>\n<details>", "no blank line between"),
    ],
)
def test_a_fault_is_found(old, new, fault):
    assert faults(GOOD) == []
    assert any(fault in found for found in faults(GOOD.replace(old, new)))


def test_a_prediction_without_an_output_to_open_is_found():
    asks = {"cell_type": "markdown", "metadata": {}, "source": GOOD}
    asks["source"] = GOOD.replace('"quiz"', '"quiz" data-predict')
    runs = {"cell_type": "code", "metadata": {"tags": ["hide-output"]}, "source": ""}
    assert unpredicted([asks, runs]) == []
    assert unpredicted([asks]) == unpredicted([asks, {**runs, "metadata": {}}]) != []
