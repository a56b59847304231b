"""Checks of limits, labels and annotations, which the API server would otherwise reject during a run."""

from collections.abc import Iterator

from ambient_components.rules.findings import Finding, Path, below
from ambient_components.rules.limits import limit_findings
from ambient_components.rules.workspaces import note_findings
from ambient_components.stackfile.models.stack import Check, Workspace


def check_limits(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find what is wrong with quantities, and peers that have no effect."""
    declared = workspace.limits.model_dump(mode="json", by_alias=True, exclude_unset=True)
    yield from below((*path, "limits"), limit_findings(declared))


def check_labels(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find labels and annotations with invalid syntax or reserved keys."""
    yield from below(path, note_findings(workspace.labels, workspace.annotations))


LIMIT_CHECKS: tuple[Check, ...] = (check_limits, check_labels)
"""All checks of limits, labels and annotations."""
