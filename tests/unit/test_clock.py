from datetime import UTC, datetime, timedelta

import pytest

from ambient_components import clock


@pytest.fixture(autouse=True)
def _fresh_clock(monkeypatch):
    monkeypatch.delenv(clock.OFFSET_VARIABLE, raising=False)
    clock.now.cache_clear()
    clock.offset.cache_clear()
    yield
    clock.now.cache_clear()
    clock.offset.cache_clear()


def seconds_off(moment):
    return (moment - datetime.now(UTC)).total_seconds()


def test_now_is_now_in_utc_and_whole_seconds():
    assert -2 < seconds_off(clock.now()) <= 0
    assert clock.now().tzinfo == UTC
    assert clock.now().microsecond == 0


@pytest.mark.parametrize(
    ("text", "moved"),
    [("90d", timedelta(days=90)), ("+12h", timedelta(hours=12)), ("-1d12h", timedelta(days=-1.5)), ("", timedelta())],
)
def test_the_variable_moves_the_clock(monkeypatch, text, moved):
    monkeypatch.setenv(clock.OFFSET_VARIABLE, text)
    assert clock.offset() == moved
    assert -2 < seconds_off(clock.now() - moved) <= 0


def test_the_clock_is_read_once_a_process(monkeypatch):
    first = clock.now()
    monkeypatch.setenv(clock.OFFSET_VARIABLE, "1y")
    assert clock.now() == first


def test_an_offset_that_is_no_duration_is_refused(monkeypatch):
    monkeypatch.setenv(clock.OFFSET_VARIABLE, "tomorrow")
    with pytest.raises(ValueError, match="'tomorrow' is not a duration; allowed"):
        clock.now()
