"""What the page for teachers says is what there is."""

import re

import pytest

from chapters import ROOT
from grader import __main__ as command
from grader.marking import mark as marking
from grader.release import __main__ as release
from grader.release import assignment

PAGE = (ROOT / "teaching.md").read_text(encoding="utf-8")
NAMES = sorted(p.parent.name for p in (ROOT / "assignments").glob("*/assignment.yml"))
CHAPTERS = sorted(int(p.name[:2]) for p in (ROOT / "chapters").glob("[0-9]*.ipynb"))
# Options of pip and of Dask, which the page shows as well.
OTHERS = {"--nworkers", "--nthreads", "--wheel-dir", "--no-deps"}


def rows(first_cell):
    """Return the cells of the table whose first column is called so."""
    table = PAGE.partition(f"| {first_cell} |")[2].partition("\n\n")[0]
    lines = table.splitlines()[2:]
    return [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]


def test_its_points_are_those_of_the_assignments():
    table = rows("assignment")
    assert [row[0].partition("`")[0] for row in table] == NAMES
    for name, row in zip(NAMES, table, strict=True):
        given = assignment.settings(ROOT / "assignments" / name)
        points = sum(q.points for q in given["questions"].values())
        hand = sum(q["points"] for q in given["written"].values())
        assert row[0] == f"{name}` {given['title']}"
        assert [int(cell) for cell in row[-3:]] == [points, hand, points + hand]


def test_its_table_of_statuses():
    known = {"ok", *marking.GRAVITY, *marking.NOT_RUN, marking.OTHER}
    assert {row[0] for row in rows("status")} == known


def test_its_commands_are_taken():
    for words in re.findall(r"python -m grader compare ([^`\n]+)", PAGE):
        assert command.compare_parser().parse_args(words.split()).submission.suffix
    for words in re.findall(r"python -m grader (?!compare)([a-z][^`\n]+)", PAGE):
        assert command.parser().parse_args(words.split()).assignment in NAMES
    for words in re.findall(r"python -m grader\.release ([a-z][^`\n]+)", PAGE):
        assert set(release.parser().parse_args(words.split()).names) <= set(NAMES)


def test_its_options_exist():
    said = set(re.findall(r"(?<![-|] )(--[a-z][a-z-]+)", PAGE))
    known = command.parser().format_help() + release.parser().format_help()
    assert [option for option in said - OTHERS if option not in known] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_students_page_says_the_points_and_limits(name):
    given = assignment.settings(ROOT / "assignments" / name)
    text = (ROOT / "assignments" / name / f"{name}.ipynb").read_text()
    for number, question in enumerate(given["questions"].values(), 1):
        points = question.points
        assert re.search(rf"## Question {number}: .+ \({points} points\)", text)
    limits = {given["limits"].cell_s, given["limits"].call_s}
    sentences = re.findall(r"[^.]*\bseconds\b[^.]*\.", text)
    numbers = [set(map(int, re.findall(r"\d+", said))) for said in sentences]
    assert any(limits <= found for found in numbers)


def test_the_syllabus_holds_every_chapter_and_every_assignment_twice():
    for column, hand_in in ((1, 2), (3, 4)):
        named, handed_in = [], []
        for row in rows("week"):
            for first, last in re.findall(r"(\d+)(?: to (\d+))?", row[column]):
                named += range(int(first), int(last or first) + 1)
            handed_in += filter(None, [row[hand_in]])
        assert named == CHAPTERS
        assert handed_in == NAMES
