"""The facts of a plan out of the engine's own preview: what it says it will do is what is shown.

Of `pulumi preview --json`: one document, with steps and with what was logged. The engine's event log has the same in
pieces, and cuts long values.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ambient_components.access.entries import NOTHING, KeyEntry, Ledger
from ambient_components.engine import names, steps, texts, types
from ambient_components.engine.contents import chosen_names, content
from ambient_components.engine.names import Part
from ambient_components.engine.state import Resource
from ambient_components.engine.steps import CREATES, DELETES, Diagnostic, Preview
from ambient_components.errors import Problem
from ambient_components.plan import facts, ledger_steps
from ambient_components.plan.ahead import Ahead
from ambient_components.plan.buckets import bucket_changes
from ambient_components.plan.facts import BucketChange, KeyChange, Plan, Step, Waiting
from ambient_components.plan.held import Held, Holdings, Identity, identities
from ambient_components.plan.keys import change, expiring, is_let_go, what_changes, why_minted, why_revoked
from ambient_components.plan.ledgers import AHEAD, UTC_ZONE, from_ledgers
from ambient_components.problem_json import MINT

_RETIRING: Final = frozenset({"retiring", "pendingRevocations", "nextAction"})
_MINTING: Final = frozenset({"token", "current", "accessKey", "secretKey"})
_HOUSEKEEPING: Final = frozenset({"former", "overlapping", "released", "serviceAccountUid", "incomplete"})
"""Inputs of a token that follow from another change, which is told by itself."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What `pulumi preview --json` printed."""

    steps: tuple[steps.Step, ...]
    diagnostics: tuple[Diagnostic, ...]

    @classmethod
    def of(cls, preview: Preview) -> "Digest":
        """Take what a plan is made of."""
        return cls(preview.steps, preview.diagnostics)

    def ledger_after(self, before: Ledger) -> Ledger:
        """All that the program's ledgers ask for; that of the last deployment, where nothing in them changes."""
        return ledger_steps.ledger_after(self.steps, before)

    def beside(self) -> list[Step]:
        """What the engine would do to what is in no workspace and none of ours: no ledger records it. Rights first."""
        found = (_step(step) for step in self.steps if step.changes and _is_beside(step))
        return sorted(found, key=lambda step: (not step.rights, step.name, step.kind, step.op))

    def problems(self, severity: str) -> tuple[Problem, ...]:
        """What was logged with this severity, each once. Sorted."""
        said = (problem for one in self.diagnostics if one.severity == severity for problem in one.problems)
        return facts.sorted_problems(one for one in said if not texts.is_about_plugins(one.problem))

    def actions(self) -> list[Step]:
        """What the engine would do, without what it only looks at. Sorted by name."""
        made_up = chosen_names(self.steps)
        found = (
            replace(_step(step), content=content(step, made_up))
            for step in self.steps
            if step.changes and step.type != types.STACK
        )
        return sorted(found, key=lambda step: (step.name, step.kind, step.op))

    def reasons(self) -> dict[str, str]:
        """Why something is minted, by urn: the plugin notes it."""
        found = {}
        for one in self.diagnostics:
            for problem in one.problems:
                if problem.rule == MINT:
                    found[one.urn] = problem.problem
        return found


def from_preview(
    digest: Digest,
    before: Ledger,
    *,
    stack: str,
    at: datetime,
    held: Holdings,
    zone: ZoneInfo = UTC_ZONE,
    ahead: Ahead = AHEAD,
    rails: Iterable[Problem] = (),
    pending: Iterable[Waiting] = (),
) -> Plan:
    """The plan that the engine's preview comes to.

    Args:
        digest: the preview.
        before: the ledger of the last deployment.
        stack: its name.
        at: the moment of the preview, UTC.
        held: what the state has of keys.
        zone: of plain days.
        ahead: how early what comes by date is told.
        rails: crossed ones.
        pending: what the last run did not do.
    """
    after = digest.ledger_after(before)
    plan = from_ledgers(
        before, after, stack=stack, at=at, held=held, zone=zone, ahead=ahead, rails=rails, pending=pending,
        rail_changes=ledger_steps.rail_changes(digest.steps), warnings=digest.problems("warning"),
    )  # fmt: skip
    keys = _keys(digest, before, after, held, at, ahead)
    buckets = [*bucket_changes(before, after), *_access_keys(digest, before, after)]
    return replace(
        plan, online=True, keys=tuple(keys), buckets=tuple(sorted(buckets)), steps=tuple(digest.actions()),
        beside=tuple(digest.beside()), unjudged=tuple(ledger_steps.unjudged(digest.steps, before)),
    )  # fmt: skip


