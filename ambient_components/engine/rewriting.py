"""Changes of exported states, for `pulumi stack import`. They are plain JSON, changed in place.

All fields of a resource that may hold a URN are in `ResourceV3` in Pulumi's sdk/go/common/apitype/core.go (v3.274.1).
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
    """Replace the resources of a state."""
    put(state.setdefault("deployment", {}), "resources", found)


def secrets_of(state: Export) -> Any:
    """Return the secrets provider of a state."""
    return (state.get("deployment") or {}).get("secrets_providers")


def put_secrets(state: Any, secrets: Any) -> None:
    """Set the secrets provider of a state."""
    put(state.setdefault("deployment", {}), "secrets_providers", secrets)


def has_snippets(state: Export) -> bool:
    """Tell whether a state has program snippets from an import."""
    return bool((state.get("deployment") or {}).get("snippets"))


def put(values: Item, key: str, value: Any) -> None:
    """Set a value as the engine does: an empty value removes the key."""
    if value:
        values[key] = value
    else:
        values.pop(key, None)


def references(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URN of every resource that must precede this one in its state."""
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
    """Return the URN of a resource's provider. Empty if there is none."""
    return referenced(str(item.get("provider") or ""))


def as_provider(item: Mapping[str, Any]) -> str:
    """Return the reference to this provider that other resources use."""
    return reference(item["urn"], str(item.get("id")))


def providers(state: Export) -> list[Item]:
    """Return the JSON of a state's providers."""
    return [item for item in items(state) if is_provider(item["type"])]


def provider_settings(item: Mapping[str, Any]) -> Any:
    """Return the inputs of a provider, without secrets and without the version of its plugin."""
    return without_secrets({key: one for key, one in (item.get("inputs") or {}).items() if key != "version"}, "")


def merge_header(source: Export, into: Any) -> None:
    """Raise a state's version and features to what the resources of another state need."""
    into["version"] = max(int(source.get("version") or 3), int(into.get("version") or 3))
    if features := sorted({*(source.get("features") or ()), *(into.get("features") or ())}):
        into["features"] = features


def extensions_of(state: Export, moving: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the extension blobs that these resources refer to."""
    known = (state.get("deployment") or {}).get("extensions") or {}
    return {ref: known[ref] for ref in (str(item.get("extensionRef")) for item in moving) if ref in known}


def add_extensions(state: Any, needed: Mapping[str, Any]) -> None:
    """Add extension blobs to a state."""
    into = state.setdefault("deployment", {})
    put(into, "extensions", {**(into.get("extensions") or {}), **needed})


def without_predecessor(resources: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return the URN of a resource that precedes its dependency, and the dependency's. None if the order is valid.

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
    """The rewriting of URNs and provider references from one stack to another of the same project."""

    source: str
    target: str
    project: str
    exact: dict[str, str] = field(default_factory=dict)
    """Replacements of complete texts, which take precedence."""

    def text(self, text: str) -> str:
        """Return a URN or a provider reference as it reads in the other stack. Other texts stay unchanged."""
        if text in self.exact:
            return self.exact[text]
        urn = Urn.parse(text)  # a provider reference parses with the ID as part of the name
        if not urn.types or (urn.stack, urn.project) != (self.source, self.project):
            return text
        return str(Urn(self.target, self.project, urn.types, urn.name))

    def value(self, value: Any) -> Any:
        """Return a copy of a JSON value with every URN rewritten, including those in inputs and outputs."""
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return self.text(value) if isinstance(value, str) else value
