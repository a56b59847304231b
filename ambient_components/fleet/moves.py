"""Moves of workspaces between the states of two stacks. Input and output are exported states; no cluster changes.

`pulumi state move` moves only resources. Here the ledger entries in inputs and outputs and the exported keys move too,
so the next run sees nothing new and nothing missing. All functions are pure and never change their arguments.
"""

import copy
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ambient_components.access.entries import Entry, read_ledger
from ambient_components.engine.names import workspace_of
from ambient_components.engine.rewriting import (
    Item,
    Rewriting,
    add_extensions,
    extensions_of,
    has_snippets,
    items,
    merge_header,
    providers,
    put_items,
    put_secrets,
    secrets_of,
    without_predecessor,
)
from ambient_components.engine.state import Export, operations, secrets_provider
from ambient_components.engine.urns import (
    ACCESS_LEDGER,
    AMBIENT_PROVIDER,
    KUBERNETES_PROVIDER,
    STACK,
    Urn,
    is_provider,
    is_stacks_own,
    reference,
    stack_urn,
)
from ambient_components.errors import fail

ALWAYS: Final = (AMBIENT_PROVIDER, KUBERNETES_PROVIDER)
"""Providers that every program declares. All others are declared only if a resource needs them."""


@dataclass(frozen=True, slots=True)
class Place:
    stack: str
    """The stack's name, without the organisation."""
    project: str
    record: str = ""
    """The input `record` for a ledger that is created in the state. Empty means no record."""


def workspaces_of(state: Export) -> dict[str, Entry]:
    """Return the entries of the state's ledger by workspace. Empty if the state has no ledger."""
    return next((read_ledger(ledger.inputs.get("workspaces")) for ledger in ledgers(state)), {})


def owner_of(state: Export) -> str:
    """Return PROJECT/FLEET from the state's ledger. Empty if the state has no ledger."""
    return next((str(ledger.inputs.get("owner") or "") for ledger in ledgers(state)), "")


def parts_of(state: Export, *names: str) -> list[Item]:
    """Return the resources of these workspaces, in the state's order."""
    urns = urns_of(state, names)
    return [item for item in items(state) if item.urn in urns]


def urns_of(state: Export, names: Collection[str]) -> set[str]:
    """Return the URNs of all resources of these workspaces, found by logical name or by a parent."""
    inside = [item for item in items(state) if not is_stacks_own(item.type)]
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


def ledgers(state: Export) -> list[Item]:
    """Return the state's ledgers, without pending deletes. A state of this project has at most one."""
    return [item for item in items(state) if item.type == ACCESS_LEDGER and not item.delete]


def arrived(source: Export, target: Export, names: Collection[str], place: Place) -> Any:
    """Return the target's state with the workspaces added."""
    merged: Any = copy.deepcopy(dict(target))
    resources = items(merged)
    if not resources:
        # A new stack has nothing encrypted yet.
        put_secrets(merged, copy.deepcopy(secrets_of(source)))
    merge_header(source, merged)
    moving = parts_of(source, *names)
    rewrite, there = rewriting(source, target, place), {item.urn for item in resources if not item.delete}
    desired = {item.provider for item in (*moving, *ledgers(source))}
    for item in items(source):
        # In the order of the source, where what is needed comes first.
        if is_stacks_own(item.type) and not item.delete and rewrite.text(item.urn) not in there:
            if is_provider(item.type) and item.urn not in desired and item.type not in ALWAYS:
                continue
            resources.append(_own(rewrite.item(item), place))
    resources += [rewrite.item(item) for item in moving]
    put_items(merged, resources)
    add_extensions(merged, copy.deepcopy(extensions_of(source, moving)))
    _give(source, merged, names)
    if torn := without_predecessor(resources):
        entangled(*torn)
    return merged


def rewriting(source: Export, target: Export, place: Place) -> Rewriting:
    """Return the URN rewriting between two states. Providers map to the target's provider of the same name."""
    stack = next((item.place.stack for item in items(source)), "")
    rewrite = Rewriting(stack, place.stack, place.project)
    own = {item.urn: item for item in providers(target) if not item.delete}
    # The target's own; or else the one of the source that is copied, also for what still names the one before.
    copied = {item.urn: item.id for item in providers(source) if not item.delete}
    for item in providers(source):
        urn = rewrite.text(item.urn)
        if (twin := own.get(urn)) is None:
            rewrite.exact[item.reference] = reference(urn, copied.get(item.urn, item.id))
        else:
            if not item.delete and item.settings != twin.settings:
                fail(
                    None,
                    "",
                    f"the provider {item.place.name} ({item.type}) is set up otherwise in {stack} "
                    f"than in {place.stack}",
                    "deploy both with the config as it is now, then again: ambient up FLEET --all",
                )
            rewrite.exact[item.reference] = twin.reference
    rewrite.exact[str(stack_urn(stack, place.project))] = str(stack_urn(place.stack, place.project))
    return rewrite


def entangled(urn: str, other: str) -> NoReturn:
    """Refuse to separate two resources that depend on each other."""
    fail(
        None,
        "",
        f"{Urn.parse(urn).name} depends on {Urn.parse(other).name}, which is not moved with it",
        "workspaces of a stack file never do: move by hand what your own program has tied together (pulumi state move)",
    )


def _own(item: Item, place: Place) -> Item:
    """Strip a copied stack resource or ledger of everything that belongs to workspaces that stay."""
    if item.type == STACK:
        item.put_outputs({})
    if item.type == ACCESS_LEDGER:
        for values in (item.inputs, item.outputs):
            if "workspaces" in values:
                values["workspaces"] = {}
            values.pop("record", None)
        if place.record:
            item.inputs["record"] = place.record
            if "owner" in item.outputs:
                item.outputs["record"] = place.record
        item.put_dependencies("record", [] if place.record else None)
    return item


