"""The first lines of a plan: what a run would do in one line, with exact totals."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from ambient_components.cluster.objects import listing
from ambient_components.plan import facts
from ambient_components.plan.facts import ALREADY, Plan, Replay, Shards
from ambient_components.plan.role_changes import (
    CHANGED,
    LOWERED,
    REMOVED,
    RoleChange,
    keys_of_access,
    keys_with_successors,
    role_changes,
)
from ambient_components.platform.contract import ROLES
from ambient_components.printable import counted, one_line
from ambient_components.rotation.state import format_time
from ambient_components.rules.warnings import ADMIN, WarningRule, undeclared

_FIRST: Final = (facts.REMOVED, facts.ADOPTED)
_WORKSPACES: Final = {what: f"workspace{{s}} {what}" for what in facts.WORKSPACE_CHANGES if what not in _FIRST}
_KEYS: Final = {
    facts.REVOKED: "key{s} revoked",
    facts.ISSUED: "key{s} issued",
    facts.ADOPTED: "key{s} adopted",
    facts.ROTATED: "key{s} renewed",
    facts.ENDED: "old token{s} revoked",
    facts.CHANGED: "key{s} changed",
    facts.EXPIRING: "key{s} ending soon",
}
_BUCKETS: Final = {
    **{what: f"bucket{{s}} {what}" for what in facts.BUCKET_CHANGES if what != facts.DELETED},
    facts.NEW_ACCESS_KEY: "new access key{s}",
    facts.ACCESS_KEY_ENDED: "access key{s} revoked",
}
_NONE: Final = "none in access, keys or buckets"
_OPS: Final = {"protect": "change of protection"}
_SCHEDULES: Final = {what: f"schedule{{s}} {what}" for what in facts.SCHEDULE_CHANGES}


def headline(plan: Plan, *, done: bool = False) -> str:
    """Return the changes in one line, most dangerous first. The numbers are exact even if the page is truncated.

    Before them is what the run leaves unchanged in the cluster.

    Args:
        done: Whether the run has ended.
    """
    left, changes = [*_left(plan)], _changes(plan)
    if changes:
        return " · ".join([*left, *changes])
    nothing = "no other changes without --refresh" if any(_unrestored(plan)) else "no changes"
    if plan.changes:
        nothing = "access, keys and buckets unchanged" if done else f"changes pending, {_NONE}"
    return " · ".join([*left, nothing]) if left else nothing.capitalize()


def _changes(plan: Plan) -> list[str]:
    roles = role_changes(plan)
    shown = set(keys_of_access(plan).values())
    drifts = [drift.what for drift in plan.drift]
    workspaces, buckets = [workspace.what for workspace in plan.workspaces], [bucket.what for bucket in plan.buckets]
    parts = [
        *_number("workspace{s} removed", workspaces.count(facts.REMOVED)),
        *_number("bucket{s} deleted", buckets.count(facts.DELETED)),
        *_number("workspace{s} adopted", workspaces.count(facts.ADOPTED)),
        *_access(roles),
        *_number("key{s} revoked, access by identity instead", len(keys_with_successors(plan))),
        *_counted(_WORKSPACES, workspaces),
        *_counted(_KEYS, (key.what for key in plan.keys if key not in shown)),
        *_counted(_BUCKETS, buckets),
        *_counted(_SCHEDULES, (schedule.what for schedule in plan.schedules)),
        *_number("key{s} that may have been copied", sum(len(exposed.keys) for exposed in plan.exposed)),
        *_number("guardrail{s} changed", len(plan.guardrail_changes)),
        *_number("right{s} beside the workspaces", sum(step.rights for step in plan.beside)),
        *_number("other resource{s} beside the workspaces", sum(not step.rights for step in plan.beside)),
        *_number("source{s} of secrets changed", len(plan.sources)),
        *_number("other change{s}", len(plan.other)),
        *_number("object{s} deleted in the cluster", drifts.count(facts.DELETED)),
        *_number("object{s} changed in the cluster", drifts.count(facts.CHANGED)),
        *_number("pending since the last run", len(plan.other_pending)),
    ]
    return ["access unchanged", *parts] if parts and not roles else parts


def _left(plan: Plan) -> Iterator[str]:
    """Yield what differs in the cluster, and what this run does not restore or end."""
    more = " (restored only with --refresh)" if plan.changes else ""
    yield from (f"{text}{more}" for text in _unrestored(plan))
    others = [kind for warning in plan.shown_warnings for kind in undeclared(warning)]
    admins = f" ({count} admin)" if (count := others.count(ADMIN)) else ""
    yield from _number("undeclared grant{s} or key{s} in the cluster", len(others), admins)


def _unrestored(plan: Plan) -> Iterator[str]:
    """Yield what only a run with a refresh would restore."""
    of_access = (WarningRule.MISSING_ACCESS, WarningRule.CHANGED_ACCESS)
    gone, differing = (
        len({name for warning in plan.shown_warnings if warning.rule in rules for name in warning.workspaces})
        for rules in ((WarningRule.NAMESPACE_GONE,), of_access)
    )
    if not plan.refreshed:
        yield from _number("namespace{s} deleted in the cluster", gone)
        yield from _number("workspace{s} with changed access in the cluster", differing)


def _access(roles: Iterable[RoleChange]) -> Iterator[str]:
    roles = tuple(roles)
    if not roles:
        return
    uncertain = [role for role in roles if role.uncertain]
    gained = [role for role in roles if role.gains and not role.uncertain]
    admins = sum(change.gains_admin for change in gained)
    yield f"{admins} admin gained"
    counts = Counter(change.after.role for change in gained if change.after is not None and not change.gains_admin)
    for role in reversed(ROLES):
        yield from _number(f"{role} gained", counts[role])
    yield from _number(
        "may have access already", len(uncertain),
        f" ({count} admin)" if (count := sum(change.gains_admin for change in uncertain)) else "",
    )  # fmt: skip
    what = Counter(role.what for role in roles if not role.uncertain)
    yield from _number("with another reason", what[CHANGED])
    yield f"{what[LOWERED]} lowered"
    yield f"{what[REMOVED]} removed"
    if what[ALREADY]:
        yield f"{what[ALREADY]} already {'has' if what[ALREADY] == 1 else 'have'} the role"


def _counted(words: dict[str, str], changes: Iterable[str]) -> Iterator[str]:
    counts = Counter(changes)
    for what, word in words.items():
        yield from _number(word, counts[what])


def _number(word: str, count: int, more: str = "") -> Iterator[str]:
    """Yield a number with its word, where ``{s}`` is the ending of the plural. Yield nothing for 0."""
    if count:
        yield f"{count} {word.format(s='' if count == 1 else 's')}{more}"


def summary(plan: Plan) -> list[str]:
    lines = [_shards(plan.shards)] if plan.shards is not None else []
    if plan.refused or plan.errors:
        lines.append(f"requested changes: {' · '.join(_changes(plan)) or _NONE}")
        if left := " · ".join(_left(plan)):
            lines.append(f"in the cluster: {left}")
    if plan.online and not plan.refreshed and plan.complete and not plan.refused:
        skipped = ", and nothing of shards that are up to date" if plan.shards and plan.shards.skipped else ""
        lines.append(f"compared with the cluster: only access{skipped} (--refresh: all objects)")
    if plan.replay is not None:
        lines.append(_replay(plan.replay))
    if plan.staying:
        lines.append(f"access that was to end and stays until this is deployed: {len(plan.staying)}")
    if plan.shown_warnings:
        lines.append(f"warnings: {len(plan.shown_warnings)}")
    if plan.acknowledged_warnings:
        lines.append(f"acknowledged warnings: {len(plan.acknowledged_warnings)} (--verbose)")
    if plan.steps:
        counts = ", ".join(f"{count} {_OPS.get(op, op)}" for op, count in plan.step_counts.items())
        lines.append(f"the engine's steps: {counts}")
    return lines


def _replay(replay: Replay) -> str:
    first, last = (format_time(when) if when else "?" for when in (replay.coverage.first, replay.coverage.last))
    used = f"{len(replay.used)} in use" if replay.used else "none in use"
    lose = "subject or key loses" if replay.count == 1 else "subjects and keys lose"
    return f"audit log of {first} to {last}: {replay.count} {lose} access, {used}"


def source(plan: Plan) -> str:
    if plan.online:
        return ""
    state = f"the state of {format_time(plan.state_at)}" if plan.state_at else "the state"
    return f", offline: compared with {state}, without asking the cluster"


def verdict(plan: Plan) -> str:
    if alone := plan.refused_alone:
        stays = f"{one_line(listing(alone))} stay{'s' if len(alone) == 1 else ''} unchanged"
        if plan.shards is not None and plan.shards.failed:
            return f"Refused: {stays}. {_partly(plan, plan.shards)}"
        return f"Refused: {stays}, and the rest would be deployed ({len(plan.to_settle)} to settle first)."
    if plan.refused:
        return f"Refused: nothing would be changed ({len(plan.guardrails)} to settle first)."
    if plan.errors:
        if plan.shards is not None and not plan.complete:
            return _partly(plan, plan.shards)
        return f"`ambient up` would fail: {counted(len(plan.errors), 'error')}."
    return headline(plan)


def _partly(plan: Plan, shards: Shards) -> str:
    if not shards.failed:
        return "Errors: not all of it could be evaluated."
    others = "changes are pending" if plan.changes else "there are no changes"
    known = f", and in the others {others}" if len(shards.failed) < shards.count else ""
    return f"{len(shards.failed)} of {shards.count} shards could not be evaluated{known}."


def _shards(shards: Shards) -> str:
    counts = {"up to date": shards.skipped, "evaluated": shards.evaluated, "failed": shards.failed}
    reported = ", ".join(f"{len(stacks)} {what}" for what, stacks in counts.items() if stacks)
    return f"{counted(shards.count, 'shard')}: {reported or 'none evaluated'}"
