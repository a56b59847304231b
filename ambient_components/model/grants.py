"""Grants: who has which role in a workspace, and when."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator

from ambient_components.model.base import Model, refuse
from ambient_components.model.dates import Day, DayOrMoment, Span, written
from ambient_components.model.marks import OUTPUT, recorded
from ambient_components.model.pipelines import Pipeline, written_pipeline
from ambient_components.model.reviews import ReasonOfAccess
from ambient_components.model.types import Duration, NamespaceName, RoleName, SubjectName
from ambient_components.platform.bindings import BindingForm, grant_form
from ambient_components.platform.contract import Role
from ambient_components.platform.naming import grant_binding, owner_binding
from ambient_components.platform.pipelines import is_misspelt
from ambient_components.platform.subjects import Subject, SubjectKind, kind_of_user
from ambient_components.rules.findings import Finding, Path, below, spell
from ambient_components.rules.workspaces import WorkspaceState


class Access(Model):
    """A role of one user, one group or one pipeline."""

    example: ClassVar[str] = "{user: NAME, role: edit}"
    other_example: ClassVar[str] = "{group: NAME}"

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"title": "a user", "required": ["user"]},
                {"title": "a group", "required": ["group"]},
                {"title": "a pipeline", "required": ["pipeline"]},
            ]
        }
    )

    user: SubjectName | None = None
    """Name of a user, exactly as the cluster authenticates it. Either this, `group` or `pipeline`."""

    group: SubjectName | None = None
    """Name of a group, exactly as the cluster knows it. Either this, `user` or `pipeline`."""

    pipeline: Pipeline | None = None
    """Identity of a pipeline, which has the access without a key. Either this, `user` or `group`."""

    role: Annotated[RoleName, recorded(required=True, unknown="")] = Role.VIEW
    """view, edit or admin. Default: view, as in the platform's UI."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = self.given("user", "group", "pipeline")
        if len(given) != 1:
            problem = f"names a {' and a '.join(given)}" if given else "names neither a user nor a group"
            also = " or {pipeline: IDENTITY}" if self.pipeline is not None else ""
            refuse(problem, f"allowed: exactly one of them, as {{user: NAME}} or {{group: NAME}}{also}")
        if self.user is not None and kind_of_user(self.user) is SubjectKind.PIPELINE:
            hint = f"instead of user write pipeline: {json.dumps(written_pipeline(self.user))}"
            refuse("is the name of a pipeline", hint, field="user")
        if self.user is not None and is_misspelt(self.user):
            refuse("begins like the name of a pipeline, and is none", "write pipeline: IDENTITY", field="user")
        return self

    @property
    def subject(self) -> Subject:
        if self.user is not None:
            return Subject(SubjectKind.USER, self.user)
        if self.pipeline is not None:
            return Subject(SubjectKind.PIPELINE, self.pipeline.user_name)
        return Subject(SubjectKind.GROUP, self.group or "")

    @property
    def form(self) -> BindingForm:
        """The content of its RoleBinding."""
        return grant_form(self.role, self.subject)


class Grant(Access):
    """Access of one user, one group or one pipeline to the workspace, listed and revocable on its Sharing page."""

    from_: Annotated[DayOrMoment | None, recorded()] = Field(default=None, alias="from")
    """First day of the grant, or the time at which it starts. Default: the next run."""

    until: Annotated[DayOrMoment | None, recorded()] = None
    """Last day of the grant, or the time at which it ends. Default: no end."""

    warn_ahead: Duration | None = None
    """How early runs announce its start and end. Default: 14d."""

    reason: ReasonOfAccess | None = None
    """Why the subject has it, for reviewers. Default: none."""

    review_by: Day | None = None
    """Last day for which it was reviewed; `ambient access --due` lists it then. Default: it was never reviewed."""

    @property
    def dated(self) -> bool:
        return self.from_ is not None or self.until is not None

    def span(self, zone: ZoneInfo) -> Span:
        return Span.of(self.from_, self.until, zone)

    def ending_by_review(self, zone: ZoneInfo) -> Self:
        """Return the grant with its `review_by` as its end, unless it ends earlier."""
        reviewed, end = Span.of(None, self.review_by, zone).end, self.span(zone).end
        if reviewed is None or (end is not None and end <= reviewed):
            return self
        return self.model_copy(update={"until": self.review_by})

    @property
    def end_field(self) -> str:
        """The field with its end."""
        return spell("review_by" if self.until is not None and self.until == self.review_by else "until")


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


