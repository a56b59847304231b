"""What the cluster has already of a run's workspaces: adopted access, keys of the platform, and what is unrecorded.

Workspace users can write the objects of a key that the platform made, and so block a run that adopts it for the first
time. That run is reviewed by a person, and adopting another object, or making the account again, would not keep the
key's tokens.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from ambient_components.access.adoption import Adoption, adoption, notes
from ambient_components.access.bindings import Expected, expected_key, expected_objects
from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.recognition import Recognition, needs_of, small
from ambient_components.cluster.client import Cluster, core, path
from ambient_components.cluster.objects import (
    Json,
    annotations,
    is_ending,
    listing,
    name,
    namespace,
)
from ambient_components.cluster.parallel import in_parallel
from ambient_components.cluster.revocation import ROLE_BINDING, SERVICE_ACCOUNT, object_path
from ambient_components.cluster.role_reading import WHOLE_CLUSTER, Place, read_roles
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.model.keys import KeyRecord
from ambient_components.platform.contract import (
    APP_LABEL,
    KEY_APP,
    OWNER_ANNOTATION,
    RBAC_API_GROUP,
    Role,
)
from ambient_components.platform.naming import PLATFORM_GENERATION
from ambient_components.provider.protocol.resource import Context
from ambient_components.rules.refusals import Rule
from ambient_components.rules.warnings import LoudWarning

_ONE_BY_ONE: Final = 20
"""Workspaces up to which each is listed by itself. The whole cluster may have many others."""

_SUBJECTS: Final = 500
"""Subjects read of one binding."""


def note_adopted(
    context: Context, there: set[str], before: Ledger, after: Ledger, *, lost: Collection[str] = ()
) -> None:
    """Note the access in the workspaces that this run adopts, or warn that the cluster can't be read.

    Workspaces whose state may be lost are among them, if the stack's ownership annotation says that they are its own.
    """
    taken = there.intersection(lost)
    new = sorted(
        name for name in after.keys() - before.keys() if after[name].is_active and (after[name].adopt or name in taken)
    )
    existing = [name for name in new if name in there]
    try:
        adoptions = [*_adoptions(context.guard.cluster, existing, after, lost=lost)] if existing else []
    except StepError as error:
        what = "the access in adopted workspaces can't be read"
        context.show(error.problem.within(what, rule=LoudWarning.NOT_CHECKED))
        return
    missing = [Adoption(name, False) for name in new if name not in there]
    for access in sorted([*adoptions, *missing]):
        for note in notes(access):
            context.note(note)


def _adoptions(
    cluster: Cluster, workspaces: Collection[str], after: Ledger, *, lost: Collection[str]
) -> Iterator[Adoption]:
    bindings = dict[str, list[Json]]((name, []) for name in workspaces)
    accounts = dict[str, list[Json]]((name, []) for name in workspaces)
    places: Collection[Place] = WHOLE_CLUSTER
    if len(workspaces) <= _ONE_BY_ONE:
        places = [("namespaces", name) for name in workspaces]
    for place in places:
        for item in cluster.each(path("apis", RBAC_API_GROUP, "v1", *place, "rolebindings")):
            if namespace(item) in bindings:
                bindings[namespace(item)].append(small(item, _SUBJECTS))
        for item in cluster.each(core(*place, "serviceaccounts"), f"{APP_LABEL}={KEY_APP}"):
            if namespace(item) in accounts:
                accounts[namespace(item)].append(small(item, _SUBJECTS))
    listed = [binding for of_workspace in bindings.values() for binding in of_workspace]
    own = Recognition.of(read_roles(cluster, needs_of(listed, own=True), places)).own
    for workspace in workspaces:
        yield adoption(
            workspace, after[workspace], bindings[workspace], accounts[workspace], own, lost=workspace in lost
        )


# Keys that the platform made.


def adoption_problems(cluster: Cluster, there: set[str], before: Ledger, after: Ledger) -> list[Problem]:
    """Return why keys can't be adopted; none for keys that an earlier run has adopted."""
    todo = [
        (name, key_id, key)
        for name, entry in sorted(after.items())
        for key_id, key in sorted(entry.keys.items())
        if PLATFORM_GENERATION in _generations(key) - _generations(before.get(name, NOTHING).keys.get(key_id))
    ]
    problems = in_parallel(lambda case: _key_problem(cluster if case[0] in there else None, *case), todo)
    return [problem for problem in problems if problem is not None]


