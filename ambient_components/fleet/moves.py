"""Moves of workspaces between the states of two stacks. Input and output are exported states; no cluster changes.

`pulumi state move` moves only resources. Here the ledger entries in inputs and outputs and the exported keys move too,
so the next run sees nothing new and nothing missing. All functions are pure and never change their arguments.
"""

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.engine import urns
from ambient_components.engine.names import workspace_of
from ambient_components.engine.rewriting import (
    Item,
    items,
    providers,
    renamed,
    secrets_of,
    unknown_parts,
    with_items,
    without_predecessor,
)
from ambient_components.engine.state import Export, operations, secrets_provider
from ambient_components.engine.urns import Urn
from ambient_components.errors import stop
from ambient_components.stacks.reading import ledger_from_state

ALWAYS: Final = (urns.AMBIENT_PROVIDER, urns.KUBERNETES_PROVIDER)
"""Providers that every program declares. All others are declared only if a resource needs them."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stack that workspaces move to."""

    stack: str
    """The stack's name, without the organisation."""
    record: str = ""
    """The input `record` for a ledger that is created in the state. Empty means no record."""


def owner_of(state: Export) -> str:
    """Return PROJECT/FLEET from the state's ledger. Empty if the state has no ledger."""
    return next((str(ledger.inputs.get("owner") or "") for ledger in ledgers(state)), "")


def ledgers(state: Export) -> list[Item]:
    """Return the state's ledgers, without pending deletes. A state of this project has at most one."""
    return [item for item in items(state) if item.type == urns.ACCESS_LEDGER and not item.delete]


def parts_of(state: Export, *names: str) -> list[Item]:
    """Return the resources of these workspaces, by logical name or by a parent, in the state's order."""
    parts: dict[str, None] = {}
    for item in items(state):
        belongs = workspace_of(item.place.name) in names or item.parent in parts  # parents come before children
        if belongs and not urns.is_stacks_own(item.type):
            parts[item.urn] = None
    return [item for item in items(state) if item.urn in parts]


def arrived(source: Export, target: Export, names: Collection[str], place: Place) -> dict[str, Any]:
    """Return the target's state with workspaces of the source, and with what every shard has if it is empty."""
    present = items(target)
    if not present:
        # A new stack has nothing encrypted yet.
        target = with_items(source, ())
    _check(source, target)
    moving = parts_of(source, *names)
    needed = {item.provider for item in moving}
    # In the order of the source, where what is needed comes first.
    common = [
        item
        for item in items(source)
        if urns.is_stacks_own(item.type)
        and not item.delete
        and (not urns.is_provider(item.type) or item.type in ALWAYS or item.urn in needed)
    ]
    arriving = _renamed([*common, *moving], source, target, place)
    there = {item.urn for item in present if not item.delete}
    if both := {workspace_of(item.place.name) for item in arriving[len(common) :] if item.urn in there}:
        stop(f"both states have {', '.join(sorted(both))}", "ambient reshard FLEET")
    own = [_cleared(item, place) for item in arriving[: len(common)] if item.urn not in there]
    resources = [*_copied(present), *own, *arriving[len(common) :]]
    for (values, key), (given, _) in zip(_by_workspace(resources), _by_workspace(items(source)), strict=True):
        moved = {name: entry for name, entry in given.get(key, {}).items() if workspace_of(name) in names}
        _put(values, key, {**values.get(key, {}), **moved})
    _check_complete(resources)
    return with_items(target, resources, source)


def drop(state: Export, names: Collection[str]) -> dict[str, Any]:
    """Remove workspaces from a state: resources, ledger entries and outputs."""
    gone = parts_of(state, *names)
    urns, former = {item.urn for item in gone}, {item.provider for item in gone}
    kept = [item for item in items(state) if item.urn not in urns]
    unneeded = former - {item.provider for item in kept}
    kept = _copied(item for item in kept if item.urn not in unneeded or item.type in ALWAYS)
    for values, key in _by_workspace(kept):
        left = {name: entry for name, entry in values.get(key, {}).items() if workspace_of(name) not in names}
        _put(values, key, left)
    _check_complete(kept)
    return with_items(state, kept)


