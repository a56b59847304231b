"""The one reader of a stack's state: workspaces, access, keys and buckets, from `pulumi stack export`. Pure.

No value makes it fail: states can be forged, and old ones differ. Secrets stay encrypted, except for `identities`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ambient_components.access.entries import NOTHING, Entry, Ledger, ledger_in
from ambient_components.access.role_assignments import GRANT, OWNER
from ambient_components.engine import names
from ambient_components.engine.names import Part
from ambient_components.engine.secrets import plain_text
from ambient_components.engine.state import Export, Resource, operations, resources, written_at
from ambient_components.engine.urns import ACCESS_LEDGER
from ambient_components.model.derive import read, write
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.model.keys import DeliverySecret, KeyRecord
from ambient_components.model.storage import BucketRecord
from ambient_components.platform.contract import DESCRIPTION_ANNOTATION, KEY_NAME_ANNOTATION, ROLES, Role, cluster_role
from ambient_components.platform.naming import key_account
from ambient_components.rotation import TokenState
from ambient_components.rotation.state import NO_TIME, mapping, number, text_of, time_of
from ambient_components.rules.buckets import BucketDriver
from ambient_components.rules.lifetimes import is_endless
from ambient_components.rules.rest_days import RestDays
from ambient_components.rules.roles import rank
from ambient_components.rules.workspaces import CLOSED
from ambient_components.shards.names import split_shard
from ambient_components.stacks.deployed import (
    PLATFORM,
    STACK,
    AccessKey,
    Binding,
    Deployed,
    DeployedAccess,
    DeployedBucket,
    DeployedKey,
    DeployedWorkspace,
    Identity,
    KeyName,
    KeyPlace,
)

ACCOUNT: Final = "ServiceAccount"
TOKEN: Final = "AccessToken"  # noqa: S105  # a type
BINDING: Final = "RoleBinding"

ACCESS_PARTS: Final = {Part.GRANT: GRANT, Part.OWNER: OWNER}
"""The kinds of access of people, by the part of the logical name."""

_ENDLESS: Final = timedelta(days=100 * 365)
"""A later expiry is shown as never, because `lifetime: never` is stored as 136 years."""

_ROLES: Final = {f"ClusterRole/{cluster_role(role)}": role.value for role in ROLES}


def ledgers_in(export: Export) -> list[Mapping[str, Any]]:
    """Return the inputs of every AccessLedger in a state, without pending deletes. There may be several."""
    return [ledger.inputs for ledger in resources(export, ACCESS_LEDGER) if not ledger.delete]


def ledger_from_state(export: Export) -> dict[str, Entry]:
    """Return the ledger of a stack's last run, by workspace. Empty if the state has no ledger (`ledgers_in`)."""
    return {name: entry for inputs in ledgers_in(export) for name, entry in ledger_in(inputs).items()}


def guardrails_in(export: Export) -> GuardrailsRecord:
    """Return the guardrails of the last run's ledgers; of several, what a later one sets."""
    rules: dict[str, Any] = {}
    for guardrails in guardrails_of_ledgers(export):
        rules |= write(guardrails, "ledger")
    return read(GuardrailsRecord, "ledger", rules)


def guardrails_of_ledgers(export: Export) -> list[GuardrailsRecord]:
    return [read(GuardrailsRecord, "ledger", inputs.get("guardrails")) for inputs in ledgers_in(export)]


def declared_keys(ledger: Ledger) -> Iterator[tuple[KeyPlace, KeyRecord]]:
    """Yield every generation that a ledger declares, including previous ones in overlap, with its key's entry."""
    for workspace, entry in ledger.items():
        for key_id, key in entry.keys.items():
            for generation in key.generations:
                yield (workspace, key_id, generation), key


def from_ledger(ledger: Ledger, now: datetime) -> Deployed:
    """Return all that a ledger declares, as existing. For a comparison without a state."""
    resources_of = {name: _Resources() for name in ledger}
    for (workspace, key_id, generation), _ in declared_keys(ledger):
        resources_of[workspace].tokens[key_id, generation] = {"current": {"handle": key_id}}
    for name, entry in ledger.items():
        held = [(owner, OWNER, Role.ADMIN.value) for owner in entry.owners]
        held += [(subject, GRANT, role) for subject, role in entry.grants.items()]
        resources_of[name].bindings = [Binding(name, who, kind, "", role, "") for who, kind, role in held]
        if entry.bucket is not None and entry.bucket.generation:
            resources_of[name].credentials = {"current": {"handle": entry.bucket.name}}
    workspaces = tuple(_workspace(name, ledger.get(name), resources_of[name], now) for name in sorted(ledger))
    return Deployed("", now, workspaces, ledger=ledger)


