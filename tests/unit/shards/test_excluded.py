"""Which workspaces a refusal is about, over all rules of the ledger; and what is excluded because of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.errors import refusal
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.rules.refusals import Rule
from ambient_components.shards import excluded
from tests.support.ledgers import refused

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
        entry(keys={"ci": {**KEY, "role": "admin"}}, grants={"group:devs": "edit"}, exceptions=["adminKey"]),
    ),
}
STRICT = GuardrailsRecord.model_construct(max_keys=2, groups_only=True, isolate_admin_keys=True)


def ledger_of(pay, **others):
    return {**({} if pay is None else {"pay-1": pay}), **others}


@pytest.mark.parametrize("case", ALONE)
def test_what_is_refused_of_one_workspace_names_it(case):
    before, after = (ledger_of(one, other=entry()) for one in ALONE[case])
    problems = refused(before, after, STRICT)
    assert problems
    assert all(problem.rule for problem in problems)
    assert {problem.workspaces for problem in problems} == {("pay-1",)}


@pytest.mark.parametrize("case", ALONE)
def test_nothing_is_refused_once_it_is_excluded(case):
    before, after = (ledger_of(one, other=entry()) for one in ALONE[case])
    assert refused(before, excluded.with_excluded(["pay-1"], before, after), STRICT) == []


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
def test_of_a_bucket_that_two_want_both_are_excluded(before, after):
    problems = refused(before, after)
    assert problems
    assert {frozenset(problem.workspaces) for problem in problems} == {frozenset({"a", "b"})}
    # With one of them excluded the other must not have its way.
    for name in ("a", "b"):
        still = refused(before, excluded.with_excluded([name], before, after))
        assert excluded.others(still, [name]) == still
    assert refused(before, excluded.with_excluded(["a", "b"], before, after)) == []


def test_a_bucket_that_was_let_go_in_a_run_that_excludes_its_workspace_is_not_taken():
    before = {"a": entry(bucket=BUCKET), "b": entry()}
    after = {"a": entry(bucket={**BUCKET, "state": "released"}), "b": entry(bucket={**BUCKET, "adopt": True})}
    (problem,) = refused(before, excluded.with_excluded(["a"], before, after))
    assert {*problem.workspaces} == {"a", "b"}


def test_what_leaves_the_stack_at_once_is_the_shards():
    before = {f"w{n}": entry("closed") for n in range(9)}
    assert [one.workspaces for one in refused(before, {})] == [()]


# What follows.


A, B = (refusal(f"{name} is gone", rule="notClosed", workspaces=(name,)) for name in "ab")
BOTH = refusal("one bucket", rule="sharedBucket", workspaces=("a", "b"))
WHOLE = refusal("no right")


def test_one_refusal_of_the_whole_is_everybodys():
    assert excluded.reasons([A, B, A]) == {"a": (A,), "b": (B,)}
    assert excluded.reasons([A, BOTH]) == {"a": (A, BOTH), "b": (BOTH,)}
    assert excluded.reasons([A, WHOLE]) is None
    assert excluded.reasons([]) is None


def test_others_are_those_that_somebody_else_is_named_in():
    assert excluded.others([BOTH, WHOLE, A], ["a"]) == [BOTH, WHOLE]
    assert excluded.others([BOTH, WHOLE, A], ["a", "b"]) == [WHOLE]
    assert excluded.others([BOTH, WHOLE, A], []) == [BOTH, WHOLE, A]


def test_the_engine_leaves_alone_what_is_called_after_them():
    assert excluded.exclude_flags(["b", "a"]) == (
        *("--exclude", "**::ambient:index:Workspace::a", "--exclude", "**::a/**"),
        *("--exclude", "**::ambient:index:Workspace::b", "--exclude", "**::b/**"),
    )


def test_keys_are_those_that_the_stack_has_outputs_of():
    outputs = ["pay/ci", "pay/nightly", "payments/ci", "plain"]
    assert excluded.keys_in(outputs, ["new", "pay"]) == {"new": (), "pay": ("ci", "nightly")}


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=3).map(tuple)))
def test_what_is_told_is_what_is_heard(keys):
    assert excluded.excluded_of({excluded.EXCLUDE_VARIABLE: excluded.excluded_text(keys)}) == keys


@pytest.mark.parametrize("text", ["yes", "[]", '{"a": "ci"}', '{"a": [1]}', '{"A B": []}', '{"a/**": []}'])
def test_another_form_is_refused(text):
    with pytest.raises(ValueError, match="AMBIENT_EXCLUDE is only for ambient up"):
        excluded.excluded_of({excluded.EXCLUDE_VARIABLE: text})


def test_nothing_is_excluded_where_nothing_is_said():
    assert excluded.excluded_of({}) == excluded.excluded_of({excluded.EXCLUDE_VARIABLE: ""}) == {}


def test_a_lost_state_stops_the_shard_as_a_whole():
    refusals = [refusal("no", workspaces=("aa",)), refusal("lost", rule=Rule.UNKNOWN_ACCOUNTS, workspaces=("bb",))]
    assert excluded.reasons(refusals[:1]) == {"aa": (refusals[0],)}
    assert excluded.reasons(refusals) is None
