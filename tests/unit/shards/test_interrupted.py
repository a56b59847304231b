"""What lost runs may have left: all of what is not declared any more ends, and nothing that is declared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.shards.interrupted import (
    Leftover,
    begun,
    bucket_refusals,
    has_bucket,
    leftovers,
    may_be_ours,
    vanished,
)
from tests.support import ledgers
from tests.support.ledgers import object_names


def entry(owners=(), grants=None, keys=None, **rest):
    return ledgers.entry(
        {"state": "active", "owners": list(owners), "grants": grants or {}, "keys": keys or {}, **rest}
    )


def key(role="edit", generation=1):
    return {"role": role, "generation": generation}


SUBJECTS = st.sampled_from(["user:ana", "user:bob", "group:devs"])
ROLES = st.sampled_from(["view", "edit", "admin"])
ENTRIES = st.builds(
    entry,
    owners=st.lists(SUBJECTS, unique=True, max_size=2),
    grants=st.dictionaries(SUBJECTS, ROLES),
    keys=st.dictionaries(st.sampled_from(["ci", "cd"]), st.builds(key, ROLES, st.integers(1, 3))),
)
NAMES = st.sampled_from(["pay", "dev", "ops"])
LEDGERS = st.dictionaries(NAMES, ENTRIES)
LEFT = st.dictionaries(NAMES, st.lists(ENTRIES, min_size=1, max_size=3).map(tuple))


def access(workspace, one):
    return {Leftover(workspace, kind, name) for kind, name in object_names(workspace, one)}


@given(left=LEFT, after=LEDGERS)
def test_all_that_lost_runs_declared_and_nothing_that_is_declared_ends(left, after):
    ending = leftovers(left, after)
    declared = {one for name, now in after.items() for one in access(name, now)}
    given = {one for name, entries in left.items() if name in after for was in entries for one in access(name, was)}
    assert not set(ending) & declared
    assert set(ending) == given - declared
    assert list(ending) == sorted(set(ending))


@given(left=LEFT, before=LEDGERS, after=LEDGERS)
def test_what_no_run_lost_is_never_ended_and_what_the_state_does_not_have_is_named(left, before, after):
    never_lost = {
        one
        for name, was in before.items()
        for one in access(name, was)
        if not any(one in access(name, entry) for entry in left.get(name, ()))
    }
    assert not set(leftovers(left, after)) & never_lost
    assert begun(left, before).keys() == left.keys() - before.keys()


def test_a_workspace_that_is_not_declared_is_not_touched():
    assert leftovers({"pay": (entry(grants={"user:bob": "edit"}),)}, {"dev": entry()}) == ()


def test_an_identity_that_is_still_declared_keeps_its_account_and_loses_its_role():
    (leftover,) = leftovers({"pay": (entry(keys={"ci": key("admin")}),)}, {"pay": entry(keys={"ci": key("view")})})
    assert leftover.kind == "RoleBinding"
    assert leftover.name.startswith("ambient-key-admin-ci-")
    assert str(leftover) == f"RoleBinding pay/{leftover.name}"


def test_the_state_s_ledger_saves_nothing_that_a_lost_run_gave():
    """It is recorded before what it says is made: the engine may not know the object."""
    left = {"pay": (entry(grants={"user:bob": "edit"}),)}
    assert [leftover.name for leftover in leftovers(left, {"pay": entry()})] == ["ambient-permission-edit-bob-user"]


@pytest.mark.parametrize(
    ("holder", "adopt", "ours"),
    [("app/prod", False, True), (None, True, True), (None, False, False), ("other/one", True, False)],
)
def test_whose_a_namespace_is_that_a_lost_run_may_have_begun(holder, adopt, ours):
    assert may_be_ours((entry(), entry(adopt=adopt)), "app/prod", holder) is ours


def test_a_workspace_that_may_be_there_is_named_with_the_way_out():
    assert "workspace 'pay' is gone from the files, and an interrupted run may have begun it" in str(vanished("pay"))
    assert "put the entry back and deploy" in str(vanished("pay"))


# Buckets.

DATA = {"name": "data", "driver": "s3", "generation": 1}


def received(lost, before, after):
    left = {"pay": (entry(bucket=lost),)}
    olds = {} if before is None else {"pay": entry(bucket=before)}
    return bucket_refusals(left, olds, {"pay": entry(bucket=after)})


@pytest.mark.parametrize(
    ("lost", "before", "after", "reason"),
    [
        pytest.param(DATA, None, DATA, None, id="still declared"),
        pytest.param(DATA, DATA, None, None, id="the state has it, and judges"),
        pytest.param(DATA, None, None, "may have made bucket 'data' of driver 's3'", id="gone"),
        pytest.param(DATA, None, {**DATA, "name": "other"}, "may have made bucket 'data'", id="another one"),
        pytest.param({**DATA, "driver": "existing"}, None, None, "or access keys for it", id="somebody else's"),
        pytest.param({**DATA, "generation": 2}, DATA, DATA, "made generation 2", id="generation taken back"),
        pytest.param({**DATA, "generation": 2}, DATA, {**DATA, "generation": 2}, None, id="generation kept"),
        pytest.param({**DATA, "generation": 2}, {**DATA, "generation": 2}, DATA, None, id="the state has that, too"),
        pytest.param({**DATA, "state": "released"}, None, None, None, id="it was let go"),
        pytest.param(None, None, DATA, None, id="it had none"),
    ],
)
def test_a_bucket_that_only_a_lost_run_declared_can_not_vanish(lost, before, after, reason):
    problems = received(lost, before, after)
    if reason is None:
        assert problems == []
    else:
        text = str(problems[0])
        assert len(problems) == 1
        assert reason in text
        assert "nothing is changed" in text


def test_the_same_bucket_of_two_lost_runs_is_told_once():
    left = {"pay": (entry(bucket=DATA), entry(bucket=DATA, grants={"user:bob": "view"}))}
    assert len(bucket_refusals(left, {}, {"pay": entry()})) == 1
    assert has_bucket(left["pay"])
    assert not has_bucket((entry(),))
