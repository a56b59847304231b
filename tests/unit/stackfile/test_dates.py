"""Days and moments: what may be written, when a day begins and ends where the team is, and what lies in between."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ambient_components.model.dates import DayOrMoment, Span, end_of, start_of, written
from ambient_components.stackfile.schema import stack_schema
from tests.support.json_schema import faults

ADAPTER: TypeAdapter[date | datetime] = TypeAdapter(DayOrMoment)
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Havana",  # clocks go back at 1:00, so that midnight is there twice
        "America/Santiago",  # and forward at midnight, which is not there
        "Asia/Kathmandu",
        "Australia/Lord_Howe",  # by half an hour
        "Pacific/Apia",
        "Pacific/Kiritimati",
    ]
).map(ZoneInfo)
DAYS = st.dates(date(2000, 1, 1), date(2060, 12, 31))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 12, 31), timezones=st.just(UTC))
ENDS = st.none() | DAYS | MOMENTS


def read(value):
    return ADAPTER.validate_python(value)


# Reading.


@pytest.mark.parametrize(
    ("text", "value", "recorded"),
    [
        ("2026-12-31", date(2026, 12, 31), "2026-12-31"),
        ("2028-02-29", date(2028, 2, 29), "2028-02-29"),
        ("2026-12-01T08:00:00Z", datetime(2026, 12, 1, 8, tzinfo=UTC), "2026-12-01T08:00:00Z"),
        ("2026-12-01T08:00:00+01:00", datetime(2026, 12, 1, 7, tzinfo=UTC), "2026-12-01T07:00:00Z"),
        ("2026-12-31T20:30:15-05:00", datetime(2027, 1, 1, 1, 30, 15, tzinfo=UTC), "2027-01-01T01:30:15Z"),
    ],
)
def test_a_day_or_a_moment_is_read_and_recorded(text, value, recorded):
    got = read(text)
    assert (got, type(got)) == (value, type(value))
    assert written(got) == recorded
    assert read(recorded) == got
    assert read(got) == got


@given(st.from_regex(r"2026-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9])?(Z|[-+][01][0-9]:00)?)?"))
def test_what_is_read_the_schema_takes(text):
    schema = stack_schema()
    rules = schema["$defs"]["Grant"]["properties"]["until"]
    try:
        read(text)
    except ValidationError:
        return
    assert faults(text, rules, schema) == []


# Days where the team is.


@pytest.mark.parametrize(
    ("zone", "day", "start", "end"),
    [
        ("UTC", "2026-12-31", "2026-12-31T00:00Z", "2027-01-01T00:00Z"),
        ("Europe/Berlin", "2026-12-31", "2026-12-30T23:00Z", "2026-12-31T23:00Z"),
        pytest.param("Europe/Berlin", "2027-03-28", "2027-03-27T23:00Z", "2027-03-28T22:00Z", id="a day of 23 hours"),
        pytest.param("Europe/Berlin", "2026-10-25", "2026-10-24T22:00Z", "2026-10-25T23:00Z", id="a day of 25 hours"),
        ("America/Los_Angeles", "2026-12-31", "2026-12-31T08:00Z", "2027-01-01T08:00Z"),
        ("America/New_York", "2027-03-14", "2027-03-14T05:00Z", "2027-03-15T04:00Z"),
        pytest.param("America/Havana", "2026-11-01", "2026-11-01T04:00Z", "2026-11-02T05:00Z", id="midnight twice"),
        pytest.param("America/Santiago", "2026-09-06", "2026-09-06T04:00Z", "2026-09-07T03:00Z", id="no midnight"),
        ("Pacific/Kiritimati", "2026-12-31", "2026-12-30T10:00Z", "2026-12-31T10:00Z"),
    ],
)
def test_a_day_is_a_day_of_the_time_zone(zone, day, start, end):
    day, zone = date.fromisoformat(day), ZoneInfo(zone)
    start, end = datetime.fromisoformat(start), datetime.fromisoformat(end)
    assert (start_of(day, zone), end_of(day, zone)) == (start, end)
    span = Span.of(day, day, zone)
    assert [span.holds(start + timedelta(seconds=off)) for off in (-1, 0)] == [False, True]
    assert [span.holds(end + timedelta(seconds=off)) for off in (-1, 0)] == [True, False]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_first_and_the_last_day_of_the_calendar_are_days_too(zone):
    span = Span.of(date.min, date.max, ZoneInfo(zone))
    assert span.holds(datetime(2026, 12, 31, tzinfo=UTC))
    assert not span.empty


# Stretches of time.


@given(ENDS, ENDS, ZONES, st.lists(MOMENTS, min_size=3, max_size=3).map(sorted))
def test_what_holds_twice_holds_all_the_time_between(first, last, zone, moments):
    span = Span.of(first, last, zone)
    held = [span.holds(moment) for moment in moments]
    assert held != [True, False, True]
    if span.empty:
        assert not any(held)


@given(ENDS, ENDS, ENDS, ENDS, ZONES, MOMENTS)
def test_spans_meet_where_some_moment_lies_in_both(first, last, other_first, other_last, zone, moment):
    one, other = Span.of(first, last, zone), Span.of(other_first, other_last, zone)
    assert one.meets(other) == other.meets(one)
    if one.holds(moment) and other.holds(moment):
        assert one.meets(other)
    if one.meets(other):
        # The later beginning is in both; without a beginning any moment before the first end is.
        starts = [span.start for span in (one, other) if span.start is not None]
        ends = [span.end for span in (one, other) if span.end is not None]
        witness = max(starts) if starts else min(ends, default=moment) - timedelta(seconds=1)
        if not (one.empty or other.empty):
            assert one.holds(witness)
            assert other.holds(witness)


def test_days_and_moments_go_together():
    span = Span.of(date(2026, 12, 1), datetime(2026, 12, 1, 8, tzinfo=UTC), BERLIN)
    assert (span.start, span.end) == (datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 1, 8, tzinfo=UTC))
    assert Span.of(datetime(2026, 12, 1, tzinfo=UTC), date(2026, 11, 30), UTC_ZONE).empty
    assert not Span.of(datetime(2026, 12, 1, tzinfo=UTC), date(2026, 12, 1), UTC_ZONE).empty
