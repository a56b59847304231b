"""When a fleet's declared state next changes by date. Pure."""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ambient_components.rules.states import WorkspaceState
from ambient_components.stackfile import StackFile, Workspace
from ambient_components.stackfile.models.dates import Span, end_of


def next_of_stack(file: StackFile, now: datetime) -> datetime | None:
    """Return the next end of a setting that applies to every workspace."""
    return _first((end_of(one.until, file.timezone) for one in file.exceptions if one.until is not None), now)


def next_of_workspace(workspace: Workspace, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return when the next grant begins or ends, or the next overlap or exception ends. None if none does."""
    return _first(_moments(workspace, zone), now)


def _moments(workspace: Workspace, zone: ZoneInfo) -> Iterator[datetime]:
    for one in workspace.exceptions:
        if one.until is not None:
            yield end_of(one.until, zone)
    if workspace.state is WorkspaceState.CLOSED:
        return
    for grant in workspace.grants:
        if grant.dated:
            span: Span = grant.span(zone)
            yield from (moment for moment in (span.start, span.end) if moment is not None)
    ends: list[date] = [key.overlap_until for key in workspace.keys.values() if key.overlap_until is not None]
    yield from (end_of(day, zone) for day in ends)


def _first(moments: Iterator[datetime], now: datetime) -> datetime | None:
    return min((moment for moment in moments if moment > now), default=None)
