"""Checks of the cluster before a run changes anything: its identity, the deployer's rights, ownership of namespaces.

For the object store see `provider.buckets.preflight`.
"""

from collections.abc import Callable, Collection, Set

from ambient_components.access.deployer import Feature
from ambient_components.access.entries import Entry, Ledger
from ambient_components.access.ledger import object_names
from ambient_components.cluster.client import ApiError, Cluster, core
from ambient_components.cluster.objects import Json, annotations, is_ending, listing, name
from ambient_components.documentation import page
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.platform.contract import OWNER_ANNOTATION, RELEASED_BY_ANNOTATION, SYSTEM_PREFIXES
from ambient_components.provider.buckets.preflight import bucket_problems
from ambient_components.provider.ledger.drift_warnings import drift, may_be_kept
from ambient_components.provider.ledger.existing import adoption_problems, note_adopted, unknown_accounts
from ambient_components.provider.ledger.guard_check import GuardCheck
from ambient_components.provider.ledger.installation import Installation
from ambient_components.provider.ledger.rights import missing_rights
from ambient_components.provider.protocol.resource import Context
from ambient_components.provider.workspace.cluster_access import by_namespace, listed
from ambient_components.rules.refusals import Rule
from ambient_components.rules.warnings import LoudWarning, WarningRule
from ambient_components.shards.interrupted import Leftover


def preflight(
    context: Context,
    owner: str,
    before: Ledger,
    after: Ledger,
    *,
    look_for_drift: bool,
    features: Collection[Feature],
    ending: Collection[Leftover] = (),
    lost: Set[str] = frozenset(),
) -> list[Problem]:
    """Return every reason not to begin, and warn about access that others gave or took.

    The access that adopted workspaces have already is a note.

    Only what workspace users cannot write may be a reason: Namespaces, rights, the store (see `cluster.objects`). The
    exception is the first run that adopts a key (`platform_keys`).

    Args:
        ending: Access from an interrupted run that this run ends, which is not reported.
        lost: Workspaces whose state may be lost: what the cluster has of their keys is not ended.
    """
    try:
        cluster = context.guard.cluster
    except ApiError as error:
        # The identity check needs a right itself; if that is missing, it is reported like the others.
        missing = missing_rights(context.guard.unproved, features) if error.status == 403 else []
        if not missing:
            raise
    else:
        missing = missing_rights(cluster, features)
    if missing:
        return [
            refusal(
                f"the deployer has no right to {right}, needed for {right.why}",
                "as a cluster admin: ambient rbac STACK --subject SUBJECT | kubectl apply -f -, where SUBJECT is the "
                "identity of this kubeconfig",
                "if this run removes what needs the right: the same without STACK, which prints all rights",
                f"what the rights amount to: {page('reference/deployer-rights')}",
            )
            for right in missing
        ]
    guard = GuardCheck.of(cluster, after)
    if guard.problem:
        return [guard.problem]
    installed = Installation(cluster)
    problems, there = foreign(cluster, owner, before, after, context.show, installed.see)
    problems += _nothing_to_keep(there, before, after)
    for problem in unknown_accounts(cluster, owner, there, before, after, lost=lost):
        if lost.isdisjoint(problem.workspaces):
            context.warn(LoudWarning.UNKNOWN_ACCOUNTS, problem)
        else:
            problems.append(problem)
    problems += adoption_problems(cluster, there, before, after)
    problems += bucket_problems(context, owner, before, after)
    if look_for_drift and not problems:
        for warning in (
            *guard.warnings,
            *installed.warnings(after),
            *changed_since(cluster, there, before, after),
            *drift(cluster, there, before, after, ending),
            *may_be_kept(cluster, owner, there, before, after),
        ):
            context.show(warning)
    # A run that is refused for a lost state changes nothing, and its page says what is there.
    if look_for_drift and all(problem.rule == Rule.UNKNOWN_ACCOUNTS for problem in problems):
        note_adopted(context, there, before, after, lost=lost)
    return problems


