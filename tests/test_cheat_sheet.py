"""Appendix D: one sheet of A4, and every formula on it leads to its proof."""

import re

import pages as check
import pytest

from celib.book import ledger
from chapters import FOLDER

pytestmark = pytest.mark.slow

NAME = "chapters/appendix-d-cheat-sheet.html"
NUMBERED = {e.label for e in ledger(FOLDER)}
# A4 less the margins of the style sheet's `@page sheet`, in CSS pixels.
PAPER = {"width": round((210 - 18) / 25.4 * 96), "height": round(283 / 25.4 * 96)}
FAULTS = """() => {
  const found = [], sheet = document.querySelector("#cheat-sheet");
  for (const box of sheet.querySelectorAll("section")) {
    const { left, right } = box.getBoundingClientRect();
    for (const part of box.querySelectorAll("table, td, th, p, code, .katex-html")) {
      const at = part.getBoundingClientRect();
      if (at.width && (at.left < left - 1 || at.right > right + 1))
        found.push(`wider than its column: ${part.textContent.slice(0, 60)}`);
    }
  }
  const walk = document.createTreeWalker(sheet, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, holder = text.parentElement;
    const maths = holder.closest(".katex");
    const size = parseFloat(getComputedStyle(maths || holder).fontSize);
    if (text.data.trim() && holder.checkVisibility() && size < 9.99)
      found.push(`smaller than 7.5 points: ${text.data.slice(0, 60)}`);
  }
  for (const cell of sheet.querySelectorAll(".cell_input, details"))
    if (cell.checkVisibility()) found.push("code is printed");
  return found;
}"""


@pytest.fixture
def sheet(browser, site):
    context = browser.new_context(viewport=PAPER, offline=True)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{NAME}")
    yield page
    context.close()


def printed(page):
    """How many sheets it takes, and of what size in points."""
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    sizes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)", paper)
    number = len(re.findall(rb"/Type\s*/Page\b", paper))
    return number, {tuple(round(float(x)) for x in size) for size in sizes}


def test_it_prints_on_one_sheet_of_a4(sheet):
    assert printed(sheet) == (1, {(595, 842)})


def test_there_is_room_for_fonts_that_are_a_little_larger(sheet):
    sheet.add_style_tag(content="h1 { padding-bottom: 5mm }")
    assert printed(sheet)[0] == 1
    sheet.add_style_tag(content="h1 { padding-bottom: 30mm }")
    assert printed(sheet)[0] == 2


def test_nothing_is_cut_or_too_small_to_read(sheet):
    sheet.emulate_media(media="print")
    assert sheet.evaluate(FAULTS) == []


@pytest.mark.parametrize(
    ("style", "fault"),
    [
        ("#slopes td { padding-left: 20em !important }", "wider"),
        ("#slopes td { font-size: 9px }", "smaller"),
        ("details.hide { display: block !important }", "printed"),
    ],
)
def test_the_faults_are_seen(sheet, style, fault):
    twice = "#cheat-sheet#cheat-sheet"  # outranks the style sheet
    sheet.emulate_media(media="print")
    sheet.add_style_tag(content=f"@media print {{ {twice} {style} }}")
    assert any(fault in found for found in sheet.evaluate(FAULTS))


def unproved(page):
    """Formulas of the sheet in whose row no number leads to a settled equation."""
    for formula in page.select("#cheat-sheet span.math, #cheat-sheet div.math"):
        row = formula.find_parent("tr")
        links = row.find_all("a", href=True) if row else []
        labels = {link["href"].partition("#equation-")[2] for link in links}
        if not labels & NUMBERED:
            yield formula.get_text()[:40]


def test_every_formula_leads_to_its_proof(site):
    page = check.read(site / NAME)
    assert page.select("#cheat-sheet .math")
    assert list(unproved(page)) == []


def test_a_formula_without_a_proof_is_found():
    row = '<tr><td><span class="math">x</span></td><td>{}</td></tr>'
    for link in ("", '<a href="01-likelihood.html#equation-eq-no-such">(1.99)</a>'):
        text = f'<section id="cheat-sheet"><table>{row.format(link)}</table></section>'
        assert list(unproved(check.BeautifulSoup(text, "html.parser"))) == ["x"]
