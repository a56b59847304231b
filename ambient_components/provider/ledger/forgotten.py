"""Deployed workspaces that a new ledger lacks, because the state was lost or another ledger was deployed."""

from collections.abc import Collection

from ambient_components.cluster.client import core
from ambient_components.errors import Problem, refusal
from ambient_components.platform.contract import OWNER_ANNOTATION
from ambient_components.provider.protocol.resource import Context
from ambient_components.rules.refusals import Rule


def forgotten(context: Context, owner: str, declared: Collection[str]) -> list[Problem]:
    """Return a refusal for each namespace of this stack that a ledger without a last deployment does not declare.

    Only for a stack that is not a shard: the shards of a fleet share one ownership annotation, and the run records
    distinguish them (`interrupted_runs`).

    Args:
        context: Context of the ledger's check.
        owner: The ownership annotation, PROJECT/FLEET.
        declared: Workspaces of the new ledger.
    """
    found = []
    for namespace in context.guard.cluster.list(core("namespaces")):
        metadata = namespace["metadata"]
        holder = (metadata.get("annotations") or {}).get(OWNER_ANNOTATION)
        if holder == owner and metadata["name"] not in declared and not metadata.get("deletionTimestamp"):
            name = metadata["name"]
            found.append(
                refusal(
                    f"namespace {name!r} belongs to this stack, but is not in its new ledger: the state "
                    "was lost, or the ledger is not the one that was deployed",
                    "put the workspace's entry back and deploy, then remove it",
                    f"or delete what is there first (kubectl delete namespace {name})",
                    rule=Rule.OWNERSHIP,
                    workspaces=(name,),
                )
            )
    return sorted(found, key=lambda problem: problem.sort_key)