def platform_accounts(entry: Entry) -> frozenset[str]:
    return frozenset(
        key.service_account for key in entry.keys.values() if key.service_account is not None and _generations(key)
    )


def _generations(key: KeyRecord | None) -> frozenset[int]:
    return frozenset(filter(key.is_of_platform, key.generations)) if key is not None else frozenset()


def _key_problem(cluster: Cluster | None, workspace: str, key_id: str, key: KeyRecord) -> Problem | None:
    account, *bindings = _variants(workspace, key_id, key)
    problem, *hints = _misfit(cluster, workspace, key, account, bindings)
    if not problem:
        return None
    return refusal(
        f"workspace {workspace!r}: key {key_id!r}: {problem}", *hints, rule=Rule.PLATFORM_KEY, workspaces=(workspace,)
    )


def _variants(workspace: str, key_id: str, key: KeyRecord) -> Iterator[Expected]:
    """Yield the expected account, and its binding for each role, the declared one first."""
    account, binding = expected_key(workspace, key.account(workspace, key_id, PLATFORM_GENERATION), Role(key.role))
    yield account
    yield binding
    for role in Role:
        if role != key.role:
            yield expected_key(workspace, account.name, role)[1]


def _misfit(
    cluster: Cluster | None, workspace: str, key: KeyRecord, account: Expected, bindings: list[Expected]
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
    matching = next((binding for binding in bindings if _is_there(cluster, workspace, binding)), None)
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


# What no ledger records: from a lost state, or created by others.


def forgotten(context: Context, owner: str, declared: Collection[str]) -> list[Problem]:
    """Return a refusal for each namespace of this stack that a ledger without a last deployment does not declare.

    Only for a stack that is not a shard: the shards of a fleet share one ownership annotation, and the run records
    distinguish them (`interrupted_runs`).
    """
    namespaces = context.guard.cluster.each(core("namespaces"), metadata=True)
    lost = sorted(
        name(item)
        for item in namespaces
        if annotations(item).get(OWNER_ANNOTATION) == owner and name(item) not in declared and not is_ending(item)
    )
    return [
        refusal(
            f"namespace {workspace!r} belongs to this stack, but is not in its new ledger: the state "
            "was lost, or the ledger is not the one that was deployed",
            "put the workspace's entry back and deploy, then remove it",
            f"or delete what is there first (kubectl delete namespace {workspace})",
            rule=Rule.OWNERSHIP,
            workspaces=(workspace,),
        )
        for workspace in lost
    ]


def unknown_accounts(
    cluster: Cluster, owner: str, there: set[str], before: Ledger, after: Ledger, *, lost: Collection[str]
) -> list[Problem]:
    """Return what to say of them, one problem for each workspace.

    Where the state may be lost, the run is refused. Elsewhere workspace users may have created them to get a token of a
    future key: the run deletes them with a warning.
    """
    problems = []
    for workspace in sorted(there & (after.keys() - before.keys())):
        desired = {
            account: key_id
            for key_id, key in after[workspace].keys.items()
            for kind, account in expected_objects(workspace, NOTHING.model_copy(update={"keys": {key_id: key}}))
            if kind == SERVICE_ACCOUNT and account not in (*key.adopt, key.service_account)
        }
        if not desired:
            continue
        accounts = cluster.each(core("namespaces", workspace, "serviceaccounts"), metadata=True)
        unknown = sorted(desired.keys() & set(map(name, accounts)))
        if not unknown:
            continue
        lines = ", ".join(f"{desired[account]}: {{adopt: [{account}]}}" for account in unknown)
        end = workspace not in lost
        what = (
            "this run ends them with their tokens, and makes the keys again"
            if end
            else "this stack has no record of them, so nothing is changed"
        )
        problems.append(
            refusal(
                f"workspace {workspace!r}: the cluster has ServiceAccounts of its keys that are in no state "
                f"({listing(unknown)}): {what}",
                "" if end else "delete them if they are not its own",
                f"if a state was lost: ambient adopt {owner.rpartition('/')[2]} --keys names them in the keys' entries "
                f"({lines}), and their tokens stay valid through the overlap",
                rule=Rule.UNKNOWN_ACCOUNTS,
                workspaces=(workspace,),
            )
        )
    return problems
