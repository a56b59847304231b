"""The identities of selected keys in a stack's state, and what can prove that each has ended. Pure."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.cli.keys.edit import Recorded, SelectedKey
from ambient_components.engine import names
from ambient_components.engine.names import Part
from ambient_components.engine.secrets import plain_text
from ambient_components.engine.state import Export, Resource, operations, resources
from ambient_components.platform.naming import key_account
from ambient_components.rotation.state import TokenRecord
from ambient_components.stacks.ledgers import ledger_from_state

ACCOUNT: Final = "ServiceAccount"
TOKEN: Final = "AccessToken"  # noqa: S105  # a type
_KINDS: Final = frozenset({ACCOUNT, "RoleBinding", TOKEN})


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """An entry of a Secret that a key is delivered to."""

    namespace: str
    name: str
    entry: str


@dataclass(frozen=True, slots=True)
class Identity:
    """One generation of a key: a ServiceAccount and its tokens."""

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
    """Its tokens, as far as the state has them."""
    targets: frozenset[Target] = frozenset()
    """The Secret entries that its token is delivered to."""

    @property
    def selected(self) -> SelectedKey:
        return self.workspace, self.key

    @property
    def username(self) -> str:
        """The user name that the API server reports for its tokens."""
        return f"system:serviceaccount:{self.workspace}:{self.account}"


def identities(export: Export, keys: Collection[SelectedKey]) -> tuple[Identity, ...]:
    """Return the identities of some keys in a state, by key and generation.

    Args:
        export: The parsed output of `pulumi stack export`. With `--show-secrets` it has the tokens.
        keys: Workspace and id of each key.
    """
    parts: dict[tuple[str, str, int], list[Resource]] = {}
    ledger = ledger_from_state(export) or {}
    # Pending operations of a killed run may have taken effect in the cluster.
    for item in (*resources(export), *(one.resource for one in operations(export))):
        name = names.parse(item.name)
        if name is None or name.part is not Part.KEY_GENERATION or item.kind not in _KINDS:
            continue
        workspace, key_id = name.workspace, name.item
        if (workspace, key_id) in keys:
            number = _generation(item, workspace, key_id, name.generation, ledger)
            parts.setdefault((workspace, key_id, number), []).append(item)
    return tuple(_identity(*place, items, ledger) for place, items in sorted(parts.items()))


def recorded(export: Export, keys: Collection[SelectedKey]) -> dict[SelectedKey, Recorded]:
    """Return the generations of some keys that a state has on record."""
    ledger = ledger_from_state(export) or {}
    made: dict[SelectedKey, int] = {}
    for identity in identities(export, keys):
        made[identity.selected] = max(identity.generation, made.get(identity.selected, 0))
    found = {}
    for workspace, key_id in keys:
        key = ledger.get(workspace, NOTHING).keys.get(key_id)
        found[workspace, key_id] = Recorded(made.get((workspace, key_id), 0), key.generation if key is not None else 0)
    return found


def _generation(item: Resource, workspace: str, key_id: str, named: int, ledger: Ledger) -> int:
    """Return the generation of a resource. After a replacement, the old resource has the new one's logical name."""
    if not item.delete:
        return named
    if item.kind == TOKEN:
        return int(item.inputs.get("generation") or named)
    texts = json.dumps(item.inputs)
    accounts = ((one, _account(workspace, key_id, one, ledger)) for one in range(named, 0, -1))
    return next((one for one, account in accounts if f'"{account}"' in texts), named)


def _account(workspace: str, key_id: str, generation: int, ledger: Ledger) -> str:
    """Return the name of an identity's ServiceAccount by the ledger, which knows those that the platform made."""
    key = ledger.get(workspace, NOTHING).keys.get(key_id)
    return key_account(workspace, key_id, generation, key.service_account if key is not None else None)


def _identity(workspace: str, key_id: str, generation: int, items: Iterable[Resource], ledger: Ledger) -> Identity:
    kinds, uids, secrets, tokens, targets = set(), set(), set(), set(), set()
    account = _account(workspace, key_id, generation, ledger)
    for item in items:
        inputs, outputs, kind = item.inputs, item.outputs, item.kind
        kinds.add(kind)
        if kind == ACCOUNT:
            # Of a key that is no longer declared, only its resources know the name.
            account = (inputs.get("metadata") or {}).get("name") or account
            uids |= {outputs.get("uid"), (outputs.get("metadata") or {}).get("uid")}
        elif kind == TOKEN:
            uids |= {inputs.get("serviceAccountUid"), outputs.get("serviceAccountUid")}
            secrets |= {(one.id, one.uid) for one in TokenRecord.of(outputs) if one.uid}
            tokens.add(plain_text(outputs.get("token")))
            if target := inputs.get("deliver"):
                targets.add(Target(target["namespace"], target["name"], target["key"]))
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
