"""Deploys changed keys at once and proves it at the cluster: `--now` of `ambient keys rotate` and `revoke`."""

import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer

from ambient_components.cli.keys_deployed import Identity, identities, recorded
from ambient_components.cli.keys_proof import Witness
from ambient_components.cli.keys_required import Aim, lacks
from ambient_components.cli.pending import Pending, pending
from ambient_components.engine.command import failed
from ambient_components.errors import AmbientError, Problem, fail, hints_of, refusal
from ambient_components.failure import StepError

if TYPE_CHECKING:
    from ambient_components.cli.keys_edit import Chosen, Recorded
    from ambient_components.cli.project import Project
    from ambient_components.engine.command import Engine

_SHOWN_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Deployment:
    """One stack, and what shall come of its keys.

    Args:
        engine: The engine.
        project: With the stack's config.
        stack: Its name.
        aims: What shall come of each key.
        files: The files that were edited.
    """

    engine: "Engine"
    project: "Project"
    stack: str
    aims: "Mapping[Chosen, Aim]"
    files: Collection[str]

    @property
    def command(self) -> str:
        """What deploys all of the stack."""
        return f"pulumi up --stack {self.stack}"

    @property
    def edited(self) -> str:
        """What is true of the files by now."""
        return f"{', '.join(self.files)} {'is' if len(self.files) == 1 else 'are'} edited"


def deployed_generations(engine: "Engine", places: "Mapping[str, Collection[Chosen]]") -> "dict[Chosen, Recorded]":
    """Return the generations of keys that their stacks have on record.

    Args:
        engine: The engine.
        places: The keys, by the stack that deploys them.

    Raises:
        AmbientError: A state can't be read.
    """
    found: dict[Chosen, Recorded] = {}
    for stack, keys in places.items():
        found |= recorded(_parsed(engine.run("stack", "export", "--stack", stack), stack), keys)
    return found


def deploy(deployments: Collection[Deployment]) -> None:
    """Deploy keys that were changed, and prove at the cluster that the old ones have ended and the new ones work.

    Nothing is deployed unless every plan holds the change of these keys, all of it, and nothing else.

    Raises:
        AmbientError: Something failed, or an old key has not ended.
        typer.Exit: A plan holds something else; it is printed.
    """
    checked = [(one, *_checked(one)) for one in deployments]
    problems: list[Problem] = []
    for one, plan, witness in checked:
        problems += _carried_out(one, plan, witness)
    if problems:
        raise AmbientError(problems)


def _checked(one: Deployment) -> tuple[Pending, Witness]:
    """Return what a stack would do, and who can tell afterwards whether it did.

    Raises:
        AmbientError: The plan can't be made or lacks something, or the cluster does not answer.
        typer.Exit: It holds something else; it is printed.
    """
    before: tuple[Identity, ...] = ()
    try:
        before = _deployed(one)
        plan = pending(_plan(one), one.aims)
    except AmbientError as error:
        note = f"{one.edited}, and nothing is deployed"
        hints = (f"mend it, then: {one.command}", *_by_hand(one, before))
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
    """Return what ends keys without a deployment, where they shall end at once."""
    commands = [
        f"kubectl delete serviceaccount -n {item.workspace} {item.account}"
        for item in before
        if one.aims[item.chosen].at_once and one.aims[item.chosen].ends(item)
    ]
    return [f"to end the old identity at once: {' && '.join(commands)}"] if commands else []


def _witness(one: Deployment, before: Collection[Identity]) -> Witness:
    from ambient_components.cli.keys_asking import Bearers  # noqa: PLC0415
    from ambient_components.cluster import Cluster  # noqa: PLC0415
    from ambient_components.guard import Guard  # noqa: PLC0415

    config = one.project.config(one.stack)
    context = config.get("context") or None
    try:
        witness = Witness(Guard(Cluster(context), config.get("clusterUid") or None).cluster, Bearers(context), one.aims)
        witness.before(before)
    except StepError as error:
        problem = f"the cluster of {one.stack} can't be asked what becomes of the keys, so nothing is deployed: {error}"
        fail(None, "", problem, f"{one.edited}; then: {one.command}")
    return witness


def _carried_out(one: Deployment, plan: Pending, witness: Witness) -> list[Problem]:
    """Deploy one stack, end what that left, and say what was proved; return what does not hold."""
    problems = []
    if plan.keys:
        print(f"\nThe plan for {one.stack} holds nothing else: deploying it.", flush=True)
        try:
            one.engine.run("up", "--yes", "--skip-preview", "--stack", one.stack, ask=True)
        except AmbientError as error:
            # Not the same command again: it would make yet another generation.
            note = f"{one.edited}, and not all of it is deployed"
            problems += [*error.problems, Problem(None, "", note, (one.command,))]
    else:
        print(f"\nThe plan for {one.stack} is empty: nothing is to be deployed.", flush=True)
    said = witness.end_now()
    try:
        after: tuple[Identity, ...] | None = _deployed(one)
    except AmbientError as error:
        problems += error.problems
        after = None
    print(f"\nRead back from the cluster of {one.stack}:", flush=True)
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
        problems += [Problem(None, "", text) for text in said]
    return problems


def _deployed(one: Deployment) -> tuple[Identity, ...]:
    """Return the identities in a stack's state, with their tokens."""
    arguments = ("stack", "export", "--show-secrets", "--stack", one.stack)
    answer = one.engine.attempt(*arguments)
    if answer.code != 0:
        failed(arguments, answer._replace(stdout=""))  # no part of such a state is for an error
    return identities(_parsed(answer.stdout, one.stack), one.aims)


def _parsed(text: str, stack: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AmbientError([Problem(None, "", f"`pulumi stack export --stack {stack}` printed no state")])
    return found


def _plan(one: Deployment) -> Mapping[str, Any]:
    arguments = ("preview", "--json", "--stack", one.stack)
    answer = one.engine.attempt(*arguments)
    if answer.code != 0 and answer.stderr.strip():
        failed(arguments, answer)
    if answer.code != 0:
        # It says why in the middle of its JSON.
        fail(None, "", f"`pulumi {' '.join(arguments)}` failed", f"to see why: pulumi preview --stack {one.stack}")
    try:
        plan = json.loads(answer.stdout)
    except ValueError:
        plan = None
    if not isinstance(plan, dict):
        raise AmbientError([Problem(None, "", "`pulumi preview --json` printed something else than a plan")])
    return plan
