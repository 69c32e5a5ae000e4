r"""Read the LaTeX of an equation into a tree of tuples, such as ``("+", a, b)``.

The reader takes the mathematics of this book and refuses the rest. Two things depend
on what the letters are: a bracket after a name, as in ``q(1 - q)``, is a call if the
name is a function and a product if not. So the names of functions are passed in.
"""

import re
from dataclasses import dataclass

__all__ = [
    "Reader",
    "Statement",
    "Unreadable",
    "excerpt",
    "name_of",
    "plain",
    "read",
]


class Unreadable(ValueError):
    """LaTeX that this reader does not take, or that is no formula."""


@dataclass(frozen=True)
class Statement:
    """A chain of sides and relations, as in ``a = b >= c``, with what limits it.

    Attributes
    ----------
    chain : tuple
        A tree, a relation, a tree, and so on.
    where : tuple, optional
        The condition in brackets behind it: a relation and its two sides.
    """

    chain: tuple
    where: tuple | None = None


# --- tokens ------------------------------------------------------------------

# Spacing has no name of its own here, so it is dropped.
TOKEN = re.compile(
    r"""\s+ | \\[,;!:] | \\\s | & | \\displaystyle | \\(?:begin|end)\{aligned\}
    | (?P<evaluated>\\left\. | \\right\|)
    | (?P<size>\\(?:[bB]igg?[lr]?|left|right)(?![a-zA-Z]))
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<command>\\[a-zA-Z]+ | \\\\ | \\[|{}])
    | (?P<character>.)""",
    re.VERBOSE | re.DOTALL,
)

RELATIONS = {
    "=": "=",
    r"\ge": ">=",
    r"\le": "<=",
    ">": ">",
    "<": "<",
    r"\approx": "~",
    r"\ne": "!=",
}
# Functions that need no declaration.
KNOWN_FUNCTIONS = {"exp", "log1p", "max", "min", "diag"}
WORDS = {r"\mathrm", r"\operatorname", r"\mathbb", r"\mathcal"}
ACCENTS = {r"\hat", r"\bar", r"\tilde"}
BRACKETS = {
    "(": ")",
    "[": "]",
    r"\{": r"\}",
    r"\lceil": r"\rceil",
    r"\lfloor": r"\rfloor",
}
# What parts the entries of a vector, or the arguments of a function.
COMMAS = {",", ";", r"\|", r"\Vert", r"\mid"}
# What may follow b in a / b without a doubt what is divided by.
AFTER_SLASH = {r"\cdot", r"\times", r"\sum", r"\prod", "/"}
# Where a product ends.
ENDS = {
    *BRACKETS.values(),
    *COMMAS,
    *RELATIONS,
    *("}", r"\\", "+", "-", r"\oplus", r"\right|", r"\quad", r"\qquad", r"\in", "."),
    *(r"\Rightarrow", r"\text", r"\end", ":", r"\pm", r"\to", None),
}


@dataclass(frozen=True)
class Token:
    """A piece of LaTeX, and where it begins."""

    text: str
    start: int


def tokens_of(latex):
    """Part a string into tokens; a sized bar says on which side it stands."""
    tokens, side = [], ""
    for match in TOKEN.finditer(latex):
        text = match.group()
        if match.lastgroup == "size":
            side = "l" if text.endswith(("l", "left")) else "r"
            if text in (r"\big", r"\Big", r"\bigg", r"\Bigg"):
                side = ""
            continue
        if match.lastgroup:
            bar = f"|{side}" if text == "|" and side else text
            tokens.append(Token(bar, match.start()))
        side = ""
    return tokens


# --- the reader --------------------------------------------------------------


