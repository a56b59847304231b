"""URNs: `urn:pulumi:STACK::PROJECT::TYPE$TYPE::NAME`."""

from dataclasses import dataclass

from ambient_components.engine.types import STACK

_SCHEME = "urn:pulumi:"


@dataclass(frozen=True, slots=True)
class Urn:
    """What a URN consists of."""

    stack: str
    project: str
    types: tuple[str, ...]
    """Type tokens, from that of the outermost parent to its own."""
    name: str
    """The logical name. It may contain `::`, as that of a grant to a service account does."""

    @classmethod
    def parse(cls, text: str) -> "Urn":
        """Read a URN; of a text that is none, all of it is the name and the rest is empty."""
        match text.removeprefix(_SCHEME).split("::", 3):
            case [stack, project, types, name] if text.startswith(_SCHEME):
                return cls(stack, project, tuple(types.split("$")), name)
        return cls("", "", (), text)

    @property
    def type(self) -> str:
        """Its own type token; empty where the text was no URN."""
        return self.types[-1] if self.types else ""

    def __str__(self) -> str:
        if not self.types:
            return self.name
        return f"{_SCHEME}{self.stack}::{self.project}::{'$'.join(self.types)}::{self.name}"


def stack_urn(stack: str, project: str) -> Urn:
    """Return the URN of the resource that stands for the stack itself."""
    return Urn(stack, project, (STACK,), f"{project}-{stack}")


def reference(urn: str, identity: str) -> str:
    """Return how a resource refers to its provider: `URN::ID`."""
    return f"{urn}::{identity}"


def referenced(text: str) -> str:
    """Return the URN in a reference to a provider."""
    return text.rpartition("::")[0]
