"""Immediate deployment of changed grants, verified at the cluster. For `--now` of `ambient grants revoke`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from ambient_components.access.bindings import ROLE_BINDING
from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.remaining import Holder, without_spelling
from ambient_components.cli.edits.deployment import PAUSE, Deployment, Outcome, Witness
from ambient_components.cli.edits.pending import Pending, lacking_bindings, of_grants
from ambient_components.cli.edits.survey import Review, Survey, asked_as, review
from ambient_components.cluster import objects
from ambient_components.cluster.revocation import object_path
from ambient_components.engine.backend import export
from ambient_components.engine.steps import Preview, Step
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import Subject, SubjectKind, who_is_meant
from ambient_components.stacks.deployed import Binding
from ambient_components.stacks.reading import bindings

CACHED: Final = "the platform's backend caches answers: its API may accept requests for up to 30 s"
"""Note about the delay (docs/internals/platform-contract.md, section 2)."""


@dataclass
class GrantWitness(Witness):
    subject: Subject = field(kw_only=True)
    revoked: Collection[str] = field(kw_only=True)
    """The workspaces where all bindings must end."""
    known: set[str] = field(kw_only=True)
    """The workspaces where files still give access, to the subject or to everyone."""
    _uids: dict[Binding, str] = field(default_factory=dict)

    def before(self, ending: Collection[Binding]) -> None:
        self._uids = {binding: self._uid(binding) for binding in ending}

    @property
    def holder(self) -> Holder | None:
        """The subject, with the workspaces in which it could mint tokens and make RoleBindings."""
        if not self.revoked:
            return None
        makes = frozenset(binding.workspace for binding in self._uids if binding.role != Role.VIEW)
        return Holder(str(self.subject), frozenset({without_spelling(str(self.subject))}), makes)

    def end_now(self) -> list[str]:
        """Delete the remaining bindings, and return the errors.

        A failed deployment may have left them. The subject must lose the access anyway.
        """
        return self.end_all(
            (binding.workspace, ROLE_BINDING, binding.workspace, binding.name, uid)
            for binding, uid in self._uids.items()
            if uid
        )

    def verify(self, outcome: Outcome) -> None:
        deadline = self.deadline()
        for binding, uid in self._uids.items():
            fact = f"{binding.workspace}: the RoleBinding {binding.name} is gone"
            self.check(partial(self._left, binding, uid), deadline, fact, outcome, _unanswered)

    def review(self, outcome: Outcome, left: Survey | None) -> None:
        known = self.known | (left.workspaces() if left else set())
        for workspace in self.revoked:
            try:
                self._review(outcome, workspace, explained=workspace in known)
            except StepError as error:
                problem = f"{workspace}: the API server can't be asked about {self.subject}"
                outcome.left.append(error.problem.within(problem))
        if self.revoked:
            outcome.notes.append(CACHED)

    def _review(self, outcome: Outcome, workspace: str, *, explained: bool) -> None:
        answer, known = self._answer(workspace, explained=explained), outcome.notes
        if answer is None:
            what = "not asked for an access review: this identity may not create subjectaccessreviews"
        elif not answer.allowed:
            known = outcome.proved
            what = f"the API server refuses {self.subject}, without its other groups: {', '.join(answer.refused)}"
        elif explained:
            what = f"{self.subject} may still {', '.join(answer.allowed)}, by the other access"
        else:
            hint = f"look for it: kubectl get clusterrolebindings,rolebindings -n {workspace} -o wide"
            problem = f"{workspace}: {self.subject} may still {', '.join(answer.allowed)}, by access that is not known"
            outcome.left.append(refusal(problem, hint))
            return
        known.append(f"{workspace}: {what}")

    def _answer(self, workspace: str, *, explained: bool) -> Review | None:
        """Return what the API server says; None if this identity may not ask for others.

        Unless the access is explained, wait for a refusal: the authorizer learns of a deletion with a delay.
        """
        deadline = min(self.deadline(), self.clock() + 5.0)
        while True:
            answer = review(self.cluster, workspace, asked_as(self.subject))
            if explained or answer is None or not answer.allowed or self.clock() >= deadline:
                return answer
            self.sleep(PAUSE)

    def _uid(self, binding: Binding) -> str:
        existing = self.cluster.get(object_path(ROLE_BINDING, binding.workspace, binding.name))
        return objects.uid(existing) if existing else ""

    def _left(self, binding: Binding, uid: str) -> Problem | None:
        if not uid or self._uid(binding) != uid:
            return None
        command = f"kubectl delete rolebinding -n {binding.workspace} {binding.name}"
        return refusal(
            f"{binding.workspace}: the RoleBinding {binding.name} of {binding.subject} is still there", command
        )


def _unanswered(error: StepError) -> Problem:
    return error.problem.within("the cluster can't be asked whether the access has ended")


@dataclass(frozen=True, slots=True)
class GrantDeployment(Deployment):
    noun = "the access"
    asking = "Reading the access in the cluster of"
    renews_first = False

    subject: Subject
    kinds: Collection[str]
    """The kinds of access that change: grant, owner."""

    def read(self) -> tuple[Binding, ...]:
        deployed = bindings(export(self.engine, self.stack), str(self.subject), self.kinds)
        return tuple(binding for binding in deployed if binding.workspace in self.workspaces)

    def sort(self, preview: Preview) -> Pending:
        return of_grants(preview, str(self.subject), self.workspaces, self.kinds)

    def lacking(self, own: Collection[Step], existing: Collection[Binding]) -> Iterable[str]:
        return lacking_bindings(own, existing)

    def by_hand(self, existing: Collection[Binding] | None) -> list[str]:
        commands = [f"kubectl delete rolebinding -n {binding.workspace} {binding.name}" for binding in existing or ()]
        return [f"to end the access at once: {' && '.join(commands)}"] if commands else []

    def witness(self, existing: Collection[Binding]) -> GrantWitness:
        known = {name for name, entry in self.declared.items() if _gives(entry, str(self.subject))}
        witness = GrantWitness(self.cluster(), subject=self.subject, revoked=self.workspaces, known=known)
        witness.before(existing)
        return witness


def _gives(entry: Entry, subject: str) -> bool:
    return any(who == subject or who_is_meant(who) for who in (*entry.owners, *entry.grants))


def groups_of(ledger: Ledger, workspaces: Collection[str]) -> Mapping[str, list[str]]:
    """Return the groups with access to workspaces, as text. Whether a person is a member is not known."""
    groups: dict[str, list[str]] = {}
    for name in workspaces:
        entry: Any = ledger.get(name, NOTHING)
        owners = [f"{who} (owner)" for who in entry.owners if who.startswith(f"{SubjectKind.GROUP}:")]
        grants = [f"{who} ({role})" for who, role in entry.grants.items() if who.startswith(f"{SubjectKind.GROUP}:")]
        if owners or grants:
            groups[name] = [*owners, *grants]
    return groups
