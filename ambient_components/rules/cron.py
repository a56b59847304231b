"""Cron expressions as the platform's backend and Kubernetes both accept them. Contract 12."""

import re
from typing import Final

from ambient_components.rules.findings import Verdict

FIELD_MAX: Final = 20
"""Characters of one field; the backend's rule."""

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
"""Name, lowest and highest number, and the words of each field."""

_ITEM: Final = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,4}))?")

ALLOWED: Final = (
    'allowed: five fields, minute hour day month weekday, such as "0 9 * * 1-5"; each has up to '
    f"{FIELD_MAX} characters: *, numbers, ranges (1-5), lists (1,15), steps (*/10), and names of months and weekdays"
)


def cron_problem(expression: str) -> Verdict:
    """Say why this is no cron expression that both accept, or None; as problem and hint. It is not quoted.

    Sunday is 0, and not 7: Kubernetes refuses that.
    """
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        return f"has {len(fields)} fields instead of five", ALLOWED
    for field, (name, least, most, words) in zip(fields, _FIELDS, strict=True):
        if len(field) > FIELD_MAX:
            return f"has a {name} of more than {FIELD_MAX} characters", ALLOWED
        if not all(_is_item(item, least, most, words) for item in field.split(",")):
            also = f", or {'-'.join((next(iter(words)), [*words][-1]))}" if words else ""
            return f"has a {name} that is not one", (f"allowed there: {least}-{most}{also}", ALLOWED)
    return None


def _is_item(text: str, least: int, most: int, words: dict[str, int]) -> bool:
    match = _ITEM.fullmatch(text)
    if match is None or (match["step"] is not None and int(match["step"]) == 0):
        return False
    if match["first"] is None:
        return True
    first = _number(match["first"], words)
    last = first if match["last"] is None else _number(match["last"], words)
    return first is not None and last is not None and least <= first <= last <= most


def _number(text: str, words: dict[str, int]) -> int | None:
    if re.fullmatch("[0-9]{1,4}", text):
        return int(text)
    return words.get(text.lower())
