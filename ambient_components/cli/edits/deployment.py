"""`--now`: edited stack files are deployed by stack, only if the plan holds nothing else, and proved at the cluster."""

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar, Final, TypeVar

import typer

from ambient_components import activity, clock
from ambient_components.access.entries import Ledger
from ambient_components.access.remaining import Holder
from ambient_components.cli.edits.pending import Pending
from ambient_components.cli.edits.renewal import renew_accounts
from ambient_components.cli.edits.survey import Survey, survey
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.revocation import end
from ambient_components.engine.backend import export
from ambient_components.engine.command import Engine, failed
from ambient_components.engine.state import Export
from ambient_components.engine.steps import Preview, Step, read_preview
from ambient_components.errors import AmbientError, Problem, StepError, refusal, stop, text_of
from ambient_components.fleet.processes import carry_out
from ambient_components.fleet.summary import deployed_line, show_end
from ambient_components.output import show_problems
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import ledger_of
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stacks.project import Project, bare_name
from ambient_components.stacks.pulumi import PulumiEngine, require_passphrase
from ambient_components.stacks.states import deployed_shards, stacks_of

_SHOWN_STEPS: Final = 20
_SHOWN_FACTS: Final = 4
"""Maximum number of facts and notes. Notes are never left out."""

PATIENCE: Final = 30.0
"""Seconds until access must have ended. The API server caches authentication for up to 10 s."""
PAUSE: Final = 0.5

_AGAIN: Final = "fix it, then run the same command again: it deploys this change alone, and proves it"
STILL_DEPLOYED: Final = "removed from the files already, and still deployed"
NOT_DEPLOYED_EITHER: Final = ", and nothing is deployed for it"
ENDED_BEFORE: Final = "if this stack gave it access that was revoked before, that has ended"
NOT_KNOWN: Final = refusal("warning: what is deployed is not known")

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was verified at the cluster, and what was not."""

    proved: list[str] = field(default_factory=list)
    """The verified facts."""
    notes: list[str] = field(default_factory=list)
    """What can't be known, and what is allowed to stay."""
    new_keys: list[str] = field(default_factory=list)
    """WORKSPACE/KEY of the keys with a new token that works and has to be delivered by hand."""
    left: list[Problem] = field(default_factory=list)
    """What is false or could not be verified."""
    steps: list[str] = field(default_factory=list)
    """Commands that end what may be left."""


@dataclass
class Witness(ABC):
    """An observer of the cluster before and after a deployment."""

    cluster: Cluster
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    @abstractmethod
    def holder(self) -> Holder | None:
        """The subjects that lose access, with the workspaces in which they could mint tokens. None if none does."""

    @abstractmethod
    def end_now(self) -> list[str]:
        """Delete what must end and is still there, as after a failed deployment, and return the errors."""

    @abstractmethod
    def verify(self, outcome: Outcome) -> None:
        """Add what has ended or begun, and what has not."""

    def review(self, outcome: Outcome, left: Survey | None) -> None:  # noqa: B027  # of keys there is nothing more
        """Add what else is known of them, given what is left of their access. None if that could not be read."""

    def deadline(self) -> float:
        return self.clock() + PATIENCE

    def check(
        self,
        look: Callable[[], Problem | None],
        deadline: float,
        fact: str,
        outcome: Outcome,
        unanswered: Callable[[StepError], Problem],
    ) -> bool:
        """Look until there is no problem or the time is over, and add the fact or the last problem."""
        while True:
            try:
                problem = look()
            except StepError as error:
                problem = unanswered(error)
            if problem is None or self.clock() >= deadline:
                break
            self.sleep(PAUSE)
        if problem is None:
            outcome.proved.append(fact)
        else:
            outcome.left.append(problem)
        return problem is None

    def end_all(self, remaining: Iterable[tuple[str, str, str, str, str | None]]) -> list[str]:
        """Delete objects, given as what they are of, kind, namespace, name and uid, and return the errors."""
        reported = []
        for of, kind, namespace, name, uid in remaining:
            try:
                end(self.cluster, kind, namespace, name, uid)
            except Exception as error:  # the remaining objects must still be deleted, and `verify` checks the result
                reported.append(f"{of}: {text_of(error)}")
        return reported


