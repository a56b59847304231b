"""What is asked of the cluster before a run changes anything: is it the right one, may we, and whose is what exists.

What is asked of the object store then: `bucket_preflight`.
"""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ambient_components.access import RIGHTS, Entry, Ledger, Right, object_names
from ambient_components.cluster import ApiError, Cluster, core, path
from ambient_components.cluster_objects import annotations, is_ending, listing, mapping, name
from ambient_components.contract import OWNER_ANNOTATION, RELEASED_BY_ANNOTATION
from ambient_components.errors import Problem, refusal
from ambient_components.failure import StepError
from ambient_components.provider.bucket_preflight import bucket_problems
from ambient_components.provider.lookout import drift, may_be_kept
from ambient_components.provider.resource import Context
from ambient_components.provider.undeclared import by_namespace, listed
from ambient_components.provider.unknown_accounts import unknown_accounts
from ambient_components.rules.refusals import Rule
from ambient_components.shards.lost import Leftover

_REVIEWS: Final = path("apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews")
_AT_ONCE: Final = 16
_SYSTEMS: Final = ("kube-", "openshift-")
"""Beginnings of names that the platform does not refuse, and that nobody should take over."""


def preflight(
    context: Context,
    owner: str,
    before: Ledger,
    after: Ledger,
    *,
    look_for_drift: bool,
    ending: Collection[Leftover] = (),
    lost: bool = False,
) -> list[Problem]:
    """Every reason not to begin; access that others gave or took is a warning.

    Only what workspace users can't write may be a reason: Namespaces, rights, the store (see `cluster_objects`).

    Args:
        context: of the ledger's check.
        owner: the stack's mark, PROJECT/FLEET.
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
        look_for_drift: whether to warn of access that others gave or took.
        ending: access that a lost run gave and this one ends: nobody is told that it stays.
        lost: whether a run was interrupted that may have made what the state does not know.

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
            refusal(
                f"the deployer has no right to {right}, needed for {right.why}",
                "apply deploy/deployer-rbac.yaml, and bind its ClusterRole to the identity of this kubeconfig "
                "(docs/deployer-rights.md)",
            )
            for right in missing
        ]
    problems, there = foreign(cluster, owner, before, after, context.warn)
    problems += _nothing_to_keep(there, before, after)
    known = bool(before or lost)
    unknown = unknown_accounts(cluster, there, before, after, end=known)
    if known:
        for one in unknown:
            context.warn(one)
    else:
        problems += unknown
    problems += bucket_problems(context, owner, before, after)
    if look_for_drift and not problems:
        for warning in (
            *changed_since(cluster, there, before, after),
            *drift(cluster, there, before, after, ending),
            *may_be_kept(cluster, owner, there, before, after),
        ):
            context.warn(warning)
    return problems


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
    return bool(mapping(cluster.create(_REVIEWS, review).get("status")).get("allowed"))


def foreign(
    cluster: Cluster,
    owner: str,
    before: Ledger,
    after: Ledger,
    warn: Callable[[Problem], None],
) -> tuple[list[Problem], set[str]]:
    """Reasons not to begin, and the workspaces whose namespace is there.

    A namespace that exists must be this stack's: it carries its mark, or none and may be taken (``adopt: true``, or
    released by this very stack before and still in its files).

    Args:
        cluster: the stack's.
        owner: the mark, PROJECT/FLEET.
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
        warn: told of what concerns one workspace alone.
    """
    problems, there = list[Problem](), set[str]()
    for namespace in cluster.each(core("namespaces")):
        workspace, notes = name(namespace), annotations(namespace)
        entry = after.get(workspace)
        holder, was = notes.get(OWNER_ANNOTATION), before.get(workspace)
        let_go = notes.get(RELEASED_BY_ANNOTATION) == owner
        if entry is None:
            if was is not None and was.is_released:
                problems += _leaving(workspace, owner, holder, let_go=let_go)
            continue
        there.add(workspace)
        if is_ending(namespace) and was and holder == owner:
            # A finalizer of anything in it keeps it so for as long as its users like: no reason to hold back others.
            warn(
                refusal(
                    f"workspace {workspace!r}: its namespace is being deleted: steps that make something in it fail, "
                    "and the others are done",
                    f"see what keeps it: kubectl get namespace {workspace} -o yaml",
                    workspaces=(workspace,),
                )
            )
        elif is_ending(namespace):
            problems.append(
                _refusal(
                    workspace,
                    f"namespace {workspace!r} is still being deleted: nothing can be made in it",
                    f"wait until it is gone (kubectl get namespace {workspace}), then run again",
                )
            )
        elif was and let_go and _half_taken_back(workspace, was, entry):
            problems.append(
                _refusal(
                    workspace,
                    f"workspace {workspace!r} was taken back by a run that did not end: until one has, it can't be "
                    "released, and what is removed from its entry would live on",
                    "write the entry as it was, with 'state: active', and deploy; then make the change",
                    rule=Rule.ENTIRE_RELEASE,
                )
            )
        elif holder != owner and not (let_go and holder is None and was and not was.adopt):
            problems += _not_ours(workspace, holder, entry, was)
    return sorted(problems, key=lambda problem: problem.sort_key), there


def _leaving(name: str, owner: str, holder: str | None, *, let_go: bool) -> list[Problem]:
    """An entry leaves only once its release has ended: what the engine had not got to would be deleted with it."""
    adopted = holder not in (None, "", owner)
    if adopted or (holder is None and let_go):
        return []
    return [
        _refusal(
            name,
            f"workspace {name!r} was not released whole: the run that released it did not end, and what it had not got "
            "to would be deleted with the entry",
            "put the entry back with 'state: released' and deploy; then remove it",
            rule=Rule.ENTIRE_RELEASE,
        )
    ]


def _half_taken_back(name: str, was: Entry, entry: Entry) -> bool:
    """Whether a change would meet resources that the engine still retains: our note goes in the last step."""
    if was.is_released or entry.is_closed:  # a Closure ends all access itself
        return False
    leaves = object_names(name, was) - object_names(name, entry)
    return bool(
        entry.is_released
        or leaves
        or was.secrets.keys() - entry.secrets.keys()
        or {*was.settings} - {*entry.settings}
        or {*was.limits} - {*entry.limits}
    )


def _not_ours(name: str, holder: str | None, entry: Entry, before: Entry | None) -> list[Problem]:
    was_released = before is not None and before.is_released
    if holder is None and (entry.adopt or was_released):
        if name.startswith(_SYSTEMS):
            return [_refusal(name, f"namespace {name!r} is a part of Kubernetes or OpenShift: it can't be adopted")]
        return []
    if holder is None:
        return [
            _refusal(
                name,
                f"namespace {name!r} exists, and it was not made by this tool: it is not touched",
                "write 'adopt: true' in the workspace's entry to take it over",
                "or choose another name for the workspace, or delete the namespace first if nothing in it is needed",
            )
        ]
    if was_released:
        return [
            _refusal(
                name,
                f"workspace {name!r} was released, and the stack {holder} has adopted it",
                "remove its entry from the files",
            )
        ]
    return [
        _refusal(
            name,
            f"namespace {name!r} exists, and it belongs to the stack {holder}: it is not touched",
            "choose another name for the workspace, or release it there first ('state: released') and write "
            "'adopt: true' here",
        )
    ]


def changed_since(cluster: Cluster, there: set[str], before: Ledger, after: Ledger) -> list[Problem]:
    """Return, as warnings, the released workspaces in which access has been ended since.

    No reason to refuse a run: people with edit may delete RoleBindings there. Nothing is made again in a released
    workspace, so the access stays ended; its entry has no use any more.

    Args:
        cluster: The stack's.
        there: The workspaces whose namespace exists.
        before: The ledger of the last deployment.
        after: The ledger that is asked for.
    """
    released = [
        workspace
        for workspace in sorted(before.keys() & after.keys())
        if before[workspace].is_released and after[workspace].is_released
    ]
    if not released:
        return []
    try:
        found = by_namespace(listed(cluster))
    except StepError as error:
        return [refusal(f"the access in released workspaces can't be looked at: {error}")]
    warnings = []
    for workspace in released:
        objects = {(one.kind, one.name) for one in found.get(workspace, ())}
        missing = [f"{kind} {gone}" for kind, gone in sorted(object_names(workspace, before[workspace]) - objects)]
        if workspace not in there:
            missing = ["its namespace"]
        if missing:
            warnings.append(
                refusal(
                    f"workspace {workspace!r} was released, and was changed since ({listing(missing)} is gone): "
                    "nothing is made again in a released workspace",
                    "remove its entry from the files",
                    workspaces=(workspace,),
                )
            )
    return warnings


def _nothing_to_keep(there: set[str], before: Ledger, after: Ledger) -> list[Problem]:
    """Keys of workspaces that are made in this run: no identity was before theirs."""
    return [
        _refusal(
            name,
            f"workspace {name!r}: key {key_id!r}: overlapUntil keeps the identity of generation {key.overlapping}, and "
            "the workspace is made in this run: there is none",
            "remove overlapUntil",
            rule=Rule.OVERLAP,
        )
        for name in sorted(after.keys() - before.keys() - there)
        for key_id, key in sorted(after[name].keys.items())
        if key.overlapping
    ]


def _refusal(workspace: str, problem: str, *hints: str, rule: Rule = Rule.OWNERSHIP) -> Problem:
    return refusal(problem, *hints, rule=rule, workspaces=(workspace,))
