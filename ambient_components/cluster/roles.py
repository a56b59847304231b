"""What is kept of Roles and of the owners of the platform's own access. Pure; `role_reading` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster.objects import Json, mapping, mappings, metadata, name, namespace, text, uid

_RIGHTS: Final = 200
"""Groups, resources and verbs read of one role. Workspace users may write Roles that do not fit into memory."""

_OWNERS: Final = 3
"""Owners read of one object: the operator writes one."""

_ALL: Final = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be read to decide on RoleBindings and ServiceAccounts."""

    roles: frozenset[tuple[str, str]] = frozenset()
    """Namespace and name of Roles."""
    cluster_roles: frozenset[str] = frozenset()
    """Names of ClusterRoles."""
    settings: bool = False
    """Whether ProjectSettings, which own the account of schedules."""
    sessions: bool = False
    """Whether sessions, which own their accounts."""
    every_role: bool = False
    """Whether all Roles, and not only those that are named."""


@dataclass(frozen=True, slots=True)
class RoleObjects:
    roles: tuple[Json, ...] = ()
    cluster_roles: tuple[Json, ...] = ()
    settings: tuple[Json, ...] = ()
    """Name, namespace and uid."""
    sessions: tuple[Json, ...] = ()
    """Name, namespace and uid."""


def small_role(role: Json) -> Mapping[str, Any]:
    """Return what a role gives, and its owners. One with more rights than any known Role counts as one with all."""
    given = mapping(role).get("rules")
    rules = [{key: _texts(rule.get(key)) for key in ("apiGroups", "resources", "verbs")} for rule in mappings(given)]
    malformed = given is not None and len(rules) != (len(given) if isinstance(given, list) else -1)
    # A ClusterRole that is the sum of others has its rules only once a controller has written them.
    unfinished = bool(mapping(role).get("aggregationRule")) and not rules
    too_many = sum(len(texts) for rule in rules for texts in rule.values()) > _RIGHTS
    return {
        "metadata": {"name": name(role), "namespace": namespace(role), "ownerReferences": owners(role)},
        "rules": [_ALL] if malformed or unfinished or too_many else rules,
    }


def small_owner(item: Json) -> Mapping[str, Any]:
    return {"metadata": {"name": name(item), "namespace": namespace(item), "uid": uid(item)}}


def owners(item: Json) -> list[Json]:
    return mappings(metadata(item).get("ownerReferences"))[:_OWNERS]


def _texts(value: object) -> list[str]:
    return [text(item) for item in value] if isinstance(value, list) else []
