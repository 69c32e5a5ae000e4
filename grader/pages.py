"""What the grader's HTML pages share: escaping, the frame, numbers and tables."""

import hashlib
import html
import re

# Nothing runs and nothing is fetched, whatever a student's text might hold.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
# Control characters, marks that turn the reading direction, and lone surrogates,
# which can't be written to a file.
UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    r"\ud800-\udfff]"
)

STYLE = """
:root {
  --paper: #fffefc; --tint: #f6f4ef; --ink: #24272c; --soft: #5a616b; --line: #ddd9d0;
  --blue: #1c5789; --green: #2a6b47; --red: #a2392a; --amber: #865500;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181c; --tint: #1f2227; --ink: #dcdad5; --soft: #a2a7ae;
    --line: #383d45; --blue: #8cbbea; --green: #7fc79c; --red: #f1a093;
    --amber: #e0b25c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", sans-serif; overflow-wrap: anywhere;
}
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .5rem 0; }
a { color: var(--blue); }
.soft { color: var(--soft); }
.head { border-bottom: 1px solid var(--line); padding-bottom: .9rem; }
.head p { margin: 0; }
.total { font-size: 1.35rem; margin: 1.2rem 0 0; }
.total strong { font-size: 1.9rem; }
.note {
  border-left: 4px solid var(--blue); background: var(--tint);
  padding: .6rem .9rem; margin: 1.2rem 0;
}
.note.warn { border-color: var(--amber); }
.note p { margin: .3rem 0; }
.row { display: flex; flex-wrap: wrap; gap: 0 .5rem; align-items: baseline; }
.points {
  margin-left: auto; font-size: 1rem; font-weight: normal; color: var(--soft);
}
pre {
  background: var(--tint); border: 1px solid var(--line); border-radius: 4px;
  padding: .6rem .8rem; margin: .5rem 0; white-space: pre-wrap;
  font: .85rem/1.45 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
caption { text-align: left; color: var(--soft); padding: .3rem 0; }
th, td {
  text-align: left; vertical-align: top; padding: .4rem .7rem .4rem 0;
  border-bottom: 1px solid var(--line);
}
th { font-weight: 600; }
thead th { overflow-wrap: normal; }
tbody th { min-width: 8.5rem; }
td:last-child:not(.number) { min-width: 12rem; }
td code { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
@media print { .note, pre { break-inside: avoid; } }
"""


def clean(text: str) -> str:
    """Return a text without characters that hide, turn or break what follows."""
    return UNSAFE.sub("\ufffd", str(text).replace("\r\n", "\n"))


def escape(text: str) -> str:
    """Return any text as HTML, to stand between tags or in a quoted attribute."""
    return html.escape(clean(text))


def page(title: str, body: str, description: str, style: str = "") -> str:
    """Return a page that needs nothing else: no script, no font, no request.

    Parameters
    ----------
    title, description : str
        Plain text.
    body : str
        HTML.
    style : str
        CSS that this page needs besides.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{escape(description)}">
<meta name="robots" content="noindex">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def head(task, line: str) -> str:
    """Return the top of a page: the assignment's title, and whom it is about."""
    return (
        f'<header class="head"><p class="soft">{escape(task.name)}, due '
        f"{escape(task.due)}</p><h1>{escape(task.title)}</h1>"
        f"<p>{escape(line)}</p></header>"
    )


def note(lines, kind: str = "") -> str:
    """Return a box that holds lines of HTML."""
    inside = "".join(f"<p>{line}</p>" for line in lines)
    return f'<div class="note {kind}">{inside}</div>'


def table(caption: str, columns: list[str], rows: list[list[str]]) -> str:
    """Return a table; the first cell of a row names it.

    Parameters
    ----------
    caption : str
        Plain text, which also names the region that scrolls on a phone.
    columns : list of str
        Plain text; a leading ``#`` marks a column of numbers.
    rows : list of list of str
        HTML.
    """
    kinds = [' class="number"' if name.startswith("#") else "" for name in columns]
    names = [escape(name.removeprefix("#")) for name in columns]
    top = "".join(
        f'<th scope="col"{kind}>{name}</th>'
        for kind, name in zip(kinds, names, strict=True)
    )
    body = ""
    for row in rows:
        cells = [f'<th scope="row"{kinds[0]}>{row[0]}</th>']
        for kind, cell in zip(kinds[1:], row[1:], strict=True):
            cells.append(f"<td{kind}>{cell}</td>")
        body += f"<tr>{''.join(cells)}</tr>\n"
    name = escape(caption)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">'
        f"<table><caption>{name}</caption>"
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def number(value: float) -> str:
    """Return points without needless digits."""
    return f"{round(float(value), 2):g}"


def points(value: float) -> str:
    """Return a number of points in words: 1 point, 2.5 points."""
    return f"{number(value)} point{'' if number(value) == '1' else 's'}"


def anchor(name: str) -> str:
    """Return an identifier that any name can be linked by."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    if plain == name:
        return f"of-{name}"
    return f"of-{plain[:40]}-{hashlib.sha256(clean(name).encode()).hexdigest()[:8]}"


def heading(task, question: str) -> str:
    """Return a question's heading as students know it, or its name."""
    number = re.escape(question.removeprefix("q"))
    pattern = re.compile(
        rf"^#+ *(Question {number}\b[^\n]*?) *(\([^()\n]*\))? *$", re.M
    )
    for cell in task.released:
        if match := pattern.search(cell):
            return match[1]
    return question
