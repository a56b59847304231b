"""The facts of a plan: who gains or loses what, and what happens to workspaces, keys and buckets."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ambient_components.access.holdings import AccessDiff
from ambient_components.errors import Problem
from ambient_components.rules.states import WorkspaceState

MADE: Final = "made"
ADOPTED: Final = "adopted"
OPENED: Final = "opened"
CLOSED: Final = WorkspaceState.CLOSED.value
RELEASED: Final = WorkspaceState.RELEASED.value
TAKEN_BACK: Final = "taken back"
REMOVED: Final = "removed"
FORGOTTEN: Final = "forgotten"

WORKSPACE_CHANGES: Final = (REMOVED, CLOSED, MADE, ADOPTED, OPENED, RELEASED, TAKEN_BACK, FORGOTTEN)
"""What may become of a workspace, the most dangerous first."""

MINTED: Final = "minted"
ROTATED: Final = "rotated"
REVOKED: Final = "revoked"
ENDED: Final = "old token revoked"
CHANGED: Final = "changed"
EXPIRING: Final = "expiring"

KEY_CHANGES: Final = (REVOKED, MINTED, ROTATED, ENDED, CHANGED, EXPIRING)
"""What may become of one identity of a key. `expiring` is no change: it ends soon, and nobody renews it."""

DELETED: Final = "deleted"
KEPT: Final = "kept"
NEW_ACCESS_KEY: Final = "new access key"
ACCESS_KEY_ENDED: Final = "access key revoked"

ALLOWED: Final = "allowed"
DISALLOWED: Final = "not allowed any more"

RAIL_RULE_CHANGES: Final = (ALLOWED, CHANGED, DISALLOWED)
"""What may become of what the files say of a rail."""

BUCKET_CHANGES: Final = (DELETED, CHANGED, MADE, ADOPTED, RELEASED, TAKEN_BACK, KEPT, NEW_ACCESS_KEY, ACCESS_KEY_ENDED)
"""What may become of a bucket and of its access key, the most dangerous first."""

_RIGHTS: Final = ("kubernetes:rbac.authorization.k8s.io/", "kubernetes:authorization.openshift.io/")


@dataclass(frozen=True, slots=True, order=True)
class WorkspaceChange:
    """One workspace that comes, goes, or changes its state."""

    workspace: str
    what: str
    """One of `WORKSPACE_CHANGES`."""


@dataclass(frozen=True, slots=True, order=True)
class KeyChange:
    """What happens to one identity of a key."""

    workspace: str
    key: str
    generation: int
    what: str
    """One of `KEY_CHANGES`."""
    role: str
    why: str
    at: str = ""
    """RFC 3339: when what it has now ends; empty where that is not known, or never."""


@dataclass(frozen=True, slots=True, order=True)
class BucketChange:
    """What happens to one bucket, or to the access key to it."""

    workspace: str
    bucket: str
    what: str
    """One of `BUCKET_CHANGES`."""
    why: str = ""


@dataclass(frozen=True, slots=True, order=True)
class DateComing:
    """A grant that begins or ends by itself, by a date that its entry gives."""

    at: str
    """RFC 3339: the first moment at which it is so."""
    workspace: str
    subject: str
    role: str
    what: str
    """begins or ends."""
    date: str
    """As the file says it: a day, which is inclusive where it ends, or a moment."""


@dataclass(frozen=True, slots=True, order=True)
class RailChange:
    """What the files say otherwise of the rails."""

    workspace: str
    """Empty for the stack as a whole."""
    rail: str
    """A rail that may be crossed, or no longer; or the rule of the stack that changes, as keysMax."""
    what: str
    """One of `RAIL_RULE_CHANGES`."""
    how: str = ""
    """``10 -> 1000``, of a rule."""


@dataclass(frozen=True, slots=True, order=True)
class SourceChange:
    """Another source of a secret's value; never the value itself."""

    workspace: str
    kind: str
    """runner, integrations or storage."""
    variable: str
    before: str = ""
    """Such as ``config payments/anthropic``; empty where there was no such variable."""
    after: str = ""
    """Empty where the variable goes."""


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """What was declared by the last run and is not there, or the other way round: the run did not end well."""

    workspace: str
    """Empty for the stack as a whole."""
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Exposed:
    """Access that ends and may have been used to mint tokens of identities that live on (`access.minting`)."""

    workspace: str
    who: tuple[str, ...]
    keys: tuple[str, ...]
    """Ids of the keys that should be rotated."""


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One thing that the engine would do."""

    op: str
    """In the engine's words: create, update, replace, delete, …; `protect` where only that changes, `retain` where
    something is forgotten and stays as it is."""
    kind: str
    """Type token."""
    name: str
    """Logical name."""
    paths: tuple[str, ...] = ()
    """Properties that change; never their values."""
    content: str = field(default="", compare=False)
    """Digest of what it makes, for plans that are saved; of no secret's value."""

    @property
    def rights(self) -> bool:
        """Whether it is about who may do what in the cluster."""
        return self.kind.startswith(_RIGHTS)


