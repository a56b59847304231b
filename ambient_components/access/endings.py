"""Objects to delete before a change creates anything, because the change ends their access.

A subject that loses access in a run keeps it until the RoleBinding is deleted. Until then it could mint a token for an
account that the same run creates (a key's next identity), and that token would outlive the access. So revocations run
first.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ambient_components.access.bindings import ROLE_BINDING, Expected, expected_objects
from ambient_components.access.entries import Entry
from ambient_components.rules.roles import rank
from ambient_components.subjects import Subject


@dataclass(frozen=True, slots=True)
class Ending:
    """One object to delete."""

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

    Args:
        workspace: Name of the workspace.
        before: Its deployed entry.
        after: Its new entry.
    """
    if before.is_released or after.is_released:
        return ()
    old, new = expected_objects(workspace, before), expected_objects(workspace, after)
    kept = _by_subject(new.values())
    found = []
    for kind, name in sorted(old.keys() - new.keys()):
        one = old[kind, name]
        if kind != ROLE_BINDING or one.subject is None:
            found.append(Ending(kind, name, f"key account {name}"))
            continue
        stays = sorted(kept.get(one.subject, ()), key=lambda binding: binding.name)
        if all(rank(binding.role) < rank(one.role) for binding in stays):
            found.append(Ending(kind, name, f"{one.role} of {one.subject}", tuple(stays)))
    return tuple(found)


def _by_subject(found: Iterable[Expected]) -> dict[Subject, list[Expected]]:
    groups: dict[Subject, list[Expected]] = {}
    for binding in found:
        if binding.subject is not None:
            groups.setdefault(binding.subject, []).append(binding)
    return groups
