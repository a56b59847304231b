"""Grants: who has which role in a workspace, and when."""

from typing import Annotated, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator

from ambient_components.model.base import Model, refuse
from ambient_components.model.dates import DayOrMoment, Span, written
from ambient_components.model.marks import OUTPUT, recorded
from ambient_components.model.types import Duration, NamespaceName, RoleName, SubjectName
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import Subject, SubjectKind


class Access(Model):
    """A role of one user or one group."""

    example: ClassVar[str] = "{user: NAME, role: edit}"
    other_example: ClassVar[str] = "{group: NAME}"

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"title": "a user", "required": ["user"]}, {"title": "a group", "required": ["group"]}]
        }
    )

    user: SubjectName | None = None
    """Name of a user, exactly as the cluster authenticates it. Either this or `group`."""

    group: SubjectName | None = None
    """Name of a group, exactly as the cluster knows it. Either this or `user`."""

    role: Annotated[RoleName, recorded(required=True, unknown="")] = Role.VIEW
    """view, edit or admin. Default: view, as in the platform's UI."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.user is None) == (self.group is None):
            problem = "names neither a user nor a group" if self.user is None else "names a user and a group"
            refuse(problem, "allowed: exactly one of them, as {user: NAME} or {group: NAME}")
        return self

    @property
    def subject(self) -> Subject:
        if self.user is not None:
            return Subject(SubjectKind.USER, self.user)
        return Subject(SubjectKind.GROUP, self.group or "")


class Grant(Access):
    """Access of one user or one group to the workspace, listed and revocable on its Sharing page."""

    from_: Annotated[DayOrMoment | None, recorded()] = Field(default=None, alias="from")
    """First day of the grant, or the time at which it starts. Default: the next run."""

    until: Annotated[DayOrMoment | None, recorded()] = None
    """Last day of the grant, or the time at which it ends. Default: no end."""

    warn_ahead: Duration | None = None
    """How early runs announce its start and end. Default: 14d."""

    @property
    def dated(self) -> bool:
        """Whether the grant has a start or end date."""
        return self.from_ is not None or self.until is not None

    def span(self, zone: ZoneInfo) -> Span:
        """Return the period of the grant.

        Args:
            zone: Time zone of the stack.
        """
        return Span.of(self.from_, self.until, zone)


class Period(Grant):
    """A grant with dates in the ledger, where it stands below its subject."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.dated:
            refuse("from or until is missing")
        return self

    @property
    def order(self) -> tuple[str, str, str]:
        """Sort key: earliest start first, grants without a start before all others, a day before times on that day."""
        starts = written(self.from_) if self.from_ else ""
        return starts, written(self.until) if self.until else "9999", str(self.role)

    def __str__(self) -> str:
        begins = f" from {written(self.from_)}" if self.from_ else ""
        return f"{self.role}{begins}{f' until {written(self.until)}' if self.until else ''}"


class SeparateGrant(Access):
    """A grant in a workspace that something else declares."""

    namespace: Annotated[NamespaceName, OUTPUT]
    """Namespace of the workspace."""
