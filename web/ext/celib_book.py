"""Chapters as pages: what a notebook holds, put where Sphinx looks for it.

celib's helpers write captions, alt texts and proved equations into the outputs, where
nbval compares them; MyST-NB reads cell metadata. This extension carries them across,
makes a proved string the numbered equation, and moves a solution's code into its fold.

The notebooks are also read in plain Jupyter, which shows directives as raw text: so
index entries stand in a cell's metadata, not in `{index}`, and a solution is HTML that
folds there too, followed by cells that run, not a directive of sphinx-exercise.
"""

import json
import sys
from pathlib import Path

from docutils import nodes
from nbformat.v4 import new_markdown_cell

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import results

FIGURE = "application/vnd.celib.figure+json"
PROOF = "application/vnd.celib.proof+json"
SOLUTION = '<details class="solution">'
END = "</details>"
EARLIER = (
    "{{.earlier}}\nThese figures were measured with an earlier version of `celib`, "
    "on {date}."
)


def setup(app):
    """Register the extension."""
    # Jupyter Book sets this even when the extension that knows it is left out.
    app.add_config_value("comments_config", {}, "html")
    app.connect("config-inited", offer_repository)
    app.connect("source-read", read_notebook)
    app.connect("doctree-read", hold_punctuation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def offer_repository(app, config):
    """Show the repository's buttons if, and only if, there is an address."""
    options = config.html_theme_options
    known = bool(options.get("repository_url"))
    for button in ("repository", "issues", "edit_page"):
        options[f"use_{button}_button"] = known


def read_notebook(app, docname, source):
    """Rewrite a notebook between its file and the parser."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    # The chapters are plain Python, though their kernel would know more.
    notebook["metadata"]["language_info"] = {"name": "python"}
    for cell in notebook["cells"]:
        if entries := cell["metadata"].get("index"):
            enter_index(cell, entries)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if FIGURE in data:
                caption_figure(cell, data[FIGURE])
            if PROOF in data:
                show_equation(cell, data)
    cells = list(note_earlier_results(notebook["cells"]))
    notebook["cells"] = fold_solutions(merge_hidden(cells))
    source[0] = json.dumps(notebook)


def enter_index(cell, entries):
    """Put a Markdown cell's entries, kept in its metadata, into the book's index."""
    lines = "".join(f"```{{index}} single: {entry}\n```\n\n" for entry in entries)
    cell["source"] = lines + text(cell["source"])


def caption_figure(cell, figure):
    """Give the cell the caption, name and alt text that its figure carries."""
    cell["metadata"]["mystnb"] = {
        "figure": {"name": figure["name"], "caption": text(figure["caption"])},
        "image": {"alt": text(figure["alt"])},
    }


def show_equation(cell, data):
    """Make a proved string the numbered equation, and fold the cell that proved it."""
    record = data[PROOF]
    tags = cell["metadata"].setdefault("tags", [])
    if "hide-input" not in tags:
        tags.append("hide-input")
    prompts = {"code_prompt_show": "Proof", "code_prompt_hide": "Proof"}
    cell["metadata"].setdefault("mystnb", {}).update(prompts)
    kind = "definition" if record["kind"] == "definition" else "proved"
    lines = [
        f":::::{{container}} equation {kind}",
        f"$$\n{record['latex']}\n$$ ({record['label']})",
        "",
        condition_line(record),
        ":::::",
    ]
    data["text/markdown"] = "\n".join(lines) + "\n"


VERDICTS = {
    "any K": "Proved for any {}",
    "no K": "Proved",
    "instances": "Checked for $K$ = 2 to 6, not proved",
    "definition": "Definition",
}


def condition_line(record):
    """Say in one line how far an equation is proved, and under what conditions."""
    sizes = " and ".join(f"${size}$" for size in record["sizes"])
    verdict = VERDICTS[record["kind"]].format(sizes)
    return "; ".join(filter(None, [verdict, record["conditions"]]))


def note_earlier_results(cells):
    """Say below a benchmark's stored result if celib has changed since."""
    for cell in cells:
        yield cell
        for name in results.NAMES:
            if shows_result(cell, name):
                result = results.load(name)
                if results.is_stale(name, result):
                    yield new_markdown_cell(EARLIER.format(date=result["date"]))


def shows_result(cell, name):
    """Whether it is a cell of code that reads the result of that name."""
    source = text(cell["source"])
    reads = f'{name}.json"' in source or f'stored("{name}")' in source
    return cell["cell_type"] == "code" and reads


def merge_hidden(cells):
    """Join code that is folded away and shows nothing to the code that follows it."""
    merged = []
    for cell in cells:
        before = merged[-1] if merged else {}
        if is_hidden(before) and is_hidden(cell) and not before["outputs"]:
            cell["source"] = f"{text(before['source'])}\n{text(cell['source'])}"
            merged.pop()
        merged.append(cell)
    return merged


def is_hidden(cell):
    """Whether the page folds the cell's code away."""
    return "hide-input" in cell.get("metadata", {}).get("tags", [])


def fold_solutions(cells):
    """Move code cells tagged `solution` into the fold that precedes them."""
    folded = []
    for index, cell in enumerate(cells):
        source = text(cell["source"]).rstrip()
        runs = is_solution(cells[index + 1 : index + 2])
        if cell["cell_type"] == "markdown" and SOLUTION in source and runs:
            cell["source"] = source.removesuffix(END)
        folded.append(cell)
        if is_solution([cell]) and not runs:
            folded.append(new_markdown_cell(END))
    return folded


def is_solution(cells):
    """Tell whether there is a cell and it is a solution's code."""
    return bool(cells) and "solution" in cells[0]["metadata"].get("tags", [])


def text(value):
    """Join the lines of a notebook's string."""
    return value if isinstance(value, str) else "".join(value)


def hold_punctuation(app, doctree):
    """Keep a comma on the line of the formula before it."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and after[0] in ",.;:!?)":
            after.parent.replace(after, nodes.Text(after[1:]))
            held = nodes.inline("", "", classes=["held"])
            formula.replace_self(held)
            held += [formula, nodes.Text(after[0])]
