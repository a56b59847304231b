"""Workspaces as they arrive in another stack's state: rewritten, behind what is there, on its own providers."""

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ambient_components.access.ledger import LEDGER_TYPE
from ambient_components.errors import fail
from ambient_components.shards.exports import (
    Deployment,
    is_of,
    is_of_stack,
    ledgers,
    outputs_of,
    parts_of,
    put,
    resources_of,
    secrets_of,
)
from ambient_components.shards.urns import (
    STACK_TYPE,
    Rewriting,
    is_provider,
    logical_name,
    references,
    stack_urn,
    urn_stack,
)

ALWAYS: Final = ("pulumi:providers:ambient", "pulumi:providers:kubernetes")
"""Providers that every program of ours declares; others come and go with what needs them."""

LOST: Final = "lostRun"
"""Output of a shard's ledger: access of a lost run that is to be ended still."""

_SECRET: Final = "4dabf18193072939515e22adb298388d"  # noqa: S105  # how Pulumi marks a secret in a state


@dataclass(frozen=True, slots=True)
class Place:
    """The stack that workspaces move to."""

    stack: str
    """Its name, without an organisation."""
    project: str
    record: str = ""
    """Input `record` of its ledger, which is made here where the state has none; empty: it gets none."""


def arrived(source: Deployment, target: Deployment, names: Collection[str], place: Place) -> Any:
    """The target's state with the workspaces in it.

    Raises:
        AmbientError: what moves depends on what stays, or the target's providers are set up otherwise.
    """
    merged: Any = copy.deepcopy(dict(target))
    into: dict[str, Any] = merged.setdefault("deployment", {})
    resources: list[dict[str, Any]] = list(into.get("resources") or ())
    if not resources:
        # A stack that was only made: nothing in it is encrypted yet.
        put(into, "secrets_providers", copy.deepcopy(secrets_of(source)))
    merged["version"] = max(int(source.get("version") or 3), int(target.get("version") or 3))
    if features := sorted({*(source.get("features") or ()), *(target.get("features") or ())}):
        merged["features"] = features
    moving = parts_of(source, *names)
    rewrite, there = rewriting(source, target, place), {item["urn"] for item in resources if not item.get("delete")}
    wanted = {ref.rpartition("::")[0] for item in (*moving, *ledgers(source)) if (ref := item.get("provider"))}
    for item in resources_of(source):
        # In the order of the source, where what is needed comes first.
        if is_of_stack(item) and not item.get("delete") and rewrite.text(item["urn"]) not in there:
            if is_provider(item) and item["urn"] not in wanted and item["type"] not in ALWAYS:
                continue
            resources.append(_own(rewrite.value(item), place))
    resources += [rewrite.value(item) for item in moving]
    into["resources"] = resources
    _extensions(source, into, moving)
    _give(source, merged, names)
    _check_order(resources)
    return merged


def rewriting(source: Deployment, target: Deployment, place: Place) -> Rewriting:
    """How the URNs of one state read in the other; providers become the target's own of the same name.

    Raises:
        AmbientError: the two are set up otherwise: what moves would end up in another cluster.
    """
    stack = next((urn_stack(item["urn"]) for item in resources_of(source)), "")
    rewrite = Rewriting(stack, place.stack, place.project)
    own = {item["urn"]: item for item in resources_of(target) if is_provider(item) and not item.get("delete")}
    # The target's own; or else the one of the source that is copied, also for what still names the one before.
    copied = {item["urn"]: item["id"] for item in resources_of(source) if is_provider(item) and not item.get("delete")}
    for item in resources_of(source):
        if not is_provider(item):
            continue
        urn = rewrite.text(item["urn"])
        if (twin := own.get(urn)) is None:
            rewrite.exact[f"{item['urn']}::{item.get('id')}"] = f"{urn}::{copied.get(item['urn'], item.get('id'))}"
        else:
            if not item.get("delete") and _settings(item) != _settings(twin):
                fail(
                    None,
                    "",
                    f"the provider {logical_name(item['urn'])} ({item['type']}) is set up otherwise in {stack} "
                    f"than in {place.stack}",
                    "deploy both with the config as it is now, then again: ambient up FLEET --all",
                )
            rewrite.exact[f"{item['urn']}::{item.get('id')}"] = f"{twin['urn']}::{twin.get('id')}"
    rewrite.exact[stack_urn(stack, place.project)] = stack_urn(place.stack, place.project)
    return rewrite


