"""States that are written back, as `pulumi stack import` takes them: plain JSON, changed in place.

Every field of a resource that may hold a URN is in `ResourceV3` of Pulumi's sdk/go/common/apitype/core.go (v3.274.1).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.engine.secrets import without_secrets
from ambient_components.engine.state import Export
from ambient_components.engine.types import is_provider
from ambient_components.engine.urns import Urn, reference, referenced

Item = dict[str, Any]
"""A resource's JSON."""

_ONE: Final = ("parent", "deletedWith", "viewOf")
_MANY: Final = ("dependencies", "replaceWith")


def items(state: Export) -> list[Item]:
    """Return the JSON of a state's resources, in its order."""
    return list((state.get("deployment") or {}).get("resources") or ())


def put_items(state: Any, found: list[Item]) -> None:
    """Put resources in the place of those that a state has."""
    put(state.setdefault("deployment", {}), "resources", found)


def secrets_of(state: Export) -> Any:
    """Return how a state's secrets are encrypted."""
    return (state.get("deployment") or {}).get("secrets_providers")


def put_secrets(state: Any, secrets: Any) -> None:
    """Say how a state's secrets are encrypted."""
    put(state.setdefault("deployment", {}), "secrets_providers", secrets)


def has_snippets(state: Export) -> bool:
    """Tell whether a state has pieces of a program in it, as an import leaves them."""
    return bool((state.get("deployment") or {}).get("snippets"))


def put(values: Item, key: str, value: Any) -> None:
    """Put a value as the engine writes it: what is empty is left out."""
    if value:
        values[key] = value
    else:
        values.pop(key, None)


def references(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URN of every resource that this one needs in its state, before it."""
    for key in _ONE:
        if item.get(key):
            yield str(item[key])
    for key in _MANY:
        yield from item.get(key) or ()
    for urns in (item.get("propertyDependencies") or {}).values():
        yield from urns or ()
    if urn := provider_of(item):
        yield urn


def provider_of(item: Mapping[str, Any]) -> str:
    """Return the URN of a resource's provider; empty where it has none."""
    return referenced(str(item.get("provider") or ""))


def as_provider(item: Mapping[str, Any]) -> str:
    """Return how other resources refer to this one, a provider."""
    return reference(item["urn"], str(item.get("id")))


def providers(state: Export) -> list[Item]:
    """Return the JSON of a state's providers."""
    return [item for item in items(state) if is_provider(item["type"])]


def provider_settings(item: Mapping[str, Any]) -> Any:
    """Return the inputs of a provider, without secrets and without the version of its plugin."""
    return without_secrets({key: one for key, one in (item.get("inputs") or {}).items() if key != "version"}, "")


def merge_header(source: Export, into: Any) -> None:
    """Give a state the version and the features that resources of another one need."""
    into["version"] = max(int(source.get("version") or 3), int(into.get("version") or 3))
    if features := sorted({*(source.get("features") or ()), *(into.get("features") or ())}):
        into["features"] = features


def extensions_of(state: Export, moving: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the blobs that resources of a state refer to."""
    known = (state.get("deployment") or {}).get("extensions") or {}
    return {ref: known[ref] for ref in (str(item.get("extensionRef")) for item in moving) if ref in known}


def add_extensions(state: Any, needed: Mapping[str, Any]) -> None:
    """Add blobs to a state."""
    into = state.setdefault("deployment", {})
    put(into, "extensions", {**(into.get("extensions") or {}), **needed})


def without_predecessor(resources: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return a resource's URN and that of one that it needs and that does not come before it; None: the engine's order.

    The engine refuses a state in another order.
    """
    seen: set[str] = set()
    for item in resources:
        if missing := next((urn for urn in references(item) if urn not in seen), None):
            return item["urn"], missing
        seen.add(item["urn"])
    return None


@dataclass
class Rewriting:
    """URNs and references to providers of one stack, as another stack of the same project has them."""

    source: str
    target: str
    project: str
    exact: dict[str, str] = field(default_factory=dict)
    """Texts as a whole, which come before the rule."""

    def text(self, text: str) -> str:
        """Return one URN, or one reference to a provider, as the other stack has it; any other text stays."""
        if text in self.exact:
            return self.exact[text]
        urn = Urn.parse(text)  # of a reference to a provider the ID is part of the name
        if not urn.types or (urn.stack, urn.project) != (self.source, self.project):
            return text
        return str(Urn(self.target, self.project, urn.types, urn.name))

    def value(self, value: Any) -> Any:
        """Return a copy of any JSON value with every URN rewritten, also of references among inputs and outputs."""
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return self.text(value) if isinstance(value, str) else value
