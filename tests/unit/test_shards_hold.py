"""Whose a refusal is, over all texts that refuse; and what is held because of it."""

import ast
import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access import RailSettings, buckets, ledger, rails
from ambient_components.errors import Problem, Where
from ambient_components.provider import bucket_preflight, lost_runs, preflight
from ambient_components.shards import hold, lost
from tests.support.ledgers import refusals

BUCKET = {"name": "data", "driver": "s3", "endpoint": "https://s3.example.com", "generation": 2}
KEY = {"role": "edit", "generation": 2}


def entry(state="active", bucket=None, **more):
    whole = {"state": state, "owners": ["user:alice"], "grants": {}, "keys": {}, **more}
    return {**whole, **({"bucket": bucket} if bucket else {})}


# What the ledger's rules say, made by themselves.

ALONE = {
    "vanished": (entry(), None),
    "nothing to release": (None, entry("released")),
    "misshapen": (None, {**entry(), "state": "open"}),
    "taken over": (entry(grants={"user:a b": "edit"}), entry(grants={"user:a-b": "edit"}, owners=["user:alice"])),
    "generation goes back": (entry(keys={"ci": KEY}), entry(keys={"ci": {**KEY, "generation": 1}})),
    "overlap of nothing": (entry(), entry(keys={"ci": {**KEY, "overlapping": 1}})),
    "overlap with a new role": (
        entry(keys={"ci": {"role": "view", "generation": 1}}),
        entry(keys={"ci": {**KEY, "overlapping": 1}}),
    ),
    "closed and released at once": (entry("closed"), entry("released")),
    "released with a change": (entry(), entry("released", grants={"user:bob": "view"})),
    "dates of a released one": (
        entry(),
        entry("released", dates={"user:bob": [{"role": "view", "until": "2027-01-01"}]}),
    ),
    "bucket gone": (entry(bucket=BUCKET), entry()),
    "bucket replaced": (entry(bucket=BUCKET), entry(bucket={**BUCKET, "name": "other"})),
    "bucket closed and released": (entry(bucket=BUCKET), entry("closed", {**BUCKET, "state": "released"})),
    "bucket not there to release": (entry(), entry(bucket={**BUCKET, "state": "released"})),
    "bucket released with a change": (
        entry(bucket=BUCKET),
        entry(bucket={**BUCKET, "state": "released", "onDelete": "delete"}),
    ),
    "object lock": (entry(bucket=BUCKET), entry(bucket={**BUCKET, "objectLock": True})),
    "expiry": (entry(bucket=BUCKET), entry(bucket={**BUCKET, "expireAfterDays": 3})),
    "bucket's generation": (entry(bucket=BUCKET), entry(bucket={**BUCKET, "generation": 1})),
    "no admin": (entry(), entry(owners=[])),
    "wide subject": (None, entry(grants={"group:system:authenticated": "view"})),
    "personal grant": (None, entry(grants={"user:bob": "view"})),
    "admin key": (None, entry(keys={"ci": {**KEY, "role": "admin"}})),
    "endless key": (None, entry(keys={"ci": {**KEY, "never": True}})),
    "many keys": (None, entry(keys={f"k{n}": KEY for n in range(3)})),
    "admin key beside edit": (
        None,
        entry(keys={"ci": {**KEY, "role": "admin"}}, grants={"group:devs": "edit"}, allow=["adminKey"]),
    ),
}
STRICT = RailSettings(keys_max=2, groups_only=True, admin_keys_apart=True)


def ledger_of(pay, **others):
    return {**({} if pay is None else {"pay-1": pay}), **others}


@pytest.mark.parametrize("case", ALONE)
def test_what_is_refused_of_one_workspace_names_it(case):
    before, after = (ledger_of(one, other=entry()) for one in ALONE[case])
    texts = refusals(before, after, STRICT)
    assert texts
    assert {hold.refused(text) for text in texts} == {frozenset({"pay-1"})}


