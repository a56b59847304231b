"""Exported states as JSON that is written back with `pulumi stack import`. Everything else reads them by `state`.

All fields of a resource that may hold a URN are in `ResourceV3` in Pulumi's sdk/go/common/apitype/core.go (v3.274.1).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.engine.secrets import without_secrets
from ambient_components.engine.state import Export
from ambient_components.engine.urns import Urn, is_provider, referenced

_ONE: Final = ("parent", "deletedWith", "viewOf")
_MANY: Final = ("dependencies", "replaceWith")
_KNOWN: Final = frozenset({"manifest", "secrets_providers", "resources", "pending_operations", "metadata"})
"""The parts of a deployment that moves know."""


@dataclass(frozen=True, slots=True)
class Item:
    """A resource of a state, and its JSON."""

    json: dict[str, Any] = field(repr=False)

    @property
    def urn(self) -> str:
        return str(self.json["urn"])

    @property
    def place(self) -> Urn:
        return Urn.parse(self.urn)

    @property
    def type(self) -> str:
        return str(self.json["type"])

    @property
    def parent(self) -> str:
        return str(self.json.get("parent") or "")

    @property
    def provider(self) -> str:
        return referenced(str(self.json.get("provider") or ""))

    @property
    def delete(self) -> bool:
        return bool(self.json.get("delete"))

    @property
    def modified(self) -> str:
        """Time of the last change; empty if the state does not have it."""
        return str(self.json.get("modified") or "")

    @property
    def inputs(self) -> dict[str, Any]:
        return self.json.get("inputs") or {}

    @property
    def outputs(self) -> dict[str, Any]:
        return self.json.get("outputs") or {}

    @property
    def reference(self) -> str:
        """Reference of other resources to this provider: `URN::ID`."""
        return f"{self.urn}::{self.json.get('id')}"

    @property
    def settings(self) -> Any:
        """The inputs of a provider, without secrets and without the version of its plugin."""
        return without_secrets({key: value for key, value in self.inputs.items() if key != "version"}, "")

    def references(self) -> Iterator[str]:
        """Yield the URN of every resource that this one needs in its state, before it."""
        for key in _ONE:
            if self.json.get(key):
                yield str(self.json[key])
        for key in _MANY:
            yield from self.json.get(key) or ()
        for urns in (self.json.get("propertyDependencies") or {}).values():
            yield from urns or ()
        if self.provider:
            yield self.provider


def items(state: Export) -> list[Item]:
    return [Item(resource) for resource in (state.get("deployment") or {}).get("resources") or ()]


def providers(state: Export) -> list[Item]:
    return [item for item in items(state) if is_provider(item.type)]


def secrets_of(state: Export) -> Any:
    return (state.get("deployment") or {}).get("secrets_providers")


def unknown_parts(state: Export) -> list[str]:
    """Return the parts of a state that moves do not know, such as snippets of an import."""
    return sorted(name for name, part in (state.get("deployment") or {}).items() if part and name not in _KNOWN)


def with_items(state: Export, resources: Iterable[Item], *also: Export) -> dict[str, Any]:
    """Return a state with other resources; its version and its features suffice for those that come from `also`."""
    states = (state, *also)
    deployment = {**(state.get("deployment") or {}), "resources": [item.json for item in resources]}
    version = max(int(each.get("version") or 3) for each in states)
    features = sorted({feature for each in states for feature in each.get("features") or ()})
    return {**state, "version": version, "deployment": deployment} | ({"features": features} if features else {})


def without_predecessor(resources: Iterable[Item]) -> tuple[str, str] | None:
    """Return the URN of a resource that precedes its dependency, and the dependency's. None if the order is valid.

    The engine refuses a state in another order.
    """
    seen: set[str] = set()
    for item in resources:
        if missing := next((urn for urn in item.references() if urn not in seen), None):
            return item.urn, missing
        seen.add(item.urn)
    return None


def renamed(resources: Iterable[Item], texts: Mapping[str, str], before: str, after: str) -> list[Item]:
    """Return copies of resources with other URNs and references, wherever their inputs and outputs have them too.

    Args:
        texts: Replacements of complete texts.
        before: The beginning of all other texts to replace, without characters that JSON escapes.
        after: What takes its place.
    """
    document = json.dumps([item.json for item in resources])
    for whole, other in texts.items():
        document = document.replace(json.dumps(whole), json.dumps(other))
    return [Item(resource) for resource in json.loads(document.replace(f'"{before}', f'"{after}'))]
