"""Whether the cluster has the guard that workspaces name, and whether it lets this run through."""

from dataclasses import dataclass
from typing import Self

from ambient_components.access.entries import Ledger
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard_objects import read_guard
from ambient_components.cluster.objects import listing
from ambient_components.documentation import page
from ambient_components.errors import Problem, refusal
from ambient_components.provider.ledger.rights import may_bypass_guard
from ambient_components.rules.warnings import LoudWarning

_PAGE = page("guides/guard")
_INSTALL = "as a cluster admin: ambient guard | kubectl apply -f -"


@dataclass(frozen=True, slots=True)
class GuardCheck:
    problem: Problem | None = None
    """Why the run must not begin."""
    warnings: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, cluster: Cluster, after: Ledger) -> Self:
        """Look at the cluster if a workspace has a guard; otherwise it costs no request."""
        guarded = tuple(sorted(name for name, entry in after.items() if entry.guard.mode))
        if not guarded:
            return cls()
        guard = read_guard(cluster)
        if not guard.is_installed:
            problem = f"the cluster has no guard: none of the rules that the file names applies in {listing(guarded)}"
            hints = (_INSTALL, f"what it is: {_PAGE}")
            return cls(warnings=(refusal(problem, *hints, rule=LoudWarning.GUARD_MISSING, workspaces=guarded),))
        if not may_bypass_guard(cluster):
            problem = "the cluster's guard does not exempt the deployer, and would refuse the steps of this run"
            remedy = "as a cluster admin: ambient guard --deployer SUBJECT | kubectl apply -f -, where SUBJECT is the "
            return cls(refusal(problem, f"{remedy}identity of this kubeconfig", f"why: {_PAGE}"))
        if guard.is_whole:
            return cls()
        parts = {"gone": guard.missing, "changed": guard.changed}
        differences = "; ".join(f"{what}: {listing(names)}" for what, names in parts.items() if names)
        problem = f"the cluster's guard is not what was installed ({differences}): its rules may not apply"
        hints = ("see what differs: ambient guard | kubectl diff -f -", _INSTALL)
        return cls(warnings=(refusal(problem, *hints, rule=LoudWarning.GUARD_CHANGED, workspaces=guarded),))
