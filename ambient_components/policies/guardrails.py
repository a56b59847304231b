"""The guardrails that need only the new state, evaluated on the AccessLedger's inputs with the rules of its own check.

The ledger blocks only what a run introduces. A policy pack does not see the previous state, so it evaluates everything:
a violation under an exception is refused again once the exception has expired.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ambient_components.access import NOTHING, Crossed, GuardrailSettings, Ledger, existing_violations, read_ledger
from ambient_components.access.guardrail_names import (
    ACTING_KEY,
    ACTING_SCHEDULE,
    ADMIN_KEY,
    ADMIN_KEY_WITH_EDITORS,
    INDIVIDUAL_GRANT,
    NON_EXPIRING_KEY,
    PUBLIC_ACCESS,
    TOO_MANY_KEYS,
)
from ambient_components.errors import refusal

STATE_GUARDRAILS: Final = {
    PUBLIC_ACCESS: "No access for a group that includes all users or all service accounts.",
    ADMIN_KEY: "No key of role admin, and no key's ServiceAccount among owners or grants.",
    NON_EXPIRING_KEY: "No key that never expires.",
    ACTING_KEY: "No key that acts for a user of the platform.",
    ACTING_SCHEDULE: "No schedule that runs as a user of the platform.",
    TOO_MANY_KEYS: "No more keys in one workspace than the stack allows.",
    INDIVIDUAL_GRANT: "No grant to a single user if the stack requires groups.",
    ADMIN_KEY_WITH_EDITORS: "No admin key or account in a workspace with editors if the stack isolates admin keys.",
}
"""The state guardrails, with descriptions. All others are about a change, not a state."""


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """The pack's configuration for one guardrail, in addition to the stack's own settings."""

    honour_exceptions: bool = True
    """Whether exceptions in the stack's files are honoured."""
    max_keys: int | None = None
    """Maximum number of keys in a workspace. Overrides the stack's setting."""
    everywhere: bool = False
    """Whether opt-in guardrails (groupsOnly, isolateAdminKeys) apply to all stacks."""


def violations(ledger: Mapping[str, Any], guardrail: str, config: PolicyConfig, now: datetime) -> list[str]:
    """Return this guardrail's violations in a ledger as messages.

    Args:
        ledger: Inputs of the AccessLedger: `workspaces` and, if the stack has settings for guardrails, `guardrails`.
        config: The pack's configuration.
        now: Decides which grants have ended.

    Raises:
        ValueError: The stack's `guardrails` are invalid. The ledger's own check refuses them too.
    """
    settings = GuardrailSettings.of(ledger.get("guardrails"))
    if config.max_keys is not None:
        settings = replace(settings, max_keys=config.max_keys)
    if config.everywhere:
        settings = replace(settings, groups_only=True, isolate_admin_keys=True)
    workspaces = read_ledger(ledger.get("workspaces"))
    of_workspaces = {name: entry for name, entry in workspaces.items() if not entry.is_closed}
    return [
        _text(one, config)
        for one in existing_violations(of_workspaces, settings, now)
        if one.guardrail == guardrail and not (config.honour_exceptions and _is_allowed(one, settings, workspaces))
    ]


def _is_allowed(one: Crossed, settings: GuardrailSettings, workspaces: Ledger) -> bool:
    entry = workspaces.get(one.workspace or "", NOTHING)
    return one.guardrail in settings.exceptions or one.guardrail in entry.exceptions


def _text(one: Crossed, config: PolicyConfig) -> str:
    way_out = f"if that is meant, write in its entry: exceptions: [{{guardrail: {one.guardrail}, reason: WHY}}]"
    return str(
        refusal(f"workspace {one.workspace!r}: {one.what}", one.remedy, way_out if config.honour_exceptions else "")
    )
