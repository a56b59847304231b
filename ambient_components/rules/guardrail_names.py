"""The guardrails by name, the scope of their exceptions, and a stack's settings for them.

A guardrail refuses a change unless the stack file has an exception: ``exceptions: [{guardrail, reason, until}]``. They
are implemented in `access.guardrails`, and ``expireAfter`` (about buckets) in `access.buckets`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self, TypedDict

from ambient_components.errors import reject


class Guardrail(StrEnum):
    """A change that is refused unless the stack file has an exception."""

    MASS_REMOVAL = "massRemoval"
    """More than three, and more than a quarter, of the stack's workspaces, grants or keys are removed in one run."""

    NO_ADMIN = "noAdmin"
    """A workspace loses its last admin."""

    PUBLIC_ACCESS = "publicAccess"
    """Access for a group of all users or all service accounts, such as system:authenticated."""

    ADMIN_KEY = "adminKey"
    """A key with the role admin, or the ServiceAccount of a key among owners or grants."""

    NON_EXPIRING_KEY = "nonExpiringKey"
    """A key that never expires, or a static one."""

    ACTING_KEY = "actingKey"
    """A key that acts for a user of the platform."""

    ACTING_SCHEDULE = "actingSchedule"
    """A schedule with sessions that get the integrations of a user of the platform."""

    TOO_MANY_KEYS = "tooManyKeys"
    """More keys in one workspace than `guardrails.maxKeys`."""

    INDIVIDUAL_GRANT = "individualGrant"
    """A grant for one user, if `guardrails.groupsOnly` is true."""

    ADMIN_KEY_WITH_EDITORS = "adminKeyWithEditors"
    """An admin key, or a ServiceAccount that is an admin, in a workspace that another subject may edit, if
    `guardrails.isolateAdminKeys` is true.
    """

    EXPIRE_AFTER = "expireAfter"
    """An expiry for objects that exist already in a bucket."""


GUARDRAILS: Final = tuple(map(str, Guardrail))

STACK_GUARDRAILS: Final = tuple(guardrail for guardrail in GUARDRAILS if guardrail != Guardrail.EXPIRE_AFTER)
"""Guardrails with exceptions for a whole stack. Deletion of data by the store needs an exception per workspace."""

WORKSPACE_GUARDRAILS: Final = tuple(guardrail for guardrail in GUARDRAILS if guardrail != Guardrail.MASS_REMOVAL)
"""Guardrails with exceptions for one workspace. Removals are counted over the whole stack."""

TEXT_LISTS: Final = ("adopt", "buckets", "secretSources")
"""Settings that are lists of texts. The stack file's checks enforce them; the ledger records them to show changes."""

MAX_KEYS: Final = 10
"""Default limit of keys per workspace."""


class StackGuardrails(TypedDict, total=False):
    """Guardrail settings of a stack, as an input of its ledger. Missing fields have built-in defaults."""

    exceptions: list[str]
    """Guardrails with a valid exception for all workspaces, sorted; see `STACK_GUARDRAILS`."""
    maxKeys: int
    """Maximum number of keys per workspace; default 10."""
    groupsOnly: bool
    """Whether new grants for single users are refused; default false."""
    isolateAdminKeys: bool
    """Whether admin keys that subjects with edit can take over are refused; default false."""
    adopt: list[str]
    """Existing namespaces that included files may take over. The stack file's checks enforce it; recorded so that
    changes are visible.
    """
    buckets: list[str]
    """Existing buckets that included files may take over or share; as `adopt`."""
    secretSources: list[str]
    """Further places for secret sources, outside of the project and of the workspace's namespace. The stack file's
    checks enforce them; they are recorded so that changes are visible.
    """


@dataclass(frozen=True, slots=True)
class GuardrailSettings:
    """Guardrail settings of a stack, with built-in defaults."""

    exceptions: frozenset[str] = frozenset()
    """Guardrails with a valid exception for all workspaces."""
    max_keys: int = MAX_KEYS
    groups_only: bool = False
    isolate_admin_keys: bool = False

    @classmethod
    def of(cls, given: Any) -> Self:
        """Read the ledger's input `guardrails`, in which missing fields have their defaults; None means all of them."""
        reported = {} if given is None else given
        if not isinstance(reported, Mapping) or not _well_formed(reported):
            reject(
                "guardrails: not of the form it must have",
                f"allowed: exceptions (a list of {', '.join(STACK_GUARDRAILS)}), "
                "maxKeys (a whole number from 1), groupsOnly and isolateAdminKeys (true or false), "
                "adopt, buckets and secretSources (lists of texts)",
                "leave out what has its default",
            )
        return cls(
            frozenset(reported.get("exceptions") or ()),
            int(reported.get("maxKeys", MAX_KEYS)),
            bool(reported.get("groupsOnly")),
            bool(reported.get("isolateAdminKeys")),
        )


def _well_formed(reported: Mapping[Any, Any]) -> bool:
    exceptions, most = reported.get("exceptions", []), reported.get("maxKeys", MAX_KEYS)
    listed = [reported.get(name, []) for name in TEXT_LISTS]
    return (
        reported.keys() <= StackGuardrails.__annotations__.keys()
        and isinstance(exceptions, list)
        and all(guardrail in STACK_GUARDRAILS for guardrail in exceptions)
        # Numbers are floats in Pulumi's protocol.
        and isinstance(most, int | float)
        and not isinstance(most, bool)
        and most >= 1
        and most % 1 == 0
        and all(isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in listed)
        and all(isinstance(reported.get(flag, False), bool) for flag in ("groupsOnly", "isolateAdminKeys"))
    )