def subject_fields(subject: Subject) -> dict[str, Any]:
    """Return the field of a grant that names its subject, as a stack file has it."""
    if subject.kind is SubjectKind.PIPELINE:
        return {"pipeline": written_pipeline(subject.name)}
    return {str(subject.kind): subject.name}


def owner_findings(owners: Sequence[Subject]) -> Iterator[Finding]:
    """Find duplicate owners, and owners with one object name: the platform cuts it to 40 characters. Contract 1.2."""
    names = _ObjectNames()
    first: dict[str, Path] = {}
    for index, owner in enumerate(owners):
        here: Path = (index,)
        taken = first.setdefault(str(owner), here)
        if taken != here:
            yield Finding(here, f"{str(owner)!r} is an owner already", "keep one of them", taken)
        yield from names.add(here, str(owner), owner_binding(owner), "make one of them an admin under grants")


def grant_findings(grants: Sequence[Grant], zone: ZoneInfo, state: WorkspaceState) -> Iterator[Finding]:
    """Find wrong dates, several grants of one subject at the same time, and subjects with one object name.

    Contract 1.3, 10.6. As in the platform's UI, names that differ only in case count as the same subject. Grants of one
    subject that follow each other are allowed: the role changes on that day. Two subjects with the same object name are
    never allowed, even one after the other: the object would be taken over, then deleted, and the access with it.
    """
    for index, grant in enumerate(grants):
        yield from below((index,), _date_findings(grant, zone, state))
    others: dict[tuple[str, str], list[tuple[Path, Grant]]] = {}
    names = _ObjectNames()
    for index, grant in enumerate(grants):
        subject = grant.subject
        here = (index, str(subject.kind))
        same = others.setdefault((subject.kind, subject.name.lower()), [])
        clash = next((other for other in same if _clash(other[1], grant, zone)), None)
        same.append((here, grant))
        if clash is not None:
            yield _second(here, grant, *clash)
        else:
            pipeline = subject.kind is SubjectKind.PIPELINE
            remedy = f"give one of them another role, or {'a key' if pipeline else 'access through a group'}"
            yield from names.add(here, subject.name, grant_binding(grant.role, subject), remedy)


def _date_findings(grant: Grant, zone: ZoneInfo, state: WorkspaceState) -> Iterator[Finding]:
    """Find dates out of order, and dates in a released workspace, where no run would apply them."""
    start, end = spell("from_"), spell("until")
    if grant.warn_ahead is not None and not grant.dated:
        path = (spell("warn_ahead"),)
        yield Finding(path, "announces the dates of a grant that has none", "add until, or remove it")
    if grant.span(zone).empty:
        yield Finding((end,), f"is before its {start}", "write a later day: the grant would never hold", (start,))
    elif grant.dated and state is WorkspaceState.RELEASED:
        # Nothing changes in the cluster: an expired grant would stay, and a new one would be created.
        yield Finding(
            (end if grant.until is not None else start,),
            "is a date in a released workspace: no run begins or ends its grants",
            (
                f"remove {start} and until of a grant that holds: it then stays",
                "remove the line of one that does not hold",
            ),
        )


def _clash(grant: Grant, other: Grant, zone: ZoneInfo) -> bool:
    return grant.subject != other.subject or grant.span(zone).meets(other.span(zone))


def _second(here: Path, grant: Grant, taken: Path, other: Grant) -> Finding:
    subject = grant.subject
    if subject != other.subject or not (grant.dated and other.dated):
        problem = f"{subject.kind} {subject.name!r} has a grant already"
        return Finding(here, problem, "keep one grant a subject (upper and lower case count as equal)", taken)
    problem = f"{subject.kind} {subject.name!r} has a grant already that holds at the same time"
    return Finding(here, problem, "let one of them end before the other begins", taken)


class _ObjectNames:
    """Object names of subjects, to find two subjects with the same name.

    The platform's sanitisers can produce the same name for different subjects. Contract 1.6.
    """

    def __init__(self) -> None:
        self._taken: dict[str, tuple[Path, str]] = {}

    def add(self, path: Path, subject: str, name: str, remedy: str) -> Iterator[Finding]:
        taken, other = self._taken.setdefault(name, (path, subject))
        if other != subject:
            problem = f"{subject!r} and {other!r} both become the RoleBinding {name!r}"
            yield Finding(path, problem, remedy, taken)