def emptied(state: Export) -> dict[str, Any] | None:
    """Return a state without resources if only the stack's own are left: the stack, its providers and its ledger.

    None if the state has anything else. None of the removed resources exists in a cluster.
    """
    if ledger_from_state(state) or not all(urns.is_stacks_own(item.type) for item in items(state)):
        return None
    return with_items(state, ())


def check_state(state: Export) -> None:
    """Refuse a state that can't be the source or the target of a move."""
    if begun := operations(state):
        kind, urn = begun[0].type, begun[0].resource.urn
        remedy = f"pulumi cancel --stack {urn.stack} --yes, then run it again"
        stop(f"a run died in the middle of {kind} {urn.name} (stack {urn.stack})", remedy)
    if parts := unknown_parts(state):
        stop(f"the state has {', '.join(parts)}, which are no part of a fleet", "remove them")


def _check(source: Export, target: Export) -> None:
    if secrets_provider(source) == "service":
        remedy = "pulumi stack change-secrets-provider: a passphrase, or a key of your cloud"
        stop("the backend encrypts each stack with a key of its own", remedy)
    if secrets_of(source) != secrets_of(target):
        stop(
            "the two states have other secrets providers: what one encrypted the other can't read",
            "give them the same (pulumi stack change-secrets-provider), or use pulumi state move for single resources",
        )


def _check_complete(resources: Iterable[Item]) -> None:
    """Refuse to separate two resources that depend on each other."""
    if torn := without_predecessor(resources):
        urn, other = map(Urn.parse, torn)
        stop(
            f"{urn.name} depends on {other.name}, which is not moved with it",
            "workspaces of a stack file never do: move by hand what your own program has tied together "
            "(pulumi state move)",
        )


def _renamed(moving: Iterable[Item], source: Export, target: Export, place: Place) -> list[Item]:
    """Return copies of resources as they read in the target, with its provider of the same type and name."""
    first = items(source)[0].place
    before, after = urns.urn_prefix(first.stack, first.project), urns.urn_prefix(place.stack, first.project)
    current = {item.urn: item for item in providers(source) if not item.delete}
    theirs = {item.urn: item for item in providers(target) if not item.delete}
    texts = {str(urns.stack_urn(first.stack, first.project)): str(urns.stack_urn(place.stack, first.project))}
    for item in providers(source):
        twin = theirs.get(item.urn.replace(before, after, 1))
        if twin is not None and not item.delete and item.settings != twin.settings:
            stop(
                f"the provider {item.place.name} ({item.type}) is set up otherwise in {first.stack} "
                f"than in {place.stack}",
                "deploy both with the config as it is now, then again: ambient up FLEET --all",
            )
        # The target's own, or else the one that is copied, also for what still names the one before.
        texts[item.reference] = (twin or current.get(item.urn, item)).reference.replace(before, after, 1)
    return renamed(moving, texts, before, after)


def _cleared(item: Item, place: Place) -> Item:
    """Strip a copied stack resource or ledger of everything that belongs to workspaces that stay."""
    for values, key in _by_workspace([item]):
        _put(values, key, {})
    if item.type == urns.ACCESS_LEDGER:
        dependencies = item.json.get("propertyDependencies") or {}
        for part in (item.inputs, item.outputs, dependencies):
            part.pop("record", None)
        if place.record:
            item.inputs["record"], dependencies["record"] = place.record, []
            if "owner" in item.outputs:
                item.outputs["record"] = place.record
    return item


def _copied(resources: Iterable[Item]) -> list[Item]:
    """Return resources with copies of those that say something of all workspaces, to be changed in place."""
    return [
        Item(copy.deepcopy(item.json)) if item.type in (urns.STACK, urns.ACCESS_LEDGER) else item for item in resources
    ]


def _by_workspace(resources: Iterable[Item]) -> list[tuple[dict[str, Any], str]]:
    """Return what names workspaces, as a mapping in a key: the stack's outputs, the ledger's entries in and out."""
    mappings: list[tuple[dict[str, Any], str]] = []
    for item in resources:
        if item.type == urns.STACK:
            mappings.append((item.json, "outputs"))
        elif item.type == urns.ACCESS_LEDGER and not item.delete:
            mappings += [(item.inputs, "workspaces"), (item.outputs, "workspaces")]
    return mappings


def _put(values: dict[str, Any], key: str, entries: Mapping[str, Any]) -> None:
    if entries or key in values:
        values[key] = dict(sorted(entries.items()))
