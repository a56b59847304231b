"""The facts of a change of a stack's ledger, joined with what its state has: all that can be said without an engine."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ambient_components.access.holdings import AccessDiff, access_diff, of_ledger
from ambient_components.access.minting import ended
from ambient_components.access.sources import UNKNOWN, secret_sources
from ambient_components.keys.state import format_time
from ambient_components.plan import facts
from ambient_components.plan.ahead import Ahead
from ambient_components.plan.buckets import access_key_changes, bucket_changes
from ambient_components.plan.facts import (
    DateComing,
    Exposed,
    Plan,
    Rail,
    RailChange,
    SourceChange,
    Waiting,
    WorkspaceChange,
)
from ambient_components.plan.held import Holdings
from ambient_components.plan.keys import is_let_go, key_changes
from ambient_components.plan.rail_changes import workspace_rail_changes
from ambient_components.rules.states import CLOSED, RELEASED

Ledger = Mapping[str, Mapping[str, Any]]

AHEAD: Final = Ahead()
"""How early it is told what comes by date, where the files say nothing else."""

UTC_ZONE: Final = ZoneInfo("UTC")

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")
_SHOWN: Final = frozenset({"state", "adopt", "owners", "grants", "keys", "bucket", "allow", "secrets"})
"""Parts of an entry that facts of their own speak of."""


def from_ledgers(
    before: Ledger,
    after: Ledger,
    *,
    stack: str,
    at: datetime,
    held: Holdings | None = None,
    zone: ZoneInfo = UTC_ZONE,
    ahead: Ahead = AHEAD,
    rails: Iterable[Rail] = (),
    rail_changes: Iterable[RailChange] = (),
    pending: Iterable[Waiting] = (),
    warnings: Iterable[str] = (),
    unknown: Iterable[str] = (),
) -> Plan:
    """The plan that follows from two ledgers and a state.

    Args:
        before: the ledger of the last deployment.
        after: the ledger that is asked for, as of `at`.
        stack: its name.
        at: the moment of the run, UTC.
        held: what the state has of keys; None: all that `before` declares, with no date known.
        zone: of plain days.
        ahead: how early what comes by date is told.
        rails: crossed ones.
        rail_changes: of the stack; those of workspaces are in the ledgers.
        pending: what the last run did not do.
        warnings: of the files.
        unknown: what such a plan can't know.
    """
    has = held if held is not None else Holdings.of_ledger(before)
    return Plan(
        stack=stack,
        at=at,
        online=False,
        access=access_changes(before, after),
        dates=tuple(sorted(_dates(after, at, zone, ahead))),
        workspaces=tuple(sorted(_workspaces(before, after))),
        keys=tuple(key_changes(before, after, has, at, ahead)),
        buckets=tuple(sorted([*bucket_changes(before, after), *access_key_changes(before, after, has, at)])),
        sources=tuple(sorted(source_changes(before, after))),
        other=tuple(sorted(_other(before, after))),
        exposed=tuple(sorted(_exposed(before, after))),
        rails=tuple(sorted(rails)),
        rail_changes=tuple(sorted([*rail_changes, *workspace_rail_changes(before, after)])),
        pending=tuple(sorted(pending)),
        warnings=tuple(sorted(set(warnings))),
        unknown=tuple(unknown),
    )


def access_changes(before: Ledger, after: Ledger) -> AccessDiff:
    """Who gains and who loses what. The access of a released workspace that leaves the files is not lost."""
    kept = {name: entry for name, entry in before.items() if not is_let_go(before, after, name)}
    return access_diff(of_ledger(kept), of_ledger(after))


def _workspaces(before: Ledger, after: Ledger) -> Iterator[WorkspaceChange]:
    for name in before.keys() | after.keys():
        what = _what(before.get(name), after.get(name))
        if what:
            yield WorkspaceChange(name, what)


def _what(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    """What becomes of a workspace; empty where nothing does."""
    if old is None:
        return facts.ADOPTED if new and new.get("adopt") else facts.MADE
    was = old.get("state")
    if new is None:
        return facts.FORGOTTEN if was == RELEASED else facts.REMOVED
    now = new.get("state")
    if was == now:
        return ""
    if now == CLOSED:
        return facts.CLOSED
    if now == RELEASED:
        return facts.RELEASED
    return facts.OPENED if was == CLOSED else facts.TAKEN_BACK


def _exposed(before: Ledger, after: Ledger) -> Iterator[Exposed]:
    for name in before.keys() & after.keys():
        if after[name].get("state") == RELEASED:
            continue
        found = ended(before[name], after[name])
        if found is not None and found.keys:
            yield Exposed(name, found.who, found.keys)


def _dates(after: Ledger, at: datetime, zone: ZoneInfo, ahead: Ahead) -> Iterator[DateComing]:
    for workspace, entry in after.items():
        for subject, periods in (entry.get("dates") or {}).items():
            for period in periods if isinstance(periods, list) else [periods]:
                for end, what in (("from", "begins"), ("until", "ends")):
                    text = period.get(end)
                    moment = _moment(text, zone, inclusive=end == "until") if text else None
                    if moment is None or moment <= at:
                        continue
                    role, told = str(period["role"]), str(text)
                    if moment <= at + ahead.of_grant(workspace, subject, role, told):
                        yield DateComing(format_time(moment), workspace, subject, role, what, told)


def begins(text: str, zone: ZoneInfo) -> datetime:
    """The first moment of a day, YYYY-MM-DD, in a zone; or a moment, YYYY-MM-DDTHH:MM:SSZ.

    Raises:
        ValueError: it is neither.
    """
    if not _DATE.fullmatch(text):
        msg = f"{text!r} is no day and no moment"
        raise ValueError(msg)
    return _moment(text, zone, inclusive=False)


def _moment(text: str, zone: ZoneInfo, *, inclusive: bool) -> datetime:
    """The moment that a date means: a day begins at midnight in the zone, and ends with the next one's begin."""
    if "T" in text:
        return datetime.fromisoformat(text).astimezone(UTC)
    day = date.fromisoformat(text)
    if not date(2, 1, 1) < day < date(9999, 12, 30):
        return datetime.max.replace(tzinfo=UTC)  # no plan reaches that far
    return datetime.combine(day + timedelta(days=1 if inclusive else 0), time(), zone).astimezone(UTC)