def _give(source: Export, merged: Any, names: Collection[str]) -> None:
    """Copy the ledger entries and the stack outputs of the moved workspaces."""
    given = ledgers(source)[0]
    for ledger in ledgers(merged)[:1]:
        for entries, values in ((given.inputs, ledger.inputs), (given.outputs, ledger.outputs)):
            known = entries.get("workspaces") or {}
            moved = {name: copy.deepcopy(known[name]) for name in names if name in known}
            if "workspaces" in values or moved:
                values["workspaces"] = dict(sorted({**(values.get("workspaces") or {}), **moved}.items()))
    outputs: dict[str, Any] = {}
    for item in items(source):
        if item.type == STACK:
            outputs = {key: copy.deepcopy(value) for key, value in item.outputs.items() if workspace_of(key) in names}
    for item in items(merged):
        if item.type == STACK:
            item.put_outputs(dict(sorted({**item.outputs, **outputs}.items())))


def move(source: Export, target: Export, names: Collection[str], place: Place) -> tuple[Any, Any]:
    """Move workspaces from one state to another.

    Args:
        source: The state that has the workspaces.
        target: The other state, which may be empty.
        place: The stack of the target state.

    Returns:
        Both states, source first. Import the target first, or an interruption would lose the workspaces.
    """
    _check(source, target, names, place)
    return drop(source, names), arrived(source, target, names, place)


def drop(state: Export, names: Collection[str]) -> Any:
    """Remove workspaces from a state: resources, ledger entries and outputs."""
    left: Any = copy.deepcopy(dict(state))
    gone = urns_of(state, names)
    kept = [item for item in items(left) if item.urn not in gone]
    for item in kept:
        if reference := next((urn for urn in item.references() if urn in gone), None):
            entangled(item.urn, reference)
    needed = {item.provider for item in kept}
    before = {item.provider for item in parts_of(state, *names)}
    kept = [item for item in kept if item.urn not in before - needed or item.type in ALWAYS]
    put_items(left, kept)
    for ledger in ledgers(left):
        _without(ledger, names)
    for item in kept:
        if item.type == STACK:
            item.put_outputs({key: output for key, output in item.outputs.items() if workspace_of(key) not in names})
    return left


def furnished(state: Export, donor: Export, place: Place) -> Any:
    """Return an empty state with the resources of every shard: the stack, its providers and its ledger, no workspaces.

    Args:
        state: The state of a new stack.
        donor: The state of a deployed shard of the same fleet.
        place: The new stack.
    """
    _check(donor, state, (), place)
    return arrived(donor, state, (), place)


def emptied(state: Export) -> Any | None:
    """Return a state without resources if only the stack's own are left: the stack, its providers and its ledger.

    None if the state has anything else. None of the removed resources exists in a cluster.
    """
    if workspaces_of(state) or operations(state):
        return None
    if any(not is_stacks_own(item.type) for item in items(state)):
        return None
    left: Any = copy.deepcopy(dict(state))
    put_items(left, [])
    return left


def _check(source: Export, target: Export, names: Collection[str], place: Place) -> None:
    entries = workspaces_of(source)
    for name in sorted(names):
        if name not in entries:
            fail(None, "", f"the ledger of the state has no workspace {name!r}", "deploy the stack first, then again")
    for state in (source, target):
        check_state(state)
    for item in items(source):
        if item.place.project != place.project:
            fail(None, "", f"{item.urn} belongs to another project", f"only {place.project} has shards here")
    if len({item.place.stack for item in items(source)} | {place.stack}) != 2:
        fail(None, "", f"the state to move from is {place.stack}'s own", "name two stacks")
    if owner_of(target) not in ("", owner_of(source)):
        fail(None, "", f"the two states belong to {owner_of(source)} and {owner_of(target)}", "move within one fleet")
    if secrets_provider(source) == "service":
        remedy = "pulumi stack change-secrets-provider: a passphrase, or a key of your cloud"
        fail(None, "", "the backend encrypts each stack with a key of its own", remedy)
    if items(target) and secrets_of(source) != secrets_of(target):
        fail(
            None,
            "",
            "the two states have other secrets providers: what one encrypted the other can't read",
            "give them the same (pulumi stack change-secrets-provider), or use pulumi state move for single resources",
        )
    taken = {item.urn for item in items(target)}
    there = [name for name in names if name in workspaces_of(target)]
    rewrite = rewriting(source, target, place)
    if there or any(rewrite.text(urn) in taken for urn in urns_of(source, names)):
        fail(None, "", f"both states have {', '.join(sorted(there or names))}", "ambient reshard FLEET")


def check_state(state: Export) -> None:
    """Refuse a state that can't be the source or the target of a move."""
    if begun := operations(state):
        kind, urn = begun[0].type, begun[0].resource.urn
        remedy = f"pulumi cancel --stack {urn.stack} --yes, then run it again"
        fail(None, "", f"a run died in the middle of {kind} {urn.name} (stack {urn.stack})", remedy)
    if has_snippets(state):
        fail(None, "", "the state has snippets, which are no part of a fleet", "remove them")


def _without(ledger: Item, names: Collection[str]) -> None:
    for values in (ledger.inputs, ledger.outputs):
        if "workspaces" in values:
            values["workspaces"] = {
                key: workspace for key, workspace in values["workspaces"].items() if key not in names
            }
