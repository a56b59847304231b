"""URNs of a state: what they name, where a resource holds some, and how they read in the state of another stack.

Every field of a resource that may hold one is in `ResourceV3` of Pulumi's sdk/go/common/apitype/core.go (v3.274.1).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
_PROVIDER: Final = "pulumi:providers:"
_ONE: Final = ("parent", "deletedWith", "viewOf")
_MANY: Final = ("dependencies", "replaceWith")


def urn_stack(urn: str) -> str:
    """The stack that a URN is of: `urn:pulumi:STACK::PROJECT::TYPE::NAME`."""
    return urn.split("::", 1)[0].rpartition(":")[2]


def logical_name(urn: str) -> str:
    """The last part of a URN, or all of what is none; a name may have `::` in it itself."""
    return urn.split("::", 3)[-1]


def stack_urn(stack: str, project: str) -> str:
    """URN of the resource that stands for the stack itself."""
    return f"urn:pulumi:{stack}::{project}::{STACK_TYPE}::{project}-{stack}"


def is_provider(resource: Mapping[str, Any]) -> bool:
    """Whether a resource is a provider's configuration."""
    return str(resource["type"]).startswith(_PROVIDER)


def references(resource: Mapping[str, Any]) -> Iterator[str]:
    """URN of every resource that this one needs in its state, before it."""
    for key in _ONE:
        if resource.get(key):
            yield str(resource[key])
    for key in _MANY:
        yield from resource.get(key) or ()
    for urns in (resource.get("propertyDependencies") or {}).values():
        yield from urns or ()
    if provider := resource.get("provider"):
        yield str(provider).rpartition("::")[0]


@dataclass
class Rewriting:
    """URNs and references to providers of one stack, as another stack of the same project has them."""

    source: str
    target: str
    project: str
    exact: dict[str, str] = field(default_factory=dict)
    """Texts as a whole, which come before the rule."""

    def text(self, text: str) -> str:
        """One URN, or a reference to a provider (`URN::ID`); any other text stays."""
        if text in self.exact:
            return self.exact[text]
        prefix = f"urn:pulumi:{self.source}::{self.project}::"
        if not text.startswith(prefix):
            return text
        return f"urn:pulumi:{self.target}::{self.project}::{text.removeprefix(prefix)}"

    def value(self, value: Any) -> Any:
        """A copy of any JSON value with every URN rewritten, also of references among inputs and outputs."""
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return self.text(value) if isinstance(value, str) else value
