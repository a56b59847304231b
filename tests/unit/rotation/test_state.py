from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.rotation import SCHEMA_VERSION, TokenSecret, TokenState
from ambient_components.rotation.state import format_time, parse_time, time_of

MOMENT = datetime(2026, 6, 1, 12, 30, 15, tzinfo=UTC)

moments = st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
token_secrets = st.builds(
    TokenSecret,
    name=st.text(min_size=1),
    uid=st.text(min_size=1),
    generation=st.integers(1, 1000),
    issued_at=moments,
    expires_at=st.none() | moments,
    dead=st.none() | st.text(min_size=1),
)
token_secret_lists = st.lists(token_secrets, max_size=3).map(tuple)


def as_numbers_of_the_wire(value):
    """Every number a float: the wire knows no others."""
    if isinstance(value, dict):
        return {key: as_numbers_of_the_wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_numbers_of_the_wire(item) for item in value]
    return float(value) if isinstance(value, int) else value


@given(token_secrets)
def test_a_handle_survives_the_state(token_secret):
    assert TokenSecret.from_wire(as_numbers_of_the_wire(token_secret.to_wire())) == token_secret


@given(st.none() | token_secrets, token_secret_lists, token_secret_lists)
def test_a_token_state_survives_the_state(current, retiring, pending):
    outputs = {
        "current": current.to_wire() if current else None,
        "retiring": [token_secret.to_wire() for token_secret in retiring],
        "pendingRevocations": [token_secret.to_wire() for token_secret in pending],
        "schemaVersion": SCHEMA_VERSION,
        "token": "not looked at",
    }
    assert TokenState.from_wire(as_numbers_of_the_wire(outputs)) == TokenState(current, retiring, pending)


def test_a_handle_is_written_in_the_names_of_the_reference():
    token_secret = TokenSecret("ambient-key-ci-1-a", "u-1", 2, MOMENT, MOMENT + timedelta(days=1), "gone")
    assert token_secret.to_wire() == {
        "handle": "ambient-key-ci-1-a",
        "uid": "u-1",
        "generation": 2,
        "issuedAt": "2026-06-01T12:30:15Z",
        "expiresAt": "2026-06-02T12:30:15Z",
        "dead": "gone",
    }


def test_a_state_of_a_later_version_is_refused_with_the_way_out():
    with pytest.raises(
        ValueError, match=r"later version of ambient-components \(schema 2, this one reads 1\): run the"
    ):
        TokenState.from_wire({"schemaVersion": SCHEMA_VERSION + 1.0})


def test_a_killed_handle_keeps_all_but_its_life():
    token_secret = TokenSecret("a", "u", 1, MOMENT)
    assert token_secret.killed("gone") == TokenSecret("a", "u", 1, MOMENT, dead="gone")
    assert token_secret.dead is None


def test_retiring_tokens_end_an_overlap_after_the_current_one_was_issued():
    one, two = TokenSecret("a", "a", 1, MOMENT), TokenSecret("b", "b", 1, MOMENT - timedelta(days=9))
    week = timedelta(days=7)
    assert TokenState(one, (two,)).retires_at(week) == MOMENT + week
    assert TokenState(one).retires_at(week) is None
    assert TokenState(None, (two,)).retires_at(week) is None


HOUR = timedelta(hours=1)


def one(name, expires=HOUR, dead=None):
    return TokenSecret(name, f"uid-{name}", 1, MOMENT - HOUR, None if expires is None else MOMENT + expires, dead)


@pytest.mark.parametrize(
    ("expires", "why"),
    [(HOUR, None), (None, None), (timedelta(), "2026-06-01T12:30:15Z"), (-HOUR, "2026-06-01T11:30:15Z")],
)
def test_a_life_is_over_on_its_second(expires, why):
    assert one("a", expires).lapse(MOMENT) == (why and f"it expired on {why}")


@pytest.mark.parametrize("text", ["2026-06-01T12:30:15", "2026-06-01", "2026-06-01 12:30"])
def test_a_time_without_a_zone_is_refused(text):
    with pytest.raises(ValueError, match="has no time zone"):
        parse_time(text)


def test_a_naive_time_is_not_written_down_as_local_time():
    with pytest.raises(ValueError, match="zone"):
        format_time(datetime(2026, 6, 1))


@pytest.mark.parametrize("text", ["2026-06-01T12:30:15Z", "2026-06-01T14:30:15+02:00", "2026-06-01T12:30:15.000000Z"])
def test_each_spelling_of_a_moment_is_the_same_moment(text):
    assert parse_time(text) == MOMENT
    assert parse_time(text).tzinfo == UTC


def test_a_time_is_written_in_utc_and_whole_seconds():
    there = MOMENT.astimezone(timezone(timedelta(hours=-5))).replace(microsecond=999_999)
    assert format_time(there) == "2026-06-01T12:30:15Z"


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
        "9000-01-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "9" * 5_000,
        "2026-06-01T12:30:15Z" + " " * 100,
        "",
        "\x00",
        None,
        True,
        20_260_601,
        ["2026-06-01T12:30:15Z"],
    ],
)
def test_what_is_no_time_that_can_be_used_is_a_value_error_and_nothing_else(value):
    with pytest.raises(ValueError, match=r"^.{1,200}$"):
        parse_time(value)
    assert time_of(value) is None


@given(st.text() | st.integers() | st.none() | st.datetimes().map(datetime.isoformat))
def test_any_value_is_a_time_that_survives_or_none(value):
    moment = time_of(value)
    assert moment is None or parse_time(format_time(moment)) == moment.replace(microsecond=0)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=23)), timezone(-timedelta(hours=23))])))
def test_years_that_can_be_counted_with_are_read(moment):
    found = time_of(moment.isoformat())
    assert (found is not None) == (1970 <= moment.year < 9000) or moment.month in (1, 12)
    assert found is None or found + timedelta(days=300_000) - timedelta(days=300_000) == moment
