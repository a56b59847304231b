"""The facts of a plan that need no engine: the change of the ledger, joined with the state."""

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ambient_components.access.bindings import subject_bindings
from ambient_components.access.endings import Ended, ended, endings
from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.role_assignments import (
    GRANT,
    KEY,
    NO_ROLE,
    OWNER,
    AccessDiff,
    RoleAssignment,
    access_diff,
    of_ledger,
)
from ambient_components.errors import Problem
from ambient_components.model.dates import Span, written
from ambient_components.model.derive import differences, parts
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.model.reviews import NOT_REVIEWED
from ambient_components.model.schedules import ScheduleRecord
from ambient_components.plan import facts
from ambient_components.plan.buckets import access_key_changes, bucket_changes
from ambient_components.plan.facts import Ahead, Change, Plan, SourceChange, Staying, sorted_problems
from ambient_components.plan.keys import is_forgotten, key_changes
from ambient_components.platform.contract import Role
from ambient_components.rotation.state import format_time
from ambient_components.stacks.deployed import Deployed
from ambient_components.stacks.reading import from_ledger


def stack_guardrail_changes(before: GuardrailsRecord, after: GuardrailsRecord) -> list[Change]:
    """Return the changes between the guardrails of two ledgers, sorted."""
    changes = [*_allowed("", before.exceptions, after.exceptions)]
    for part in parts(GuardrailsRecord, "ledger"):
        old, new = getattr(before, part.field), getattr(after, part.field)
        if part.field == "exceptions" or old == new:
            continue
        texts = (
            _list_changes({*map(str, old)}, {*map(str, new)})
            if isinstance(new, list)
            else [f"{part.text(old)} -> {part.text(new)}"]
        )
        changes += [Change("", part.name, facts.CHANGED, text) for text in texts]
    return sorted(changes)


def _list_changes(old: Set[str], new: Set[str]) -> list[str]:
    return [*(f"+{item}" for item in sorted(new - old)), *(f"-{item}" for item in sorted(old - new))]


def workspace_guardrail_changes(before: Ledger, after: Ledger) -> list[Change]:
    """Return new and ended exceptions, and what weakens the cluster's guard, sorted."""
    changes: list[Change] = []
    for name, entry in after.items():
        old = before.get(name, NOTHING)
        changes += _allowed(name, old.exceptions, entry.exceptions)
        if entry.guard.weakens(old.guard):
            changes += [Change(name, f"guard {field}", facts.CHANGED, how) for field, how in _guard(old, entry)]
    return sorted(changes)


def _guard(old: Entry, new: Entry) -> Iterator[tuple[str, str]]:
    for field, was, now in differences(old.guard, new.guard):
        yield field, f"{was} -> {now}"


def _allowed(workspace: str, before: Iterable[str], after: Iterable[str]) -> Iterator[Change]:
    old, new = set(before), set(after)
    yield from (Change(workspace, guardrail, facts.ALLOWED) for guardrail in new - old)
    yield from (Change(workspace, guardrail, facts.DISALLOWED) for guardrail in old - new)


NOWHERE: Final[Ahead] = {}
UTC_ZONE: Final = ZoneInfo("UTC")

Roles = Set[RoleAssignment]


def from_ledgers(
    before: Ledger,
    after: Ledger,
    *,
    stack: str,
    at: datetime,
    recorded: Deployed | None = None,
    zone: ZoneInfo = UTC_ZONE,
    ahead: Ahead = NOWHERE,
    guardrails: Iterable[Problem] = (),
    guardrail_changes: Iterable[Change] = (),
    pending: Iterable[facts.Waiting] = (),
    warnings: Iterable[Problem] = (),
    drifted: tuple[Roles, Roles] = (frozenset(), frozenset()),
) -> Plan:
    """Return the plan that follows from two ledgers and a state.

    Without a state, all keys that `before` declares exist. `guardrail_changes` are those of the
    stack's settings; those of workspaces come from the ledgers.
    """
    has = recorded if recorded is not None else from_ledger(before, at)
    return Plan(
        stack=stack,
        at=at,
        online=False,
        access=access_changes(before, after, has, drifted),
        granted=tuple(sorted(of_ledger(after))),
        dates=tuple(sorted(_dates(after, at, zone, ahead))),
        workspaces=tuple(sorted(_workspaces(before, after))),
        keys=tuple(key_changes(before, after, has, at, ahead)),
        buckets=tuple(sorted([*bucket_changes(before, after), *access_key_changes(before, after, has, at)])),
        schedules=tuple(schedule_changes(before, after)),
        sources=tuple(sorted(source_changes(before, after))),
        other=tuple(sorted(_other(before, after))),
        exposed=tuple(sorted(_exposed(before, after))),
        guardrails=sorted_problems(guardrails),
        guardrail_changes=tuple(sorted([*guardrail_changes, *workspace_guardrail_changes(before, after)])),
        pending=tuple(sorted(pending)),
        warnings=sorted_problems(warnings),
    )


