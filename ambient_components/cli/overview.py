"""What a stack's state says of workspaces, access, keys and buckets: a pure reading of `pulumi stack export`.

The ledger records what was declared, the other resources what was applied: both are shown where they differ, as after
a run that failed halfway (docs/adr/0004). Secrets are never looked at: the export has them encrypted.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.access.entries import NOTHING, Entry, KeyEntry
from ambient_components.access.recorded import write
from ambient_components.cli.ledgers import ledger_from_state
from ambient_components.cli.overview_storage import ENDLESS, BucketView, FoundStorage, moment, read_bucket
from ambient_components.contract import DESCRIPTION_ANNOTATION, KEY_NAME_ANNOTATION
from ambient_components.naming import key_service_account, key_suffix
from ambient_components.shards import split_shard

_KINDS: Final = {"RoleBinding", "ServiceAccount", "AccessToken", "S3Bucket", "Bucket", "S3Credentials"}
_ROLE_PREFIX: Final = "ambient-project-"
_GENERATION = re.compile(r"(.+)/g([0-9]+)")


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


def read_overview(export: Mapping[str, Any], stack: str, now: datetime) -> Overview:
    """The overview of an exported state.

    Args:
        export: what `pulumi stack export` printed, parsed.
        stack: its name.
        now: judges "expired".
    """
    deployment = export.get("deployment") or {}
    resources: list[Mapping[str, Any]] = list(deployment.get("resources") or ())
    ledger = ledger_from_state(export) or {}
    found = _sort(resources)
    names = sorted({*ledger, *found})
    interrupted = [str((item.get("resource") or {}).get("urn")) for item in deployment.get("pending_operations") or ()]
    return Overview(
        stack,
        now,
        tuple(_workspace(name, ledger.get(name), found.get(name) or _Found(), now) for name in names),
        tuple(urn.split("::", 3)[-1] for urn in interrupted),
        _shards(resources, stack),
    )


def _shards(resources: Iterable[Mapping[str, Any]], stack: str) -> dict[str, str]:
    """The shard that has each workspace, by the names of its resources."""
    organisation, slash, fleet = stack.rpartition("/")
    found: dict[str, str] = {}
    for item in resources:
        urn = str(item["urn"]).split("::", 3)
        name, workspace = urn[0].rpartition(":")[2], urn[-1].split("/", 1)[0]
        if name != fleet and (shard := split_shard(name)) is not None and shard[0] == fleet and "/" in urn[-1]:
            found[workspace] = f"{organisation}{slash}{name}"
    return found


def _sort(resources: Iterable[Mapping[str, Any]]) -> dict[str, _Found]:
    """Bindings, accounts and tokens by workspace; logical names say what they are (ambient_components.naming)."""
    found: dict[str, _Found] = {}
    # What is left of a replacement comes last: it takes the place of nothing that lives.
    for item in sorted(resources, key=lambda one: bool(one.get("delete"))):
        kind = str(item["type"]).rsplit(":", 1)[-1]
        pieces = str(item["urn"]).split("::", 3)[-1].split("/", 2)
        if kind not in _KINDS or len(pieces) < 3:
            continue
        workspace, what, rest = pieces
        place = found.setdefault(workspace, _Found())
        inputs = item.get("inputs") or {}
        if what == "storage":
            place.storage.add(kind, rest, item)
        elif kind == "RoleBinding" and what in {"owner", "grant"}:
            role = "owner" if what == "owner" else _role(inputs)
            place.access.setdefault(rest, []).append(role)
        elif what == "key" and (match := _GENERATION.fullmatch(rest)):
            generation = int(match[2])
            if item.get("delete"):
                generation = _ending(kind, inputs, workspace, match[1], generation)
            identity = (match[1], generation)
            if kind == "AccessToken":
                place.tokens.setdefault(identity, item.get("outputs") or {})
            elif kind == "RoleBinding":
                place.key_roles.setdefault(identity, _role(inputs))
            else:
                place.accounts.setdefault(identity, inputs.get("metadata") or {})
    return found


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


_ORDER: Final = ("owner", "admin", "edit", "view")


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
    return min(map(_rank, roles), default=len(_ORDER) + 1), access.subject


def _rank(role: str) -> int:
    return _ORDER.index(role) if role in _ORDER else len(_ORDER)


def _key(identity: tuple[str, int], entry: KeyEntry | None, found: _Found, now: datetime) -> Key:
    outputs = found.tokens.get(identity) or {}
    current = outputs.get("current") or {}
    following = outputs.get("nextAction") or {}
    metadata = found.accounts.get(identity) or {}
    notes = metadata.get("annotations") or {}
    expires = moment(current.get("expiresAt"))
    endless = bool(outputs.get("never") or outputs.get("static"))
    never = bool(current) and (endless or (expires is not None and expires - now > ENDLESS))
    former = entry is not None and entry.overlapping == identity[1]
    target = outputs.get("deliver") or {}
    return Key(
        id=identity[0],
        generation=identity[1],
        label=str(notes.get(KEY_NAME_ANNOTATION) or identity[0]),
        role=found.key_roles.get(identity) or (entry.role if entry is not None else None),
        declared=entry is not None,
        made=bool(current),
        expires_at=None if never else expires,
        never=never,
        dead=current.get("dead") or None,
        next_action=following.get("what"),
        next_at=moment(following.get("at")),
        retiring=_handles(outputs.get("retiring")),
        pending=_handles(outputs.get("pendingRevocations")),
        account=str(metadata.get("name") or ""),
        issued_at=moment(current.get("issuedAt")),
        description=str(notes.get(DESCRIPTION_ANNOTATION) or ""),
        former=former,
        until=entry.overlap_until if former and entry is not None else None,
        manual=bool(outputs.get("manual", endless)),
        static=bool(outputs.get("static")),
        delivered_to=f"{target['namespace']}/{target['name']}" if target and not former else None,
        retained=outputs.get("retain") != "none",
        undelivered=outputs.get("undelivered") or None,
    )


def _handles(items: Iterable[Mapping[str, Any]] | None) -> tuple[str, ...]:
    return tuple(str(item.get("handle")) for item in items or ())
