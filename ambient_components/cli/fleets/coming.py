"""The next moment at which a fleet's files ask for something else, although nobody changes them. Pure."""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ambient_components.rules.states import WorkspaceState
from ambient_components.spec import StackFile, Workspace
from ambient_components.spec.dates import Span, end_of


def next_of_stack(file: StackFile, now: datetime) -> datetime | None:
    """The next end of something that holds for every workspace."""
    return _first((end_of(one.until, file.timezone) for one in file.allow if one.until is not None), now)


def next_of_workspace(workspace: Workspace, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The next moment at which a grant begins or ends, an overlap or an allowance is over; None: there is none."""
    return _first(_moments(workspace, zone), now)


def _moments(workspace: Workspace, zone: ZoneInfo) -> Iterator[datetime]:
    for one in workspace.allow:
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
