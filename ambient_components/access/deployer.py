"""The deployer's rights: each with the step that needs it and the features of a stack that have the step."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ambient_components.access.entries import Entry, Ledger
from ambient_components.platform.contract import (
    ADMISSION_API_GROUP,
    BATCH_API_GROUP,
    CA_BUNDLE,
    FEATURE_FLAGS,
    GUARD_BINDINGS,
    GUARD_POLICIES,
    INTEGRATION_SECRET,
    NETWORK_API_GROUP,
    PLATFORM_API_GROUP,
    PROJECT_SETTINGS,
    RBAC_API_GROUP,
    ROLES,
    RUNNER_SECRET,
    SESSIONS,
    cluster_role,
)
from ambient_components.platform.schedules import OPERATOR_CONFIG

ROLE: Final = "ambient-deployer"
"""Name of the deployer's ClusterRole and of its ClusterRoleBinding."""


class Feature(StrEnum):
    """A part of a stack that needs rights of its own, in the words of the stack file where it has one."""

    KEYS = "keys"
    SECRETS = "secrets"
    SETTINGS = "settings"
    CONFIG_MAPS = "featureFlags, caBundle, fleets"
    CONTAINERS = "limits.containers"
    QUOTA = "limits.quota"
    NETWORK = "limits.network"
    SCHEDULES = "schedules"
    CLOSING = "state: closed"
    GUARD = "guard"
    ADOPTION = "ambient adopt"
    """No file declares it: `ambient rbac --adopt`."""
    PROOF = "ambient grants --now"
    """No file declares it, and no run needs it: `ambient rbac` prints it for every stack."""


ALL_FEATURES: Final = frozenset(Feature)

BESIDE_RUNS: Final = frozenset({Feature.ADOPTION, Feature.PROOF})
"""Features of commands, which no run needs and no preflight asks for."""

_SETTINGS: Final = {
    "idleTimeout": Feature.SETTINGS,
    "mcpServers": Feature.SETTINGS,
    "featureFlags": Feature.CONFIG_MAPS,
    "caBundle": Feature.CONFIG_MAPS,
}
"""Feature by name of a setting in a ledger."""

_LIMITS: Final = {"containers": Feature.CONTAINERS, "quota": Feature.QUOTA, "network": Feature.NETWORK}
"""Feature by name of a limit in a ledger."""


def features_of(*ledgers: Ledger) -> frozenset[Feature]:
    """Return the features of ledgers: of one to apply the role for it, of two for the run between them."""
    return frozenset(feature for ledger in ledgers for entry in ledger.values() for feature in _features(entry))


def _features(entry: Entry) -> Iterator[Feature]:
    if entry.keys:
        yield Feature.KEYS
    if entry.secrets or entry.bucket:
        yield Feature.SECRETS
    if entry.schedules:
        yield Feature.SCHEDULES
    if entry.is_closed:
        yield Feature.CLOSING
    if entry.guard.mode:
        yield Feature.GUARD
    # A ledger of a program that uses the library may have other names.
    yield from (_SETTINGS[name] for name in entry.settings if name in _SETTINGS)
    yield from (_LIMITS[name] for name in entry.limits if name in _LIMITS)


@dataclass(frozen=True, slots=True, order=True)
class Right:
    group: str
    """API group; empty for the core group."""
    resource: str
    """Plural, with a subresource after a slash: ``serviceaccounts/token``."""
    verb: str
    why: str
    name: str = ""
    """Name of a single object; empty for all objects."""
    features: frozenset[Feature] = field(default=frozenset(), compare=False)
    """The features that need it. Empty if every stack does."""

    def __str__(self) -> str:
        group = f" of {self.group}" if self.group else ""
        return f"{self.verb} {self.resource}{f' {self.name!r}' if self.name else ''}{group}"

    def is_needed(self, features: Collection[Feature]) -> bool:
        return not self.features or not self.features.isdisjoint(features)


def rights_for(features: Collection[Feature]) -> tuple[Right, ...]:
    return tuple(right for right in RIGHTS if right.is_needed(features))


_STEPS: Final = {
    "get": "reading {} back (refresh, and the check of what exists)",
    "list": "seeing which {} exist, and waiting until removed ones are gone",
    # The Kubernetes plugin waits with an informer until a deleted object is gone: without list and watch a removal
    # hangs silently for ten minutes, then fails (tested). The objects of this project's plugin need no watch.
    "watch": "waiting until removed {} are gone",
    "create": "making {}",
    "patch": "changing {}",
    "delete": "removing {}",
}


def _steps(verbs: str) -> dict[str, str]:
    return {verb: _STEPS[verb] for verb in verbs.split()}


_ALL: Final = "get list watch create patch delete"
_MADE: Final = "get list create patch delete"
# Never deleted: they belong to the platform, and only some fields are declared.
_PART: Final = "get create patch"
_OWN: Final = "the platform's own access"
_LISTED_OWN: Final = {"list": "telling {} from access that no file declares"}
_IDENTITIES: Final = "the identities of keys"
_SECRETS: Final = "workspace secrets, and the token Secrets by which single tokens are revoked"
_FINALIZERS: Final = {
    "get": "ending {} with finalizers on closing",
    "patch": "removing finalizers from {} on closing",
    "delete": "removing other {} on closing",
}
_PODS: Final = {"list": "seeing {} when a workspace is closed", "delete": "ending {}, where the file says so"}
_INSTALLED: Final = {"get": "seeing whether {} are installed, and unchanged"}
_LISTED_SCHEDULES: Final = {"list": "seeing the {} of a workspace on closing, and on adoption"}
_SUSPENDED: Final = {"patch": "changing {}, and suspending them on closing"}