@pytest.mark.parametrize("case", ALONE)
def test_nothing_is_refused_once_it_is_held(case):
    before, after = (ledger_of(one, other=entry()) for one in ALONE[case])
    assert refusals(before, hold.as_held(["pay-1"], before, after), STRICT) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"a": entry()}, {"a": entry(bucket=BUCKET), "b": entry(bucket=BUCKET)}, id="both want it"),
        pytest.param(
            {"a": entry("closed", {**BUCKET, "onDelete": "delete"})}, {"b": entry(bucket=BUCKET)}, id="one leaves"
        ),
        pytest.param(
            {"a": entry(bucket=BUCKET)},
            {"a": entry(bucket={**BUCKET, "state": "released"}), "b": entry(bucket=BUCKET)},
            id="one lets it go",
        ),
    ],
)
def test_of_a_bucket_that_two_want_both_are_held(before, after):
    texts = refusals(before, after)
    assert texts
    assert {hold.refused(text) for text in texts} == {frozenset({"a", "b"})}
    # With one of them held the other must not have its way.
    for one in ("a", "b"):
        still = refusals(before, hold.as_held([one], before, after))
        assert hold.others(still, [one]) == still
    assert refusals(before, hold.as_held(["a", "b"], before, after)) == []


def test_a_bucket_that_was_let_go_in_a_run_that_holds_its_workspace_is_not_taken():
    before = {"a": entry(bucket=BUCKET), "b": entry()}
    after = {"a": entry(bucket={**BUCKET, "state": "released"}), "b": entry(bucket={**BUCKET, "adopt": True})}
    (text,) = refusals(before, hold.as_held(["a"], before, after))
    assert hold.refused(text) == {"a", "b"}


def test_what_leaves_the_stack_at_once_is_the_shards():
    before = {f"w{n}": entry("closed") for n in range(9)}
    assert [hold.refused(text) for text in refusals(before, {})] == [frozenset()]


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("namespace 'pay-1' exists, and it belongs to the stack app/other: it is not touched", {"pay-1"}),
        ("namespace 'pay-1' is still being deleted: nothing can be made in it", {"pay-1"}),
        ("workspace 'pay-1': bucket 'x' exists, and it belongs to the stack a/b: it is not touched", {"pay-1"}),
        ("workspace 'pay-1': the object store says: no such workspace 'other' here", {"pay-1"}),
        ("workspace 'pay-1' is deployed by shard prod-05: nothing is changed", {"pay-1"}),
        ("the deployer has no right to get secrets, needed for workspace 'pay-1'", set()),
        ("this is another cluster than the stack's: its uid is 1", set()),
        ("the object store at https://s3.example.com gives no answer", set()),
        ("can't note on namespace 'pay-1' that bucket 'x' is being made", set()),
        ("workspaces: a mapping of workspace names to their access is expected", set()),
        ("workspace 'no name' is gone", set()),
        (
            "stacks/prod.yaml:3:5: workspaces.pay-1.secrets.runner.KEY: the environment variable 'X' is not set",
            {"pay-1"},
        ),
        ("error: stacks/prod.yaml:3:5: workspaces.pay-1.secrets.runner['a.b']: there is no file 'x'", {"pay-1"}),
        ("more stacks/a b.yaml: workspaces.pay-1.settings.caBundle.file: there is no file 'x'", {"pay-1"}),
        ("stacks/prod.yaml:3:5: workspaces.pay-1: is the platform's own namespace", {"pay-1"}),
        ("stacks/prod.yaml:3:5: allow[0].rail: is unknown", set()),
        ("config: clusterUid: is missing from the stack's config", set()),
        ("", set()),
    ],
)
def test_whose_a_text_is(text, whose):
    assert hold.refused(text) == whose


# Every text of the modules that refuse, so that a new one is thought of here.

