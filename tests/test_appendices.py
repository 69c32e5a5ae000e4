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
WORDS = 45


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


def faults_of_claims(path, last=73):
    """What is wrong with the claims on trial."""
    found = entries(path)
    table = "\n".join(
        "".join(output["data"].get("text/plain", ""))
        for cell in read(path)["cells"]
        for output in cell.get("outputs", [])
        if "data" in output
    )
    wrong = faults(
        "the claims", {f"are not 1 to {last}": numbers(found) == [*range(1, last + 1)]}
    )
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


def numbers(found):
    """The numbers of the entries that have one, in order."""
    return sorted(number for number, *_ in found if number)


def faults_of_questions(path, last=25):
    """What is wrong with the questions and their answers."""
    found = entries(path)
    asked = [number for number, *_ in found if number]
    wrong = faults(
        "the questions", {f"are not 1 to {last}": asked == [*range(1, last + 1)]}
    )
    for _, title, text, cells in found:
        words = LINK.sub("", text).split()
        rules = {
            "is no question": title.endswith("?"),
            "has no answer": len(words) >= 5,
            f"has an answer of more than {WORDS} words": len(words) <= WORDS,
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
    shown = [title for *_, title, _, cells in entries(QUESTIONS) if shows(cells)]
    assert len(shown) >= 15


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
        ("### 2.", "### 3.", "the claims are not 1 to 2"),
        ("### 2.", "### 1.", "the claims are not 1 to 2"),
        ("### 2.", "## 2.", "the claims are not 1 to 2"),
        ("**Wrong.**", "**Nonsense.**", "claim 1 has no verdict"),
        ("**Wrong.**", "**Right.**", "claim 1 is not in the table"),
        ('"It is large"', '"It is huge"', "claim 2 is not in the table"),
        ("[Chapter 2](02-cross-entropy.ipynb)", "", "claim 2 links to no chapter"),
        ("02-cross-entropy", "99-nowhere", "claim 2 has a dead link"),
    ],
)
def test_a_fault_of_a_claim_is_found(tmp_path, old, new, fault):
    assert faults_of_claims(broken(tmp_path, CLAIMED), last=2) == []
    assert fault in faults_of_claims(broken(tmp_path, CLAIMED, old, new), last=2)


@pytest.mark.parametrize("rest", [CLAIMED[:-1], [*CLAIMED[:-1], cell("code", "1")]])
def test_a_claim_that_shows_nothing_is_found(tmp_path, rest):
    found = faults_of_claims(broken(tmp_path, rest), last=2)
    assert found == ["claim 2 has no cell with an output"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("### 2.", "### 3.", "the questions are not 1 to 2"),
        ("### 1.", "### 2.", "the questions are not 1 to 2"),
        ("Is it large?", "It is large.", "“It is large.” is no question"),
        ("It may, and here is why.", "", "“Is it large?” has no answer"),
        ("It may", "It may " * 23, "“Is it large?” has an answer of more than"),
        ("[Chapter 2](02-cross", "(02-cross", "“Is it large?” links to no chapter"),
        ("02-cross-entropy", "99-nowhere", "“Is it large?” has a dead link"),
        ("#on-trial", "#in-court", "“Is it large?” has a dead link"),
    ],
)
def test_a_fault_of_a_question_is_found(tmp_path, old, new, fault):
    assert faults_of_questions(broken(tmp_path, ASKED), last=2) == []
    found = faults_of_questions(broken(tmp_path, ASKED, old, new), last=2)
    assert any(fault in one for one in found)


def test_a_question_whose_cell_shows_nothing_is_found(tmp_path):
    silent = [*ASKED[:-1], cell("code", "x = 1")]
    found = faults_of_questions(broken(tmp_path, silent), last=2)
    assert found == ["“Is it large?” has a cell without an output"]
