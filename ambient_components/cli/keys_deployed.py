"""What a stack's state records of some keys: their identities, and what can prove the end of each. Pure."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.cli.keys_edit import Chosen, Recorded
from ambient_components.cli.ledgers import ledger_from_state
from ambient_components.naming import key_service_account, key_suffix, logical_key

ACCOUNT: Final = "ServiceAccount"
TOKEN: Final = "AccessToken"  # noqa: S105  # a type
_KINDS: Final = frozenset({ACCOUNT, "RoleBinding", TOKEN})
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_LISTS: Final = ("retiring", "pendingRevocations")


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One entry of a Secret that a key is delivered to."""

    namespace: str
    name: str
    entry: str


@dataclass(frozen=True, slots=True)
class Identity:
    """One generation of a key: a ServiceAccount, and the tokens that speak for it."""

    workspace: str
    key: str
    generation: int
    kinds: frozenset[str] = frozenset()
    """Kinds of its resources in the state; none for an account that only the cluster has."""
    uids: frozenset[str] = frozenset()
    """UIDs of its ServiceAccount."""
    secrets: frozenset[tuple[str, str]] = frozenset()
    """Name and UID of each token Secret."""
    tokens: frozenset[str] = field(default=frozenset(), repr=False)
    """Its tokens, as far as the state holds them."""
    targets: frozenset[Target] = frozenset()
    """Where its token is delivered to."""

    @property
    def chosen(self) -> Chosen:
        """The workspace and the id of the key."""
        return self.workspace, self.key

    @property
    def account(self) -> str:
        """Name of the ServiceAccount."""
        return account_of(self.workspace, self.key, self.generation)

    @property
    def username(self) -> str:
        """The user that the API server takes its tokens for."""
        return f"system:serviceaccount:{self.workspace}:{self.account}"


def account_of(workspace: str, key_id: str, generation: int) -> str:
    """Return the name of the ServiceAccount of one generation of a key."""
    return key_service_account(key_id, key_suffix(workspace, key_id, generation))


def identities(export: Mapping[str, Any], keys: Collection[Chosen]) -> tuple[Identity, ...]:
    """Return the identities of some keys in a state, by key and generation.

    Args:
        export: What `pulumi stack export` printed, parsed; with `--show-secrets` the tokens are in it.
        keys: Workspace and id of each key.
    """
    parts: dict[tuple[str, str, int], list[Mapping[str, Any]]] = {}
    names = {logical_key(*key): key for key in keys}
    for item in _resources(export):
        key_name, _, generation = str(item.get("urn")).split("::", 3)[-1].rpartition("/g")
        if key_name in names and generation.isdecimal() and _kind(item) in _KINDS:
            workspace, key_id = names[key_name]
            number = _generation(item, workspace, key_id, int(generation))
            parts.setdefault((workspace, key_id, number), []).append(item)
    return tuple(_identity(*place, items) for place, items in sorted(parts.items()))


def recorded(export: Mapping[str, Any], keys: Collection[Chosen]) -> dict[Chosen, Recorded]:
    """Return the generations of some keys that a state has on record."""
    ledger = ledger_from_state(export) or {}
    made: dict[Chosen, int] = {}
    for identity in identities(export, keys):
        made[identity.chosen] = max(identity.generation, made.get(identity.chosen, 0))
    found = {}
    for workspace, key_id in keys:
        entry = ((ledger.get(workspace) or {}).get("keys") or {}).get(key_id) or {}
        found[workspace, key_id] = Recorded(made.get((workspace, key_id), 0), int(entry.get("generation") or 0))
    return found


def _resources(export: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what is deployed, and what a killed run was at work on: the cluster may have that too."""
    deployment = export.get("deployment") or {}
    yield from deployment.get("resources") or ()
    yield from (one["resource"] for one in deployment.get("pending_operations") or () if one.get("resource"))


def _kind(item: Mapping[str, Any]) -> str:
    # The type may be Kubernetes' own or one of ours: the logical name says what it is for.
    return str(item.get("type")).rpartition(":")[2]


def _generation(item: Mapping[str, Any], workspace: str, key_id: str, named: int) -> int:
    """Return the generation of a resource: after a replacement the old one has the logical name of the new one."""
    inputs = item.get("inputs") or {}
    if not item.get("delete"):
        return named
    if _kind(item) == TOKEN:
        return int(inputs.get("generation") or named)
    texts = json.dumps(inputs)
    return next((one for one in range(named, 0, -1) if f'"{account_of(workspace, key_id, one)}"' in texts), named)


def _identity(workspace: str, key_id: str, generation: int, items: Iterable[Mapping[str, Any]]) -> Identity:
    kinds, uids, secrets, tokens, targets = set(), set(), set(), set(), set()
    for item in items:
        inputs, outputs = item.get("inputs") or {}, item.get("outputs") or {}
        kind = _kind(item)
        kinds.add(kind)
        if kind == ACCOUNT:
            uids |= {outputs.get("uid"), (outputs.get("metadata") or {}).get("uid")}
        elif kind == TOKEN:
            uids |= {inputs.get("serviceAccountUid"), outputs.get("serviceAccountUid")}
            held = [outputs.get("current"), *(one for name in _LISTS for one in outputs.get(name) or ())]
            secrets |= {(str(one["handle"]), str(one["uid"])) for one in held if one and one.get("uid")}
            tokens.add(_plain(outputs.get("token")))
            if target := inputs.get("deliver"):
                targets.add(Target(target["namespace"], target["name"], target["key"]))
    return Identity(
        workspace,
        key_id,
        generation,
        frozenset(kinds),
        frozenset(uid for uid in uids if uid and isinstance(uid, str)),
        frozenset(secrets),
        frozenset(token for token in tokens if token),
        frozenset(targets),
    )


def _plain(value: Any) -> str | None:
    """Return a secret of an export that shows them; None where there is none, or it is encrypted."""
    if isinstance(value, Mapping) and _SIGNATURE in value:
        try:
            value = json.loads(value.get("plaintext") or "null")
        except (TypeError, ValueError):
            return None
    return value if isinstance(value, str) else None