def read_deployed(export: Export, stack: str, now: datetime) -> Deployed:
    every = resources(export)
    ledger = ledger_from_state(export)
    by_workspace = _by_workspace(every, ledger)
    return Deployed(
        stack,
        now,
        tuple(
            _workspace(name, ledger.get(name), by_workspace.get(name) or _Resources(), now)
            for name in sorted({*ledger, *by_workspace})
        ),
        tuple(operation.resource.name for operation in operations(export)),
        _shards(every, stack),
        ledger,
        guardrails_in(export),
        written_at(export),
    )


def identities(export: Export, keys: Collection[KeyName], *, pending: bool = True) -> tuple[Identity, ...]:
    """Return the identities of some keys in a state, by key and generation.

    Args:
        export: The parsed output of `pulumi stack export`. With `--show-secrets` it has the tokens.
        pending: Whether those of pending operations count, which may be in the cluster.
    """
    ledger, every = ledger_from_state(export), _touched(export) if pending else resources(export)
    return tuple(
        _identity(workspace, *place, items, ledger)
        for workspace, of_workspace in sorted(_by_workspace(every, ledger).items())
        for place, items in sorted(of_workspace.of_keys.items())
        if (workspace, place[0]) in keys
    )


def bindings(export: Export, subject: str = "", kinds: Collection[str] = (GRANT, OWNER)) -> tuple[Binding, ...]:
    places = _by_workspace(_touched(export), {}).values()
    every = {binding for place in places for binding in place.bindings}
    return tuple(sorted(binding for binding in every if subject in ("", binding.subject) and binding.kind in kinds))


def _touched(export: Export) -> list[Resource]:
    """Return the resources and those of pending operations, which may have taken effect in the cluster."""
    return [*resources(export), *(operation.resource for operation in operations(export))]


@dataclass
class _Resources:
    bindings: list[Binding] = field(default_factory=list)
    of_keys: dict[tuple[str, int], list[Resource]] = field(default_factory=dict)
    """All of a key's generation, for the proof of its end."""
    key_roles: dict[tuple[str, int], str] = field(default_factory=dict)
    accounts: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)
    """Inputs of the ServiceAccounts."""
    tokens: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)
    """Outputs of the AccessTokens, which include the inputs."""
    bucket: Mapping[str, Any] | None = None
    """Outputs of the bucket, which include the inputs."""
    credentials: Mapping[str, Any] | None = None


def _by_workspace(every: Iterable[Resource], ledger: Ledger) -> dict[str, _Resources]:
    """Return bindings, accounts, tokens and buckets by workspace, sorted out by logical name."""
    by_workspace: dict[str, _Resources] = {}
    # Pending deletes of a replacement come last, so they never take the place of current resources.
    for item in sorted(every, key=lambda resource: resource.delete):
        name = names.parse(item.name)
        if name is None:
            continue
        place = by_workspace.get(name.workspace) or _Resources()
        match item.kind, name.part:
            case ("S3Bucket" | "Bucket", Part.BUCKET):
                place.bucket = place.bucket or {**item.inputs, **item.outputs}
            case "S3Credentials", Part.CREDENTIALS:
                place.credentials = place.credentials or {**item.inputs, **item.outputs}
            case "RoleBinding", Part.OWNER | Part.GRANT:
                place.bindings.append(_binding(item, name))
            case (("AccessToken" | "RoleBinding" | "ServiceAccount"), Part.KEY_GENERATION):
                _add_of_key(place, item, name, ledger)
            case _:
                continue
        by_workspace[name.workspace] = place
    return by_workspace


def _binding(item: Resource, name: names.LogicalName) -> Binding:
    made = str(mapping(item.inputs.get("metadata")).get("name") or "")
    return Binding(name.workspace, name.item, ACCESS_PARTS[name.part], made, role_of(item.inputs), item.name)


def role_of(inputs: Mapping[str, Any]) -> str:
    """Return view, edit or admin; any other role in RBAC's notation."""
    reference = mapping(inputs.get("roleRef"))
    role = f"{reference.get('kind') or 'ClusterRole'}/{reference.get('name') or '?'}"
    return _ROLES.get(role, role)


def _add_of_key(place: _Resources, item: Resource, name: names.LogicalName, ledger: Ledger) -> None:
    generation = _ending(item, name, ledger) if item.delete else name.generation
    identity = (name.item, generation)
    place.of_keys.setdefault(identity, []).append(item)
    if item.kind == TOKEN:
        place.tokens.setdefault(identity, item.outputs)
    elif item.kind == BINDING:
        place.key_roles.setdefault(identity, role_of(item.inputs))
    else:
        place.accounts.setdefault(identity, item.inputs)