def _keys(digest: Digest, before: Ledger, after: Ledger, held: Holdings, at: datetime, ahead: Ahead) -> list[KeyChange]:
    """What the steps do to tokens, with the reasons of the ledgers, or the plugin's own."""
    reasons, wanted = digest.reasons(), dict(identities(after))
    found: dict[tuple[Identity, str], KeyChange] = {}
    for step in steps.of_type(digest.steps, types.ACCESS_TOKEN):
        if not step.changes:
            continue
        for one in _of_token(step, before, after, held, wanted, reasons.get(str(step.urn), "")):
            found[(one.workspace, one.key, one.generation), one.what] = one
    told = {identity for identity, _ in found}
    for identity, key in wanted.items():
        if (has := held.keys.get(identity)) is not None and has.made:
            # Of what only the ledger has, such as a day, no token has a step.
            if identity not in told and (why := what_changes(identity, before, key)):
                found[identity, facts.CHANGED] = change(identity, facts.CHANGED, key.role, why, has)
            for one in expiring(identity, key.role, has, at, ahead):
                found[identity, one.what] = one
    return sorted(found.values())


def _of_token(
    step: steps.Step,
    before: Ledger,
    after: Ledger,
    held: Holdings,
    wanted: Mapping[Identity, KeyEntry],
    noted: str,
) -> Iterator[KeyChange]:
    op = step.op
    old, new = _identity(step.old), _identity(step.new)
    key = wanted.get(new) if new is not None else None
    role = key.role if key is not None else ""
    has = held.keys.get(old) if old is not None else None
    if op == steps.UPDATE and new is not None:
        paths = set(step.paths)
        if noted or paths & _MINTING:
            yield change(new, facts.ROTATED, role, noted or "it is due", has)
        elif paths and paths <= _RETIRING:
            yield change(new, facts.ENDED, role, "its overlap is over, or its revocation failed before", has)
        elif why := (what_changes(new, before, key) if key is not None else "") or _said_of(paths):
            yield change(new, facts.CHANGED, role, why, has)
        return
    if op == steps.REPLACE and old == new and new is not None:
        yield change(new, facts.ROTATED, role, noted or "its ServiceAccount is replaced", has)
        return
    if new is not None and (op in CREATES or op == steps.REPLACE):
        yield change(new, facts.MINTED, role, why_minted(new, before, after))
    let_go = old is not None and is_let_go(before, after, old[0])
    if old is not None and old not in wanted and not let_go and (op in DELETES or op == steps.REPLACE):
        was = has or Held()
        yield change(old, facts.REVOKED, was.role, why_revoked(old, before, after), was)


def _said_of(paths: Collection[str]) -> str:
    """What an update of a token is about, where the ledger does not say; nothing where it is about no token."""
    names = sorted({path.split(".", 1)[0] for path in paths} - _HOUSEKEEPING)
    return "it is delivered again" if names == ["undelivered"] else ", ".join(names)


def _identity(token: Resource | None) -> Identity | None:
    """Whose token it is; the old and the new one of a replacement are both called after the new one."""
    name = names.parse(token.name) if token is not None else None
    if token is None or name is None or name.part is not Part.KEY_GENERATION:
        return None
    generation = token.inputs.get("generation")
    number = generation if isinstance(generation, int | float) else name.generation
    return name.workspace, name.item, int(number)


def _access_keys(digest: Digest, before: Ledger, after: Ledger) -> Iterator[BucketChange]:
    reasons = digest.reasons()
    for step in steps.of_type(digest.steps, types.S3_CREDENTIALS):
        if not step.changes:
            continue
        workspace, op, keys = names.workspace_of(step.name), step.op, step.new or step.old
        inputs = keys.inputs if keys is not None else {}
        bucket = after.get(workspace, NOTHING).bucket
        name = bucket.name if bucket is not None else str(inputs.get("bucket") or "")
        noted, paths = reasons.get(str(step.urn), ""), set(step.paths)
        if op in DELETES:
            if not is_let_go(before, after, workspace):
                yield BucketChange(workspace, name, facts.ACCESS_KEY_ENDED)
        elif op in CREATES:
            yield BucketChange(workspace, name, facts.NEW_ACCESS_KEY, "none yet")
        elif op == steps.REPLACE or noted or paths & _MINTING:
            yield BucketChange(workspace, name, facts.NEW_ACCESS_KEY, noted or "it is due")
        elif paths and paths <= _RETIRING:
            yield BucketChange(workspace, name, facts.ACCESS_KEY_ENDED, "its overlap is over")


def _step(step: steps.Step) -> Step:
    op = "protect" if step.protects else "retain" if step.retains else step.op
    return Step(op, step.type, step.name, tuple(sorted(step.paths)))


def _is_beside(step: steps.Step) -> bool:
    """Whether a resource is in no workspace, and neither a ledger, a provider nor the stack itself."""
    return not types.is_stacks_own(step.type) and types.WORKSPACE not in step.urn.types
