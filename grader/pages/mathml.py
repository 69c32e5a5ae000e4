"""Formulas as MathML, which browsers draw without a script, a font or a request.

It reads the LaTeX that students type in a derivation. A formula with anything else in
it is left as it was typed.
"""
# ruff: noqa: RUF001, the signs are meant

import re

from markupsafe import Markup, escape

LONGEST, DEEPEST = 2000, 30
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.S)


def _pairs(text):
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


LETTERS = _pairs("""
    alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ
    vartheta ϑ iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ
    upsilon υ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ
    Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω ell ℓ infty ∞ partial ∂ nabla ∇ emptyset ∅
""")
SIGNS = _pairs("""
    cdot ⋅ times × div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ odot ⊙ oplus ⊕ otimes ⊗ le ≤
    leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ ll ≪ gg ≫ approx ≈ equiv ≡ sim ∼ propto ∝ coloneqq ≔
    to → rightarrow → leftarrow ← mapsto ↦ Rightarrow ⇒ implies ⇒ Leftrightarrow ⇔
    iff ⇔ in ∈ notin ∉ subset ⊂ subseteq ⊆ cup ∪ cap ∩ forall ∀ exists ∃ neg ¬
    land ∧ lor ∨ mid | vert | Vert ‖ parallel ∥ langle ⟨ rangle ⟩ lbrace { rbrace }
    perp ⟂ ldots … dots … cdots ⋯ vdots ⋮ therefore ∴ because ∵ sum ∑ prod ∏ int ∫
""")
DOUBLE = {"R": "ℝ", "E": "𝔼", "P": "ℙ", "N": "ℕ", "Z": "ℤ", "1": "𝟙"}
FUNCTIONS = {"log", "ln", "exp", "min", "max", "arg", "lim", "sup", "inf", "Pr", "det"}
FUNCTIONS |= {"sin", "cos", "tan", "tanh"}
ABOVE = {"hat": "^", "bar": "¯", "overline": "¯", "tilde": "~", "vec": "→", "dot": "˙"}
SPACES = {",": ".17em", ":": ".22em", ";": ".28em", " ": ".3em", "!": "0em"}
SPACES |= {"quad": "1em", "qquad": "2em"}
UPRIGHT = {"text", "mathrm", "operatorname", "textrm", "textit", "mbox"}
BOLD = {"mathbf", "boldsymbol", "textbf", "bm"}
NOTHING = {"displaystyle", "limits", "nolimits", "nonumber", "notag", "big", "Big"}
NOTHING |= {"bigl", "bigr", "Bigl", "Bigr", "bigg", "Bigg", "biggl", "biggr"}
# Where limits stand below and above.
LARGE = {"\\sum", "\\prod", "\\min", "\\max", "\\lim", "\\sup", "\\inf", "\\arg"}
FENCES = {"pmatrix": "()", "bmatrix": "[]", "vmatrix": "||", "cases": "{ "}


class UnknownError(ValueError):
    """The formula holds something that is not known here."""


def mathml(tex: str, block: bool = False) -> Markup:
    """Return a formula as MathML, or as the text that was typed.

    Parameters
    ----------
    tex : str
        LaTeX, without the dollars around it.
    block : bool
        Whether it stands on a line of its own.
    """
    try:
        inner = Formula(tex).whole()
    except (UnknownError, IndexError):
        return Markup("<code>{}</code>").format(tex)
    display = "block" if block else "inline"
    note = f'<annotation encoding="application/x-tex">{escape(tex)}</annotation>'
    return Markup(
        f'<math display="{display}"><semantics>{inner}{note}</semantics></math>'
    )


def element(kind: str, *inner, **attributes) -> str:
    """Return an element around texts that are MathML already."""
    own = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<{kind}{own}>{''.join(inner)}</{kind}>"