@dataclass(frozen=True, slots=True)
class Deployment(ABC):
    """The deployment of one stack, with the change of some keys or of one subject's access.

    Attributes:
        noun: What changes, for messages.
        asking: What is done before and after, for the line that shows it.
        renews_first: Whether accounts are renewed before the deployment, as they could be used to mint tokens of what
            it makes.
    """

    noun: ClassVar[str]
    asking: ClassVar[str]
    renews_first: ClassVar[bool]

    engine: PulumiEngine
    project: Project
    stack: str
    files: Collection[str]
    """The files that were edited now. Empty if the change was in them already."""
    declared: Ledger
    """The workspaces to look for other access in, with their declared access."""
    workspaces: Collection[str]
    """The workspaces with a change."""
    renews: bool = field(default=False, kw_only=True)
    """Whether the other accounts of the changed workspaces are renewed."""
    whole: bool = field(default=False, kw_only=True)
    """Whether `declared` are all workspaces of the stack."""

    @abstractmethod
    def read(self) -> Any:
        """Return what the change ends, from the state."""

    @abstractmethod
    def sort(self, preview: Preview) -> Pending:
        """Sort the plan into the change and all else."""

    @abstractmethod
    def lacking(self, own: Collection[Step], existing: Any) -> Iterable[str]:
        """Return what the plan lacks, a line each."""

    @abstractmethod
    def by_hand(self, existing: Any) -> Sequence[str]:
        """Return what else ends it, for hints. It is None if that could not be read."""

    @abstractmethod
    def witness(self, existing: Any) -> Witness:
        """Return who knows what the cluster has now."""

    @property
    def command(self) -> str:
        return f"ambient up {self.stack}"

    @property
    def edited(self) -> str:
        """The note for errors which files are already edited."""
        if not self.files:
            return "no file is edited now"
        return f"{', '.join(self.files)} {'is' if len(self.files) == 1 else 'are'} edited"

    def cluster(self) -> Cluster:
        return Guard.of_config(self.project.config(self.stack)).cluster

    def plan(self) -> Preview:
        arguments = ("preview", "--json", "--stack", self.stack)
        answer = self.engine.attempt(*arguments)
        if answer.code != 0 and answer.stderr.strip():
            failed(arguments, answer)
        plan = read_preview(answer.stdout)
        if answer.code != 0:
            # It says why in the middle of its JSON.
            if plan is not None and plan.problems:
                raise AmbientError(plan.problems)
            stop(f"`pulumi {' '.join(arguments)}` failed", f"to see why: pulumi preview --stack {self.stack}")
        if plan is None:
            stop("`pulumi preview --json` printed something else than a plan")
        return plan

    def checked(self) -> tuple[Pending, Witness]:
        """Return the plan, which has exactly this change, and who can verify its result.

        Raises:
            AmbientError: The plan fails, for example because a guardrail refuses, or it is incomplete.
            typer.Exit: The plan has other changes, which are printed.
        """
        existing = None
        try:
            existing = self.read()
            plan = self.sort(self.plan())
        except AmbientError as error:
            hints = (_AGAIN, *self.by_hand(existing))
            raise AmbientError([*error.problems, refusal(f"{self.edited}, and nothing is deployed", hints)]) from None
        self._refuse_others(plan.others, self.by_hand(existing))
        if lines := list(self.lacking(plan.own, existing)):
            hints = (f"see why: pulumi preview --stack {self.stack} --diff", *self.by_hand(existing))
            head = f"nothing is deployed, as the plan for {self.stack} is not enough"
            raise AmbientError([refusal(f"{head}: {line}", hints) for line in lines])
        try:
            with activity.waiting(f"{self.asking} {self.stack}"):
                return plan, self.witness(existing)
        except StepError as error:
            problem = f"the cluster of {self.stack} can't be asked what becomes of {self.noun}, so nothing is deployed"
            raise AmbientError([error.problem.within(problem, self.edited, f"then: {self.command}")]) from None

    def _refuse_others(self, others: Sequence[str], by_hand: Iterable[str]) -> None:
        if not others:
            return
        shown, more = others[:_SHOWN_STEPS], len(others) - _SHOWN_STEPS
        print(
            f"ambient: the plan for {self.stack} holds more than this, so nothing is deployed:",
            *(f"  {line}" for line in shown),
            *([f"  and {more} more"] if more > 0 else []),
            f"{self.edited}. To deploy all of it: {self.command}",
            *by_hand,
            *clean_worktree(self.project.folder, self.stack),
            sep="\n",
            file=sys.stderr,
        )
        raise typer.Exit(1)

    def apply(self, plan: Pending, witness: Witness) -> Outcome:
        """Deploy, remove what a failure left, print the verdict with the verified facts, and return them."""
        outcome, errors, renewed = Outcome(), list[str](), None
        if self.renews and self.renews_first:
            errors += witness.end_now()
            renewed = self._renew(witness, outcome)
        deployed = self._up(plan.own, outcome)
        errors += witness.end_now()
        if self.renews and not self.renews_first:
            renewed = self._renew(witness, outcome)
        with activity.waiting(f"{self.asking} {self.stack}"):
            witness.verify(outcome)
            left = None
            if holder := witness.holder:
                try:
                    left = survey(witness.cluster, holder, self.declared, whole=self.whole, renewed=renewed)
                except StepError as error:
                    outcome.left.append(error.problem.within(f"{holder.title}: other access is not known"))
                else:
                    outcome.notes.extend(left.lines())
                    outcome.left.extend(left.problems())
                    outcome.steps.extend(left.next_steps(self.stack))
            witness.review(outcome, left)
        if outcome.left:
            outcome.left.extend(map(refusal, errors))
        if outcome.new_keys:
            first, *others = outcome.new_keys
            more = f" ({len(others)} more: ambient keys list {self.stack})" if others else ""
            outcome.steps.append(f"ambient keys deliver {self.stack} {first} --file FILE    # the new key{more}")
        print("", *self._summary(outcome, deployed), sep="\n", flush=True)
        return outcome

    def _summary(self, outcome: Outcome, deployed: str) -> Iterator[str]:
        """Yield the verdict, what it rests on, and what was deployed: six lines, if there are no more notes."""
        where = f"verified at the cluster of {self.stack}"
        yield f"Not everything is {where} (see below). Verified:" if outcome.left else f"V{where[1:]}:"
        room = max(_SHOWN_FACTS - len(outcome.notes), 1)
        yield from (f"  {line}" for line in outcome.proved[:room])
        if (more := len(outcome.proved) - room) > 0:
            yield f"  and {more} more like {'this' if room == 1 else 'these'}"
        yield from (f"  {line}" for line in outcome.notes)
        if not (outcome.proved or outcome.notes):
            yield "  nothing is proved"
        yield deployed

    def _renew(self, witness: Witness, outcome: Outcome) -> Collection[tuple[str, str]]:
        """Renew accounts after the access that ends: it could be used to mint tokens of the new ones."""
        renewal = renew_accounts(witness.cluster, self.declared, self.workspaces, clock.now())
        outcome.left.extend(renewal.failed)
        return renewal.renewed

    def _up(self, own: Collection[Step], outcome: Outcome) -> str:
        """Deploy the plan, and return the line that says so. A failure is printed, and leaves a problem."""
        if not own:
            return f"Nothing was to be deployed: the plan for {self.stack} is empty."
        # The plan was approved without a refresh, so the lock of a dead run is not taken over.
        ended = carry_out(self.engine, "up", self.stack, reviewed=True)
        if ended.code == 0:
            return deployed_line(ended)
        show_end(ended, self.project.shown(self.project.config_file(self.stack)), ())
        if ended.interrupted:
            raise KeyboardInterrupt
        # Not the original command, which would edit the files again.
        note = f"{self.edited}, and not all of it is deployed"
        outcome.left.append(Problem(None, "", note, (self.command,)))
        return f"The deployment of {self.stack} failed."


