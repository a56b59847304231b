"""What is asked of the cluster before a run changes anything: is it the right one, may we, and whose is what exists."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ambient_components.access import RIGHTS, Right
from ambient_components.contract import OWNER_ANNOTATION
from ambient_components.cluster import ApiError, Cluster, core, path
from ambient_components.provider.resource import Context

_REVIEWS: Final = path("apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews")
_AT_ONCE: Final = 16


def preflight(context: Context, owner: str, workspaces: Iterable[str]) -> list[str]:
    """Every reason not to begin.

    Raises:
        StepError: there is no cluster to ask, or it is another one than the stack's.
    """
    try:
        cluster = context.guard.cluster
    except ApiError as error:
        # Which cluster it is, is itself a right to ask for: the one that is missing is named like all others.
        missing = missing_rights(context.guard.unproved) if error.status == 403 else []
        if not missing:
            raise
    else:
        missing = missing_rights(cluster)
    if missing:
        return [
            f"the deployer has no right to {right}, needed for {right.why}; apply deploy/deployer-rbac.yaml, and bind "
            "its ClusterRole to the identity of this kubeconfig (docs/deployer-rights.md)"
            for right in missing
        ]
    return foreign(cluster, owner, workspaces)


def missing_rights(cluster: Cluster) -> list[Right]:
    """The rights that the cluster says this identity does not have, sorted."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        allowed = pool.map(lambda right: _allowed(cluster, right), RIGHTS)
        return [right for right, yes in zip(RIGHTS, allowed, strict=True) if not yes]


def _allowed(cluster: Cluster, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes: dict[str, Any] = {"group": right.group, "resource": resource, "verb": right.verb}
    if subresource:
        attributes["subresource"] = subresource
    if right.name:
        attributes["name"] = right.name
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(cluster.create(_REVIEWS, review)["status"]["allowed"])


def foreign(cluster: Cluster, owner: str, workspaces: Iterable[str]) -> list[str]:
    """The workspaces whose namespace exists and is not this stack's, or is about to go, as reasons not to begin."""
    wanted = set(workspaces)
    problems = []
    for namespace in cluster.list(core("namespaces")):
        metadata: Mapping[str, Any] = namespace["metadata"]
        name = metadata["name"]
        holder = (metadata.get("annotations") or {}).get(OWNER_ANNOTATION)
        if name in wanted and metadata.get("deletionTimestamp"):
            problems.append(
                f"namespace {name!r} is still being deleted: nothing can be made in it. Wait until it is gone "
                f"(kubectl get namespace {name}), then run again"
            )
        elif name in wanted and holder != owner:
            whose = f"it belongs to the stack {holder}" if holder else "it was not made by this tool"
            problems.append(
                f"namespace {name!r} exists, and {whose}: it is not touched. Choose another name for the workspace, or "
                "delete the namespace first if nothing in it is needed"
            )
    return sorted(problems)