class Reader:
    """Reads one string by recursive descent, a method for each level of binding."""

    def __init__(self, latex, functions=()):
        self.latex = latex
        self.functions = KNOWN_FUNCTIONS | set(functions)
        self.functions |= {f"{function}'" for function in functions}
        self.tokens = tokens_of(latex)
        self.place = 0
        self.open_bars = 0
        self.open_integrals = 0

    def peek(self, ahead=0):
        """Return the token that comes next, or after that; None at the end."""
        i = self.place + ahead
        return self.tokens[i].text if i < len(self.tokens) else None

    def take(self, *wanted):
        """Return the next token and go on, or refuse it if another is wanted."""
        token = self.peek()
        if wanted and token not in wanted:
            self.refuse(f"{' or '.join(wanted)} was expected, got {token or 'the end'}")
        self.place += 1
        return token

    def took(self, *wanted):
        """Take the next token if it is one of those wanted; else return None."""
        return self.take() if self.peek() in wanted else None

    def refuse(self, message):
        """Raise, with the place in the string."""
        end = len(self.latex)
        here = self.place < len(self.tokens)
        start = self.tokens[self.place].start if here else end
        raise Unreadable(f"{message}, at {excerpt(self.latex, start)}")

    def whole(self):
        """Read one expression, which must reach to the end."""
        tree = self.sum()
        while self.took(",", ".", ";"):
            pass
        if self.peek() is not None:
            self.refuse("the formula must end here")
        return tree

    # --- statements

    def statements(self):
        """Read all statements, parted by commas, spaces, words or lines."""
        found = []
        while True:
            self.skip_between()
            if self.peek() is None:
                break
            statement = self.statement()
            if found and statement.chain[0] is None:
                # a line that begins with a relation goes on with the chain before
                chain = found[-1].chain + statement.chain[1:]
                found[-1] = Statement(chain, statement.where)
            else:
                found.append(statement)
        return found

    def skip_between(self):
        """Skip what stands between two statements."""
        while True:
            if self.took(",", ";", ".", r"\quad", r"\qquad", r"\\"):
                continue
            if self.took(r"\text"):
                self.words()
                continue
            return

    def statement(self):
        """Read a chain of sides, and the condition that limits it."""
        chain = [None if self.peek() in RELATIONS else self.sum()]
        where = None
        while True:
            start = self.place
            while self.took(r"\quad", r"\qquad", r"\\"):
                pass
            apart = start != self.place
            if self.peek() in RELATIONS:
                chain += [RELATIONS[self.take()], self.sum()]
            elif self.took(r"\text"):
                self.words()
            elif apart and self.peek() == "(" and self.has_condition():
                where = self.condition()
            elif apart or self.peek() in (None, ",", ";", "."):
                return Statement(tuple(chain), where)
            else:
                self.refuse("a relation was expected")

    def has_condition(self):
        """Whether the bracket that comes next holds an inequality."""
        inside = [self.peek(i) for i in range(1, 6)]
        return any(token in RELATIONS and token != "=" for token in inside)

    def condition(self):
        self.take("(")
        left = self.sum()
        relation = RELATIONS[self.take(*RELATIONS)]
        right = self.sum()
        self.take(")")
        return (relation, left, right)

    def words(self):
        """Read the characters between two braces as they are."""
        depth, text = 0, []
        while True:
            token = self.take()
            if token is None:
                self.refuse("a brace must be closed")
            if token in RELATIONS:
                self.refuse("words can't hold a relation, which nothing would prove")
            depth += (token == "{") - (token == "}")
            if token not in "{}":
                text.append(token)
            if depth == 0:
                return "".join(text)

    # --- sums and products

    def sum(self):
        """Read terms with plus and minus between them."""
        terms = [self.product()]
        while sign := self.sign():
            term = self.product()
            if sign == r"\oplus":
                before = terms[0] if len(terms) == 1 else ("+", *terms)
                terms = [("oplus", before, term)]
            else:
                terms.append(("neg", term) if sign == "-" else term)
        if self.peek() == r"\pm":
            self.refuse(r"\pm has two meanings: write the two equations")
        return terms[0] if len(terms) == 1 else ("+", *terms)

    def sign(self):
        """Take the sign of a further term; a line that begins with a plus goes on."""
        ahead = 0
        while self.peek(ahead) in (r"\\", r"\quad", r"\qquad"):
            ahead += 1
        if self.peek(ahead) == "+":
            for _ in range(ahead):
                self.take()
        return self.took("+", "-", r"\oplus")

    def product(self, in_logarithm=False):
        """Read factors side by side, up to what ends a product."""
        if self.took("-"):
            return ("neg", self.product())
        self.took("+")
        factors = [self.factor()]
        while not self.at_end_of_product(in_logarithm):
            if self.took(r"\cdot", r"\times"):
                factors.append(self.factor())
            elif self.peek() == "/":
                if in_logarithm:
                    self.refuse(r"whether \log a / b is \log(a/b) is not clear")
                self.take()
                top = factors[0] if len(factors) == 1 else ("*", *factors)
                factors = [("/", top, self.factor())]
                if not (self.at_end_of_product(False) or self.peek() in AFTER_SLASH):
                    self.refuse("what is divided by in a / b c is not clear")
            else:
                if factors[-1][0] == "num" and self.peek()[0].isdigit():
                    self.refuse("two numbers can't stand side by side")
                factors.append(self.factor())
        return factors[0] if len(factors) == 1 else ("*", *factors)

    def at_end_of_product(self, in_logarithm):
        token = self.peek()
        if in_logarithm and token in (r"\cdot", r"\times", r"\log", r"\sum"):
            return True  # log a · log b is (log a)(log b)
        if token in ("|", "|r") and self.open_bars:
            return True
        after = self.peek(1) or ""
        is_name = re.match(r"[a-z]|\\[a-z]", after)
        if token == "d" and self.open_integrals and is_name:
            return True
        return token in ENDS

    # --- factors

    def factor(self):
        """Read an atom with what is attached to it: scripts, primes, arguments."""
        node = self.atom()
        scripts = set()
        while True:
            if self.peek() in scripts:
                self.refuse(f"a second {self.peek()} has no base: LaTeX takes one")
            if self.peek() in ("_", "^"):
                scripts.add(self.peek())
            if self.took("'"):
                if node[0] != "name":
                    self.refuse("a prime must follow a name")
                node = ("name", node[1] + "'")
            elif self.took("_"):
                node = ("sub", node, self.argument())
            elif self.took("^"):
                node = self.raised(node, self.argument())
            elif self.peek() == "(" and self.function(node):
                node = ("call", self.function(node), *self.arguments("("))
                scripts = set()
            elif self.peek() == "[" and node == ("name", "E"):
                node = ("call", "E", *self.arguments("["))
            else:
                return node

    def raised(self, node, exponent):
        if exponent == ("name", "top"):
            return ("transpose", node)
        if exponent == ("name", "star"):
            return ("name", f"{node[1]}*")
        if node == ("name", "e"):
            return ("exp", exponent)
        return ("pow", node, exponent)

    def function(self, node):
        """Return the name of the function that a node stands for, or None."""
        name = name_of(node)
        if name in self.functions:
            return name
        family = node[0] == "sub" and f"{name_of(node[1])}[]" in self.functions
        return name if family else None

    def arguments(self, opening):
        self.take(opening)
        return self.bracket(opening)[1:]

    def atom(self):
        """Read the smallest piece that has a value."""
        token = self.peek()
        if token is None or token in ENDS - {"+", "-"}:
            self.refuse("something must stand here")
        self.take()
        if token[0].isdigit():
            return ("num", token)
        if token in (r"\frac", r"\tfrac", r"\dfrac"):
            return self.derivative() or ("/", self.argument(), self.argument())
        if token == r"\exp" and self.peek() not in ("(", "["):
            return ("exp", self.product())
        if token == r"\sqrt":
            return ("pow", self.argument(), ("/", ("num", "1"), ("num", "2")))
        if token in (r"\log", r"\ln"):
            return self.logarithm()
        if token in (r"\max", r"\min") and self.took("_"):
            return ("over", token[1:], tuple(self.limits()[0]), self.product())
        if token in (r"\sum", r"\prod"):
            self.take("_")
            limits, condition = self.limits()
            return (token[1:], tuple(limits), condition, self.product())
        if token == r"\int":
            return self.integral()
        if token == r"\lim":
            return self.limit()
        if token == r"\left.":
            return self.value_at()
        if token == r"\underbrace":
            body = self.argument()
            self.take("_")
            self.take("{")
            self.take(r"\text")  # a formula there would be a claim
            self.words()
            self.take("}")
            return body
        if token in BRACKETS:
            return self.bracket(token)
        if token in ("|", "|l"):
            return self.absolute_value()
        if token == r"\infty":
            return ("num", "oo")
        if token == r"\pi":
            return ("num", "pi")
        if token == r"\nabla":
            order = int(self.argument()[1]) if self.took("^") else 1
            return ("nabla", order, self.factor())
        if token in WORDS:
            return ("name", self.words())
        if token in ACCENTS:
            return ("name", f"{token[1:]} {self.argument()[1]}")
        if token == "{":
            self.place -= 1
            return self.argument()
        if re.fullmatch(r"[a-zA-Z]|\\[a-zA-Z]+", token):
            return ("name", token.lstrip("\\"))
        self.place -= 1
        return self.refuse(f"{token} is not known")

    def logarithm(self):
        base = self.argument() if self.took("_") else None
        in_brackets = self.peek() in ("(", "[")
        body = self.factor() if in_brackets else self.product(in_logarithm=True)
        if in_brackets and body[0] == "pow":
            self.refuse(r"whether \log(a)^b is \log(a^b) is not clear")
        return ("log", body) if base is None else ("/", ("log", body), ("log", base))

    def absolute_value(self):
        self.open_bars += 1
        body = self.sum()
        self.open_bars -= 1
        self.take("|", "|r")
        return ("abs", body)

    def bracket(self, opening):
        """Read what stands in brackets: one expression, or the entries of a vector."""
        bars, self.open_bars = self.open_bars, 0
        entries = [self.sum()]
        while self.took(*COMMAS):
            entries.append(self.sum())
        if self.peek() in RELATIONS:
            self.refuse("a relation can't stand in brackets")
        self.take(BRACKETS[opening])
        self.open_bars = bars
        special = {r"\lceil": "ceil", r"\lfloor": "floor", r"\{": "set"}
        if opening in special:
            return (special[opening], *entries)
        return ("group", entries[0]) if len(entries) == 1 else ("tuple", *entries)

    def argument(self):
        """Read what a command takes: a digit, a token, or what stands in braces."""
        token = self.peek()
        if self.took("{"):
            bars, self.open_bars = self.open_bars, 0
            lone_sign = token and self.peek() in ("+", "-") and self.peek(1) == "}"
            body = self.take() if lone_sign else self.sum()
            self.take("}")
            self.open_bars = bars
            return body
        if token in ("+", "-"):
            return self.take()
        if token is not None and re.match(r"\d.", token):  # \frac43, or 4^2.5
            start = self.tokens[self.place].start
            self.tokens[self.place] = Token(token[0], start)
            self.tokens.insert(self.place + 1, Token(token[1:], start + 1))
        return self.atom()

    # --- calculus

    def derivative(self):
        """Read the rest of a fraction that is a derivative; return None if it isn't."""
        start = self.place
        if self.peek() != "{" or self.peek(1) not in ("d", r"\partial"):
            return None
        self.take()
        d = self.take()
        order = 1
        if self.took("^"):
            argument = self.argument()
            order = int(argument[1]) if argument[0] == "num" else None
        body = None if self.peek() == "}" else self.sum()
        self.take("}")
        if not (self.peek() == "{" and self.peek(1) == d):
            self.place = start
            return None
        self.take()
        variables = []
        while self.took(d):
            variables.append(self.differential())
        self.take("}")
        if sum(times for _, times in variables) != order:
            self.refuse("the orders above and below must agree")
        if body is None:
            body = self.product()
        return ("diff", body, tuple(variables))

    def differential(self):
        """Read a variable below the line, and how often it stands there."""
        variable = self.atom()
        if self.took("_"):
            variable = ("sub", variable, self.argument())
        if self.took("'"):
            variable = ("name", variable[1] + "'")
        times = int(self.argument()[1]) if self.took("^") else 1
        return variable, times

    def integral(self):
        self.take("_")
        low = self.argument()
        self.take("^")
        high = self.argument()
        self.open_integrals += 1
        body = self.sum()
        self.open_integrals -= 1
        self.take("d")
        return ("int", self.atom(), low, high, body)

    def limit(self):
        self.take("_")
        self.take("{")
        variable = self.sum()
        self.take(r"\to")
        target, side = self.sum(), "+-"
        self.take("}")
        if target[0] == "pow" and target[2] in ("+", "-"):
            target, side = target[1], target[2]
        return ("lim", variable, target, side, self.product())

    def value_at(self):
        """Read a bracket that says at which value it is taken."""
        body = self.sum()
        self.take(r"\right|")
        self.take("_")
        self.take("{")
        variable = self.sum()
        self.take("=")
        value = self.sum()
        self.take("}")
        return ("at", body, variable, value)

    def limits(self):
        """Read what stands under a sum: its indices, and a condition on them."""
        if self.peek() != "{":
            return [(self.argument(), None, None)], None
        self.take()
        first = self.sum()
        if self.took("="):
            low = self.sum()
            self.take("}")
            self.take("^")
            return [(first, low, self.argument())], None
        if self.took("<"):
            second = self.sum()
            self.take("}")
            return [(first, None, None), (second, None, None)], ("<", first, second)
        if self.took(r"\in"):
            where = self.sum()
            self.take("}")
            return [(first, "in", where)], None
        indices = [(first, None, None)]
        while self.took(","):
            indices.append((self.sum(), None, None))
        self.take("}")
        return indices, None


