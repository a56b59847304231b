"""The actual access in a cluster as role assignments, and its differences from the declared access.

A workspace's access is its RoleBindings: grants, owners and keys (identified by the labels that the platform selects
on, contract 0), the platform's own, and all others. A key also has a ServiceAccount. Cluster-wide access through
ClusterRoleBindings is not included.

Further reasons in clusters: ``key of generation N`` for an older identity of a key; ``groupAccess`` for a binding that
the platform's operator created for a line of ProjectSettings; ``platform``; ``RoleBinding NAME``.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from ambient_components.access.effective import TRIGGER
from ambient_components.access.entries import Entry, Ledger
from ambient_components.access.role_assignments import GRANT, KEY, NO_ROLE, OWNER, PLATFORM, RoleAssignment, of_ledger
from ambient_components.cluster import objects
from ambient_components.cluster.objects import short
from ambient_components.platform.contract import (
    APP_LABEL,
    GRANT_APP,
    KEY_APP,
    LEGACY_GRANT_APP,
    MANAGED,
    MANAGED_LABEL,
    OWNER_ROLE_LABEL,
    ROLES,
    cluster_role,
)

GROUP_ACCESS: Final = "groupAccess"
"""Reason for a binding that the platform creates from ProjectSettings' groupAccess, without a declaration."""

_ROLES: Final = {f"ClusterRole/{cluster_role(role)}": role.value for role in ROLES}
_REASONS: Final = {GRANT_APP: GRANT, LEGACY_GRANT_APP: GRANT, KEY_APP: KEY}
_SESSION: Final = re.compile(r"(ambient-session-.+)-rb")
_OPENSHIFT: Final = {
    # RoleBindings in every OpenShift project: name, role and subject, with {} for the namespace.
    "system:deployers": ("ClusterRole/system:deployer", "serviceaccount:{}:deployer"),
    "system:image-builders": ("ClusterRole/system:image-builder", "serviceaccount:{}:builder"),
    "system:image-pullers": ("ClusterRole/system:image-puller", "group:system:serviceaccounts:{}"),
}
_REMEMBERED: Final = 50
"""Number of a key's newest generations with recognised identities."""

Json = Mapping[str, Any]
"""An object as the API server lists it."""


def live(bindings: Iterable[Json], accounts: Iterable[Json], ledger: Ledger) -> frozenset[RoleAssignment]:
    """Return the access to a stack's workspaces in their cluster.

    Args:
        bindings: All RoleBindings of these workspaces; those of other namespaces are ignored.
        accounts: The ServiceAccounts of keys, selected by the platform's label.
        ledger: The declared workspaces and keys.
    """
    known = {name: _identities(name, entry) for name, entry in ledger.items()}
    keys = {_place(account) for account in accounts if objects.namespace(account) in known}
    assignments = {
        assignment
        for binding in bindings
        if objects.namespace(binding) in known
        for assignment in _of_binding(binding, known[objects.namespace(binding)], keys)
    }
    bound = {(one.workspace, one.subject, one.reason) for one in assignments}
    for namespace, name in keys:
        subject, reason = known[namespace].get(name, (f"serviceaccount:{namespace}:{name}", KEY))
        if (namespace, subject, reason) not in bound:
            assignments.add(RoleAssignment(namespace, subject, NO_ROLE, reason))
    return frozenset(assignments)


def _place(item: Json) -> tuple[str, str]:
    return objects.namespace(item), objects.name(item)


def expected(ledger: Ledger) -> frozenset[RoleAssignment]:
    """Return the access that a cluster should have: `of_ledger`, and overlapping identities of keys."""
    former = {
        RoleAssignment(name, f"{KEY}:{key_id}", key.role, _of_generation(key.overlapping))
        for name, entry in ledger.items()
        for key_id, key in entry.keys.items()
        if key.overlapping
    }
    return of_ledger(ledger) | former


