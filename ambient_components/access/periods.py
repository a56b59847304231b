"""Grants with dates, as the ledger records them: when each holds, whether it holds now or not.

What holds now is in `Entry["grants"]` too, so that a grant which begins or ends is a difference on its day. The dates
are here, so that a reviewer sees a longer end, too, and sees it when it is written.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, NotRequired, TypedDict

from ambient_components.contract import Role
from ambient_components.subjects import parse_subject

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

Period = TypedDict("Period", {"role": str, "from": NotRequired[str], "until": NotRequired[str]})
"""One grant with dates. A day is YYYY-MM-DD, in the stack's time zone, and `until` is the last one on which it holds; a
moment is YYYY-MM-DDTHH:MM:SSZ, and `until` the first one at which it does not. At least one of the two is there."""

Dates = dict[str, list[Period]]
"""Periods by subject, at least one each, the earliest first; only of grants that have dates."""


def period_order(period: Mapping[str, Any]) -> tuple[str, str, str]:
    """Earliest first; without a beginning before all that have one. Days and moments of one day: the day first."""
    return period.get("from", ""), period.get("until", "9999"), period["role"]


def well_formed(dates: Any) -> bool:
    """Whether this can be what an entry says of the dates of its grants; None for nothing.

    The stack file's checks see to it, a program that uses the library may not.
    """
    if dates is None:
        return True
    return isinstance(dates, Mapping) and all(
        parse_subject(subject) and isinstance(periods, list) and periods and all(map(_is_period, periods))
        for subject, periods in dates.items()
    )


def _is_period(period: Any) -> bool:
    if not isinstance(period, Mapping) or not period.keys() <= {"role", "from", "until"} or not Role(period["role"]):
        return False
    ends = [period[end] for end in ("from", "until") if end in period]
    return bool(ends) and all(isinstance(end, str) and _is_date(end) for end in ends)


def _is_date(text: str) -> bool:
    if _MOMENT.fullmatch(text):
        return bool(datetime.fromisoformat(text))
    return bool(_DAY.fullmatch(text) and date.fromisoformat(text))
