"""Verification at the cluster that a subject's access has ended or begun, and what other access the subject has."""

import shlex
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.access.bindings import ROLE_BINDING, expected_objects
from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.cli.grants.deployed import Binding
from ambient_components.cluster import objects
from ambient_components.cluster.client import ApiError, Cluster, path
from ambient_components.cluster.objects import short
from ambient_components.cluster.revocation import end, object_path
from ambient_components.errors import Problem, StepError, refusal, text_of
from ambient_components.platform.contract import RBAC_API_GROUP
from ambient_components.platform.subjects import Subject, SubjectKind

PATIENCE: Final = 30.0
"""Seconds until a deleted binding must be gone."""
CACHED: Final = "the platform's backend caches answers: its API may accept requests for up to 30 s"
"""Note about the delay (docs/internals/platform-contract.md, section 2)."""
_PAUSE: Final = 0.5
_REVIEWS: Final = path("apis", "authorization.k8s.io", "v1", "subjectaccessreviews")
_GATE: Final = {"verb": "list", "group": "vteam.ambient-code", "resource": "agenticsessions"}
"""The right that the platform's backend asks for before each request to a workspace."""


@dataclass(frozen=True, slots=True, order=True)
class Other:
    """A RoleBinding in the cluster that no file declares."""

    workspace: str
    name: str
    role: str

    @property
    def command(self) -> str:
        """The command that deletes it."""
        return f"kubectl delete rolebinding -n {self.workspace} {shlex.quote(short(self.name))}"


@dataclass
class Witness:
    """An observer of one subject's access in the cluster, before and after a deployment.

    Args:
        cluster: The stack's cluster.
        subject: The subject.
    """

    cluster: Cluster
    subject: Subject
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _uids: dict[Binding, str] = field(default_factory=dict)

    def before(self, ending: Collection[Binding]) -> None:
        """Read the UIDs of the bindings that must end.

        Raises:
            StepError: The cluster does not respond.
        """
        self._uids = {one: self._uid(one) for one in ending}

    def end_now(self) -> list[str]:
        """Delete the remaining bindings, and return the errors.

        A failed deployment may have left them. The subject must lose the access anyway.
        """
        reported = []
        for one, uid in self._uids.items():
            try:
                if uid:
                    end(self.cluster, ROLE_BINDING, one.workspace, one.name, uid)
            except Exception as error:  # the remaining bindings must still end, and `gone` checks the result
                reported.append(f"{one.workspace}: {text_of(error)}")
        return reported

    def gone(self) -> Iterator[tuple[Binding, Problem | None]]:
        """Yield each binding, with the problem if it is still there after some time."""
        deadline = self.clock() + PATIENCE
        for one, uid in self._uids.items():
            yield one, self._until_none(lambda one=one, uid=uid: self._left(one, uid), deadline)  # type: ignore[misc]

    def given(self, workspace: str, name: str) -> Problem | None:
        """Return the problem if the cluster does not have a binding of the subject after some time."""
        deadline = self.clock() + PATIENCE
        return self._until_none(lambda: self._missing(workspace, name), deadline)

    def allowed(self, workspace: str) -> bool | None:
        """Return whether the API server lets the subject, without its groups, use the workspace.

        None if this identity may not ask for others.
        """
        is_group = self.subject.kind is SubjectKind.GROUP
        spec = {
            **({"groups": [self.subject.name]} if is_group else {"user": self.subject.platform_name}),
            "resourceAttributes": {**_GATE, "namespace": workspace},
        }
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        try:
            answer = self.cluster.create(_REVIEWS, body)
        except ApiError as error:
            if error.status == 403:
                return None
            raise
        return bool(objects.mapping(answer.get("status")).get("allowed"))

    def stays_allowed(self, workspace: str) -> bool | None:
        """Return the same as `allowed`, and wait for a refusal: the authorizer learns of a deletion with a delay."""
        deadline = self.clock() + min(PATIENCE, 5.0)
        while (found := self.allowed(workspace)) and self.clock() < deadline:
            self.sleep(_PAUSE)
        return found

    def others(self, declared: Ledger, *, whole: bool) -> tuple[Other, ...]:
        """Return the RoleBindings that name the subject in these workspaces and that no file declares, sorted.

        Args:
            declared: The workspaces, with the access that the files declare.
            whole: Whether to list the whole cluster in one request.

        Raises:
            StepError: The cluster does not respond, or denies reading.
        """
        places: list[tuple[str, ...]] = [()] if whole else [("namespaces", name) for name in sorted(declared)]
        known = {name: expected_objects(name, entry) for name, entry in declared.items()}
        found = set()
        for place in places:
            for binding in self.cluster.each(path("apis", RBAC_API_GROUP, "v1", *place, "rolebindings")):
                namespace, name = objects.namespace(binding), objects.name(binding)
                named = str(self.subject) in objects.subjects(binding)
                if named and namespace in declared and (ROLE_BINDING, name) not in known[namespace]:
                    found.add(Other(namespace, name, short(objects.role_ref(binding))))
        return tuple(sorted(found))

    def _uid(self, one: Binding) -> str:
        found = self.cluster.get(object_path(ROLE_BINDING, one.workspace, one.name))
        return objects.uid(found) if found else ""

    def _left(self, one: Binding, uid: str) -> Problem | None:
        if not uid or self._uid(one) != uid:
            return None
        command = f"kubectl delete rolebinding -n {one.workspace} {one.name}"
        return refusal(f"{one.workspace}: the RoleBinding {one.name} of {one.subject} is still there", command)

    def _missing(self, workspace: str, name: str) -> Problem | None:
        found = self.cluster.get(object_path(ROLE_BINDING, workspace, name))
        if found is not None and str(self.subject) in objects.subjects(found):
            return None
        return refusal(f"{workspace}: the cluster has no RoleBinding {name} of {self.subject}", "pulumi up --refresh")

    def _until_none(self, look: Callable[[], Problem | None], deadline: float) -> Problem | None:
        """Check until there is no problem or the time is over, and return the last problem."""
        while True:
            try:
                found = look()
            except StepError as error:
                found = error.problem.within("the cluster can't be asked whether the access has ended")
            if found is None or self.clock() >= deadline:
                return found
            self.sleep(_PAUSE)


def declared_for(ledger: Ledger, subject: str) -> Mapping[str, list[str]]:
    """Return the roles that a ledger gives to a subject, by workspace."""
    found: dict[str, list[str]] = {}
    for name, entry in ledger.items():
        roles = [*(["admin (owner)"] if subject in entry.owners else [])]
        roles += [entry.grants[subject]] if subject in entry.grants else []
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
