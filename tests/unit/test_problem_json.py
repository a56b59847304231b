"""Problems as data inside the engine's text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.documentation import page
from ambient_components.engine.steps import Diagnostic
from ambient_components.errors import Problem, Where, problems_of, refusal
from ambient_components.problem_json import PREFIX, VARIABLE, decode, encode, fields, for_engine
from tests.support.fake_pulumi import urn

LEDGER = "ambient:index:AccessLedger"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"

TEXTS = st.text(max_size=40) | st.sampled_from([PREFIX, f"{PREFIX}{{}}", "<{%reset%}>", "\n", "é", "::error::"])
WHERE = st.none() | st.builds(Where, TEXTS, st.integers(0, 999), st.integers(0, 99))
HINTS = st.lists(TEXTS, max_size=3).map(tuple)
NAMES = st.lists(st.sampled_from(["pay", "lab"]), max_size=2).map(tuple)
RULES = st.none() | st.sampled_from(["massRemoval", "ownership"])
PROBLEMS = st.builds(Problem, WHERE, TEXTS, TEXTS, HINTS, RULES, NAMES, st.booleans())


@given(st.lists(PROBLEMS, max_size=3))
def test_what_is_written_is_read(problems):
    text = for_engine(problems, {VARIABLE: "json"})
    assert len(text.splitlines()) == len(problems)
    assert decode(text) == tuple(problems)
    # Whatever the engine puts around each of them.
    wrapped = "".join(f"error: {LEDGER} resource 'a' has a problem: {encode(problem)}\n" for problem in problems)
    assert decode(wrapped) == tuple(problems)


@given(PROBLEMS)
def test_it_holds_neither_the_prefix_twice_nor_a_colour(problem):
    text = encode(problem)
    assert text.count(PREFIX) == 1
    assert text.startswith(PREFIX)
    assert "<" not in text
    assert text.removeprefix(PREFIX).isascii()


@given(PROBLEMS, st.data())
def test_one_that_is_cut_off_is_a_problem_and_no_error(problem, data):
    text = encode(problem)
    end = data.draw(st.integers(len(PREFIX), len(text) - 1))
    (found,) = decode(text[:end])
    assert found.problem
    assert PREFIX not in str(found)
    assert (found.rule, found.workspaces) == (None, ())


@pytest.mark.parametrize(
    "data", ["", "[]", "1", "{}", '{"problem": "x", "where": [1]}', '{"problem": "x", "hints": 1}']
)
def test_what_is_no_problem_is_no_error(data):
    (problem,) = decode(PREFIX + data)
    assert problem.hints
    assert decode("no problem of ours") == ()


def test_people_get_sentences():
    problem = refusal("workspace 'pay' is gone", "put it back", "or close it first", rule="notClosed")
    assert for_engine([problem, refusal("no right")], {}) == (
        "workspace 'pay' is gone\n  hint: put it back\n  hint: or close it first\n"
        f"  docs: {page('reference/errors', 'notClosed')}\nno right"
    )


@pytest.mark.parametrize(
    ("token", "ours"),
    [(LEDGER, True), ("pulumi:pulumi:Stack", True), ("pulumi:providers:ambient", True), ("", True), (BINDING, False)],
)
def test_only_our_own_messages_are_believed(token, ours):
    """A workspace's users can put anything into objects that other providers quote."""
    forged = encode(refusal("x", rule="ownership", workspaces=("pay",)))
    (problem,) = Diagnostic("error", forged, urn(token, "pay/grant/user:bob") if token else "").problems
    assert (problem.rule == "ownership") is ours


def test_quoting_the_prefix_forges_nothing():
    forged = encode(refusal("x", rule="massRemoval", workspaces=("lab",)))
    problem = refusal(f"the cluster says: {forged}", workspaces=("pay",))
    assert decode(encode(problem)) == (problem,)


def test_lines_of_a_program_are_a_problem_each():
    missing = [Problem(Where("s.yaml", 1, 2), "workspaces.a", "is missing", workspaces=(name,)) for name in "ab"]
    text = for_engine(missing, {VARIABLE: "json"})
    assert Diagnostic("error", f"error: {text}\n").problems == tuple(missing)
    assert Diagnostic("error", "error: one\ntwo\n").problems == (refusal("one"), refusal("two"))
    assert Diagnostic("warning", "warning: one\n  two\n").problems == (refusal("one two"),)


def test_what_a_foreign_error_quotes_stays_out():
    assert "hunter2" not in for_engine(problems_of(ValueError("token hunter2")), {VARIABLE: "json"})


def test_programs_get_all_fields():
    problem = Problem(Where("s.yaml", 3, 5), "workspaces.pay", "a\nb", ("c",), "massRemoval", ("pay",))
    assert json.loads(json.dumps(fields(problem))) == {
        "rule": "massRemoval",
        "workspaces": ["pay"],
        "path": "workspaces.pay",
        "problem": r"a\nb",
        "hints": ["c"],
        "docs": page("reference/errors", "massRemoval"),
        "file": "s.yaml",
        "line": 3,
        "column": 5,
    }
