"""Deployed workspaces and ServiceAccounts that no ledger records: from a lost state, or created by others."""

from collections.abc import Collection
from dataclasses import replace

from ambient_components.access import NOTHING, Ledger, expected_objects
from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.objects import listing
from ambient_components.cluster.objects import name as name_of
from ambient_components.cluster.revocation import SERVICE_ACCOUNT
from ambient_components.errors import Problem, refusal
from ambient_components.platform.contract import OWNER_ANNOTATION
from ambient_components.provider.protocol.resource import Context
from ambient_components.rules.refusals import Rule


def forgotten(context: Context, owner: str, declared: Collection[str]) -> list[Problem]:
    """Return a refusal for each namespace of this stack that a ledger without a last deployment does not declare.

    Only for a stack that is not a shard: the shards of a fleet share one ownership annotation, and the run records
    distinguish them (`interrupted_runs`).
    """
    found = []
    for namespace in context.guard.cluster.each(core("namespaces"), metadata=True):
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


def unknown_accounts(cluster: Cluster, there: set[str], before: Ledger, after: Ledger, *, end: bool) -> list[Problem]:
    """Return what to say of them, one problem for each workspace.

    A stack without a state may have lost it, so the run is refused. In a stack with a state, workspace users may have
    created them to get a token of a future key: the run deletes them with a warning.

    Args:
        end: Whether the run deletes them; otherwise it is refused.
    """
    found = []
    for name in sorted(there & (after.keys() - before.keys())):
        desired = {
            account: key_id
            for key_id, key in after[name].keys.items()
            for kind, account in expected_objects(name, replace(NOTHING, keys={key_id: key}))
            if kind == SERVICE_ACCOUNT and account not in (*key.adopt, key.service_account)
        }
        if not desired:
            continue
        found_there = cluster.each(core("namespaces", name, "serviceaccounts"), metadata=True)
        unknown = sorted(desired.keys() & set(map(name_of, found_there)))
        if not unknown:
            continue
        lines = ", ".join(f"{desired[account]}: {{adopt: [{account}]}}" for account in unknown)
        what = (
            "this run ends them with their tokens, and makes the keys again"
            if end
            else "this stack has no record of them, so nothing is changed"
        )
        found.append(
            refusal(
                f"workspace {name!r}: the cluster has ServiceAccounts of its keys that are in no state "
                f"({listing(unknown)}): {what}",
                "" if end else "delete them if they are not its own",
                f"if a state was lost, name them in the keys' entries ({lines}): their tokens then stay valid through "
                "the overlap",
                rule=Rule.UNKNOWN_ACCOUNTS,
                workspaces=(name,),
            )
        )
    return found
