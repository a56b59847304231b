"""What an exported state says of workspaces: their parts, their entries in the ledger. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from ambient_components.access.entries import Entry, read_ledger
from ambient_components.engine.names import workspace_of
from ambient_components.engine.rewriting import items
from ambient_components.engine.state import Export
from ambient_components.engine.types import ACCESS_LEDGER, is_stacks_own
from ambient_components.engine.urns import Urn

Deployment = Export
"""What `pulumi stack export` printed, parsed; secrets encrypted."""


def workspaces_of(state: Deployment) -> dict[str, Entry]:
    """Entries of a state's ledger by workspace; empty where there is no ledger."""
    found = ledgers(state)
    return read_ledger((found[0].get("inputs") or {}).get("workspaces")) if found else {}


def owner_of(state: Deployment) -> str:
    """PROJECT/FLEET as the state's ledger says it; empty where there is none."""
    found = ledgers(state)
    return str((found[0].get("inputs") or {}).get("owner") or "") if found else ""


def parts_of(state: Deployment, *names: str) -> list[dict[str, Any]]:
    """All that a state has of workspaces, in its order."""
    urns = urns_of(state, names)
    return [item for item in items(state) if item["urn"] in urns]


def urns_of(state: Deployment, names: Collection[str]) -> set[str]:
    """URNs of all that is these workspaces': by the name, and by the parents, whatever they are called."""
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
    """Whether it is the stack's own: no workspace's."""
    return is_stacks_own(item["type"])


def ledgers(state: Deployment) -> list[dict[str, Any]]:
    """The state's ledgers, the pending deletes left out; a state of ours has one at most."""
    return [item for item in items(state) if item["type"] == ACCESS_LEDGER and not item.get("delete")]


def outputs_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs of one resource."""
    return dict(item.get("outputs") or {})
