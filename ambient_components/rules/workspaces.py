"""Rules for workspaces: their closing, their arguments, and the labels and annotations of their objects."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from ambient_components.rules.durations import HOUR, MINUTE
from ambient_components.rules.findings import Finding, verdict_finding
from ambient_components.rules.labels import (
    annotation_value_problem,
    annotations_problem,
    key_problem,
    label_value_problem,
)


class SessionsOnClose(StrEnum):
    """How sessions end when their workspace is closed."""

    STOP = "stop"
    """The platform stops them; sessions that do not stop are reported."""

    DELETE_PODS = "deletePods"
    """As `STOP`; then the pods of sessions that did not stop are deleted."""


WAIT_DEFAULT: Final = 2 * MINUTE
"""Default seconds for a session to stop. Its pod uses up to 60 of them to save its state (contract 12)."""

WAIT_MAX: Final = HOUR
"""Maximum seconds; a run that closes a workspace locks the stack for this long."""


def note_findings(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Iterator[Finding]:
    """Find labels and annotations with invalid syntax or reserved keys."""
    for key, value in labels.items():
        yield from verdict_finding(("labels", key), key_problem(key), at_key=True)
        yield from verdict_finding(("labels", key), label_value_problem(value))
    for key, value in annotations.items():
        yield from verdict_finding(("annotations", key), key_problem(key), at_key=True)
        yield from verdict_finding(("annotations", key), annotation_value_problem(value))
    yield from verdict_finding(("annotations",), annotations_problem(annotations))


def text_findings(texts: Mapping[str, str]) -> Iterator[Finding]:
    """Find texts that the namespace cannot keep, by the names of their fields."""
    for name, text in texts.items():
        yield from verdict_finding((name,), annotation_value_problem(text))
