"""The prover: what is false is refused, and what is printed is what is proved."""

import os
import subprocess
import sys
from dataclasses import replace

import mutants
import pytest
from false_statements import FALSE, ONLY_SOME, REFUSED
from written import statement_written

from celib.book.proofs import _chapter, check, define, prove, start_over
from celib.book.proofs._chapter import Call, meaning_of
from celib.book.proofs._known import KNOWN
from celib.book.proofs._numbers import Rejected
from celib.book.proofs._prover import STUCK, is_proved_for_any_size
from celib.book.proofs._reader import Statement, read
from chapters import CHAPTERS, ROOT

SOFTMAX = r"q_k = \frac{e^{z_k}}{\sum_j e^{z_j}}"
EVERY = {call.label: call for path in CHAPTERS for call in mutants.calls(path)}


@pytest.fixture(autouse=True)
def _new_chapter():
    start_over()
    yield
    start_over()


@pytest.fixture
def records(monkeypatch):
    found = []
    monkeypatch.setattr(_chapter, "publish_record", found.append)
    return found


def call_of(statement):
    latex, domains, *given = statement
    return Call("eq-false", latex, domains, tuple(*given))


# --- what must be refused


@pytest.mark.parametrize("name", FALSE)
def test_numbers_contradict_what_is_false(name):
    call = call_of(FALSE[name])
    with pytest.raises(Rejected, match="eq-false is false"):
        prove(call.label, call.latex, call.domains, given=call.given)


@pytest.mark.parametrize("name", FALSE)
def test_symbols_alone_prove_nothing_that_is_false(name):
    assert not accepted_by_symbols(call_of(FALSE[name]))


def accepted_by_symbols(call):
    try:
        names, claims = meaning_of(call)
        return all(is_proved_for_any_size(names, claim) for claim in claims)
    except STUCK:
        return False


@pytest.mark.parametrize("name", ONLY_SOME)
def test_what_was_checked_for_some_sizes_is_not_called_proved(name, records):
    call = call_of(ONLY_SOME[name])
    prove(call.label, call.latex, call.domains)
    assert records[0].kind == "instances"
    assert records[0].verdict == "checked for K = 2 to 6, not proved"


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_clear_meaning_is_refused_with_the_reason(name):
    latex, domains, reason = REFUSED[name]
    with pytest.raises(ValueError, match=reason):
        prove("eq-false", latex, domains)


def test_the_place_in_the_string_is_named():
    with pytest.raises(ValueError, match=r"eq-a: .* at 'a \+ ▸ b = b \+ a'"):
        prove("eq-a", "a + b = b + a", "a real")
    with pytest.raises(ValueError, match=r"▸ = 1"):
        prove("eq-a", r"\frac{a}{2 = 1", "a real")


def test_the_numbers_that_contradict_are_shown():
    with pytest.raises(Rejected, match=r"at x = -?0\.\d+ its sides are"):
        prove("eq-a", "x = x^2", "x real")


@pytest.mark.parametrize("label", ["a", "eq-", "eq-A", "eq a"])
def test_labels_are_checked(label):
    with pytest.raises(ValueError, match="label must be"):
        prove(label, "x = x", "x real")


# --- names


def test_a_definition_holds_for_the_rest_of_the_chapter():
    define("eq-square", "f(x) = x^2", "x real")
    prove("eq-four", "f(2) = 4")
    define("eq-square", "f(x) = x^2", "x real")  # a cell may be run again
    with pytest.raises(ValueError, match="f has a meaning already, by eq-square"):
        define("eq-cube", "f(x) = x^3", "x real")
    with pytest.raises(ValueError, match="f has a meaning already"):
        prove("eq-given", "f(2) = 8", given=["f(x) = x^3"])
    start_over()
    with pytest.raises(ValueError, match="f has no meaning"):
        prove("eq-four", "f(2) = 4")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("f(x^2) = x^2", "must be names"),
        ("f(x, x) = x", "must differ"),
        ("f(x, y) = x", "y is an argument of f, but not in its meaning"),
        ("f_j = x_k", "k is in the meaning of f, but not in f"),
    ],
)
def test_both_sides_of_a_definition_have_the_same_letters(wrong, reason):
    with pytest.raises(ValueError, match=reason):
        define("eq-wrong", wrong, "x_k real")


def test_the_chain_of_a_definition_is_proved():
    define("eq-double", "f(x) = 2x = x + x", "x real")
    with pytest.raises(Rejected):
        define("eq-triple", "g(x) = 3x = x + x", "x real")


def test_a_function_of_another_chapter_gives_way_to_a_letter():
    check(r"H(p) \ge 0", "p_k distribution")
    check("H + H = 2 H", "H real")


def test_a_letter_is_not_mistaken_for_one_that_it_stands_for():
    slope = r"\frac{\partial}{\partial b} (A b) = A"
    check(slope, "A > 0", given=["b = A"])
    with pytest.raises(Rejected):
        check(slope.replace("= A", "= 2 A"), "A > 0", given=["b = A"])


def test_a_solution_must_meet_its_conditions(records):
    ratio = r"\log \frac{q_j}{q_k} = z_j - z_k"
    conditions = [ratio, r"\sum_k q_k = 1"]
    prove("eq-softmax", SOFTMAX, "z_k real", solves=conditions)
    assert records[0].verdict == "solution, proved for any K"
    for wrong in (r"q_k = e^{z_k}", r"q_k = \frac{z_k}{\sum_j z_j}"):
        with pytest.raises((Rejected, ValueError)):
            prove("eq-softmax", wrong, "z_k real", solves=conditions)


# --- what is recorded


