"""Access that ends in a run: subjects, keys with tokens that they may have kept, and objects to delete.

The platform's roles edit and admin can request tokens for any ServiceAccount in the namespace. Such a token outlives
the grant, and works beside the key's own token (tested). So when such access ends, every older identity may be
compromised.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ambient_components.access.bindings import ROLE_BINDING, Expected, expected_objects
from ambient_components.access.entries import Entry
from ambient_components.platform.subjects import Subject
from ambient_components.rules.roles import MINTERS, rank


@dataclass(frozen=True, slots=True, order=True)
class Ended:
    workspace: str
    who: tuple[str, ...]
    """Descriptions such as ``edit of user:bob``, ``the edit key ci``."""
    keys: tuple[str, ...]
    """Ids of the keys with an unchanged identity, sorted."""


def ended(workspace: str, before: Entry, after: Entry) -> Ended | None:
    who = (*_subjects(before, after), *_identities(before, after))
    if not who:
        return None
    old, new = before.keys, after.keys
    same = (key for key in sorted(old.keys() & new.keys()) if old[key].generation == new[key].generation)
    return Ended(workspace, who, tuple(same))


def _subjects(before: Entry, after: Entry) -> Iterator[str]:
    def may_mint(subject: str) -> bool:
        return subject in after.owners or after.grants.get(subject) in MINTERS

    for owner in before.owners:
        if not may_mint(owner):
            yield f"ownership of {owner}"
    for subject, role in sorted(before.grants.items()):
        if role in MINTERS and not may_mint(subject):
            yield f"{role} of {subject}"


def _identities(before: Entry, after: Entry) -> Iterator[str]:
    for key_id, key in sorted(before.keys.items()):
        if key.role not in MINTERS:
            continue
        now = after.keys.get(key_id)
        if now is None:
            yield f"the {key.role} key {key_id}"
            continue
        gone = [generation for generation in reversed(key.generations) if generation not in now.generations]
        yield from (f"generation {generation} of the {key.role} key {key_id}" for generation in gone)
        if now.role not in MINTERS and not gone:
            yield f"{key.role} of the key {key_id}"


@dataclass(frozen=True, slots=True)
class Ending:
    kind: str
    """RoleBinding or ServiceAccount."""
    name: str
    what: str
    """Description such as ``edit of user:bob``."""
    after: tuple[Expected, ...] = ()
    """RoleBindings to create first: the subject's remaining access after its role is lowered."""


def endings(workspace: str, before: Entry, after: Entry) -> tuple[Ending, ...]:
    """Return the objects to delete when an entry changes, ServiceAccounts last.

    A raised role is not included: the engine creates the new binding before it deletes the old one. A release deletes
    nothing.
    """
    if before.is_released or after.is_released:
        return ()
    old, new = expected_objects(workspace, before), expected_objects(workspace, after)
    kept = _by_subject(new.values())
    result = []
    for kind, name in sorted(old.keys() - new.keys()):
        lost = old[kind, name]
        if kind != ROLE_BINDING or lost.subject is None:
            result.append(Ending(kind, name, f"key account {name}"))
            continue
        stays = sorted(kept.get(lost.subject, ()), key=lambda binding: binding.name)
        if all(rank(binding.role) < rank(lost.role) for binding in stays):
            result.append(Ending(kind, name, f"{lost.role} of {lost.subject}", tuple(stays)))
    return tuple(result)


def _by_subject(bindings: Iterable[Expected]) -> dict[Subject, list[Expected]]:
    groups: dict[Subject, list[Expected]] = {}
    for binding in bindings:
        if binding.subject is not None:
            groups.setdefault(binding.subject, []).append(binding)
    return groups
