"""What can be wrong with a built page: each check returns what it found."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

AWAY = re.compile(r"\s*(https?:)?//", re.IGNORECASE)
FORWARDS = re.compile(r"<meta[^>]+http-equiv=[\"']?refresh", re.IGNORECASE)
LOADING = ("src", "srcset", "poster", "data", "background")
IN_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"')\s;]+)", re.I)
IN_JS = re.compile(
    r"(?:\b(?:fetch|import|importScripts|open)\s*\([^)]{0,60}|\.(?:src|href)\s*=\s*)"
    r"[\"'`]((?:https?:)?//[^\"'`]+)"
)


def may_hold_a_dollar(tag):
    """Code, and the source that KaTeX keeps for screen readers."""
    return tag.name in {"pre", "code", "script", "style", "annotation"}


def read(path):
    """The page at `path`."""
    return BeautifulSoup(Path(path).read_text(encoding="utf-8"), "html.parser")


def addresses(site):
    """Where the pages of the site are, less the front door that only forwards."""
    found = sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)
    return [p for p in found if not FORWARDS.search(p.read_text(encoding="utf-8"))]


def documents(site):
    """The pages of the site, read."""
    return {path: read(path) for path in addresses(site)}


def forwards(page):
    """Where a page sends its visitor at once, if it does."""
    tag = page.find("meta", attrs={"http-equiv": re.compile("refresh", re.I)})
    return tag and tag["content"].partition("url=")[2]


def third_parties(page):
    """Addresses elsewhere that opening the page would fetch."""
    found = [t[a] for a in LOADING for t in page.find_all(attrs={a: AWAY})]
    found += [link["href"] for link in page.find_all("link", href=AWAY)]
    styles = [tag.get_text() for tag in page.find_all("style")]
    styles += [tag["style"] for tag in page.find_all(style=True)]
    scripts = [tag.get_text() for tag in page.find_all("script")]
    return found + IN_CSS.findall("\n".join(styles)) + IN_JS.findall("\n".join(scripts))


def third_parties_of(path):
    """Addresses elsewhere that a style sheet or script would fetch."""
    text = path.read_text(encoding="utf-8")
    return (IN_CSS if path.suffix == ".css" else IN_JS).findall(text)


def unseen_pictures(page):
    """Pictures that say nothing to a reader who can't see them."""
    return [i.get("src") for i in page.find_all("img") if not i.get("alt", "").strip()]


def pictures_that_push(page):
    """Pictures whose room is not known before they come, or that come too early."""
    owed = ("width", "height", "loading")
    pictures = page.select("article img")
    return [i.get("src") for i in pictures if not all(map(i.has_attr, owed))]


def literal_commands(page):
    """Commands of LaTeX that stand in the text as they are."""
    article = page.select_one("article")
    command = re.compile(r"\\[a-z]{3,}")
    found = article.find_all(string=command) if article else []
    return [t.strip() for t in found if not t.find_parent(may_hold_a_dollar)]


def bare_figures(page):
    """Figures without a caption, and pictures of cells that are no figures."""
    found = [
        f.get("id", "figure")
        for f in page.find_all("figure")
        if len(f.find("figcaption").get_text() if f.find("figcaption") else "") < 15
    ]
    pictures = page.select(".cell_output img")
    return found + [i.get("src") for i in pictures if not i.find_parent("figure")]


def open_solutions(page):
    """Code of solutions that stands outside their fold."""
    cells = page.select(".cell.tag_solution")
    return [
        c.get_text()[:60] for c in cells if not c.find_parent("details", "solution")
    ]


def stray_dollars(page):
    """Prose in which a formula was left unset."""
    article = page.select_one("article")
    found = article.find_all(string=re.compile(r"\$")) if article else []
    return [t.strip() for t in found if not t.find_parent(may_hold_a_dollar)]


def faults_of_head(page):
    """What a page owes to search engines and screen readers."""
    description = page.find("meta", attrs={"name": "description"})
    owed = {
        "title": page.title and page.title.get_text().strip(),
        "language": page.html.get("lang"),
        "description": description and len(description.get("content", "")) > 20,
        "one viewport": len(page.find_all("meta", attrs={"name": "viewport"})) == 1,
        "one h1": len(page.find_all("h1")) == 1,
        "main": page.find("main"),
    }
    return [name for name, kept in owed.items() if not kept]


def words_not_shared(page):
    """What a page of the book lacks for those who link to it elsewhere."""
    names = ("type", "site_name", "title", "description")
    return [name for name in names if not page.find("meta", property=f"og:{name}")]


def repeated_ids(page):
    """Anchors that stand twice."""
    counts = Counter(tag["id"] for tag in page.find_all(id=True))
    return [name for name, times in counts.items() if times > 1]


def repository_links(page):
    """Buttons and links that need an address of the repository."""
    wrong = re.compile(r"undefined|None/|/edit/|/issues/new|executablebooks")
    found = [a["href"] for a in page.find_all("a", href=wrong)]
    buttons = page.select("[class*=source-], [class*=launch-], [class*=repository]")
    return found + [" ".join(b["class"]) for b in buttons]


def anchors(pages):
    """The names of the places that a link can go to, page by page."""
    return {path: {t["id"] for t in p.find_all(id=True)} for path, p in pages.items()}


def dead_ends(path, page, places):
    """Links and files of a page that lead nowhere on the site."""
    tags = page.find_all(href=True) + page.find_all(src=True)
    addresses = {tag.get("href") or tag.get("src") for tag in tags}
    return [a for a in sorted(addresses) if not leads(a, path, places)]


def leads(address, path, places):
    """Tell whether a local address has its file and its anchor."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    anchor = unquote(parts.fragment)
    return target.is_file() and (not anchor or anchor in places.get(target, {anchor}))
