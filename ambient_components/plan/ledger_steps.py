"""The engine's steps on a program's AccessLedgers. There can be several, and one can be removed from the program."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ambient_components.access.entries import Entry, Ledger, ledger_in
from ambient_components.engine.names import Part, logical_name
from ambient_components.engine.steps import CHANGES_NOTHING, DELETES, Step, of_type
from ambient_components.engine.urns import ACCESS_LEDGER, Urn
from ambient_components.model.derive import read
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.plan.facts import Change
from ambient_components.plan.ledgers import stack_guardrail_changes


def ledger_after(steps: Iterable[Step], before: Ledger) -> Ledger:
    """Return the entries of all ledgers in the program. A ledger without a step keeps its entries.

    If a ledger leaves the program, its workspaces that are not deleted keep their entries, minus the access that the
    engine deletes. No other ledger records them.
    """
    steps = list(steps)
    ledgers = _ledgers(steps).values()
    after = dict(before)
    for old, _ in ledgers:
        for workspace in ledger_in(old):
            after.pop(workspace, None)
    if any(new is None for _, new in ledgers):
        deleted = {step.name for step in steps if step.op in DELETES}
        for old, _ in (ledger for ledger in ledgers if ledger[1] is None):
            after |= {each: _left(each, entry, deleted) for each, entry in _staying(ledger_in(old), deleted)}
    for _, new in ledgers:
        after |= ledger_in(new)
    return after


def guardrail_changes(steps: Iterable[Step]) -> list[Change]:
    ledgers = (ledger for ledger in _ledgers(steps).values() if ledger[1] is not None)
    return sorted(
        {change for old, new in ledgers for change in stack_guardrail_changes(_guardrails(old), _guardrails(new))}
    )


def unevaluated(steps: Iterable[Step], before: Ledger) -> list[str]:
    ledgers = _ledgers(steps)
    gone = {urn: old for urn, (old, new) in ledgers.items() if new is None}
    if not gone:
        return []
    recorded = {workspace for old in gone.values() for workspace in ledger_in(old)}
    if len(gone) == len(ledgers) and before.keys() <= recorded:
        return ["no AccessLedger any more: no guardrail evaluates this run, and nothing is recorded of who has access"]
    return sorted(
        f"AccessLedger {urn.name} leaves the program: no guardrail evaluates what becomes of what it recorded"
        for urn in gone
    )


def _ledgers(steps: Iterable[Step]) -> dict[Urn, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]:
    """Return the inputs before and after of each ledger with a step, by URN. None where the ledger does not exist."""
    ledgers: dict[Urn, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]] = {}
    for step in of_type(steps, ACCESS_LEDGER):
        if step.op in CHANGES_NOTHING:
            continue
        old, new = ledgers.get(step.urn, (None, None))
        old = step.old.inputs if old is None and step.old is not None else old
        if step.op not in DELETES and step.new is not None:
            new = step.new.inputs
        ledgers[step.urn] = old, new
    return ledgers


def _guardrails(inputs: Mapping[str, Any] | None) -> GuardrailsRecord:
    return read(GuardrailsRecord, "ledger", (inputs or {}).get("guardrails"))


def _staying(workspaces: Ledger, deleted: Collection[str]) -> Iterable[tuple[str, Entry]]:
    for workspace, entry in workspaces.items():
        if not {logical_name(workspace, part) for part in (Part.WORKSPACE, Part.NAMESPACE)} & set(deleted):
            yield workspace, entry


def _left(workspace: str, entry: Entry, deleted: Collection[str]) -> Entry:
    owners = [owner for owner in entry.owners if logical_name(workspace, Part.OWNER, owner) not in deleted]
    grants = {
        subject: role
        for subject, role in entry.grants.items()
        if logical_name(workspace, Part.GRANT, subject) not in deleted
    }
    keys = {
        key_id: key
        for key_id, key in entry.keys.items()
        if logical_name(workspace, Part.KEY_GENERATION, key_id, key.generation) not in deleted
    }
    return entry.model_copy(update={"owners": owners, "grants": grants, "keys": keys})
