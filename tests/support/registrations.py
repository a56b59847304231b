"""What a Pulumi program asked the engine for: each registration, outputs and logs. `recorder` fills it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

# The wire's own signatures; an SDK that renames them breaks this import, not a test's meaning.
_SIGNATURE = rpc._special_sig_key
_SECRET = rpc._special_secret_sig


class _Unknown:
    """A value that only the update will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that was sent marked as a secret. Its text never shows it: failing tests print what they compare."""

    value: Any = field(repr=False)


@dataclass(frozen=True)
class Registration:
    """One RegisterResource request."""

    urn: str
    type: str
    name: str
    parent: str
    """URN; the stack's for a root resource, empty for the stack itself."""
    custom: bool
    inputs: dict[str, Any]
    """Plain values, with `Secret` and `UNKNOWN` where they are."""
    depends_on: frozenset[str]
    """URNs."""
    aliases: tuple[str, ...]
    """URNs that the engine would take for former names of this resource: own, and by those of the parent."""
    transforms: tuple[str, ...]
    """Names that the SDK gave them: own, then those of the parent, as the engine calls them."""
    ignore_changes: tuple[str, ...]
    additional_secret_outputs: tuple[str, ...]
    protect: bool
    """As the engine sees it: own, or inherited from the parent."""
    retain_on_delete: bool
    """Own or inherited."""
    deleted_with: str
    """URN, own or inherited; empty for none."""
    delete_before_replace: bool
    timeouts: Mapping[str, str]
    """Custom ones, by operation."""
    provider: str
    """Logical name of its provider; empty for components."""
    providers: Mapping[str, str]
    """Of a component: logical names by package."""

    @property
    def metadata(self) -> dict[str, Any]:
        """A Kubernetes object's metadata."""
        return self.inputs["metadata"]

    @property
    def object_name(self) -> str:
        """A Kubernetes object's name."""
        return self.metadata["name"]

    @property
    def former_names(self) -> frozenset[str]:
        """URNs of the aliases that the program gave; the SDK adds its own, for older API versions of a kind."""
        kind = self.urn.split("::")[2]
        return frozenset(alias for alias in self.aliases if alias.split("::")[2] == kind)

    @property
    def is_access(self) -> bool:
        """Whether somebody's access hangs on it: bindings, accounts, tokens, secrets and the components around them."""
        return self.type.split(":")[-1] in ACCESS


ACCESS = frozenset({"RoleBinding", "ServiceAccount", "WorkspaceSecret", "AccessToken", "AccessLedger", "Closure"})
ACCESS |= {"Grant", "ApiKey", "Workspace", "S3Credentials", "User", "UserPolicy"}


@dataclass
class Recording:
    """What one program did."""

    registrations: dict[str, Registration]
    """By URN, in the order of arrival."""
    outputs: dict[str, dict[str, Any]]
    """What register_outputs was given, by URN of the component; the stack's under `stack`."""
    logs: list[tuple[str, str]]
    """Level (warning, error) and text."""
    stack: str
    """URN of the stack."""

    def __iter__(self) -> Iterator[Registration]:
        return iter(self.registrations.values())

    def named(self, kind: str, name: str) -> Registration:
        """The one resource of this kind (the last part of its type) and logical name."""
        found = [item for item in self.of(kind) if item.name == name]
        assert len(found) == 1, f"{kind} {name!r} not among {sorted(item.name for item in self.of(kind))}"
        return found[0]

    @property
    def components(self) -> list[Registration]:
        """All components, the stack apart."""
        return [item for item in self if not item.custom]

    def of(self, kind: str) -> list[Registration]:
        """All resources of a kind, by logical name."""
        return sorted((item for item in self if item.type.split(":")[-1] == kind), key=lambda item: item.name)

    def names(self, kind: str) -> list[str]:
        """Logical names of all resources of a kind."""
        return [item.name for item in self.of(kind)]

    def below(self, item: Registration) -> list[Registration]:
        """Everything whose ancestor this is."""
        return [other for other in self if item.urn in self.ancestors(other)]

    def ancestors(self, item: Registration) -> list[str]:
        """URNs of parent, grandparent and so on."""
        chain = []
        while item.parent in self.registrations:
            chain.append(item.parent)
            item = self.registrations[item.parent]
        return chain

    def tree(self, of: str | None = None) -> dict[str, list[str]]:
        """`Kind name` of children by `Kind name` of the parent (`stack` for root resources), sorted."""
        tree: dict[str, list[str]] = {}
        for item in self:
            tree.setdefault(self.label(item.parent), []).append(self.label(item.urn))
        return {parent: sorted(children) for parent, children in sorted(tree.items()) if of in (None, parent)}

    def label(self, urn: str) -> str:
        """`Kind name`, short enough to read."""
        item = self.registrations.get(urn)
        return f"{item.type.split(':')[-1]} {item.name}" if item else "stack"

    def labels(self, urns: frozenset[str]) -> list[str]:
        """`Kind name` of each, sorted."""
        return sorted(self.label(urn) for urn in urns)

    def follows(self, item: Registration) -> set[str]:
        """URNs of what was registered before an item, and answered: a program waits for what it needs."""
        order = list(self.registrations)
        return set(order[: order.index(item.urn)])

    def reaches(self, item: Registration) -> set[str]:
        """URNs of everything that is there before this is made: dependencies and parents, and theirs."""
        seen: set[str] = set()
        queue = [item]
        while queue:
            current = queue.pop()
            for urn in {*current.depends_on, current.parent} & self.registrations.keys() - seen:
                seen.add(urn)
                queue.append(self.registrations[urn])
        return seen

    @property
    def warnings(self) -> list[str]:
        """Texts that the user would see as warnings."""
        return [text for level, text in self.logs if level == "warning"]

    @property
    def exports(self) -> dict[str, Any]:
        """The stack's outputs."""
        return self.outputs.get(self.stack, {})

    def plain_text(self) -> str:
        """Everything sent or said that is not marked as secret, for the search of secret bytes."""
        sent = [(item.urn, item.type, item.name, without_secrets(item.inputs)) for item in self]
        return repr((sent, without_secrets(self.outputs), self.logs))


def holds_secret(value: Any) -> bool:
    """Whether anything in it is marked as a secret."""
    if isinstance(value, dict | list):
        return any(map(holds_secret, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Secret)


def values(struct: struct_pb2.Struct) -> dict[str, Any]:
    return {key: _value(value) for key, value in json_format.MessageToDict(struct).items()}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return Secret(_value(value["value"]))
        return {key: _value(item) for key, item in value.items()}
    return UNKNOWN if value == rpc.UNKNOWN else value


def without_secrets(value: Any) -> Any:
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return {key: without_secrets(item) for key, item in value.items()} if isinstance(value, dict) else value
