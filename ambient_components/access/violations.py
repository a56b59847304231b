"""Facts about ledger entries for the guardrails: admins, accounts, current and future access, and ends by date."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.errors import Problem, refusal
from ambient_components.model.grants import Period
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import home_of
from ambient_components.rules.roles import MINTERS, OWNER, rank
from ambient_components.rules.warnings import LoudWarning

_RESERVED: Final = ("user:system:", "group:system:", "group:kubeadm:")
"""Names of Kubernetes' own accounts and groups; `user:system:serviceaccount:NAMESPACE:NAME` is a service account."""

_ALL_ACCOUNTS: Final = "group:system:serviceaccounts"
LATEST: Final = timedelta(hours=12)
"""How long a day lasts after its end in UTC, in the last time zone: a ledger does not record the stack's time zone."""


def is_evaluated(before: Entry, after: Entry) -> bool:
    """Return whether access that ends may be a mistake: closing declares the end, and a release ends nothing."""
    return not (before.is_released or after.is_released or (after.is_closed and not before.is_closed))


def persons(entry: Entry) -> list[str]:
    """Return the current admins that may be people, sorted: owners, and grants of admin.

    Pipelines, service accounts in either notation and other names that Kubernetes reserves are excluded.
    """
    admins = {*entry.owners, *(who for who, role in entry.grants.items() if role == Role.ADMIN)}
    return sorted(who for who in admins if who.startswith(("user:", "group:")) and not who.startswith(_RESERVED))


def declared(entry: Entry, now: datetime | None) -> dict[str, str]:
    """Return the strongest current or future role of each subject, including grants with dates; `owner` for owners.

    Future access is evaluated when it is written, because no person can correct the file on the day it starts.
    """
    roles: dict[str, str] = dict(entry.grants)
    for who, periods in entry.dates.items():
        for period in periods:
            if not is_over(period, now) and rank(period.role) > rank(roles.get(who)):
                roles[who] = period.role
    return {**roles, **dict.fromkeys(entry.owners, OWNER)}


def may_edit(entry: Entry, now: datetime | None) -> dict[str, str]:
    """Return current grants and future grants of edit, including those of subjects that are admins until then.

    Thus a file is evaluated when it is written, and the start of a grant is never a new violation.
    """
    roles: dict[str, str] = dict(entry.grants)
    for who, periods in entry.dates.items():
        if any(period.role == Role.EDIT and not is_over(period, now) for period in periods):
            roles[who] = Role.EDIT.value
    return {who: role for who, role in roles.items() if who not in entry.owners}


def admin_accounts_with_editors(workspace: str, ledger: Ledger, now: datetime | None) -> list[str]:
    """Return the sorted admins of a workspace that are ServiceAccounts, and that another subject can mint a token of.

    Such a subject has edit or admin in the account's own workspace, and is no admin here; now or in the future.
    """
    entry = ledger[workspace]
    admins = {who for who, role in declared(entry, now).items() if rank(role) >= rank(Role.ADMIN)}
    always = admins - {who for who, role in may_edit(entry, now).items() if role == Role.EDIT}

    def has_minters(account: str) -> bool:
        homes = ledger if account == _ALL_ACCOUNTS else (home_of(account) or "",)
        return any(has_minters_in(account, home) for home in homes)

    def has_minters_in(account: str, home: str) -> bool:
        there = ledger.get(home, NOTHING)
        subjects = {who for who, role in declared(there, now).items() if rank(role) >= rank(Role.EDIT)}
        keys = (Role.EDIT,) if home == workspace else MINTERS
        return bool(subjects - always - {account}) or any(key.role in keys for key in there.keys.values())

    return sorted(filter(has_minters, admins))


def ended_by_date(who: str, before: Entry, after: Entry, now: datetime | None) -> bool:
    """Return whether a grant ended by its own, unchanged dates.

    A line that was removed in the same run must have been over already.
    """
    was, is_now = before.dates.get(who, ()), after.dates.get(who, ())
    return bool(was) and who not in before.owners and all(period in is_now or is_over(period, now) for period in was)


def is_over(period: Period, now: datetime | None) -> bool:
    """Return whether a period has ended, for a day in every time zone; False if the time is unknown."""
    until = period.until
    if until is None or now is None:
        return False
    if isinstance(until, datetime):
        return now >= until
    # date.max is written for "no end", and has no following day.
    return until < date.max and now >= datetime.combine(until + timedelta(days=1), time(), UTC) + LATEST


def case_changes(before: Ledger, after: Ledger) -> Iterator[Problem]:
    for name in sorted(before.keys() & after.keys()):
        old, new = _declared_subjects(before[name]), _declared_subjects(after[name])
        lost = {subject.casefold(): subject for subject in sorted(old - new)}
        for gained in sorted(new - old):
            if (former := lost.get(gained.casefold())) is not None:
                yield refusal(
                    f"workspace {name!r}: {former} becomes {gained}: Kubernetes compares names with their case, so "
                    "this is another subject",
                    "make sure that the identity provider has the new name in exactly this case",
                    rule=LoudWarning.CASE_CHANGED,
                    workspaces=(name,),
                )


def _declared_subjects(entry: Entry) -> set[str]:
    return {*entry.owners, *entry.grants}