def access_changes(
    before: Ledger, after: Ledger, recorded: Deployed, drifted: tuple[Roles, Roles] = (frozenset(), frozenset())
) -> AccessDiff:
    """Return the gained and lost access. A released workspace that leaves the files loses none.

    What the last run declared and did not give is gained now, and what it did not end is lost now.

    Args:
        drifted: What changed bindings gave at the last run, and what they give now.
    """
    held = (_held(before, recorded) - drifted[0]) | drifted[1]
    return access_diff([role for role in held if not is_forgotten(before, after, role.workspace)], of_ledger(after))


def _held(before: Ledger, recorded: Deployed) -> set[RoleAssignment]:
    """Return the declared access, corrected by what there is of it."""
    held = {*of_ledger(before)}
    for workspace in recorded.workspaces:
        for access in workspace.access:
            if access.has_other_role:
                held.discard(_assignment(workspace.name, access.subject, access.declared))
                held |= {_assignment(workspace.name, access.subject, role) for role in access.actual}
        for key_id in {key.id for key in workspace.keys}:
            generations = [key for key in workspace.keys if key.id == key_id]
            made, subject = [key for key in generations if key.made], f"{KEY}:{key_id}"
            if not made:
                held = {role for role in held if (role.workspace, role.subject) != (workspace.name, subject)}
            elif not any(key.declared for key in generations):
                held |= {RoleAssignment(workspace.name, subject, key.role, KEY) for key in made if key.role}
    return held


def _assignment(workspace: str, subject: str, role: str | None) -> RoleAssignment:
    if role == OWNER:
        return RoleAssignment(workspace, subject, Role.ADMIN.value, OWNER)
    return RoleAssignment(workspace, subject, role or NO_ROLE, GRANT)


def _workspaces(before: Ledger, after: Ledger) -> Iterator[facts.WorkspaceChange]:
    for name in before.keys() | after.keys():
        what = _what(before.get(name), after.get(name))
        if what:
            yield facts.WorkspaceChange(name, what)


def _what(old: Entry | None, new: Entry | None) -> str:
    if old is None:
        return facts.ADOPTED if new and new.adopt else facts.MADE
    if new is None:
        return facts.FORGOTTEN if old.is_released else facts.REMOVED
    if old.state == new.state:
        return ""
    if new.is_closed:
        return facts.CLOSED
    if new.is_released:
        return facts.RELEASED
    return facts.OPENED if old.is_closed else facts.TAKEN_BACK


def _exposed(before: Ledger, after: Ledger) -> Iterator[Ended]:
    for name in before.keys() & after.keys():
        if after[name].is_released:
            continue
        exposed = ended(name, before[name], after[name])
        if exposed is not None and exposed.keys:
            yield exposed


def with_staying(plan: Plan, before: Ledger, after: Ledger) -> Plan:
    """Return a plan that would fail with the access that stays, but for that of workspaces which leave the files.

    In a fleet, what is refused for one workspace stops no other.
    """
    of_all = not plan.in_part or any(not problem.workspaces for problem in plan.guardrails)
    refused = {name for problem in plan.guardrails for name in problem.workspaces}
    stopped = before.keys() & after.keys() if plan.refused or plan.errors else set()
    return replace(
        plan,
        staying=tuple(
            staying
            for name in sorted(stopped)
            if of_all or name in refused
            for staying in _staying(name, before[name], after[name])
        ),
    )