# --- names -------------------------------------------------------------------


def name_of(node):
    """Return the text of a name with its scripts, such as q_k; None if it is none."""
    if node[0] in ("name", "num"):
        return node[1]
    if node[0] in ("sub", "pow"):
        base, script = name_of(node[1]), script_of(node[2])
        mark = "_" if node[0] == "sub" else "^"
        return None if base is None or script is None else f"{base}{mark}{script}"
    return None


def script_of(node):
    """Return the text of a subscript, or None."""
    if isinstance(node, str):
        return node
    if node[0] == "*":
        parts = [script_of(part) for part in node[1:]]
        return None if None in parts else "".join(parts)
    if node[0] == "group":
        inner = script_of(node[1])
        return None if inner is None else f"({inner})"
    return name_of(node)


def plain(latex):
    """Return the name that a piece of LaTeX stands for, or refuse it."""
    name = name_of(Reader(latex).whole())
    if name is None:
        raise Unreadable(f"a name was expected, got {latex!r}")
    return name


def excerpt(latex, start):
    """Return the part of a string around a place, with a mark at the place."""
    before = " ".join(latex[max(0, start - 20) : start].split())
    after = " ".join(latex[start : start + 25].split())
    return f"'{before} ▸ {after}'"


def read(latex, functions=()):
    """Read all statements of a string."""
    return Reader(latex, functions).statements()
