"""What a run tells of a cluster before it changes anything, and stops for nothing of it: warnings.

The engine itself looks at the cluster in a refresh only. What others did to somebody's access should not wait for it;
nor should what somebody may keep whose access ends.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from ambient_components.access import ended, object_names
from ambient_components.access.ledger import ACTIVE
from ambient_components.cluster import Cluster, core
from ambient_components.provider.undeclared import by_namespace, listed
from ambient_components.shards.lost import Leftover

_SHOWN: Final = 10


def drift(
    cluster: Cluster,
    there: set[str],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    ending: Collection[Leftover] = (),
) -> list[str]:
    """Access in active workspaces that no file declares, and what was deployed and is not there: as warnings.

    The engine itself looks at the cluster in a refresh only; what others did to somebody's access should not wait for
    it. What the last deployment declared is not called undeclared: this run removes it.

    Args:
        cluster: the stack's.
        there: the workspaces whose namespace exists.
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
        ending: what a lost run gave: this run ends that, too.
    """
    active = {name for name, entry in after.items() if (entry.get("state") or ACTIVE) == ACTIVE}
    warnings = [
        f"workspace {name!r}: its namespace is gone from the cluster, and all that was in it. pulumi up --refresh "
        "makes the workspace anew, with new keys"
        for name in sorted(active & before.keys() - there)
    ]
    if not active & there:
        return warnings
    found = by_namespace(listed(cluster))
    for name in sorted(active & there):
        objects = {(one.kind, one.name): one.what for one in found.get(name, ())}
        was, will_be = object_names(name, before.get(name) or {}), object_names(name, after[name])
        gone = {(one.kind, one.name) for one in ending if one.namespace == name}
        others = [what for key, what in objects.items() if key not in was | will_be | gone]
        if others:
            warnings.append(
                f"workspace {name!r}: {listing(others)}: in the cluster, and in no file. Declare it, or remove it on "
                "the workspace's Sharing or Keys page (a creator's binding, which those don't show, with kubectl); it "
                "stays as it is until then"
            )
        missing = [f"{kind} {object_name}" for kind, object_name in sorted((was & will_be) - objects.keys())]
        if missing and (before[name].get("state") or ACTIVE) == ACTIVE:
            warnings.append(
                f"workspace {name!r}: {listing(missing)}: declared, and not in the cluster. If the last run failed, "
                "this one makes it; if somebody removed it, pulumi up --refresh makes it anew"
            )
    return warnings


def may_be_kept(
    cluster: Cluster, owner: str, there: set[str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[str]:
    """Accounts of which somebody whose access ends in this run may have a token: it outlives that access.

    Args:
        cluster: the stack's.
        owner: the stack's mark, PROJECT/FLEET.
        there: the workspaces whose namespace exists.
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
    """
    warnings = []
    for name in sorted(there & before.keys()):
        entry = after[name]
        gone = ended(before[name], entry) if (entry.get("state") or ACTIVE) == ACTIVE else None
        if gone is None:
            continue
        # Those of the file are named by their keys, or end in this run.
        ours = {made for kind, made in object_names(name, before[name]) | object_names(name, entry)}
        accounts_there = (one["metadata"]["name"] for one in cluster.list(core("namespaces", name, "serviceaccounts")))
        others = [account for account in accounts_there if account not in ours]
        keys = f"the keys {', '.join(gone.keys)}" if gone.keys else ""
        accounts = " and ".join(filter(None, (keys, f"the accounts {listing(sorted(others))}" if others else "")))
        if not accounts:
            continue
        rotate = f": ambient keys rotate {owner.rsplit('/', 1)[-1]} --workspace {name} --leaked" if gone.keys else ""
        warnings.append(
            f"workspace {name!r}: {listing(list(gone.who))} ends in this run. Whoever had it could mint tokens of "
            f"{accounts}, and those outlive it. If that may have happened, rotate them{rotate} (docs/leaked-key.md)"
        )
    return warnings


def listing(items: list[str]) -> str:
    """Several things as text, the first ones by name."""
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