def _staying(name: str, before: Entry, after: Entry) -> Iterator[Staying]:
    if before.is_released or after.is_released:
        return
    for key_id, key in sorted(before.keys.items()):
        kept = after.keys[key_id].generations if key_id in after.keys else ()
        for generation in key.generations:
            if generation not in kept:
                what = f"{key.role} of key:{key_id}{f', generation {generation}' if generation > 1 else ''}"
                yield Staying(
                    name, what, f"kubectl delete serviceaccount -n {name} {key.account(name, key_id, generation)}"
                )
    bindings = {binding.name for _, _, binding in subject_bindings(before)}
    for ending in endings(name, before, after):
        if ending.name in bindings:
            yield Staying(name, ending.what, f"kubectl delete rolebinding -n {name} {ending.name}")


def _dates(after: Ledger, at: datetime, zone: ZoneInfo, ahead: Ahead) -> Iterator[facts.DateComing]:
    for workspace, entry in after.items():
        for subject, periods in entry.dates.items():
            for period in periods:
                span = Span.of(period.from_, period.until, zone)
                for day, moment, what in ((period.from_, span.start, "begins"), (period.until, span.end, "ends")):
                    if day is None or moment is None or moment <= at:
                        continue
                    text = written(day)
                    if moment - at <= ahead.get((workspace, subject, period.role, text), facts.AHEAD):
                        yield facts.DateComing(format_time(moment), workspace, subject, period.role, what, text)


def source_changes(before: Ledger, after: Ledger) -> Iterator[SourceChange]:
    for workspace, entry in after.items():
        old, new = before.get(workspace, NOTHING).secret_sources, entry.secret_sources
        for variable in old.keys() | new.keys():
            if old.get(variable) != new.get(variable):
                yield SourceChange(workspace, *variable, old.get(variable, ""), new.get(variable, ""))


def _other(before: Ledger, after: Ledger) -> Iterator[str]:
    """Yield all other changes in declared entries: names, never values."""
    for name, new in after.items():
        old = before.get(name, NOTHING)
        parts = (
            ("dates", _periods(old), _periods(new)),
            ("settings", {*old.settings}, {*new.settings}),
            ("limits", {*old.limits}, {*new.limits}),
        )
        for part, was, now in parts:
            if was != now:
                yield f"{name}: {part}: {', '.join(_list_changes(was, now))}"
        for who in sorted(old.reviews.keys() | new.reviews.keys()):
            if old.reviews.get(who) != new.reviews.get(who):
                yield f"{name}: {who}: {new.reviews.get(who, NOT_REVIEWED)}"
        if not new.guard.weakens(old.guard):
            yield from (f"{name}: guard {field}: {how}" for field, how in _guard(old, new))


def _periods(entry: Entry) -> set[str]:
    return {f"{subject} {period}" for subject, periods in entry.dates.items() for period in periods}


def schedule_changes(before: Ledger, after: Ledger) -> list[Change]:
    """Return the changes of schedules, sorted. A workspace that is removed or forgotten has none of its own."""
    changes: list[Change] = []
    for workspace, entry in after.items():
        old, new = before.get(workspace, NOTHING).schedules, entry.schedules
        for schedule in old.keys() | new.keys():
            changes += _schedule_change(workspace, schedule, old.get(schedule), new.get(schedule))
    return sorted(changes)


def _schedule_change(
    workspace: str, schedule: str, old: ScheduleRecord | None, new: ScheduleRecord | None
) -> Iterator[Change]:
    if new is None:
        yield Change(workspace, schedule, facts.REMOVED, "its sessions stay")
    elif old is None:
        yield _new_schedule(workspace, schedule, new)
    elif old != new:
        yield Change(workspace, schedule, facts.CHANGED, ", ".join(_schedule_details(old, new)))


def _new_schedule(workspace: str, schedule: str, new: ScheduleRecord) -> Change:
    state = ", suspended" if new.suspend else ""
    if new.cron_job is None:
        user = f", runs as {new.run_as}" if new.run_as else ""
        return Change(workspace, schedule, facts.MADE, f"{new.schedule}{user}{state}")
    # The plan does not know the user, whom the platform takes from the last save.
    user = f"runs as {new.run_as or 'itself'} instead of the user who saved it last"
    why = f"{new.schedule}{state}, with the declared name, {user}"
    return Change(workspace, schedule, facts.ADOPTED, why)


def _schedule_details(old: ScheduleRecord, new: ScheduleRecord) -> Iterator[str]:
    yield from (f"{label} {before} -> {after}" for label, before, after in differences(old, new))
    if old.digest != new.digest:
        yield "its sessions"