_TABLE: Final[tuple[tuple[str, str, str, dict[str, str], tuple[Feature, ...]], ...]] = (
    # API group, resource, what it is, the step of each verb, the features that need it: none if every stack does
    ("", "namespaces", "workspaces", _steps(_ALL), ()),
    (RBAC_API_GROUP, "rolebindings", "owners, grants and what keys may do", _steps(_MADE), ()),
    ("", "serviceaccounts", _IDENTITIES, _steps("get list"), ()),
    # Bindings and accounts in the platform's clothes: their Roles and owners tell (`platform_own`, `recognition`).
    (RBAC_API_GROUP, "roles", _OWN, _LISTED_OWN, ()),
    (RBAC_API_GROUP, "clusterroles", "what a binding that no file declares gives", {"list": "seeing {}"}, ()),
    (PLATFORM_API_GROUP, "projectsettings", _OWN, _LISTED_OWN, ()),
    (PLATFORM_API_GROUP, SESSIONS, _OWN, _LISTED_OWN, ()),
    ("", "serviceaccounts", _IDENTITIES, _steps("create patch delete"), (Feature.KEYS, Feature.CLOSING)),
    ("", "serviceaccounts/token", "the tokens of keys", {"create": "minting {}"}, (Feature.KEYS,)),
    ("", "secrets", _SECRETS, _steps(_MADE), (Feature.KEYS, Feature.SECRETS, Feature.CLOSING)),
    (RBAC_API_GROUP, "roles", "Roles", _FINALIZERS, (Feature.CLOSING,)),
    ("", "configmaps", "feature flags and CA bundles", _steps(_ALL), (Feature.CONFIG_MAPS,)),
    (
        PLATFORM_API_GROUP,
        "projectsettings",
        "idle timeouts and MCP servers",
        _steps(_PART),
        (Feature.SETTINGS, Feature.CLOSING),
    ),
    ("", "limitranges", "the defaults of containers", _steps(_PART), (Feature.CONTAINERS,)),
    ("", "resourcequotas", "quotas", _steps("list"), (Feature.QUOTA, Feature.ADOPTION)),
    # Closing refuses new access by a quota, until the access has ended.
    ("", "resourcequotas", "quotas", _steps("create delete"), (Feature.QUOTA, Feature.CLOSING)),
    ("", "resourcequotas", "quotas", _steps("get watch patch"), (Feature.QUOTA,)),
    (NETWORK_API_GROUP, "networkpolicies", "network policies", _steps("list"), (Feature.NETWORK, Feature.ADOPTION)),
    (
        NETWORK_API_GROUP,
        "networkpolicies",
        "network policies",
        _steps("get watch create patch delete"),
        (Feature.NETWORK,),
    ),
    # The list of sessions is one of all runs, and is enough: no get is needed.
    (PLATFORM_API_GROUP, SESSIONS, "sessions when a workspace is closed", {"patch": "stopping {}"}, (Feature.CLOSING,)),
    ("", "pods", "sessions that do not stop", _PODS, (Feature.CLOSING,)),
    (BATCH_API_GROUP, "cronjobs", "schedules", _LISTED_SCHEDULES, (Feature.CLOSING, Feature.ADOPTION)),
    (BATCH_API_GROUP, "cronjobs", "schedules", _SUSPENDED, (Feature.CLOSING, Feature.SCHEDULES)),
    (BATCH_API_GROUP, "cronjobs", "schedules", _steps("get create delete"), (Feature.SCHEDULES,)),
    (ADMISSION_API_GROUP, GUARD_POLICIES, "the guard's rules", _INSTALLED, (Feature.GUARD,)),
    (ADMISSION_API_GROUP, GUARD_BINDINGS, "the guard's bindings", _INSTALLED, (Feature.GUARD,)),
)

_FOR_ADOPTION: Final = frozenset({Feature.ADOPTION})
_ADOPTED: Final = (
    # API group, resource, name, what it is. The table has the other kinds that adoption lists.
    ("", "secrets", RUNNER_SECRET, "names of variables"),
    ("", "secrets", INTEGRATION_SECRET, "names of variables"),
    ("", "configmaps", FEATURE_FLAGS, "feature flags"),
    ("", "configmaps", CA_BUNDLE, "CA bundles"),
    (PLATFORM_API_GROUP, "projectsettings", PROJECT_SETTINGS, "settings"),
    ("", "limitranges", "", "container limits"),
)

RIGHTS: Final = tuple(
    sorted(
        [
            *(
                Right(group, resource, verb, step.format(what), features=frozenset(features))
                for group, resource, what, steps, features in _TABLE
                for verb, step in steps.items()
            ),
            *(
                Right(group, resource, "list", f"reading existing {what} (ambient adopt)", name, _FOR_ADOPTION)
                for group, resource, name, what in _ADOPTED
            ),
            Right(
                "authorization.k8s.io",
                "subjectaccessreviews",
                "create",
                "asking what the cluster gives to a subject (ambient grants revoke --now)",
                features=frozenset({Feature.PROOF}),
            ),
            Right(
                "",
                "configmaps",
                "get",
                "reading the image of the platform's operator, where the stack's config has none",
                OPERATOR_CONFIG,
                frozenset({Feature.SCHEDULES}),
            ),
            *(
                Right(RBAC_API_GROUP, "clusterroles", "bind", "granting a role that the deployer does not hold", name)
                for name in map(cluster_role, ROLES)
            ),
        ]
    )
)
"""All rights, sorted. The engine tests run with exactly these."""
