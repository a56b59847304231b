"""What an exported state says of workspaces: their parts, their entries in the ledger. Pure."""

from collections.abc import Collection

from ambient_components.access.entries import Entry, read_ledger
from ambient_components.engine.names import workspace_of
from ambient_components.engine.rewriting import Item, items
from ambient_components.engine.state import Export
from ambient_components.engine.types import ACCESS_LEDGER, is_stacks_own

Deployment = Export
"""What `pulumi stack export` printed, parsed; secrets encrypted."""


def workspaces_of(state: Deployment) -> dict[str, Entry]:
    """Entries of a state's ledger by workspace; empty where there is no ledger."""
    found = ledgers(state)
    return read_ledger(found[0].inputs.get("workspaces")) if found else {}


def owner_of(state: Deployment) -> str:
    """PROJECT/FLEET as the state's ledger says it; empty where there is none."""
    found = ledgers(state)
    return str(found[0].inputs.get("owner") or "") if found else ""


def parts_of(state: Deployment, *names: str) -> list[Item]:
    """All that a state has of workspaces, in its order."""
    urns = urns_of(state, names)
    return [item for item in items(state) if item.urn in urns]


def urns_of(state: Deployment, names: Collection[str]) -> set[str]:
    """URNs of all that is these workspaces': by the name, and by the parents, whatever they are called."""
    inside = [item for item in items(state) if not is_of_stack(item)]
    wanted = {item.urn for item in inside if workspace_of(item.place.name) in names}
    parents = {item.urn: item.parent for item in items(state)}

    def belongs(urn: str) -> bool:
        seen: set[str] = set()
        while urn and urn not in seen:
            if urn in wanted:
                return True
            seen.add(urn)
            urn = parents.get(urn, "")
        return False

    return {item.urn for item in inside if belongs(item.urn)}


def is_of_stack(item: Item) -> bool:
    """Whether it is the stack's own: no workspace's."""
    return is_stacks_own(item.type)


def ledgers(state: Deployment) -> list[Item]:
    """The state's ledgers, the pending deletes left out; a state of ours has one at most."""
    return [item for item in items(state) if item.type == ACCESS_LEDGER and not item.delete]