def foreign(
    cluster: Cluster,
    owner: str,
    before: Ledger,
    after: Ledger,
    show: Callable[[Problem], None],
    see: Callable[[Json], None] = lambda _: None,
) -> tuple[list[Problem], set[str]]:
    """Return reasons not to begin, and the workspaces that have a namespace.

    An existing namespace must be this stack's: it has the ownership annotation, or none and may be adopted (``adopt:
    true``, or released by this stack and still in its files).
    """
    problems, there = list[Problem](), set[str]()
    for namespace in cluster.each(core("namespaces")):
        see(namespace)
        workspace, notes = name(namespace), annotations(namespace)
        entry = after.get(workspace)
        holder, was = notes.get(OWNER_ANNOTATION), before.get(workspace)
        released = notes.get(RELEASED_BY_ANNOTATION) == owner
        if entry is None:
            if was is not None and was.is_released:
                problems += _leaving(workspace, owner, holder, released=released)
            continue
        there.add(workspace)
        if is_ending(namespace) and was and holder == owner:
            # Users can keep it in this state with a finalizer, so it must not block other workspaces.
            show(
                refusal(
                    f"workspace {workspace!r}: its namespace is being deleted: steps that make something in it fail, "
                    "and the others are done",
                    f"see what keeps it: kubectl get namespace {workspace} -o yaml",
                    rule=WarningRule.NAMESPACE_ENDING,
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
        elif was and released and _half_taken_back(workspace, was, entry):
            problems.append(
                _refusal(
                    workspace,
                    f"workspace {workspace!r} was taken back by a run that did not end: until one has, it can't be "
                    "released, and what is removed from its entry would stay valid",
                    "write the entry as it was, with 'state: active', deploy, and then make the change",
                    rule=Rule.ENTIRE_RELEASE,
                )
            )
        elif holder != owner and not (released and holder is None and was and not was.adopt):
            problems += _not_ours(workspace, holder, entry, was)
    return sorted(problems, key=lambda problem: problem.sort_key), there


def _leaving(name: str, owner: str, holder: str | None, *, released: bool) -> list[Problem]:
    """Refuse to remove an entry before its release is complete: the remaining objects would be deleted."""
    adopted = holder not in (None, "", owner)
    if adopted or (holder is None and released):
        return []
    return [
        _refusal(
            name,
            f"workspace {name!r} was not released whole: the run that released it did not end, and what it had not got "
            "to would be deleted with the entry",
            "put the entry back with 'state: released', deploy, and then remove it",
            rule=Rule.ENTIRE_RELEASE,
        )
    ]


def _half_taken_back(name: str, was: Entry, entry: Entry) -> bool:
    """Return whether a change affects resources that the engine still retains: the last step removes the annotation."""
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
        if name.startswith(SYSTEM_PREFIXES):
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

    Not a reason to refuse the run: users with edit may delete RoleBindings there. Nothing is recreated in a released
    workspace, so its entry has no purpose any more.
    """
    released = [
        workspace
        for workspace in sorted(before.keys() & after.keys())
        if before[workspace].is_released and after[workspace].is_released
    ]
    if not released:
        return []
    try:
        access = by_namespace(listed(cluster, {*released}))
    except StepError as error:
        what = "the access in released workspaces can't be looked at"
        return [error.problem.within(what, rule=LoudWarning.NOT_CHECKED)]
    warnings = []
    for workspace in released:
        objects = {(item.kind, item.name) for item in access.get(workspace, ())}
        missing = [f"{kind} {gone}" for kind, gone in sorted(object_names(workspace, before[workspace]) - objects)]
        if workspace not in there:
            missing = ["its namespace"]
        if missing:
            warnings.append(
                refusal(
                    f"workspace {workspace!r} was released, and was changed since ({listing(missing)} is gone): "
                    "nothing is made again in a released workspace",
                    "remove its entry from the files",
                    rule=WarningRule.CHANGED_AFTER_RELEASE,
                    workspaces=(workspace,),
                )
            )
    return warnings


def _nothing_to_keep(there: set[str], before: Ledger, after: Ledger) -> list[Problem]:
    """Refuse overlaps in workspaces that this run creates: there is no previous identity."""
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
        if key.overlapping and not key.is_of_platform(key.overlapping)
    ]


def _refusal(workspace: str, problem: str, *hints: str, rule: Rule = Rule.OWNERSHIP) -> Problem:
    return refusal(problem, *hints, rule=rule, workspaces=(workspace,))
