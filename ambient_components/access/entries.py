"""The access ledger as typed data: a workspace's entry with its grants, keys and bucket. Never a secret.

`read_ledger` reads what a state or a preview holds and never fails. `ledger_misfits` is the strict check of new inputs.
`write_ledger` gives back the plain data that is recorded.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from ambient_components.access.periods import check_date
from ambient_components.access.rail_names import WORKSPACE_RAILS
from ambient_components.access.recorded import (
    REQUIRED,
    Misfit,
    by_name,
    count,
    flag,
    listed,
    misfits,
    nested,
    read,
    text,
    write,
)
from ambient_components.contract import ROLES
from ambient_components.errors import Problem, refusal
from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.refusals import Rule
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED, STATES, BucketState
from ambient_components.subjects import parse_subject

STORAGE: Final = "storage"
"""Kind of the secrets that are the credentials of a bucket that others made; they are no variables of sessions."""

Flag = Annotated[bool, flag()]


@dataclass(frozen=True, slots=True)
class Period:
    """One grant with dates.

    A day is YYYY-MM-DD in the stack's time zone, and `until` is the last one on which it holds; a moment is
    YYYY-MM-DDTHH:MM:SSZ, and `until` the first one at which it does not.
    """

    role: Annotated[str, text(ROLES), REQUIRED] = ""
    from_: Annotated[str | None, text(test=check_date)] = None
    until: Annotated[str | None, text(test=check_date)] = None

    @property
    def order(self) -> tuple[str, str, str]:
        """Earliest first; without a beginning before all that have one. Days and moments of one day: the day first."""
        return self.from_ or "", self.until or "9999", self.role

    def problems(self) -> Iterator[str]:
        """Require one end at least."""
        if self.from_ is None and self.until is None:
            yield "from or until is missing"

    def __str__(self) -> str:
        begins = f" from {self.from_}" if self.from_ is not None else ""
        return f"{self.role}{begins}{f' until {self.until}' if self.until is not None else ''}"


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """An API key: what it may do, for how long each of its tokens lives, and where it lies."""

    role: Annotated[str, text(ROLES), REQUIRED] = ""
    generation: Annotated[int, count(), REQUIRED] = 0
    never: Flag = False
    lifetime_seconds: Annotated[int | None, count()] = None
    """None where it never expires."""
    manual: Flag = False
    """Whether it expires without a renewal."""
    static: Flag = False
    """Whether every session of the workspace can read it."""
    overlap_until: Annotated[str | None, text()] = None
    """Last day, YYYY-MM-DD, of the identity of the generation before."""
    overlapping: Annotated[int | None, count(0)] = None
    """That generation, while it is in force."""
    adopt: Annotated[tuple[str, ...], listed(text())] = ()
    """ServiceAccounts that are taken over with their tokens, sorted."""
    deliver: Annotated[str | None, text()] = None
    """NAMESPACE/NAME of the Secret that it is written to."""
    retain: Annotated[str | None, text()] = None
    """none: it lies there alone."""

    @property
    def generations(self) -> tuple[int, ...]:
        """The generations whose identities are in force, the newest first."""
        return tuple(filter(None, (self.generation, self.overlapping)))

    def problems(self) -> Iterator[str]:
        """Require an older generation to overlap with."""
        if self.generation <= (self.overlapping or 0):
            yield "generation must be higher than overlapping"


@dataclass(frozen=True, slots=True)
class BucketEntry:
    """A workspace's bucket, and the life of its access keys."""

    name: Annotated[str, text(), REQUIRED] = ""
    driver: Annotated[str, text(tuple(BucketDriver)), REQUIRED] = ""
    endpoint: Annotated[str | None, text()] = None
    """What sessions reach its store by."""
    store: Annotated[str | None, text()] = None
    """What runs reach it by, where that is another address."""
    shared: Flag = False
    """Whether it belongs to others, and only credentials are made."""
    adopt: Flag = False
    """Whether an existing bucket without an owner may be adopted."""
    state: Annotated[str, text(tuple(BucketState))] = ACTIVE
    """released: it stays as it is, and is ours no more."""
    on_delete: Annotated[str, text(tuple(OnDelete))] = OnDelete.KEEP
    """delete: it goes when its workspace leaves."""
    force: Flag = False
    """Whether it goes with all that is in it."""
    expire_after_days: Annotated[int | None, count()] = None
    """Age at which the store deletes an object."""
    versioning: Annotated[bool | None, flag()] = None
    object_lock: Flag = False
    generation: Annotated[int | None, count()] = None
    """Of its credentials; None where the workspace is closed, and for a driver that makes none."""
    never: Flag = False
    lifetime_seconds: Annotated[int | None, count()] = None
    """Of an access key. None where it never expires."""

    @property
    def is_released(self) -> bool:
        """Whether it was let go by itself."""
        return self.state == RELEASED

    @property
    def is_own(self) -> bool:
        """Whether it is no shared bucket, and none that others make."""
        return not self.shared and self.driver != BucketDriver.EXISTING

    @property
    def is_held(self) -> bool:
        """Whether this stack looks after its data: a released bucket belongs to others."""
        return self.is_own and not self.is_released

    def is_same(self, other: "BucketEntry | None") -> bool:
        """Whether both are one bucket. Its store's address is not asked: a store may get another name."""
        return other is not None and (self.name, self.driver) == (other.name, other.driver)

    def problems(self) -> Iterator[str]:
        """Require a name."""
        if not self.name:
            yield "its name is empty"


