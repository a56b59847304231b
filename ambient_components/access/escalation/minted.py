"""Escalation paths that mint a token for an account."""

from collections.abc import Iterator, Mapping
from typing import Final

from ambient_components.access.escalation.findings import Finding, Path, Severity
from ambient_components.access.escalation.workspaces import ADMIN, EDIT, Place, fields, home_of, named
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.platform.contract import CREATED_BY_USER_ID_ANNOTATION
from ambient_components.rules.roles import rank

LESS: Final = "give view instead of edit to users who only read"
"""Remedy for paths that come with the role edit."""


def less(place: Place) -> tuple[str, ...]:
    """Return `LESS` if a subject has edit."""
    return (LESS,) if place.editors else ()


def admin_keys(place: Place) -> Iterator[Finding]:
    """Find admin keys that subjects with edit can take over."""
    keys = place.exposed_admin_keys
    if keys:
        yield Finding(
            place.name,
            Path.ADMIN_KEY,
            Severity.HIGH,
            place.editors,
            "become admin",
            ADMIN,
            f"edit may mint a token of any ServiceAccount of the namespace, that of {named(keys)} too; the token goes "
            "on working after the grant is gone",
            (
                f"{fields(keys, 'role')}: edit or view; or no such key, and a person's grant of admin",
                LESS,
                f"after either of them raise {fields(keys, 'generation')}: it ends what was minted until then",
                "guardrails.isolateAdminKeys: true in the stack file refuses an admin key beside edit from then on",
            ),
            keys,
        )


def accounts(place: Place, places: Mapping[str, Place]) -> Iterator[Finding]:
    """Find roles of ServiceAccounts: of this namespace, of another workspace or of an unknown namespace."""
    by_home: dict[str, list[RoleAssignment]] = {}
    for assignment in place.assignments:
        if home := home_of(assignment.subject):
            by_home.setdefault(home, []).append(assignment)
    for home, assignments in sorted(by_home.items()):
        role = max((assignment.role for assignment in assignments), key=rank)
        who = _others(place, assignments, role) if home == place.name else _of_home(places.get(home), assignments)
        if who:
            yield _account(place, home, assignments, role, who, known=home in places)


def _others(place: Place, assignments: list[RoleAssignment], role: str) -> tuple[RoleAssignment, ...]:
    """Return who gains from a role of the own namespace's accounts; with a group of all accounts, sessions do."""
    if role == ADMIN:
        return place.editors
    is_group = any(assignment.role == EDIT and assignment.subject.startswith("group:") for assignment in assignments)
    return place.minters if is_group else ()


def _of_home(home: Place | None, assignments: list[RoleAssignment]) -> tuple[RoleAssignment, ...]:
    return tuple(assignments) if home is None else home.minters


def _account(
    place: Place,
    home: str,
    assignments: list[RoleAssignment],
    role: str,
    who: tuple[RoleAssignment, ...],
    *,
    known: bool,
) -> Finding:
    subjects = " and ".join(sorted({assignment.subject for assignment in assignments}))
    own = home == place.name
    where = "this namespace" if own else f"the namespace {home}"
    explanation = (
        "anyone with edit there may, and what runs there is such an account"
        if known
        else "it is no workspace of this stack, and who may there is not known here"
    )
    return Finding(
        place.name,
        Path.ACCOUNT,
        Severity.HIGH if known else Severity.MEDIUM,
        who,
        f"become {role}",
        role,
        f"{subjects}, with the role {role} here, is of {where}: anyone who mints tokens there takes that role; "
        f"{explanation}",
        (
            f"owners, grants: without {subjects}; a program outside gets a key, keys.ID.role: {role}"
            if not own
            else f"owners, grants: without {subjects}",
            "an account of a namespace in which no user has edit",
        ),
    )


def creator_note(place: Place) -> Iterator[Finding]:
    """Find subjects that can act as any user, if the platform trusts an annotation of a ServiceAccount."""
    if place.minters:
        yield Finding(
            place.name,
            Path.CREATOR_NOTE,
            Severity.MEDIUM,
            place.minters,
            "act as any user, in every workspace, where the platform runs with SSO",
            None,
            f"edit and admin may write the annotation {CREATED_BY_USER_ID_ANNOTATION} on a ServiceAccount and mint its "
            "token; with SSO the platform takes the user who is named there for the caller, without SSO it gives out "
            "that user's personal integrations (contract 2)",
            (
                "no field of the stack file stops it: where the platform runs with SSO give edit and admin to few",
                *less(place),
            ),
        )


def kept_tokens(place: Place) -> Iterator[Finding]:
    """Find subjects with edit or admin, who can mint tokens for keys that outlive their grants."""
    keys = tuple(sorted(place.keys))
    if keys and place.minters:
        yield Finding(
            place.name,
            Path.KEPT_TOKEN,
            Severity.MEDIUM,
            place.minters,
            f"use {named(keys)} after their own access is gone",
            None,
            "a token that edit or admin minted of a key's ServiceAccount ends with that ServiceAccount, not with the "
            "grant, and not with the key's own token",
            (f"in the run that ends a user's edit or admin raise {fields(keys, 'generation')}", *less(place)),
            keys,
        )
