"""Verification at the cluster that a subject's access has ended or begun, and what other access the subject has."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from ambient_components.access.bindings import ROLE_BINDING
from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.access.remaining import Holder, without_spelling
from ambient_components.cli.edits.deployment import PAUSE, Observer
from ambient_components.cli.edits.survey import Review, asked_as, review
from ambient_components.cluster import objects
from ambient_components.cluster.revocation import end, object_path
from ambient_components.errors import Problem, StepError, refusal, text_of
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import Subject, SubjectKind, who_is_meant
from ambient_components.stacks.deployed import Binding

CACHED: Final = "the platform's backend caches answers: its API may accept requests for up to 30 s"
"""Note about the delay (docs/internals/platform-contract.md, section 2)."""


@dataclass
class Witness(Observer):
    """An observer of one subject's access."""

    subject: Subject = field(kw_only=True)
    _uids: dict[Binding, str] = field(default_factory=dict)

    def before(self, ending: Collection[Binding]) -> None:
        """Read the UIDs of the bindings that must end."""
        self._uids = {binding: self._uid(binding) for binding in ending}

    @property
    def holder(self) -> Holder:
        """The subject, with the workspaces in which it could mint tokens and make RoleBindings."""
        makes = frozenset(binding.workspace for binding in self._uids if binding.role != Role.VIEW)
        return Holder(str(self.subject), frozenset({without_spelling(str(self.subject))}), makes)

    def end_now(self) -> list[str]:
        """Delete the remaining bindings, and return the errors.

        A failed deployment may have left them. The subject must lose the access anyway.
        """
        reported = []
        for binding, uid in self._uids.items():
            try:
                if uid:
                    end(self.cluster, ROLE_BINDING, binding.workspace, binding.name, uid)
            except Exception as error:  # the remaining bindings must still end, and `gone` checks the result
                reported.append(f"{binding.workspace}: {text_of(error)}")
        return reported

    def gone(self) -> Iterator[tuple[Binding, Problem | None]]:
        """Yield each binding, with the problem if it is still there after some time."""
        deadline = self.deadline()
        for binding, uid in self._uids.items():
            yield binding, self.until_none(partial(self._left, binding, uid), deadline, _unanswered)

    def given(self, workspace: str, name: str) -> Problem | None:
        """Return the problem if the cluster does not have a binding of the subject after some time."""
        return self.until_none(partial(self._missing, workspace, name), self.deadline(), _unanswered)

    def review(self, workspace: str, *, explained: bool) -> Review | None:
        """Return what the API server lets the subject do in the workspace, without the groups that are not known here.

        None if this identity may not ask for others. Unless the access is explained, wait for a refusal: the
        authorizer learns of a deletion with a delay.
        """
        deadline = min(self.deadline(), self.clock() + 5.0)
        while True:
            found = review(self.cluster, workspace, asked_as(self.subject))
            if explained or found is None or not found.allowed or self.clock() >= deadline:
                return found
            self.sleep(PAUSE)

    def _uid(self, binding: Binding) -> str:
        found = self.cluster.get(object_path(ROLE_BINDING, binding.workspace, binding.name))
        return objects.uid(found) if found else ""

    def _left(self, binding: Binding, uid: str) -> Problem | None:
        if not uid or self._uid(binding) != uid:
            return None
        command = f"kubectl delete rolebinding -n {binding.workspace} {binding.name}"
        return refusal(
            f"{binding.workspace}: the RoleBinding {binding.name} of {binding.subject} is still there", command
        )

    def _missing(self, workspace: str, name: str) -> Problem | None:
        found = self.cluster.get(object_path(ROLE_BINDING, workspace, name))
        if found is not None and str(self.subject) in objects.subjects(found):
            return None
        return refusal(f"{workspace}: the cluster has no RoleBinding {name} of {self.subject}", "pulumi up --refresh")


def _unanswered(error: StepError) -> Problem:
    return error.problem.within("the cluster can't be asked whether the access has ended")


def declared_for(ledger: Ledger, subject: str) -> Mapping[str, list[str]]:
    """Return the roles that a ledger gives to a subject or to a group of everyone, by workspace."""
    found: dict[str, list[str]] = {}
    for name, entry in ledger.items():
        roles = ["admin (owner)" for who in entry.owners if who == subject or who_is_meant(who)]
        roles += [role for who, role in entry.grants.items() if who == subject or who_is_meant(who)]
        if roles:
            found[name] = roles
    return found


def groups_of(ledger: Ledger, workspaces: Collection[str]) -> Mapping[str, list[str]]:
    """Return the groups with access to workspaces, as text. Whether a person is a member is not known."""
    found: dict[str, list[str]] = {}
    for name in workspaces:
        entry: Any = ledger.get(name, NOTHING)
        owners = [f"{who} (owner)" for who in entry.owners if who.startswith(f"{SubjectKind.GROUP}:")]
        grants = [f"{who} ({role})" for who, role in entry.grants.items() if who.startswith(f"{SubjectKind.GROUP}:")]
        if owners or grants:
            found[name] = [*owners, *grants]
    return found
