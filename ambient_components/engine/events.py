"""What the engine says while it runs, line by line: `pulumi up|refresh|destroy --json`, read into typed values."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ambient_components.engine.steps import Diagnostic, Step, changing, diagnostic


@dataclass(frozen=True, slots=True)
class Begun:
    """A step begins."""

    step: Step


@dataclass(frozen=True, slots=True)
class Ended:
    """A step is done."""

    step: Step


@dataclass(frozen=True, slots=True)
class Failed:
    """A step failed."""

    step: Step


@dataclass(frozen=True, slots=True)
class Error:
    """The run as a whole failed."""

    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The engine's last word."""

    result: str
    """succeeded or failed."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """How many resources it has of each operation that changes something."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is no event: what the program `pulumi` itself says."""

    text: str


Event = Begun | Ended | Failed | Diagnostic | Error | Summary | Line


def read_event(line: str) -> Event | None:
    """Return what a line of standard output says; None where that is nothing of these.

    An event of an unknown form is no error: who stopped listening would make the engine wait for ever.
    """
    text = line.strip()
    if not text:
        return None
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        return Line(text)
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        return _event(event)
    return None


def _event(event: Mapping[str, Any]) -> Event | None:
    if said := event.get("resourcePreEvent"):
        return Begun(_step(said))
    if said := event.get("resOutputsEvent"):
        return Ended(_step(said))
    if said := event.get("resOpFailedEvent"):
        return Failed(_step(said))
    if said := event.get("diagnosticEvent"):
        return None if said.get("ephemeral") else diagnostic(said)
    if said := event.get("errorEvent"):
        return Error(str(said.get("error") or ""))
    if said := event.get("summaryEvent"):
        return Summary(str(said.get("result") or ""), changing(said.get("resourceChanges") or {}))
    return None


def _step(said: Mapping[str, Any]) -> Step:
    return Step.of_event(said.get("metadata") or {})
