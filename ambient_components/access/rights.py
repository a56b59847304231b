"""The rights of the platform's three roles (contract 5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ambient_components.platform.contract import RUNNER_SECRET, Role

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


SESSION_RIGHTS: Final = frozenset(
    RoleRight(verb, resource)
    for resource, verbs in (("agenticsessions", _WRITE), ("secrets", "get"))
    for verb in verbs.split()
)
"""Rights of each running session's account, which reads all Secrets by name. Contract 4, OH/sessions.go."""

TRIGGER_RIGHTS: Final = frozenset(RoleRight(verb, "agenticsessions") for verb in ("create", "get", "list", "update"))
"""Rights of the account that starts scheduled sessions. Contract 4, OH/projectsettings.go."""


def roles_with(right: RoleRight) -> frozenset[Role]:
    """Return the roles with a right; a right to all objects includes the right to a named one."""
    general = RoleRight(right.verb, right.resource)
    return frozenset(role for role, rights in RIGHTS_OF.items() if right in rights or general in rights)
