"""Immediate deployment of changed keys, verified at the cluster. For `--now` of `ambient keys rotate` and `revoke`."""

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import typer

from ambient_components import activity
from ambient_components.cli.keys.bearer_check import Bearers
from ambient_components.cli.keys.deployed import Identity, identities, recorded
from ambient_components.cli.keys.edit import Recorded, SelectedKey
from ambient_components.cli.keys.proof import Witness
from ambient_components.cli.keys.required import Aim, Pending, lacks, pending
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.engine.backend import export, export_with_secrets
from ambient_components.engine.command import Engine, failed
from ambient_components.engine.steps import Preview, read_preview
from ambient_components.errors import AmbientError, Problem, StepError, fail, hints_of, refusal
from ambient_components.stacks.project import Project

_SHOWN_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment of one stack, with the intended results for its keys.

    Args:
        engine: The engine.
        project: The project, with the stack's config.
        stack: The stack's name.
        aims: The intended result for each key.
        files: The files that were edited now. None if the change was in them already.
    """

    engine: Engine
    project: Project
    stack: str
    aims: Mapping[SelectedKey, Aim]
    files: Collection[str]

    @property
    def command(self) -> str:
        """The command that deploys the whole stack."""
        return f"pulumi up --stack {self.stack}"

    @property
    def edited(self) -> str:
        """The note for errors which files are already edited."""
        if not self.files:
            return "no file is edited now"
        return f"{', '.join(self.files)} {'is' if len(self.files) == 1 else 'are'} edited"


def deployed_generations(engine: Engine, places: Mapping[str, Collection[SelectedKey]]) -> dict[SelectedKey, Recorded]:
    """Return the generations of keys that their stacks have on record.

    Args:
        engine: The engine.
        places: The keys by the stack that deploys them.

    Raises:
        AmbientError: A state can't be read.
    """
    found: dict[SelectedKey, Recorded] = {}
    for stack, keys in places.items():
        found |= recorded(export(engine, stack), keys)
    return found


def deploy(deployments: Collection[Deployment]) -> None:
    """Deploy changed keys, and verify at the cluster that the old ones have ended and the new ones work.

    Nothing is deployed unless every plan has exactly the complete change of these keys.

    Raises:
        AmbientError: A step failed, or an old key is still valid.
        typer.Exit: A plan has other changes, which are printed.
    """
    checked = [(one, *_checked(one)) for one in deployments]
    problems: list[Problem] = []
    for one, plan, witness in checked:
        problems += _carried_out(one, plan, witness)
    if problems:
        raise AmbientError(problems)


def _checked(one: Deployment) -> tuple[Pending, Witness]:
    """Return a stack's plan and the witness that can verify its result.

    Raises:
        AmbientError: The plan fails or is incomplete, or the cluster does not respond.
        typer.Exit: The plan has other changes, which are printed.
    """
    before: tuple[Identity, ...] = ()
    try:
        before = _deployed(one)
        plan = pending(_plan(one), one.aims)
    except AmbientError as error:
        note = f"{one.edited}, and nothing is deployed"
        hints = (f"fix it, then: {one.command}", *_by_hand(one, before))
        raise AmbientError([*error.problems, refusal(note, hints)]) from None
    if plan.others:
        shown, more = plan.others[:_SHOWN_STEPS], len(plan.others) - _SHOWN_STEPS
        lines = [f"  {step.op}  {step.name}" for step in shown] + ([f"  and {more} more"] if more > 0 else [])
        print(
            f"ambient: the plan for {one.stack} holds more than this, so nothing is deployed:",
            *lines,
            f"{one.edited}. To deploy all of it: {one.command}",
            *_by_hand(one, before),
            sep="\n",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    if missing := lacks(plan.keys, one.aims, before):
        raise AmbientError([_lacking(one, line, before) for line in missing])
    return plan, _witness(one, before)


def _lacking(one: Deployment, line: str, before: Collection[Identity]) -> Problem:
    hints = (f"see why: pulumi preview --stack {one.stack} --diff", *_by_hand(one, before))
    return refusal(f"nothing is deployed, as the plan for {one.stack} is not enough: {line}", hints)


def _by_hand(one: Deployment, before: Collection[Identity]) -> list[str]:
    """Return commands that end keys without a deployment, for keys that must end at once."""
    commands = [
        f"kubectl delete serviceaccount -n {item.workspace} {item.account}"
        for item in before
        if one.aims[item.selected].at_once and one.aims[item.selected].ends(item)
    ]
    return [f"to end the old identity at once: {' && '.join(commands)}"] if commands else []


def _witness(one: Deployment, before: Collection[Identity]) -> Witness:
    config = one.project.config(one.stack)
    context = config.get("context") or None
    try:
        witness = Witness(Guard(Cluster(context), config.get("clusterUid") or None).cluster, Bearers(context), one.aims)
        with activity.waiting(f"Testing the keys at the cluster of {one.stack}"):
            witness.before(before)
    except StepError as error:
        problem = f"the cluster of {one.stack} can't be asked what becomes of the keys, so nothing is deployed"
        raise AmbientError([error.problem.within(problem, one.edited, f"then: {one.command}")]) from None
    return witness


def _carried_out(one: Deployment, plan: Pending, witness: Witness) -> list[Problem]:
    """Deploy one stack, remove what a failure left, print the verified results, and return the problems."""
    problems = []
    if plan.keys:
        print(f"\nThe plan for {one.stack} holds nothing else: deploying it.", flush=True)
        try:
            one.engine.run("up", "--yes", "--skip-preview", "--stack", one.stack, ask=True)
        except AmbientError as error:
            # Not the original command, which would add another generation.
            note = f"{one.edited}, and not all of it is deployed"
            problems += [*error.problems, Problem(None, "", note, (one.command,))]
    else:
        print(f"\nThe plan for {one.stack} is empty: nothing is to be deployed.", flush=True)
    reported = witness.end_now()
    try:
        after: tuple[Identity, ...] | None = _deployed(one)
    except AmbientError as error:
        problems += error.problems
        after = None
    print(f"\nRead back from the cluster of {one.stack}:", flush=True)
    with activity.waiting(f"Testing the keys at the cluster of {one.stack}"):
        verdicts = witness.after(after)
    for verdict in verdicts:
        for line in verdict.proved:
            print(f"  {verdict.name}: {line}")
    unproved = [
        Problem(None, verdict.name, problem, hints_of(remedy))
        for verdict in verdicts
        for problem, remedy in verdict.open
    ]
    problems += unproved
    if any(verdict.open for verdict in verdicts):
        problems += [Problem(None, "", text) for text in reported]
    return problems


def _deployed(one: Deployment) -> tuple[Identity, ...]:
    """Return the identities in a stack's state, with their tokens."""
    return identities(export_with_secrets(one.engine, one.stack), one.aims)


def _plan(one: Deployment) -> Preview:
    arguments = ("preview", "--json", "--stack", one.stack)
    answer = one.engine.attempt(*arguments)
    if answer.code != 0 and answer.stderr.strip():
        failed(arguments, answer)
    if answer.code != 0:
        # It says why in the middle of its JSON.
        fail(None, "", f"`pulumi {' '.join(arguments)}` failed", f"to see why: pulumi preview --stack {one.stack}")
    plan = read_preview(answer.stdout)
    if plan is None:
        fail(None, "", "`pulumi preview --json` printed something else than a plan")
    return plan