@dataclass(frozen=True, slots=True)
class Entry:
    """One workspace."""

    state: Annotated[str, text(STATES), REQUIRED] = ACTIVE
    """active; closed: no access by grants, keys and bucket credentials, the data stays; released: all of it stays, and
    is ours no more."""
    owners: Annotated[tuple[str, ...], listed(text(test=parse_subject)), REQUIRED] = ()
    """Subjects of the hidden owner bindings, sorted."""
    grants: Annotated[Mapping[str, str], by_name(text(ROLES), parse_subject), REQUIRED] = field(default_factory=dict)
    """Role by subject, in force now."""
    keys: Annotated[Mapping[str, KeyEntry], by_name(nested(KeyEntry)), REQUIRED] = field(default_factory=dict)
    """By key id."""
    dates: Annotated[Mapping[str, tuple[Period, ...]], by_name(listed(nested(Period), least=1), parse_subject)] = field(
        default_factory=dict
    )
    """Of grants that have dates, in force now or not: by subject, the earliest first. None where it is closed."""
    adopt: Flag = False
    """Whether an existing namespace without an owner may be adopted."""
    secrets: Annotated[Mapping[str, Mapping[str, str]], by_name(by_name(text()))] = field(default_factory=dict)
    """Source by variable, of each of the two Secrets and of the credentials of an existing bucket, such as
    ``config payments/anthropic``; never a value."""
    settings: Annotated[tuple[str, ...], listed(text())] = ()
    """Names of the declared settings, sorted."""
    limits: Annotated[tuple[str, ...], listed(text())] = ()
    """Names of the declared limits, sorted."""
    bucket: Annotated[BucketEntry | None, nested(BucketEntry)] = None
    """Where the state of its sessions is kept; a closed workspace keeps it."""
    allow: Annotated[tuple[str, ...], listed(text(WORKSPACE_RAILS))] = ()
    """Rails that may be crossed in it today, sorted."""

    @property
    def is_active(self) -> bool:
        """Whether it is in use."""
        return self.state == ACTIVE

    @property
    def is_closed(self) -> bool:
        """Whether access has ended, and the data stays."""
        return self.state == CLOSED

    @property
    def is_released(self) -> bool:
        """Whether it was let go."""
        return self.state == RELEASED

    @property
    def secret_sources(self) -> dict[tuple[str, str], str]:
        """The source of each value by kind and variable."""
        return {(kind, name): source for kind, said in self.secrets.items() for name, source in said.items()}


Ledger = Mapping[str, Entry]
"""By workspace name."""

NOTHING: Final = Entry()
"""The entry of a workspace that has none: no access, and no object."""


def read_ledger(workspaces: Any) -> dict[str, Entry]:
    """Read what a state, a preview or a run record holds. Total: what can't be understood is left out."""
    if not isinstance(workspaces, Mapping):
        return {}
    return {str(name): read(Entry, entry) for name, entry in workspaces.items()}


def write_ledger(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Return the plain data that is recorded."""
    return {name: write(entry) for name, entry in ledger.items()}


def ledger_misfits(workspaces: Mapping[str, Any]) -> dict[str, list[Misfit]]:
    """Check new entries: the stack file's checks see to it, a program that uses the library may not."""
    found = {name: [*misfits(Entry, entry)] for name, entry in sorted(workspaces.items())}
    return {name: problems for name, problems in found.items() if problems}


def misfit_problems(found: Mapping[str, Iterable[Misfit]]) -> list[Problem]:
    """Return what `ledger_misfits` found as refusals."""
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
