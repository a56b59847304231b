"""Distribution of adopted workspaces over the files of a stack."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

TEAM_LABEL: Final = "team"
"""The default label of a namespace that names its team."""

_OTHERS: Final = "others"
"""Name of the file of workspaces without a team."""


class Layout(StrEnum):
    ONE = "one"
    """The stack file."""

    PER_WORKSPACE = "per-workspace"
    """A file for each workspace, in a folder with the stack's name."""

    PER_TEAM_LABEL = "per-team-label"
    """A file for each value of a label, in that folder."""


def file_of(layout: Layout, stack: str, workspace: str, labels: Mapping[str, str], label: str = TEAM_LABEL) -> str:
    if layout is Layout.ONE:
        return f"{stack}.yaml"
    # Some file systems take names that differ in case for one.
    name = workspace if layout is Layout.PER_WORKSPACE else labels.get(label, "").lower() or _OTHERS
    return f"{stack}/{name}.yaml"


def includes(layout: Layout, stack: str) -> tuple[str, ...]:
    return () if layout is Layout.ONE else (f"{stack}/*.yaml",)
