"""The site as a reader meets it: from a file, offline, in a real browser."""

import io
import re
from dataclasses import dataclass, field

import pages as check
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

PHONE = {"width": 360, "height": 740}
MEASURE = """() => {
  const count = (selector) => document.querySelectorAll(selector).length;
  return {
    maths: count(".math"),
    drawn: count(".math .katex-html, .math .katex > math"),
    broken: count(".katex-error"),
    width: document.documentElement.scrollWidth,
  };
}"""


@pytest.fixture
def open_page(browser, site):
    """Open a page of the site in a window of its own, cut off from the network."""
    contexts = []

    def opened(name, **options):
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{site.as_uri()}/{name}")
        return page

    yield opened
    for context in contexts:
        context.close()


@dataclass
class Visit:
    """What opening a page asked for, complained of, and measured."""

    asked: list = field(default_factory=list)
    complaints: list = field(default_factory=list)
    measured: dict = field(default_factory=dict)

    def note(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def visit(page, address):
    """Open one page and listen."""
    seen = Visit()
    page.on("request", lambda request: seen.asked.append(request.url))
    page.on("requestfailed", lambda request: seen.complaints.append(request.url))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", seen.note)
    page.goto(address, wait_until="load")
    seen.measured = page.evaluate(MEASURE)
    return seen


@pytest.fixture(scope="module")
def visits(browser, site):
    """Every page, opened once at a phone's width without a network."""
    context = browser.new_context(viewport=PHONE, offline=True)
    seen = {}
    for path in check.documents(site):
        page = context.new_page()
        seen[path.stem] = visit(page, path.as_uri())
        page.close()
    context.close()
    return seen


def faults(visits, find):
    return {name: found for name, seen in visits.items() if (found := find(seen))}


def test_nothing_is_asked_of_anyone_else(visits):
    def away(seen):
        return [a for a in seen.asked if not a.startswith(("file:", "data:", "blob:"))]

    assert faults(visits, away) == {}


def test_nothing_complains(visits):
    assert faults(visits, lambda seen: seen.complaints) == {}


def test_all_maths_is_drawn(visits):
    def undrawn(seen):
        return seen.measured["maths"] - seen.measured["drawn"] + seen.measured["broken"]

    assert faults(visits, undrawn) == {}
    assert sum(seen.measured["drawn"] for seen in visits.values()) > 50


def test_no_page_scrolls_sideways_on_a_phone(visits):
    assert (
        faults(visits, lambda seen: max(0, seen.measured["width"] - PHONE["width"]))
        == {}
    )


CHAPTER = "chapters/01-likelihood.html"
AXE = {"resultTypes": ["violations"]}
AUDITED = [CHAPTER, "intro.html", "search.html", "genindex.html"]
AUDITED += [f"chapters/appendix-{a}.html" for a in ("d-cheat-sheet", "e-reference")]


def violations(page):
    """Rules of accessibility that the page breaks, and where."""
    # What KaTeX draws is hidden from screen readers, which get its MathML instead.
    found = Axe().run(page, {"exclude": [".katex-html"]}, AXE).response["violations"]
    return {v["id"]: [n["target"] for n in v["nodes"]][:5] for v in found}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", AUDITED)
def test_everyone_can_use_it(name, theme, open_page):
    page = open_page(name, color_scheme=theme)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    # What is folded away is read too.
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert violations(page) == {}


def test_the_dark_theme_draws_figures_on_its_own_paper(open_page):
    page = open_page(CHAPTER, color_scheme="dark")
    figure = page.locator("figure img").first
    picture = Image.open(io.BytesIO(figure.screenshot())).convert("RGB")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = tuple(map(int, re.findall(r"\d+", paper)[:3]))
    assert all(
        abs(a - b) <= 3 for a, b in zip(picture.getpixel((3, 3)), ink, strict=True)
    )


def test_the_theme_can_be_changed(open_page):
    page = open_page(CHAPTER, color_scheme="light")
    for _ in range(3):
        if page.locator("html").get_attribute("data-theme") == "dark":
            break
        page.get_by_role("button", name="Color mode").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_search_finds_from_a_file(open_page):
    page = open_page("search.html?q=likelihood")
    expect(page.locator("#search-results li a").first).to_be_visible()


# The questions.


def choices(quiz):
    """Index of a right and of a wrong choice."""
    reasons = quiz.locator(".quiz-reason").all_text_contents()
    right = [text.strip().startswith("Right.") for text in reasons]
    return right.index(True), right.index(False)


def choose(page, quiz, index):
    """Go to a choice and check it, with the keyboard alone."""
    quiz.locator("input").first.focus()
    page.keyboard.press("Space")
    for _ in range(index):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def test_a_question_is_answered_by_keyboard(open_page):
    page = open_page(CHAPTER)
    quiz = page.locator(".quiz:not([data-predict]):has(input[type=radio])").first
    expect(quiz.get_by_role("radiogroup")).to_have_accessible_name(re.compile(r"\w+"))
    right, wrong = choices(quiz)
    choose(page, quiz, wrong)
    expect(quiz.locator(".quiz-reason:visible")).to_contain_text("Not quite.")
    expect(quiz.locator(".quiz-mark").nth(wrong)).to_have_text("✗ not quite")
    choose(page, quiz, right)
    expect(quiz.locator(".quiz-reason:visible")).to_contain_text("Right.")
    expect(quiz.locator(".quiz-mark").nth(wrong)).to_be_empty()
    expect(page.locator(".quiz-score")).to_contain_text("1 of")


def test_all_that_apply_must_be_selected(open_page):
    page = open_page(CHAPTER)
    quiz = page.locator(".quiz:has(input[type=checkbox])").first
    check_it = quiz.get_by_role("button", name="Check")
    check_it.click()
    expect(quiz.locator(".quiz-status")).to_have_text("Choose an answer first.")
    reasons = quiz.locator(".quiz-reason").all_text_contents()
    right = [i for i, text in enumerate(reasons) if text.strip().startswith("Right.")]
    quiz.locator("input").nth(right[0]).check()
    check_it.click()
    expect(quiz.locator(".quiz-status")).to_contain_text("there is more to select")
    for index in right:
        quiz.locator("input").nth(index).check()
    check_it.click()
    expect(quiz.locator(".quiz-status")).to_be_empty()
    expect(quiz).to_have_attribute("data-solved", "true")


def test_a_prediction_opens_the_output(open_page):
    page = open_page(CHAPTER)
    quiz = page.locator(".quiz[data-predict]").first
    output = page.locator("details.hide:has(.cell_output)").first
    expect(output.locator(".cell_output")).to_be_hidden()
    choose(page, quiz, choices(quiz)[1])
    expect(output.locator(".cell_output")).to_be_visible()


def test_names_of_inputs_are_unique(open_page):
    page = open_page(CHAPTER)
    ids = page.eval_on_selector_all(".quiz input", "inputs => inputs.map(i => i.id)")
    assert len(ids) == len(set(ids)) > 4


def test_it_reads_without_javascript(open_page):
    page = open_page(CHAPTER, java_script_enabled=False)
    expect(page.locator("article h1")).to_be_visible()
    expect(page.locator("section > div.math .katex-html").first).to_be_visible()
    choice = page.locator(".quiz > details").first
    expect(choice.locator(".katex, p").last).to_be_hidden()
    choice.locator("summary").click()
    expect(choice).to_contain_text(re.compile("Right|Not quite"))
    expect(choice.locator("p").last).to_be_visible()
    assert page.locator("button:visible").all_inner_texts() == []


def test_it_prints_with_its_folds_open(open_page):
    page = open_page(CHAPTER, color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.emulate_media(media="print")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("details.solution p").first).to_be_visible()
    expect(page.locator(".quiz-reason").first).to_be_visible()
    expect(page.locator(".bd-sidebar-primary")).to_be_hidden()
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 3
    assert b"/FontFile" in paper
