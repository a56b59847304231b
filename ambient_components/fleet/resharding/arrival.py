"""The target state of a move: the workspaces are appended, with rewritten URNs and the target's own providers."""

import copy
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ambient_components.engine.names import workspace_of
from ambient_components.engine.rewriting import (
    Item,
    Rewriting,
    add_extensions,
    extensions_of,
    items,
    merge_header,
    providers,
    put_items,
    put_secrets,
    secrets_of,
    without_predecessor,
)
from ambient_components.engine.urns import (
    ACCESS_LEDGER,
    AMBIENT_PROVIDER,
    KUBERNETES_PROVIDER,
    STACK,
    Urn,
    is_provider,
    reference,
    stack_urn,
)
from ambient_components.errors import fail
from ambient_components.fleet.resharding.exports import Deployment, is_of_stack, ledgers, parts_of
from ambient_components.shards.interrupted import OUTPUT

ALWAYS: Final = (AMBIENT_PROVIDER, KUBERNETES_PROVIDER)
"""Providers that every program declares. All others are declared only if a resource needs them."""


@dataclass(frozen=True, slots=True)
class Place:
    """The stack that workspaces move to."""

    stack: str
    """The stack's name, without the organisation."""
    project: str
    record: str = ""
    """The input `record` for a ledger that is created in the state. Empty means no record."""


def arrived(source: Deployment, target: Deployment, names: Collection[str], place: Place) -> Any:
    """Return the target's state with the workspaces added.

    Raises:
        AmbientError: A moved resource depends on one that stays, or the providers of the two states differ.
    """
    merged: Any = copy.deepcopy(dict(target))
    resources = items(merged)
    if not resources:
        # A new stack has nothing encrypted yet.
        put_secrets(merged, copy.deepcopy(secrets_of(source)))
    merge_header(source, merged)
    moving = parts_of(source, *names)
    rewrite, there = rewriting(source, target, place), {item.urn for item in resources if not item.delete}
    wanted = {item.provider for item in (*moving, *ledgers(source))}
    for item in items(source):
        # In the order of the source, where what is needed comes first.
        if is_of_stack(item) and not item.delete and rewrite.text(item.urn) not in there:
            if is_provider(item.type) and item.urn not in wanted and item.type not in ALWAYS:
                continue
            resources.append(_own(rewrite.item(item), place))
    resources += [rewrite.item(item) for item in moving]
    put_items(merged, resources)
    add_extensions(merged, copy.deepcopy(extensions_of(source, moving)))
    _give(source, merged, names)
    if torn := without_predecessor(resources):
        entangled(*torn)
    return merged


def rewriting(source: Deployment, target: Deployment, place: Place) -> Rewriting:
    """Return the URN rewriting between two states. Providers map to the target's provider of the same name.

    Raises:
        AmbientError: The providers differ, so the workspaces would end up in another cluster.
    """
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
    """Refuse to separate two resources that depend on each other.

    Raises:
        AmbientError: Always.
    """
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
            values.pop(OUTPUT, None)
        if place.record:
            item.inputs["record"] = place.record
            if "owner" in item.outputs:
                item.outputs["record"] = place.record
        item.put_dependencies("record", [] if place.record else None)
    return item


def _give(source: Deployment, merged: Any, names: Collection[str]) -> None:
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
