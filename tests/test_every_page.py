"""Every page as a reader meets it: opened once from a file, offline, in a browser.

What one visit shows is gathered first, and each test reads its share of it.
"""

from dataclasses import dataclass, field

import pages as check
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

HEIGHT = 740
# Beside a phone, a tablet and a desktop, the last before the contents stand beside.
WIDTHS = [360, 768, 1199, 1440]
OPEN_FOLDS = """() => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
}"""
# The resize has arrived and been answered, and the fonts that it needs are there.
SETTLE = """async (width) => {
  const frame = () => new Promise(requestAnimationFrame);
  do await frame(); while (innerWidth !== width);
  document.body.getBoundingClientRect();
  await document.fonts.ready;
  await frame();
}"""
MEASURE = """() => {
  const count = (selector) => document.querySelectorAll(selector).length;
  return {
    maths: count(".math"),
    drawn: count(".math .katex-html, .math .katex > math"),
    broken: count(".katex-error"),
    unspoken: count(".katex:not(:has(math))"),
    spokenTwice: count(".katex-html:not([aria-hidden=true])"),
  };
}"""
# What reaches beyond the page, or beyond a box that hides what does not fit; what
# scrolls and can't be reached by keyboard; what moves for those who asked for rest.
CUT_OFF = """() => {
  const page = document.documentElement.clientWidth;
  const found = document.documentElement.scrollWidth > page ? ["the page scrolls"] : [];
  if (document.getAnimations().length) found.push("something moves");
  const parts = "article :not(.katex *, svg *), .bd-sidebar-secondary *, header *";
  const scrolls = (part) => getComputedStyle(part).overflowX !== "visible";
  const inReach = (part) => part.tabIndex >= 0 || part.querySelector("a[href], button");
  for (const part of document.querySelectorAll(parts)) {
    const { left, right, width } = part.getBoundingClientRect();
    const style = getComputedStyle(part);
    if (!width || style.visibility === "hidden") continue;
    const beyond = part.scrollWidth - part.clientWidth;
    // a pixel or two is what KaTeX's boxes stand out by
    if (["hidden", "clip"].includes(style.overflowX) && beyond > 4)
      found.push(part.outerHTML);
    if (["auto", "scroll"].includes(style.overflowX) && beyond > 1 && !inReach(part))
      found.push(`not by keyboard: ${part.outerHTML}`);
    if (left >= -1 && right <= page + 1) continue;
    let box = part.parentElement;
    while (box !== document.body && !scrolls(box)) box = box.parentElement;
    if (box === document.body) found.push(part.outerHTML);
  }
  const contents = document.querySelector(".bd-sidebar-secondary");
  if (contents && contents.scrollWidth > contents.clientWidth + 1)
    found.push("the page's contents");
  return found.slice(0, 5).map((part) => part.slice(0, 150));
}"""
# axe looks at every element by every rule, and most elements are signs of formulas and
# words of code. A formula becomes its text in MathML, which is what a screen reader
# gets. Code becomes one text, or where colours are looked at, once all of its colours
# have been met in such a place.
PLAIN = """(coloured) => {
  const says = "a, button, [aria-label], [href], [id], [role], [tabindex], [title]";
  const merge = (part) => {
    if (!part.querySelector(says)) part.textContent = part.textContent;
  };
  for (const drawn of document.querySelectorAll(".katex-html")) drawn.remove();
  for (const formula of document.querySelectorAll(".katex math")) merge(formula);
  const met = new Set();
  for (const code of document.querySelectorAll(".highlight pre")) {
    const place = code.closest("[class*=highlight-], .output")?.className;
    const colours = [...code.querySelectorAll("span[class]")];
    const before = met.size;
    for (const { className } of colours) met.add(`${place} ${className}`);
    if (!coloured || met.size === before) merge(code);
  }
}"""
# Style sheets are not to be fetched once more, which a page from a file may not do.
AXE = {"resultTypes": ["violations"], "preload": False}
# By far the slowest rule; all pages have one style sheet, so some are enough.
BUT_COLOURS = {**AXE, "rules": {"color-contrast": {"enabled": False}}}
COLOURS_AUDITED = {
    *("01-likelihood", "intro", "search", "genindex"),
    *("appendix-d-cheat-sheet", "appendix-e-reference"),
}


@dataclass
class Visit:
    """What opening a page asked for, complained of, and showed."""

    asked: list = field(default_factory=list)
    complaints: list = field(default_factory=list)
    measured: dict = field(default_factory=dict)
    cut_off: dict = field(default_factory=dict)
    violations: dict = field(default_factory=dict)

    def listeners(self):
        """Whom to call for each event of the page."""
        return {
            "request": lambda request: self.asked.append(request.url),
            "requestfailed": lambda request: self.complaints.append(request.url),
            "pageerror": lambda error: self.complaints.append(str(error)),
            "console": self.note,
        }

    def note(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def resize(page, width):
    """Give the page a width, and wait until it shows it."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.evaluate(SETTLE, width)


def violations(page, rules):
    """Rules of accessibility that the page breaks, and where."""
    found = Axe().run(page, None, rules).response["violations"]
    return {v["id"]: [n["target"] for n in v["nodes"]][:5] for v in found}


def visit(page, path):
    """Open one page, listen, measure it, and ask axe about it."""
    seen = Visit()
    listeners = seen.listeners()
    for event, listener in listeners.items():
        page.on(event, listener)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    page.goto(path.as_uri(), wait_until="load")
    seen.measured = page.evaluate(MEASURE)
    page.evaluate(OPEN_FOLDS)
    for width in WIDTHS:
        resize(page, width)
        if found := page.evaluate(CUT_OFF):
            seen.cut_off[width] = found
    coloured = path.stem in COLOURS_AUDITED
    page.evaluate(PLAIN, coloured)
    for theme in ["light", "dark"] if coloured else ["light"]:
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        if found := violations(page, AXE if coloured else BUT_COLOURS):
            seen.violations[theme] = found
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    return seen


@pytest.fixture(scope="module")
def visits(browser, site):
    """Every page, opened once at a phone's width without a network."""
    # sliding columns are measured where they come to rest
    context = browser.new_context(offline=True, reduced_motion="reduce")
    page = context.new_page()
    seen = {}
    for path in check.addresses(site):
        seen[path.stem] = visit(page, path)
        # what is still on its way is not asked for by the next page
        page.goto("about:blank")
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


def test_all_maths_is_spoken_once(visits):
    def wrong(seen):
        return seen.measured["unspoken"] + seen.measured["spokenTwice"]

    assert faults(visits, wrong) == {}


def test_nothing_is_cut_off(visits):
    assert faults(visits, lambda seen: seen.cut_off) == {}


def test_everyone_can_use_it(visits):
    assert faults(visits, lambda seen: seen.violations) == {}


def test_the_pages_whose_colours_are_checked_exist(visits):
    assert visits.keys() >= COLOURS_AUDITED
