"""Events in the engine's output."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ambient_components.engine.steps import Diagnostic, Step, changing, diagnostic


@dataclass(frozen=True, slots=True)
class Begun:
    step: Step


@dataclass(frozen=True, slots=True)
class Ended:
    step: Step


@dataclass(frozen=True, slots=True)
class Failed:
    step: Step


@dataclass(frozen=True, slots=True)
class Error:
    """A failure of the run as a whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary at the end of a run."""

    result: str
    """succeeded or failed."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """Number of resources by changing operation."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not an event, but output of the `pulumi` command itself."""

    text: str


Event = Begun | Ended | Failed | Diagnostic | Error | Summary | Line


def read_event(line: str) -> Event | None:
    """Return the event in a line of standard output, or None for any other event.

    An event of an unknown form is not an error. If we stopped reading, the engine would block forever.
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
    if reported := event.get("resourcePreEvent"):
        return Begun(_step(reported))
    if reported := event.get("resOutputsEvent"):
        return Ended(_step(reported))
    if reported := event.get("resOpFailedEvent"):
        return Failed(_step(reported))
    if reported := event.get("diagnosticEvent"):
        return None if reported.get("ephemeral") else diagnostic(reported)
    if reported := event.get("errorEvent"):
        return Error(str(reported.get("error") or ""))
    if reported := event.get("summaryEvent"):
        return Summary(str(reported.get("result") or ""), changing(reported.get("resourceChanges") or {}))
    return None


def _step(reported: Mapping[str, Any]) -> Step:
    return Step.of_event(reported.get("metadata") or {})
