"""What a stack's state says of workspaces, access, keys and buckets: a pure reading of `pulumi stack export`.

The ledger records what was declared, the other resources what was applied: both are shown where they differ, as after
a run that failed halfway (docs/adr/0004). Secrets are never looked at: the export has them encrypted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.access.entries import NOTHING, Entry, KeyEntry
from ambient_components.access.recorded import write
from ambient_components.cli.ledgers import ledger_from_state
from ambient_components.cli.overview_storage import ENDLESS, BucketView, FoundStorage, read_bucket
from ambient_components.contract import DESCRIPTION_ANNOTATION, KEY_NAME_ANNOTATION
from ambient_components.engine import names
from ambient_components.engine.names import Part
from ambient_components.engine.state import Export, Resource, operations, resources
from ambient_components.keys.recorded import Minted, TokenRecord
from ambient_components.naming import key_service_account, key_suffix
from ambient_components.rules.roles import rank
from ambient_components.shards import split_shard

_ROLE_PREFIX: Final = "ambient-project-"


@dataclass(frozen=True, slots=True)
class Access:
    """One subject's access to a workspace."""

    subject: str
    declared: str | None
    """Role in the ledger, `owner` for an owner; None: it should have none."""
    actual: tuple[str, ...]
    """Roles of the bindings in the state; none yet, or two in the middle of a change, after a run that failed."""
    dates: tuple[Mapping[str, str], ...] = ()
    """Of a grant with dates, the periods in which it holds: role, and from or until or both, as the ledger has them."""

    @property
    def settled(self) -> bool:
        """Whether the last run did what was declared."""
        return self.actual == ((self.declared,) if self.declared else ())


@dataclass(frozen=True, slots=True)
class Key:
    """One identity of an API key."""

    id: str
    generation: int
    label: str
    role: str | None
    declared: bool
    """Whether the ledger has it, in this generation or as the one before that lives on."""
    made: bool
    """Whether the state has a token for it."""
    expires_at: datetime | None = None
    never: bool = False
    dead: str | None = None
    """Why the token no longer works, once a refresh found out."""
    next_action: str | None = None
    """`rotate` or `revoke`: what the next run that matters does."""
    next_at: datetime | None = None
    retiring: tuple[str, ...] = ()
    """Handles of older tokens that still work."""
    pending: tuple[str, ...] = ()
    """Handles of tokens whose revocation failed: they still work, and every run tries again."""
    account: str = ""
    """Its ServiceAccount."""
    issued_at: datetime | None = None
    description: str = ""
    former: bool = False
    """Whether another generation has followed, and this one lives on until a day."""
    until: str | None = None
    """That day, of a former one."""
    manual: bool = False
    """Whether nobody renews it."""
    static: bool = False
    """Whether every session of the workspace can read it."""
    delivered_to: str | None = None
    """NAMESPACE/NAME of the Secret that it is written to."""
    retained: bool = True
    """Whether the state has it."""
    undelivered: str | None = None
    """Why that Secret does not hold it."""


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    """One workspace."""

    name: str
    state: str | None
    """As the ledger has it; None: no longer declared, yet something of it is in the state."""
    access: tuple[Access, ...]
    """Owners first, then the strongest role."""
    keys: tuple[Key, ...]
    bucket: BucketView | None = None
    """None: sessions use the platform's shared one."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A stack at one moment."""

    stack: str
    now: datetime
    workspaces: tuple[WorkspaceView, ...]
    interrupted: tuple[str, ...] = ()
    """Resources that a killed run was at work on; what became of them is not recorded."""
    shards: Mapping[str, str] = field(default_factory=dict)
    """Of a fleet, the stack that has each workspace; nothing for a plain stack."""

    def stack_of(self, workspace: str) -> str:
        """The stack whose outputs have the keys of a workspace."""
        return self.shards.get(workspace, self.stack)


@dataclass
class _Found:
    """What the state has of one workspace."""

    access: dict[str, list[str]] = field(default_factory=dict)
    key_roles: dict[tuple[str, int], str] = field(default_factory=dict)
    accounts: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)
    """Metadata of the ServiceAccounts."""
    tokens: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)
    """Outputs of the AccessTokens, which have their inputs in them."""
    storage: FoundStorage = field(default_factory=FoundStorage)


def read_overview(export: Export, stack: str, now: datetime) -> Overview:
    """The overview of an exported state.

    Args:
        export: what `pulumi stack export` printed, parsed.
        stack: its name.
        now: judges "expired".
    """
    deployed = resources(export)
    ledger = ledger_from_state(export) or {}
    found = _sort(deployed)
    return Overview(
        stack,
        now,
        tuple(
            _workspace(name, ledger.get(name), found.get(name) or _Found(), now) for name in sorted({*ledger, *found})
        ),
        tuple(one.resource.name for one in operations(export)),
        _shards(deployed, stack),
    )


