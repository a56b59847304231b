"""Rails that the ledger holds, and how a stack file says that one of them may be crossed."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StrictStr

from ambient_components.spec.base import Model, choice, refuse
from ambient_components.spec.dates import Day

REASON_MAX: Final = 200
"""Characters of a reason: a line that a reviewer reads."""


class Rail(StrEnum):
    """A change that is refused unless the stack file says that it is meant."""

    EXPIRE_AFTER = "expireAfter"
    """Objects that lie in a bucket already get an age at which the store deletes them."""


def _rail(value: object) -> object:
    return choice(value, Rail, "rail")


def _reason(value: str) -> str:
    if not value.strip():
        refuse("is blank", "allowed: text that tells a reviewer why")
    return value


RailName = Annotated[Rail, BeforeValidator(_rail)]
"""expireAfter."""

Reason = Annotated[StrictStr, Field(min_length=1, max_length=REASON_MAX), AfterValidator(_reason)]
"""Why, in words."""


class Allowance(Model):
    """One rail that may be crossed in this workspace, and why."""

    rail: RailName
    """expireAfter: objects that lie in the workspace's bucket already may get an age at which they are deleted."""

    reason: Reason
    """Why, for whoever reviews the change and for whoever finds the line later."""

    until: Day | None = None
    """Last day on which it holds; for as long as the line stands here if left out."""