def _ending(item: Resource, name: names.LogicalName, ledger: Ledger) -> int:
    """Return the generation of a pending delete, because the engine renames it to its successor's logical name."""
    if item.kind == TOKEN:
        return number(item.inputs.get("generation"), name.generation)
    holders = item.inputs.get("subjects") if item.kind == BINDING else [item.inputs.get("metadata")]
    holder = mapping(holders[0] if isinstance(holders, Sequence) and holders else None).get("name")
    for generation in range(name.generation - 1, 0, -1):
        if holder == _account(name.workspace, name.item, generation, ledger):
            return generation
    return name.generation


def _account(workspace: str, key_id: str, generation: int, ledger: Ledger) -> str:
    """Return the name of an identity's ServiceAccount by the ledger, which knows those that the platform made."""
    key = ledger.get(workspace, NOTHING).keys.get(key_id)
    return key_account(workspace, key_id, generation, key.service_account if key is not None else None)


def _identity(workspace: str, key_id: str, generation: int, items: Iterable[Resource], ledger: Ledger) -> Identity:
    uids: list[Any] = []
    kinds, secrets, tokens, targets = set(), set(), set(), set()
    account = _account(workspace, key_id, generation, ledger)
    for item in items:
        inputs, outputs = item.inputs, item.outputs
        kinds.add(item.kind)
        if item.kind == ACCOUNT:
            # Of a key that is no longer declared, only its resources know the name.
            account = str(mapping(inputs.get("metadata")).get("name") or account)
            uids += [outputs.get("uid"), mapping(outputs.get("metadata")).get("uid")]
        elif item.kind == TOKEN:
            uids += [inputs.get("serviceAccountUid"), outputs.get("serviceAccountUid")]
            recorded = TokenState.observed(outputs).token_secrets
            secrets |= {(secret.name, secret.uid) for secret in recorded if secret.name and secret.uid}
            tokens.add(plain_text(outputs.get("token")))
            if target := mapping(inputs.get("deliver")):
                namespace, secret, key = (str(target.get(part)) for part in ("namespace", "name", "key"))
                targets.add(DeliverySecret.model_construct(namespace=namespace, name=secret, key=key))
    return Identity(
        workspace,
        key_id,
        generation,
        account,
        frozenset(kinds),
        frozenset(uid for uid in uids if uid and isinstance(uid, str)),
        frozenset(secrets),
        frozenset(token for token in tokens if token),
        frozenset(targets),
    )


def _shards(every: Iterable[Resource], stack: str) -> dict[str, str]:
    organisation, slash, fleet = stack.rpartition("/")
    stacks: dict[str, str] = {}
    for name, logical in {(item.urn.stack, item.name) for item in every if "/" in item.name}:
        if name != fleet and (shard := split_shard(name)) is not None and shard[0] == fleet:
            stacks[names.workspace_of(logical)] = f"{organisation}{slash}{name}"
    return stacks


def _workspace(name: str, entry: Entry | None, recorded: _Resources, now: datetime) -> DeployedWorkspace:
    declared = dict(declared_keys({name: entry or NOTHING}))
    places = sorted(
        {*((key_id, generation) for _, key_id, generation in declared), *recorded.of_keys, *recorded.tokens}
    )
    state = entry.state if entry is not None else None
    return DeployedWorkspace(
        name,
        state,
        tuple(sorted(_access(entry or NOTHING, recorded.bindings), key=_order)),
        tuple(_key(place, declared.get((name, *place)), recorded, now) for place in places),
        _bucket((entry or NOTHING).bucket, state, recorded, now),
        entry.guard.plain() if entry is not None and entry.guard.mode else None,
    )


def _access(entry: Entry, bindings: Iterable[Binding]) -> Iterator[DeployedAccess]:
    declared: dict[str, list[str]] = {}
    actual: dict[str, list[str]] = {}
    for subject in entry.owners:
        declared.setdefault(subject, []).append(OWNER)
    for subject, role in entry.grants.items():
        declared.setdefault(subject, []).append(role)
    for binding in bindings:
        actual.setdefault(binding.subject, []).append(OWNER if binding.kind == OWNER else binding.role)
    for subject in sorted({*declared, *actual, *entry.dates}):
        desired, has = declared.get(subject, []), actual.get(subject, [])
        # An owner may also have a grant. The two are shown separately.
        for group in ([OWNER], [role for role in {*desired, *has} if role != OWNER]):
            want = next((role for role in desired if role in group), None)
            have = tuple(sorted(role for role in has if role in group))
            periods = [] if OWNER in group else entry.dates.get(subject, [])
            if want or have or periods:
                dates = tuple(write(period, "ledger") for period in periods)
                yield DeployedAccess(subject, want, have, dates)


