"""The rules of access over ledgers as they are recorded: tests write plain data, as a state has it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from ambient_components.access import bindings, entries, fleet_guardrails, guardrails, role_assignments
from ambient_components.access import cluster_access as live_access
from ambient_components.access import endings as access_endings
from ambient_components.access import ledger as access_ledger
from ambient_components.access.entries import Entry, write_ledger
from ambient_components.access.escalation import paths as escalation_paths
from ambient_components.errors import Problem
from ambient_components.model.derive import read
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.plan import ledgers as plan_ledgers
from ambient_components.plan import preview
from ambient_components.shards import records
from ambient_components.stacks.deployed import AccessKey, Deployed, DeployedBucket, DeployedKey, DeployedWorkspace
from ambient_components.stacks.reading import from_ledger


def ledger(plain: Any) -> dict[str, Entry]:
    """A ledger, or one that is typed already."""
    return {name: entry(one) for name, one in plain.items()}


def entry(plain: Any) -> Entry:
    return plain if isinstance(plain, Entry) else entries.read_entry(plain)


def _over(kind: Callable[[Any], Any], function: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """A function whose arguments that are mappings are ledgers, or entries; by name those that are given."""

    @wraps(function)
    def call(*args: Any, **more: Any) -> Any:
        typed = [kind(arg) if isinstance(arg, Mapping) else arg for arg in args]
        return function(*typed, **{name: kind(one) if name in names else one for name, one in more.items()})

    return call


def refused(before: Any, after: Any, *rest: Any, **more: Any) -> list[Problem]:
    """What the ledger's check says of plain inputs."""
    wrong = {name: one for name, one in after.items() if not isinstance(one, Entry)}
    problems = entries.misfit_problems(entries.ledger_misfits(wrong))
    return problems or access_ledger.refusals(ledger(before), ledger(after), *rest, **more)


def refusals(before: Any, after: Any, *rest: Any, **more: Any) -> list[str]:
    """The same as texts."""
    return [str(refusal) for refusal in refused(before, after, *rest, **more)]


def fleet_refusals(
    fleet: str, before: Mapping[str, Any], after: Mapping[str, Any], *rest: Any, **more: Any
) -> list[Problem]:
    each = ({stack: ledger(one) for stack, one in side.items()} for side in (before, after))
    return fleet_guardrails.fleet_refusals(fleet, *each, *rest, **more)


def recorded(*args: Any) -> dict[str, dict[str, Any]]:
    """The ledger of models of workspaces (`fleet.ledger_of`), as it is recorded."""
    from ambient_components.program.ledger import ledger_of  # noqa: PLC0415

    return write_ledger(ledger_of(*args))


def declare(record: Any, plain: Any, *rest: Any, **more: Any) -> Any:
    return records.declare(record, ledger(plain), *rest, **more)


crossed = _over(ledger, guardrails.crossed)
existing_violations = _over(ledger, guardrails.existing_violations)
guardrail_warnings = _over(ledger, guardrails.guardrail_warnings)
removals_digest = _over(ledger, fleet_guardrails.removals_digest)
with_approved = _over(ledger, fleet_guardrails.with_approved)
removed = _over(ledger, guardrails.removed)
of_ledger = _over(ledger, role_assignments.of_ledger)
escalations = _over(ledger, escalation_paths.escalations)
live = _over(ledger, live_access.live)
expected = _over(ledger, live_access.expected)
from_ledgers = _over(ledger, plan_ledgers.from_ledgers)
from_preview = _over(ledger, preview.from_preview)
stack_guardrail_changes = _over(
    lambda plain: read(GuardrailsRecord, "ledger", plain), plan_ledgers.stack_guardrail_changes
)

endings = _over(entry, access_endings.endings)
ended = _over(entry, access_endings.ended)
expected_objects = _over(entry, bindings.expected_objects)
object_names = _over(entry, access_ledger.object_names)
admin_keys_with_editors = _over(entry, escalation_paths.admin_keys_with_editors)


def deployed_keys(workspace: str, *keys: str, **more: Any) -> Deployed:
    """The first generation of some keys in a state, alike but for their ids."""
    given = {"label": "", "role": "edit", "declared": True, "made": True, **more}
    found = tuple(DeployedKey(key, 1, **given) for key in keys)
    return Deployed("", datetime.now(UTC), (DeployedWorkspace(workspace, "active", (), found),))


def deployed_access_key(workspace: str, **more: Any) -> Deployed:
    """The access key of a workspace's bucket in a state."""
    bucket = DeployedBucket("b", "s3", key=AccessKey("A", "", 1, **more))
    return Deployed("", datetime.now(UTC), (DeployedWorkspace(workspace, "active", (), (), bucket),))


def recorded_of(plain: Any) -> Deployed:
    """All that a ledger declares, as existing."""
    return from_ledger(ledger(plain), datetime.now(UTC))
