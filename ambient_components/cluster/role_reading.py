"""Roles, and the owners of the platform's own access, read from the cluster: each kind once, and only if needed."""

from collections.abc import Collection, Iterator
from typing import Final

from ambient_components.cluster.client import ApiError, Cluster, path
from ambient_components.cluster.objects import Json, name, namespace
from ambient_components.cluster.roles import Needs, RoleObjects, small_owner, small_role
from ambient_components.platform.contract import (
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    RBAC_API_GROUP,
    SESSIONS,
)

Place = tuple[str, ...]
"""Part of an API path: ("namespaces", NAME), or () for the whole cluster."""

WHOLE_CLUSTER: Final[tuple[Place, ...]] = ((),)


def read_roles(cluster: Cluster, needs: Needs, places: Collection[Place] = WHOLE_CLUSTER) -> RoleObjects:
    rbac, platform = ("apis", RBAC_API_GROUP, "v1"), ("apis", PLATFORM_API_GROUP, PLATFORM_API_VERSION)
    return RoleObjects(
        tuple(
            small_role(role)
            for place in (places if needs.roles or needs.every_role else ())
            for role in cluster.each(path(*rbac, *place, "roles"))
            if needs.every_role or (namespace(role), name(role)) in needs.roles
        ),
        tuple(
            small_role(role)
            for role in (cluster.each(path(*rbac, "clusterroles")) if needs.cluster_roles else ())
            if name(role) in needs.cluster_roles
        ),
        tuple(
            owner
            for place in (places if needs.settings else ())
            for owner in _owners(cluster, path(*platform, *place, "projectsettings"), PROJECT_SETTINGS)
        ),
        tuple(
            owner
            for place in (places if needs.sessions else ())
            for owner in _owners(cluster, path(*platform, *place, SESSIONS))
        ),
    )


def _owners(cluster: Cluster, collection: str, only: str | None = None) -> Iterator[Json]:
    """Yield name, namespace and uid of objects; none if the cluster does not serve the kind."""
    try:
        yield from map(small_owner, cluster.each(collection, name=only, metadata=True))
    except ApiError as error:
        if error.status != 404:
            raise
