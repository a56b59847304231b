"""Days of rest: what is read, when a renewal waits, and that none makes a key expire."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.rotation import TokenSecret, TokenState
from ambient_components.rotation.machine import mint_reason, next_action
from ambient_components.rules.lifetimes import Policy, misfit
from ambient_components.rules.rest_days import WEEKDAYS, RestDays, rest_problem

DAY, HOUR = 86_400, 3600
SATURDAY = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["sat", "2026-12-24", "2026-12-24/2026-12-24", "2026-01-01/2026-12-31"])
def test_days(text):
    assert rest_problem(text) is None
    assert RestDays.of([text])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Sat", "names no days"),
        ("2026-12-24/", "names no days"),
        ("2026-02-30", "is not of the calendar"),
        ("2026-12-24/2026-12-23", "is no span of up to 366 days"),
        ("2026-01-01/2027-06-30", "is no span of up to 366 days"),
        ("9999-12-31", "is no span of up to 366 days"),
        ("0001-01-01", "is no span of up to 366 days"),
    ],
)
def test_what_names_no_days(text, problem):
    assert problem in (rest_problem(text) or ("",))[0]
    assert not RestDays.of([text])


@pytest.mark.parametrize("junk", [None, 5, "sat", [None, 5, {}], [*WEEKDAYS]])
def test_junk_is_no_rest(junk):
    assert not RestDays.of(junk, "no zone")


@pytest.mark.parametrize(
    ("days", "longest"),
    [
        (["sat", "sun"], 2),
        (["sun", "mon", "sat"], 3),
        (["2026-12-24/2027-01-01"], 9),
        (["sat", "sun", "2026-12-24"], 2),  # a Thursday
        (["sat", "sun", "2026-12-24/2026-12-25"], 4),
        (["sat", "sun", "2026-12-28/2026-12-31", "2027-01-01"], 9),
    ],
)
def test_the_longest_rest(days, longest):
    assert RestDays.of(days).longest == longest * DAY + HOUR


def test_a_policy_whose_rest_could_let_a_key_expire_is_refused():
    rest = RestDays.of(["sat", "sun", "2026-12-21/2027-01-03"])
    assert misfit(Policy.of(90 * DAY, run_every=DAY, rest=RestDays.of(["sat", "sun"]))) is None
    problem, remedy = misfit(Policy.of(90 * DAY, run_every=DAY, rest=rest)) or ("", "")
    assert problem == (
        "a renewal window of 14d is too short: runs come every 1d, as runEvery says, and none renews for up to 16 "
        "days, as rotateNotOn says, and none might come in it"
    )
    assert remedy == "allowed: rotateBefore over 17d1h and a life longer than that, or rotate: manual"
    assert misfit(Policy.of(90 * DAY, rest=rest))
    assert misfit(Policy.of(90 * DAY, 21 * DAY, rest=rest)) is None


def state(expires):
    return TokenState(TokenSecret("t", "u", 1, SATURDAY - timedelta(days=20), expires))


def test_a_renewal_waits_for_monday_in_the_stacks_zone():
    policy = Policy.of(30 * DAY, 8 * DAY, run_every=DAY, rest=RestDays.of(["sat", "sun"], "Asia/Tokyo"))
    current = state(SATURDAY + timedelta(days=8))
    monday = datetime(2026, 11, 29, 15, tzinfo=UTC)
    assert next_action(current, policy) == ("rotate", monday)
    assert mint_reason(current, policy, SATURDAY) is None
    assert mint_reason(current, policy, monday - timedelta(seconds=1)) is None
    assert mint_reason(current, policy, monday) is not None


@pytest.mark.parametrize("left", [timedelta(hours=1), timedelta(days=2)])
def test_what_would_not_last_until_a_run_after_the_rest_is_renewed_in_it(left):
    policy = Policy.of(30 * DAY, 8 * DAY, run_every=DAY, rest=RestDays.of(["sat", "sun"]))
    assert mint_reason(state(SATURDAY + left), policy, SATURDAY) is not None


def test_only_a_renewal_waits():
    policy = Policy.of(30 * DAY, 8 * DAY, run_every=DAY, rest=RestDays.of(["sat", "sun"]))
    assert mint_reason(TokenState(), policy, SATURDAY) == "first token"
    dead = TokenState(TokenSecret("t", "u", 1, SATURDAY, SATURDAY + timedelta(days=30), dead="it was revoked"))
    assert mint_reason(dead, policy, SATURDAY) is not None
    assert mint_reason(state(SATURDAY), policy, SATURDAY) is not None


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(str)
SPANS = st.tuples(DAYS, DAYS).map(lambda two: "/".join(sorted(two)))
RESTS = st.lists(st.sampled_from(WEEKDAYS) | DAYS | SPANS, max_size=6)


@given(RESTS.map(RestDays.of), st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1)))
def test_no_rest_is_longer_than_the_longest(rest, moment):
    now = moment.replace(tzinfo=UTC)
    end = rest.delayed(now, datetime.max.replace(tzinfo=UTC), 0)
    assert (end - now).total_seconds() <= rest.longest
    assert rest.delayed(end, datetime.max.replace(tzinfo=UTC), 0) == end