def entangled(urn: str, other: str) -> NoReturn:
    """Refuses to tear apart what belongs together.

    Raises:
        AmbientError: always.
    """
    fail(
        None,
        "",
        f"{logical_name(urn)} depends on {logical_name(other)}, which is not moved with it",
        "workspaces of a stack file never do: move by hand what your own program has tied together (pulumi state move)",
    )


def _own(item: dict[str, Any], place: Place) -> dict[str, Any]:
    """A copy of the stack's own things, with nothing of the workspaces that stay."""
    if item["type"] == STACK_TYPE:
        item.pop("outputs", None)
    if item["type"] == LEDGER_TYPE:
        for kind in ("inputs", "outputs"):
            values = item.get(kind)
            if not isinstance(values, dict):
                continue
            if "workspaces" in values:
                values["workspaces"] = {}
            values.pop("record", None)
            values.pop(LOST, None)
            if place.record and (kind == "inputs" or "owner" in values):
                values["record"] = place.record
        dependencies = item.get("propertyDependencies")
        if isinstance(dependencies, dict):
            dependencies.pop("record", None)
            if place.record:
                dependencies["record"] = []
    return item


def _give(source: Deployment, merged: Any, names: Collection[str]) -> None:
    """Entries and outputs of what moved."""
    given, own = ledgers(source)[0], ledgers(merged)
    for kind in ("inputs", "outputs"):
        entries = (given.get(kind) or {}).get("workspaces") or {}
        moved = {name: copy.deepcopy(entries[name]) for name in names if name in entries}
        for ledger in own[:1]:
            values = ledger.get(kind)
            if isinstance(values, dict) and ("workspaces" in values or moved):
                values["workspaces"] = dict(sorted({**(values.get("workspaces") or {}), **moved}.items()))
    outputs: dict[str, Any] = {}
    for item in resources_of(source):
        if item["type"] == STACK_TYPE:
            outputs = {key: copy.deepcopy(value) for key, value in outputs_of(item).items() if is_of(key, names)}
    for item in resources_of(merged):
        if item["type"] == STACK_TYPE:
            put(item, "outputs", dict(sorted({**outputs_of(item), **outputs}.items())))


def _extensions(source: Deployment, into: dict[str, Any], moving: list[Any]) -> None:
    """Blobs that moved resources refer to."""
    known = (source.get("deployment") or {}).get("extensions") or {}
    needed = {ref: copy.deepcopy(known[ref]) for item in moving if (ref := item.get("extensionRef")) in known}
    if needed:
        into["extensions"] = {**(into.get("extensions") or {}), **needed}


def _settings(provider: Mapping[str, Any]) -> Any:
    """What a provider is told, without the version of its plugin; the same secret is never encrypted twice alike."""

    def shown(value: Any) -> Any:
        if isinstance(value, Mapping):
            return "" if _SECRET in value else {key: shown(item) for key, item in value.items()}
        return [shown(item) for item in value] if isinstance(value, list) else value

    return {key: shown(value) for key, value in (provider.get("inputs") or {}).items() if key != "version"}


def _check_order(resources: list[dict[str, Any]]) -> None:
    """What a resource needs comes before it, as the engine wants it; refused before the engine would."""
    seen: set[str] = set()
    for item in resources:
        if missing := next((urn for urn in references(item) if urn not in seen), None):
            entangled(item["urn"], missing)
        seen.add(item["urn"])
