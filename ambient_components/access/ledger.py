"""A stack's whole access and its bones, as the AccessLedger records them, and what a change of them may not do.

No secret is ever in it: it is shown in every diff.
"""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from ambient_components import naming
from ambient_components.contract import Role
from ambient_components.subjects import parse_subject

ACTIVE: Final = "active"
CLOSED: Final = "closed"


class KeyEntry(TypedDict):
    """An API key: what it may do, and for how long each of its tokens lives."""

    role: str
    lifetimeSeconds: int
    generation: int


class Entry(TypedDict):
    """One workspace."""

    state: str
    """active, or closed: no access by grants and keys, the data stays."""
    owners: list[str]
    """Subjects of the hidden owner bindings, sorted."""
    grants: dict[str, str]
    """Role by subject, in force now."""
    keys: dict[str, KeyEntry]
    """By key id."""


Ledger = dict[str, Entry]
"""By workspace name."""


def refusals(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why this change must not be deployed; nothing, where it may.

    An entry may leave the files only in a run after one in which it was closed: what is lost by a slip (a file not
    read, a line deleted in a merge) must not delete a namespace with everything in it.

    Args:
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
    """
    problems = [problem for name in sorted(after) for problem in _misshapen(name, after[name])]
    if problems:
        return problems
    problems = [
        f"workspace {name!r} is gone from the files, but it was not closed: nothing is changed. If that is a slip, put "
        "the entry back. To delete the workspace, write 'state: closed' in its entry and deploy: that ends every grant "
        "and key; then remove the entry and deploy again: that deletes the namespace"
        for name in sorted(before.keys() - after.keys())
        if before[name].get("state", ACTIVE) != CLOSED
    ]
    for name in sorted(before.keys() & after.keys()):
        problems += _taken_over(name, before[name], after[name])
        problems += _going_back(name, before[name], after[name])
    return problems


def _misshapen(workspace: str, entry: Any) -> list[str]:
    """What is no ledger's entry: the stack file's checks see to it, a program that uses the library may not."""
    try:
        shape = (
            entry["state"] in (ACTIVE, CLOSED)
            and all(parse_subject(owner) for owner in entry["owners"])
            and all(parse_subject(subject) and Role(role) for subject, role in entry["grants"].items())
            and all(Role(key["role"]) for key in entry["keys"].values())
            and all(key["generation"] >= 1 for key in entry["keys"].values())
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        shape = False
    if shape:
        return []
    return [
        f"workspace {workspace!r}: its entry in the ledger is not of the form it must have: state (active, closed), "
        "owners (a list of subjects), grants (role by subject), keys (role and generation by id)"
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
