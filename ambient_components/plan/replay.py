"""The audit log in a plan: which access that a run takes away was in use, when last, and for what."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ambient_components.access.audit import AuditLog, Identity, Use, lost, total
from ambient_components.access.role_assignments import KEY, NO_ROLE, RoleAssignment
from ambient_components.plan import facts
from ambient_components.plan.facts import InUse, Plan, Replay
from ambient_components.plan.role_changes import LOWERED, REMOVED, role_changes
from ambient_components.printable import counted
from ambient_components.rotation.state import format_time

_SHOWN: Final = 3
"""Maximum kinds of calls in a line. JSON has all."""


def takes_away(plan: Plan) -> bool:
    return any(_endings(plan))


def lost_access(plan: Plan) -> Iterator[RoleAssignment]:
    """Yield the access that ends, apart from that of keys. That of an adopted workspace is in no ledger yet."""
    return (lost for lost in plan.access.lost if not lost.subject.startswith(f"{KEY}:"))


def replayed(plan: Plan, log: AuditLog) -> Plan:
    """Return the plan with the use of what it takes away, the last use first."""
    changed, revoked = _endings(plan)
    used = []
    for identity, use in log.uses.items():
        roles = revoked.get(identity) or changed.get(identity[:2])
        if roles and (ending := lost(use, *roles)):
            used.append(_in_use(identity, roles, ending))
    used.sort(key=lambda use: (use.last, use), reverse=True)
    count = len(changed) + sum(identity[:2] not in changed for identity in revoked)
    coverage = log.coverage
    unknown = (*plan.unknown, *(f"audit log: {limit}" for limit in coverage.limits()))
    return replace(plan, replay=Replay(coverage, count, tuple(used)), unknown=unknown)


def _endings(plan: Plan) -> tuple[dict[tuple[str, str], tuple[str, str]], dict[Identity, tuple[str, str]]]:
    """Return the role before and after of each subject that loses some of it, and of each identity that is revoked."""
    changed = {
        (change.workspace, change.subject): (change.before.role, change.after.role if change.after else NO_ROLE)
        for change in role_changes(plan)
        if change.before is not None and change.what in (LOWERED, REMOVED)
    }
    revoked = {
        (key.workspace, f"{KEY}:{key.key}", key.generation): (key.role, NO_ROLE)
        for key in plan.keys
        if key.what == facts.REVOKED
    }
    return changed, revoked


def _in_use(identity: Identity, roles: tuple[str, str], use: Use) -> InUse:
    calls = total(use)
    kinds = sorted(((str(right), kind.count) for right, kind in use.items()), key=lambda kind: (-kind[1], kind[0]))
    return InUse(*identity, *roles, calls.last, calls.count, tuple(kinds))


def described(use: InUse, plan: Plan) -> str:
    """Return when access was used last and for what: ``in use until yesterday (TIME): list pods (3)``."""
    days = (plan.at.date() - use.last.date()).days
    day = {0: "today", 1: "yesterday"}.get(days, f"{counted(days, 'day')} ago" if days > 0 else "now")
    return f"in use until {day} ({format_time(use.last)}): {', '.join(_kinds(use))}"


def _kinds(use: InUse) -> Iterator[str]:
    if use.generation > 1:
        yield f"generation {use.generation}"
    # A watch without an end counts as one call.
    yield from (f"{name} ({max(count, 1)})" for name, count in use.kinds[:_SHOWN])
    if len(use.kinds) > _SHOWN:
        yield f"and {len(use.kinds) - _SHOWN} more"
