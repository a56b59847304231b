"""A stack as its last runs left it: one value for each noun, read by `reading` from the state.

The ledger has what was declared, the other resources have what was applied; both are kept, because they differ after a
failed run (docs/internals/adr/0004). Fields that `repr` hides are for our own use, and no output shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.access.entries import Ledger
from ambient_components.engine.names import key_output
from ambient_components.model.guardrails import BUILT_IN, GuardrailsRecord
from ambient_components.model.keys import DeliverySecret
from ambient_components.rules.rest_days import NO_REST, RestDays
from ambient_components.rules.roles import rank

STACK: Final = "stack"
"""Origin of an identity that a run of the stack made."""

PLATFORM: Final = "platform"
"""Origin of an identity that the platform made and the stack has adopted."""

UNKNOWN: Final = "unknown"
"""Expiry of tokens that the platform issued, because it does not record it."""

KeyName = tuple[str, str]
"""A workspace and the id of one of its keys."""

KeyPlace = tuple[str, str, int]
"""A workspace, the id of one of its keys, and a generation."""


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    workspace: str
    subject: str
    kind: str
    """grant or owner."""
    name: str
    """The name of the object."""
    role: str
    logical: str
    """The logical name of the resource."""


@dataclass(frozen=True, slots=True)
class DeployedAccess:
    """The access of a subject to a workspace: one grant, or that of an owner."""

    subject: str
    declared: str | None
    """The role in the ledger, or `owner`. None if no access is declared."""
    actual: tuple[str, ...]
    """The roles of the bindings in the state. After a failed run there may be none, or two in the middle of a
    change."""
    dates: tuple[Mapping[str, str], ...] = ()
    """The periods of a grant with dates: role, and from, until or both, as in the ledger."""

    @property
    def is_as_declared(self) -> bool:
        """Whether the declared role is the only actual one."""
        return self.actual == ((self.declared,) if self.declared else ())

    @property
    def has_other_role(self) -> bool:
        """Whether the strongest actual role is not the declared one."""
        return max(self.actual, key=rank, default=None) != self.declared


@dataclass(frozen=True, slots=True)
class Identity:
    """The objects of one generation of a key, by which its end can be proved: a ServiceAccount and its tokens."""

    workspace: str
    key: str
    generation: int
    account: str
    """The name of the ServiceAccount."""
    kinds: frozenset[str] = frozenset()
    """Kinds of its resources in the state. Empty for an account that only the cluster has."""
    uids: frozenset[str] = frozenset()
    """UIDs of its ServiceAccount."""
    secrets: frozenset[tuple[str, str]] = frozenset()
    """Name and UID of each token Secret."""
    tokens: frozenset[str] = field(default=frozenset(), repr=False)
    """Its tokens, as far as the state has them in plain text."""
    targets: frozenset[DeliverySecret] = frozenset()
    """The Secret entries that its token is delivered to."""

    @property
    def selected(self) -> KeyName:
        return self.workspace, self.key

    @property
    def username(self) -> str:
        """The user name that the API server reports for its tokens."""
        return f"system:serviceaccount:{self.workspace}:{self.account}"


@dataclass(frozen=True, slots=True)
class DeployedKey:
    """One generation of a key, with its newest token."""

    id: str
    generation: int
    label: str
    role: str | None
    declared: bool
    """Whether the ledger has it, as the current generation or as the previous one in overlap."""
    made: bool
    """Whether the state has a token for it, or the adopted account of an identity that the platform made."""
    expires_at: datetime | None = None
    never: bool = False
    dead: str | None = None
    """Why the token no longer works, as found by a refresh."""
    next_action: str | None = None
    """`rotate`, `revoke` or `expire`: the next action of a run, or the end without one."""
    next_at: datetime | None = None
    retiring: tuple[str, ...] = ()
    """Token Secrets of older tokens that still work."""
    pending: tuple[str, ...] = ()
    """Token Secrets of tokens that could not be revoked. They still work, and every run tries again."""
    account: str = ""
    """The ServiceAccount."""
    issued_at: datetime | None = None
    description: str = ""
    former: bool = False
    """Whether a newer generation exists and this one stays valid for an overlap."""
    until: str | None = None
    """The last day of the overlap."""
    until_used: bool = field(default=False, repr=False)
    """Whether a use of the newer generation ends its tokens earlier."""
    manual: bool = False
    """Whether the token is not renewed automatically."""
    rest: RestDays = field(default=NO_REST, repr=False)
    """Days on which no run renews the token."""
    run_every: int = field(default=0, repr=False)
    """Guaranteed seconds between runs; 0 for none."""
    static: bool = False
    """Whether every session of the workspace can read it."""
    delivered_to: str | None = None
    """NAMESPACE/NAME of the Secret that it is delivered to."""
    retained: bool = True
    """Whether the state has its token."""
    undelivered: str | None = None
    """Why that Secret does not have it."""
    origin: str = STACK
    """`STACK` or `PLATFORM`."""
    stack: str = field(default="", repr=False)
    """The stack. It and all that follows are set where keys of several workspaces are listed or chosen."""
    workspace: str = field(default="", repr=False)
    created: datetime | None = field(default=None, repr=False)
    """When its ServiceAccount was created. None if the cluster was not queried or does not have the account."""
    last_used: datetime | str | None = field(default=None, repr=False)
    """A time, `NEVER_USED`, or None if the cluster was not queried."""
    state: str = field(default="", repr=False)
    """The state of the newest token: current, expired, dead, former (a newer generation exists), revoked (no longer
    declared) or missing."""
    attention: tuple[str, ...] = field(default=(), repr=False)
    """What needs attention. Empty if nothing does."""

    @property
    def expires(self) -> datetime | str | None:
        """A time, `never`, `UNKNOWN`, or None without a token."""
        return UNKNOWN if self.is_of_platform else "never" if self.never else self.expires_at

    @property
    def next(self) -> str | None:
        """The next action of a run: rotate, revoke, `end after` the last day of a former identity, or expire."""
        early = "once the next is used, at the latest " if self.until_used and not self.dead else ""
        return f"end {early}after {self.until}" if self.until else self.next_action

    @property
    def name(self) -> str:
        """WORKSPACE/KEY, which is also the name of its output."""
        return key_output(self.workspace, self.id)

    @property
    def title(self) -> str:
        """The id, with the generation where there is or was more than one."""
        several = self.generation > 1 or self.state == "former"
        return f"{self.id} (generation {self.generation})" if several else self.id

    @property
    def is_of_platform(self) -> bool:
        """Whether the platform made the identity and issued its tokens. No expiry of theirs is known."""
        return self.origin == PLATFORM

    @property
    def is_renewed(self) -> bool:
        """Whether runs renew the token. A key with a newer generation ends on its last day instead."""
        return not self.manual and not self.former

    def due(self, what: str, at: datetime) -> bool:
        ignored = self.former and what != "revoke"
        if what == "rotate" and self.expires_at is not None:
            ignored = ignored or self.rest.delayed(at, self.expires_at, self.run_every) > at
        return not ignored and self.next_action == what and self.next_at is not None and self.next_at <= at


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The access key that sessions use for the bucket."""

    id: str
    """The access key id, which is not a secret."""
    user: str
    """The user in the store that the key belongs to."""
    generation: int
    expires_at: datetime | None = None
    """When its lifetime ends. A run revokes it then, because stores have no expiry."""
    never: bool = False
    manual: bool = False
    """Whether only a new generation creates another key, whatever happens to this one."""
    dead: str | None = None
    """Why it no longer works, as found by a refresh."""
    next_action: str | None = None
    """`rotate` or `revoke`: the next action of a run."""
    next_at: datetime | None = None
    retiring: tuple[str, ...] = ()
    """Ids of older keys that still work."""
    pending: tuple[str, ...] = ()
    """Ids of keys that could not be revoked."""
    foreign: tuple[str, ...] = ()
    """Ids of keys that were created by hand."""
    drift: tuple[str, ...] = ()
    """Drift found by a refresh, such as `policy: changed`."""

    def due(self, what: str, at: datetime) -> bool:
        return self.next_action == what and self.next_at is not None and self.next_at <= at