def _shards(deployed: Iterable[Resource], stack: str) -> dict[str, str]:
    """The shard that has each workspace, by the names of its resources."""
    organisation, slash, fleet = stack.rpartition("/")
    found: dict[str, str] = {}
    for name, logical in {(item.urn.stack, item.name) for item in deployed if "/" in item.name}:
        if name != fleet and (shard := split_shard(name)) is not None and shard[0] == fleet:
            found[names.workspace_of(logical)] = f"{organisation}{slash}{name}"
    return found


def _sort(deployed: Iterable[Resource]) -> dict[str, _Found]:
    """Bindings, accounts and tokens by workspace; logical names say what they are."""
    found: dict[str, _Found] = {}
    # What is left of a replacement comes last: it takes the place of nothing that lives.
    for item in sorted(deployed, key=lambda one: one.delete):
        name = names.parse(item.name)
        if name is None:
            continue
        place = found.get(name.workspace) or _Found()
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
                place.accounts.setdefault(_identity(item, name), item.inputs.get("metadata") or {})
            case _:
                continue
        found[name.workspace] = place
    return found


def _identity(item: Resource, name: names.LogicalName) -> tuple[str, int]:
    """The key's id and the generation that a resource is of."""
    generation = name.generation
    if item.delete:
        generation = _ending(item.kind, item.inputs, name.workspace, name.item, generation)
    return name.item, generation


def _ending(kind: str, inputs: Mapping[str, Any], workspace: str, key_id: str, named: int) -> int:
    """The generation of what a replacement left: the engine has given it the logical name of what followed (tried)."""
    if kind == "AccessToken":
        return int(inputs.get("generation") or named)
    holders = inputs.get("subjects") if kind == "RoleBinding" else [inputs.get("metadata")]
    account = ((holders or [None])[0] or {}).get("name")
    for generation in range(named - 1, 0, -1):
        if account == key_service_account(key_id, key_suffix(workspace, key_id, generation)):
            return generation
    return named


def _role(inputs: Mapping[str, Any]) -> str:
    return str((inputs.get("roleRef") or {}).get("name") or "?").removeprefix(_ROLE_PREFIX)


def _workspace(name: str, entry: Entry | None, found: _Found, now: datetime) -> WorkspaceView:
    said = entry or NOTHING
    declared: dict[str, list[str]] = {}
    for subject in said.owners:
        declared.setdefault(subject, []).append("owner")
    for subject, role in said.grants.items():
        declared.setdefault(subject, []).append(role)
    access: list[Access] = []
    for subject in sorted({*declared, *found.access, *said.dates}):
        wanted, actual = declared.get(subject, []), found.access.get(subject, [])
        # An owner may have a grant beside it: the two are shown apart.
        for group in (["owner"], [role for role in {*wanted, *actual} if role != "owner"]):
            want = next((role for role in wanted if role in group), None)
            have = tuple(sorted(role for role in actual if role in group))
            periods = () if "owner" in group else tuple(map(write, said.dates.get(subject, ())))
            if want or have or periods:
                access.append(Access(subject, want, have, periods))
    access.sort(key=_order)
    wanted_keys = {(key_id, generation): key for key_id, key in said.keys.items() for generation in key.generations}
    identities = sorted({*wanted_keys, *found.tokens, *found.key_roles, *found.accounts})
    state = entry.state if entry is not None else None
    return WorkspaceView(
        name,
        state,
        tuple(access),
        tuple(_key(identity, wanted_keys.get(identity), found, now) for identity in identities),
        read_bucket(said.bucket, state, found.storage, now),
    )


def _order(access: Access) -> tuple[int, str]:
    """Owners, then the strongest role, then who has none at the moment."""
    roles = [role for role in (access.declared, *access.actual) if role]
    return min((-rank(role) for role in roles), default=1), access.subject


def _key(identity: tuple[str, int], entry: KeyEntry | None, found: _Found, now: datetime) -> Key:
    outputs = found.tokens.get(identity) or {}
    tokens = TokenRecord.of(outputs)
    current = tokens.current or Minted("")
    metadata = found.accounts.get(identity) or {}
    notes = metadata.get("annotations") or {}
    expires, made = current.expires_at, tokens.current is not None
    never = made and (tokens.endless or (expires is not None and expires - now > ENDLESS))
    former = entry is not None and entry.overlapping == identity[1]
    target = outputs.get("deliver") or {}
    return Key(
        id=identity[0],
        generation=identity[1],
        label=str(notes.get(KEY_NAME_ANNOTATION) or identity[0]),
        role=found.key_roles.get(identity) or (entry.role if entry is not None else None),
        declared=entry is not None,
        made=made,
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
        delivered_to=f"{target['namespace']}/{target['name']}" if target and not former else None,
        retained=outputs.get("retain") != "none",
        undelivered=outputs.get("undelivered") or None,
    )
