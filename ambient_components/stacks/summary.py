"""A stack's workspaces, access, keys and buckets, read from `pulumi stack export`. Pure.

The ledger has what was declared, the other resources have what was applied. Differences are shown, as after a failed
run (docs/internals/adr/0004). Secrets stay encrypted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.access.entries import NOTHING, Entry, KeyEntry
from ambient_components.access.recorded import write
from ambient_components.engine import names
from ambient_components.engine.names import Part
from ambient_components.engine.state import Export, Resource, operations, resources
from ambient_components.platform.contract import DESCRIPTION_ANNOTATION, KEY_NAME_ANNOTATION
from ambient_components.platform.naming import key_account
from ambient_components.rotation.state import Minted, TokenRecord, mapping, number
from ambient_components.rules.roles import rank
from ambient_components.shards import split_shard
from ambient_components.stacks.ledgers import ledger_from_state
from ambient_components.stacks.storage_summary import ENDLESS, BucketView, FoundStorage, read_bucket

STACK: Final = "stack"
"""Origin of an identity that a run of the stack made."""

PLATFORM: Final = "platform"
"""Origin of an identity that the platform made and the stack has adopted."""

_ROLE_PREFIX: Final = "ambient-project-"


@dataclass(frozen=True, slots=True)
class Access:
    subject: str
    declared: str | None
    """The role in the ledger, or `owner`. None if no access is declared."""
    actual: tuple[str, ...]
    """The roles of the bindings in the state. After a failed run there may be none, or two in the middle of a
    change."""
    dates: tuple[Mapping[str, str], ...] = ()
    """The periods of a grant with dates: role, and from, until or both, as in the ledger."""

    @property
    def settled(self) -> bool:
        """Whether the actual role is the declared one."""
        return self.actual == ((self.declared,) if self.declared else ())


@dataclass(frozen=True, slots=True)
class Key:
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
    """`rotate` or `revoke`: the next action of a run."""
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
    manual: bool = False
    """Whether the token is not renewed automatically."""
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

    @property
    def is_of_platform(self) -> bool:
        """Whether the platform made the identity and issued its tokens. No expiry of theirs is known."""
        return self.origin == PLATFORM


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    name: str
    state: str | None
    """The state in the ledger. None if it is no longer declared but has resources in the state."""
    access: tuple[Access, ...]
    """Owners first, then by strength of the role."""
    keys: tuple[Key, ...]
    bucket: BucketView | None = None
    """The bucket. None if sessions use the platform's shared one."""


@dataclass(frozen=True, slots=True)
class StateSummary:
    stack: str
    now: datetime
    workspaces: tuple[WorkspaceView, ...]
    interrupted: tuple[str, ...] = ()
    """Pending operations of a killed run, with unknown results."""
    shards: Mapping[str, str] = field(default_factory=dict)
    """The shard of each workspace. Empty for a plain stack."""

    def stack_of(self, workspace: str) -> str:
        """Return the stack that exports the keys of a workspace."""
        return self.shards.get(workspace, self.stack)


@dataclass
class _Resources:
    """The resources of one workspace in the state."""

    access: dict[str, list[str]] = field(default_factory=dict)
    key_roles: dict[tuple[str, int], str] = field(default_factory=dict)
    accounts: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)
    """Inputs of the ServiceAccounts."""
    tokens: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)
    """Outputs of the AccessTokens, which include the inputs."""
    storage: FoundStorage = field(default_factory=FoundStorage)


def read_summary(export: Export, stack: str, now: datetime) -> StateSummary:
    """Return the overview of an exported state.

    Args:
        export: The parsed output of `pulumi stack export`.
        now: The current time, for expiry.
    """
    deployed = resources(export)
    ledger = ledger_from_state(export) or {}
    found = _sort(deployed)
    return StateSummary(
        stack,
        now,
        tuple(
            _workspace(name, ledger.get(name), found.get(name) or _Resources(), now)
            for name in sorted({*ledger, *found})
        ),
        tuple(one.resource.name for one in operations(export)),
        _shards(deployed, stack),
    )


def _shards(deployed: Iterable[Resource], stack: str) -> dict[str, str]:
    """Return the shard of each workspace, by the URNs of its resources."""
    organisation, slash, fleet = stack.rpartition("/")
    found: dict[str, str] = {}
    for name, logical in {(item.urn.stack, item.name) for item in deployed if "/" in item.name}:
        if name != fleet and (shard := split_shard(name)) is not None and shard[0] == fleet:
            found[names.workspace_of(logical)] = f"{organisation}{slash}{name}"
    return found


def _sort(deployed: Iterable[Resource]) -> dict[str, _Resources]:
    """Return bindings, accounts and tokens by workspace, sorted out by logical name."""
    found: dict[str, _Resources] = {}
    # Pending deletes of a replacement come last, so they never take the place of current resources.
    for item in sorted(deployed, key=lambda one: one.delete):
        name = names.parse(item.name)
        if name is None:
            continue
        place = found.get(name.workspace) or _Resources()
        match item.kind, name.part:
            case ("S3Bucket" | "Bucket", Part.BUCKET) | ("S3Credentials", Part.CREDENTIALS):
                place.storage.add(item)
            case "RoleBinding", Part.OWNER:
                place.access.setdefault(name.item, []).append("owner")
            case "RoleBinding", Part.GRANT:
                place.access.setdefault(name.item, []).append(_role(item.inputs))
            case "AccessToken", Part.KEY_GENERATION:
                place.tokens.setdefault(_identity(item, name), item.outputs)
            case "RoleBinding", Part.KEY_GENERATION:
                place.key_roles.setdefault(_identity(item, name), _role(item.inputs))
            case "ServiceAccount", Part.KEY_GENERATION:
                place.accounts.setdefault(_identity(item, name), item.inputs)
            case _:
                continue
        found[name.workspace] = place
    return found


