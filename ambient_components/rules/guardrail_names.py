"""The guardrails by name, and the scope of their exceptions.

A guardrail refuses a change unless the stack file has an exception: ``exceptions: [{guardrail, reason, until}]``. They
are implemented in `access.guardrails`, and ``expireAfter`` (about buckets) in `access.buckets`.
"""

from enum import StrEnum
from typing import Final


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

    ADMIN_PIPELINE = "adminPipeline"
    """A pipeline with the role admin."""

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

    UNREVIEWED_ACCESS = "unreviewedAccess"
    """A grant or a key without a review, if `guardrails.unreviewedAccess` is refuse."""

    EXPIRE_AFTER = "expireAfter"
    """An expiry for objects that exist already in a bucket."""


GUARDRAILS: Final = tuple(map(str, Guardrail))

STACK_GUARDRAILS: Final = tuple(guardrail for guardrail in GUARDRAILS if guardrail != Guardrail.EXPIRE_AFTER)
"""Guardrails with exceptions for a whole stack. Deletion of data by the store needs an exception per workspace."""

WORKSPACE_GUARDRAILS: Final = tuple(guardrail for guardrail in GUARDRAILS if guardrail != Guardrail.MASS_REMOVAL)
"""Guardrails with exceptions for one workspace. Removals are counted over the whole stack."""
