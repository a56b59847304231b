"""The deployer's rights, each with the step that needs it: the source of deploy/deployer-rbac.yaml.

The preflight checks all of them before anything is created, so that a missing right is reported by name. For their
consequences see docs/deployer-rights.md.
"""

from dataclasses import dataclass
from typing import Final

from ambient_components.platform.contract import (
    BATCH_API_GROUP,
    NETWORK_API_GROUP,
    PLATFORM_API_GROUP,
    RBAC_API_GROUP,
    ROLES,
    SESSIONS,
    cluster_role,
)


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


def _rights() -> tuple[Right, ...]:
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


RIGHTS: Final = _rights()
"""All rights, sorted. The engine tests run with exactly these."""
