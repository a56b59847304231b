"""What an entry of a ledger comes to for who judges a change of it: who holds what, whose end is a date's doing."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from ambient_components.access.entries import Entry, Period
from ambient_components.contract import Role
from ambient_components.rules.roles import OWNER, rank

_RESERVED: Final = ("user:system:", "group:system:", "group:kubeadm:")
"""Names of Kubernetes' own accounts and groups; `user:system:serviceaccount:NAMESPACE:NAME` is a service account."""

_LATEST: Final = timedelta(hours=12)
"""How long after its end in UTC a day lasts in the last time zone of the world: a ledger does not say its stack's."""


def is_judged(before: Entry, after: Entry) -> bool:
    """Whether access that ends here is anybody's slip: closing says that it ends, and a release ends nothing."""
    return not (before.is_released or after.is_released or (after.is_closed and not before.is_closed))


def persons(entry: Entry) -> list[str]:
    """Return the admins in force that may be people, sorted: owners, and grants of admin.

    Neither a service account is one, in either spelling, nor any other name that Kubernetes reserves for itself.
    """
    admins = {*entry.owners, *(who for who, role in entry.grants.items() if role == Role.ADMIN)}
    return sorted(who for who in admins if who.startswith(("user:", "group:")) and not who.startswith(_RESERVED))


def declared(entry: Entry, now: datetime | None) -> dict[str, str]:
    """The most that each subject holds or is yet to hold, by a grant with dates too; `owner` for an owner.

    Access with a date is judged when it is written: on the day on which it begins, nobody is there to mend the file.
    """
    found: dict[str, str] = dict(entry.grants)
    for who, periods in entry.dates.items():
        for period in periods:
            if not is_over(period, now) and rank(period.role) > rank(found.get(who)):
                found[who] = period.role
    return {**found, **dict.fromkeys(entry.owners, OWNER)}


def may_edit(entry: Entry, now: datetime | None) -> dict[str, str]:
    """The grants in force, and those of edit that are yet to begin, also of who is an admin until then.

    So that a file is judged on the day on which it is written: nothing of it can be new on the day of a change.
    """
    found: dict[str, str] = dict(entry.grants)
    for who, periods in entry.dates.items():
        if any(period.role == Role.EDIT and not is_over(period, now) for period in periods):
            found[who] = Role.EDIT.value
    return {who: role for who, role in found.items() if who not in entry.owners}


def ended_by_date(who: str, before: Entry, after: Entry, now: datetime | None) -> bool:
    """Whether a subject's grant is not in force any more because its own dates said so: they stand as they were.

    A line that has left in the run that ends it was over by then, or it was taken away.
    """
    was, is_now = before.dates.get(who, ()), after.dates.get(who, ())
    return bool(was) and who not in before.owners and all(period in is_now or is_over(period, now) for period in was)


def is_over(period: Period, now: datetime | None) -> bool:
    """Whether a period has ended, with a day in every time zone; never, where nobody says what time it is."""
    until = period.until
    if until is None or now is None:
        return False
    if "T" in until:
        return now >= datetime.fromisoformat(until)
    day = date.fromisoformat(until)
    # What people write for no end has none: there is no day after it.
    return day < date.max and now >= datetime.combine(day + timedelta(days=1), time(), UTC) + _LATEST
