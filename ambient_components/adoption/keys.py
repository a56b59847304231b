"""Keys of an existing workspace: ServiceAccounts with the platform's label, and their RoleBindings. Contract 1.4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.adoption.forms import has_form, note_other_managers, role_of, stays_behind
from ambient_components.adoption.notes import NoteRule, Notes, deletion
from ambient_components.cluster.objects import (
    Json,
    annotations,
    is_ending,
    labels,
    listing,
    metadata,
    name,
    role_ref,
    short,
    subjects,
    text,
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
    KEY_PREFIX,
    LAST_USED_AT_ANNOTATION,
    ROLE_ANNOTATION,
    Role,
)
from ambient_components.platform.naming import (
    KEY_ID_MAX,
    key_account,
    key_account_problem,
    key_id_problem,
    key_role_binding,
    sanitize_name,
    user_id_problem,
)
from ambient_components.rotation.state import parse_time

SERVICE_ACCOUNT_FIELD: Final = "serviceAccount"
"""Field of a key with the name of its existing ServiceAccount."""

_GENERATIONS: Final = 50
"""Generations in which the ServiceAccount of a key of this tool is recognised."""


@dataclass(slots=True)
class Keys:
    """The keys of a workspace, as the stack file's model takes them."""

    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_used: dict[str, datetime | None] = field(default_factory=dict)
    """Time of the last use by id; None if the platform noted none."""


@dataclass(frozen=True, slots=True)
class _Identity:
    """One ServiceAccount with its own RoleBinding."""

    account: Json
    binding: Json
    role: Role


def read_keys(notes: Notes, accounts: Iterable[Json], bindings: Iterable[Json]) -> Keys:
    """Return the keys that an entry can declare without changing their access.

    Args:
        notes: The notes on the workspace.
        accounts: The ServiceAccounts with the platform's label of keys.
        bindings: All RoleBindings of the workspace.
    """
    by_account: dict[str, list[Json]] = {}
    for binding in bindings:
        for subject in {*subjects(binding)}:
            by_account.setdefault(subject, []).append(binding)
    identities = []
    for account in sorted(accounts, key=lambda one: (text(metadata(one).get("creationTimestamp")), name(one))):
        mine = by_account.get(f"serviceaccount:{notes.workspace}:{name(account)}", [])
        if identity := _identity(notes, account, sorted(mine, key=name)):
            identities.append(identity)
    found = Keys()
    for key_id, identity, fields in _named(notes, identities):
        found.entries[key_id] = _entry(notes, key_id, identity, fields)
        found.last_used[key_id] = _time(annotations(identity.account).get(LAST_USED_AT_ANNOTATION))
    _note_all(notes, identities, found)
    return found


def _identity(notes: Notes, account: Json, bindings: list[Json]) -> _Identity | None:
    """Return a key with its own binding, and add a note on any other access of its ServiceAccount."""
    own = next((one for one in bindings if _is_own(one, account, notes.workspace)), None)
    others = [one for one in bindings if one is not own]
    title, key = f"ServiceAccount {name(account)}", _title(account)
    delete = f"or delete the key: {deletion('serviceaccount', notes.workspace, name(account))}"
    for one in others:
        role = role_of(one)
        gives = role.value if role else short(role_ref(one))
        notes.add(
            NoteRule.KEY_BINDING,
            f"key {key} has {gives} by RoleBinding {short(name(one))}, which is not the key's own",
            f"if the key does not need it: {deletion('rolebinding', notes.workspace, name(one))}",
            "" if own else "declare a key with this role, give it to the key's user, then delete the old one",
            "" if own else delete,
            object=title,
            subject=f"serviceaccount:{notes.workspace}:{name(account)}",
            role=gives,
        )
    if own is None:
        if not others:
            notes.add(
                NoteRule.KEY_WITHOUT_ROLE,
                f"key {key} has no role: its ServiceAccount {name(account)} has no RoleBinding",
                f"delete it: {deletion('serviceaccount', notes.workspace, name(account))}",
                "or create the key again in the UI",
                object=title,
            )
        return None
    if is_ending(account) or stays_behind(account):
        why = "is being deleted" if is_ending(account) else "has finalizers or owner references"
        notes.add(NoteRule.OTHER_OWNER, f"key {key}: its ServiceAccount {name(account)} {why}", delete, object=title)
        return None
    role = role_of(own)
    return _Identity(account, own, role) if role else None


def _is_own(binding: Json, account: Json, workspace: str) -> bool:
    """Return whether a binding is the key's own: the platform's name and role, one subject. Labels may differ."""
    role, account_name = role_of(binding), name(account)
    return (
        role is not None
        and key_account_problem(account_name) is None
        and name(binding) == key_role_binding(role, account_name)
        and subjects(binding) == [f"serviceaccount:{workspace}:{account_name}"]
        and not stays_behind(binding)
    )