def clean_worktree(folder: Path, stack: str) -> list[str]:
    """Return how to deploy without the other edits, in lines: for a project in Git, from any folder in it."""
    folder = folder.absolute()
    root = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)
    if root is None:
        return []
    there = root.with_name(f"{root.name}-{bare_name(stack)}")
    inner, environment = quote(str(there / folder.relative_to(root))), folder / ".venv"
    linked = f" && ln -s {quote(str(environment))} {inner}/" if environment.exists() else ""
    return [
        "to deploy only this: run the same command in a clean worktree of the last commit (HEAD):",
        f"  git worktree add --detach {quote(str(there))} HEAD{linked} && cd {inner}",
        "its HEAD is detached: commit the edit there on a branch (git switch --create NAME)",
    ]


def deploy(deployments: Iterable[Deployment]) -> Outcome:
    """Deploy a change, and verify it at the clusters. Nothing is deployed unless every plan has exactly this change."""
    whole = Outcome()
    for deployment, (plan, witness) in [(deployment, deployment.checked()) for deployment in deployments]:
        outcome = deployment.apply(plan, witness)
        whole.left.extend(outcome.left)
        whole.steps.extend(outcome.steps)
    return whole


def renew_alone(deployment: Deployment, workspaces: Collection[str]) -> list[Problem]:
    """Renew the accounts of workspaces where nothing else changes, and return the problems."""
    try:
        return renew_accounts(deployment.cluster(), deployment.declared, workspaces, clock.now()).failed
    except StepError as error:
        return [error.problem.within(f"{deployment.stack}: its accounts are not renewed")]


