"""The rights of the platform's three roles (contract 5), and the deployer's, each with the step that needs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ambient_components.platform.contract import (
    BATCH_API_GROUP,
    NETWORK_API_GROUP,
    PLATFORM_API_GROUP,
    RBAC_API_GROUP,
    ROLES,
    RUNNER_SECRET,
    SESSIONS,
    Role,
    cluster_role,
)

_READ: Final = "get list watch"
_WRITE: Final = f"{_READ} create update patch"
_ALL: Final = f"{_WRITE} delete"


@dataclass(frozen=True, slots=True, order=True)
class RoleRight:
    """One verb on one resource of the workspace's namespace."""

    verb: str
    """Verb of RBAC."""
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
"""All rights of any role, sorted."""


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


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource, in all namespaces."""

    group: str
    """API group; empty for the core group."""
    resource: str
    """Plural, with a subresource after a slash: ``serviceaccounts/token``."""
    verb: str
    """Verb of RBAC."""
    why: str
    """The step that needs it."""
    name: str = ""
    """Name of a single object; empty for all objects."""

    def __str__(self) -> str:
        group = f" of {self.group}" if self.group else ""
        return f"{self.verb} {self.resource}{f' {self.name!r}' if self.name else ''}{group}"


def _deployer_rights() -> tuple[Right, ...]:
    objects = {
        ("", "namespaces"): "workspaces",
        (RBAC_API_GROUP, "rolebindings"): "owners, grants and what keys may do",
        ("", "serviceaccounts"): "the identities of keys",
        ("", "secrets"): "workspace secrets, and the token Secrets by which single tokens are revoked",
        ("", "configmaps"): "feature flags and CA bundles",
        ("", "resourcequotas"): "quotas",
        (NETWORK_API_GROUP, "networkpolicies"): "network policies",
    }
    # This project's plugin creates and deletes these, and confirms deletions by reading.
    ours = ("rolebindings", "serviceaccounts", "secrets")
    # Never deleted: they belong to the platform, and only some fields are declared.
    parts = {
        (PLATFORM_API_GROUP, "projectsettings"): "idle timeouts and MCP servers",
        ("", "limitranges"): "the defaults of containers",
    }
    verbs = {
        "get": "reading {} back (refresh, and the check of what exists)",
        "create": "making {}",
        "patch": "changing {}",
        "delete": "removing {}",
        # The Kubernetes plugin waits with an informer until a deleted object is gone: without these two verbs a removal
        # hangs silently for ten minutes, then fails (tested).
        "list": "seeing which {} exist, and waiting until removed ones are gone",
        "watch": "waiting until removed {} are gone",
    }
    rights = [
        Right(group, resource, verb, text.format(what))
        for (group, resource), what in objects.items()
        for verb, text in verbs.items()
        if verb != "watch" or resource not in ours
    ]
    rights += [
        Right(group, resource, verb, verbs[verb].format(what))
        for (group, resource), what in parts.items()
        for verb in ("get", "create", "patch")
    ]
    rights += [
        Right("", "serviceaccounts/token", "create", "minting the tokens of keys"),
        # Needed only for closing. Lists are enough, so no get is needed.
        Right(PLATFORM_API_GROUP, SESSIONS, "list", "seeing which sessions run when a workspace is closed"),
        Right(PLATFORM_API_GROUP, SESSIONS, "patch", "stopping sessions when a workspace is closed"),
        Right("", "pods", "list", "seeing which sessions still run when a workspace is closed"),
        Right("", "pods", "delete", "ending sessions that do not stop, where the file says so"),
        Right(BATCH_API_GROUP, "cronjobs", "list", "seeing which schedules a workspace has when it is closed"),
        Right(BATCH_API_GROUP, "cronjobs", "patch", "suspending schedules on closing, and resuming them on reopening"),
    ]
    rights += [
        Right(
            RBAC_API_GROUP,
            "clusterroles",
            "bind",
            "granting a role that the deployer does not hold",
            cluster_role(role),
        )
        for role in ROLES
    ]
    return tuple(sorted(rights))


RIGHTS: Final = _deployer_rights()
"""All rights, sorted. The engine tests run with exactly these."""
