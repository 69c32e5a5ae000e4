"""The appendices: every claim is tried, and every question has its short answer."""

import json
import re

import pytest

from chapters import FOLDER, markdown, read, source

CLAIMS = FOLDER / "appendix-a-claims.ipynb"
QUESTIONS = FOLDER / "appendix-c-questions.ipynb"
HEADING = re.compile(r"### (?:(\d+)\. )?(.+)\n")
VERDICT = re.compile(r"\*\*(Right|Half true|Wrong|A gap, filled here)\.\*\* \S")
LINK = re.compile(r"\[[^]]+\]\((\d\d-[a-z0-9-]+\.ipynb)(?:#([^)]+))?\)")


def entries(path):
    """Number, title, text and following code cells of each third heading."""
    found = []
    for cell in read(path)["cells"]:
        head = HEADING.match(source(cell))
        if cell["cell_type"] == "code" and found:
            found[-1][3].append(cell)
        elif head:
            number = head[1] and int(head[1])
            found.append((number, head[2], source(cell)[head.end() :].strip(), []))
    return found


def shows(cells):
    """Whether there is a cell that printed or showed something."""
    return bool(cells) and any(cell["outputs"] for cell in cells)


def anchors(name):
    """The places of a chapter that a link can name, as MyST calls them."""
    titles = re.findall(r"^#{1,3} (.+)$", markdown(FOLDER / name), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower().replace(" ", "-")) for t in titles}


def dead_links(text):
    """Links to a chapter, or a place in it, that is not there."""
    return [
        f"{name}#{place}" if place else name
        for name, place in LINK.findall(text)
        if not (FOLDER / name).is_file() or (place and place not in anchors(name))
    ]


def faults(where, rules):
    """The rules that are not kept."""
    return [f"{where} {rule}" for rule, kept in rules.items() if not kept]


def faults_of_claims(path):
    """What is wrong with the claims on trial."""
    found = entries(path)
    table = "\n".join(
        "".join(output["data"].get("text/plain", ""))
        for cell in read(path)["cells"]
        for output in cell.get("outputs", [])
        if "data" in output
    )
    claimed = sorted(number for number, *_ in found if number)
    wrong = faults("the claims", {"are not numbered 1, 2, 3, …": counted(claimed)})
    for number, title, text, cells in found:
        verdict = VERDICT.match(text)
        row = f"{number or 0:2} {verdict[1].lower() if verdict else '':20} "
        rules = {
            "has no verdict": verdict,
            "links to no chapter": LINK.search(text),
            "has a dead link": not dead_links(text),
            "has no cell with an output": shows(cells),
            "is not in the table": row + title.strip('"') in table,
        }
        wrong += faults(f"claim {number}", rules)
    return wrong


def counted(numbers):
    """Whether there are numbers, and they are 1, 2, 3 and so on."""
    return numbers and numbers == [*range(1, len(numbers) + 1)]


def faults_of_questions(path):
    """What is wrong with the questions and their answers."""
    found = entries(path)
    asked = [number for number, *_ in found if number]
    wrong = faults("the questions", {"are not numbered 1, 2, 3, …": counted(asked)})
    for _, title, text, cells in found:
        rules = {
            "is no question": title.endswith("?"),
            "has no answer": LINK.sub("", text).strip(),
            "links to no chapter": LINK.search(text),
            "has a dead link": not dead_links(text),
            "has a cell without an output": not cells or shows(cells),
        }
        wrong += faults(f"“{title}”", rules)
    return wrong


def test_every_claim_is_tried():
    assert faults_of_claims(CLAIMS) == []


def test_every_question_is_answered():
    assert faults_of_questions(QUESTIONS) == []


def cell(kind, text, plain=None):
    outputs = [{"data": {"text/plain": [plain]}}] if plain else []
    more = {"outputs": outputs} if kind == "code" else {}
    return {"cell_type": kind, "source": [text], **more}


def trial(number, title):
    link = "[Chapter 2](02-cross-entropy.ipynb)"
    text = f'### {number}. "{title}"\n\n**Wrong.** It is not. {link}\n'
    return [cell("markdown", text), cell("code", "print(1)", "1")]


def answer(number, title):
    link = "[Chapter 2](02-cross-entropy.ipynb#on-trial)"
    text = f"### {number}. {title}\n\nIt may, and here is why.\n\n{link}\n"
    return [cell("markdown", text), cell("code", "print(1)", "1")]


TABLE = " 1 wrong                It is small\n 2 wrong                It is large"
CLAIMED = [cell("code", "", TABLE), *trial(1, "It is small"), *trial(2, "It is large")]
ASKED = [*answer(1, "Is it small?"), *answer(2, "Is it large?")]


def broken(folder, cells, old="", new=""):
    """Write the cells, with a change in their text, and say where."""
    assert any(old in source(c) for c in cells)
    cells = [{**c, "source": [source(c).replace(old, new)]} for c in cells]
    (folder / "broken.ipynb").write_text(json.dumps({"cells": cells}), "utf-8")
    return folder / "broken.ipynb"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("### 2.", "### 3.", "the claims are not numbered 1, 2, 3, …"),
        ("### 2.", "### 1.", "the claims are not numbered 1, 2, 3, …"),
        ("### 1.", "## 1.", "the claims are not numbered 1, 2, 3, …"),
        ("**Wrong.**", "**Nonsense.**", "claim 1 has no verdict"),
        ("**Wrong.**", "**Right.**", "claim 1 is not in the table"),
        ('"It is large"', '"It is huge"', "claim 2 is not in the table"),
        ("[Chapter 2](02-cross-entropy.ipynb)", "", "claim 2 links to no chapter"),
        ("02-cross-entropy", "99-nowhere", "claim 2 has a dead link"),
    ],
)
def test_a_fault_of_a_claim_is_found(tmp_path, old, new, fault):
    assert faults_of_claims(broken(tmp_path, CLAIMED)) == []
    assert fault in faults_of_claims(broken(tmp_path, CLAIMED, old, new))


@pytest.mark.parametrize("rest", [CLAIMED[:-1], [*CLAIMED[:-1], cell("code", "1")]])
def test_a_claim_that_shows_nothing_is_found(tmp_path, rest):
    found = faults_of_claims(broken(tmp_path, rest))
    assert found == ["claim 2 has no cell with an output"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("### 2.", "### 3.", "the questions are not numbered 1, 2, 3, …"),
        ("### 1.", "### 2.", "the questions are not numbered 1, 2, 3, …"),
        ("Is it large?", "It is large.", "“It is large.” is no question"),
        ("It may, and here is why.", "", "“Is it large?” has no answer"),
        ("[Chapter 2](02-cross", "(02-cross", "“Is it large?” links to no chapter"),
        ("02-cross-entropy", "99-nowhere", "“Is it large?” has a dead link"),
        ("#on-trial", "#in-court", "“Is it large?” has a dead link"),
    ],
)
def test_a_fault_of_a_question_is_found(tmp_path, old, new, fault):
    assert faults_of_questions(broken(tmp_path, ASKED)) == []
    assert fault in faults_of_questions(broken(tmp_path, ASKED, old, new))


def test_a_question_whose_cell_shows_nothing_is_found(tmp_path):
    silent = [*ASKED[:-1], cell("code", "x = 1")]
    found = faults_of_questions(broken(tmp_path, silent))
    assert found == ["“Is it large?” has a cell without an output"]
