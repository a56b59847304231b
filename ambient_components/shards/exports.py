"""The workspaces in an exported state: their resources and their ledger entries. All functions are pure."""

from collections.abc import Collection, Mapping
from typing import Any

from ambient_components.access.entries import Entry, read_ledger
from ambient_components.engine.names import workspace_of
from ambient_components.engine.rewriting import items
from ambient_components.engine.state import Export
from ambient_components.engine.types import ACCESS_LEDGER, is_stacks_own
from ambient_components.engine.urns import Urn

Deployment = Export
"""The parsed output of `pulumi stack export`, with secrets encrypted."""


def workspaces_of(state: Deployment) -> dict[str, Entry]:
    """Return the entries of the state's ledger by workspace. Empty if the state has no ledger."""
    found = ledgers(state)
    return read_ledger((found[0].get("inputs") or {}).get("workspaces")) if found else {}


def owner_of(state: Deployment) -> str:
    """Return PROJECT/FLEET from the state's ledger. Empty if the state has no ledger."""
    found = ledgers(state)
    return str((found[0].get("inputs") or {}).get("owner") or "") if found else ""


def parts_of(state: Deployment, *names: str) -> list[dict[str, Any]]:
    """Return the resources of these workspaces, in the state's order."""
    urns = urns_of(state, names)
    return [item for item in items(state) if item["urn"] in urns]


def urns_of(state: Deployment, names: Collection[str]) -> set[str]:
    """Return the URNs of all resources of these workspaces, found by logical name or by a parent."""
    inside = [item["urn"] for item in items(state) if not is_of_stack(item)]
    wanted = {urn for urn in inside if workspace_of(Urn.parse(urn).name) in names}
    parents = {item["urn"]: item.get("parent") or "" for item in items(state)}

    def belongs(urn: str) -> bool:
        seen: set[str] = set()
        while urn and urn not in seen:
            if urn in wanted:
                return True
            seen.add(urn)
            urn = parents.get(urn, "")
        return False

    return {urn for urn in inside if belongs(urn)}


def is_of_stack(item: Mapping[str, Any]) -> bool:
    """Tell whether a resource belongs to the stack and not to a workspace."""
    return is_stacks_own(item["type"])


def ledgers(state: Deployment) -> list[dict[str, Any]]:
    """Return the state's ledgers, without pending deletes. A state of this project has at most one."""
    return [item for item in items(state) if item["type"] == ACCESS_LEDGER and not item.get("delete")]


def outputs_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs of one resource."""
    return dict(item.get("outputs") or {})
