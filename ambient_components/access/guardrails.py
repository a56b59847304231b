"""The guardrails: changes of a stack's access that are refused without an exception.

Only changes since the last deployment are evaluated, never the deployed access itself. So an exception may expire while
the access it allowed stays until it is removed, and nightly rotations continue (docs/reference/guardrails.md).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.escalation.paths import admin_keys_with_editors
from ambient_components.access.violations import (
    LATEST,
    admin_accounts_with_editors,
    case_changes,
    declared,
    ended_by_date,
    is_evaluated,
    may_edit,
    persons,
)
from ambient_components.errors import PathPart, Problem, Remedy, refusal
from ambient_components.model.guardrails import BUILT_IN, GuardrailsRecord
from ambient_components.model.keys import NO_KEY
from ambient_components.model.reviews import NOT_REVIEWED, UnreviewedAccess
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import is_key_account, pipeline_of, who_is_meant
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.roles import OWNER, rank
from ambient_components.rules.warnings import LoudWarning

SHARE: Final = 4
"""One in this many workspaces, grants or keys of a stack may be removed in one run."""

ALWAYS: Final = 3
"""This many may always be removed in one run."""

_NAMED: Final = 10
"""Maximum number of names in a message."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """One guardrail that a run violates, in one workspace or in the whole stack."""

    guardrail: str
    workspace: str | None
    """Name of the workspace; None for the stack."""
    what: str
    """The violation, without the workspace's name."""
    remedy: Remedy
    path: tuple[PathPart, ...] = ()
    """Place in the ledger's entry, such as `("grants", "group:devs")`; empty for the stack."""

    @property
    def exception_hint(self) -> str:
        """The line of the stack file that allows it."""
        if self.workspace is None:
            where, line = "at the top of the stack file", f"{{guardrail: {self.guardrail}, reason: WHY, until: DAY}}"
        else:
            where, line = "in the workspace's entry", f"{{guardrail: {self.guardrail}, reason: WHY}}"
        return f"if that is meant, write {where}: exceptions: [{line}]"

    @property
    def refusal(self) -> Problem:
        """The refusal, with what to write instead and the line that allows it."""
        prefix = "" if self.workspace is None else f"workspace {self.workspace!r}: "
        return refusal(
            f"{prefix}{self.what}: nothing is changed",
            self.remedy,
            self.exception_hint,
            rule=self.guardrail,
            workspaces=() if self.workspace is None else (self.workspace,),
        )


def crossed(
    before: Ledger,
    after: Ledger,
    settings: GuardrailsRecord = BUILT_IN,
    now: datetime | None = None,
) -> list[Crossed]:
    """Return the guardrails that a change violates without an exception; those of the stack first."""
    violations = [*too_many(before, after, now)]
    for name in sorted(after):
        old, new = before.get(name, NOTHING), after[name]
        for rule in _RULES:
            violations += rule(name, old, new, settings, now)
        if settings.isolate_admin_keys:
            violations += _accounts_apart(name, before, after, now)
    return [
        violation
        for violation in violations
        if violation.guardrail not in _allowed(settings, after.get(violation.workspace or "", NOTHING))
    ]


def existing_violations(
    after: Ledger, settings: GuardrailsRecord = BUILT_IN, now: datetime | None = None
) -> list[Crossed]:
    """Return the existing violations in a ledger, with and without exceptions."""
    bare = settings.model_copy(update={"exceptions": []})
    return crossed({}, {name: entry.model_copy(update={"exceptions": []}) for name, entry in after.items()}, bare, now)


def guardrail_warnings(before: Ledger, after: Ledger, now: datetime | None = None) -> list[Problem]:
    """Return warnings about last admins that a grant's end date removed, and about changes of case."""
    ended_admins = [
        refusal(
            f"workspace {name!r}: it has no admin any more: the grant of {' and '.join(ended)} has ended by its date",
            "add one under owners or grants",
            rule=LoudWarning.LAST_ADMIN_ENDED,
            workspaces=(name,),
        )
        for name in sorted(before.keys() & after.keys())
        if is_evaluated(before[name], after[name])
        and not persons(after[name])
        and (gone := persons(before[name]))
        and (ended := [who for who in gone if ended_by_date(who, before[name], after[name], now)]) == gone
    ]
    return [*ended_admins, *case_changes(before, after)]


def _allowed(settings: GuardrailsRecord, entry: Entry) -> set[str]:
    return {*settings.exceptions, *entry.exceptions}


# Guardrails of the stack.


def removed(before: Ledger, after: Ledger, now: datetime | None = None) -> dict[str, list[str]]:
    """Return the removed workspaces, grants and keys that count, each kind sorted.

    Access that ends because a workspace is closed does not count, because that is declared. Released workspaces do not
    count, because nothing of theirs is deleted.
    """
    ours = _ours(before)
    leaving = [name for name in sorted(ours.keys() - after.keys()) if ours[name].is_closed]
    grants, keys = [], []
    for name in sorted(ours.keys() & after.keys()):
        old, new = ours[name], after[name]
        if not is_evaluated(old, new):
            continue
        kept = _subjects(new)
        grants += [f"{name}: {who}" for who in sorted(_subjects(old) - kept) if not ended_by_date(who, old, new, now)]
        keys += [f"{name}: {key}" for key in sorted(old.keys.keys() - new.keys.keys())]
    return {"workspaces": leaving, "grants": grants, "keys": keys}