@dataclass(frozen=True, slots=True)
class DeployedBucket:
    name: str
    driver: str | None
    """The driver in the ledger. None if it is no longer declared but is in the state."""
    endpoint: str = ""
    """The store's address for sessions."""
    shared: bool = False
    """Whether others use it too."""
    state: str | None = None
    """`active` or `released`. None if it is no longer declared."""
    made: bool = False
    """Whether the state has it. Also true for an existing bucket."""
    open: bool = False
    """Whether an access key is declared."""
    key: AccessKey | None = None


@dataclass(frozen=True, slots=True)
class DeployedWorkspace:
    name: str
    state: str | None
    """The state in the ledger. None if it is no longer declared but has resources in the state."""
    access: tuple[DeployedAccess, ...]
    """Owners first, then by strength of the role."""
    keys: tuple[DeployedKey, ...]
    bucket: DeployedBucket | None = None
    """The bucket. None if sessions use the platform's shared one."""
    guard: Mapping[str, Any] | None = None
    """Mode, sharing and rules off of the guard, as declared. None without one."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack as its last runs left it."""

    stack: str
    now: datetime
    workspaces: tuple[DeployedWorkspace, ...]
    interrupted: tuple[str, ...] = ()
    """Pending operations of a killed run, with unknown results."""
    shards: Mapping[str, str] = field(default_factory=dict)
    """The shard of each workspace. Empty for a plain stack."""
    ledger: Ledger = field(default_factory=dict, repr=False)
    """The access that the last run declared."""
    guardrails: GuardrailsRecord = field(default=BUILT_IN, repr=False)
    """The guardrails of the last run."""
    written_at: datetime | None = field(default=None, repr=False)
    """The time of the run that wrote the state, UTC. None if it is unknown."""

    @property
    def keys(self) -> dict[KeyPlace, DeployedKey]:
        return {
            (workspace.name, key.id, key.generation): key for workspace in self.workspaces for key in workspace.keys
        }

    @property
    def access_keys(self) -> dict[str, AccessKey]:
        return {
            workspace.name: key
            for workspace in self.workspaces
            if workspace.bucket is not None and (key := workspace.bucket.key) is not None and key.id
        }

    def stack_of(self, workspace: str) -> str:
        """Return the stack that exports the keys of a workspace."""
        return self.shards.get(workspace, self.stack)