class Formula:
    """Reads one formula from its first token to the last."""

    def __init__(self, tex):
        if len(tex) > LONGEST:
            raise UnknownError(tex)
        self.tokens, self.at, self.depth = TOKEN.findall(tex), 0, 0

    def whole(self):
        """Return the MathML of all of it."""
        inner = self._row(["&", "\\\\"])
        if self._peek():
            self.at = 0
            inner = self._table([])
        if self.at < len(self.tokens):
            raise UnknownError(self.tokens[self.at])
        return inner

    def _peek(self):
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _next(self):
        token = self._peek()
        if not token:
            raise UnknownError("the end")
        self.at += 1
        return token

    def _row(self, ends):
        """Return what stands before one of the tokens that end a row."""
        items = []
        while (token := self._peek()) and token not in ends:
            items.append(self._with_scripts())
        return element("mrow", *items)

    def _with_scripts(self):
        """Return one item with what stands below and above it."""
        first = self._peek()
        base = element("mrow") if first in ("^", "_") else self._item()
        low = high = ""
        while (token := self._peek()) in ("^", "_", "'"):
            if high if token in "^'" else low:
                raise UnknownError("two of the same kind")
            self.at += 1
            if token == "_":
                low = self._item()
            else:
                high = "<mo>′</mo>" if token == "'" else self._item()
        under = ("munder", "mover", "munderover")
        beside = ("msub", "msup", "msubsup")
        kinds = under if first in LARGE else beside
        if low and high:
            return element(kinds[2], base, low, high)
        if low or high:
            return element(kinds[0] if low else kinds[1], base, low or high)
        return base

    def _item(self):
        """Return one item, whatever is nested in it."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise UnknownError("too deep")
        inner = self._made_of(self._next())
        self.depth -= 1
        return inner

    def _made_of(self, token):
        if token == "{":
            inner = self._row(["}"])
            self._next()
            return inner
        if token in ("}", "&", "\\\\", "^", "_", "$", "%", "#"):
            raise UnknownError(token)
        if token.startswith("\\"):
            return self._command(token[1:])
        if token[0].isdigit():
            return element("mn", token)
        return element("mi" if token.isalpha() else "mo", escape(_sign(token)))

    def _command(self, name):
        if name in LETTERS:
            return element("mi", LETTERS[name])
        if name in SIGNS:
            return element("mo", SIGNS[name])
        if name in FUNCTIONS:
            return element("mo", name, lspace=".17em", rspace=".17em")
        if name in SPACES:
            return element("mspace", width=SPACES[name])
        if name in NOTHING:
            return ""
        if name in UPRIGHT:
            return element("mtext", escape(self._text()))
        if name in BOLD:
            return element("mstyle", self._item(), style="font-weight: bold")
        if name == "mathcal":
            return self._item()
        if name == "mathbb":
            letter = self._text()
            return element("mi", escape(DOUBLE.get(letter, letter)))
        if name in ABOVE:
            base, sign = self._item(), element("mo", ABOVE[name])
            return element("mover", base, sign, accent="true")
        if name in ("frac", "dfrac", "tfrac"):
            return element("mfrac", self._item(), self._item())
        if name == "sqrt":
            return element("msqrt", self._item())
        if name == "left":
            return self._fenced()
        if name == "begin":
            return self._environment()
        if name in ("{", "}", "|", "%", "_", "#", "&"):
            return element("mo", escape("‖" if name == "|" else name))
        raise UnknownError(name)

    def _text(self):
        """Return a group of plain text."""
        if self._next() != "{":
            raise UnknownError("no group")
        end = self.tokens.index("}", self.at) if "}" in self.tokens[self.at :] else -1
        text = "".join(self.tokens[self.at : end])
        if end < 0 or "\\" in text or "{" in text or "$" in text:
            raise UnknownError(text)
        self.at = end + 1
        return text

    def _fence(self):
        token = self._next()
        name = token[1:] if token.startswith("\\") else token
        sign = SIGNS.get(name, "" if token == "." else _sign(name))
        if len(sign) > 1:
            raise UnknownError(sign)
        return element("mo", escape(sign), stretchy="true") if sign else ""

    def _fenced(self):
        left = self._fence()
        inner = self._row(["\\right"])
        self._next()
        return element("mrow", left, inner, self._fence())

    def _environment(self):
        name = self._text().rstrip("*")
        if name == "array":
            self._text()
        elif name not in FENCES | dict.fromkeys(
            ("align", "aligned", "equation", "gather", "gathered", "matrix", "split")
        ):
            raise UnknownError(name)
        inner = self._table(["\\end"])
        self._next()
        self._text()
        left, right = FENCES.get(name, "  ")
        fences = [f"<mo>{sign}</mo>" if sign != " " else "" for sign in (left, right)]
        return element("mrow", fences[0], inner, fences[1])

    def _table(self, ends):
        """Return rows of cells."""
        rows, cells = [], []
        while True:
            cells.append(element("mtd", self._row(["&", "\\\\", *ends])))
            token = self._peek()
            if token == "&":
                self.at += 1
                continue
            rows.append(element("mtr", *cells))
            cells = []
            if token != "\\\\":
                return element("mtable", *rows, displaystyle="true")
            self.at += 1


def _sign(token):
    return "−" if token == "-" else token