OF_THE_SHARD = (
    "the deployer has no right to {",  # of the identity
    "{len(gone)} of the {total}",  # removals
    "the access in released workspaces can't be looked at",  # a warning
)
INSIDE = (
    # Beginnings of what is only the rest of a text.
    "Put {other} back",
    "then write it here",
    "expireAfter is {days} days, and ",
    "it has {len(has)} keys",
    "{'admin key' if ",
    "key {key_id} is of role admin",
    "{who} {as_what}",
)
SOURCES = (ledger, buckets, rails, preflight, bucket_preflight, lost, lost_runs.problems, lost_runs._of_siblings)


def texts_of(source):
    """Beginnings of all texts with something to fill in, longer than a name; placeholders as they stand."""
    tree = ast.parse(inspect.getsource(source))
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.BinOp) for part in ast.walk(node.right)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in inner:
            text = "".join(
                part.value if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
                for part in node.values
            )
            if len(text) > 60 and "nothing is changed" not in text[:18]:
                yield text


BEGINNING = re.compile(r"(workspace|namespace) \{\w+\}|\{(case\.)?whose\}")


def test_every_text_is_of_a_workspace_or_of_the_shard():
    unheard_of = [
        text
        for source in SOURCES
        for text in texts_of(source)
        if not BEGINNING.match(text) and not text.startswith((*OF_THE_SHARD, *INSIDE))
    ]
    assert unheard_of == []


def test_a_place_and_a_path_are_as_a_program_writes_them():
    problem = Problem(Where("stacks/prod.yaml", 3, 5), "workspaces.pay-1.secrets.runner.KEY", "is not set", ("set it",))
    assert hold.refused(str(problem)) == {"pay-1"}
    assert hold.refused(f"{problem}".replace("workspaces.pay-1", "templates.small")) == frozenset()


# What follows.


def test_one_refusal_of_the_whole_is_everybodys():
    mine = "workspace 'a': its bucket"
    assert hold.reasons([mine, "workspace 'b' is gone", mine]) == {"a": (mine,), "b": ("workspace 'b' is gone",)}
    assert hold.reasons([mine, "no right"]) is None
    assert hold.reasons([]) is None


def test_others_are_those_that_somebody_else_is_named_in():
    both = "workspace 'a': bucket 'x' is the bucket of workspace 'b' as well: give each"
    whole, mine = "no right", "workspace 'a' is gone"
    assert hold.others([both, whole, mine], ["a"]) == [both, whole]
    assert hold.others([both, whole, mine], ["a", "b"]) == [whole]
    assert hold.others([both, whole, mine], []) == [both, whole, mine]


def test_the_engine_leaves_alone_what_is_called_after_them():
    assert hold.hold_flags(["b", "a"]) == (
        *("--exclude", "**::ambient:index:Workspace::a", "--exclude", "**::a/**"),
        *("--exclude", "**::ambient:index:Workspace::b", "--exclude", "**::b/**"),
    )


def test_keys_are_those_that_the_stack_has_outputs_of():
    outputs = ["pay/ci", "pay/nightly", "payments/ci", "plain"]
    assert hold.keys_in(outputs, ["new", "pay"]) == {"new": (), "pay": ("ci", "nightly")}


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=3).map(tuple)))
def test_what_is_told_is_what_is_heard(held):
    assert hold.held_of({hold.HOLD_VARIABLE: hold.hold_text(held)}) == held


@pytest.mark.parametrize("text", ["yes", "[]", '{"a": "ci"}', '{"a": [1]}', '{"A B": []}', '{"a/**": []}'])
def test_another_form_is_refused(text):
    with pytest.raises(ValueError, match="AMBIENT_HOLD is only for ambient up"):
        hold.held_of({hold.HOLD_VARIABLE: text})


def test_nothing_is_held_where_nothing_is_said():
    assert hold.held_of({}) == hold.held_of({hold.HOLD_VARIABLE: ""}) == {}
