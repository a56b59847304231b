"""What a change of a workspace's entry ends: the objects to end before anything new is made.

Whoever loses access in a run has it until the object that gives it is gone. Until then they can mint a token of an
account that the same run makes (a key's next identity), and that token outlives their access. So what ends, ends first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components import naming
from ambient_components.contract import ROLES, Role
from ambient_components.subjects import Subject, SubjectKind, parse_subject

_RELEASED: Final = "released"


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    """One RoleBinding that an entry declares."""

    name: str
    subject: Subject
    role: Role


@dataclass(frozen=True, slots=True)
class Ending:
    """One object to end."""

    kind: str
    """RoleBinding or ServiceAccount."""
    name: str
    what: str
    """For people: ``edit of user:bob``."""
    after: tuple[Binding, ...] = ()
    """Bindings to make first: what the subject keeps of a role that is lowered."""


def bindings(workspace: str, entry: Mapping[str, Any]) -> dict[str, Binding]:
    """Return every RoleBinding that an entry's access lies in, by name: owners, grants, and what keys may do."""
    owners = [parse_subject(owner) for owner in entry.get("owners") or ()]
    grants = [(parse_subject(text), Role(role)) for text, role in (entry.get("grants") or {}).items()]
    found = [
        *(Binding(naming.owner_binding(owner), owner, Role.ADMIN) for owner in owners),
        *(Binding(naming.grant_binding(role, subject), subject, role) for subject, role in grants),
    ]
    for key_id, suffix, role in _identities(workspace, entry):
        account = Subject(SubjectKind.SERVICE_ACCOUNT, naming.key_service_account(key_id, suffix), workspace)
        found.append(Binding(naming.key_role_binding(role, key_id, suffix), account, role))
    return {binding.name: binding for binding in found}


def endings(workspace: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Ending, ...]:
    """Return what ends when an entry changes, accounts last.

    A role that is raised is no ending: the engine makes the new binding before it removes the old one. A release ends
    nothing.

    Args:
        workspace: The workspace's name.
        before: Its entry in the ledger of the last deployment.
        after: Its entry now.
    """
    if _RELEASED in (before.get("state"), after.get("state")):
        return ()
    old, new = bindings(workspace, before), bindings(workspace, after)
    kept = _by_subject(new.values())
    found = []
    for name in sorted(old.keys() - new.keys()):
        binding = old[name]
        stays = kept.get(binding.subject, ())
        if all(ROLES.index(one.role) < ROLES.index(binding.role) for one in stays):
            what = f"{binding.role} of {binding.subject}"
            found.append(Ending("RoleBinding", name, what, tuple(sorted(stays, key=lambda one: one.name))))
    gone = accounts(workspace, before) - accounts(workspace, after)
    return (*found, *(Ending("ServiceAccount", name, f"key account {name}") for name in sorted(gone)))


def _identities(workspace: str, entry: Mapping[str, Any]) -> Iterable[tuple[str, str, Role]]:
    """Key id, suffix and role of every identity that lives."""
    for key_id, key in (entry.get("keys") or {}).items():
        for generation in filter(None, (key["generation"], key.get("overlapping"))):
            yield key_id, naming.key_suffix(workspace, key_id, int(generation)), Role(key["role"])


def _by_subject(found: Iterable[Binding]) -> dict[Subject, list[Binding]]:
    groups: dict[Subject, list[Binding]] = {}
    for binding in found:
        groups.setdefault(binding.subject, []).append(binding)
    return groups


def accounts(workspace: str, entry: Mapping[str, Any]) -> set[str]:
    """Return the names of the ServiceAccounts of an entry's keys."""
    return {naming.key_service_account(key_id, suffix) for key_id, suffix, _ in _identities(workspace, entry)}
