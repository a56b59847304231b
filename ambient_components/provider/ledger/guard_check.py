"""Whether the cluster has the guard that workspaces name, and whether it lets this run through."""

from dataclasses import dataclass
from typing import Self

from ambient_components.access.entries import Ledger
from ambient_components.cluster.client import ApiError, Cluster, core, path
from ambient_components.cluster.guard_objects import read_guard
from ambient_components.cluster.objects import listing
from ambient_components.documentation import page
from ambient_components.errors import Problem, refusal
from ambient_components.platform.contract import ADMISSION_API_GROUP, GUARD_LABEL, GUARD_POLICIES
from ambient_components.provider.ledger.rights import may_bypass_guard
from ambient_components.rules.guard import GuardMode, GuardTopic, policy_name
from ambient_components.rules.warnings import LoudWarning

_PAGE = page("tasks/guard")
_INSTALL = "as a cluster admin: ambient guard | kubectl apply -f -"
_NAMESPACES = policy_name(GuardTopic.WORKSPACES)
"""The policy that holds in every Namespace, whatever the files say."""


@dataclass(frozen=True, slots=True)
class GuardCheck:
    problem: Problem | None = None
    """Why the run must not begin."""
    warnings: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, cluster: Cluster, after: Ledger) -> Self:
        """Look at the cluster's guard.

        Without a guarded workspace too: the guard holds for Namespaces in every mode, and perhaps has a floor. It is
        then one request where the cluster has no guard, and two where it has one, or where the deployer may not see it.
        """
        guarded = tuple(sorted(name for name, entry in after.items() if entry.guard.mode))
        if not guarded:
            return cls(_not_exempt()) if _is_bound(cluster) else cls()
        guard = read_guard(cluster)
        if not guard.is_installed:
            problem = f"the cluster has no guard: none of the rules that the file names applies in {listing(guarded)}"
            hints = (f"{_INSTALL} (Kubernetes 1.30 or later)", f"what it is: {_PAGE}")
            return cls(warnings=(refusal(problem, *hints, rule=LoudWarning.GUARD_MISSING, workspaces=guarded),))
        if not may_bypass_guard(cluster):
            return cls(_not_exempt())
        if guard.is_whole:
            return cls()
        problem = f"the cluster's guard is not that of this version ({guard.differences}): its rules may not apply"
        hints = ("see what differs: ambient guard | kubectl diff -f -", _INSTALL)
        return cls(warnings=(refusal(problem, *hints, rule=LoudWarning.GUARD_CHANGED, workspaces=guarded),))


def _not_exempt() -> Problem:
    problem = "the cluster's guard does not exempt the deployer, and would refuse the steps of this run"
    remedy = "as a cluster admin: ambient guard --deployer SUBJECT | kubectl apply -f -, where SUBJECT is the "
    return refusal(problem, f"{remedy}identity of this kubeconfig", f"why: {_PAGE}")


def _is_bound(cluster: Cluster) -> bool:
    """Return whether the cluster has a guard that does not exempt this identity, which may have no right to see it."""
    try:
        policy = cluster.get(path("apis", ADMISSION_API_GROUP, "v1", GUARD_POLICIES, _NAMESPACES), metadata=True)
    except ApiError as error:
        if error.status != 403:
            raise
        return _is_refused(cluster)
    return policy is not None and not may_bypass_guard(cluster)


def _is_refused(cluster: Cluster) -> bool:
    """Return whether the guard refuses this identity a Namespace with a mode, which is a dry run."""
    probe = {"metadata": {"name": "ambient-guard-probe", "labels": {GUARD_LABEL: GuardMode.AUDIT.value}}}
    try:
        cluster.create(f"{core('namespaces')}?dryRun=All", probe)
    except ApiError as error:
        return error.status == 403 and _NAMESPACES in error.reply
    return False
