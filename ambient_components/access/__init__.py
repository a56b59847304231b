"""Access computed from declarations: a stack's ledger, its guardrails, and the deployer's own rights."""

from ambient_components.access.bindings import Expected, expected_key, expected_objects
from ambient_components.access.deployer import RIGHTS, Right, features_of, rights_for
from ambient_components.access.endings import Ended, Ending, ended, endings
from ambient_components.access.entries import (
    NOTHING,
    Entry,
    Ledger,
    PathChange,
    changed_paths,
    ledger_misfits,
    misfit_problems,
    read_ledger,
    unnamed_refusal,
    write_ledger,
)
from ambient_components.access.guardrails import Crossed, crossed, existing_violations, guardrail_warnings
from ambient_components.access.ledger import object_names, refusals
from ambient_components.rules.guardrail_names import GuardrailSettings, StackGuardrails

__all__ = [
    "NOTHING",
    "RIGHTS",
    "Crossed",
    "Ended",
    "Ending",
    "Entry",
    "Expected",
    "GuardrailSettings",
    "Ledger",
    "PathChange",
    "Right",
    "StackGuardrails",
    "changed_paths",
    "crossed",
    "ended",
    "endings",
    "existing_violations",
    "expected_key",
    "expected_objects",
    "features_of",
    "guardrail_warnings",
    "ledger_misfits",
    "misfit_problems",
    "object_names",
    "read_ledger",
    "refusals",
    "rights_for",
    "unnamed_refusal",
    "write_ledger",
]
