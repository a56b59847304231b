"""The access in a stack's cluster: RoleBindings and the ServiceAccounts of keys, read only."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ambient_components.errors import fail

if TYPE_CHECKING:
    from ambient_components.access.entries import Ledger
    from ambient_components.access.holdings import Holding
    from ambient_components.cli.project import Project
    from ambient_components.cluster import Cluster


def from_cluster(project: "Project", stack: str, ledger: "Ledger", *, one_by_one: bool) -> "frozenset[Holding]":
    """Return the access that the stack's cluster gives to these workspaces.

    Args:
        project: The project, with the stack's config.
        stack: The stack's name.
        ledger: The declared access of the selected workspaces.
        one_by_one: Whether to query each namespace, which needs rights only there. Otherwise the whole cluster is
            listed.

    Raises:
        AmbientError: The cluster does not respond, is another one, or denies reading.
    """
    from ambient_components.access.live import live  # noqa: PLC0415
    from ambient_components.cluster import ApiError, Cluster  # noqa: PLC0415
    from ambient_components.failure import StepError  # noqa: PLC0415
    from ambient_components.guard import Guard  # noqa: PLC0415

    config = project.config(stack)
    try:
        cluster = Guard(Cluster(config.get("context")), config.get("clusterUid")).cluster
        bindings, accounts = _listed(cluster, sorted(ledger) if one_by_one else ())
    except StepError as error:
        forbidden = isinstance(error, ApiError) and error.status == 403
        fail(None, "", str(error), "docs/access.md says which rights --live needs" if forbidden else "")
    return live(bindings, accounts, ledger)


def _listed(cluster: "Cluster", workspaces: Collection[str]) -> tuple[list[Any], list[Any]]:
    """Return RoleBindings, and the ServiceAccounts of keys."""
    from ambient_components.cluster import core, path  # noqa: PLC0415
    from ambient_components.contract import APP_LABEL, KEY_APP, RBAC_API_GROUP  # noqa: PLC0415

    places: list[tuple[str, ...]] = [("namespaces", name) for name in workspaces] or [()]
    bindings, accounts = [], []
    for place in places:
        bindings += cluster.list(path("apis", RBAC_API_GROUP, "v1", *place, "rolebindings"))
        accounts += cluster.list(core(*place, "serviceaccounts"), f"{APP_LABEL}={KEY_APP}")
    return bindings, accounts
