"""A stack's whole access and its bones, as the AccessLedger records them, and what a change of them may not do.

No secret is ever in it: it is shown in every diff.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

from ambient_components import naming
from ambient_components.access import periods
from ambient_components.access.bindings import expected_objects
from ambient_components.access.buckets import BucketEntry, as_recorded, bucket_refusals, sharing_refusals, well_formed
from ambient_components.access.periods import Dates
from ambient_components.access.rail_names import RailSettings
from ambient_components.access.rails import BUILT_IN, crossed
from ambient_components.contract import Role
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED, STATES
from ambient_components.subjects import parse_subject


class KeyEntry(TypedDict):
    """An API key: what it may do, for how long each of its tokens lives, and where it lies."""

    role: str
    generation: int
    lifetimeSeconds: NotRequired[int]
    """Left out where it never expires."""
    never: NotRequired[bool]
    static: NotRequired[bool]
    """Whether every session of the workspace can read it."""
    manual: NotRequired[bool]
    """Whether nobody renews it, where it expires."""
    overlapUntil: NotRequired[str]
    """Last day, YYYY-MM-DD, of the identity of the generation before."""
    overlapping: NotRequired[int]
    """That generation, while it is in force."""
    adopt: NotRequired[list[str]]
    """ServiceAccounts that are taken over with their tokens, sorted."""
    deliver: NotRequired[str]
    """NAMESPACE/NAME of the Secret that it is written to."""
    retain: NotRequired[str]
    """none: it lies there alone."""


class Entry(TypedDict):
    """One workspace."""

    state: str
    """active; closed: no access by grants, keys and bucket credentials, the data stays; released: all of it stays, and
    is ours no more."""
    adopt: NotRequired[bool]
    """Whether a namespace that exists and is nobody's may be taken over; false if left out."""
    owners: list[str]
    """Subjects of the hidden owner bindings, sorted."""
    grants: dict[str, str]
    """Role by subject, in force now."""
    dates: NotRequired[Dates]
    """Of grants that have dates, in force now or not: by subject a list of {role, from, until}, the earliest first, at
    least one; either end may be missing. A day is YYYY-MM-DD in the stack's time zone, and inclusive as until; a moment
    is YYYY-MM-DDTHH:MM:SSZ. Left out where no grant has dates, and where the workspace is closed."""
    keys: dict[str, KeyEntry]
    """By key id."""
    secrets: NotRequired[dict[str, dict[str, str]]]
    """Source by variable, of each of the two Secrets and of the credentials of an existing bucket, such as
    ``config payments/anthropic``; never a value."""
    settings: NotRequired[list[str]]
    """Names of the declared settings, sorted."""
    limits: NotRequired[list[str]]
    """Names of the declared limits, sorted."""
    bucket: NotRequired[BucketEntry]
    """Where the state of its sessions is kept; a closed workspace keeps it."""
    allow: NotRequired[list[str]]
    """Rails that may be crossed in it today, sorted; see `WORKSPACE_RAILS`."""


_BONES: Final = ("owners", "grants", "keys", "secrets", "settings", "limits", "bucket")
"""What must stay as it is where a workspace is released: each of them is objects."""

Ledger = dict[str, Entry]
"""By workspace name."""


def refusals(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    rails: RailSettings = BUILT_IN,
    now: datetime | None = None,
) -> list[str]:
    """Why this change must not be deployed; nothing, where it may.

    An entry may leave the files only in a run after one in which it was closed or released: what is lost by a slip (a
    file not read, a line deleted in a merge) must not delete a namespace with everything in it.

    Args:
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
        rails: what the stack says of its rails.
        now: tells which grants have ended by their dates.
    """
    problems = [problem for name in sorted(after) for problem in _misshapen(name, after[name])]
    if problems:
        return problems
    problems = [
        f"workspace {name!r} is gone from the files, but it was not closed: nothing is changed. If that is a slip, put "
        "the entry back. To delete the workspace, write 'state: closed' in its entry and deploy: that ends every grant "
        "and key; then remove the entry and deploy again: that deletes the namespace. To keep all of it and only stop "
        "managing it, write 'state: released', deploy, and then remove the entry"
        for name in sorted(before.keys() - after.keys())
        if _state(before[name]) not in (CLOSED, RELEASED)
    ]
    problems += [
        f"workspace {name!r}: there is nothing to release: this stack has not deployed it. Remove the entry"
        for name in sorted(after.keys() - before.keys())
        if _state(after[name]) == RELEASED
    ]
    problems += [problem for name in sorted(after) for problem in _dates_kept_by_nobody(name, after[name])]
    for name in sorted(after.keys() - before.keys()):
        problems += bucket_refusals(name, {}, after[name])
    for name in sorted(before.keys() & after.keys()):
        problems += _taken_over(name, before[name], after[name])
        problems += _going_back(name, before[name], after[name])
        problems += _overlaps(name, before[name], after[name])
        problems += _released(name, before[name], after[name])
        if RELEASED not in (_state(before[name]), _state(after[name])):
            problems += bucket_refusals(name, before[name], after[name])
    problems += sharing_refusals(before, after)
    return problems + [one.text for one in crossed(before, after, rails, now)]


