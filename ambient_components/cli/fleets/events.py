"""The events of one engine, read line by line from `pulumi up|refresh|destroy --json`. Pure.

Only counts, names, dates and messages are kept. Values of resources are never kept; the engine has masked the secrets
among them.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.engine import events, types
from ambient_components.engine.names import workspace_of
from ambient_components.engine.state import Resource
from ambient_components.engine.steps import CHANGES_NOTHING, CREATES, DELETES, REFRESH, UPDATE, Diagnostic, Step
from ambient_components.engine.urns import Urn
from ambient_components.keys.state import parse_time
from ambient_components.shards.hold import refused

# Generic engine messages that follow the actual reason.
_AFTERWARDS: Final = (
    "update failed",
    "refresh failed",
    "destroy failed",
    "resource monitor has terminated",
    "an unhandled error occurred",
)
_CANCELED: Final = re.compile(r"(update|refresh|destroy) cancell?ed")
_HAS_A_PROBLEM: Final = re.compile(r"^ambient:index:\w+ resource '[^']*' has a problem: ")
_COLOURS: Final = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure."""

    workspace: str
    """The workspace. Empty for a failure of the whole shard."""
    resource: str
    """The resource's logical name. Empty if the failure is about no resource."""
    text: str
    """The message of the engine or the plugin, on one line."""


@dataclass
class Told:
    """The events of a run so far. It is read while it changes."""

    done: int = 0
    """Number of finished resources, successful or not."""
    created: int = 0
    updated: int = 0
    deleted: int = 0
    """Number of objects, without components, providers and the ledger."""
    minted: int = 0
    revoked: int = 0
    """Number of tokens and access keys."""
    step: str = ""
    """The current operation and logical name."""
    failures: dict[Failure, None] = field(default_factory=dict)
    """The failures in order of appearance, without duplicates."""
    warnings: dict[str, None] = field(default_factory=dict)
    next_at: datetime | None = None
    """When the next token or access key is due, of those that were reported."""
    unsettled: bool = False
    """Whether the next run has to finish something at any time, such as a revocation or a delivery."""
    lost_access: bool = False
    """Whether access of an interrupted run could not be removed. The next run tries again."""
    began: bool = False
    """Whether the engine reached its first step. If not, it refused to start, for example because of a lock."""
    stepped: bool = False
    """Whether the engine reached a step of a workspace. A refused ledger prevents that."""
    canceled: bool = False
    """Whether the run was interrupted."""
    result: str = ""
    """The result: succeeded or failed. Empty before the end."""
    drifted: bool = False
    """Whether a refresh found differences."""
    other: list[str] = field(default_factory=list)
    """Lines that are not events: output of the CLI itself."""

    @property
    def changes(self) -> int:
        """Number of created, updated and deleted objects."""
        return self.created + self.updated + self.deleted

    def take(self, line: str) -> None:
        """Read one line of standard output."""
        match events.read_event(line):
            case events.Begun(step):
                self._begin(step)
            case events.Ended(step):
                # Keep reading after an event of an unknown form, or the engine would block forever.
                with suppress(AttributeError, KeyError, TypeError, ValueError):
                    self._end(step)
            case events.Failed(step):
                self.done += 1
                self._failed(step)
            case Diagnostic() as said:
                self._diagnostic(said)
            case events.Error(text):
                self._fail("", text)
            case events.Summary(result, changes):
                self.result, self.drifted = result, bool(changes)
            case events.Line(text):
                self.other.append(_plain(text))

    def _begin(self, step: Step) -> None:
        self.began = True
        if step.op != REFRESH and not types.is_stacks_own(step.type):
            self.stepped = True
        if step.op not in CHANGES_NOTHING and step.type != types.STACK:
            self.step = f"{step.op} {step.name}"

    def _end(self, step: Step) -> None:
        self.done += 1
        if step.type in (types.ACCESS_TOKEN, types.S3_CREDENTIALS):
            self._handles(step)
        if step.type == types.ACCESS_LEDGER:
            # The output name is defined by the provider (`lost_runs.OUTPUT`), which the CLI does not import.
            self.lost_access = bool(_outputs(step.new).get("lostRun"))
        resource = step.new or step.old
        if resource is None or not resource.custom or types.is_stacks_own(step.type):
            return
        if step.op in CREATES:
            self.created += 1
        elif step.op in DELETES:
            self.deleted += 1
        elif step.op == UPDATE:
            self.updated += 1

    def _handles(self, step: Step) -> None:
        """Count issued and revoked tokens, and note when the next one is due."""
        before = set(_handles_in(_outputs(step.old))) if step.op not in CREATES else set()
        outputs = {} if step.op in DELETES else _outputs(step.new)
        after = set(_handles_in(outputs))
        self.minted += len(after - before)
        self.revoked += len(before - after)
        if outputs.get("pendingRevocations") or outputs.get("undelivered") or outputs.get("drift"):
            self.unsettled = True
        at = (outputs.get("nextAction") or {}).get("at")
        if isinstance(at, str) and at:
            due = parse_time(at)
            self.next_at = due if self.next_at is None else min(self.next_at, due)

    def _failed(self, step: Step) -> None:
        """Record a failed step unless a diagnostic already gave the reason."""
        if not any(one.resource == step.name for one in self.failures):
            self._fail(str(step.urn), f"{step.op} failed")

    def _diagnostic(self, said: Diagnostic) -> None:
        text, urn = said.message, said.urn
        match said.severity:
            case "error" if not urn or Urn.parse(urn).type == types.STACK:
                for line in text.splitlines():  # a program's errors: one problem a line
                    self._fail(urn, _plain(line))
            case "error":
                self._fail(urn, _plain(text))
            case "warning":
                self.warnings.setdefault(_plain(text))

    def _fail(self, urn: str, text: str) -> None:
        resource = Urn.parse(urn)
        name = "" if resource.type == types.STACK else resource.name
        workspace = "" if types.is_stacks_own(resource.type) else workspace_of(name)
        text = _HAS_A_PROBLEM.sub("", text.removeprefix("error: "))
        if not workspace and len(whose := refused(text)) == 1:
            (workspace,) = whose  # a refusal of the whole shard because of one workspace
        if _CANCELED.match(text):
            self.canceled = True
            return
        if not text or text.lower().startswith(_AFTERWARDS):
            return
        wordy = [one for one in self.failures if one.resource == name and one.text.endswith(" failed")]
        for one in wordy:
            del self.failures[one]
        self.failures.setdefault(Failure(workspace, name, text))


def _plain(text: str) -> str:
    """Return a text on one line, without colours."""
    return " ".join(_COLOURS.sub("", text).split())


def _outputs(resource: Resource | None) -> Mapping[str, Any]:
    return resource.outputs if resource is not None else {}


def _handles_in(outputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the name of every recorded token or access key that still works."""
    for item in (outputs.get("current"), *(outputs.get("retiring") or ()), *(outputs.get("pendingRevocations") or ())):
        if isinstance(item, Mapping) and item.get("handle"):
            yield str(item["handle"])