def source_changes(before: Ledger, after: Ledger) -> Iterator[SourceChange]:
    """Sources of secrets that differ, of workspaces that stay or come."""
    for workspace, entry in after.items():
        old, new = secret_sources(before.get(workspace) or {}), secret_sources(entry)
        for kind, variable in old.keys() | new.keys():
            one = (kind, variable)
            # What an earlier version recorded without a source is no change.
            if old.get(one) != new.get(one) and UNKNOWN not in (old.get(one), new.get(one)):
                yield SourceChange(workspace, kind, variable, old.get(one, ""), new.get(one, ""))


def _other(before: Ledger, after: Ledger) -> Iterator[str]:
    """What else changes in the entries that stay, and is in those that come: names, never values."""
    for name, new in after.items():
        old = before.get(name) or {}
        for part in (old.keys() | new.keys()) - _SHOWN:
            names = _periods if part == "dates" else _names
            was, now = old.get(part), new.get(part)
            if was != now:
                yield f"{name}: {part}: {_difference(names(was), names(now))}"


def _difference(old: set[str], new: set[str]) -> str:
    words = [*(f"+{one}" for one in sorted(new - old)), *(f"-{one}" for one in sorted(old - new))]
    return ", ".join(words) or "changed"


def _periods(dates: Any) -> set[str]:
    """The dates of grants: ``group:x view from 2026-12-01 until 2026-12-31``."""
    return {
        " ".join([subject, period["role"], *(f"{end} {period[end]}" for end in ("from", "until") if end in period)])
        for subject, periods in (dates or {}).items()
        for period in (periods if isinstance(periods, list) else [periods])
    }


def _names(value: Any, path: str = "") -> set[str]:
    """The leaves of a part of an entry."""
    if value is None:
        return set()
    if isinstance(value, Mapping):
        return {leaf for key, item in value.items() for leaf in _names(item, f"{path}{'.' if path else ''}{key}")}
    if isinstance(value, list):
        return {leaf for item in value for leaf in _names(item, path)}
    word = str(value).lower() if isinstance(value, bool) else str(value)
    return {f"{path}={word}" if path else word}
