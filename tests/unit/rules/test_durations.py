import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.rules.durations import format_rounded, format_seconds, parse_duration

ALLOWED = "allowed: a whole number and a unit of s, m, h, d or y (365 days), such as 90d, 12h or 1d12h"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("600s", 600),
        ("10m", 600),
        ("12h", 43_200),
        ("90d", 7_776_000),
        ("1y", 31_536_000),
        ("1d12h", 129_600),
        ("1y1d1h1m1s", 31_626_061),
    ],
)
def test_durations_are_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "'' is not a duration"),
        ("90", "'90' is not a duration"),
        ("d", "'d' is not a duration"),
        ("0d", "'0d' is not a duration"),
        ("-1d", "'-1d' is not a duration"),
        ("1.5d", "'1.5d' is not a duration"),
        ("1 d", "'1 d' is not a duration"),
        ("12h1d", "'12h1d' is not a duration"),
        ("1d1d", "'1d1d' is not a duration"),
        ("1D", "'1D' is not a duration"),
        ("1w", "'1w' is not a duration"),
        ("٣d", "'٣d' is not a duration"),
        ("90d\n", "'90d\\n' is not a duration"),
        ("never", "'never' is not a duration"),
        (90, "90 has no unit"),
        (1.5, "1.5 has no unit"),
        (True, "not a duration"),
        (None, "not a duration"),
        (["90d"], "not a duration"),
    ],
)
def test_what_is_no_duration_is_refused_with_what_is_allowed(value, problem):
    with pytest.raises(ValueError, match=rf"^{re.escape(problem)}; {re.escape(ALLOWED)}\Z"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("seconds", "text"), [(7_776_000, "90d"), (31_536_000, "1y"), (129_600, "1d12h"), (600, "10m"), (61, "1m1s")]
)
def test_seconds_are_written_in_the_fewest_units(seconds, text):
    assert format_seconds(seconds) == text


@given(st.integers(1, 10**11))
def test_every_duration_reads_back_as_itself(seconds):
    assert parse_duration(format_seconds(seconds)) == seconds


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_time_has_no_text(seconds):
    with pytest.raises(ValueError, match=f"{seconds} seconds are no duration; allowed: 1 or more"):
        format_seconds(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (90 * 86_400 - 7, "90 days"),
        (89 * 86_400 + 43_300, "90 days"),
        (89 * 86_400 + 43_100, "89 days"),
        (2 * 86_400 - 1, "2 days"),
        (2 * 86_400 - 60, "48 hours"),
        (2 * 86_400 - 3_600, "47 hours"),
        (7_200, "2 hours"),
        (7_100, "118 min"),
        (59, "1 min"),
        (29, "0 min"),
    ],
)
def test_rounding_is_to_the_nearest(seconds: int, text: str) -> None:
    assert format_rounded(timedelta(seconds=seconds)) == text
