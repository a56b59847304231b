"""A workspace in the access ledger. Contains no secrets."""

from typing import Annotated, Final

from pydantic import AfterValidator

from ambient_components.errors import BadValue
from ambient_components.model.base import Model, one_of, refuse
from ambient_components.model.derive import read
from ambient_components.model.grants import Period
from ambient_components.model.guard import NO_GUARD, Guard
from ambient_components.model.keys import KeyRecord
from ambient_components.model.marks import recorded
from ambient_components.model.reviews import Review
from ambient_components.model.schedules import ScheduleRecord
from ambient_components.model.storage import BucketRecord
from ambient_components.model.types import Flag, RoleName, StateName, Text
from ambient_components.platform.subjects import parse_subject
from ambient_components.rules.guardrail_names import WORKSPACE_GUARDRAILS
from ambient_components.rules.workspaces import ACTIVE, CLOSED, RELEASED

STORAGE: Final = "storage"
"""Kind of the secrets that hold the credentials of an existing bucket; these are not session variables."""


def _subject(value: str) -> str:
    try:
        parse_subject(value)
    except BadValue as error:
        refuse(error.problem, error.hints)
    return value


def _periods(value: list[Period]) -> list[Period]:
    if not value:
        refuse("the list is empty")
    return value


SubjectLine = Annotated[Text, AfterValidator(_subject)]
"""A subject as one text; in plain data it stays text."""


class Entry(Model):
    """What a workspace's entry declares, in force now."""

    state: Annotated[StateName, recorded(required=True)] = ACTIVE
    """active; closed: no access by grants, keys and bucket credentials, data stays; released: everything stays and
    leaves this stack.
    """

    owners: Annotated[list[SubjectLine], recorded(required=True)] = []
    """Subjects of owner bindings, sorted."""

    grants: Annotated[dict[SubjectLine, RoleName], recorded(required=True)] = {}
    """Role by subject, currently valid."""

    keys: Annotated[dict[Text, KeyRecord], recorded(required=True)] = {}
    """By key id."""

    dates: Annotated[dict[SubjectLine, Annotated[list[Period], AfterValidator(_periods)]], recorded()] = {}
    """Dates of grants, valid now or not, by subject, earliest first. Empty in a closed workspace."""

    reviews: Annotated[dict[Text, Review], recorded()] = {}
    """Reviews of grants and keys that have one, by subject or key:ID. Empty in a closed workspace."""

    adopt: Annotated[Flag, recorded()] = False
    """Whether to adopt an existing namespace without an owner."""

    secrets: Annotated[dict[Text, dict[Text, Text]], recorded()] = {}
    """Source by variable, for each of the two Secrets and for the credentials of an existing bucket, such as ``config
    payments/anthropic``; never a value.
    """

    settings: Annotated[list[Text], recorded()] = []
    """Names of the declared settings, sorted."""

    limits: Annotated[list[Text], recorded()] = []
    """Names of the declared limits, sorted."""

    schedules: Annotated[dict[Text, ScheduleRecord], recorded()] = {}
    """Scheduled sessions by id; a closed workspace keeps them, suspended."""

    bucket: Annotated[BucketRecord | None, recorded()] = None
    """Storage of its session state; a closed workspace keeps it."""

    exceptions: Annotated[
        list[Annotated[Text, one_of(WORKSPACE_GUARDRAILS, "guardrail")]],
        recorded(),
    ] = []
    """Guardrails with a valid exception in this workspace, sorted."""

    guard: Annotated[Guard, recorded()] = NO_GUARD
    """What the cluster's guard refuses in the workspace."""

    @property
    def is_active(self) -> bool:
        return self.state == ACTIVE

    @property
    def is_closed(self) -> bool:
        """Whether its access has ended while the data stays."""
        return self.state == CLOSED

    @property
    def is_released(self) -> bool:
        return self.state == RELEASED

    @property
    def secret_sources(self) -> dict[tuple[str, str], str]:
        """Source of each value by kind and variable."""
        return {(kind, name): source for kind, reported in self.secrets.items() for name, source in reported.items()}


NOTHING: Final = read(Entry, "ledger", {})
"""Entry of a workspace without access and objects."""
