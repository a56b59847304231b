"""Accounts that have the names of keys and are in no state: prepared by others, or left by a state that was lost."""

from collections.abc import Mapping
from typing import Any

from ambient_components.access import expected_objects
from ambient_components.cluster import Cluster, core
from ambient_components.cluster_objects import listing
from ambient_components.provider.revocation import SERVICE_ACCOUNT


def unknown_accounts(
    cluster: Cluster, there: set[str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return what to say of accounts that have the names of keys and are in no state: a problem and its hint each.

    A workspace user can have made them, to hold a token of a key's next identity; or the state was lost.
    """
    found = []
    for name in sorted(there & (after.keys() - before.keys())):
        wanted = {
            account: key_id
            for key_id, key in (after[name].get("keys") or {}).items()
            for kind, account in expected_objects(name, {"keys": {key_id: key}})
            if kind == SERVICE_ACCOUNT and account not in (key.get("adopt") or ())
        }
        if not wanted:
            continue
        listed_accounts = cluster.list(core("namespaces", name, "serviceaccounts"))
        unknown = sorted(wanted.keys() & {one["metadata"]["name"] for one in listed_accounts})
        if unknown:
            keys = "; ".join(f"{wanted[account]}: {{adopt: [{account}]}}" for account in unknown)
            found.append(
                (
                    f"workspace {name!r}: the cluster has ServiceAccounts of its keys that this stack has not made: "
                    f"{listing(unknown)}",
                    f"name them in the keys' entries ({keys}): their tokens then live on through the overlap",
                )
            )
    return found
