"""The access ledger as typed data: a workspace's entry with grants, keys and bucket. Contains no secrets.

`read_ledger` reads the data of a state or a preview and never fails. `ledger_misfits` is the strict check of new
inputs. `write_ledger` returns the plain data to record.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Final

from ambient_components.access.recorded import (
    REQUIRED,
    Misfit,
    by_name,
    flag,
    listed,
    misfits,
    modelled,
    nested,
    read,
    text,
    write,
)
from ambient_components.errors import Problem, refusal, reject
from ambient_components.model.keys import KeyRecord
from ambient_components.model.schedules import ScheduleRecord
from ambient_components.model.storage import BucketRecord
from ambient_components.platform.contract import ROLES
from ambient_components.platform.naming import user_id_problem
from ambient_components.platform.subjects import parse_subject
from ambient_components.rules.guardrail_names import WORKSPACE_GUARDRAILS
from ambient_components.rules.refusals import Rule
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED, STATES

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def check_date(text: str) -> None:
    """Require a day, YYYY-MM-DD, or a time, YYYY-MM-DDTHH:MM:SSZ.

    Raises:
        BadValue: The text is neither.
    """
    try:
        if _MOMENT.fullmatch(text):
            datetime.fromisoformat(text)
            return
        if _DAY.fullmatch(text):
            date.fromisoformat(text)
            return
    except ValueError:
        pass
    reject(f"{text!r} is no date", "allowed: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ")


def check_user_id(text: str) -> None:
    """Check the id of a user of the platform.

    Raises:
        BadValue: It is none.
    """
    if problem := user_id_problem(text):
        reject(*problem)


STORAGE: Final = "storage"
"""Kind of the secrets that hold the credentials of an existing bucket; these are not session variables."""

Flag = Annotated[bool, flag()]


@dataclass(frozen=True, slots=True)
class Period:
    """One grant with dates.

    A day is YYYY-MM-DD in the stack's time zone, and `until` is the last day of the grant. A time is
    YYYY-MM-DDTHH:MM:SSZ, and the grant ends at `until`.
    """

    role: Annotated[str, text(ROLES), REQUIRED] = ""
    from_: Annotated[str | None, text(test=check_date)] = None
    until: Annotated[str | None, text(test=check_date)] = None

    @property
    def order(self) -> tuple[str, str, str]:
        """Sort key: earliest start first, grants without a start before all others, a day before times on that day."""
        return self.from_ or "", self.until or "9999", self.role

    def problems(self) -> Iterator[str]:
        """Require at least one of both dates."""
        if self.from_ is None and self.until is None:
            yield "from or until is missing"

    def __str__(self) -> str:
        begins = f" from {self.from_}" if self.from_ is not None else ""
        return f"{self.role}{begins}{f' until {self.until}' if self.until is not None else ''}"


@dataclass(frozen=True, slots=True)
class Entry:
    state: Annotated[str, text(STATES), REQUIRED] = ACTIVE
    """active; closed: no access by grants, keys and bucket credentials, data stays; released: everything stays and
    leaves this stack.
    """
    owners: Annotated[tuple[str, ...], listed(text(test=parse_subject)), REQUIRED] = ()
    """Subjects of owner bindings, sorted."""
    grants: Annotated[Mapping[str, str], by_name(text(ROLES), parse_subject), REQUIRED] = field(default_factory=dict)
    """Role by subject, currently valid."""
    keys: Annotated[Mapping[str, KeyRecord], by_name(modelled(KeyRecord)), REQUIRED] = field(default_factory=dict)
    """By key id."""
    dates: Annotated[Mapping[str, tuple[Period, ...]], by_name(listed(nested(Period), least=1), parse_subject)] = field(
        default_factory=dict
    )
    """Dates of grants, valid now or not, by subject, earliest first. Empty in a closed workspace."""
    adopt: Flag = False
    """Whether to adopt an existing namespace without an owner."""
    secrets: Annotated[Mapping[str, Mapping[str, str]], by_name(by_name(text()))] = field(default_factory=dict)
    """Source by variable, for each of the two Secrets and for the credentials of an existing bucket, such as ``config
    payments/anthropic``; never a value.
    """
    settings: Annotated[tuple[str, ...], listed(text())] = ()
    """Names of the declared settings, sorted."""
    limits: Annotated[tuple[str, ...], listed(text())] = ()
    """Names of the declared limits, sorted."""
    schedules: Annotated[Mapping[str, ScheduleRecord], by_name(modelled(ScheduleRecord))] = field(default_factory=dict)
    """Scheduled sessions by id; a closed workspace keeps them, suspended."""
    bucket: Annotated[BucketRecord | None, modelled(BucketRecord)] = None
    """Storage of its session state; a closed workspace keeps it."""
    exceptions: Annotated[tuple[str, ...], listed(text(WORKSPACE_GUARDRAILS))] = ()
    """Guardrails with a valid exception in this workspace, sorted."""

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


Ledger = Mapping[str, Entry]
"""Entries by workspace name."""

NOTHING: Final = Entry()
"""Entry of a workspace without access and objects."""


def read_ledger(workspaces: Any) -> dict[str, Entry]:
    """Read a ledger from a state, a preview or a run record; leave out what is malformed."""
    if not isinstance(workspaces, Mapping):
        return {}
    return {str(name): read(Entry, entry) for name, entry in workspaces.items()}


def write_ledger(ledger: Ledger) -> dict[str, dict[str, Any]]:
    return {name: write(entry) for name, entry in ledger.items()}


def ledger_misfits(workspaces: Mapping[str, Any]) -> dict[str, list[Misfit]]:
    """Check new entries. The stack file's checks guarantee their form, a program that uses the library may not."""
    found = {name: [*misfits(Entry, entry)] for name, entry in sorted(workspaces.items())}
    return {name: problems for name, problems in found.items() if problems}


def misfit_problems(found: Mapping[str, Iterable[Misfit]]) -> list[Problem]:
    return [
        refusal(
            f"workspace {name!r}: {one.path or 'its entry in the ledger'}: {one.problem}",
            one.hints,
            rule=Rule.ENTRY_FORM,
            workspaces=(name,),
        )
        for name, problems in found.items()
        for one in problems
    ]
