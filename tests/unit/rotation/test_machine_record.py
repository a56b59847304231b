"""What is on record after a plan: windows that were missed, reasons, and the next action."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ambient_components.rotation import TokenState, plan
from ambient_components.rotation.machine import mint_reason, next_action
from ambient_components.rules.lifetimes import NEVER, Policy
from tests.support.token_states import (
    DAY,
    DEAD,
    DUE,
    DUE_IN_OVERLAP,
    EXPIRED,
    FOUND,
    LIVE,
    MANUAL,
    NONE,
    NOW,
    OVERLAP,
    OVERLAP_OVER,
    PENDING,
    POLICY,
    days,
    live,
    outcome_of,
    token_secret,
)


@pytest.mark.parametrize(
    ("state", "how", "current"),
    [
        (NONE, {"former": True}, None),
        (LIVE, {}, LIVE.current),
        (OVERLAP_OVER, {}, OVERLAP_OVER.current),
        (DUE, {"former": True}, DUE.current),
        (DUE, {}, None),
        (LIVE, {"force": "because"}, None),
        (LIVE, {"force": "because", "former": True}, LIVE.current.killed("because")),
    ],
)
def test_the_current_one_stays_on_record_where_none_is_minted(state, how, current):
    outcome = plan(state, POLICY, NOW, **how)
    assert outcome.current == current
    assert (outcome.current is None) == (bool(outcome.mint) or state.current is None)


def test_without_overlap_the_reason_says_so():
    assert plan(DUE, replace(POLICY, overlap=0), NOW).revoke[0][1] == "it is replaced, and the overlap is 0"


def test_a_missed_window_is_a_warning_with_the_moment_and_the_window():
    (warning,) = plan(EXPIRED, POLICY, NOW).warnings
    assert "1209600 s" in warning
    assert "2026-05-31T12:00:00Z" in warning
    assert not plan(DUE, POLICY, NOW).warnings


def test_a_token_known_to_be_dead_is_no_missed_window():
    assert not plan(TokenState(token_secret("now", -91, -1, dead="gone")), POLICY, NOW).warnings


def test_a_window_that_was_missed_is_told_whatever_else_was_found_or_happened():
    found = TokenState(EXPIRED.current.killed(EXPIRED.current.lapse(NOW), lapsed=True))
    assert plan(found, POLICY, NOW).warnings == plan(EXPIRED, POLICY, NOW).warnings
    assert plan(EXPIRED, POLICY, NOW, force="because").warnings == plan(EXPIRED, POLICY, NOW).warnings
    assert not plan(LIVE, POLICY, NOW, force="because").warnings


@pytest.mark.parametrize("how", [{"policy": MANUAL}, {"former": True}])
def test_what_nobody_renews_misses_no_window(how):
    assert not plan(EXPIRED, how.pop("policy", POLICY), NOW, **how).warnings


@pytest.mark.parametrize(
    ("before_expiry", "due"),
    [(14 * DAY + 1, False), (14 * DAY, True), (1, True), (0, True), (-1, True)],
)
def test_rotation_is_due_from_the_second_on_which_the_window_opens(before_expiry, due):
    state = TokenState(replace(LIVE.current, expires_at=NOW + timedelta(seconds=before_expiry)))
    assert (mint_reason(state, POLICY, NOW) is not None) is due


def test_the_moment_of_expiry_counts_as_expired():
    state = TokenState(replace(LIVE.current, expires_at=NOW))
    assert mint_reason(state, POLICY, NOW) == "the token expired on 2026-06-01T12:00:00Z"


@pytest.mark.parametrize(("seconds", "ended"), [(7 * DAY - 1, False), (7 * DAY, True)])
def test_an_overlap_ends_on_its_second(seconds, ended):
    current = replace(LIVE.current, issued_at=NOW - timedelta(seconds=seconds))
    assert bool(plan(TokenState(current, (token_secret("old"),)), POLICY, NOW)) is ended


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (NONE, None),
        (LIVE, ("rotate", NOW + days(80 - 14))),
        (DUE, ("rotate", NOW + days(10 - 14))),
        (OVERLAP, ("revoke", NOW + days(1))),
        (DUE_IN_OVERLAP, ("rotate", NOW + days(13 - 14))),
        (TokenState(token_secret("now", expires=None)), None),
        (TokenState(token_secret("now", expires=None), (token_secret("old"),)), ("revoke", NOW + days(-10 + 7))),
        (FOUND, None),
    ],
)
def test_the_next_action_is_the_earlier_of_revoking_and_rotating(state, expected):
    assert next_action(state, POLICY) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (NONE, None),
        (LIVE, ("expire", NOW + days(80))),
        (DUE, ("expire", NOW + days(10))),
        (EXPIRED, ("expire", NOW + days(-1))),
        (DEAD, None),
        (OVERLAP, ("revoke", NOW + days(1))),
        (PENDING, ("revoke", NOW + days(-99))),
        (TokenState(token_secret("now", expires=None)), None),
    ],
)
@pytest.mark.parametrize("how", [{"policy": MANUAL}, {"policy": POLICY, "former": True}], ids=["manual", "former"])
def test_what_nobody_renews_is_next_to_expire(state, expected, how):
    assert next_action(state, **how) == expected


def test_a_token_without_an_end_has_nothing_before_it():
    state = TokenState(token_secret("now", expires=49_710))
    for policy in (Policy.of(NEVER), Policy.of(NEVER, manual=False), Policy.of(NEVER, static=True)):
        assert next_action(state, policy) is None
        assert mint_reason(state, policy, NOW + days(49_000)) is None


def test_a_dead_token_is_next_to_be_rotated_at_once():
    moment = next_action(DEAD, POLICY)[1]
    assert moment <= NOW


def test_a_cap_below_the_window_does_not_rotate_in_every_run():
    granted = timedelta(days=1)
    state = outcome_of(NONE, plan(NONE, POLICY, NOW), POLICY, NOW, granted)
    assert not plan(state, POLICY, NOW)


@pytest.mark.parametrize("current", [DEAD.current, EXPIRED.current], ids=["dead", "expired"])
def test_two_that_retire_make_room_for_the_next_token(current):
    retiring = tuple(token_secret(name, -3 + index) for index, name in enumerate("ab"))
    state = TokenState(current and replace(current, issued_at=NOW - days(1)), retiring)
    assert live(outcome_of(state, plan(state, POLICY, NOW), POLICY, NOW), NOW) <= 2
