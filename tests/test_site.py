"""The built site, page by page: whole, self-contained, and findable."""

import re
import sys
from types import SimpleNamespace

import pages as check
import pytest
import yaml

from chapters import NOTEBOOKS, ROOT, read

sys.path.append(str(ROOT / "web" / "ext"))
import celib_maths

pytestmark = pytest.mark.slow

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
LISTED = [c["file"] for part in TOC["parts"] for c in part["chapters"]]


@pytest.fixture(scope="module")
def pages(site):
    return check.documents(site)


def complaints(pages, find):
    """What `find` found, page by page."""
    found = {path.stem: find(page) for path, page in pages.items()}
    return {name: list(wrong) for name, wrong in found.items() if wrong}


@pytest.mark.parametrize(
    "find",
    [
        check.third_parties,
        check.unseen_pictures,
        check.pictures_that_push,
        check.literal_commands,
        check.bare_figures,
        check.open_solutions,
        check.stray_dollars,
        check.faults_of_head,
        check.words_not_shared,
        check.repeated_ids,
    ],
    ids=lambda f: f.__name__,
)
def test_no_page_has(find, pages):
    assert complaints(pages, find) == {}


def test_no_style_sheet_or_script_fetches_from_elsewhere(site):
    files = [*site.rglob("*.css"), *site.rglob("*.js")]
    found = {f.name: check.third_parties_of(f) for f in files}
    assert len(files) > 10
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_every_link_leads_somewhere(pages):
    places = check.anchors(pages)
    found = {p.stem: check.dead_ends(p, page, places) for p, page in pages.items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_every_listed_page_is_built(pages, site):
    assert {site / f"{name}.html" for name in [TOC["root"], *LISTED]} <= set(pages)


def test_the_front_door_opens(site):
    assert (site / check.forwards(check.read(site / "index.html"))).is_file()


@pytest.mark.skipif(bool(CONFIG["repository"]["url"]), reason="an address is given")
def test_without_an_address_nothing_points_to_a_repository(pages):
    assert complaints(pages, check.repository_links) == {}


def test_the_footer_shows_the_book_s_year(pages):
    year = str(CONFIG["copyright"])
    assert int(year) >= 2026
    for page in pages.values():
        assert f"Copyright {year}" in page.select_one("footer.bd-footer-content").text


FAULTS = [
    (check.third_parties, '<script src="https://cdn.example/a.js"></script>'),
    (check.third_parties, '<img srcset="//cdn.example/a.png 2x">'),
    (check.third_parties, '<link rel="preconnect" href="https://fonts.example">'),
    (check.third_parties, "<style>@import 'https://cdn.example/a.css';</style>"),
    (check.third_parties, '<p style="background: url(//cdn.example/a.png)"></p>'),
    (check.third_parties, '<script>fetch("https://cdn.example/a.json")</script>'),
    (check.unseen_pictures, '<img src="a.png">'),
    (check.unseen_pictures, '<img src="a.png" alt=" ">'),
    (check.pictures_that_push, '<article><img src="a.png" alt="a"></article>'),
    (check.literal_commands, r"<article><p>log \textbar a</p></article>"),
    (check.bare_figures, '<figure id="fig-a"><img src="a.png"></figure>'),
    (check.bare_figures, '<div class="cell_output"><img src="a.png"></div>'),
    (check.open_solutions, '<div class="cell tag_solution">print(1)</div>'),
    (check.stray_dollars, "<article><p>where $$p$$ is</p></article>"),
    (check.faults_of_head, '<html lang="en"><title>A</title><h1>A</h1></html>'),
    (check.words_not_shared, '<meta property="og:title" content="A">'),
    (check.repeated_ids, '<p id="a"></p><p id="a"></p>'),
    (check.repository_links, '<a href="https://host.example/undefined/undefined">'),
    (check.repository_links, '<div class="dropdown dropdown-source-buttons"></div>'),
]


@pytest.mark.parametrize(("find", "bad"), FAULTS)
def test_each_check_finds_its_fault(find, bad):
    assert find(check.BeautifulSoup(bad, "html.parser"))


def test_code_may_hold_a_dollar_and_links_may_leave():
    good = '<article><code>$</code> <a href="https://example.org">there</a></article>'
    page = check.BeautifulSoup(good, "html.parser")
    assert not check.stray_dollars(page)
    assert not check.third_parties(page)


def test_a_dead_link_is_found(tmp_path):
    path = tmp_path / "a.html"
    path.write_text('<p id="here"></p><a href="#here"><a href="#not"><a href="b.html">')
    page = check.read(path)
    assert check.dead_ends(path, page, check.anchors({path: page})) == [
        "#not",
        "b.html",
    ]


def test_a_page_names_its_address_if_there_is_one(pages):
    address = CONFIG["html"]["baseurl"]
    for page in pages.values():
        links = page.find_all("link", rel="canonical")
        assert [link["href"].startswith(address) for link in links] == (
            [True] if address else []
        )


def test_a_page_that_does_not_exist_leads_on(pages, site):
    page = pages[site / "404.html"]
    assert page.h1.text == "Page not found"
    links = [link["href"] for link in page.select("article a")]
    assert links == ["search.html", "intro.html"]


def test_it_leads_on_from_any_folder(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "web" / "ext")
    import celib_pages

    config = SimpleNamespace(html_title="Book", root_doc="intro")
    context = {"pageurl": "https://book.example/404.html", "metatags": ""}
    app = SimpleNamespace(config=config)
    celib_pages.describe_page(app, "404", "page.html", context, None)
    head = check.BeautifulSoup(context["metatags"], "html.parser")
    assert head.base["href"] == "https://book.example/404.html"


def test_every_source_names_the_pages_that_cite_it(pages, site):
    sources = pages[site / "bibliography.html"].select(".citation")
    assert len(sources) > 50
    for source in sources:
        assert source.select(".cited a"), source.text


def test_every_term_of_the_glossary_leads_to_its_chapter(pages, site):
    for meaning in pages[site / "glossary.html"].select("dl.glossary > dd"):
        assert meaning.select("a[href^='chapters/']"), meaning.text


def test_every_term_of_the_glossary_is_defined(site):
    terms = check.read(site / "glossary.html").select("dl.glossary > dt")
    assert terms
    for term in terms:
        meaning = term.find_next_sibling()
        assert meaning.name == "dd", term.text
        assert len(meaning.text.split()) >= 8, term.text


def test_the_index_leads_to_questions_and_claims(site):
    page = check.read(site / "genindex.html")
    entries = {link.text: link["href"] for link in page.select(".indextable a")}
    for path in NOTEBOOKS:
        for cell in read(path)["cells"]:
            for entry in cell["metadata"].get("index", []):
                assert entry.partition(";")[0] in page.text, f"{path.stem}: {entry}"
    for href in entries.values():
        name, _, anchor = href.partition("#")
        assert f'id="{anchor}"' in (site / name).read_text("utf-8"), href


# The formulas.


@pytest.mark.parametrize(
    ("latex", "found"),
    [
        (r"y \log z", r"<mi>y</mi><mspace[^>]*></mspace><mi>log</mi>"),
        (r"\log z", r"</mo><mspace[^>]*></mspace><mi>z</mi>"),
        (r"f(-x)", r'<mo form="prefix">\u2212</mo>'),
        (r"f(x) - 1", r"<mo>\u2212</mo>"),
        (r"\left(x\right)", r'<mo stretchy="false">\(</mo><mi>x'),
        (r"\left(\frac12\right)", r'<mo fence="true">\(</mo><mfrac>'),
    ],
)
def test_the_browser_is_told_how_to_space_a_formula(latex, found):
    assert re.search(found, celib_maths.draw(latex, False, "mathml"))


def test_a_formula_that_does_not_parse_is_refused():
    for _ in range(2):
        with pytest.raises(ValueError, match=r"Undefined control sequence.*\\nosuch"):
            celib_maths.draw(r"\nosuch{x}", True, "htmlAndMathml")


def test_a_formula_is_drawn_once():
    asked = celib_maths.draw.cache_info().misses
    for _ in range(3):
        celib_maths.draw(r"a + b + c", False, "htmlAndMathml")
    assert celib_maths.draw.cache_info().misses == asked + 1
