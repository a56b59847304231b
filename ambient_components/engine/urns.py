"""URNs: `urn:pulumi:STACK::PROJECT::TYPE$TYPE::NAME`."""

from dataclasses import dataclass

from ambient_components.engine.types import STACK

_SCHEME = "urn:pulumi:"


@dataclass(frozen=True, slots=True)
class Urn:
    """The parts of a URN."""

    stack: str
    project: str
    types: tuple[str, ...]
    """Type tokens, from the outermost parent's to the resource's own."""
    name: str
    """The logical name. It may contain `::`, as in a grant to a service account."""

    @classmethod
    def parse(cls, text: str) -> "Urn":
        """Parse a URN. Any other text becomes the name, with all other parts empty."""
        match text.removeprefix(_SCHEME).split("::", 3):
            case [stack, project, types, name] if text.startswith(_SCHEME):
                return cls(stack, project, tuple(types.split("$")), name)
        return cls("", "", (), text)

    @property
    def type(self) -> str:
        """The resource's own type token. Empty if the text was not a URN."""
        return self.types[-1] if self.types else ""

    def __str__(self) -> str:
        if not self.types:
            return self.name
        return f"{_SCHEME}{self.stack}::{self.project}::{'$'.join(self.types)}::{self.name}"


def stack_urn(stack: str, project: str) -> Urn:
    """Return the URN of the stack's root resource."""
    return Urn(stack, project, (STACK,), f"{project}-{stack}")


def reference(urn: str, identity: str) -> str:
    """Return a resource's reference to its provider: `URN::ID`."""
    return f"{urn}::{identity}"


def referenced(text: str) -> str:
    """Return the URN in a provider reference."""
    return text.rpartition("::")[0]
