"""The effective rights of each subject in each workspace, with their sources.

Only direct rights of RBAC count, not what a subject could reach by minting another account's token.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ambient_components.access.platform_own import SESSION_RULES, TRIGGER_RULES
from ambient_components.access.role_assignments import KEY, NO_ROLE, PLATFORM, RoleAssignment
from ambient_components.errors import Remedy, reject
from ambient_components.platform.contract import RUNNER_SECRET, TRIGGER, Role
from ambient_components.rules.roles import WEAKEST_FIRST, rank
from ambient_components.suggest import did_you_mean

_READ: Final = "get list watch"
_WRITE: Final = f"{_READ} create update patch"
_ALL: Final = f"{_WRITE} delete"


@dataclass(frozen=True, slots=True, order=True)
class RoleRight:
    verb: str
    resource: str
    """Plural, with a subresource after a slash: ``serviceaccounts/token``. Without API group, because names are unique.
    """
    name: str = ""
    """Name of a single object; empty for all objects."""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f' {self.name}' if self.name else ''}"


_TABLE: Final[dict[str, tuple[str, str, str]]] = {
    # resource: verbs of view, edit, admin
    "agenticsessions": (_READ, _WRITE, _ALL),
    "agenticsessions/status": (_READ, _READ, _READ),
    "projectsettings": (_READ, _READ, _ALL),
    "projectsettings/status": (_READ, "", f"{_READ} update patch"),
    "secrets": ("", "create", _ALL),
    "configmaps": ("", "get", _ALL),
    "serviceaccounts": ("", "get list create update patch", _ALL),
    "serviceaccounts/token": ("", "create", "create"),
    "roles": ("", "get list create update patch delete", _ALL),
    "rolebindings": ("", "get list create update patch delete", _ALL),
    "jobs": (_READ, f"{_READ} delete", _ALL),
    "pods": (_READ, _READ, _READ),
    "pods/log": (_READ, _READ, _READ),
    "events": (_READ, _READ, _READ),
    "persistentvolumeclaims": (_READ, _READ, f"{_READ} delete"),
    "services": (_READ, _READ, f"{_READ} delete"),
    "deployments": (_READ, _READ, f"{_READ} delete"),
    "projects": (_READ, _READ, _READ),
}


def _rights(role: Role) -> Iterator[RoleRight]:
    column = list(Role).index(role)
    for resource, verbs in _TABLE.items():
        yield from (RoleRight(verb, resource) for verb in verbs[column].split())
    if role is Role.EDIT:
        yield RoleRight("get", "secrets", RUNNER_SECRET)


RIGHTS_OF: Final = {role: frozenset(_rights(role)) for role in Role}
"""Rights by role; owners have those of admin."""

ALL_RIGHTS: Final = tuple(sorted(frozenset().union(*RIGHTS_OF.values())))


def _of_rules(rules: Iterable[tuple[str, str, str]]) -> frozenset[RoleRight]:
    return frozenset(RoleRight(verb, resource) for _, resource, verb in rules if resource in _TABLE)


SESSION_RIGHTS: Final = _of_rules(SESSION_RULES)
"""Rights of each running session's account, which reads all Secrets by name. Contract 4, OH/sessions.go."""

TRIGGER_RIGHTS: Final = _of_rules(TRIGGER_RULES)
"""Rights of the account that starts scheduled sessions. Contract 4, OH/projectsettings.go."""


def roles_with(right: RoleRight) -> frozenset[Role]:
    """Return the roles with a right; a right to all objects includes the right to a named one."""
    general = RoleRight(right.verb, right.resource)
    return frozenset(role for role, rights in RIGHTS_OF.items() if right in rights or general in rights)


CLUSTER_ADMIN: Final = "ClusterRole/cluster-admin"
_SESSION_ROLE: Final = re.compile(r"Role/ambient-session-.+-role")


@dataclass(frozen=True, slots=True)
class Row:
    workspace: str
    subject: str
    assignments: tuple[RoleAssignment, ...]
    """Role assignments of the subject in this workspace, strongest first; at least one."""

    @property
    def who(self) -> str:
        """Unambiguous name of the subject: two workspaces may each have a key ``ci``."""
        return f"{self.subject} of {self.workspace}" if self.subject.startswith(f"{KEY}:") else self.subject

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(assignment.role for assignment in self.assignments))

    @property
    def rights(self) -> frozenset[RoleRight]:
        return frozenset().union(*(rights_of(assignment) or () for assignment in self.assignments))

    @property
    def complete(self) -> bool:
        return all(rights_of(assignment) is not None for assignment in self.assignments)