def _order(access: DeployedAccess) -> tuple[int, str]:
    """Return the sort key: owners, then by strength of the role, then subjects without a current role."""
    roles = [role for role in (access.declared, *access.actual) if role]
    return min((-rank(role) for role in roles), default=1), access.subject


def _key(place: tuple[str, int], entry: KeyRecord | None, recorded: _Resources, now: datetime) -> DeployedKey:
    key_id, generation = place
    outputs = recorded.tokens.get(place) or {}
    current = TokenState.observed(outputs).current
    account = recorded.accounts.get(place) or {}
    metadata = mapping(account.get("metadata"))
    of_platform = bool(account.get("ofPlatform")) or (entry is not None and entry.is_of_platform(generation))
    notes = mapping(metadata.get("annotations"))
    expires = current.expires_at if current else None
    never = current is not None and (is_endless(outputs) or (expires is not None and expires - now > _ENDLESS))
    former = entry is not None and entry.overlapping == generation
    target = mapping(outputs.get("deliver"))
    return DeployedKey(
        id=key_id,
        generation=generation,
        label=str(notes.get(KEY_NAME_ANNOTATION) or key_id),
        role=recorded.key_roles.get(place) or (entry.role if entry is not None else None),
        declared=entry is not None,
        made=current is not None or bool(account.get("ofPlatform")),
        **_renewal(outputs, never=never),
        account=str(metadata.get("name") or ""),
        issued_at=current.issued_at if current and current.issued_at != NO_TIME else None,
        description=str(notes.get(DESCRIPTION_ANNOTATION) or ""),
        former=former,
        until=entry.overlap_until.isoformat() if former and entry is not None and entry.overlap_until else None,
        rest=RestDays.of(outputs.get("rotateNotOn"), str(outputs.get("timezone") or "UTC")),
        run_every=number(outputs.get("runEverySeconds"), 0),
        until_used=former and entry is not None and bool(entry.until_used),
        static=bool(outputs.get("static")),
        delivered_to=f"{target.get('namespace')}/{target.get('name')}" if target and not former else None,
        retained=outputs.get("retain") != "none",
        undelivered=outputs.get("undelivered") or None,
        origin=PLATFORM if of_platform else STACK,
    )


def _renewal(outputs: Mapping[str, Any], *, never: bool) -> dict[str, Any]:
    """Return what keys and access keys have in common: the ends of the recorded tokens, and what comes next."""
    recorded, following = TokenState.observed(outputs), mapping(outputs.get("nextAction"))
    return {
        "expires_at": recorded.current.expires_at if recorded.current and not never else None,
        "never": never,
        "dead": recorded.current.dead if recorded.current else None,
        "manual": bool(outputs.get("manual", is_endless(outputs))),
        "next_action": text_of(following.get("what")),
        "next_at": time_of(following.get("at")),
        "retiring": tuple(token_secret.name for token_secret in recorded.retiring),
        "pending": tuple(token_secret.name for token_secret in recorded.pending),
    }


def _bucket(
    entry: BucketRecord | None, state: str | None, recorded: _Resources, now: datetime
) -> DeployedBucket | None:
    if entry is None and recorded.bucket is None and recorded.credentials is None:
        return None
    known, credentials = recorded.bucket or {}, recorded.credentials or {}
    return DeployedBucket(
        name=str((entry and entry.name) or known.get("bucket") or credentials.get("bucket") or "?"),
        driver=str(entry.driver) if entry is not None else None,
        endpoint=(entry.endpoint if entry is not None else None) or "",
        shared=entry is not None and entry.shared,
        state=str(entry.state) if entry is not None else None,
        made=recorded.bucket is not None or (entry is not None and not entry.is_own),
        open=entry is not None and state != CLOSED and entry.driver != BucketDriver.EXISTING,
        key=_access_key(credentials, now) if credentials else None,
    )


def _access_key(outputs: Mapping[str, Any], now: datetime) -> AccessKey:
    current = TokenState.observed(outputs).current
    expires = current.expires_at if current else None
    # What the store itself has set an end to has one, whatever was asked for.
    never = is_endless(outputs) if expires is None else expires - now > _ENDLESS
    drift, foreign = outputs.get("drift"), outputs.get("foreign")
    return AccessKey(
        id=str(outputs.get("accessKey") or (current.name if current else "")),
        user=str(outputs.get("user") or ""),
        generation=number(outputs.get("generation"), 1),
        **_renewal(outputs, never=never),
        foreign=tuple(map(str, foreign if isinstance(foreign, list) else ())),
        drift=tuple(f"{what}: {how}" for what, how in sorted(drift.items())) if isinstance(drift, Mapping) else (),
    )