def unknown(declared: Collection[RoleAssignment], there: Collection[RoleAssignment]) -> tuple[RoleAssignment, ...]:
    """Return undeclared access in the cluster, sorted, without the platform's own accounts.

    A declared key that lost its role is not included; `missing` returns it.

    Args:
        declared: Result of `expected`.
        there: Result of `live`.
    """
    own = f"{KEY}:"
    others = frozenset(there) - frozenset(declared)
    return tuple(
        sorted(
            one
            for one in others
            if one.reason != PLATFORM and not (one.role == NO_ROLE and one.subject.startswith(own))
        )
    )


def missing(declared: Collection[RoleAssignment], there: Collection[RoleAssignment]) -> tuple[RoleAssignment, ...]:
    """Return declared access that is missing in the cluster, sorted."""
    return tuple(sorted(frozenset(declared) - frozenset(there)))


def _identities(workspace: str, entry: Entry) -> dict[str, tuple[str, str]]:
    """Return subject and reason by ServiceAccount name, for all identities that declared keys have or had."""
    found = {}
    for key_id, key in entry.keys.items():
        current = key.generation
        for generation in {1, *range(max(1, current - _REMEMBERED), current + 1)}:
            account = key.account(workspace, key_id, generation)
            found[account] = f"{KEY}:{key_id}", KEY if generation == current else _of_generation(generation)
    return found


def _of_generation(generation: int) -> str:
    return f"{KEY} of generation {generation}"


def _of_binding(
    binding: Json, known: Mapping[str, tuple[str, str]], keys: Collection[tuple[str, str]]
) -> Iterator[RoleAssignment]:
    namespace, name = _place(binding)
    bound, named = objects.role_ref(binding), objects.subjects(binding)
    reason = _reason(binding, bound, named)
    role = _ROLES.get(bound, short(bound))
    by_hand = f"RoleBinding {short(name)}"
    for subject in map(short, named):
        account = subject.removeprefix(f"serviceaccount:{namespace}:")
        is_key = account != subject and (namespace, account) in keys
        who, identity = known.get(account, (subject, KEY)) if is_key else (subject, KEY)
        if reason != KEY:
            yield RoleAssignment(namespace, who, role, reason)
        else:
            # The label alone does not identify a key: the account may be deleted, and the subject may be a person.
            yield RoleAssignment(namespace, who, role, identity if is_key else by_hand)


def reason_of(binding: Json) -> str:
    """Return the reason for a binding: `OWNER`, `GRANT`, `KEY`, `PLATFORM`, `GROUP_ACCESS` or ``RoleBinding NAME``."""
    return _reason(binding, objects.role_ref(binding), objects.subjects(binding))


def _reason(binding: Json, role: str, subjects: list[str]) -> str:
    """Return the reason for a binding. Names can be chosen freely, so the platform's own must match completely."""
    namespace, name = _place(binding)
    labels = objects.labels(binding)
    if labels.get(OWNER_ROLE_LABEL) == "admin":
        return OWNER
    if labels.get(APP_LABEL) in _REASONS:
        return _REASONS[labels[APP_LABEL]]
    own = _own_role_and_subject(namespace, name)
    if own is not None and (role, subjects) == (own[0], [own[1]]):
        return PLATFORM
    if labels.get(MANAGED_LABEL) == MANAGED and role in _ROLES and subjects == [f"group:{_group(name, _ROLES[role])}"]:
        return GROUP_ACCESS
    return f"RoleBinding {short(name)}"


def _own_role_and_subject(namespace: str, name: str) -> tuple[str, str] | None:
    """Return role and subject of the platform's or OpenShift's own binding with this name; None for other names."""
    if name == TRIGGER:
        return f"Role/{TRIGGER}", f"serviceaccount:{namespace}:{TRIGGER}"
    if session := _SESSION.fullmatch(name):
        return f"Role/{session[1]}-role", f"serviceaccount:{namespace}:{session[1]}"
    if name in _OPENSHIFT:
        role, subject = _OPENSHIFT[name]
        return role, subject.format(namespace)
    return None


def _group(binding: str, role: str) -> str:
    """Return the group of a binding with the operator's name GROUP-ROLE."""
    return binding.removesuffix(f"-{role}") if binding.endswith(f"-{role}") else ""
