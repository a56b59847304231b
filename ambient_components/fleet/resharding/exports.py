"""The workspaces in an exported state: their resources and their ledger entries. All functions are pure."""

from collections.abc import Collection

from ambient_components.access.entries import Entry, read_ledger
from ambient_components.engine.names import workspace_of
from ambient_components.engine.rewriting import Item, items
from ambient_components.engine.state import Export
from ambient_components.engine.urns import ACCESS_LEDGER, is_stacks_own

Deployment = Export
"""The parsed output of `pulumi stack export`, with secrets encrypted."""


def workspaces_of(state: Deployment) -> dict[str, Entry]:
    """Return the entries of the state's ledger by workspace. Empty if the state has no ledger."""
    found = ledgers(state)
    return read_ledger(found[0].inputs.get("workspaces")) if found else {}


def owner_of(state: Deployment) -> str:
    """Return PROJECT/FLEET from the state's ledger. Empty if the state has no ledger."""
    found = ledgers(state)
    return str(found[0].inputs.get("owner") or "") if found else ""


def parts_of(state: Deployment, *names: str) -> list[Item]:
    """Return the resources of these workspaces, in the state's order."""
    urns = urns_of(state, names)
    return [item for item in items(state) if item.urn in urns]


def urns_of(state: Deployment, names: Collection[str]) -> set[str]:
    """Return the URNs of all resources of these workspaces, found by logical name or by a parent."""
    inside = [item for item in items(state) if not is_of_stack(item)]
    desired = {item.urn for item in inside if workspace_of(item.place.name) in names}
    parents = {item.urn: item.parent for item in items(state)}

    def belongs(urn: str) -> bool:
        seen: set[str] = set()
        while urn and urn not in seen:
            if urn in desired:
                return True
            seen.add(urn)
            urn = parents.get(urn, "")
        return False

    return {item.urn for item in inside if belongs(item.urn)}


def is_of_stack(item: Item) -> bool:
    """Tell whether a resource belongs to the stack and not to a workspace."""
    return is_stacks_own(item.type)


def ledgers(state: Deployment) -> list[Item]:
    """Return the state's ledgers, without pending deletes. A state of this project has at most one."""
    return [item for item in items(state) if item.type == ACCESS_LEDGER and not item.delete]
