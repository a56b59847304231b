"""Dates that are near or past: the findings that depend on the current time.

All of them are warnings: a date was reviewed when its line was written, and must not stop a run.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ambient_components.model.dates import end_of, written
from ambient_components.model.grants import Grant
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.rules.durations import format_rounded
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.lifetimes import WARN_AHEAD
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WorkspaceState


def ended_grants(stack: StackFile, now: datetime) -> Iterator[Finding]:
    """Find expired grants."""
    for path, _, grant in _dated(stack.workspaces):
        end = grant.span(stack.timezone).end
        if grant.until is not None and end is not None and end <= now:
            grant_text = f"the {grant.role.value} grant of {grant.subject}"
            problem = f"{grant_text} ended {_at(grant.until, 'on')}: it gives nothing any more"
            remedy = "remove the line, or write a later day"
            yield Finding((*path, grant.end_field), problem, remedy, rule=WarningRule.GRANT_ENDED)


def ending(stack: StackFile, now: datetime) -> Iterator[Finding]:
    """Find grants and identities of keys that end within `warnAhead`."""
    for path, workspace, grant in _dated(stack.workspaces):
        span = grant.span(stack.timezone)
        if grant.until is None or span.end is None or not span.holds(now) or not _soon(span.end, now, grant.warn_ahead):
            continue
        following = _following(workspace, grant, stack.timezone)
        then = f", and is then {following.role.value}" if following is not None else ""
        grant_text = f"the {grant.role.value} grant of {grant.subject}"
        problem = f"{grant_text} ends {_at(grant.until, 'after')}, in {format_rounded(span.end - now)}{then}"
        remedy = "write a later day to keep it"
        yield Finding((*path, grant.end_field), problem, remedy, rule=WarningRule.GRANT_ENDING)
    for name, workspace in _active(stack.workspaces):
        for key_id, key in workspace.keys.items():
            if key.overlap_until is None:
                continue
            end = end_of(key.overlap_until, stack.timezone)
            if now < end and _soon(end, now, key.warn_ahead):
                problem = f"generation {key.generation - 1} of the key ends after {key.overlap_until}"
                yield Finding(
                    ("workspaces", name, "keys", key_id, "overlapUntil"),
                    f"{problem}, in {format_rounded(end - now)}",
                    f"switch its users over to generation {key.generation}",
                    rule=WarningRule.OVERLAP_ENDING,
                )


def beginning(stack: StackFile, now: datetime) -> Iterator[Finding]:
    """Find grants that start within `warnAhead`; one that follows another is reported with the end of that one."""
    for path, workspace, grant in _dated(stack.workspaces):
        start = grant.span(stack.timezone).start
        if grant.from_ is None or start is None or start <= now or not _soon(start, now, grant.warn_ahead):
            continue
        if not any(_following(workspace, other, stack.timezone) is grant for other in workspace.grants):
            grant_text = f"the {grant.role.value} grant of {grant.subject}"
            problem = f"{grant_text} begins {_at(grant.from_, 'on')}, in {format_rounded(start - now)}"
            remedy = "the first run from then on gives it"
            yield Finding((*path, "from"), problem, remedy, rule=WarningRule.GRANT_BEGINNING)


def _active(workspaces: Mapping[str, Workspace]) -> Iterator[tuple[str, Workspace]]:
    return ((name, workspace) for name, workspace in workspaces.items() if workspace.state is WorkspaceState.ACTIVE)


def _dated(workspaces: Mapping[str, Workspace]) -> Iterator[tuple[Path, Workspace, Grant]]:
    for name, workspace in _active(workspaces):
        for index, grant in enumerate(workspace.grants):
            if grant.dated:
                yield ("workspaces", name, "grants", index), workspace, grant


def _following(workspace: Workspace, grant: Grant, zone: ZoneInfo) -> Grant | None:
    """Return the grant that starts when this one ends."""
    end = grant.span(zone).end
    others = (other for other in workspace.grants if other.subject == grant.subject and other is not grant)
    return next((other for other in others if end is not None and other.span(zone).start == end), None)


def _soon(moment: datetime, now: datetime, warn_ahead: int | None) -> bool:
    return moment - now <= timedelta(seconds=WARN_AHEAD if warn_ahead is None else warn_ahead)


def _at(value: date, day_word: str) -> str:
    return f"at {written(value)}" if isinstance(value, datetime) else f"{day_word} {value}"