def _identity(item: Resource, name: names.LogicalName) -> tuple[str, int]:
    """Return the key's id and the generation of a resource."""
    generation = name.generation
    if item.delete:
        generation = _ending(item.kind, item.inputs, name.workspace, name.item, generation)
    return name.item, generation


def _ending(kind: str, inputs: Mapping[str, Any], workspace: str, key_id: str, named: int) -> int:
    """Return the generation of a pending delete, because the engine renames it to its successor's logical name."""
    if kind == "AccessToken":
        return number(inputs.get("generation"), named)
    holders = inputs.get("subjects") if kind == "RoleBinding" else [inputs.get("metadata")]
    account = mapping(holders[0] if isinstance(holders, Sequence) and holders else None).get("name")
    for generation in range(named - 1, 0, -1):
        if account == key_account(workspace, key_id, generation):
            return generation
    return named


def _role(inputs: Mapping[str, Any]) -> str:
    return str(mapping(inputs.get("roleRef")).get("name") or "?").removeprefix(_ROLE_PREFIX)


def _workspace(name: str, entry: Entry | None, found: _Resources, now: datetime) -> WorkspaceView:
    reported = entry or NOTHING
    declared: dict[str, list[str]] = {}
    for subject in reported.owners:
        declared.setdefault(subject, []).append("owner")
    for subject, role in reported.grants.items():
        declared.setdefault(subject, []).append(role)
    access: list[Access] = []
    for subject in sorted({*declared, *found.access, *reported.dates}):
        desired, actual = declared.get(subject, []), found.access.get(subject, [])
        # An owner may also have a grant. The two are shown separately.
        for group in (["owner"], [role for role in {*desired, *actual} if role != "owner"]):
            want = next((role for role in desired if role in group), None)
            have = tuple(sorted(role for role in actual if role in group))
            periods = () if "owner" in group else tuple(map(write, reported.dates.get(subject, ())))
            if want or have or periods:
                access.append(Access(subject, want, have, periods))
    access.sort(key=_order)
    desired_keys = {
        (key_id, generation): key for key_id, key in reported.keys.items() for generation in key.generations
    }
    identities = sorted({*desired_keys, *found.tokens, *found.key_roles, *found.accounts})
    state = entry.state if entry is not None else None
    return WorkspaceView(
        name,
        state,
        tuple(access),
        tuple(_key(identity, desired_keys.get(identity), found, now) for identity in identities),
        read_bucket(reported.bucket, state, found.storage, now),
    )


def _order(access: Access) -> tuple[int, str]:
    """Return the sort key: owners, then by strength of the role, then subjects without a current role."""
    roles = [role for role in (access.declared, *access.actual) if role]
    return min((-rank(role) for role in roles), default=1), access.subject


def _key(identity: tuple[str, int], entry: KeyEntry | None, found: _Resources, now: datetime) -> Key:
    outputs = found.tokens.get(identity) or {}
    tokens = TokenRecord.of(outputs)
    current = tokens.current or Minted("")
    account = found.accounts.get(identity) or {}
    metadata = mapping(account.get("metadata"))
    of_platform = bool(account.get("ofPlatform")) or (entry is not None and entry.is_of_platform(identity[1]))
    notes = mapping(metadata.get("annotations"))
    expires, has_token = current.expires_at, tokens.current is not None
    never = has_token and (tokens.endless or (expires is not None and expires - now > ENDLESS))
    former = entry is not None and entry.overlapping == identity[1]
    target = mapping(outputs.get("deliver"))
    return Key(
        id=identity[0],
        generation=identity[1],
        label=str(notes.get(KEY_NAME_ANNOTATION) or identity[0]),
        role=found.key_roles.get(identity) or (entry.role if entry is not None else None),
        declared=entry is not None,
        made=has_token or bool(account.get("ofPlatform")),
        expires_at=None if never else expires,
        never=never,
        dead=current.dead,
        next_action=tokens.next_action,
        next_at=tokens.next_at,
        retiring=tuple(one.id for one in tokens.retiring),
        pending=tuple(one.id for one in tokens.pending),
        account=str(metadata.get("name") or ""),
        issued_at=current.issued_at,
        description=str(notes.get(DESCRIPTION_ANNOTATION) or ""),
        former=former,
        until=entry.overlap_until if former and entry is not None else None,
        manual=tokens.manual,
        static=bool(outputs.get("static")),
        delivered_to=f"{target.get('namespace')}/{target.get('name')}" if target and not former else None,
        retained=outputs.get("retain") != "none",
        undelivered=outputs.get("undelivered") or None,
        origin=PLATFORM if of_platform else STACK,
    )
