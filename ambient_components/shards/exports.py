"""What an exported state says of workspaces: their parts, their entries in the ledger, what a dead run left. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from ambient_components.access.entries import Entry, read_ledger
from ambient_components.access.ledger import LEDGER_TYPE
from ambient_components.shards.urns import STACK_TYPE, is_provider, logical_name

Deployment = Mapping[str, Any]
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
    return [item for item in resources_of(state) if item["urn"] in urns]


def urns_of(state: Deployment, names: Collection[str]) -> set[str]:
    """URNs of all that is these workspaces': by the name, and by the parents, whatever they are called."""
    wanted = {
        item["urn"] for item in resources_of(state) if not is_of_stack(item) and is_of(logical_name(item["urn"]), names)
    }
    parents = {item["urn"]: item.get("parent") or "" for item in resources_of(state)}

    def belongs(urn: str) -> bool:
        seen: set[str] = set()
        while urn and urn not in seen:
            if urn in wanted:
                return True
            seen.add(urn)
            urn = parents.get(urn, "")
        return False

    return {item["urn"] for item in resources_of(state) if not is_of_stack(item) and belongs(item["urn"])}


def is_of(name: str, names: Collection[str]) -> bool:
    """Whether a logical name, or that of an output, is one of these workspaces'."""
    return name.split("/", 1)[0] in names


def is_of_stack(item: Mapping[str, Any]) -> bool:
    """Whether it is the stack's own: no workspace's."""
    return item["type"] in (STACK_TYPE, LEDGER_TYPE) or is_provider(item)


def ledgers(state: Deployment) -> list[dict[str, Any]]:
    """The state's ledgers, the pending deletes left out; a state of ours has one at most."""
    return [item for item in resources_of(state) if item["type"] == LEDGER_TYPE and not item.get("delete")]


def resources_of(state: Deployment) -> list[dict[str, Any]]:
    """Its resources, in the order of the state."""
    return list((state.get("deployment") or {}).get("resources") or ())


def operations(state: Deployment) -> list[Mapping[str, Any]]:
    """What a run was in the middle of when it died."""
    return list((state.get("deployment") or {}).get("pending_operations") or ())


def secrets_of(state: Deployment) -> Any:
    """How its secrets are encrypted."""
    return (state.get("deployment") or {}).get("secrets_providers")


def outputs_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs of one resource."""
    return dict(item.get("outputs") or {})


def put(values: dict[str, Any], key: str, value: Any) -> None:
    """Puts a value as the engine writes it: what is empty is left out."""
    if value:
        values[key] = value
    else:
        values.pop(key, None)
