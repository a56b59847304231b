"""Keys of an existing workspace: ServiceAccounts with the platform's label, and their RoleBindings. Contract 1.4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.adoption.forms import has_form, note_other_managers
from ambient_components.adoption.key_identities import KeyIdentity, key_title, made_here, new_id, read_identities
from ambient_components.adoption.notes import NoteRule, Notes, deletion
from ambient_components.cluster.objects import (
    Json,
    annotations,
    labels,
    listing,
    name,
)
from ambient_components.platform.bindings import key_form
from ambient_components.platform.contract import (
    APP_LABEL,
    CREATED_BY_USER_ID_ANNOTATION,
    DESCRIPTION_ANNOTATION,
    KEY_APP,
    KEY_DESCRIPTION_MAX,
    KEY_NAME_ANNOTATION,
    KEY_NAME_MAX,
    LAST_USED_AT_ANNOTATION,
    ROLE_ANNOTATION,
    Role,
)
from ambient_components.platform.naming import user_id_problem
from ambient_components.rotation.state import parse_time
from ambient_components.rules.secret_patterns import looks_like_credential

SERVICE_ACCOUNT_FIELD: Final = "serviceAccount"


@dataclass(slots=True)
class Keys:
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_used: dict[str, datetime | None] = field(default_factory=dict)
    """Time of the last use by id; None if the platform noted none."""


def read_keys(notes: Notes, accounts: Iterable[Json], bindings: Iterable[Json], *, of_stack: bool) -> Keys:
    """Return the keys that an entry can declare without changing their access.

    In a workspace that a stack owns or released (`of_stack`), keys under this tool's names are its own.
    """
    identities = read_identities(notes, accounts, bindings)
    keys = Keys()
    for key_id, identity, fields in _named(notes, identities, of_stack=of_stack):
        keys.entries[key_id] = _entry(notes, key_id, identity, fields)
        keys.last_used[key_id] = _time(annotations(identity.account).get(LAST_USED_AT_ANNOTATION))
    _note_all(notes, identities, keys)
    return keys


def _named(
    notes: Notes, identities: Iterable[KeyIdentity], *, of_stack: bool
) -> list[tuple[str, KeyIdentity, dict[str, Any]]]:
    ours: dict[str, tuple[int, KeyIdentity]] = {}
    others = []
    for identity in identities:
        made = made_here(notes.workspace, name(identity.account)) if of_stack else None
        if made is None:
            others.append(identity)
            continue
        key_id, generation = made
        newest = ours.get(key_id)
        former: KeyIdentity | None = identity
        if newest is None or newest[0] < generation:
            ours[key_id] = (generation, identity)
            former = newest[1] if newest else None
        if former is not None:
            notes.add(
                NoteRule.KEY_BINDING,
                f"ServiceAccount {name(former.account)} is a former identity of key {key_id}",
                f"delete it if it is not used: {deletion('serviceaccount', notes.workspace, name(former.account))}",
                object=f"ServiceAccount {name(former.account)}",
            )
    named = [
        (
            key_id,
            one,
            {
                **({"generation": generation} if generation > 1 else {}),
                "adopt": [name(one.account)],
                **_acts_as(one.account),
            },
        )
        for key_id, (generation, one) in ours.items()
    ]
    taken = {*ours}
    for other in others:
        key_id = new_id(notes.workspace, other.account, taken)
        taken.add(key_id)
        named.append((key_id, other, {SERVICE_ACCOUNT_FIELD: name(other.account)}))
    return sorted(named, key=lambda each: each[0])


def _acts_as(account: Json) -> dict[str, str]:
    """Return the user that a key of this tool acts for. The first run removes what the stack file does not accept."""
    user = annotations(account).get(CREATED_BY_USER_ID_ANNOTATION)
    return {"actsAs": user} if user is not None and user_id_problem(user) is None else {}


def _entry(notes: Notes, key_id: str, identity: KeyIdentity, fields: Mapping[str, Any]) -> dict[str, Any]:
    there = annotations(identity.account)
    entry: dict[str, Any] = {}
    label = there.get(KEY_NAME_ANNOTATION) or ""
    description = there.get(DESCRIPTION_ANNOTATION) or ""
    for field_name, value, default, longest in (
        ("name", label, key_id, KEY_NAME_MAX),
        ("description", description, "", KEY_DESCRIPTION_MAX),
    ):
        if not value or value == default:
            continue
        kept = _kept(value, longest)
        if looks_like_credential(value) or looks_like_credential(kept):
            notes.add(
                NoteRule.KEY_TEXT,
                f"key {key_id}: its {field_name} looks like a credential; the entry does not have it, and the first "
                "run removes it from the ServiceAccount",
                "revoke it: all users of the workspace can read it",
                object=f"ServiceAccount {name(identity.account)}",
            )
            continue
        entry[field_name] = kept
        if kept != value:
            notes.add(
                NoteRule.KEY_TEXT,
                f"key {key_id}: its {field_name} has {len(value)} characters, of which the entry keeps the first "
                f"{longest}",
                f"write a shorter {field_name} in the entry: the next run sets it",
                object=f"ServiceAccount {name(identity.account)}",
            )
    if identity.role is not Role.EDIT:
        entry["role"] = identity.role.value
    shown = entry.get("name") or key_id
    declared = {
        KEY_NAME_ANNOTATION: shown,
        DESCRIPTION_ANNOTATION: entry.get("description", ""),
        ROLE_ANNOTATION: identity.role.value,
    }
    form = key_form(identity.role, notes.workspace, name(identity.account), shown)
    differs = [key for key, value in declared.items() if there.get(key) != value]
    if labels(identity.account).get(APP_LABEL) != KEY_APP:
        differs.append(APP_LABEL)
    if differs or not has_form(identity.binding, form):
        where = f"the ServiceAccount ({listing(differs)})" if differs else "the RoleBinding"
        notes.add(
            NoteRule.METADATA,
            f"key {key_id}: the first run sets labels or annotations of {where}",
            object=f"ServiceAccount {name(identity.account)}",
        )
    return {**entry, **fields}


def _note_all(notes: Notes, identities: list[KeyIdentity], keys: Keys) -> None:
    if not keys.entries:
        return
    ids = listing(sorted(keys.entries))
    notes.add(
        NoteRule.KEY_EXPIRY,
        f"the platform stores no expiry of tokens, so it is unknown when those of {ids} expire",
        "they stay valid until their own end; the next rotation of a key replaces its token",
        "to end them at once: ambient keys rotate KEY --leaked",
    )
    users = sorted(
        {
            key_title(identity.account)
            for identity in identities
            if CREATED_BY_USER_ID_ANNOTATION in annotations(identity.account)
        }
    )
    if users:
        notes.add(
            NoteRule.KEY_USER,
            f"with SSO, {listing(users)} act for the users who created them, and not with the keys' roles",
            "adoption keeps that user; a new identity has none: raise the key's generation, with actsAs to name one",
        )
    note_other_managers(notes, "ServiceAccount", [identity.account for identity in identities])


def _kept(value: str, longest: int) -> str:
    return "".join(character for character in value if not "\ud800" <= character <= "\udfff")[:longest]


def _time(value: object) -> datetime | None:
    try:
        return parse_time(value)
    except ValueError:
        return None
