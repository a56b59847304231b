"""The list requests with which adoption reads a cluster: one for each kind, over all namespaces."""

from dataclasses import dataclass
from typing import Final

from ambient_components.cluster.client import core, path
from ambient_components.platform.contract import (
    APP_LABEL,
    BATCH_API_GROUP,
    CA_BUNDLE,
    FEATURE_FLAGS,
    INTEGRATION_SECRET,
    KEY_APP,
    MANAGED,
    MANAGED_LABEL,
    NETWORK_API_GROUP,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    RBAC_API_GROUP,
    RUNNER_SECRET,
    SCHEDULE_LABEL,
    SESSIONS,
)


@dataclass(frozen=True, slots=True)
class Read:
    kind: str
    group: str
    resource: str
    selector: str | None = None
    name: str | None = None
    """Only objects with this name; the right to list this name is then enough."""
    version: str = "v1"

    @property
    def path(self) -> str:
        return path("apis", self.group, self.version, self.resource) if self.group else core(self.resource)

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"list {resource}{f' {self.name!r}' if self.name else ''}"


NAMESPACES: Final = Read("Namespace", "", "namespaces", f"{MANAGED_LABEL}={MANAGED}")
SETTINGS: Final = Read(
    "ProjectSettings", PLATFORM_API_GROUP, "projectsettings", name=PROJECT_SETTINGS, version=PLATFORM_API_VERSION
)
BINDINGS: Final = Read("RoleBinding", RBAC_API_GROUP, "rolebindings")
ROLES: Final = Read("Role", RBAC_API_GROUP, "roles")
OWNING_SESSIONS: Final = Read("AgenticSession", PLATFORM_API_GROUP, SESSIONS, version=PLATFORM_API_VERSION)
ACCOUNTS: Final = Read("ServiceAccount", "", "serviceaccounts", f"{APP_LABEL}={KEY_APP}")
SECRETS: Final = tuple(Read("Secret", "", "secrets", name=secret) for secret in (RUNNER_SECRET, INTEGRATION_SECRET))
FLAGS: Final = Read("ConfigMap", "", "configmaps", name=FEATURE_FLAGS)
CA_BUNDLES: Final = Read("ConfigMap", "", "configmaps", name=CA_BUNDLE)
LIMIT_RANGES: Final = Read("LimitRange", "", "limitranges")
QUOTAS: Final = Read("ResourceQuota", "", "resourcequotas")
POLICIES: Final = Read("NetworkPolicy", NETWORK_API_GROUP, "networkpolicies")
SCHEDULES: Final = Read("CronJob", BATCH_API_GROUP, "cronjobs", f"{SCHEDULE_LABEL}=true")
