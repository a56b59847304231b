"""What a change of a workspace's entry ends: the objects to end before anything new is made.

Whoever loses access in a run has it until the object that gives it is gone. Until then they can mint a token of an
account that the same run makes (a key's next identity), and that token outlives their access. So what ends, ends first.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ambient_components.access.bindings import ROLE_BINDING, Expected, expected_objects
from ambient_components.access.entries import Entry
from ambient_components.rules.roles import rank
from ambient_components.subjects import Subject


@dataclass(frozen=True, slots=True)
class Ending:
    """One object to end."""

    kind: str
    """RoleBinding or ServiceAccount."""
    name: str
    what: str
    """For people: ``edit of user:bob``."""
    after: tuple[Expected, ...] = ()
    """Bindings to make first: what the subject keeps of a role that is lowered."""


def endings(workspace: str, before: Entry, after: Entry) -> tuple[Ending, ...]:
    """Return what ends when an entry changes, accounts last.

    A role that is raised is no ending: the engine makes the new binding before it removes the old one. A release ends
    nothing.

    Args:
        workspace: The workspace's name.
        before: Its entry in the ledger of the last deployment.
        after: Its entry now.
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
