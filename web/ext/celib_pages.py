"""What a page owes to others than its reader: search engines, screen readers, links.

This extension describes each page in its head, gives pictures their size, leads from
a source back to the chapters that cite it, and adds the page that stands for those
that do not exist.
"""

import re
from html import escape
from pathlib import Path

from docutils import nodes

PICTURE = re.compile(r'<img [^>]*?src="[^"]*?([^"/]+\.png)"')
NOT_FOUND = "404"
SORRY = """
<h1>Page not found</h1>
<p>There is no page at this address. It may have moved: look in the contents, or
<a href="search.html">search the book</a>. <a href="{front}">The book begins
here</a>.</p>
"""


def setup(app):
    """Register the extension."""
    app.connect("doctree-resolved", lead_back)
    app.connect("html-page-context", describe_page)
    app.connect("html-page-context", mend_body)
    app.connect("html-collect-pages", add_not_found)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def describe_page(app, pagename, templatename, context, doctree):
    """Describe the page by its one-sentence answer, or its first paragraph."""
    found = (
        [plain(node) for node in doctree.findall(nodes.paragraph)] if doctree else []
    )
    lead = "In one sentence."
    best = next((p for p in found if p.startswith(lead)), next(iter(found), ""))
    summary = best.removeprefix(lead).strip() or f"{app.config.html_title}: {pagename}"
    title = re.sub("<[^>]*>", "", context.get("title") or app.config.html_title)
    # what others show of a page that somebody links to
    shared = {
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "og:description": shorten(summary),
        "og:url": context.get("pageurl"),
    }
    tags = [f'<meta name="description" content="{escape(shorten(summary))}">']
    for name, content in shared.items():
        if content:
            tags.append(f'<meta property="{name}" content="{escape(content)}">')
    # Sphinx and docutils each write how wide a phone's page is
    others = re.sub(r'<meta name="viewport"[^>]*>', "", context.get("metatags") or "")
    if pagename == NOT_FOUND and context.get("pageurl"):
        # it is sent for any address, from which its links must not begin
        tags.insert(0, f'<base href="{escape(context["pageurl"])}">')
    context["metatags"] = "\n".join([others, *tags])


def plain(paragraph):
    """Return the paragraph's words on one line."""
    return re.sub(r"\s+", " ", paragraph.astext()).strip()


def shorten(sentence, width=200):
    """Cut at a word's end; search engines show about this much."""
    if len(sentence) <= width:
        return sentence
    return sentence[:width].rsplit(" ", 1)[0] + " …"


def mend_body(app, pagename, templatename, context, doctree):
    """Put right what Sphinx writes into the text of a page."""
    body = context.get("body") or ""
    # the role of an entry is out of use, and no list may hold it
    body = body.replace('role="doc-biblioentry"', 'role="listitem"')
    # a header cell that names nothing is no header
    body = body.replace('<th class="head"><p></p></th>', "<td></td>")
    files = {name: path for path, name in app.builder.images.items()}

    def sized(tag):
        width, height = size_of(Path(app.srcdir, files[tag[1]]))
        return f'{tag[0]} width="{width}" height="{height}" loading="lazy"'

    context["body"] = PICTURE.sub(sized, body)


def size_of(path):
    """Return the width and height in pixels that the head of a PNG file holds."""
    head = path.read_bytes()[:24]
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def lead_back(app, doctree, docname):
    """Name below each source the pages that cite it."""
    cite = app.env.get_domain("cite")
    sources = {citation.citation_id: citation.key for citation in cite.citations}
    for entry in doctree.findall(nodes.citation):
        places = first_places(cite, sources[entry["ids"][0]])
        if not places:
            continue
        paragraph = nodes.paragraph("", "Cited in ", classes=["cited"])
        for page, anchor in sorted(places.items(), key=lambda p: position(app.env, *p)):
            if len(paragraph) > 1:
                paragraph += nodes.Text(", ")
            target = app.builder.get_relative_uri(docname, page) + "#" + anchor
            name = name_of(app.env, page)
            paragraph += nodes.reference("", name, refuri=target, internal=True)
        paragraph += nodes.Text(".")
        entry += paragraph


def first_places(cite, key):
    """Return the pages that cite a source, each with the anchor of the first time."""
    places = {}
    for reference in cite.citation_refs:
        if key in {target.key for target in reference.targets}:
            places.setdefault(reference.docname, reference.citation_ref_id)
    return places


def position(env, page, anchor):
    """Return what sorts the pages: chapters by number, then the others."""
    return env.toc_secnumbers.get(page, {}).get("", (1000,)), page


def name_of(env, page):
    """Call a chapter by its number, another page by its title."""
    number = env.toc_secnumbers.get(page, {}).get("")
    return f"Chapter {number[0]}" if number else env.titles[page].astext()


def add_not_found(app):
    """Add the page that servers send where there is none."""
    text = SORRY.format(front=f"{app.config.root_doc}.html")
    yield NOT_FOUND, {"title": "Page not found", "body": text}, "page.html"
