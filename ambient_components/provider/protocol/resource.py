"""Interface of the plugin's resources, between protocol and cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from ambient_components.access.entries import changed_paths
from ambient_components.cluster.client import ApiError
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import name, uid
from ambient_components.engine import names
from ambient_components.engine.urns import Urn
from ambient_components.errors import Problem, Remedy, refusal
from ambient_components.provider.protocol.engine import Engine
from ambient_components.provider.store.connection import Store
from ambient_components.rules.warnings import NONE, Acknowledgements, Kind, WarningRule

Values = Mapping[str, Any]
"""Properties as plain values (`wire.decode`)."""


@dataclass(frozen=True, slots=True)
class Context:
    """Tools of a step besides its own properties."""

    urn: str
    engine: Engine
    guard: Guard
    """The cluster, with a check of its identity."""
    store: Store
    """The object store; contacted only for declared buckets."""
    now: datetime
    preview: bool = False
    """Whether nothing may be changed. This excludes server-side dry runs, which mint live tokens (tested)."""
    acknowledged: Acknowledgements = NONE
    """Warnings that are not shown."""

    def warn(self, rule: Kind, message: str | Problem, *remedies: Remedy) -> None:
        problem = message if isinstance(message, Problem) else refusal(message, *remedies)
        part = names.parse(Urn.parse(self.urn).name)
        own = (part.workspace,) if part is not None else ()
        self.show(replace(problem, rule=rule, workspaces=problem.workspaces or own))

    def show(self, warning: Problem) -> None:
        """Show a warning, unless it is acknowledged."""
        if self.acknowledged.of(warning) is None:
            self.engine.warning(self.urn, warning)

    def note(self, message: str | Problem) -> None:
        self.engine.info(self.urn, message if isinstance(message, Problem) else refusal(message))


@dataclass(frozen=True, slots=True)
class Check:
    """Result of `check`: defaults for the inputs, or problems."""

    defaults: Values = field(default_factory=dict)
    failures: tuple[Problem, ...] = ()
    inputs: Values | None = None
    """Inputs to record instead of the given ones; None for the given ones."""


class Change(StrEnum):
    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


def changes_of(inputs: Values, news: Values) -> dict[str, Change]:
    """Return the changed inputs by property path, each field by itself."""
    return {change.path: Change(change.kind) for change in changed_paths(inputs, news)}


@dataclass(frozen=True, slots=True)
class Diff:
    """Result of `diff`. Property paths are Pulumi's: ``workspaces.payments.grants["group:devs"]``."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    """Changed inputs by path."""
    computed: frozenset[str] = frozenset()
    """Outputs that the update would change."""
    replaces: frozenset[str] = frozenset()
    """Changes that require a replacement."""

    def __bool__(self) -> bool:
        return bool(self.changes or self.computed)


@dataclass(frozen=True, slots=True)
class ReadResult:
    outputs: Values
    inputs: Values | None = None
    """Inputs as read; None keeps the recorded ones."""


class ResourceType(Protocol):
    """One resource type. Methods may block, but for `check` and `diff` of types that are not in `servicer.ASKING`."""

    token: str
    """Type token, ``ambient:index:Name``."""

    def check(self, context: Context, olds: Values, news: Values) -> Check:
        """Validate new inputs against the deployed ones."""

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:
        """Compare the recorded inputs and state with new inputs."""

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Create it, and return its id and outputs; in a preview, the known ones."""

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Return its current state; None if it does not exist."""

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:
        """Update it to the new inputs, and return its outputs."""

    def delete(self, context: Context, identity: str, state: Values) -> None:
        """Delete it; a missing one is not an error."""


def served_objects(
    context: Context, collection: str, selector: str | None = None, *, metadata: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the objects with a name and a uid; none if the cluster does not serve the kind.

    Workspace users decide how many there are, and how large. Callers keep only what they need of each.

    Args:
        metadata: Yield only the metadata. The rest, such as the data of a Secret, is not even requested.
    """
    malformed = 0
    try:
        for item in context.guard.cluster.each(collection, selector, metadata=metadata):
            if name(item) and uid(item):
                yield item
            else:
                malformed += 1
    except ApiError as error:
        if error.status != 404:
            raise
    if malformed:
        context.warn(WarningRule.MALFORMED_OBJECTS, f"{malformed} malformed objects in {collection} are skipped")
