"""What the escalation report finds: one path, who can take it, what it makes of them, what to change."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ambient_components.access.holdings import Holding


class Severity(StrEnum):
    """How far a path leads. Worst first."""

    HIGH = "high"
    """To a role in a workspace that nobody gave."""

    MEDIUM = "medium"
    """To a secret, to power that outlives its grant, or to more than a role where the platform is installed so."""

    LOW = "low"
    """To what the platform's role brings with it: nothing but another role changes it."""


class Path(StrEnum):
    """One way to more than was granted. Of equal severity the first is the worst."""

    ADMIN_KEY = "adminKey"
    """edit mints a token of an admin key's ServiceAccount."""

    ACCOUNT = "account"
    """Whoever mints in a namespace takes the role that one of its ServiceAccounts has in a workspace."""

    STATIC_KEY = "staticKey"
    """Every session reads the token of a static key."""

    CREATOR_NOTE = "creatorNote"
    """edit and admin write on a ServiceAccount whom its tokens act for."""

    STORE_IN_PODS = "storeInPods"
    """Every role reads the object store's credentials in the pods of sessions."""

    KEPT_TOKEN = "keptToken"  # noqa: S105 - a word
    """edit and admin mint tokens of keys, which outlive their grants."""

    SESSION_SECRETS = "sessionSecrets"
    """Every session reads every Secret of its namespace by name."""

    PLATFORM_ACCOUNT = "platformAccount"
    """edit mints a token of a session's own ServiceAccount."""

    RUNNER_SECRET = "runnerSecret"  # noqa: S105 - a word
    """edit reads the keys of the language models."""

    GRANTS_EDIT = "grantsEdit"
    """edit gives edit to others, past the files."""

    REMOVES_ACCESS = "removesAccess"
    """edit removes RoleBindings, an admin's too."""

    DELIVERED_KEY = "deliveredKey"
    """Whoever reads Secrets in another namespace has the key that is delivered there."""


MINTING: Final = frozenset({Path.ADMIN_KEY, Path.ACCOUNT, Path.CREATOR_NOTE, Path.KEPT_TOKEN, Path.PLATFORM_ACCOUNT})
"""The paths on which somebody mints a token."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One path in one workspace."""

    workspace: str
    """Where it leads to."""

    path: Path

    severity: Severity

    who: tuple[Holding, ...]
    """Who can take it, sorted. Nobody, where it is open to others than those of the ledger; `how` says to whom."""

    can: str
    """What they can do by it, in words: `become admin`."""

    becomes: str | None
    """The role that it leads to; None, where it is no role that it leads to."""

    how: str
    """The way, in words."""

    remedy: tuple[str, ...]
    """What to write in the stack file, the best first; at least one line."""

    keys: tuple[str, ...] = ()
    """Ids of the keys that are in it, sorted."""

    @property
    def rank(self) -> tuple[int, int, str]:
        """Worst first, then by workspace."""
        return list(Severity).index(self.severity), list(Path).index(self.path), self.workspace
