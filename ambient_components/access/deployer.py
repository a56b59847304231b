"""The rights that a deployer needs, each with the step that needs it: the source of deploy/deployer-rbac.yaml.

The preflight asks the cluster for each of them before anything is created, so that a missing one is named as such and
not met half-way. docs/deployer-rights.md says what they amount to.
"""

from dataclasses import dataclass
from typing import Final

from ambient_components.contract import (
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
    """One verb on one resource, in every namespace."""

    group: str
    """API group; empty for the core group."""
    resource: str
    """Plural, with a subresource after a slash: ``serviceaccounts/token``."""
    verb: str
    """As RBAC spells it."""
    why: str
    """The step that fails without it."""
    name: str = ""
    """Of the one object it is for; empty for all."""

    def __str__(self) -> str:
        group = f" of {self.group}" if self.group else ""
        return f"{self.verb} {self.resource}{f' {self.name!r}' if self.name else ''}{group}"


def _rights() -> tuple[Right, ...]:
    objects = {
        ("", "namespaces"): "workspaces",
        (RBAC_API_GROUP, "rolebindings"): "owners, grants and what keys may do",
        ("", "serviceaccounts"): "the identities of keys",
        ("", "secrets"): "workspace secrets, and the handles by which single tokens are revoked",
        ("", "configmaps"): "feature flags and CA bundles",
        ("", "resourcequotas"): "quotas",
        (NETWORK_API_GROUP, "networkpolicies"): "network policies",
    }
    # Made and ended by our own plugin, which reads back what it deletes.
    ours = ("rolebindings", "serviceaccounts", "secrets")
    # Never deleted: they are the platform's, and only a part of them is declared.
    parts = {
        (PLATFORM_API_GROUP, "projectsettings"): "idle timeouts and MCP servers",
        ("", "limitranges"): "the defaults of containers",
    }
    verbs = {
        "get": "reading {} back (refresh, and the check of what exists)",
        "create": "making {}",
        "patch": "changing {}",
        "delete": "removing {}",
        # The Kubernetes plugin waits by an informer until what it deletes is gone: without these two
        # a removal hangs for ten minutes, says nothing, and fails (tried).
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
        # Closing alone. Read by their lists, so that no get is needed.
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
"""All of them, sorted. Nothing else is needed, and the engine tests run with nothing else."""
