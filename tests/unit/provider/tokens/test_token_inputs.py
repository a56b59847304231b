"""The inputs of an `AccessToken`: what is checked, and what a change of them means."""

import pytest
from pulumi.runtime import proto

from tests.support.fake_plugin import UNKNOWN, plain, refusal
from tests.support.tokens import DAY, MINTED, WANTED, due

KIND = proto.PropertyDiff


# Check.


def test_defaults_are_added_to_what_is_given(world):
    news = {key: WANTED[key] for key in ("namespace", "serviceAccount", "key", "owner", "lifetimeSeconds")}
    answer = world.plugin.check(news)
    assert not answer.failures
    assert plain(answer.inputs) == {
        **news,
        "generation": 1.0,
        "rotateBeforeSeconds": 14.0 * DAY,
        "overlapSeconds": 7.0 * DAY,
    }


def test_all_that_is_missing_is_told_at_once(world):
    received = {failure.reason for failure in world.plugin.check({}).failures}
    names = ("namespace", "serviceAccount", "key", "owner")
    assert received == {*(f"{name}: is missing; add it" for name in names), "lifetimeSeconds is missing"}


@pytest.mark.parametrize("life", [0, 599, 31_536_001, -1, 3600.5, "90d", True])
def test_a_life_that_cant_be_granted_is_refused(world, life):
    (failure,) = world.plugin.check({**WANTED, "lifetimeSeconds": life}).failures
    assert failure.reason.startswith("lifetimeSeconds: ")


@pytest.mark.parametrize(
    ("before", "overlap", "allowed"),
    [
        (90 * DAY, 0, "rotateBefore under 90d"),
        (91 * DAY, DAY, "rotateBefore under 90d"),
        (DAY, 2 * DAY, "overlap up to 1d"),
        (60 * DAY, 40 * DAY, "overlap up to 30d"),
    ],
)
def test_windows_that_dont_fit_the_life_are_refused(world, before, overlap, allowed):
    news = {**WANTED, "rotateBeforeSeconds": before, "overlapSeconds": overlap}
    (failure,) = world.plugin.check(news).failures
    assert failure.reason.endswith(f"allowed: {allowed}")


def test_a_life_that_is_not_known_yet_is_no_failure(world):
    news = {**WANTED, "lifetimeSeconds": UNKNOWN, "serviceAccountUid": UNKNOWN}
    answer = world.plugin.check(news)
    assert not answer.failures
    assert plain(answer.inputs) == news


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotateBeforeSeconds": "14d"},
        {"overlapSeconds": "7d"},
        {"generation": "two"},
        {"generation": 0},
        {"key": 3},
        {"overlapSeconds": -1},
    ],
    ids=str,
)
def test_a_wrong_type_is_a_failure_with_the_name(world, wrong):
    (failure,) = world.plugin.check({**WANTED, **wrong}).failures
    assert next(iter(wrong)) in failure.reason


# Diff.


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"lifetimeSeconds": 60 * DAY}, {"lifetimeSeconds": KIND.UPDATE}),
        ({"overlapSeconds": None}, {"overlapSeconds": KIND.DELETE}),
        ({"extra": "x"}, {"extra": KIND.ADD}),
        ({"owner": "app/new"}, {"owner": KIND.UPDATE}),
    ],
    ids=str,
)
def test_changed_inputs_are_told_with_their_kind_and_mint_nothing(world, made, change, kinds):
    news = {name: value for name, value in {**WANTED, **change}.items() if value is not None}
    answer = world.plugin.diff(WANTED, made, news)
    assert {path: one.kind for path, one in answer.detailedDiff.items()} == kinds
    assert all(one.inputDiff for one in answer.detailedDiff.values())
    assert list(answer.diffs) == list(kinds)
    assert not answer.replaces


@pytest.mark.parametrize(("day", "changed"), [(70, False), (80, True), (100, True)])
def test_a_rotation_that_is_due_is_a_change_of_outputs(world, made, day, changed):
    world.later(day * DAY)
    answer = world.plugin.diff(WANTED, made, WANTED)
    assert set(answer.detailedDiff) == (MINTED if changed else set())
    assert {(change.kind, change.inputDiff) for change in answer.detailedDiff.values()} <= {(KIND.UPDATE, False)}
    assert not answer.replaces


@pytest.mark.parametrize("uid", ["uid-of-the-next", UNKNOWN])
def test_a_replaced_account_is_a_reason_to_mint(world, made, uid):
    answer = world.plugin.diff(WANTED, made, {**WANTED, "serviceAccountUid": uid})
    assert set(answer.detailedDiff) == MINTED | {"serviceAccountUid"}
    assert not answer.replaces


def test_giving_no_uid_any_more_mints_nothing(world, made):
    news = {name: value for name, value in WANTED.items() if name != "serviceAccountUid"}
    assert set(world.plugin.diff(WANTED, made, news).detailedDiff) == {"serviceAccountUid"}


def test_a_revocation_that_is_due_is_a_change(world, made):
    due(world)
    rotated = world.plugin.update(made, WANTED)
    world.later(87 * DAY + 5)
    answer = world.plugin.diff(WANTED, rotated, WANTED)
    assert set(answer.detailedDiff) == {"retiring", "pendingRevocations", "nextAction"}


def test_a_life_that_is_not_known_yet_is_a_change_and_mints_nothing(world, made):
    answer = world.plugin.diff(WANTED, made, {**WANTED, "lifetimeSeconds": UNKNOWN})
    assert set(answer.detailedDiff) == {"lifetimeSeconds"}


def test_a_state_of_a_later_version_is_told(world, made):
    text = refusal(lambda: world.plugin.diff(WANTED, {**made, "schemaVersion": 2}, WANTED))
    assert "written by a later version of ambient-components" in text
