"""The events of one engine, read line by line from `pulumi up|refresh|destroy --json`. Pure.

Only counts, names, dates and messages are kept. Values of resources are never kept; the engine has masked the secrets
among them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.access import adoption
from ambient_components.access.adoption import EXISTING_OBJECT
from ambient_components.cluster.objects import subjects
from ambient_components.engine import steps, texts, urns
from ambient_components.engine.names import workspace_of
from ambient_components.engine.state import Resource
from ambient_components.engine.steps import CREATES, DELETES, Diagnostic, Step
from ambient_components.engine.urns import Urn
from ambient_components.errors import Problem, refusal
from ambient_components.platform import naming
from ambient_components.platform.contract import Role
from ambient_components.rotation.state import TokenState, mapping, time_of
from ambient_components.rules.guardrail_names import GUARDRAILS
from ambient_components.stacks.reading import role_of


@dataclass(frozen=True, slots=True)
class Failure:
    workspace: str
    """The workspace. Empty for a failure of the whole shard."""
    resource: str
    """The resource's logical name. Empty if the failure is about no resource."""
    problem: Problem
    """Ours, or the engine's words."""

    @property
    def text(self) -> str:
        return str(self.problem)


@dataclass
class Reported:
    """The events of a run so far. It is read while it changes."""

    done: int = 0
    """Number of finished resources, successful or not."""
    created: int = 0
    adopted: int = 0
    updated: int = 0
    deleted: int = 0
    forgotten: int = 0
    """Number of objects, without components, providers and the ledger. Those of released workspaces are forgotten: they
    leave the state, and stay in the cluster.
    """
    adopting: set[tuple[str, str, str]] = field(default_factory=set)
    """Namespace, kind and name of the objects that exist and are adopted: for the engine they are created."""
    existing: set[str] = field(default_factory=set)
    """URNs of resources that write to objects that exist."""
    objects: list[tuple[str, str]] = field(default_factory=list)
    """Operation and logical name of the same objects. In a refresh: how the cluster differs from the state."""
    ended: set[tuple[str, str, str]] = field(default_factory=set)
    """Workspace, subject and role of deleted bindings."""
    issued: int = 0
    revoked: int = 0
    """Number of tokens and access keys."""
    step: str = ""
    """The current operation and logical name."""
    failures: dict[Failure, None] = field(default_factory=dict)
    """The failures in order of appearance, without duplicates."""
    unexplained: set[Failure] = field(default_factory=set)
    """Those of which only the step is known."""
    warnings: dict[Problem, None] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    """Errors and warnings in the engine's own words."""
    next_at: datetime | None = None
    """When the next token or access key is due, of those that were reported."""
    unsettled: bool = False
    """Whether the next run has to finish something at any time, such as a revocation or a delivery."""
    began: bool = False
    """Whether the engine reached its first step. If not, it refused to start, for example because of a lock."""
    stepped: bool = False
    """Whether the engine reached a step of a workspace. A refused ledger prevents that."""
    canceled: bool = False
    """Whether the run was interrupted."""
    cut_short: set[str] = field(default_factory=set)
    """Logical names of resources with a step that the interrupt ended. The next run does it again."""
    result: str = ""
    """The result: succeeded or failed. Empty before the end."""
    drifted: bool = False
    """Whether a refresh found differences."""
    other: list[str] = field(default_factory=list)
    """Lines that are not events: output of the CLI itself."""

    @property
    def changes(self) -> int:
        """Number of changed objects, in the cluster or in the state alone."""
        return sum(counts(self).values())

    @property
    def succeeded(self) -> bool:
        return self.result == "succeeded" and not self.failures

    @property
    def refused(self) -> bool:
        """Whether a guardrail refused the run or a part of it."""
        return any(failure.problem.rule in GUARDRAILS for failure in self.failures)

    def take(self, line: str) -> list[str]:
        """Read a line of standard output, and return lines of a log for it, without values of resources.

        An event of an unknown form is not an error. If we stopped reading, the engine would block forever.
        """
        text = line.strip()
        try:
            event = json.loads(text) if text else {}
        except ValueError:
            event = None
        if not isinstance(event, dict):
            # Output of the `pulumi` command itself.
            self.other.append(texts.plain(text))
            return [texts.plain(text)]
        for kind, take in _EVENTS.items():
            if details := event.get(kind):
                with suppress(AttributeError, KeyError, TypeError, ValueError):
                    return take(self, details)
        return []

    def _begin(self, details: Mapping[str, Any]) -> list[str]:
        step = Step.of_event(details.get("metadata") or {})
        self.began = True
        if step.op != steps.REFRESH and not urns.is_stacks_own(step.type):
            self.stepped = True
        if step.op not in steps.CHANGES_NOTHING and step.type != urns.STACK:
            self.step = f"{step.op} {step.name}"
        return _logged(step, "")

    def _end(self, details: Mapping[str, Any]) -> list[str]:
        step = Step.of_event(details.get("metadata") or {})
        self.done += 1
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            self._count(step)
        return _logged(step, "done: ")

    def _count(self, step: Step) -> None:
        # A replacement is reported a second time, after its parts. The same run may repair what a refresh finds.
        counted = step.op not in (steps.REPLACE, steps.REFRESH) and not step.retains
        if step.type in (urns.ACCESS_TOKEN, urns.S3_CREDENTIALS) and counted:
            self._token_secrets(step)
        resource = step.new or step.old
        if resource is None or not resource.custom or urns.is_stacks_own(step.type):
            return
        if step.op in CREATES and self._adopts(step, resource):
            self.adopted += 1
        elif step.op in CREATES:
            self.created += 1
        elif step.retains:
            self.forgotten += 1
        elif step.op in DELETES:
            self.deleted += 1
            role = role_of(resource.inputs)
            self.ended |= {(workspace_of(step.name), subject, role) for subject in subjects(resource.inputs)}
        elif step.op == steps.UPDATE:
            self.updated += 1
        else:
            return
        self.objects.append((step.op, step.name))

    def _token_secrets(self, step: Step) -> None:
        """Count issued and revoked tokens, and note when the next one is due."""
        before = _names(TokenState.observed(_outputs(step.old))) if step.op not in CREATES else set()
        outputs = {} if step.op in DELETES else _outputs(step.new)
        recorded = TokenState.observed(outputs)
        after = _names(recorded)
        # A created token may adopt those that the cluster has.
        self.issued += len(_names(TokenState(recorded.current)) - before)
        self.revoked += len(before - after)
        if recorded.pending or outputs.get("undelivered") or outputs.get("drift"):
            self.unsettled = True
        if due := time_of(mapping(outputs.get("nextAction")).get("at")):
            self.next_at = due if self.next_at is None else min(self.next_at, due)

    def _failed(self, details: Mapping[str, Any]) -> list[str]:
        """Record a failed step unless a diagnostic already gave the reason."""
        step = Step.of_event(details.get("metadata") or {})
        self.done += 1
        if step.name not in self.cut_short and not any(failure.resource == step.name for failure in self.failures):
            self._fail(str(step.urn), refusal(f"{step.op} failed"), explained=False)
        return [f"failed: {step.op} {step.type} {step.name}"]

    def _diagnostic(self, details: Mapping[str, Any]) -> list[str]:
        if details.get("ephemeral"):
            return []
        diagnostic = steps.diagnostic(details)
        match diagnostic.severity:
            case "error":
                self._engine(diagnostic.words)
                if any(map(texts.is_cut_short, diagnostic.words)):
                    self.canceled = True
                    self.cut_short.add(_name(diagnostic.urn))
                else:
                    for problem in diagnostic.problems:
                        self._fail(diagnostic.urn, problem)
            case "info":
                self._noted(diagnostic)
            case "warning":
                self.words += diagnostic.words
                if not any(map(texts.has_pending_operations, diagnostic.words)):  # the summary says what to do
                    self.warnings.update(dict.fromkeys(diagnostic.problems))
            case "debug":
                return []
        return [f"{diagnostic.severity}: {problem.text}" for problem in diagnostic.problems]

    def _error(self, details: Mapping[str, Any]) -> list[str]:
        text = texts.plain(str(details.get("error") or ""))
        self._engine([text])
        if not texts.explains_nothing(text):
            self._fail("", texts.explained(text) or refusal(text))
        return [text]

    def _summary(self, details: Mapping[str, Any]) -> list[str]:
        self.result = str(details.get("result") or "")
        self.drifted = bool(steps.changing(details.get("resourceChanges") or {}))
        return []

    def _noted(self, diagnostic: Diagnostic) -> None:
        for note in adoption.read(diagnostic.problems):
            if note.exists:
                self.adopting |= {(note.workspace, kind, name) for kind, name in note.objects}
                # Its labels are a resource of their own.
                self.adopting |= {("", "Namespace", note.workspace), ("", "NamespacePatch", note.workspace)}
        if any(note.rule == EXISTING_OBJECT for note in diagnostic.problems):
            self.existing.add(diagnostic.urn)

    def _adopts(self, step: Step, resource: Resource) -> bool:
        """Return whether a created object exists already, in a workspace that this run adopts."""
        metadata = resource.inputs.get("metadata") or {}
        if step.type == urns.SERVICE_ACCOUNT and resource.inputs.get("ofPlatform"):
            # The preflight has found it, and its binding.
            namespace, account = str(metadata.get("namespace")), str(metadata.get("name"))
            self.adopting |= {(namespace, "RoleBinding", naming.key_role_binding(role, account)) for role in Role}
            return True
        place = str(metadata.get("namespace") or ""), step.kind, str(metadata.get("name") or "")
        in_adopted = ("", "Namespace", workspace_of(step.name)) in self.adopting
        return place in self.adopting or (in_adopted and str(step.urn) in self.existing)

    def _engine(self, words: Sequence[str]) -> None:
        self.words += words
        self.canceled = self.canceled or any(map(texts.is_canceled, words))

    def _fail(self, urn: str, problem: Problem, *, explained: bool = True) -> None:
        name = _name(urn)
        workspace = "" if urns.is_stacks_own(Urn.parse(urn).type) else workspace_of(name)
        if not workspace and len(problem.workspaces) == 1:
            (workspace,) = problem.workspaces  # a refusal of the whole shard, for one workspace's sake
        for failure in [failure for failure in self.unexplained if failure.resource == name]:
            self.unexplained.remove(failure)
            del self.failures[failure]
        failure = Failure(workspace, name, problem)
        self.failures.setdefault(failure)
        if not explained:
            self.unexplained.add(failure)


_EVENTS: Final[Mapping[str, Callable[[Reported, Mapping[str, Any]], list[str]]]] = {
    "resourcePreEvent": Reported._begin,
    "resOutputsEvent": Reported._end,
    "resOpFailedEvent": Reported._failed,
    "diagnosticEvent": Reported._diagnostic,
    "errorEvent": Reported._error,
    "summaryEvent": Reported._summary,
}


def _logged(step: Step, done: str) -> list[str]:
    return [] if step.op in steps.CHANGES_NOTHING else [f"{done}{step.op} {step.type} {step.name}"]


def _outputs(resource: Resource | None) -> Mapping[str, Any]:
    return resource.outputs if resource is not None else {}


def _names(state: TokenState) -> set[str]:
    return {token_secret.name for token_secret in state.token_secrets if token_secret.name}


def _name(urn: str) -> str:
    """Return the logical name of a resource. Empty for the stack itself."""
    resource = Urn.parse(urn)
    return "" if resource.type == urns.STACK else resource.name


def counts(*runs: Reported) -> dict[str, int]:
    words = ("created", "adopted", "updated", "deleted", "forgotten")
    return {word: sum(getattr(run, word) for run in runs) for word in words}
