"""What one engine says while it runs, line by line: `pulumi up|refresh|destroy --json`. Pure.

Of an event only what is told is kept: counts, names, dates and the engine's own words. Values of resources are looked
at in passing and never kept; the engine has blinded the secrets among them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ambient_components.access.ledger import LEDGER_TYPE
from ambient_components.keys.state import parse_time
from ambient_components.shards.hold import refused

STACK_TYPE: Final = "pulumi:pulumi:Stack"
TOKEN_TYPE: Final = "ambient:index:AccessToken"  # noqa: S105  # the type of a resource
KEYS_TYPE: Final = "ambient:index:S3Credentials"

_PROVIDER: Final = "pulumi:providers:"
_MADE: Final = frozenset({"create", "create-replacement", "import", "import-replacement"})
_GONE: Final = frozenset({"delete", "delete-replaced", "discard", "discard-replaced"})
_QUIET: Final = frozenset({"same", "read", "refresh", "read-replacement", "read-discard"})
# What the engine says after it has said why.
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
    """One thing that went wrong."""

    workspace: str
    """Whose it is; empty where it is the whole shard's."""
    resource: str
    """Its logical name; empty where it is none's."""
    text: str
    """The engine's or the plugin's own words, on one line."""


@dataclass
class Told:
    """All that one run has said so far; read while it still grows."""

    done: int = 0
    """Resources that the engine is done with, whatever came of it."""
    created: int = 0
    updated: int = 0
    deleted: int = 0
    """Objects: no components, no providers, not the ledger."""
    minted: int = 0
    revoked: int = 0
    """Tokens and access keys to buckets."""
    step: str = ""
    """What it was last at: an op and a logical name."""
    failures: dict[Failure, None] = field(default_factory=dict)
    """In the order in which they came, each once."""
    warnings: dict[str, None] = field(default_factory=dict)
    next_at: datetime | None = None
    """The first moment at which a token or an access key is due, of those that were told."""
    unsettled: bool = False
    """Whether something is left that the next run does, whenever that is: a revocation, a delivery."""
    lost_access: bool = False
    """Whether a lost run gave access that could not be ended: the next run tries again."""
    began: bool = False
    """Whether the engine came as far as the first step: else it refused to start, as where the stack is locked."""
    stepped: bool = False
    """Whether it came to a step of a workspace: a ledger that is refused keeps it from all of them."""
    canceled: bool = False
    """Whether it was interrupted, and ended early."""
    result: str = ""
    """The engine's last word: succeeded or failed; empty while there is none."""
    drifted: bool = False
    """Whether a refresh found something else than the state had."""
    other: list[str] = field(default_factory=list)
    """Lines that are no events: what the CLI itself says."""

    @property
    def changes(self) -> int:
        """How many objects were created, updated or deleted."""
        return self.created + self.updated + self.deleted

    def take(self, line: str) -> None:
        """Takes one line of standard output."""
        text = line.strip()
        if not text:
            return
        try:
            event = json.loads(text)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            self.other.append(_plain(text))
            return
        # An event of a form that nobody knows is no reason to stop listening: the engine would wait for ever.
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        if step := event.get("resourcePreEvent"):
            self._begin(step.get("metadata") or {})
        elif step := event.get("resOutputsEvent"):
            self._end(step.get("metadata") or {})
        elif step := event.get("resOpFailedEvent"):
            self.done += 1
            self._failed(step.get("metadata") or {})
        elif said := event.get("diagnosticEvent"):
            self._diagnostic(said)
        elif said := event.get("errorEvent"):
            self._fail("", str(said.get("error") or ""))
        elif summary := event.get("summaryEvent"):
            self.result = str(summary.get("result") or "")
            counts: Mapping[str, int] = summary.get("resourceChanges") or {}
            self.drifted = any(count for op, count in counts.items() if op not in _QUIET)

    def _begin(self, step: Mapping[str, Any]) -> None:
        self.began = True
        kind = str(step.get("type"))
        if step.get("op") != "refresh" and not (kind in (STACK_TYPE, LEDGER_TYPE) or kind.startswith(_PROVIDER)):
            self.stepped = True
        if step.get("op") not in _QUIET and kind != STACK_TYPE:
            self.step = f"{step.get('op')} {logical_name(str(step.get('urn')))}"

    def _end(self, step: Mapping[str, Any]) -> None:
        self.done += 1
        kind, op = str(step.get("type")), str(step.get("op"))
        old, new = step.get("old") or {}, step.get("new") or {}
        if kind in (TOKEN_TYPE, KEYS_TYPE):
            self._handles(op, old, new)
        if kind == LEDGER_TYPE:
            # The word is the provider's (`lost_runs.OUTPUT`), which is no part of the CLI.
            self.lost_access = bool((new.get("outputs") or {}).get("lostRun"))
        if not (new or old).get("custom") or kind.startswith(_PROVIDER) or kind == LEDGER_TYPE:
            return
        if op in _MADE:
            self.created += 1
        elif op in _GONE:
            self.deleted += 1
        elif op == "update":
            self.updated += 1

    def _handles(self, op: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """What was minted and revoked, and when the next of it is due."""
        gone = op in _GONE
        before = set(_handles_in(old.get("outputs") or {})) if op not in _MADE else set()
        outputs: Mapping[str, Any] = {} if gone else new.get("outputs") or {}
        after = set(_handles_in(outputs))
        self.minted += len(after - before)
        self.revoked += len(before - after)
        if outputs.get("pendingRevocations") or outputs.get("undelivered") or outputs.get("drift"):
            self.unsettled = True
        at = (outputs.get("nextAction") or {}).get("at")
        if isinstance(at, str) and at:
            due = parse_time(at)
            self.next_at = due if self.next_at is None else min(self.next_at, due)

    def _failed(self, step: Mapping[str, Any]) -> None:
        """A step that failed; mostly a diagnostic has said why, and then that is enough."""
        name = logical_name(str(step.get("urn")))
        if not any(one.resource == name for one in self.failures):
            self._fail(str(step.get("urn")), f"{step.get('op')} failed")

    def _diagnostic(self, said: Mapping[str, Any]) -> None:
        if said.get("ephemeral"):
            return
        text, urn = str(said.get("message") or ""), str(said.get("urn") or "")
        match said.get("severity"):
            case "error" if not urn or _is(urn, STACK_TYPE):
                for line in text.splitlines():  # of the program: a problem a line
                    self._fail(urn, _plain(line))
            case "error":
                self._fail(urn, _plain(text))
            case "warning":
                self.warnings.setdefault(_plain(text))

    def _fail(self, urn: str, text: str) -> None:
        name = logical_name(urn) if urn and not _is(urn, STACK_TYPE) else ""
        workspace = "" if not name or _is(urn, LEDGER_TYPE) or _PROVIDER in urn else name.split("/", 1)[0]
        text = _HAS_A_PROBLEM.sub("", text.removeprefix("error: "))
        if not workspace and len(whose := refused(text)) == 1:
            (workspace,) = whose  # a refusal of the whole shard, for one workspace's sake
        if _CANCELED.match(text):
            self.canceled = True
            return
        if not text or text.lower().startswith(_AFTERWARDS):
            return
        wordy = [one for one in self.failures if one.resource == name and one.text.endswith(" failed")]
        for one in wordy:
            del self.failures[one]
        self.failures.setdefault(Failure(workspace, name, text))


def logical_name(urn: str) -> str:
    """The last part of a URN; a name may have `::` in it itself."""
    return urn.split("::", 3)[-1]


def _is(urn: str, kind: str) -> bool:
    parts = urn.split("::", 3)
    return len(parts) == 4 and parts[2].rpartition("$")[2] == kind


def _plain(text: str) -> str:
    """On one line, without colours."""
    return " ".join(_COLOURS.sub("", text).split())


def _handles_in(outputs: Mapping[str, Any]) -> Iterator[str]:
    """Names of every token or access key that a resource has on record and that still works."""
    for item in (outputs.get("current"), *(outputs.get("retiring") or ()), *(outputs.get("pendingRevocations") or ())):
        if isinstance(item, Mapping) and item.get("handle"):
            yield str(item["handle"])