def _misshapen(workspace: str, entry: Any) -> list[str]:
    """What is no ledger's entry: the stack file's checks see to it, a program that uses the library may not."""
    try:
        shape = (
            entry["state"] in STATES
            and all(parse_subject(owner) for owner in entry["owners"])
            and all(parse_subject(subject) and Role(role) for subject, role in entry["grants"].items())
            and all(Role(key["role"]) for key in entry["keys"].values())
            and all(key["generation"] > (key.get("overlapping") or 0) >= 0 for key in entry["keys"].values())
            and periods.well_formed(entry.get("dates"))
            and well_formed(entry.get("bucket"), entry.get("allow"))
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        shape = False
    if shape:
        return []
    return [
        f"workspace {workspace!r}: its entry in the ledger is not of the form it must have: "
        f"state ({', '.join(STATES)}), "
        "owners (a list of subjects), grants (role by subject), keys (role and generation by id), dates (by subject a "
        "list of role, from and until, if it has any), bucket (name and driver, if it has one)"
    ]


def _taken_over(workspace: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Subjects that would get an object of the name that another subject's object has until this run.

    The engine makes the new one, which takes the object over, and then deletes the old one: the same object. The new
    subject would have no access, and the state would say it has.
    """
    old, new = _object_names(before), _object_names(after)
    return [
        f"workspace {workspace!r}: {new[name]} can't take the place of {old[name]} in one run: both are kept in an "
        f"object called {name}. Remove {old[name]} and deploy, then add {new[name]} and deploy"
        for name in sorted(old.keys() & new.keys())
        if old[name] != new[name]
    ]


def _released(workspace: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """A release changes nothing else in its run, and neither does what follows it.

    Everything of a released workspace is kept when it leaves the state: a grant that is removed or replaced in such a
    run would leave the record and live on in the cluster, as access that nobody declared.
    """
    was, is_now = _state(before), _state(after)
    if RELEASED not in (was, is_now):
        return []
    if CLOSED in (was, is_now):
        return [
            f"workspace {workspace!r} is {was}: it can't be {is_now} at once. Write 'state: active' and deploy, then "
            f"'state: {is_now}' and deploy"
        ]
    # A day that passes is no change of anybody's, and adopt says whose a bucket may be.
    old, new = ({**_without_overlaps(each), "bucket": as_recorded(each.get("bucket"))} for each in (before, after))
    changed = [name for name in _BONES if (old.get(name) or None) != (new.get(name) or None)]
    if not changed:
        return []
    when = "as it was deployed last" if was != RELEASED else "as it was released"
    return [
        f"workspace {workspace!r} is {'released' if is_now == RELEASED else 'taken back'} in this run, and its "
        f"{' and '.join(changed)} would change in the same one; leave the entry {when} but for its state, and deploy; "
        "make other changes in a run of their own, while the state is active"
    ]


def _dates_kept_by_nobody(workspace: str, entry: Mapping[str, Any]) -> list[str]:
    """Dates of grants in a released workspace: what has ended would live on, and what begins would be made anew."""
    dated = sorted(entry.get("dates") or {}) if _state(entry) == RELEASED else []
    if not dated:
        return []
    return [
        f"workspace {workspace!r} is released, and no run begins or ends its grants then, but there are dates for "
        f"{' and '.join(dated)}: remove from and until of a grant that holds, it then stays; of one that does not, "
        "remove the line"
    ]


def _state(entry: Mapping[str, Any]) -> str:
    return str(entry.get("state") or ACTIVE)


def _object_names(entry: Mapping[str, Any]) -> dict[str, str]:
    """Subject by the name of the RoleBinding that holds its access."""
    names = {naming.owner_binding(parse_subject(owner)): str(owner) for owner in entry.get("owners") or ()}
    for subject, role in (entry.get("grants") or {}).items():
        names[naming.grant_binding(Role(role), parse_subject(subject))] = subject
    return names


def _going_back(workspace: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Keys whose generation goes back: the identity of the higher one would end before the new one is made."""
    old, new = before.get("keys") or {}, after.get("keys") or {}
    return [
        f"workspace {workspace!r}: key {key!r}: generation {new[key]['generation']:g} is behind the deployed "
        f"{old[key]['generation']:g}; generations only go up: write {old[key]['generation'] + 1:g} for a new identity"
        for key in sorted(old.keys() & new.keys())
        if new[key]["generation"] < old[key]["generation"]
    ]


def _overlaps(workspace: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Identities of the generation before that shall live on: they must be there, and keep what they are."""
    old, new = before.get("keys") or {}, after.get("keys") or {}
    problems = []
    for key_id, key in sorted(new.items()):
        kept = key.get("overlapping")
        if not kept:
            continue
        was = old.get(key_id) or {}
        whose = f"workspace {workspace!r}: key {key_id!r}"
        if kept not in (was.get("generation"), was.get("overlapping")):
            has = f"it had generation {was['generation']:g}" if was else "it had no such key"
            problems.append(
                f"{whose}: overlapUntil keeps the identity of generation {kept:g}, and the last deployment had none: "
                f"{has}. Remove overlapUntil"
                + (f", or write generation: {was['generation'] + 1:g}" if was.get("generation", kept) < kept else "")
            )
        elif kept == was.get("generation") and was["role"] != key["role"]:
            problems.append(
                f"{whose}: its role changes from {was['role']} to {key['role']} in the run that makes generation "
                f"{key['generation']:g}, and the identity of generation {kept:g} lives on with its own: deploy one of "
                "the two changes first"
            )
    return problems


def _without_overlaps(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    keys = entry.get("keys") or {}
    plain = {key_id: {name: key[name] for name in key if name != "overlapping"} for key_id, key in keys.items()}
    return {**entry, "keys": plain}


def object_names(workspace: str, entry: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Kind and name of every object that an entry's access lies in: RoleBindings, and the ServiceAccounts of keys."""
    return set(expected_objects(workspace, entry))