def too_many(
    before: Ledger, after: Ledger, now: datetime | None = None, scope: str = "this stack"
) -> Iterator[Crossed]:
    """Evaluate the guardrail `massRemoval`, without exceptions: each kind is compared with its own total."""
    ours = _ours(before)
    totals = {
        "workspaces": len(ours),
        "grants": sum(len(_subjects(entry)) for entry in ours.values()),
        "keys": sum(len(entry.keys) for entry in ours.values()),
    }
    verbs = {"workspaces": "leave the files, and are deleted with all that is in them"}
    for kind, gone in removed(before, after, now).items():
        yield from _too_many(f"{kind} of {scope}", verbs.get(kind, "end"), gone, totals[kind])


def _ours(before: Ledger) -> Ledger:
    return {name: entry for name, entry in before.items() if not entry.is_released}


def _subjects(entry: Entry) -> set[str]:
    """Return the subjects with a valid grant, and the owners."""
    return {*entry.owners, *entry.grants}


def _too_many(kind: str, verb: str, gone: list[str], total: int) -> Iterator[Crossed]:
    most = max(ALWAYS, total // SHARE)
    if len(gone) <= most:
        return
    more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
    yield Crossed(
        Guardrail.MASS_REMOVAL,
        None,
        f"{len(gone)} of the {total} {kind} {verb} in this run, and {most} are the most that may "
        f"({', '.join(gone[:_NAMED])}{more})",
        (
            "if that is a mistake, such as a file that is not included any more, put them back",
            "remove them in several runs",
        ),
    )


# Guardrails of one workspace: its name, its entries before and after, the settings, the time.

_Rule = Callable[[str, Entry, Entry, GuardrailsRecord, datetime | None], Iterator[Crossed]]


def _no_admin(name: str, old: Entry, new: Entry, _: GuardrailsRecord, now: datetime | None) -> Iterator[Crossed]:
    had = persons(old)
    if not had or persons(new) or not is_evaluated(old, new):
        return
    if any(not ended_by_date(who, old, new, now) for who in had):
        remedy = "keep one of them, or add another under owners or grants"
        listed = ", ".join(had[:_NAMED])
        yield Crossed(Guardrail.NO_ADMIN, name, f"it would have no admin any more (it had {listed})", remedy)


def _subject_rules(
    name: str, old: Entry, new: Entry, settings: GuardrailsRecord, now: datetime | None
) -> Iterator[Crossed]:
    """Find new or extended access for all users, and for single users if only groups are allowed."""
    had = declared(old, now)
    for who, role in sorted(declared(new, now).items()):
        if rank(role) <= rank(had.get(who)):
            continue
        as_what = "is an owner" if role == OWNER else f"has {role}"
        meant = who_is_meant(who)
        path = ("owners" if role == OWNER else "grants", who)
        if meant is not None:
            what = f"{who} {as_what}, and that is {meant}"
            yield Crossed(Guardrail.PUBLIC_ACCESS, name, what, "name a group of people", path)
        if is_key_account(who):
            what = (
                f"{who} {as_what}, and that is the ServiceAccount of a key: a key has the role that is written under "
                "keys, and no other"
            )
            remedy = "write the role that the key needs under keys, in each workspace a key of its own"
            yield Crossed(Guardrail.ADMIN_KEY, name, what, remedy, path)
        if (pipeline := pipeline_of(who)) and rank(role) >= rank(Role.ADMIN):
            what = f"{who} {as_what}, and with it {pipeline.strength}"
            yield Crossed(Guardrail.ADMIN_PIPELINE, name, what, "write role: edit or view", path)
        if meant is None and settings.groups_only and role != OWNER and who.startswith("user:"):
            what = f"{who} {as_what}, and this stack gives access to groups only (guardrails.groupsOnly)"
            yield Crossed(Guardrail.INDIVIDUAL_GRANT, name, what, "put the user into a group that has it", path)


def _key_rules(name: str, old: Entry, new: Entry, settings: GuardrailsRecord, _: datetime | None) -> Iterator[Crossed]:
    """Find keys that are new, or have more rights or a longer lifetime than before."""
    had, has = old.keys, new.keys
    for key_id, key in sorted(has.items()):
        was = had.get(key_id, NO_KEY)
        if key.role == "admin" and was.role != "admin":
            what = f"key {key_id!r} is of role admin, and anyone with it may share the workspace and read its secrets"
            yield Crossed(Guardrail.ADMIN_KEY, name, what, "write role: edit or view", ("keys", key_id, "role"))
        endless = [
            why
            for is_so, why in (
                (key.never and not was.never, "never expires"),
                (key.static and not was.static, "is one that every session can read"),
            )
            if is_so
        ]
        if endless:
            remedy = "leave lifetime out for 90d: a key is renewed before it ends"
            path = ("keys", key_id, "lifetime" if key.never else "static")
            yield Crossed(Guardrail.NON_EXPIRING_KEY, name, f"key {key_id!r} {' and '.join(endless)}", remedy, path)
        if key.acts_as is not None and key.acts_as != was.acts_as:
            what = (
                f"key {key_id!r} acts for the user {key.acts_as!r}: its sessions get this user's integrations, and "
                "with single sign-on the user's rights in every workspace replace the key's role"
            )
            remedy = "remove actsAs: the key then has its role"
            yield Crossed(Guardrail.ACTING_KEY, name, what, remedy, ("keys", key_id, "actsAs"))
    if len(has) > max(len(had), settings.max_keys):
        before = f", {len(had)} before" if had else ""
        what = f"it has {len(has)} keys{before}, and {settings.max_keys} are the most (guardrails.maxKeys)"
        yield Crossed(
            Guardrail.TOO_MANY_KEYS,
            name,
            what,
            "remove keys that their users do not need: ambient keys list STACK --idle 90d",
            ("keys",),
        )


def _schedule_rules(name: str, old: Entry, new: Entry, _: GuardrailsRecord, __: datetime | None) -> Iterator[Crossed]:
    """Find schedules that are new or change their user."""
    for schedule_id, schedule in sorted(new.schedules.items()):
        was = old.schedules.get(schedule_id)
        if schedule.run_as is not None and (was is None or schedule.run_as != was.run_as):
            what = (
                f"schedule {schedule_id!r} runs as the user {schedule.run_as!r}: its sessions get this user's "
                "integrations, and everyone who may run sessions here can use them"
            )
            remedy = "remove runAs: the sessions then run without integrations of a person"
            yield Crossed(Guardrail.ACTING_SCHEDULE, name, what, remedy, ("schedules", schedule_id, "runAs"))


def _apart(name: str, old: Entry, new: Entry, settings: GuardrailsRecord, now: datetime | None) -> Iterator[Crossed]:
    if not settings.isolate_admin_keys:
        return

    def beside(entry: Entry) -> set[str]:
        return set(admin_keys_with_editors(entry.model_copy(update={"grants": may_edit(entry, now)})))

    ids = sorted(beside(new) - beside(old))
    if ids:
        what = (
            f"{'admin key' if len(ids) == 1 else 'admin keys'} {', '.join(map(repr, ids))} and access to edit are "
            "side by side, and who may edit can mint a token of that key (guardrails.isolateAdminKeys)"
        )
        remedy = "give the key another role, or a workspace of its own"
        yield Crossed(Guardrail.ADMIN_KEY_WITH_EDITORS, name, what, remedy, ("keys", ids[0], "role"))


def _accounts_apart(name: str, before: Ledger, after: Ledger, now: datetime | None) -> Iterator[Crossed]:
    """Find admins that are ServiceAccounts, beside editors of the accounts' own workspaces."""
    had = admin_accounts_with_editors(name, before, now) if name in before else []
    for who in admin_accounts_with_editors(name, after, now):
        if who not in had:
            what = (
                f"{who} is an admin, and who may edit the workspace of this account can mint a token of it "
                "(guardrails.isolateAdminKeys)"
            )
            remedy = "remove it, or take an account of a namespace that only admins of this workspace may edit"
            section = "owners" if who in after[name].owners else "grants"
            yield Crossed(Guardrail.ADMIN_KEY_WITH_EDITORS, name, what, remedy, (section, who))


def _unreviewed(
    name: str, old: Entry, new: Entry, settings: GuardrailsRecord, now: datetime | None
) -> Iterator[Crossed]:
    """Find grants and keys without a review that are new, have a higher role, or lost or moved their review.

    A later day than the role's time from now allows is none: an answer for ever is no review.
    """
    if settings.unreviewed_access != UnreviewedAccess.REFUSE:
        return
    had, has = _reviewable(old, now), _reviewable(new, now)
    for who, role in sorted(has.items()):
        was, day = old.reviews.get(who, NOT_REVIEWED).review_by, new.reviews.get(who, NOT_REVIEWED).review_by
        if rank(role) <= rank(had.get(who)) and was == day:
            continue
        seconds = settings.reviews.seconds(role)
        if day is None or (now is not None and day > (now + timedelta(seconds=seconds) + LATEST).date()):
            when = "has no reviewBy" if day is None else f"has a reviewBy of {day}"
            what = f"{who} is {role}, and {when}: a review holds {format_seconds(seconds)} (guardrails.reviews)"
            path = ("keys", who.removeprefix("key:")) if who.startswith("key:") else ("grants", who)
            yield Crossed(Guardrail.UNREVIEWED_ACCESS, name, what, "write reviewBy: DAY, within this time", path)


def _reviewable(entry: Entry, now: datetime | None) -> dict[str, str]:
    """Return the strongest role of each subject with a grant, and the roles of keys, as key:ID."""
    grants = {who: role for who, role in declared(entry, now).items() if role != OWNER}
    return grants | {f"key:{key_id}": key.role for key_id, key in entry.keys.items()}


_RULES: Final[tuple[_Rule, ...]] = (_no_admin, _subject_rules, _key_rules, _schedule_rules, _apart, _unreviewed)
