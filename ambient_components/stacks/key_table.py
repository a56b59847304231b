"""A row for every key, with what needs attention."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from ambient_components.cluster import objects
from ambient_components.errors import AmbientError
from ambient_components.platform.contract import LAST_USED_AT_ANNOTATION
from ambient_components.rotation import TokenStatus
from ambient_components.rotation.state import time_of
from ambient_components.rules.durations import format_rounded
from ambient_components.rules.lifetimes import default_rotate_before
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.deployed import Deployed, DeployedKey
from ambient_components.stacks.project import Project, stack_path

NEVER_USED: Final = "Never"
"""The same text as on the platform's Keys page."""

_DAY: Final = 86_400


Seen = tuple[datetime | None, datetime | None]
"""When a key's ServiceAccount was created, and the last request with it to the platform's backend, which records no
others; None means that it had none."""


@dataclass(frozen=True, slots=True)
class Limits:
    within: timedelta
    """Time to the next run."""
    idle: timedelta | None = None
    """The maximum time without use. None disables the check."""


DAILY: Final = Limits(timedelta(days=1))
"""Those of a stack with a run each day."""


def seen_in(accounts: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Seen]:
    by_name = {}
    for account in accounts:
        created = time_of(objects.metadata(account).get("creationTimestamp"))
        used = time_of(objects.annotations(account).get(LAST_USED_AT_ANNOTATION))
        by_name[objects.namespace(account), objects.name(account)] = (created, used)
    return by_name


def rows(summary: Deployed, seen: Mapping[tuple[str, str], Seen] | None, limits: Limits) -> list[DeployedKey]:
    """Return the keys of one stack, by workspace and id, with what needs attention.

    Args:
        seen: What its cluster reports. None if it was not queried.
    """
    return [
        _row(summary, workspace.name, key, seen, limits) for workspace in summary.workspaces for key in workspace.keys
    ]


def run_interval(project: Project, stack: str) -> timedelta:
    """Return the promised interval between runs from the stack file. One day if it has none or can't be read."""
    try:
        seconds = load_stack(stack_path(project, stack)).file.run_every
    except AmbientError:
        seconds = None
    return timedelta(seconds=seconds or _DAY)


def _row(
    summary: Deployed, workspace: str, key: DeployedKey, seen: Mapping[tuple[str, str], Seen] | None, limits: Limits
) -> DeployedKey:
    there = seen.get((workspace, key.account)) if seen is not None else None
    created, last_used = there or (None, None)
    return replace(
        key,
        stack=summary.stack,
        workspace=workspace,
        created=created,
        last_used=(last_used or NEVER_USED) if there else None,
        state=_state(key, summary.now),
        attention=tuple(_attention(key, there, summary.now, limits, requested=seen is not None)),
    )


def note(key: DeployedKey) -> str:
    """Return the label in the UI if it is not the id, and who made the key."""
    label = [f'"{key.label}"'] if key.label != key.id else []
    return "  ".join([*label, *(["made by the platform"] if key.is_of_platform else [])])


def expiry(key: DeployedKey, now: datetime) -> str:
    if not isinstance(key.expires, datetime):
        return key.expires or "-"
    left = format_rounded(key.expires - now) if key.expires > now else "over"
    return f"{key.expires:%Y-%m-%d} ({left})"


def following(key: DeployedKey, now: datetime) -> str:
    if key.next is None or key.next == "expire":
        return "-"
    if key.until or key.next_at is None:
        return key.next
    return f"{key.next} due now" if key.next_at <= now else f"{key.next} from {key.next_at:%Y-%m-%d}"


def _state(key: DeployedKey, now: datetime) -> str:
    if not key.made:
        return "missing" if key.declared else TokenStatus.REVOKED
    if key.dead:
        return TokenStatus.DEAD
    if key.expires_at is not None and key.expires_at <= now:
        return TokenStatus.EXPIRED
    if key.former:
        return "former"
    return TokenStatus.CURRENT if key.declared else TokenStatus.REVOKED


def _attention(
    key: DeployedKey, there: Seen | None, now: datetime, limits: Limits, *, requested: bool
) -> Iterable[str]:
    """Yield what needs attention, most severe first."""
    if not key.declared:
        yield "not declared any more, and still there: ambient up"
    elif not key.made:
        yield "declared, and not made: ambient up"
    if requested and there is None and key.made:
        again = "ambient keys rotate --leaked" if key.is_of_platform else "ambient up --refresh"
        yield f"its ServiceAccount is not in the cluster: {again}"
    if key.dead and not key.until_used:
        yield f"the token no longer works: {key.dead}"
    elif key.expires_at is not None and not key.former:
        yield from _ending(key, key.expires_at, now, limits)
    if key.pending:
        yield f"not revoked yet, still valid: {', '.join(key.pending)}"
    if key.undelivered and not key.former:
        yield f"not delivered: {key.undelivered}"
    if limits.idle is not None and there is not None and not key.former:
        yield from _idle(there, now, limits.idle)


def _ending(key: DeployedKey, expires: datetime, now: datetime, limits: Limits) -> Iterable[str]:
    patience = 2 * limits.within + timedelta(seconds=key.rest.longest)
    if expires <= now:
        yield f"expired on {expires:%Y-%m-%d %H:%M} UTC"
    elif expires - now <= limits.within:
        yield f"expires in {format_rounded(expires - now)}, before the next run"
    elif key.manual and expires - now <= timedelta(seconds=default_rotate_before(_life(key, expires))):
        yield f"expires in {format_rounded(expires - now)}, and is not renewed: ambient keys rotate"
    elif key.next_action == "rotate" and key.next_at is not None and now - key.next_at > patience:
        yield f"due for renewal since {key.next_at:%Y-%m-%d %H:%M} UTC: do the runs come?"


def _life(key: DeployedKey, expires: datetime) -> int:
    """Return the token's total lifetime in seconds. The platform's default of 90 days if unknown."""
    if key.issued_at is None:
        return 90 * _DAY
    return int((expires - key.issued_at).total_seconds())


def _idle(there: Seen, now: datetime, idle: timedelta) -> Iterable[str]:
    created, last_used = there
    if last_used is None:
        if created is not None and now - created >= idle:
            yield f"no use seen since it was made {format_rounded(now - created)} ago"
    elif now - last_used >= idle:
        yield f"no use seen for {format_rounded(now - last_used)}"
