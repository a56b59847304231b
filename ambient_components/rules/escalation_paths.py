"""The escalation paths by name, and what an access test may ask by name.

The paths are computed in `access.escalation`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Path(StrEnum):
    """Kind of an escalation path, worst first within a severity."""

    UNDECLARED_ACCESS = "undeclaredAccess"
    ADMIN_KEY = "adminKey"
    ACCOUNT = "account"
    ACTING_KEY = "actingKey"
    STATIC_KEY = "staticKey"
    CREATOR_NOTE = "creatorNote"
    SESSION_USER = "sessionUser"
    ACTING_SCHEDULE = "actingSchedule"
    STORE_IN_PODS = "storeInPods"
    KEPT_TOKEN = "keptToken"  # noqa: S105 - a word
    SESSION_SECRETS = "sessionSecrets"
    PLATFORM_ACCOUNT = "platformAccount"
    RUNNER_SECRET = "runnerSecret"  # noqa: S105 - a word
    GRANTS_EDIT = "grantsEdit"
    REMOVES_ACCESS = "removesAccess"
    DELIVERED_KEY = "deliveredKey"
    PIPELINE = "pipeline"


READ_SECRETS: Final = "readSecrets"

OF_EDIT: Final = frozenset({Path.PLATFORM_ACCOUNT, Path.RUNNER_SECRET, Path.GRANTS_EDIT, Path.REMOVES_ACCESS})
"""Paths of edit to what an admin may do by the role."""

_WITHOUT_SUBJECTS: Final = (Path.UNDECLARED_ACCESS, Path.DELIVERED_KEY, Path.PIPELINE)
"""Paths of subjects that no file names."""

ABILITIES: Final[Mapping[str, frozenset[Path]]] = {
    READ_SECRETS: frozenset({Path.PLATFORM_ACCOUNT, Path.RUNNER_SECRET, Path.SESSION_SECRETS}),
    **{path.value: frozenset({path}) for path in Path if path not in _WITHOUT_SUBJECTS},
}
"""What an access test may ask, each with the paths that lead to it: to any Secret of the workspace, or one path."""
