"""What a stack's cluster says of access: its RoleBindings and the accounts of keys. It is only read."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ambient_components.errors import fail

if TYPE_CHECKING:
    from ambient_components.access.entries import Ledger
    from ambient_components.access.holdings import Holding
    from ambient_components.cli.project import Project
    from ambient_components.cluster import Cluster


def from_cluster(project: "Project", stack: str, ledger: "Ledger", *, one_by_one: bool) -> "frozenset[Holding]":
    """What the stack's cluster gives to these workspaces.

    Args:
        project: with the stack's config.
        stack: its name.
        ledger: what is declared, of the workspaces that are asked for.
        one_by_one: whether each is asked by itself, so that rights in them are enough; else the whole cluster at once.

    Raises:
        AmbientError: the cluster does not answer, is another one, or does not let this identity read.
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
    """RoleBindings, and the ServiceAccounts of keys."""
    from ambient_components.cluster import core, path  # noqa: PLC0415
    from ambient_components.contract import APP_LABEL, KEY_APP, RBAC_API_GROUP  # noqa: PLC0415

    places: list[tuple[str, ...]] = [("namespaces", name) for name in workspaces] or [()]
    bindings, accounts = [], []
    for place in places:
        bindings += cluster.list(path("apis", RBAC_API_GROUP, "v1", *place, "rolebindings"))
        accounts += cluster.list(core(*place, "serviceaccounts"), f"{APP_LABEL}={KEY_APP}")
    return bindings, accounts
