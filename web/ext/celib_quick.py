"""What makes the build quicker and its pages lighter, and changes nothing to see.

Sphinx and its extensions do some work again for every page, citation or word, and
mark up words of code that no style sheet knows. Each function here says what it
saves; without this extension the pages look the same.
"""

import functools

from pybtex import plugin
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, Name, Whitespace
from sphinx.highlighting import PygmentsBridge
from sphinx.search.en import SearchEnglish


def setup(app):
    """Register the extension."""
    remember_what_is_looked_up()
    app.connect("config-inited", leave_plain_code_plain)
    app.connect("builder-inited", read_side_by_side)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def remember_what_is_looked_up():
    """Do once what is done for every citation, word or listing, with one result."""
    # which package formats references: each time, all that are installed are searched
    plugin._load_entry_point = functools.cache(plugin._load_entry_point)
    # the stem of a word, for the search index
    SearchEnglish.stem = functools.cache(SearchEnglish.stem)
    make = PygmentsBridge.get_formatter
    made = {}

    def get_formatter(bridge, **options):
        key = bridge, repr(options)
        if key not in made:
            made[key] = make(bridge, **options)
        return made[key]

    PygmentsBridge.get_formatter = get_formatter


def read_side_by_side(app):
    """Vouch for two extensions that do not say whether pages can be read at once."""
    # one numbers the chapters when all are read, the other sees to LaTeX alone
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):
        app.extensions[name].parallel_read_safe = True


def leave_plain_code_plain(app, config):
    """Write no tags around parts of code that look like a name in both themes."""
    options = config.html_theme_options
    names = [options[f"pygments_{theme}_style"] for theme in ("light", "dark")]
    looks = [get_style_by_name(name).style_for_token for name in names]
    for kind in STANDARD_TYPES:
        if kind is Whitespace or all(look(kind) == look(Name) for look in looks):
            STANDARD_TYPES[kind] = ""