def rights_of(assignment: RoleAssignment) -> frozenset[RoleRight] | None:
    """Return the rights of one role assignment, out of `ALL_RIGHTS`; None if the rules of its role are unknown."""
    if assignment.role in RIGHTS_OF:
        return RIGHTS_OF[Role(assignment.role)]
    if assignment.role == NO_ROLE:
        return frozenset()
    if assignment.role == CLUSTER_ADMIN:
        return frozenset(ALL_RIGHTS)
    # Only with the platform's own binding: its Role gives no more than this (`PlatformOwn`).
    if assignment.reason == PLATFORM and assignment.role == f"Role/{TRIGGER}":
        return TRIGGER_RIGHTS
    if assignment.reason == PLATFORM and _SESSION_ROLE.fullmatch(assignment.role):
        return SESSION_RIGHTS
    return None


def rows(assignments: Iterable[RoleAssignment]) -> list[Row]:
    """Group role assignments by workspace and subject; per workspace the strongest role first, then by name."""
    ordered = sorted(
        assignments,
        key=lambda assignment: (
            assignment.workspace,
            assignment.subject,
            _rank(assignment.role),
            assignment.role,
            assignment.reason,
        ),
    )
    groups = [
        Row(*who, tuple(group))
        for who, group in groupby(ordered, lambda assignment: (assignment.workspace, assignment.subject))
    ]
    return sorted(groups, key=lambda row: (row.workspace, _rank(row.roles[0]), row.subject))


def _rank(role: str) -> int:
    return -len(WEAKEST_FIRST) - 1 if role == CLUSTER_ADMIN else -rank(role)


def by_workspace(access: Iterable[Row]) -> dict[str, list[Row]]:
    return _grouped(access, lambda row: row.workspace)


def by_subject(access: Iterable[Row]) -> dict[str, list[Row]]:
    """Return rows by subject, in alphabetical order; keys with one id in several workspaces are several subjects."""
    return _grouped(access, lambda row: row.who)


def _grouped(access: Iterable[Row], name: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in access:
        groups.setdefault(name(row), []).append(row)
    return dict(sorted(groups.items()))


def gives(assignment: RoleAssignment, right: RoleRight) -> bool | None:
    """Return whether a role assignment includes a right; None if the rules of its role are unknown."""
    rights = rights_of(assignment)
    if rights is None:
        return None
    # A right to all objects includes the right to each one.
    return right in rights or RoleRight(right.verb, right.resource) in rights


@dataclass(frozen=True, slots=True)
class WhoCan:
    can: tuple[Row, ...]
    perhaps: tuple[Row, ...]
    """Other subjects that may have it, each with only the roles of unknown rules."""


def who_can(access: Sequence[Row], right: RoleRight) -> WhoCan:
    assignments = [assignment for row in access for assignment in row.assignments]
    can = rows(assignment for assignment in assignments if gives(assignment, right))
    known = {(row.workspace, row.subject) for row in can}
    perhaps = rows(
        assignment
        for assignment in assignments
        if gives(assignment, right) is None and (assignment.workspace, assignment.subject) not in known
    )
    return WhoCan(tuple(can), tuple(perhaps))


def parse_right(text: str) -> RoleRight:
    """Read ``VERB RESOURCE [NAME]``: a right of `ALL_RIGHTS`, or the same for one named object."""
    words = text.split()
    if len(words) not in (2, 3):
        msg = f"{text!r} is no right"
        reject(msg, "allowed: VERB RESOURCE or VERB RESOURCE NAME, such as 'get secrets'")
    verb, resource = words[0].lower(), words[1].lower()
    if not any((right.verb, right.resource) == (verb, resource) for right in ALL_RIGHTS):
        reject(f"{text!r} is a right that none of the platform's roles has", _allowed(verb, resource))
    return RoleRight(verb, resource, *words[2:])


def _allowed(verb: str, resource: str) -> Remedy:
    verbs = [right.verb for right in ALL_RIGHTS if right.resource == resource and not right.name]
    if verbs:
        return f"allowed for {resource}: {', '.join(verbs)}"
    resources = sorted({right.resource for right in ALL_RIGHTS})
    pairs = {f"{right.verb} {right.resource}" for right in ALL_RIGHTS}
    suggestion = did_you_mean(f"{verb} {resource}", pairs)
    return f"allowed: a verb and one of {', '.join(resources)}", suggestion
