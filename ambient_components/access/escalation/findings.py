"""Findings of the escalation report: a path, its subjects, the role they reach, and remedies."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ambient_components.access.role_assignments import RoleAssignment


class Severity(StrEnum):
    """Severity of a path, worst first."""

    HIGH = "high"
    """Leads to a role in a workspace that was not granted."""

    MEDIUM = "medium"
    """Leads to a secret, to access that outlives its grant, or to more than a role in some installations."""

    LOW = "low"
    """Part of the platform's role, so only another role removes it."""


class Path(StrEnum):
    """Kind of an escalation path, worst first within a severity."""

    ADMIN_KEY = "adminKey"
    """edit mints a token for an admin key's ServiceAccount."""

    ACCOUNT = "account"
    """Subjects that mint tokens in a namespace get the role of one of its ServiceAccounts in a workspace."""

    STATIC_KEY = "staticKey"
    """All sessions read the token of a static key."""

    CREATOR_NOTE = "creatorNote"
    """edit and admin set the user that a ServiceAccount's tokens act for."""

    STORE_IN_PODS = "storeInPods"
    """All roles read the object store's credentials in the pods of sessions."""

    KEPT_TOKEN = "keptToken"  # noqa: S105 - a word
    """edit and admin mint tokens for keys, which outlive their grants."""

    SESSION_SECRETS = "sessionSecrets"
    """All sessions read all Secrets of their namespace by name."""

    PLATFORM_ACCOUNT = "platformAccount"
    """edit mints a token for a session's own ServiceAccount."""

    RUNNER_SECRET = "runnerSecret"  # noqa: S105 - a word
    """edit reads the API keys of language models."""

    GRANTS_EDIT = "grantsEdit"
    """edit grants edit to others without a declaration."""

    REMOVES_ACCESS = "removesAccess"
    """edit deletes RoleBindings, including an admin's."""

    DELIVERED_KEY = "deliveredKey"
    """Subjects that read Secrets in another namespace have the key that is delivered there."""


MINTING: Final = frozenset({Path.ADMIN_KEY, Path.ACCOUNT, Path.CREATOR_NOTE, Path.KEPT_TOKEN, Path.PLATFORM_ACCOUNT})
"""Paths that mint a token."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One path in one workspace."""

    workspace: str
    """The workspace that the path leads to."""

    path: Path

    severity: Severity

    who: tuple[RoleAssignment, ...]
    """Subjects that can take the path, sorted. Empty if they are not in the ledger; `how` describes them."""

    can: str
    """What they can do with it, such as `become admin`."""

    becomes: str | None
    """The role that the path leads to; None if it leads to something else."""

    how: str
    """Description of the path."""

    remedy: tuple[str, ...]
    """What to write in the stack file, best first; at least one line."""

    keys: tuple[str, ...] = ()
    """Ids of the keys involved, sorted."""

    @property
    def rank(self) -> tuple[int, int, str]:
        """Sort key: worst first, then by workspace."""
        return list(Severity).index(self.severity), list(Path).index(self.path), self.workspace
