"""Grants with dates in the stack file: which go together, what is in force, and what is announced."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ambient_components.model.stack import StackFile
from ambient_components.rules.durations import DAY
from ambient_components.stackfile.checks.names import check_stack
from ambient_components.stackfile.checks.upcoming_dates import WARN_AHEAD, beginning, ended_grants, ending

GRANTS = ("workspaces", "pay", "grants")
BOB = {"user": "bob"}
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
SECOND_GRANT = "user 'bob' has a grant already"
AT_THE_SAME_TIME = f"{SECOND_GRANT} that holds at the same time"


def stack_of(*grants, zone="UTC", **fields):
    return StackFile.model_validate({"timezone": zone, "workspaces": {"pay": {"grants": list(grants), **fields}}})


def found(*grants, **fields):
    return [(item.path, item.problem, item.other) for item in check_stack(stack_of(*grants, **fields))]


# Which go together.


@pytest.mark.parametrize(
    "grants",
    [
        pytest.param([{"until": "2026-12-31"}, {"from": "2027-01-01", "role": "edit"}], id="one after the other"),
        pytest.param([{"from": "2027-01-01", "role": "edit"}, {"until": "2026-12-31"}], id="in any order"),
        pytest.param([{"until": "2026-12-31"}, {"from": "2027-02-01"}], id="with a gap"),
        pytest.param([{"until": "2026-12-31"}, {"from": "2027-01-01"}], id="the same role"),
        pytest.param(
            [{"until": "2026-12-31T08:00:00Z"}, {"from": "2026-12-31T08:00:00Z", "role": "edit"}], id="by moments"
        ),
        pytest.param(
            [{"from": "2026-12-01", "until": "2026-12-01"}, {"from": "2026-12-02", "until": "2026-12-02"}],
            id="single days",
        ),
        pytest.param(
            [
                {"until": "2026-11-30", "role": "admin"},
                {"from": "2027-01-01"},
                {"from": "2026-12-01", "until": "2026-12-31", "role": "edit"},
            ],
            id="three",
        ),
    ],
)
def test_grants_of_one_subject_may_follow_each_other(grants):
    assert found(*(BOB | grant for grant in grants)) == []


@pytest.mark.parametrize(
    ("grants", "problem"),
    [
        pytest.param([{"until": "2026-12-31"}, {}], SECOND_GRANT, id="beside one without dates"),
        pytest.param([{"until": "2026-12-31"}, {"from": "2026-12-31"}], AT_THE_SAME_TIME, id="on one day"),
        pytest.param([{"from": "2027-01-01"}, {"from": "2026-12-31", "role": "edit"}], AT_THE_SAME_TIME, id="no end"),
        pytest.param(
            [{"until": "2026-12-31T08:00:01Z"}, {"from": "2026-12-31T08:00:00Z"}], AT_THE_SAME_TIME, id="a second"
        ),
        pytest.param([{"until": "2026-12-31"}, {"until": "2026-12-31"}], AT_THE_SAME_TIME, id="twice the same"),
    ],
)
def test_two_at_the_same_time_are_refused_with_both_lines(grants, problem):
    first, second = ((*GRANTS, index, "user") for index in (0, 1))
    assert found(*(BOB | grant for grant in grants)) == [(second, problem, first)]


def test_whether_they_meet_is_a_question_of_the_time_zone():
    grants = BOB | {"until": "2026-12-31"}, BOB | {"from": "2026-12-31T23:30:00Z"}
    assert found(*grants, zone="Europe/Berlin") == []
    assert [problem for _, problem, _ in found(*grants, zone="UTC")] == [AT_THE_SAME_TIME]


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        pytest.param("Bob", "user 'Bob' has a grant already", id="upper and lower case count as equal"),
        pytest.param("b/o/b", None, id="another object name"),
    ],
)
def test_two_subjects_do_not_follow_each_other_in_one_place(other, problem):
    problems = [text for _, text, _ in found(BOB | {"until": "2026-12-31"}, {"user": other, "from": "2027-01-01"})]
    assert problems == ([problem] if problem else [])


# Any dates.

DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 31)).map(str)
OFFSETS = st.sampled_from(["Z", "+01:00", "-05:00"])
DATES = DAYS | st.builds(lambda day, hour, zone: f"{day}T{hour:02}:00:00{zone}", DAYS, st.integers(0, 23), OFFSETS)
SUBJECTS = st.sampled_from([{"user": "bob"}, {"user": "eve"}, {"group": "bob"}])
ANY_GRANT = st.builds(
    lambda who, role, dates: {**who, "role": role, **dates},
    SUBJECTS,
    st.sampled_from(["view", "edit"]),
    st.fixed_dictionaries({}, optional={"from": DATES, "until": DATES}),
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"])
TIMES = st.datetimes(datetime(2025, 12, 30), datetime(2026, 4, 2), timezones=st.just(UTC))


@given(st.lists(ANY_GRANT, max_size=4), ZONES, TIMES)
def test_what_the_checks_take_never_gives_one_subject_two_roles(grants, zone, now):
    stack = stack_of(*grants, zone=zone)
    held = [grant.subject for grant in stack.workspaces["pay"].grants if grant.span(stack.timezone).holds(now)]
    if not check_stack(stack):
        assert len(held) == len(set(held))
    if len(held) != len(set(held)):
        assert any(SECOND_GRANT.split("'")[2] in item.problem for item in check_stack(stack))


@given(st.lists(ANY_GRANT, max_size=4), ZONES, TIMES)
def test_a_date_is_announced_before_it_comes_and_told_after_it(grants, zone, now):
    stack = stack_of(*grants, zone=zone)
    assume(not check_stack(stack))
    received = [
        {finding.path[3] for finding in rule(stack, now) if finding.path[2] == "grants"}
        for rule in (beginning, ending, ended_grants)
    ]
    assert sum(map(len, received)) == len(set().union(*received))  # never two of them
    for index, grant in enumerate(stack.workspaces["pay"].grants):
        span = grant.span(stack.timezone)
        held = span.holds(now)
        if index in received[0]:
            assert not held
            assert not span.holds(now - timedelta(days=1))
        if index in received[1]:
            assert held
            assert not span.holds(now + timedelta(seconds=WARN_AHEAD))
        if index in received[2]:
            assert not held
    assert all(finding.warning for rule in (beginning, ending, ended_grants) for finding in rule(stack, now))


# What is said.


def reported(rule, *grants, now=NOON, **fields):
    return [(".".join(map(str, item.path[2:])), item.problem) for item in rule(stack_of(*grants, **fields), now)]


@pytest.mark.parametrize(
    ("until", "zone", "text"),
    [
        ("2026-12-06", "UTC", "the view grant of user:bob ends after 2026-12-06, in 6 days"),
        ("2026-12-01", "UTC", "the view grant of user:bob ends after 2026-12-01, in 12 hours"),
        ("2026-12-01", "Europe/Berlin", "the view grant of user:bob ends after 2026-12-01, in 11 hours"),
        ("2026-12-01T14:00:00+01:00", "UTC", "the view grant of user:bob ends at 2026-12-01T13:00:00Z, in 60 min"),
        ("2026-12-14", "UTC", "the view grant of user:bob ends after 2026-12-14, in 14 days"),
        ("2026-12-15", "UTC", None),
        ("2026-12-15T12:00:00Z", "UTC", "the view grant of user:bob ends at 2026-12-15T12:00:00Z, in 14 days"),
        ("2026-11-30", "UTC", None),
    ],
)
def test_an_end_is_announced(until, zone, text):
    expected = [("grants.0.until", text)] if text else []
    assert reported(ending, BOB | {"until": until}, zone=zone) == expected


def test_how_early_is_each_grants_own():
    late = BOB | {"until": "2026-12-06", "warnAhead": "3d"}
    early = {"group": "g", "role": "edit", "until": "2027-02-01", "warnAhead": "90d"}
    assert reported(ending, late, early) == [
        ("grants.1.until", "the edit grant of group:g ends after 2027-02-01, in 62 days")
    ]
    assert WARN_AHEAD == 14 * DAY


def test_a_beginning_is_announced():
    soon, later = BOB | {"from": "2026-12-05"}, {"group": "g", "from": "2027-12-05"}
    assert reported(beginning, soon, later) == [
        ("grants.0.from", "the view grant of user:bob begins on 2026-12-05, in 4 days")
    ]
    assert reported(ending, soon, later) == []


def test_a_grant_that_takes_the_place_of_another_is_told_once():
    first, then = BOB | {"until": "2026-12-04"}, BOB | {"from": "2026-12-05", "role": "edit"}
    assert reported(ending, first, then) == [
        ("grants.0.until", "the view grant of user:bob ends after 2026-12-04, in 4 days, and is then edit")
    ]
    assert reported(beginning, first, then) == []
    # Of two with a gap both are told.
    assert len(reported(beginning, first, then | {"from": "2026-12-06"})) == 1


@pytest.mark.parametrize(
    ("until", "text"),
    [
        ("2026-11-30", "the view grant of user:bob ended on 2026-11-30: it gives nothing any more"),
        ("2026-12-01T12:00:00Z", "the view grant of user:bob ended at 2026-12-01T12:00:00Z: it gives nothing any more"),
        ("2026-12-01", None),
    ],
)
def test_a_line_that_gives_nothing_any_more_is_told(until, text):
    assert reported(ended_grants, BOB | {"until": until}) == ([("grants.0.until", text)] if text else [])


@pytest.mark.parametrize("rule", [beginning, ending, ended_grants])
def test_nobody_is_told_of_a_workspace_that_is_not_in_use(rule):
    grants = [
        BOB | {"from": "2026-12-05"},
        {"group": "g", "until": "2026-12-05"},
        {"group": "h", "until": "2026-11-05"},
    ]
    assert len(reported(rule, *grants)) == 1
    assert reported(rule, *grants, state="closed") == []


def test_the_end_of_an_identity_is_announced():
    key = {"generation": 2, "overlapUntil": "2026-12-05"}
    text = "generation 1 of the key ends after 2026-12-05, in 4 days"
    assert reported(ending, keys={"ci": key}) == [("keys.ci.overlapUntil", text)]
    assert reported(ending, keys={"ci": key | {"warnAhead": "3d"}}) == []
    assert reported(ending, keys={"ci": key | {"overlapUntil": "2026-12-31"}}) == []
    assert reported(ending, keys={"ci": key | {"overlapUntil": "2026-12-31", "warnAhead": "60d"}}) != []
    assert reported(ending, keys={"ci": key | {"overlapUntil": "2026-11-30"}}) == []


def test_the_zone_of_the_file_decides_when_a_day_is_over():
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    grant = BOB | {"until": "2026-12-31"}
    assert reported(ending, grant, now=late, zone="UTC")
    assert reported(ended_grants, grant, now=late, zone="Europe/Berlin")
    assert stack_of(grant, zone="Europe/Berlin").timezone == ZoneInfo("Europe/Berlin")
