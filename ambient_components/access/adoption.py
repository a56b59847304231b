"""The access that an adopted workspace has before its first run, as a value and as notes that cross the engine."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import filterfalse
from typing import Any, Final

from ambient_components.access.bindings import ROLE_BINDING, SERVICE_ACCOUNT, expected_objects
from ambient_components.access.cluster_access import live
from ambient_components.access.entries import NOTHING, Entry
from ambient_components.access.platform_own import PlatformOwn
from ambient_components.access.role_assignments import KEY, NO_ROLE, PLATFORM, RoleAssignment
from ambient_components.cluster.objects import listing, name
from ambient_components.errors import Problem

ADOPTION: Final = "adoption"
"""Rule of a note about an adopted workspace that exists: its data is the access there."""

NOTHING_TO_ADOPT: Final = "nothingToAdopt"
"""Rule of a note about a workspace with `adopt: true` that does not exist: the run makes it."""

EXISTING_OBJECT: Final = "existingObject"
"""Rule of a note that an object exists, and that the run writes the declared fields to it instead of creating it."""

_TAKEN: Final = "taken"
_STAYING: Final = "staying"
_OBJECT: Final = "object"
_ROWS: Final = 100
"""Rows of one note. The engine may cut off longer messages."""


@dataclass(frozen=True, slots=True, order=True)
class Adoption:
    """A workspace with `adopt: true` that the last deployment does not have."""

    workspace: str
    exists: bool = True
    """Whether its namespace exists. Otherwise the run makes it."""
    taken: tuple[RoleAssignment, ...] = ()
    """Access by objects that become the declared ones, sorted. They have the names of declared objects."""
    staying: tuple[RoleAssignment, ...] = ()
    """Access by all other objects, which stay unchanged, sorted."""
    objects: tuple[tuple[str, str], ...] = ()
    """Kind and name of the objects that become the declared ones, sorted."""


def adoption(
    workspace: str,
    entry: Entry,
    bindings: Collection[Mapping[str, Any]],
    accounts: Collection[Mapping[str, Any]],
    own: PlatformOwn,
    *,
    lost: bool = False,
) -> Adoption:
    """Return the access that a workspace has before it is adopted, without the platform's own accounts.

    A key's account that its entry does not adopt ends in the first run (`UNKNOWN_ACCOUNTS`), and is in neither group.

    Args:
        lost: Whether the stack has no record at all. Such accounts then stop the run, so they stay.
    """
    ledger = {workspace: entry}
    staying = [name(item) for item in accounts] if lost else []
    declared, ending = expected_objects(workspace, entry), _ending(workspace, entry, staying)
    ours = [item for item in bindings if (ROLE_BINDING, name(item)) in declared]
    others = [item for item in bindings if (ROLE_BINDING, name(item)) not in declared]
    kept = [item for item in ours if (ROLE_BINDING, name(item)) not in ending]
    there = {(ROLE_BINDING, name(item)) for item in ours} | {(SERVICE_ACCOUNT, name(item)) for item in accounts}
    return Adoption(
        workspace,
        True,
        _sorted(assignment for assignment in live(kept, accounts, ledger, own) if assignment.role != NO_ROLE),
        _sorted(filterfalse(_is_declared_key, live(others, accounts, ledger, own))),
        tuple(sorted((declared.keys() & there) - ending)),
    )


def _ending(workspace: str, entry: Entry, staying: Collection[str]) -> set[tuple[str, str]]:
    ending: set[tuple[str, str]] = set()
    for key_id, key in entry.keys.items():
        objects = set(expected_objects(workspace, NOTHING.model_copy(update={"keys": {key_id: key}})))
        if not any((SERVICE_ACCOUNT, account) in objects for account in (*key.adopt, key.service_account, *staying)):
            ending |= objects
    return ending


def _is_declared_key(assignment: RoleAssignment) -> bool:
    return assignment.role == NO_ROLE and assignment.subject.startswith(f"{KEY}:")


def _sorted(assignments: Iterable[RoleAssignment]) -> tuple[RoleAssignment, ...]:
    return tuple(sorted({assignment for assignment in assignments if assignment.reason != PLATFORM}))


def notes(adoption: Adoption) -> Iterator[Problem]:
    """Yield the notes about it. `read` makes the value of them again."""
    what = f"workspace {adoption.workspace!r}"
    if not adoption.exists:
        text = f"{what}: there is no namespace to adopt, so this run makes it"
        yield Problem(None, "", text, rule=NOTHING_TO_ADOPT, workspaces=(adoption.workspace,))
        return
    rows = [
        *((_OBJECT, kind, named) for kind, named in adoption.objects),
        *((_TAKEN, assignment.subject, assignment.role, assignment.reason) for assignment in adoption.taken),
        *((_STAYING, assignment.subject, assignment.role, assignment.reason) for assignment in adoption.staying),
    ]
    has = [f"{assignment.role} of {assignment.subject}" for assignment in sorted({*adoption.taken, *adoption.staying})]
    text = f"{what} is adopted, and has access already: {listing(has) or 'none'}"
    for start in range(0, max(len(rows), 1), _ROWS):
        data = tuple(rows[start : start + _ROWS])
        yield Problem(None, "", text, rule=ADOPTION, workspaces=(adoption.workspace,), data=data)


def read(problems: Iterable[Problem]) -> tuple[Adoption, ...]:
    """Return the adoptions that notes describe, sorted. Other problems are ignored."""
    rows: dict[str, dict[tuple[str, ...], None]] = {}
    missing = set()
    for note in problems:
        if note.rule == NOTHING_TO_ADOPT:
            missing |= set(note.workspaces)
        elif note.rule == ADOPTION:
            for workspace in note.workspaces:
                rows.setdefault(workspace, {}).update(dict.fromkeys(note.data))
    there = [
        Adoption(
            workspace,
            True,
            tuple(RoleAssignment(workspace, *row[1:]) for row in data if row[0] == _TAKEN),
            tuple(RoleAssignment(workspace, *row[1:]) for row in data if row[0] == _STAYING),
            tuple((row[1], row[2]) for row in data if row[0] == _OBJECT),
        )
        for workspace, data in rows.items()
    ]
    return tuple(sorted([*there, *(Adoption(workspace, False) for workspace in missing)]))
