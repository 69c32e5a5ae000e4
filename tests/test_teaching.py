"""What the page for teachers says is what there is."""

import re

import pytest

from chapters import ROOT
from grader import __main__ as command
from grader import assignment, marking, release

PAGE = (ROOT / "teaching.md").read_text(encoding="utf-8")
NAMES = ["hw1", "hw2", "hw3", "hw4", "hw5"]


def test_its_points_are_those_of_the_assignments():
    rows = re.findall(
        r"^\| `(hw\d)` (.+?) \| .+? \| .+? \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.M
    )
    assert [row[0] for row in rows] == NAMES
    for name, title, coded, by_hand, total in rows:
        given = assignment.settings(ROOT / "assignments" / name)
        points = sum(q.points for q in given["questions"].values())
        hand = sum(q["points"] for q in given["written"].values())
        assert title == given["title"]
        assert (int(coded), int(by_hand), int(total)) == (points, hand, points + hand)


def test_its_number_of_wrong_answers():
    assert "more than two hundred common wrong answers" in PAGE
    assert sum(len(release.wrong_answers(name)) for name in NAMES) > 200


def test_its_table_of_statuses():
    table = PAGE.partition("| status | what it means |")[2].partition("\n\n")[0]
    said = re.findall(r"^\| `(\w+)`", table, re.M)
    assert said == ["ok", *reversed(marking.GRAVITY), "UNREADABLE", "MISSING"]


def test_its_commands_are_taken():
    commands = re.findall(r"python -m grader (hw.+)$", PAGE, re.M)
    assert len(commands) == 2
    for words in commands:
        assert command.parser().parse_args(words.split()).assignment == "hw2"
    said = set(re.findall(r"(?<![-|] )(--[a-z][a-z-]+)", PAGE))
    others = {"--nworkers", "--nthreads", "--variant", "--wheel-dir", "--no-deps"}
    assert others < said
    known = command.parser().format_help()
    assert [option for option in said - others if option not in known] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_students_page_says_the_points_and_limits(name):
    given = assignment.settings(ROOT / "assignments" / name)
    text = (ROOT / "assignments" / name / f"{name}.ipynb").read_text()
    for number, (_, question) in enumerate(given["questions"].items(), 1):
        assert re.search(
            rf"## Question {number}: .+ \({question.points} points\)", text
        )
    limits = given["limits"]
    cell, call = limits.cell_s, limits.call_s
    told = f"A cell may run for {cell} seconds, and one call of a function for {call}."
    assert told in text


def test_the_syllabus_holds_every_chapter_and_every_assignment_twice():
    table = PAGE.partition("| week |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1:-1] for line in table.splitlines() if "|" in line][1:]
    for column, hand_in in ((1, 2), (3, 4)):
        named = []
        for row in cells:
            text = row[column].strip()
            for first, last in re.findall(r"(\d+)(?: to (\d+))?", text):
                named += range(int(first), int(last or first) + 1)
        assert named == list(range(1, 20))
        assert [
            row[hand_in].strip(" `") for row in cells if "hw" in row[hand_in]
        ] == NAMES