def declared_in(stack: LoadedStack, workspaces: Iterable[str]) -> Ledger:
    return ledger_of({name: stack.file.workspaces[name] for name in workspaces}, Calendar.of(stack.file))


def by_stack(project: Project, stack: str, loaded: LoadedStack, places: Mapping[Item, str]) -> dict[str, list[Item]]:
    """Return what was edited by the stack that deploys it. For a fleet, these are the shards of the workspaces."""
    pins = {workspace: loaded.file.workspaces[workspace].shard for workspace in places.values()}
    stacks = stacks_of(project, stack, pins)
    by_place: dict[str, list[Item]] = {}
    for item, workspace in places.items():
        by_place.setdefault(stacks[workspace], []).append(item)
    return dict(sorted(by_place.items()))


def states_of(
    engine: Engine, project: Project, stack: str, places: Mapping[str, list[Item]], warning: Problem | None
) -> list[tuple[list[Item], Export]] | None:
    """Return the items of each stack with its state. Shards that were never deployed have none.

    Args:
        warning: What to say if a state can't be read. The result is None then. Without it, this is an error.
    """
    count = project.shards(stack)
    try:
        there = None if count is None or not places else deployed_shards(engine, project, stack, count)
        return [(here, export(engine, place)) for place, here in places.items() if there is None or place in there]
    except AmbientError as error:
        if warning is None:
            raise
        show_problems([*error.problems, warning])
        return None


def require_passphrases(project: Project, stacks: Iterable[str]) -> None:
    """Ask for the passphrases of stacks before files are changed."""
    for stack in stacks:
        require_passphrase(project, stack)


def finish(outcome: Outcome | None, edited: Collection[str], stacks: Iterable[str], fleet: str = "") -> None:
    """Print the commands that remain after an edit, and raise what a deployment has left.

    Args:
        outcome: What a deployment verified. None if nothing was deployed.
        stacks: The stacks to deploy.
        fleet: The fleet that they are of.
    """
    steps = [f"git diff {' '.join(edited)}", f"git commit {' '.join(edited)}"] if edited else []
    if outcome is None:
        up = [f"ambient up {stack}" for stack in stacks]
        steps += [f"ambient up {fleet}"] if fleet and up else up
    else:
        steps = [*outcome.steps, *steps]
    if steps:
        print("\nNext:", *(f"  {step}" for step in steps), sep="\n")
    if outcome is not None and outcome.left:
        raise AmbientError(outcome.left)
