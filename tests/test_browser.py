"""What a reader does on a page, in a real browser: from a file, offline."""

import io
import re
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

PHONE = {"width": 360, "height": 740}
CHAPTER = "chapters/01-likelihood.html"
LAST = "appendix-e-reference"


@pytest.fixture
def open_page(browser, site):
    """Open a page of the site in a window of its own, cut off from the network."""
    contexts = []

    def opened(name, **options):
        # what slides or fades is looked at where it comes to rest
        context = browser.new_context(offline=True, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{site.as_uri()}/{name}")
        return page

    yield opened
    for context in contexts:
        context.close()


def colour(page, selector, name):
    """Red, green and blue, and how opaque: 1 where it is not said."""
    script = "(part, name) => getComputedStyle(part)[name]"
    value = page.locator(selector).first.evaluate(script, name)
    parts = [float(part) for part in re.findall(r"[\d.]+", value)]
    return parts if len(parts) == 4 else [*parts, 1.0]


def luminance(rgb):
    parts = [c / 255 for c in rgb[:3]]
    light = [c / 12.92 if c <= 0.04 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


def contrast(page, selector, behind):
    """The ratio of WCAG between a text and what it stands on."""
    first = luminance(colour(page, selector, "color"))
    second = luminance(colour(page, behind, "backgroundColor"))
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_small_print_can_be_read(theme, open_page):
    page = open_page("search.html", color_scheme=theme)
    assert contrast(page, ".skip-link a", ".skip-link") >= 4.5
    assert contrast(page, ".bd-search .search-button__kbd-shortcut", "body") >= 4.5


@pytest.mark.parametrize("width", [360, 768, 1199])
def test_the_drawer_hides_what_is_behind_it(width, open_page):
    page = open_page(CHAPTER, viewport={"width": width, "height": 740})
    page.get_by_role("button", name="Toggle secondary sidebar").click()
    assert colour(page, "dialog[open]", "backgroundColor")[3] == 1


def test_the_contents_show_the_current_page_and_keep_the_search(open_page):
    page = open_page(f"chapters/{LAST}.html", viewport={"width": 1440, "height": 740})
    expect(page.locator(".bd-sidebar-primary li.current > a")).to_be_in_viewport()
    assert page.locator(".bd-sidebar-primary").evaluate("part => part.scrollTop") > 0
    expect(page.locator(".book-search")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [360, 1440])
def test_the_header_covers_the_code_that_passes_below_it(width, open_page):
    page = open_page(CHAPTER, viewport={"width": width, "height": 740})
    header = page.locator(".bd-header-article").bounding_box()
    code = page.locator(".cell_input").first.bounding_box()
    assert header["x"] <= code["x"]
    assert header["x"] + header["width"] >= code["x"] + code["width"]


def test_a_figure_takes_a_phone_s_whole_width(open_page):
    page = open_page(CHAPTER, viewport=PHONE)
    # drawn 5.6 inches wide with words of 10.5 to 13 points
    assert page.locator("figure img").first.bounding_box()["width"] == PHONE["width"]


def test_the_dark_theme_shows_figures_in_the_colours_that_captions_name(open_page):
    shown = []
    for theme in ("light", "dark"):
        page = open_page("chapters/18-large-vocabularies.html", color_scheme=theme)
        figure = page.locator("#fig-two-cuts img")
        # it is loaded when it comes into sight
        figure.scroll_into_view_if_needed()
        figure.evaluate("picture => picture.decode()")
        picture = Image.open(io.BytesIO(figure.screenshot())).convert("RGB")
        shown.append(np.asarray(picture.resize((40, 20))).min(axis=-1))
    light, dark = shown
    # dimmed, and a little smaller; not turned into its opposite
    assert dark[light > 240].min() > 150


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


QUERIES = {
    "softmax": "5. Softmax and logits",
    "cross-entropy": "2. Cross-entropy",
    "KL divergence": "4. KL divergence",
    "perplexity": "17. Language models",
    "label smoothing": "14. Soft labels",
    "focal loss": "13. Imbalance",
    "why is my loss nan": "9. Numbers > Why is my loss NaN?",
}


def test_search_puts_the_page_about_a_thing_first(open_page, site):
    page = open_page("search.html")
    for query, best in QUERIES.items():
        page.goto(f"{site.as_uri()}/search.html?q={quote(query)}")
        first = page.locator("#search-results li a").first
        expect(first, query).to_have_text(best)


def test_search_quotes_prose(site, browser):
    # excerpts are fetched, which a page from a file may not do
    context = browser.new_context()
    home = "http://book.test/"
    context.route(
        f"{home}**",
        lambda route: route.fulfill(path=site / urlsplit(route.request.url).path[1:]),
    )
    page = context.new_page()
    # until the last excerpt is there
    page.goto(f"{home}search.html?q=softmax", wait_until="networkidle")
    excerpts = page.locator("#search-results p.context")
    expect(excerpts.nth(5)).to_be_visible()
    words = " ".join(excerpts.all_text_contents())
    context.close()
    assert "softmax" in words
    assert not re.search(r"\bimport \w|\bdef \w|\\[a-z]{3}|\w\(\w+=", words)


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
    expect(page.locator(".equation div.math .katex-html").first).to_be_visible()
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
    expect(page.locator("details.above-input").first).to_be_hidden()
    # else a long block leaves half a page empty before it
    code = page.locator(".cell_input pre").first
    expect(code).to_have_css("break-inside", "auto")
    expect(code).to_have_css("overflow-x", "visible")
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 3
    assert b"/FontFile" in paper
