"""Renewal settings in the stack file, shared by keys' tokens and access keys."""

from collections.abc import Collection
from typing import Annotated, Final

from pydantic import BeforeValidator

from ambient_components.model.base import checked, one_of, text_schema
from ambient_components.model.forms import MANUAL, SECONDS
from ambient_components.model.types import DURATION_PATTERN, Text, read_duration
from ambient_components.rules.lifetimes import NEVER, Policy, Rotate, default_rotate_before
from ambient_components.rules.rest_days import NO_REST, PATTERN, RestDays, rest_problem

_NO_OVERLAP: Final = "0"
_OVERLAPS: Final = f"allowed: {_NO_OVERLAP}, or a whole number and a unit of s, m, h, d or y, such as 7d or 12h"


def _overlap(value: object) -> int:
    return read_duration(value, _OVERLAPS, {_NO_OVERLAP: 0})


RotateName = Annotated[Rotate, one_of(Rotate, "way of rotation"), MANUAL]
"""auto or manual."""

Overlap = Annotated[
    int, BeforeValidator(_overlap), SECONDS, text_schema("duration or 0", f"0|{DURATION_PATTERN}", minLength=1)
]
"""A duration or 0, converted to seconds."""


RestDay = Annotated[Text, checked(rest_problem), text_schema("days of rest", PATTERN)]
"""A weekday, a day, or a span of days."""


def is_manual(lifetime: int, rotate: Rotate | None) -> bool:
    """Return whether renewal is manual; without expiry, that is the default."""
    return lifetime == NEVER if rotate is None else rotate is Rotate.MANUAL


def renewal(
    lifetime: int,
    before: int | None,
    overlap: int | None,
    run_every: int,
    uncut: Collection[str],
    *,
    manual: bool,
    static: bool = False,
    rest: RestDays = NO_REST,
) -> Policy:
    """Return the policy; defaults that do not fit the lifetime are shortened. Times are in seconds.

    Args:
        before: The renewal window.
        run_every: Guaranteed interval of runs; 0 for none.
        uncut: Names in the file of fields that are not shortened: `stackfile.checks.keys` refuses an entry's own misfit
            values.
    """
    if before is None:
        before = default_rotate_before(lifetime)
    if before >= lifetime and "rotateBefore" not in uncut:
        before = lifetime // 2
    if overlap is not None and "overlap" not in uncut:
        overlap = max(0, min(overlap, before - run_every - rest.longest, lifetime - before))
    return Policy.of(lifetime, before, overlap, run_every, manual=manual, static=static, rest=rest)
