"""What a resource of the plugin is, between the protocol and the cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from ambient_components.errors import Problem, refusal
from ambient_components.guard import Guard
from ambient_components.provider.engine import Engine
from ambient_components.provider.store.connection import Store

Values = Mapping[str, Any]
"""Properties as plain values (`wire.decode`)."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a step may use besides its own properties."""

    urn: str
    engine: Engine
    guard: Guard
    """The cluster, behind the check that it is the right one."""
    store: Store
    """The object store; it is contacted where a bucket is declared, and nowhere else."""
    now: datetime
    preview: bool = False
    """Nothing may be changed, not even by a server-side dry run: that mints a live token (tried)."""

    def warn(self, message: str | Problem) -> None:
        """Tells the user something that does not fail the step."""
        self.engine.warning(self.urn, _problem(message))

    def note(self, message: str | Problem) -> None:
        """Tells the user what was done."""
        self.engine.info(self.urn, _problem(message))


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of `check`: defaults to add to the inputs, or what is wrong with them."""

    defaults: Values = field(default_factory=dict)
    failures: tuple[Problem, ...] = ()
    inputs: Values | None = None
    """All inputs to record, in place of those that were given; None: those."""


def _problem(message: str | Problem) -> Problem:
    return refusal(message) if isinstance(message, str) else message


class Change(StrEnum):
    """How one property differs."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Diff:
    """The outcome of `diff`. Property paths are Pulumi's: ``workspaces.payments.grants["group:devs"]``."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    """Changed inputs, by path."""
    computed: frozenset[str] = frozenset()
    """Changed outputs: what the update would give anew."""
    replaces: frozenset[str] = frozenset()
    """Of the changes, those that only another object can have."""

    def __bool__(self) -> bool:
        return bool(self.changes or self.computed)


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of `read`: what there is."""

    outputs: Values
    inputs: Values | None = None
    """For an import, where there were none; None keeps the recorded ones."""


class ResourceType(Protocol):
    """One resource type. Methods may block: the server runs each in a thread."""

    token: str
    """Type token, ``ambient:index:Name``."""

    def check(self, context: Context, olds: Values, news: Values) -> Check:
        """Validates new inputs beside those of the last deployment. Sees the cluster, changes nothing."""
        ...

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:
        """Compares the recorded inputs and state with new inputs. Talks to nobody."""
        ...

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Makes it, and returns its id and outputs; in a preview what can be known of them."""
        ...

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:
        """What there is of it now; None where nothing is."""
        ...

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:
        """Brings it to the new inputs, and returns its outputs."""
        ...

    def delete(self, context: Context, identity: str, state: Values) -> None:
        """Removes it. What is gone already is no error."""
        ...
