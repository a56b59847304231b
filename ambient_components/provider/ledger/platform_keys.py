"""Keys that the platform made, before a run adopts them: their objects must exist, as the platform made them.

Workspace users can write these objects, and so block a run that adopts a key for the first time. That run is reviewed
by a person, and adopting another object, or making the account again, would not keep the key's tokens.
"""

from collections.abc import Iterator
from dataclasses import replace

from ambient_components.access import NOTHING, Entry, Expected, KeyEntry, Ledger, expected_key
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.objects import is_ending
from ambient_components.cluster.parallel import in_parallel
from ambient_components.cluster.revocation import ROLE_BINDING, SERVICE_ACCOUNT, object_path
from ambient_components.errors import Problem, refusal
from ambient_components.platform.contract import Role
from ambient_components.platform.naming import PLATFORM_GENERATION
from ambient_components.rules.refusals import Rule


def adoption_problems(cluster: Cluster, there: set[str], before: Ledger, after: Ledger) -> list[Problem]:
    """Return why keys can't be adopted; none for keys that an earlier run has adopted."""
    todo = [
        (name, key_id, key)
        for name, entry in sorted(after.items())
        for key_id, key in sorted(entry.keys.items())
        if PLATFORM_GENERATION in _adopted(key) - _adopted(before.get(name, NOTHING).keys.get(key_id))
    ]
    found = in_parallel(lambda one: _problem(cluster if one[0] in there else None, *one), todo)
    return [problem for problem in found if problem is not None]


def platform_accounts(entry: Entry) -> frozenset[str]:
    return frozenset(
        key.service_account for key in entry.keys.values() if key.service_account is not None and _adopted(key)
    )


def _adopted(key: KeyEntry | None) -> frozenset[int]:
    return frozenset(one for one in key.generations if key.is_of_platform(one)) if key is not None else frozenset()


def _problem(cluster: Cluster | None, workspace: str, key_id: str, key: KeyEntry) -> Problem | None:
    """Return why a key can't be adopted; a cluster of None has no namespace for it."""
    account, *bindings = _variants(workspace, key_id, key)
    problem, *hints = _found(cluster, workspace, key, account, bindings)
    if not problem:
        return None
    return refusal(
        f"workspace {workspace!r}: key {key_id!r}: {problem}", *hints, rule=Rule.PLATFORM_KEY, workspaces=(workspace,)
    )


def _variants(workspace: str, key_id: str, key: KeyEntry) -> Iterator[Expected]:
    """Yield the expected account, and its binding for each role, the declared one first."""
    account, binding = expected_key(workspace, key.account(workspace, key_id, PLATFORM_GENERATION), Role(key.role))
    yield account
    yield binding
    for role in Role:
        if role != key.role:
            yield expected_key(workspace, account.name, role)[1]


def _found(
    cluster: Cluster | None, workspace: str, key: KeyEntry, account: Expected, bindings: list[Expected]
) -> tuple[str, ...]:
    """Return the problem and its hints; an empty problem if there is none."""
    live = cluster.get(object_path(SERVICE_ACCOUNT, workspace, account.name)) if cluster is not None else None
    instead = (
        "remove overlapUntil from its entry: there is nothing to keep"
        if key.overlapping
        else "remove serviceAccount from its entry for a new key, or write generation: 2 beside it"
    )
    if cluster is None or live is None or is_ending(live):
        return (
            f"ServiceAccount {account.name} is not in the cluster, so the platform's tokens of it have ended",
            instead,
        )
    if differences := account.differences(live):
        get = f"kubectl get serviceaccount -n {workspace} {account.name} -o yaml"
        return f"{differences[0]}, which the platform gives to every key", f"see who made it: {get}", instead
    matching = next((one for one in bindings if _is_there(cluster, workspace, one)), None)
    if matching is None:
        return (
            f"ServiceAccount {account.name} has no role in the cluster: RoleBinding {bindings[0].name} is missing, or "
            "is not as the platform makes it",
            f"see what is there: kubectl get rolebindings -n {workspace} -l app=ambient-access-key -o yaml",
            "delete the key on the workspace's Keys page, and remove serviceAccount from its entry for a new key",
        )
    if matching is not bindings[0]:
        return (
            f"its role is {matching.role} in the cluster, and {key.role} in the files",
            f"write role: {matching.role} and deploy, then change the role",
        )
    return ("",)


def _is_there(cluster: Cluster, workspace: str, binding: Expected) -> bool:
    live = cluster.get(object_path(ROLE_BINDING, workspace, binding.name))
    # The run sets a missing label. Role and subject are what the binding gives.
    return live is not None and not is_ending(live) and not replace(binding, labels={}).differences(live)