@dataclass(frozen=True, slots=True)
class Shards:
    """Of which stacks the plan of a fleet is made, and how. Names of stacks, sorted."""

    asked: tuple[str, ...] = ()
    """Judged: by the engine's preview; offline by their states."""
    skipped: tuple[str, ...] = ()
    """Up to date, so that nobody was asked: nothing of theirs changed since the last run, and nothing is due."""
    failed: tuple[str, ...] = ()
    """Which could not be judged: the plan has their errors, and what else it says of them is of the files."""

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.asked) + len(self.skipped) + len(self.failed)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run at one moment would do. Every tuple is sorted."""

    stack: str
    """Its name; that of the fleet, where there are shards."""
    at: datetime
    """UTC."""
    online: bool
    """Whether the engine was asked; else it is the files against the state."""
    access: AccessDiff = field(default_factory=lambda: AccessDiff((), ()))
    dates: tuple[DateComing, ...] = ()
    workspaces: tuple[WorkspaceChange, ...] = ()
    keys: tuple[KeyChange, ...] = ()
    buckets: tuple[BucketChange, ...] = ()
    sources: tuple[SourceChange, ...] = ()
    """Of secrets' values: that come, go, or are found elsewhere."""
    other: tuple[str, ...] = ()
    """Paths of the ledger that change and are none of the above: names of settings and limits."""
    exposed: tuple[Exposed, ...] = ()
    rails: tuple[Problem, ...] = ()
    """Guard rails that this change crosses without leave, and rules that nobody can allow: nothing is then deployed."""
    rail_changes: tuple[RailChange, ...] = ()
    unjudged: tuple[str, ...] = ()
    """Ledgers that leave the program, in words: no rail judges such a run."""
    pending: tuple[Waiting, ...] = ()
    warnings: tuple[Problem, ...] = ()
    errors: tuple[Problem, ...] = ()
    """Why the engine made no whole preview, where no rail is the reason."""
    unknown: tuple[str, ...] = ()
    """What a plan of this kind can't know."""
    steps: tuple[Step, ...] = ()
    """The engine's own; none offline."""
    beside: tuple[Step, ...] = ()
    """Those of resources that are in no workspace, and that no ledger records; rights first."""
    shards: Shards | None = None
    """None: it is the plan of one stack."""

    @property
    def changes(self) -> bool:
        """Whether a run would do anything."""
        if self.online and not self.refused:
            return bool(self.steps)
        due = (key for key in self.keys if key.what != EXPIRING)
        return bool(
            self.access.gained
            or self.access.lost
            or self.workspaces
            or self.rail_changes
            or self.buckets
            or self.sources
            or self.other
            or self.pending
            or any(due)
            # Of the other shards, where one is refused.
            or self.steps
        )

    @property
    def refused(self) -> bool:
        """Whether a rail stops it."""
        return bool(self.rails)

    @property
    def step_counts(self) -> dict[str, int]:
        """How many steps of each operation, by its name."""
        counts: dict[str, int] = {}
        for step in self.steps:
            counts[step.op] = counts.get(step.op, 0) + 1
        return dict(sorted(counts.items()))


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order of a page, each once."""
    return tuple(sorted(set(problems), key=lambda one: (one.rule or "", one.workspaces, *one.sort_key, one.hints)))
