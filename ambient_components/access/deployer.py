"""The deployer's rights: each with the step that needs it and the features of a stack that have the step."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ambient_components.access.entries import Entry, Ledger
from ambient_components.platform.contract import (
    BATCH_API_GROUP,
    CA_BUNDLE,
    FEATURE_FLAGS,
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


_ALWAYS: Final = frozenset[Feature]()
_READ: Final = "reading {} back (refresh, and the check of what exists)"
# The Kubernetes plugin waits with an informer until a deleted object is gone: without list and watch a removal hangs
# silently for ten minutes, then fails (tested). The objects of this project's plugin need no watch.
_LIST: Final = "seeing which {} exist, and waiting until removed ones are gone"
_WATCH: Final = "waiting until removed {} are gone"
_MADE: Final = {"get": _READ, "list": _LIST, "create": "making {}", "patch": "changing {}", "delete": "removing {}"}
_WAITED: Final = {**_MADE, "watch": _WATCH}
_LISTED: Final = {"list": _LIST}
_WRITTEN: Final = {verb: text for verb, text in _WAITED.items() if verb != "list"}
# Never deleted: they belong to the platform, and only some fields are declared.
_PART: Final = {verb: _MADE[verb] for verb in ("get", "create", "patch")}
_SEEN: Final = {verb: _MADE[verb] for verb in ("get", "list")}
# Closing refuses new access by a quota, until the access has ended.
_FROZEN: Final = ("create", "delete")
_OWN: Final = "the platform's own access"
_LISTED_OWN: Final = {"list": "telling {} from access that no file declares"}
_IDENTITIES: Final = "the identities of keys"

_TABLE: Final[tuple[tuple[str, str, str, dict[str, str], frozenset[Feature]], ...]] = (
    # API group, resource, what it is, the step of each verb, the features that need it
    ("", "namespaces", "workspaces", _WAITED, _ALWAYS),
    (RBAC_API_GROUP, "rolebindings", "owners, grants and what keys may do", _MADE, _ALWAYS),
    ("", "serviceaccounts", _IDENTITIES, _SEEN, _ALWAYS),
    # Bindings and accounts in the platform's clothes: their Roles and owners tell (`platform_own`, `recognition`).
    (RBAC_API_GROUP, "roles", _OWN, _LISTED_OWN, _ALWAYS),
    (RBAC_API_GROUP, "clusterroles", "what a binding that no file declares gives", {"list": "seeing {}"}, _ALWAYS),
    (PLATFORM_API_GROUP, "projectsettings", _OWN, _LISTED_OWN, _ALWAYS),
    (PLATFORM_API_GROUP, SESSIONS, _OWN, _LISTED_OWN, _ALWAYS),
    (
        "",
        "serviceaccounts",
        _IDENTITIES,
        {verb: text for verb, text in _MADE.items() if verb not in _SEEN},
        frozenset({Feature.KEYS, Feature.CLOSING}),
    ),
    (
        "",
        "serviceaccounts/token",
        "the tokens of keys",
        {"create": "minting {}"},
        frozenset({Feature.KEYS}),
    ),
    (
        "",
        "secrets",
        "workspace secrets, and the token Secrets by which single tokens are revoked",
        _MADE,
        frozenset({Feature.KEYS, Feature.SECRETS, Feature.CLOSING}),
    ),
    (
        RBAC_API_GROUP,
        "roles",
        "Roles",
        {
            "get": "ending {} with finalizers on closing",
            "patch": "removing finalizers from {} on closing",
            "delete": "removing other {} on closing",
        },
        frozenset({Feature.CLOSING}),
    ),
    ("", "configmaps", "feature flags and CA bundles", _WAITED, frozenset({Feature.CONFIG_MAPS})),
    (
        PLATFORM_API_GROUP,
        "projectsettings",
        "idle timeouts and MCP servers",
        _PART,
        frozenset({Feature.SETTINGS, Feature.CLOSING}),
    ),
    ("", "limitranges", "the defaults of containers", _PART, frozenset({Feature.CONTAINERS})),
    ("", "resourcequotas", "quotas", _LISTED, frozenset({Feature.QUOTA, Feature.ADOPTION})),
    (
        "",
        "resourcequotas",
        "quotas",
        {verb: _WRITTEN[verb] for verb in _FROZEN},
        frozenset({Feature.QUOTA, Feature.CLOSING}),
    ),
    (
        "",
        "resourcequotas",
        "quotas",
        {verb: text for verb, text in _WRITTEN.items() if verb not in _FROZEN},
        frozenset({Feature.QUOTA}),
    ),
    (NETWORK_API_GROUP, "networkpolicies", "network policies", _LISTED, frozenset({Feature.NETWORK, Feature.ADOPTION})),
    (NETWORK_API_GROUP, "networkpolicies", "network policies", _WRITTEN, frozenset({Feature.NETWORK})),
    # Lists are enough, so no get is needed.
    (
        PLATFORM_API_GROUP,
        SESSIONS,
        "sessions when a workspace is closed",
        # The list is one of all runs.
        {"patch": "stopping {}"},
        frozenset({Feature.CLOSING}),
    ),
    (
        "",
        "pods",
        "sessions that do not stop",
        {"list": "seeing {} when a workspace is closed", "delete": "ending {}, where the file says so"},
        frozenset({Feature.CLOSING}),
    ),
    (
        BATCH_API_GROUP,
        "cronjobs",
        "schedules",
        {"list": "seeing the {} of a workspace on closing, and on adoption"},
        frozenset({Feature.CLOSING, Feature.ADOPTION}),
    ),
    (
        BATCH_API_GROUP,
        "cronjobs",
        "schedules",
        {"patch": "changing {}, and suspending them on closing"},
        frozenset({Feature.CLOSING, Feature.SCHEDULES}),
    ),
    (
        BATCH_API_GROUP,
        "cronjobs",
        "schedules",
        {verb: _MADE[verb] for verb in ("get", "create", "delete")},
        frozenset({Feature.SCHEDULES}),
    ),
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
                Right(group, resource, verb, step.format(what), features=features)
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
