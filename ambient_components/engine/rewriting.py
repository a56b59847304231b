"""Changes of exported states, for `pulumi stack import`. They are plain JSON, changed in place.

All fields of a resource that may hold a URN are in `ResourceV3` in Pulumi's sdk/go/common/apitype/core.go (v3.274.1).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.engine.secrets import without_secrets
from ambient_components.engine.state import Export
from ambient_components.engine.urns import Urn, is_provider, reference, referenced

_ONE: Final = ("parent", "deletedWith", "viewOf")
_MANY: Final = ("dependencies", "replaceWith")


@dataclass(frozen=True, slots=True)
class Item:
    """A resource of a state that is written back. Its JSON is changed in place."""

    json: dict[str, Any] = field(repr=False)

    @property
    def urn(self) -> str:
        """Its URN, as the state has it."""
        return str(self.json["urn"])

    @property
    def place(self) -> Urn:
        return Urn.parse(self.urn)

    @property
    def type(self) -> str:
        return str(self.json["type"])

    @property
    def id(self) -> str:
        """The id that its provider gave it."""
        return str(self.json.get("id"))

    @property
    def parent(self) -> str:
        """The URN of its parent; empty where it has none."""
        return str(self.json.get("parent") or "")

    @property
    def provider(self) -> str:
        """The URN of its provider; empty where it has none."""
        return referenced(str(self.json.get("provider") or ""))

    @property
    def delete(self) -> bool:
        """Whether a replacement left it, to be deleted."""
        return bool(self.json.get("delete"))

    @property
    def modified(self) -> str:
        """Time of the last change; empty if the state does not have it."""
        return str(self.json.get("modified") or "")

    @property
    def inputs(self) -> dict[str, Any]:
        """Its inputs, to be changed in place; where it has none, nothing comes of a change."""
        return self._section("inputs")

    @property
    def outputs(self) -> dict[str, Any]:
        return self._section("outputs")

    @property
    def reference(self) -> str:
        """Reference of other resources to this provider."""
        return reference(self.urn, self.id)

    @property
    def settings(self) -> Any:
        """The inputs of a provider, without secrets and without the version of its plugin."""
        return without_secrets({key: one for key, one in self.inputs.items() if key != "version"}, "")

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

    def put_outputs(self, values: Mapping[str, Any]) -> None:
        """Put other outputs in the place of those that it has."""
        _put(self.json, "outputs", dict(values))

    def put_dependencies(self, name: str, urns: list[str] | None) -> None:
        """Say what an input depends on; None for an input that it has no more."""
        known = self.json.get("propertyDependencies")
        if isinstance(known, dict):
            known.pop(name, None)
            if urns is not None:
                known[name] = urns

    def _section(self, name: str) -> dict[str, Any]:
        values = self.json.get(name)
        return values if isinstance(values, dict) else {}


def items(state: Export) -> list[Item]:
    """Return a state's resources, in its order."""
    return [Item(resource) for resource in (state.get("deployment") or {}).get("resources") or ()]


def put_items(state: Any, resources: Iterable[Item]) -> None:
    _put(state.setdefault("deployment", {}), "resources", [item.json for item in resources])


def secrets_of(state: Export) -> Any:
    """Return the secrets provider of a state."""
    return (state.get("deployment") or {}).get("secrets_providers")


def put_secrets(state: Any, secrets: Any) -> None:
    """Set the secrets provider of a state."""
    _put(state.setdefault("deployment", {}), "secrets_providers", secrets)


def has_snippets(state: Export) -> bool:
    """Tell whether a state has program snippets from an import."""
    return bool((state.get("deployment") or {}).get("snippets"))


def providers(state: Export) -> list[Item]:
    return [item for item in items(state) if is_provider(item.type)]


def merge_header(source: Export, into: Any) -> None:
    """Raise a state's version and features to what the resources of another state need."""
    into["version"] = max(int(source.get("version") or 3), int(into.get("version") or 3))
    if features := sorted({*(source.get("features") or ()), *(into.get("features") or ())}):
        into["features"] = features


def extensions_of(state: Export, moving: Iterable[Item]) -> dict[str, Any]:
    """Return the extension blobs that these resources refer to."""
    known = (state.get("deployment") or {}).get("extensions") or {}
    return {ref: known[ref] for ref in (str(item.json.get("extensionRef")) for item in moving) if ref in known}


def add_extensions(state: Any, needed: Mapping[str, Any]) -> None:
    into = state.setdefault("deployment", {})
    _put(into, "extensions", {**(into.get("extensions") or {}), **needed})


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

    def item(self, item: Item) -> Item:
        """Return a copy of a resource with every URN rewritten."""
        return Item(self.value(item.json))

    def value(self, value: Any) -> Any:
        """Return a copy of a JSON value with every URN rewritten, including those in inputs and outputs."""
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return self.text(value) if isinstance(value, str) else value


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    """Put a value as the engine writes it: what is empty is left out."""
    if value:
        values[key] = value
    else:
        values.pop(key, None)
