"""Keys of an existing workspace: ServiceAccounts with the platform's label, and their RoleBindings. Contract 1.4."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from ambient_components.adoption.forms import note_other_managers, role_of, stays_behind
from ambient_components.adoption.notes import NoteRule, Notes, deletion, shown
from ambient_components.cluster.objects import (
    Json,
    annotations,
    is_ending,
    listing,
    metadata,
    name,
    role_ref,
    short,
    subjects,
    text,
)
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
from ambient_components.rotation.state import time_of
from ambient_components.rules.secret_patterns import looks_like_credential

SERVICE_ACCOUNT_FIELD: Final = "serviceAccount"
_GENERATIONS: Final = 50
"""Generations in which the ServiceAccount of a key of this tool is recognised."""


def made_here(workspace: str, account: str) -> tuple[str, int] | None:
    """Return id and generation of a key if its ServiceAccount has the name that this tool creates; None otherwise.

    The name alone proves nothing: it is computed without a secret, so workspace users can create it too.
    """
    key_id = _middle(account)
    made = (number for number in range(1, _GENERATIONS + 1) if key_account(workspace, key_id, number) == account)
    return next(((key_id, generation) for generation in made), None)


def new_id(workspace: str, account: Json, taken: Collection[str]) -> str:
    """Return an id for a key, as close as possible to its name."""
    if made := made_here(workspace, name(account)):
        # Another id, or a later generation of the key could get this ServiceAccount, with its tokens.
        taken = {*taken, made[0]}
    number, key_id = 1, _id(account)
    candidate = key_id
    while candidate in taken:
        number += 1
        tail = f"-{number}"
        candidate = key_id[: KEY_ID_MAX - len(tail)].rstrip("-") + tail
    return candidate


def _id(account: Json) -> str:
    """Return the key's name as an id; if nothing remains of it, the part of the ServiceAccount's name."""
    label = annotations(account).get(KEY_NAME_ANNOTATION, "")
    if key_id_problem(label) is None:
        return label
    if any(character.isascii() and character.isalnum() for character in label):
        return sanitize_name(label)
    return sanitize_name(_middle(name(account)))


def _middle(account: str) -> str:
    return account.removeprefix(KEY_PREFIX).rpartition("-")[0]


Identity = tuple[Json, Role]
"""The ServiceAccount of a key, and its role."""


def read_identities(notes: Notes, accounts: Iterable[Json], bindings: Iterable[Json]) -> list[Identity]:
    """Return the identities that an entry can declare without changing their access, the oldest first."""
    by_account: dict[str, list[Json]] = {}
    for binding in bindings:
        for subject in {*subjects(binding)}:
            by_account.setdefault(subject, []).append(binding)
    identities, refused, roles = list[Identity](), 0, set[str]()
    for account in sorted(
        accounts, key=lambda account: (text(metadata(account).get("creationTimestamp")), name(account))
    ):
        mine = by_account.get(f"serviceaccount:{notes.workspace}:{name(account)}", [])
        if _has_credential(account):
            refused += 1
            roles |= {_gives(binding) for binding in mine}
            continue
        if identity := _identity(notes, account, sorted(mine, key=name)):
            identities.append(identity)
    if refused:
        # Neither named nor declared: the platform puts the key's name into the name of its ServiceAccount.
        notes.add(
            NoteRule.KEY_TEXT,
            f"keys with names that look like credentials stay outside of the entry ({refused}): their access "
            f"({listing(sorted(roles)) or 'none'}) and their tokens stay valid",
            "revoke these credentials: all users of the workspace can read names of keys",
            "create the keys again under other names, and delete these: kubectl get serviceaccounts "
            f"--namespace {notes.workspace} -l {APP_LABEL}={KEY_APP}",
        )
    return identities


def _has_credential(account: Json) -> bool:
    return any(map(looks_like_credential, (name(account), annotations(account).get(KEY_NAME_ANNOTATION, ""))))


def _identity(notes: Notes, account: Json, bindings: list[Json]) -> Identity | None:
    own = next((binding for binding in bindings if _is_own(binding, account, notes.workspace)), None)
    others = [binding for binding in bindings if binding is not own]
    title, key = f"ServiceAccount {name(account)}", key_title(account)
    delete = f"or delete the key: {deletion('serviceaccount', notes.workspace, name(account))}"
    for other in others:
        gives = _gives(other)
        notes.add(
            NoteRule.KEY_BINDING,
            f"key {key} has {gives} by RoleBinding {shown(name(other))}, which is not the key's own",
            f"if the key does not need it: {deletion('rolebinding', notes.workspace, name(other))}",
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
    return (account, role) if role else None


def _gives(binding: Json) -> str:
    role = role_of(binding)
    return role.value if role else shown(role_ref(binding))


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


def key_title(account: Json) -> str:
    return repr(short(annotations(account).get(KEY_NAME_ANNOTATION) or name(account)))


def read_keys(
    notes: Notes, accounts: Iterable[Json], bindings: Iterable[Json], *, of_stack: bool
) -> tuple[dict[str, dict[str, Any]], dict[str, datetime | None]]:
    """Return the keys that an entry can declare without changing their access, and the last use of each, by id.

    The last use is None if the platform noted none. In a workspace that a stack owns or released (`of_stack`), keys
    under this tool's names are its own.
    """
    identities = read_identities(notes, accounts, bindings)
    entries, last_used = dict[str, dict[str, Any]](), dict[str, datetime | None]()
    for key_id, identity, fields in _named(notes, identities, of_stack=of_stack):
        entries[key_id] = _entry(notes, key_id, identity, fields)
        last_used[key_id] = time_of(annotations(identity[0]).get(LAST_USED_AT_ANNOTATION))
    _note_all(notes, identities, entries)
    return entries, last_used


def _named(
    notes: Notes, identities: Iterable[Identity], *, of_stack: bool
) -> list[tuple[str, Identity, dict[str, Any]]]:
    ours: dict[str, tuple[int, Identity]] = {}
    others = []
    for identity in identities:
        made = made_here(notes.workspace, name(identity[0])) if of_stack else None
        if made is None:
            others.append(identity)
            continue
        key_id, generation = made
        newest = ours.get(key_id)
        former: Identity | None = identity
        if newest is None or newest[0] < generation:
            ours[key_id] = (generation, identity)
            former = newest[1] if newest else None
        if former is not None:
            account = name(former[0])
            notes.add(
                NoteRule.KEY_BINDING,
                f"ServiceAccount {account} is a former identity of key {key_id}",
                f"delete it if it is not used: {deletion('serviceaccount', notes.workspace, account)}",
                object=f"ServiceAccount {account}",
            )
    named = [
        (
            key_id,
            identity,
            {
                **({"generation": generation} if generation > 1 else {}),
                "adopt": [name(identity[0])],
                **_acts_as(identity[0]),
            },
        )
        for key_id, (generation, identity) in ours.items()
    ]
    taken = {*ours}
    for other in others:
        key_id = new_id(notes.workspace, other[0], taken)
        taken.add(key_id)
        named.append((key_id, other, {SERVICE_ACCOUNT_FIELD: name(other[0])}))
    return sorted(named, key=lambda key: key[0])


def _acts_as(account: Json) -> dict[str, str]:
    """Return the user that a key of this tool acts for. The first run removes what the stack file does not accept."""
    user = annotations(account).get(CREATED_BY_USER_ID_ANNOTATION)
    return {"actsAs": user} if user is not None and user_id_problem(user) is None else {}


def _entry(notes: Notes, key_id: str, identity: Identity, fields: Mapping[str, Any]) -> dict[str, Any]:
    account, role = identity
    there = annotations(account)
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
                object=f"ServiceAccount {name(account)}",
            )
            continue
        entry[field_name] = kept
        if kept != value:
            notes.add(
                NoteRule.KEY_TEXT,
                f"key {key_id}: its {field_name} has {len(value)} characters, of which the entry keeps the first "
                f"{longest}",
                f"write a shorter {field_name} in the entry: the next run sets it",
                object=f"ServiceAccount {name(account)}",
            )
    if role is not Role.EDIT:
        entry["role"] = role.value
    return {**entry, **fields}


def _note_all(notes: Notes, identities: list[Identity], key_ids: Collection[str]) -> None:
    if not key_ids:
        return
    ids = listing(sorted(key_ids))
    notes.add(
        NoteRule.KEY_EXPIRY,
        f"the platform stores no expiry of tokens, so it is unknown when those of {ids} expire",
        "they stay valid until their own end; the next rotation of a key replaces its token",
        "to end them at once: ambient keys rotate KEY --leaked",
    )
    users = sorted(
        key_title(account) for account, _ in identities if CREATED_BY_USER_ID_ANNOTATION in annotations(account)
    )
    if users:
        notes.add(
            NoteRule.KEY_USER,
            f"with SSO, {listing(users)} act for the users who created them, and not with the keys' roles",
            "adoption keeps that user; a new identity has none: raise the key's generation, with actsAs to name one",
        )
    note_other_managers(notes, "ServiceAccount", [account for account, _ in identities])


def _kept(value: str, longest: int) -> str:
    return "".join(character for character in value if not "\ud800" <= character <= "\udfff")[:longest]