def _named(notes: Notes, identities: Iterable[_Identity]) -> list[tuple[str, _Identity, dict[str, Any]]]:
    """Return the keys with their ids, and the fields that name the ServiceAccount."""
    ours: dict[str, tuple[int, _Identity]] = {}
    others = []
    for one in identities:
        if (made := _made_here(notes.workspace, name(one.account))) is None:
            others.append(one)
            continue
        key_id, generation = made
        newest = ours.get(key_id)
        former: _Identity | None = one
        if newest is None or newest[0] < generation:
            ours[key_id] = (generation, one)
            former = newest[1] if newest else None
        if former is not None:
            notes.add(
                NoteRule.KEY_BINDING,
                f"ServiceAccount {name(former.account)} is a former identity of key {key_id}",
                f"delete it if it is not used: {deletion('serviceaccount', notes.workspace, name(former.account))}",
                object=f"ServiceAccount {name(former.account)}",
            )
    found = [
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
    for one in others:
        key_id = _unique(_id(one.account), taken)
        taken.add(key_id)
        found.append((key_id, one, {SERVICE_ACCOUNT_FIELD: name(one.account)}))
    return sorted(found, key=lambda each: each[0])


def _acts_as(account: Json) -> dict[str, str]:
    """Return the user that a key of this tool acts for. The first run removes what the stack file does not accept."""
    user = annotations(account).get(CREATED_BY_USER_ID_ANNOTATION)
    return {"actsAs": user} if user is not None and user_id_problem(user) is None else {}


def _made_here(workspace: str, account: str) -> tuple[str, int] | None:
    """Return id and generation of a key that this tool created; None for any other."""
    key_id = _middle(account)
    made = (one for one in range(1, _GENERATIONS + 1) if key_account(workspace, key_id, one) == account)
    return next(((key_id, generation) for generation in made), None)


def _id(account: Json) -> str:
    """Return the key's name as an id; if nothing remains of it, the part of the ServiceAccount's name."""
    label = annotations(account).get(KEY_NAME_ANNOTATION, "")
    if key_id_problem(label) is None:
        return label
    if any(character.isascii() and character.isalnum() for character in label):
        return sanitize_name(label)
    return sanitize_name(_middle(name(account)))


def _middle(account: str) -> str:
    """Return the name in a ServiceAccount's name, between the prefix and the digits."""
    return account.removeprefix(KEY_PREFIX).rpartition("-")[0]


def _unique(key_id: str, taken: set[str]) -> str:
    number, candidate = 1, key_id
    while candidate in taken:
        number += 1
        tail = f"-{number}"
        candidate = key_id[: KEY_ID_MAX - len(tail)].rstrip("-") + tail
    return candidate


def _entry(notes: Notes, key_id: str, identity: _Identity, fields: Mapping[str, Any]) -> dict[str, Any]:
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
        if len(value) > longest or not _is_text(value):
            notes.add(
                NoteRule.KEY_TEXT,
                f"key {key_id}: its {field_name} has {len(value)} characters; the stack file takes up to {longest}",
                f"write a shorter {field_name} in the entry: the next run sets it",
                object=f"ServiceAccount {name(identity.account)}",
            )
        else:
            entry[field_name] = value
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


def _note_all(notes: Notes, identities: list[_Identity], found: Keys) -> None:
    """Add the notes that are about all keys."""
    if not found.entries:
        return
    ids = listing(sorted(found.entries))
    notes.add(
        NoteRule.KEY_EXPIRY,
        f"the platform stores no expiry of tokens, so it is unknown when those of {ids} expire",
        "they stay valid until their own end; the next rotation of a key replaces its token",
        "to end them at once: ambient keys rotate KEY --leaked",
    )
    users = sorted(
        {_title(one.account) for one in identities if CREATED_BY_USER_ID_ANNOTATION in annotations(one.account)}
    )
    if users:
        notes.add(
            NoteRule.KEY_USER,
            f"with SSO, {listing(users)} act for the users who created them, and not with the keys' roles",
            "adoption keeps that user; a new identity has none: raise the key's generation, with actsAs to name one",
        )
    note_other_managers(notes, "ServiceAccount", [one.account for one in identities])


def _title(account: Json) -> str:
    return repr(short(annotations(account).get(KEY_NAME_ANNOTATION) or name(account)))


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _time(value: object) -> datetime | None:
    try:
        return parse_time(value)
    except ValueError:
        return None