def test_the_conditions_are_recorded(records):
    loss = r"\ell = -\sum_k y_k \log q_k"
    gradient = r"\frac{\partial \ell}{\partial z_k} = q_k - y_k"
    domains = "z_k real; y_k distribution"
    prove("eq-gradient", gradient, domains, given=["eq-softmax", loss])
    (record,) = records
    assert record.kind == "any K"
    assert record.sizes == ("K",)
    letters = "for real $z_k$ and a distribution $y_k$"
    shown = f"{letters}; where ${loss}$; by {{eq}}`eq-softmax`"
    assert record.conditions == shown
    assert record.rejected
    for wrong in record.rejected:
        with pytest.raises(ValueError, match="eq-"):
            prove("eq-gradient", wrong, domains, given=["eq-softmax", loss])


def test_the_conditions_read_as_a_sentence(records):
    prove("eq-a", r"\sum_k (p_k - r_k) = 0", "p_k, r_k distribution")
    assert records[0].conditions == "for distributions $p_k$, $r_k$"
    prove("eq-b", "q_y + q_c = q_c + q_y", "q_k > 0; y, c class")
    assert records[1].conditions == "for $q_k > 0$ and classes $y$, $c$"
    prove("eq-c", r"\sum_{j=1}^{n} x = n x", "x real; n size")
    assert records[2].conditions == "for real $x$"  # the verdict says: for any n
    assert records[2].verdict == "proved for any n"


def test_a_line_that_begins_with_a_plus_goes_on(records):
    broken = r"\begin{aligned} (a + b)^2 &= a^2 + 2ab \\ &\quad + b^2 \end{aligned}"
    prove("eq-a", broken, "a, b real")
    with pytest.raises(Rejected):
        prove("eq-b", broken.replace(r"\\ &\quad +", r"\\ &\quad + 2"), "a, b real")


def test_the_sign_of_a_definition_may_stand_on_the_next_line():
    define("eq-f", r"\begin{aligned} &f(x) \\ &\quad = x^2 \end{aligned}", "x real")
    prove("eq-four", "f(2) = 4")


def test_a_divisor_that_may_be_zero_is_said(records):
    prove("eq-a", r"\frac{x}{x} = 1", "x real")
    prove("eq-b", r"\frac{x}{x} = 1", "x > 0")
    said = [record.conditions.endswith("both sides are defined") for record in records]
    assert said == [True, False]


def test_a_proof_says_which_sizes_it_holds_for(records):
    prove("eq-a", r"\sum_{n=1}^{N} x_n = \sum_n x_n", "x_n real")
    prove("eq-b", r"\sum_{i=1}^{m} i = \frac{m (m + 1)}{2}", "m size")
    assert [record.verdict for record in records] == [
        "proved for any N",
        "proved for any m",
    ]
    assert records[1].methods == ("by induction",)


def test_what_is_proved_does_not_depend_on_the_order_of_sets():
    program = (
        "from celib.book import check\n"
        r"check(r'\frac{\partial^2 \ell}{\partial z_j \partial z_k} = q_j (\delta_{jk}"
        r" - q_k)', 'z_k real; y_k distribution', given=['eq-softmax',"
        r" r'\ell = -\sum_k y_k \log q_k'])"
        "\ncheck(r'D(p \\| q) \\ge 0', 'p_k, q_k distribution')\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2, 6)
    }
    assert len(said) == 1
    assert said.pop().count("proved for any K") == 2


# --- the book's equations


def test_each_equation_of_the_book_is_read_as_it_was_understood():
    for call in EVERY.values():
        start_over()
        functions = {"q[]", *"fgpqhaSLwP", "ell", "BCE", "H", "D", "JS", "LSE", "sigma"}
        for statement in read(call.latex, functions):
            (again,) = read(statement_written(statement), functions)
            assert bare(again) == bare(statement), call.label


def bare(tree):
    """A tree without the brackets that only hold it together."""
    if isinstance(tree, Statement):
        return bare(tree.chain), bare(tree.where)
    if not isinstance(tree, tuple):
        return tree
    if len(tree) == 2 and tree[0] == "group":
        return bare(tree[1])
    return tuple(map(bare, tree))


@pytest.mark.parametrize("label", KNOWN)
def test_what_all_chapters_know_is_printed_in_one(label):
    assert " ".join(EVERY[label].latex.split()) == KNOWN[label]


def test_a_wrong_sign_in_a_chapter_is_noticed_at_once():
    call = EVERY["eq-shift-sum"]
    assert "e^{c}" in call.latex
    wrong = replace(call, latex=call.latex.replace("e^{c}", "e^{-c}"))
    with pytest.raises(Rejected):
        prove(wrong.label, wrong.latex, wrong.domains, given=wrong.given)


@pytest.mark.slow
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_changed_equation_is_noticed(path):
    fates = mutants.judge(path, most=1)
    assert fates.proved_but_false == []
    assert fates.unprotected == []
    assert sum(fates.counts.values()) >= len(mutants.calls(path)) - 2


def test_the_fates_are_told_apart():
    before = Call("eq-a", "a + b = b + a", "a, b real")
    fates = mutants.Fates()
    meaning = mutants.meaning(before)

    def fate(latex):
        new = replace(before, latex=latex)
        return mutants.fate_in_time(mutants.fate_of_claim, new, meaning, fates)

    assert fate("(a + b) = b + a") == "same meaning"
    assert fate("a - b = b + a") == "contradicted by numbers"
    assert fate("a + c = b + a") == "refused"
    assert fate("a + a = a + a") == "proved"
    assert fates.accepted == [("eq-a", "a + a = a + a")]
