"""Identities of keys in an existing workspace: a ServiceAccount with its own RoleBinding, and notes on all others."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from ambient_components.adoption.forms import role_of, stays_behind
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
from ambient_components.platform.contract import APP_LABEL, KEY_APP, KEY_NAME_ANNOTATION, KEY_PREFIX, Role
from ambient_components.platform.naming import (
    KEY_ID_MAX,
    key_account,
    key_account_problem,
    key_id_problem,
    key_role_binding,
    sanitize_name,
)
from ambient_components.rules.secret_patterns import looks_like_credential

_GENERATIONS: Final = 50
"""Generations in which the ServiceAccount of a key of this tool is recognised."""


def made_here(workspace: str, account: str) -> tuple[str, int] | None:
    """Return id and generation of a key if its ServiceAccount has the name that this tool creates; None otherwise.

    The name alone proves nothing: it is computed without a secret, so workspace users can create it too.
    """
    key_id = _middle(account)
    made = (one for one in range(1, _GENERATIONS + 1) if key_account(workspace, key_id, one) == account)
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


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    account: Json
    binding: Json
    role: Role


def read_identities(notes: Notes, accounts: Iterable[Json], bindings: Iterable[Json]) -> list[KeyIdentity]:
    """Return the identities that an entry can declare without changing their access, the oldest first."""
    by_account: dict[str, list[Json]] = {}
    for binding in bindings:
        for subject in {*subjects(binding)}:
            by_account.setdefault(subject, []).append(binding)
    identities, refused, roles = list[KeyIdentity](), 0, set[str]()
    for account in sorted(
        accounts, key=lambda account: (text(metadata(account).get("creationTimestamp")), name(account))
    ):
        mine = by_account.get(f"serviceaccount:{notes.workspace}:{name(account)}", [])
        if _has_credential(account):
            refused += 1
            roles |= {_gives(one) for one in mine}
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


def _identity(notes: Notes, account: Json, bindings: list[Json]) -> KeyIdentity | None:
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
    return KeyIdentity(account, own, role) if role else None


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
