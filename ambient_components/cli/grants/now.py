"""Immediate deployment of changed grants, verified at the cluster. For `--now` of `ambient grants add` and `revoke`."""

from collections.abc import Collection
from dataclasses import dataclass, field

from ambient_components import activity, clock
from ambient_components.access.entries import Ledger
from ambient_components.cli.edits.deployment import Deployment
from ambient_components.cli.edits.pending import Pending, lacking_bindings, of_grants
from ambient_components.cli.edits.renewal import Renewal, renew_accounts
from ambient_components.cli.edits.survey import survey
from ambient_components.cli.grants.proof import CACHED, Witness, declared_for
from ambient_components.engine.backend import export
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.platform.subjects import Subject
from ambient_components.stacks.deployed import Binding
from ambient_components.stacks.reading import bindings


@dataclass(frozen=True, slots=True)
class GrantDeployment(Deployment):
    """The deployment of one stack, with the change of one subject's access."""

    subject: Subject
    workspaces: Collection[str]
    """The workspaces with a change."""
    kinds: Collection[str]
    """The kinds of access that change: grant, owner."""
    declared: Ledger
    """The workspaces to look for other access in, with their declared access."""
    whole: bool = False
    """Whether `declared` are all workspaces of the stack."""
    expected: tuple[tuple[str, str], ...] = ()
    """Workspace and name of each RoleBinding that must be there afterwards."""
    revokes: bool = True
    """Whether the deployed bindings must end."""
    renews: bool = False
    """Whether the accounts of these workspaces are renewed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was verified at the cluster, and what was not."""

    proved: list[str] = field(default_factory=list)
    """The verified facts, and what can't be known."""
    left: list[Problem] = field(default_factory=list)
    """What is false or could not be verified."""
    steps: list[str] = field(default_factory=list)
    """Commands that end what may be left."""


def deploy(deployments: Collection[GrantDeployment]) -> Outcome:
    """Deploy the change, and verify at the cluster that the access has ended or begun.

    Nothing is deployed unless every plan has exactly this change.

    Returns:
        The problems after the deployment: steps that failed, and access that is still there.
    """
    checked = [(deployment, *_checked(deployment)) for deployment in deployments]
    whole = Outcome()
    for deployment, plan, witness in checked:
        found = _apply(deployment, plan, witness)
        whole.left.extend(found.left)
        whole.steps.extend(found.steps)
    return whole


def _checked(deployment: GrantDeployment) -> tuple[Pending, Witness]:
    subject, workspaces, kinds = str(deployment.subject), deployment.workspaces, deployment.kinds

    def read() -> tuple[Binding, ...]:
        if not deployment.revokes:
            return ()
        found = bindings(export(deployment.engine, deployment.stack), subject, kinds)
        return tuple(binding for binding in found if binding.workspace in workspaces)

    ending, plan = deployment.approved(
        read,
        lambda preview: of_grants(preview, subject, workspaces, kinds),
        lambda plan, existing: lacking_bindings(plan.own, existing),
        _by_hand,
    )
    with deployment.before("Reading the access in the cluster of", "the access"):
        witness = Witness(deployment.cluster(), subject=deployment.subject)
        witness.before(ending)
    return plan, witness


def _apply(deployment: GrantDeployment, plan: Pending, witness: Witness) -> Outcome:
    """Deploy one stack, remove what a failure left, and print the verified facts."""
    problems = deployment.up(plan.own)
    reported = witness.end_now()
    # Last: who still has the access could mint tokens of the new accounts.
    renewal = (
        renew_accounts(witness.cluster, deployment.declared, deployment.workspaces, clock.now())
        if deployment.renews
        else None
    )
    print(f"\nRead back from the cluster of {deployment.stack}:", flush=True)
    result = Outcome()
    with activity.waiting(f"Reading the access in the cluster of {deployment.stack}"):
        _verify(deployment, witness, result, renewal)
    print("\n".join(f"  {line}" for line in result.proved) or "  nothing is proved", flush=True)
    if deployment.revokes:
        print(f"  {CACHED}", flush=True)
    left = [*problems, *result.left, *(renewal.failed if renewal else ())]
    return Outcome(result.proved, [*left, *(refusal(text) for text in reported if result.left)], result.steps)


def _verify(deployment: GrantDeployment, witness: Witness, result: Outcome, renewal: Renewal | None) -> None:
    for binding, problem in witness.gone():
        if problem is None:
            result.proved.append(f"{binding.workspace}: the RoleBinding {binding.name} is gone")
        else:
            result.left.append(problem)
    for workspace, name in deployment.expected:
        if problem := witness.given(workspace, name):
            result.left.append(problem)
        else:
            result.proved.append(f"{workspace}: the RoleBinding {name} is there")
    if not deployment.revokes:
        return
    known = {*declared_for(deployment.declared, str(deployment.subject))}
    lines: list[str] = []
    try:
        renewed = renewal.renewed if renewal else None
        found = survey(witness.cluster, witness.holder, deployment.declared, whole=deployment.whole, renewed=renewed)
    except StepError as error:
        result.left.append(error.problem.within(f"{deployment.subject}: other access is not known"))
    else:
        known |= found.workspaces()
        lines += found.lines()
        result.left.extend(found.problems())
        result.steps.extend(found.next_steps(deployment.stack))
    for workspace in deployment.workspaces:
        _review(deployment, witness, workspace, result, explained=workspace in known)
    result.proved.extend(lines)


def _review(deployment: GrantDeployment, witness: Witness, workspace: str, result: Outcome, *, explained: bool) -> None:
    """Add what the API server says of the subject's access to a workspace."""
    try:
        found = witness.review(workspace, explained=explained)
    except StepError as error:
        result.left.append(
            error.problem.within(f"{workspace}: the API server can't be asked about {deployment.subject}")
        )
        return
    if found is None:
        what = "not asked for an access review: this identity may not create subjectaccessreviews"
    elif not found.allowed:
        what = f"the API server refuses {deployment.subject}, without its other groups: {', '.join(found.refused)}"
    elif explained:
        what = f"{deployment.subject} may still {', '.join(found.allowed)}, by the other access"
    else:
        hint = f"look for it: kubectl get clusterrolebindings,rolebindings -n {workspace} -o wide"
        problem = f"{workspace}: {deployment.subject} may still {', '.join(found.allowed)}, by access that is not known"
        result.left.append(refusal(problem, hint))
        return
    result.proved.append(f"{workspace}: {what}")


def _by_hand(ending: Collection[Binding] | None) -> list[str]:
    """Return a command that ends the access without a deployment."""
    commands = [f"kubectl delete rolebinding -n {binding.workspace} {binding.name}" for binding in ending or ()]
    return [f"to end the access at once: {' && '.join(commands)}"] if commands else []
