"""Who can become what in a workspace, beyond what they were granted: read off a ledger, path by path. Pure.

The paths are the platform's own roles at work (contract 5), each tried on a real API server, the yes and the no
(tests/engine/test_escalation.py). Nothing here says that somebody did it, only that nothing would stop them. And it
knows what is declared: access that others gave by hand is not in a ledger.
"""

from collections.abc import Iterator, Mapping

from ambient_components.access.entries import Entry, Ledger
from ambient_components.access.escalation import edit, minted, secrets
from ambient_components.access.escalation.findings import MINTING, Finding, Path, Severity
from ambient_components.access.escalation.place import Place
from ambient_components.access.holdings import Holding, of_ledger

__all__ = ["MINTING", "Finding", "Path", "Severity", "admin_keys_beside_edit", "escalations"]


def admin_keys_beside_edit(entry: Entry) -> list[str]:
    """Ids of a workspace's admin keys whose power somebody with edit can take, sorted; none, where nobody can.

    Whoever holds edit, be it by a grant or by a key, and is no admin besides, can mint a token of an admin key's
    ServiceAccount: the rail ``adminKeyBesideEdit`` and the stack's ``rails.adminKeysApart`` are about these.

    Args:
        entry: one workspace of a ledger.
    """
    return list(Place.of("", entry).exposed_admin_keys)


def escalations(ledger: Ledger) -> list[Finding]:
    """Every path in every workspace, the worst first.

    Args:
        ledger: entries by workspace name.
    """
    held: dict[str, list[Holding]] = {name: [] for name in ledger}
    for holding in of_ledger(ledger):
        held[holding.workspace].append(holding)
    places = {name: Place.of(name, entry, held[name]) for name, entry in ledger.items()}
    return sorted((found for place in places.values() for found in _of(place, places)), key=lambda found: found.rank)


def _of(place: Place, places: Mapping[str, Place]) -> Iterator[Finding]:
    yield from minted.admin_keys(place)
    yield from minted.accounts(place, places)
    yield from minted.creator_note(place)
    yield from minted.kept_tokens(place)
    yield from secrets.static_keys(place)
    yield from secrets.store_in_pods(place)
    yield from secrets.session_secrets(place)
    yield from secrets.delivered_keys(place)
    yield from edit.of_edit(place)
