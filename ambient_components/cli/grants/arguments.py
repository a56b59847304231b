"""Arguments that the commands of `ambient grants` share."""

from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from ambient_components import clock
from ambient_components.cli.options import misuse, wrong_value
from ambient_components.errors import BadValue, reject
from ambient_components.model.dates import DAYS_OR_MOMENTS, DayOrMoment, Span, written
from ambient_components.platform.subjects import Subject, SubjectKind, parse_subject

_DATES: Final[TypeAdapter[date]] = TypeAdapter(DayOrMoment)
_PREFIXES: Final = tuple(f"{kind}:" for kind in SubjectKind)


def is_subject(word: str) -> bool:
    """Tell whether an argument is a subject and not a stack or workspace, of which none has a colon."""
    return word.startswith(_PREFIXES)


def subject_of(text: str, *, granted: bool = False) -> Subject:
    if not text:
        misuse("SUBJECT", "which subject? Name it: user:bob@example.com or group:payments-devs, for instance")
    try:
        subject = parse_subject(text)
        if granted and subject.kind is SubjectKind.SERVICE_ACCOUNT:
            reject(f"{text!r}: the platform grants to users and groups only", "for a program declare a key")
    except BadValue as error:
        raise wrong_value(error, "SUBJECT") from None
    return subject


def date_of(text: str, flag: str) -> date | None:
    """Return the day or time of an option. None if it is not given."""
    if not text:
        return None
    try:
        return _DATES.validate_python(text)
    except ValidationError as error:
        reported = error.errors(include_url=False)[0].get("ctx") or {}
        problem = BadValue(
            reported.get("problem") or f"{text!r} is not a date", *(reported.get("hints") or (DAYS_OR_MOMENTS,))
        )
        raise wrong_value(problem, flag) from None


def refuse_past(until: date | None, zone: ZoneInfo) -> None:
    """Refuse an end that has passed: the grant would give nothing."""
    if until is not None and not Span.of(None, until, zone).holds(clock.now()):
        misuse("--until", f"{written(until)} is over; to end a grant now: ambient grants revoke")
