"""The facts of a plan, from the engine's own preview.

The source is `pulumi preview --json`, one document with all steps and log messages. The engine's event log has the same
facts in pieces, and it truncates long values.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ambient_components.access import adoption
from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.engine import names, steps, urns
from ambient_components.engine.names import Part
from ambient_components.engine.state import Resource
from ambient_components.engine.steps import CREATES, DELETES, Preview, content, selected_names
from ambient_components.errors import Problem
from ambient_components.model.keys import KeyRecord
from ambient_components.plan import facts, ledger_steps
from ambient_components.plan.buckets import bucket_changes
from ambient_components.plan.drift import changed_values, drift, drifted_access
from ambient_components.plan.facts import Ahead, Change, KeyChange, Plan, Step, Waiting
from ambient_components.plan.keys import begun, change, expiring, is_forgotten, what_changes, why_issued, why_revoked
from ambient_components.plan.ledgers import NOWHERE, UTC_ZONE, from_ledgers
from ambient_components.plan.role_changes import with_adopted_keys, with_adoptions
from ambient_components.problem_json import MINT, MISSING_VALUE
from ambient_components.stacks.deployed import Deployed, DeployedKey, KeyPlace
from ambient_components.stacks.reading import declared_keys

_RETIRING: Final = frozenset({"retiring", "pendingRevocations", "nextAction"})
_MINTING: Final = frozenset({"token", "current", "accessKey", "secretKey"})
_HOUSEKEEPING: Final = frozenset({"former", "overlapping", "released", "serviceAccountUid", "incomplete", "adopt"})
"""Token inputs that follow from another change, which has its own line, or that only the first run uses."""


def problems(preview: Preview, severity: str) -> tuple[Problem, ...]:
    diagnostics = (diagnostic for diagnostic in preview.diagnostics if diagnostic.severity == severity)
    return facts.sorted_problems(problem for diagnostic in diagnostics for problem in diagnostic.problems)


def missing_values(preview: Preview) -> tuple[Problem, ...]:
    """Return the secrets without a value, sorted: unknown in a preview, errors of an update."""
    return tuple(problem for problem in problems(preview, "warning") if problem.rule == MISSING_VALUE)


def warnings(preview: Preview) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems(preview, "warning") if problem.rule != MISSING_VALUE)


def _beside(preview: Preview) -> list[Step]:
    """Return the steps outside all workspaces and our own stack resources, RBAC first. No ledger records them."""
    beside = (_step(step) for step in preview.steps if step.changes and _is_beside(step))
    return sorted(beside, key=lambda step: (not step.rights, step.name, step.kind, step.op))


def _actions(preview: Preview) -> list[Step]:
    made_up = selected_names(preview.steps)
    actions = (
        replace(_step(step), content=content(step, made_up))
        for step in preview.steps
        if step.changes and step.type != urns.STACK
    )
    return sorted(actions, key=lambda step: (step.name, step.kind, step.op))


def _reasons(preview: Preview) -> dict[str, str]:
    """Return why the plugin would mint a token, by URN."""
    return {
        diagnostic.urn: problem.problem
        for diagnostic in preview.diagnostics
        for problem in diagnostic.problems
        if problem.rule == MINT
    }


def from_preview(
    preview: Preview,
    before: Ledger,
    *,
    stack: str,
    at: datetime,
    recorded: Deployed,
    zone: ZoneInfo = UTC_ZONE,
    ahead: Ahead = NOWHERE,
    pending: Iterable[Waiting] = (),
) -> Plan:
    after = ledger_steps.ledger_after(preview.steps, before)
    notes = (problem for diagnostic in preview.diagnostics for problem in diagnostic.problems)
    plan = from_ledgers(
        before, after, stack=stack, at=at, recorded=recorded, zone=zone, ahead=ahead,
        pending=pending, warnings=warnings(preview), guardrail_changes=ledger_steps.guardrail_changes(preview.steps),
        drifted=drifted_access(preview.steps, (place for place, key in recorded.keys.items() if key.made)),
    )  # fmt: skip
    plan = with_adoptions(plan, adoption.read(notes))
    keys = _keys(preview, before, after, recorded, at, ahead)
    buckets = [*bucket_changes(before, after), *_access_keys(preview, before, after)]
    plan = replace(
        plan, online=True, keys=tuple(keys), buckets=tuple(sorted(buckets)), steps=tuple(_actions(preview)),
        beside=tuple(_beside(preview)), unevaluated=tuple(ledger_steps.unevaluated(preview.steps, before)),
        errors=missing_values(preview), drift=drift(preview.steps),
        other=tuple(sorted([*plan.other, *changed_values(preview.steps)])),
    )  # fmt: skip
    return with_adopted_keys(plan)


def _keys(
    preview: Preview, before: Ledger, after: Ledger, recorded: Deployed, at: datetime, ahead: Ahead
) -> list[KeyChange]:
    reasons, desired, existing = _reasons(preview), dict(declared_keys(after)), recorded.keys
    changes: dict[tuple[KeyPlace, str], KeyChange] = {}
    for step in steps.of_type(preview.steps, urns.ACCESS_TOKEN):
        if not step.changes:
            continue
        for key_change in _of_token(step, before, after, existing, desired, reasons.get(str(step.urn), "")):
            changes[(key_change.workspace, key_change.key, key_change.generation), key_change.what] = key_change
    for step in steps.of_type(preview.steps, urns.SERVICE_ACCOUNT):
        for key_change in _of_account(step, before, after, existing, desired):
            changes[(key_change.workspace, key_change.key, key_change.generation), key_change.what] = key_change
    reported = {identity for identity, _ in changes}
    for identity, key in desired.items():
        if (has := existing.get(identity)) is not None and has.made:
            # A token has no step for changes that only the ledger records, such as a date.
            if identity not in reported and (why := what_changes(identity, before, key)):
                changes[identity, facts.CHANGED] = change(identity, facts.CHANGED, key.role, why, has)
            for key_change in expiring(identity, key.role, has, at, ahead):
                changes[identity, key_change.what] = key_change
    return sorted(changes.values())


def _of_token(
    step: steps.Step,
    before: Ledger,
    after: Ledger,
    existing: Mapping[KeyPlace, DeployedKey],
    desired: Mapping[KeyPlace, KeyRecord],
    noted: str,
) -> Iterator[KeyChange]:
    op = step.op
    old, new = _identity(step.old), _identity(step.new)
    key = desired.get(new) if new is not None else None
    role = key.role if key is not None else ""
    has = existing.get(old) if old is not None else None
    if op == steps.UPDATE and new is not None:
        paths = set(step.paths)
        if noted or paths & _MINTING:
            yield change(new, facts.ROTATED, role, noted or "it is due", has)
        elif paths and paths <= _RETIRING:
            yield change(new, facts.ENDED, role, "its overlap is over, or its revocation failed before", has)
        elif why := (what_changes(new, before, key) if key is not None else "") or _message_of(paths):
            yield change(new, facts.CHANGED, role, why, has)
        return
    if op == steps.REPLACE and old == new and new is not None:
        yield change(new, facts.ROTATED, role, noted or "its ServiceAccount is replaced", has)
        return
    if new is not None and (op in CREATES or op == steps.REPLACE):
        yield change(new, facts.ISSUED, role, why_issued(new, before, after))
    released = old is not None and is_forgotten(before, after, old[0])
    if old is not None and old not in desired and not released and (op in DELETES or op == steps.REPLACE):
        yield change(old, facts.REVOKED, (has and has.role) or "", why_revoked(old, before, after), has)


def _of_account(
    step: steps.Step,
    before: Ledger,
    after: Ledger,
    existing: Mapping[KeyPlace, DeployedKey],
    desired: Mapping[KeyPlace, KeyRecord],
) -> Iterator[KeyChange]:
    """Yield the change of an identity that the platform made, which has no token of ours."""
    account = step.new or step.old
    name = names.parse(account.name) if account is not None and account.inputs.get("ofPlatform") else None
    if name is None or name.part is not Part.KEY_GENERATION:
        return
    identity = name.workspace, name.item, name.generation
    key = desired.get(identity)
    if step.op in CREATES and key is not None:
        yield begun(identity, key, before, after)
    elif step.op in DELETES and key is None and not is_forgotten(before, after, name.workspace):
        has = existing.get(identity)
        yield change(identity, facts.REVOKED, (has and has.role) or "", why_revoked(identity, before, after), has)


def _message_of(paths: Collection[str]) -> str:
    names = sorted({path.split(".", 1)[0] for path in paths} - _HOUSEKEEPING)
    return "it is delivered again" if names == ["undelivered"] else ", ".join(names)


def _identity(token: Resource | None) -> KeyPlace | None:
    """Return the key identity of a token.

    In a replacement the old and the new token share the new logical name, so the input `generation` decides.
    """
    name = names.parse(token.name) if token is not None else None
    if token is None or name is None or name.part is not Part.KEY_GENERATION:
        return None
    generation = token.inputs.get("generation")
    number = generation if isinstance(generation, int | float) else name.generation
    return name.workspace, name.item, int(number)


def _access_keys(preview: Preview, before: Ledger, after: Ledger) -> Iterator[Change]:
    reasons = _reasons(preview)
    for step in steps.of_type(preview.steps, urns.S3_CREDENTIALS):
        if not step.changes:
            continue
        workspace, op, keys = names.workspace_of(step.name), step.op, step.new or step.old
        inputs = keys.inputs if keys is not None else {}
        bucket = after.get(workspace, NOTHING).bucket
        name = bucket.name if bucket is not None else str(inputs.get("bucket") or "")
        noted, paths = reasons.get(str(step.urn), ""), set(step.paths)
        if op in DELETES:
            if not is_forgotten(before, after, workspace):
                yield Change(workspace, name, facts.ACCESS_KEY_ENDED)
        elif op in CREATES:
            yield Change(workspace, name, facts.NEW_ACCESS_KEY, "the first one")
        elif op == steps.REPLACE or noted or paths & _MINTING:
            yield Change(workspace, name, facts.NEW_ACCESS_KEY, noted or "it is due")
        elif paths and paths <= _RETIRING:
            yield Change(workspace, name, facts.ACCESS_KEY_ENDED, "its overlap is over")


def _step(step: steps.Step) -> Step:
    op = "protect" if step.protects else "retain" if step.retains else step.op
    return Step(op, step.type, step.name, tuple(sorted(step.paths)))


def _is_beside(step: steps.Step) -> bool:
    return not urns.is_stacks_own(step.type) and urns.WORKSPACE not in step.urn.types
