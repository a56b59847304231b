"""Escalation paths: roles that subjects can reach in a workspace beyond their grants, computed from a ledger. Pure.

The paths follow from the platform's own roles (contract 5). Each was tested on a real API server, both where it works
and where it does not (tests/engine/test_escalation.py). A path says what is possible, not that it happened. Only
declared access is known: a ledger does not contain access that was granted by hand.
"""

from collections.abc import Iterator, Mapping

from ambient_components.access.entries import Entry, Ledger
from ambient_components.access.escalation import paths
from ambient_components.access.escalation.findings import MEANINGS, MINTING, Finding, Path, Place, Severity
from ambient_components.access.escalation.paths import undeclared_access
from ambient_components.access.role_assignments import RoleAssignment, of_ledger

__all__ = [
    "MEANINGS",
    "MINTING",
    "Finding",
    "Path",
    "Severity",
    "admin_keys_with_editors",
    "escalations",
    "undeclared_access",
]


def admin_keys_with_editors(entry: Entry) -> list[str]:
    """Return the sorted ids of a workspace's admin keys that a subject with edit can take over.

    A subject with edit and without admin, by a grant or a key, can mint a token for an admin key's ServiceAccount. The
    guardrail ``adminKeyWithEditors`` and the stack's ``guardrails.isolateAdminKeys`` block such keys.
    """
    return list(Place.of("", entry).exposed_admin_keys)


def escalations(ledger: Ledger, *, isolates_admin_keys: bool = False) -> list[Finding]:
    """Return all paths in all workspaces, worst first. The remedies are those that the stack does not follow yet."""
    assignments: dict[str, list[RoleAssignment]] = {name: [] for name in ledger}
    for assignment in of_ledger(ledger):
        assignments[assignment.workspace].append(assignment)
    places = {name: Place.of(name, entry, assignments[name]) for name, entry in ledger.items()}
    return sorted(
        (found for place in places.values() for found in _of(place, places, isolates_admin_keys=isolates_admin_keys)),
        key=lambda found: found.rank,
    )


def _of(place: Place, places: Mapping[str, Place], *, isolates_admin_keys: bool) -> Iterator[Finding]:
    yield from paths.admin_keys(place, isolates_admin_keys=isolates_admin_keys)
    yield from paths.accounts(place, places)
    yield from paths.acting_keys(place)
    yield from paths.creator_note(place)
    yield from paths.session_user(place)
    yield from paths.acting_schedules(place)
    yield from paths.kept_tokens(place)
    yield from paths.static_keys(place)
    yield from paths.store_in_pods(place)
    yield from paths.session_secrets(place)
    yield from paths.delivered_keys(place)
    yield from paths.of_edit(place)
