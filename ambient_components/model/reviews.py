"""Reviews of access: why someone has it, until when that was looked at, and how long an answer holds."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, StrictStr

from ambient_components.model.base import Model, one_of, refuse
from ambient_components.model.dates import Day
from ambient_components.model.marks import recorded
from ambient_components.model.sources import GIVE_OTHERWISE
from ambient_components.model.types import Duration
from ambient_components.platform.contract import Role
from ambient_components.rules.durations import DAY, YEAR
from ambient_components.rules.secret_patterns import looks_like_credential

REASON_MAX: Final = 200
"""Maximum characters of a reason: one line for reviewers."""


def _reason(value: str) -> str:
    if not value.strip():
        refuse("is blank", "allowed: text that tells a reviewer why")
    return value


def _reason_of_access(value: str) -> str:
    if not value.isprintable():
        refuse("has a character that can't be printed", "allowed: text on one line")
    if looks_like_credential(value):
        refuse("looks like a credential", GIVE_OTHERWISE)
    return value


Reason = Annotated[StrictStr, Field(min_length=1, max_length=REASON_MAX), AfterValidator(_reason)]
"""Reason, in words."""

ReasonOfAccess = Annotated[Reason, AfterValidator(_reason_of_access)]
"""Reason of access, in words: one line, which the ledger records."""


class Review(Model):
    """Why a subject or a key has its access, and the last day for which that was reviewed, in the ledger."""

    reason: Annotated[ReasonOfAccess | None, recorded()] = None
    """Why."""

    review_by: Annotated[Day | None, recorded()] = None
    """Last day for which the access was reviewed."""

    def __str__(self) -> str:
        until = f"reviewed until {self.review_by}" if self.review_by else "not reviewed"
        return f"{until} ({self.reason})" if self.reason else until


NOT_REVIEWED: Final = Review.model_construct()


class OnOverdue(StrEnum):
    """What an overdue review does to a grant."""

    WARN = "warn"
    """Nothing but a warning."""

    END = "end"
    """The grant ends after its `reviewBy`, as by `until`."""


class UnreviewedAccess(StrEnum):
    """What new access without a review does."""

    OFF = "off"
    WARN = "warn"
    REFUSE = "refuse"


class Reviews(Model):
    """How long the review of a grant or a key holds, by its role, and what follows when it is overdue."""

    example: ClassVar[str] = "{admin: 90d, edit: 180d, view: 365d}"

    admin: Annotated[Duration, recorded()] = 90 * DAY
    """For role admin. Default: 90d."""

    edit: Annotated[Duration, recorded()] = 180 * DAY
    """For role edit. Default: 180d."""

    view: Annotated[Duration, recorded()] = YEAR
    """For role view. Default: 1y."""

    on_overdue: Annotated[OnOverdue, one_of(OnOverdue, "effect of an overdue review"), recorded()] = OnOverdue.WARN
    """warn: access stays until someone edits the file; end: a grant ends after its `reviewBy`, as by `until`. Keys are
    only warned of. Default: warn.
    """

    def seconds(self, role: str) -> int:
        """Return how long a review of this role holds; that of admin for a role that is not known."""
        return {Role.VIEW.value: self.view, Role.EDIT.value: self.edit}.get(role, self.admin)
