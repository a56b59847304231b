"""Refusal of changes between the deployed and the new access ledger of a stack.

The ledger never contains a secret, because every diff shows it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from ambient_components import naming
from ambient_components.access.bindings import expected_objects
from ambient_components.access.buckets import bucket_refusals, sharing_refusals
from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.rail_names import RailSettings
from ambient_components.access.rails import BUILT_IN, crossed
from ambient_components.contract import Role
from ambient_components.rules.states import CLOSED, RELEASED
from ambient_components.subjects import parse_subject

_BONES: Final = ("owners", "grants", "keys", "secrets", "settings", "limits", "bucket")
"""Fields that must not change in a release, because they are objects in the cluster."""


def refusals(
    before: Ledger,
    after: Ledger,
    rails: RailSettings = BUILT_IN,
    now: datetime | None = None,
) -> list[str]:
    """Return why a change is refused; empty if it is allowed.

    An entry may leave the files only after a run in which it was closed or released: a mistake (a file not read, a line
    deleted in a merge) must not delete a namespace with its content.

    Args:
        before: The deployed ledger.
        after: The new ledger, which passed `ledger_misfits`.
        rails: Guardrail settings of the stack.
        now: Current time, to find grants that ended by their dates.
    """
    problems = [
        f"workspace {name!r} is gone from the files, but it was not closed: nothing is changed. If that is a slip, put "
        "the entry back. To delete the workspace, write 'state: closed' in its entry and deploy: that ends every grant "
        "and key; then remove the entry and deploy again: that deletes the namespace. To keep all of it and only stop "
        "managing it, write 'state: released', deploy, and then remove the entry"
        for name in sorted(before.keys() - after.keys())
        if not (before[name].is_closed or before[name].is_released)
    ]
    problems += [
        f"workspace {name!r}: there is nothing to release: this stack has not deployed it. Remove the entry"
        for name in sorted(after.keys() - before.keys())
        if after[name].is_released
    ]
    problems += [problem for name in sorted(after) for problem in _dates_kept_by_nobody(name, after[name])]
    for name in sorted(after.keys() - before.keys()):
        problems += bucket_refusals(name, NOTHING, after[name])
    for name in sorted(before.keys() & after.keys()):
        problems += _taken_over(name, before[name], after[name])
        problems += _going_back(name, before[name], after[name])
        problems += _overlaps(name, before[name], after[name])
        problems += _released(name, before[name], after[name])
        if not (before[name].is_released or after[name].is_released):
            problems += bucket_refusals(name, before[name], after[name])
    problems += sharing_refusals(before, after)
    return problems + [one.text for one in crossed(before, after, rails, now)]


def _taken_over(workspace: str, before: Entry, after: Entry) -> list[str]:
    """Refuse a subject that would get an object with the same name as another subject's removed object.

    The engine would create the new one by taking the object over, and then delete the old one: the same object. The new
    subject would have no access, although the state says it has.
    """
    old, new = _object_names(before), _object_names(after)
    return [
        f"workspace {workspace!r}: {new[name]} can't take the place of {old[name]} in one run: both are kept in an "
        f"object called {name}. Remove {old[name]} and deploy, then add {new[name]} and deploy"
        for name in sorted(old.keys() & new.keys())
        if old[name] != new[name]
    ]


def _released(workspace: str, before: Entry, after: Entry) -> list[str]:
    """Refuse other changes in the run that releases a workspace or takes it back.

    All objects of a released workspace are kept when they leave the state: a grant that is removed or replaced in such
    a run would leave the record and stay in the cluster as undeclared access.
    """
    was, is_now = before.state, after.state
    if RELEASED not in (was, is_now):
        return []
    if CLOSED in (was, is_now):
        return [
            f"workspace {workspace!r} is {was}: it can't be {is_now} at once. Write 'state: active' and deploy, then "
            f"'state: {is_now}' and deploy"
        ]
    # The end of an overlap is a change of time only, and adopt only decides about a bucket's ownership.
    old, new = _to_compare(before), _to_compare(after)
    changed = [name for name in _BONES if getattr(old, name) != getattr(new, name)]
    if not changed:
        return []
    when = "as it was deployed last" if was != RELEASED else "as it was released"
    return [
        f"workspace {workspace!r} is {'released' if is_now == RELEASED else 'taken back'} in this run, and its "
        f"{' and '.join(changed)} would change in the same one; leave the entry {when} but for its state, and deploy; "
        "make other changes in a run of their own, while the state is active"
    ]


def _dates_kept_by_nobody(workspace: str, entry: Entry) -> list[str]:
    """Refuse dates of grants in a released workspace: no run would end or create those grants."""
    dated = sorted(entry.dates) if entry.is_released else []
    if not dated:
        return []
    return [
        f"workspace {workspace!r} is released, and no run begins or ends its grants then, but there are dates for "
        f"{' and '.join(dated)}: remove from and until of a grant that holds, it then stays; of one that does not, "
        "remove the line"
    ]


def _object_names(entry: Entry) -> dict[str, str]:
    """Return the subject of each RoleBinding, by the RoleBinding's name."""
    names = {naming.owner_binding(parse_subject(owner)): owner for owner in entry.owners}
    for subject, role in entry.grants.items():
        names[naming.grant_binding(Role(role), parse_subject(subject))] = subject
    return names


def _going_back(workspace: str, before: Entry, after: Entry) -> list[str]:
    """Refuse a lower generation of a key: the current identity would end before the new one is created."""
    old, new = before.keys, after.keys
    return [
        f"workspace {workspace!r}: key {key!r}: generation {new[key].generation} is behind the deployed "
        f"{old[key].generation}; generations only go up: write {old[key].generation + 1} for a new identity"
        for key in sorted(old.keys() & new.keys())
        if new[key].generation < old[key].generation
    ]


def _overlaps(workspace: str, before: Entry, after: Entry) -> list[str]:
    """Refuse an overlap with an identity that does not exist or would change."""
    problems = []
    for key_id, key in sorted(after.keys.items()):
        kept, was = key.overlapping, before.keys.get(key_id)
        if not kept:
            continue
        whose = f"workspace {workspace!r}: key {key_id!r}"
        if was is None or kept not in was.generations:
            has = f"it had generation {was.generation}" if was else "it had no such key"
            problems.append(
                f"{whose}: overlapUntil keeps the identity of generation {kept}, and the last deployment had none: "
                f"{has}. Remove overlapUntil"
                + (f", or write generation: {was.generation + 1}" if was and was.generation < kept else "")
            )
        elif kept == was.generation and was.role != key.role:
            problems.append(
                f"{whose}: its role changes from {was.role} to {key.role} in the run that makes generation "
                f"{key.generation}, and the identity of generation {kept} lives on with its own: deploy one of "
                "the two changes first"
            )
    return problems


def _to_compare(entry: Entry) -> Entry:
    """Return an entry without the fields that may differ in a release."""
    keys = {key_id: replace(key, overlapping=None) for key_id, key in entry.keys.items()}
    return replace(entry, keys=keys, bucket=entry.bucket and replace(entry.bucket, adopt=False))


def object_names(workspace: str, entry: Entry) -> set[tuple[str, str]]:
    """Return kind and name of all objects with an entry's access: RoleBindings and the ServiceAccounts of keys."""
    return set(expected_objects(workspace, entry))
