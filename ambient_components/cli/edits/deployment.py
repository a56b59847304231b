"""The deployment of edited stack files: by stack, only if the plan holds nothing else, or as the next steps."""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import typer

from ambient_components import activity
from ambient_components.cli.edits.pending import Pending, Step
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.engine.command import Engine, failed
from ambient_components.engine.steps import Preview, read_preview
from ambient_components.errors import AmbientError, Problem, StepError, fail, refusal
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stacks.project import Project
from ambient_components.stacks.pulumi import require_passphrase
from ambient_components.stacks.states import stacks_of

_SHOWN_STEPS: Final = 20

Item = TypeVar("Item")
Existing = TypeVar("Existing")


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment of one stack.

    Args:
        files: The files that were edited now. Empty if the change was in them already.
    """

    engine: Engine
    project: Project
    stack: str
    files: Collection[str]

    @property
    def command(self) -> str:
        return f"pulumi up --stack {self.stack}"

    @property
    def edited(self) -> str:
        """The note for errors which files are already edited."""
        if not self.files:
            return "no file is edited now"
        return f"{', '.join(self.files)} {'is' if len(self.files) == 1 else 'are'} edited"

    def cluster(self) -> Cluster:
        config = self.project.config(self.stack)
        return Guard(Cluster(config.get("context") or None), config.get("clusterUid") or None).cluster

    def plan(self) -> Preview:
        arguments = ("preview", "--json", "--stack", self.stack)
        answer = self.engine.attempt(*arguments)
        if answer.code != 0 and answer.stderr.strip():
            failed(arguments, answer)
        plan = read_preview(answer.stdout)
        if answer.code != 0:
            # It says why in the middle of its JSON.
            if plan is not None and (reported := errors_in(plan)):
                raise AmbientError(reported)
            fail(None, "", f"`pulumi {' '.join(arguments)}` failed", f"to see why: pulumi preview --stack {self.stack}")
        if plan is None:
            fail(None, "", "`pulumi preview --json` printed something else than a plan")
        return plan

    def approved(
        self,
        read: Callable[[], Existing],
        sort: Callable[[Preview], Pending],
        lacking: Callable[[Pending, Existing], Iterable[str]],
        by_hand: Callable[[Existing | None], Sequence[str]],
    ) -> tuple[Existing, Pending]:
        """Return what the change ends, and the plan, which has exactly this change.

        Args:
            read: Reads what the change ends.
            sort: Sorts the plan into the change and all else.
            lacking: Returns what the plan lacks, a line each.
            by_hand: Returns what else ends it, for the hints. None if that could not be read.

        Raises:
            AmbientError: The plan fails, for example because a guardrail refuses, or it is incomplete.
            typer.Exit: The plan has other changes, which are printed.
        """
        existing: Existing | None = None
        try:
            existing = read()
            plan = sort(self.plan())
        except AmbientError as error:
            hints = (f"fix it, then: {self.command}", *by_hand(existing))
            raise AmbientError([*error.problems, refusal(f"{self.edited}, and nothing is deployed", hints)]) from None
        self._refuse_others(plan.others, by_hand(existing))
        if lines := list(lacking(plan, existing)):
            hints = (f"see why: pulumi preview --stack {self.stack} --diff", *by_hand(existing))
            head = f"nothing is deployed, as the plan for {self.stack} is not enough"
            raise AmbientError([refusal(f"{head}: {line}", hints) for line in lines])
        return existing, plan

    @contextmanager
    def before(self, activity_text: str, what: str) -> Iterator[None]:
        """Ask the cluster before the deployment: what it does not answer keeps everything as it is."""
        try:
            with activity.waiting(f"{activity_text} {self.stack}"):
                yield
        except StepError as error:
            problem = f"the cluster of {self.stack} can't be asked what becomes of {what}, so nothing is deployed"
            raise AmbientError([error.problem.within(problem, self.edited, f"then: {self.command}")]) from None

    def _refuse_others(self, others: Sequence[Step], by_hand: Iterable[str]) -> None:
        if not others:
            return
        shown, more = others[:_SHOWN_STEPS], len(others) - _SHOWN_STEPS
        print(
            f"ambient: the plan for {self.stack} holds more than this, so nothing is deployed:",
            *(f"  {step.op}  {step.name}" for step in shown),
            *([f"  and {more} more"] if more > 0 else []),
            f"{self.edited}. To deploy all of it: {self.command}",
            *by_hand,
            sep="\n",
            file=sys.stderr,
        )
        raise typer.Exit(1)

    def up(self, own: Collection[Step]) -> list[Problem]:
        """Deploy the plan if it has steps, and return the problems."""
        if not own:
            print(f"\nThe plan for {self.stack} is empty: nothing is to be deployed.", flush=True)
            return []
        print(f"\nThe plan for {self.stack} holds nothing else: deploying it.", flush=True)
        try:
            self.engine.run("up", "--yes", "--skip-preview", "--stack", self.stack, ask=True)
        except AmbientError as error:
            # Not the original command, which would edit the files again.
            note = f"{self.edited}, and not all of it is deployed"
            return [*error.problems, Problem(None, "", note, (self.command,))]
        return []


def errors_in(plan: Preview) -> list[Problem]:
    """Return the problems of a failed preview, each once."""
    errors = [diagnostic for diagnostic in plan.diagnostics if diagnostic.severity == "error"]
    return list(dict.fromkeys(problem for error in errors for problem in error.problems))


def by_stack(project: Project, stack: str, loaded: LoadedStack, places: Mapping[Item, str]) -> dict[str, list[Item]]:
    """Return what was edited by the stack that deploys it. For a fleet, these are the shards of the workspaces."""
    pins = {workspace: loaded.file.workspaces[workspace].shard for workspace in places.values()}
    stacks = stacks_of(project, stack, pins)
    found: dict[str, list[Item]] = {}
    for item, workspace in places.items():
        found.setdefault(stacks[workspace], []).append(item)
    return dict(sorted(found.items()))


def require_passphrases(project: Project, stacks: Iterable[str]) -> None:
    """Ask for the passphrases of stacks before files are changed."""
    for stack in stacks:
        require_passphrase(project, stack)


def next_steps(edited: Collection[str], stacks: Iterable[str], fleet: str = "", more: Iterable[str] = ()) -> str:
    """Return the commands that remain after an edit.

    Args:
        stacks: The stacks to deploy. None if they are deployed already.
    """
    steps = [f"git diff {' '.join(edited)}", f"git commit {' '.join(edited)}"] if edited else []
    up = [f"pulumi up --stack {stack}" for stack in stacks]
    steps += [f"ambient up {fleet}"] if fleet and up else up
    steps += more
    return "\nNext:\n  " + "\n  ".join(steps) if steps else ""


PATIENCE: Final = 30.0
"""Seconds until access must have ended. The API server caches authentication for up to 10 s."""
PAUSE: Final = 0.5


@dataclass
class Observer:
    """An observer of the cluster before and after a deployment."""

    cluster: Cluster
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def deadline(self) -> float:
        return self.clock() + PATIENCE

    def until_none(
        self, look: Callable[[], Problem | None], deadline: float, unanswered: Callable[[StepError], Problem]
    ) -> Problem | None:
        """Check until there is no problem or the time is over, and return the last problem."""
        while True:
            try:
                problem = look()
            except StepError as error:
                problem = unanswered(error)
            if problem is None or self.clock() >= deadline:
                return problem
            self.sleep(PAUSE)
