"""Read the book's LaTeX into a tree of tuples: (op, *children).

read(latex, functions) -> [Statement(chain=[tree, rel, tree, ...], where=tree | None)]
"""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""\s+|\\[,;!:]|\\\s|&|\\displaystyle|\\tfrac(?=x)   # spacing
    |(?P<eval>\\left\.|\\right\|)
    |(?P<size>\\(?:[bB]igg?[lr]?|left|right)(?![a-zA-Z]))
    |(?P<num>\d+(?:\.\d+)?)
    |(?P<cmd>\\[a-zA-Z]+|\\\\|\\[|{}])
    |(?P<chr>.)""",
    re.X | re.S,
)
RELATIONS = {
    "=": "=",
    r"\ge": ">=",
    r"\le": "<=",
    ">": ">",
    "<": "<",
    r"\approx": "~",
    r"\to": "->",
    r"\ne": "!=",
}
CALLABLE = {
    "H",
    "D",
    "JS",
    "LSE",
    "BCE",
    "sigma",
    "diag",
    "adj",
    "det",
    "max",
    "min",
    "exp",
    "log1p",
    "P",
}
WORDS = {r"\mathrm", r"\operatorname", r"\mathbb", r"\mathcal"}
ACCENTS = {r"\hat", r"\bar", r"\tilde"}
OPEN = {"(": ")", "[": "]", r"\{": r"\}", r"\lceil": r"\rceil", r"\lfloor": r"\rfloor"}
STOP = {
    ")",
    "]",
    "}",
    r"\}",
    r"\rceil",
    r"\rfloor",
    ",",
    ";",
    r"\\",
    r"\|",
    r"\Vert",
    r"\mid",
    "+",
    "-",
    r"\right|",
    r"\oplus",
    r"\quad",
    r"\qquad",
    r"\in",
    ".",
    r"\Rightarrow",
    r"\text",
    r"\end",
    ":",
    None,
    *RELATIONS,
}


class Unreadable(ValueError):
    """LaTeX outside the subset."""


@dataclass(frozen=True)
class Statement:
    chain: tuple  # tree, relation, tree, ...
    where: tuple | None = None


class Reader:
    def __init__(self, latex, functions=()):
        self.calls = CALLABLE | set(functions) | {f + "'" for f in functions}
        self.toks, sized = [], False
        for m in TOKEN.finditer(re.sub(r"\\(begin|end)\{aligned\}", "", latex)):
            text = m.group()
            if m.lastgroup == "size":
                sized = text[-1] if text[-1] in "lr" else text[1]
                continue
            if m.lastgroup:
                if text == "|" and sized:  # a sized bar says which side it is on
                    text = "|l" if sized == "l" else "|r"
                self.toks.append(text)
            sized = False
        self.i, self.bars, self.dx = 0, 0, 0

    # --- tokens
    def peek(self, ahead=0):
        i = self.i + ahead
        return self.toks[i] if i < len(self.toks) else None

    def take(self, *want):
        tok = self.peek()
        if want and tok not in want:
            raise Unreadable(
                f"wanted {' or '.join(want)}, got {tok!r} at {' '.join(self.toks[self.i : self.i + 6])}"
            )
        self.i += 1
        return tok

    def took(self, *want):
        if self.peek() in want:
            return self.take()
        return None

    def whole(self):
        """Read one expression, up to the end."""
        tree = self.expr()
        while self.took(",", ".", ";"):
            pass
        if self.peek() is not None:
            raise Unreadable(f"stuck at {' '.join(self.toks[self.i : self.i + 6])}")
        return tree

    # --- statements
    def statements(self):
        out = []
        while True:
            while self.took(",", ";", ".", r"\quad", r"\qquad", r"\\", r"\Rightarrow"):
                pass
            if self.peek() == r"\text":
                self.take(), self.words()
                continue
            if self.peek() is None:
                break
            out.append(self.statement())
        # a row that begins with a relation goes on with the chain before it
        joined = []
        for s in out:
            if joined and s.chain[0] is None:
                joined[-1] = Statement(joined[-1].chain + s.chain[1:], s.where)
            else:
                joined.append(s)
        return joined

    def statement(self):
        chain = [None if self.peek() in RELATIONS else self.expr()]
        where = None
        while True:
            here = self.i
            while self.took(r"\quad", r"\qquad", r"\\"):
                pass
            if self.peek() in RELATIONS:
                chain += [RELATIONS[self.take()], self.expr()]
            elif self.peek() == r"\text":
                self.take(), self.words()
            elif (
                here != self.i
                and self.peek() == "("
                and RELATIONS.keys() & set(self.toks[self.i : self.i + 5]) - {"="}
            ):
                self.take("(")
                a = self.expr()
                where = (RELATIONS[self.take()], a, self.expr())
                self.take(")")
            else:
                if (
                    self.peek() not in (None, ",", ";", ".", r"\Rightarrow")
                    and here == self.i
                ):
                    raise Unreadable(
                        f"stuck at {' '.join(self.toks[self.i : self.i + 6])}"
                    )
                return Statement(tuple(chain), where)

    def words(self):
        depth, text = 0, []
        while True:
            tok = self.take()
            depth += (tok == "{") - (tok == "}")
            if tok not in "{}":
                text.append(tok)
            if depth == 0:
                return "".join(text)

    # --- expressions
    def expr(self):
        terms = [self.product()]
        while op := self.took("+", "-", r"\oplus"):
            term = self.product()
            if op == r"\oplus":
                terms = [("oplus", ("+", *terms) if len(terms) > 1 else terms[0], term)]
            else:
                terms.append(("neg", term) if op == "-" else term)
        return terms[0] if len(terms) == 1 else ("+", *terms)

    def product(self, in_log=False):
        if self.took("-"):
            return ("neg", self.product())
        self.took("+")
        factors = [self.factor()]
        while True:
            tok = self.peek()
            if tok in (r"\cdot", r"\times") and not in_log:
                self.take()
                factors.append(self.factor())
            elif tok == "/":
                self.take()
                top = factors[0] if len(factors) == 1 else ("*", *factors)
                factors = [("/", top, self.factor())]
            elif (
                tok in STOP
                or tok in (r"\cdot", r"\times")
                or (in_log and tok in (r"\log", r"\sum"))
            ):
                break
            elif tok in ("|", "|r") and self.bars:
                break
            elif (
                self.dx
                and tok == "d"
                and re.match(r"[a-z]|\\[a-z]", self.peek(1) or "")
            ):
                break
            else:
                factors.append(self.factor())
        return factors[0] if len(factors) == 1 else ("*", *factors)

    def factor(self):
        return self.postfix(self.atom())

    def atom(self):
        tok = self.take()
        if tok is None or tok in STOP - {"+", "-"}:
            raise Unreadable(f"nothing to read before {tok!r}")
        if re.match(r"\d", tok):
            return ("num", tok)
        if tok in (r"\frac", r"\tfrac", r"\dfrac"):
            return self.fraction()
        if tok in (r"\log", r"\ln"):
            base = self.argument() if self.took("_") else None
            arg = (
                self.factor()
                if self.peek() in ("(", "[")
                else self.product(in_log=True)
            )
            return ("log", arg) if base is None else ("/", ("log", arg), ("log", base))
        if tok in (r"\max", r"\min") and self.peek() == "_":
            self.take()
            return ("over", tok[1:], self.limits()[0], self.product())
        if tok in (r"\sum", r"\prod"):
            return self.big(tok)
        if tok == r"\int":
            self.take("_")
            low = self.argument()
            self.take("^")
            high = self.argument()
            self.dx += 1
            body = self.expr()
            self.dx -= 1
            self.take("d")
            return ("int", self.atom(), low, high, body)
        if tok == r"\lim":
            self.take("_"), self.take("{")
            var = self.expr()
            self.take(r"\to")
            to = (
                self.expr()
                if self.peek() != "-" or self.peek(1) != r"\infty"
                else self.expr()
            )
            side = "+-"
            self.take("}")
            if to[0] == "pow" and to[2] in ("+", "-"):
                to, side = to[1], to[2]
            return ("lim", var, to, side, self.product())
        if tok == r"\left.":
            body = self.expr()
            self.take(r"\right|"), self.take("_"), self.take("{")
            var = self.expr()
            self.take("=")
            value = self.expr()
            self.take("}")
            return ("at", body, var, value)
        if tok == r"\underbrace":
            body = self.argument()
            self.take("_")
            self.words()
            return body
        if tok in OPEN:
            return self.group(tok)
        if tok in ("|", "|l"):
            self.bars += 1
            body = self.expr()
            self.bars -= 1
            self.take("|", "|r")
            return ("abs", body)
        if tok == r"\infty":
            return ("num", "oo")
        if tok == r"\pi":
            return ("num", "pi")
        if tok == r"\nabla":
            order = 1
            if self.took("^"):
                order = int(self.argument()[1])
            return ("nabla", order, self.factor())
        if tok in WORDS:
            return ("name", self.words())
        if tok in ACCENTS:
            inner = self.argument()
            return ("name", f"{tok[1:]} {inner[1]}")
        if tok == "{":
            self.i -= 1
            return self.argument()
        if re.fullmatch(r"[a-zA-Z]|\\[a-zA-Z]+", tok):
            return ("name", tok.lstrip("\\"))
        raise Unreadable(f"unknown {tok!r}")

    def group(self, opening):
        bars, self.bars = self.bars, 0
        items = [self.expr()]
        while self.took(",", r"\|", r"\Vert", ";", r"\mid"):
            items.append(self.expr())
        rel = None
        if self.peek() in RELATIONS:  # as in P(y = 1 | q = c)
            raise Unreadable("a relation inside brackets")
        self.take(OPEN[opening])
        self.bars = bars
        if opening == r"\lceil":
            return ("ceil", *items)
        if opening == r"\lfloor":
            return ("floor", *items)
        if opening == r"\{":
            return ("set", *items)
        return ("group", items[0]) if len(items) == 1 else ("tuple", *items)

    def argument(self):
        """One digit, one token, or what stands in braces."""
        tok = self.peek()
        if tok == "{":
            self.take()
            bars, self.bars = self.bars, 0
            body = (
                self.expr()
                if self.peek() not in ("+", "-") or self.peek(1) != "}"
                else self.take()
            )
            self.take("}")
            self.bars = bars
            return body
        if re.match(r"\d\d", tok or ""):
            self.toks[self.i : self.i + 1] = [tok[0], tok[1:]]
        if tok in ("+", "-"):
            return self.take()
        return self.atom()

    def fraction(self):
        start = self.i
        d = self.derivative()
        if d:
            return d
        self.i = start
        return ("/", self.argument(), self.argument())

    def derivative(self):
        if self.peek() != "{" or self.peek(1) not in ("d", r"\partial"):
            return None
        self.take()
        d, order = self.take(), 1
        if self.took("^"):
            order = self.argument()
            order = int(order[1]) if order[0] == "num" else None
        body = None if self.peek() == "}" else self.expr()
        self.take("}")
        if not (self.peek() == "{" and self.peek(1) == d):
            return None
        self.take()
        pairs = []
        while self.took(d):
            var = self.atom()
            if self.took("_"):
                var = ("sub", var, self.argument())
            if self.took("'"):
                var = (var[0], var[1] + "'")
            times = 1
            if self.took("^"):
                times = int(self.argument()[1])
            pairs.append((var, times))
        self.take("}")
        if sum(t for _, t in pairs) != order:
            raise Unreadable("orders of the derivative differ")
        if body is None:
            body = self.product()
        return ("diff", body, tuple(pairs))

    def limits(self):
        """What stands under a sum: [(index, low, high)], or a condition."""
        if self.peek() != "{":
            return [(self.argument(), None, None)], None
        self.take()
        first = self.expr()
        if self.took("="):
            low = self.expr()
            self.take("}"), self.take("^")
            return [(first, low, self.argument())], None
        if self.took("<"):
            second = self.expr()
            self.take("}")
            return [(first, None, None), (second, None, None)], ("<", first, second)
        if self.took(r"\in"):
            where = self.expr()
            self.take("}")
            return [(first, "in", where)], None
        out = [(first, None, None)]
        while self.took(","):
            out.append((self.expr(), None, None))
        self.take("}")
        return out, None

    def big(self, tok):
        self.take("_")
        limits, condition = self.limits()
        return (tok[1:], tuple(limits), condition, self.product())

    def postfix(self, node):
        while True:
            if self.took("'"):
                node = ("name", node[1] + "'") if node[0] == "name" else ("prime", node)
            elif self.took("_"):
                node = ("sub", node, self.argument())
            elif self.took("^"):
                exponent = self.argument()
                if exponent == ("name", "top"):
                    node = ("transpose", node)
                elif exponent == ("name", "star"):
                    node = ("name", node[1] + "*")
                elif exponent in ("+", "-"):
                    node = ("pow", node, exponent)
                elif node == ("name", "e"):
                    node = ("exp", exponent)
                else:
                    node = ("pow", node, exponent)
            elif self.peek() == "(" and self.callee(node):
                self.take()
                inner = self.group("(")
                args = inner[1:]
                node = ("call", self.callee(node), *args)
            elif self.peek() == "[" and node == ("name", "E"):
                self.take()
                node = ("call", "E", *self.group("[")[1:])
            else:
                return node

    def callee(self, node):
        key = name_of(node)
        if key in self.calls:
            return key
        family = node[0] == "sub" and f"{name_of(node[1])}[]" in self.calls
        return key if family else None


def name_of(node):
    """Plain text of a name with its subscripts, or None."""
    if node[0] == "name":
        return node[1]
    if node[0] == "num":
        return node[1]
    if node[0] == "sub":
        base, low = name_of(node[1]), low_of(node[2])
        return None if base is None or low is None else f"{base}_{low}"
    if node[0] == "pow":
        base, up = name_of(node[1]), low_of(node[2])
        return None if base is None or up is None else f"{base}^{up}"
    return None


def low_of(node):
    if isinstance(node, str):
        return node
    if node[0] == "*":
        parts = [low_of(n) for n in node[1:]]
        return None if None in parts else "".join(parts)
    if node[0] == "group":
        part = low_of(node[1])
        return None if part is None else f"({part})"
    return name_of(node)


def read(latex, functions=()):
    return Reader(latex, functions).statements()
