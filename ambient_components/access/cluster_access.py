"""The actual access in a cluster as role assignments, and its differences from the declared access.

A workspace's access is its RoleBindings: grants, owners and keys (identified by the labels that the platform selects
on, contract 0), the platform's own, and all others. A key also has a ServiceAccount. Cluster-wide access through
ClusterRoleBindings is not included.

Further reasons in clusters: ``key of generation N`` for an older identity of a key; ``groupAccess`` for a binding that
the platform's operator created for a line of ProjectSettings; ``platform``; ``RoleBinding NAME``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from ambient_components.access.entries import Entry, Ledger
from ambient_components.access.platform_own import PlatformOwn
from ambient_components.access.role_assignments import GRANT, KEY, NO_ROLE, OWNER, PLATFORM, RoleAssignment, of_ledger
from ambient_components.cluster import objects
from ambient_components.cluster.objects import Json, short
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
_NOTHING_OWN: Final = PlatformOwn()
_REMEMBERED: Final = 50
"""Number of a key's newest generations with recognised identities."""


def live(
    bindings: Iterable[Json], accounts: Iterable[Json], ledger: Ledger, own: PlatformOwn = _NOTHING_OWN
) -> frozenset[RoleAssignment]:
    """Return the access to a stack's workspaces in their cluster.

    ServiceAccounts that are not those of keys are access without a role, such as one that has the name of a session's
    and no session.
    """
    known = {name: _identities(name, entry) for name, entry in ledger.items()}
    there = [account for account in accounts if objects.namespace(account) in known]
    keys = {_place(account) for account in there if is_of_key(account)}
    assignments = {
        assignment
        for binding in bindings
        if objects.namespace(binding) in known
        for assignment in _of_binding(binding, known[objects.namespace(binding)], keys, own)
    }
    bound = {(assignment.workspace, assignment.subject, assignment.reason) for assignment in assignments}
    for namespace, name in keys:
        subject, reason = known[namespace].get(name, (f"serviceaccount:{namespace}:{name}", KEY))
        if (namespace, subject, reason) not in bound:
            assignments.add(RoleAssignment(namespace, subject, NO_ROLE, reason))
    subjects = {(assignment.workspace, assignment.subject) for assignment in assignments}
    for namespace, name in {*map(_place, there)} - keys:
        subject = f"serviceaccount:{namespace}:{name}"
        if (namespace, subject) not in subjects:
            assignments.add(RoleAssignment(namespace, subject, NO_ROLE, f"ServiceAccount {short(name)}"))
    return frozenset(assignments)


def is_of_key(account: Json) -> bool:
    return objects.labels(account).get(APP_LABEL) == KEY_APP


def _place(item: Json) -> tuple[str, str]:
    return objects.namespace(item), objects.name(item)


def expected(ledger: Ledger) -> frozenset[RoleAssignment]:
    """Return the access that a cluster should have: `of_ledger`, and overlapping identities of keys."""
    former = {
        RoleAssignment(name, f"{KEY}:{key_id}", key.role, of_generation(key.overlapping))
        for name, entry in ledger.items()
        for key_id, key in entry.keys.items()
        if key.overlapping
    }
    return of_ledger(ledger) | former


def unknown(declared: Collection[RoleAssignment], there: Collection[RoleAssignment]) -> tuple[RoleAssignment, ...]:
    """Return undeclared access in the cluster, sorted, without the platform's own accounts.

    A declared key that lost its role is not included; `missing` returns it.
    """
    own = f"{KEY}:"
    others = frozenset(there) - frozenset(declared)
    return tuple(
        sorted(
            other
            for other in others
            if other.reason != PLATFORM and not (other.role == NO_ROLE and other.subject.startswith(own))
        )
    )


def missing(declared: Collection[RoleAssignment], there: Collection[RoleAssignment]) -> tuple[RoleAssignment, ...]:
    """Return declared access that is missing in the cluster, sorted."""
    return tuple(sorted(frozenset(declared) - frozenset(there)))


def _identities(workspace: str, entry: Entry) -> dict[str, tuple[str, str]]:
    names = {}
    for key_id, key in entry.keys.items():
        current = key.generation
        for generation in {1, *range(max(1, current - _REMEMBERED), current + 1)}:
            account = key.account(workspace, key_id, generation)
            names[account] = f"{KEY}:{key_id}", KEY if generation == current else of_generation(generation)
    return names


def of_generation(generation: int) -> str:
    return f"{KEY} of generation {generation}"


def _of_binding(
    binding: Json, known: Mapping[str, tuple[str, str]], keys: Collection[tuple[str, str]], own: PlatformOwn
) -> Iterator[RoleAssignment]:
    namespace, name = _place(binding)
    bound, named = objects.role_ref(binding), objects.subjects(binding)
    reason = reason_of(binding, own)
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


def reason_of(binding: Json, own: PlatformOwn = _NOTHING_OWN) -> str:
    """Return the reason for a binding: `OWNER`, `GRANT`, `KEY`, `PLATFORM`, `GROUP_ACCESS` or ``RoleBinding NAME``.

    Labels can be chosen freely, like names, and none of these reasons but `PLATFORM` hides anything.
    """
    if own.has_binding(binding):
        return PLATFORM
    name, role = objects.name(binding), objects.role_ref(binding)
    labels, subjects = objects.labels(binding), objects.subjects(binding)
    if labels.get(OWNER_ROLE_LABEL) == "admin":
        return OWNER
    if labels.get(APP_LABEL) in _REASONS:
        return _REASONS[labels[APP_LABEL]]
    if labels.get(MANAGED_LABEL) == MANAGED and role in _ROLES and subjects == [f"group:{_group(name, _ROLES[role])}"]:
        return GROUP_ACCESS
    return f"RoleBinding {short(name)}"


def _group(binding: str, role: str) -> str:
    return binding.removesuffix(f"-{role}") if binding.endswith(f"-{role}") else ""
