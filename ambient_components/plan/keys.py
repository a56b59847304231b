"""Changes of keys with their reasons, from the ledgers and from the tokens in the state."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.model.derive import contents, differences
from ambient_components.model.keys import KeyRecord
from ambient_components.plan import facts
from ambient_components.plan.facts import AHEAD, Ahead, KeyChange
from ambient_components.rotation.state import format_time
from ambient_components.stacks.deployed import Deployed, DeployedKey, KeyPlace
from ambient_components.stacks.reading import declared_keys

_OVERLAP: Final = "overlap until"
_ADOPTED: Final = "the platform made it, its tokens stay valid until an end that is not known, and none is issued"


def key_changes(before: Ledger, after: Ledger, recorded: Deployed, at: datetime, ahead: Ahead) -> list[KeyChange]:
    """Return every key identity that a run creates, renews or revokes, and those that end soon. Sorted."""
    desired, existing = dict(declared_keys(after)), recorded.keys
    changes: list[KeyChange] = []
    for identity in {*desired, *existing}:
        workspace, _, _ = identity
        has = existing.get(identity)
        key = desired.get(identity)
        if key is None:
            if has is not None and has.made and not is_forgotten(before, after, workspace):
                changes.append(
                    change(identity, facts.REVOKED, has.role or "", why_revoked(identity, before, after), has)
                )
        elif has is None or not has.made:
            changes.append(begun(identity, key, before, after))
        else:
            changes += _of_living(identity, key, before, has, at, released=after[workspace].is_released)
            changes += expiring(identity, key.role, has, at, ahead)
    return sorted(changes)


def begun(identity: KeyPlace, key: KeyRecord, before: Ledger, after: Ledger) -> KeyChange:
    """Return the change for an identity that begins: one that the platform made is adopted, and nothing is issued."""
    if key.is_of_platform(identity[2]):
        return change(identity, facts.ADOPTED, key.role, _ADOPTED)
    return change(identity, facts.ISSUED, key.role, why_issued(identity, before, after))


def _of_living(
    identity: KeyPlace, key: KeyRecord, before: Ledger, has: DeployedKey, at: datetime, *, released: bool
) -> Iterator[KeyChange]:
    role = key.role
    if not released and (why := _due(has, at)):
        yield change(identity, facts.ROTATED, role, why, has)
    elif not released and has.due("revoke", at):
        yield change(identity, facts.ENDED, role, "its overlap is over, or its revocation failed before", has)
    elif reported := what_changes(identity, before, key):
        yield change(identity, facts.CHANGED, role, reported, has)


def _due(has: DeployedKey, at: datetime) -> str:
    """Return why a run renews the token. Empty if it does not."""
    if not has.is_renewed:
        return ""
    if has.dead:
        return f"the token no longer works: {has.dead}"
    if not has.due("rotate", at):
        return ""
    return f"the token expires on {format_time(has.expires_at)}" if has.expires_at else "it is due"


def expiring(identity: KeyPlace, role: str, has: DeployedKey, at: datetime, ahead: Ahead) -> Iterator[KeyChange]:
    """Yield a change for a token that ends soon or has ended, and is not renewed automatically."""
    if has.due("expire", at + ahead.get(identity[:2], AHEAD)):
        yield change(identity, facts.EXPIRING, role, "not renewed automatically: ambient keys rotate", has)


def change(identity: KeyPlace, what: str, role: str, why: str, has: DeployedKey | None = None) -> KeyChange:
    expires = has.expires_at if has else None
    return KeyChange(*identity, what, role, why, format_time(expires) if expires else "")


def what_changes(identity: KeyPlace, before: Ledger, key: KeyRecord) -> str:
    """Return the changed settings of an existing identity, such as ``lifetime 30d -> 90d``. Empty if none changed."""
    was = _key_of(before, identity)
    if was is None or identity[2] != key.generation:
        return ""
    return ", ".join(f"{what} {old} -> {new}" for what, old, new in differences(was, key))


def why_issued(identity: KeyPlace, before: Ledger, after: Ledger) -> str:
    workspace, key_id, generation = identity
    key = after.get(workspace, NOTHING).keys.get(key_id)
    is_current = key is not None and generation == key.generation
    shown = contents(key, besides=("role", "overlap_until")) if key is not None and is_current else []
    content = f"; {', '.join(shown)}" if shown else ""
    if key is not None and key.adopt:
        return "its account is adopted with its tokens, and gets a new one"
    if workspace not in before:
        return f"its workspace is new{content}"
    was = before[workspace].keys.get(key_id)
    if was is None:
        return ("its workspace is opened again" if before[workspace].is_closed else "a new key") + content
    if generation in was.generations:
        return "declared before, but has no token"
    changes = differences(was, key) if key is not None and is_current else []
    overlaps = key is not None and key.overlapping == was.generation
    differing = (f"{what} {old} -> {new}" for what, old, new in changes if not (overlaps and what == _OVERLAP))
    also = f"; {text}" if (text := ", ".join(differing)) else ""
    if key is not None and overlaps:
        early = f"generation {generation} is used, at the latest until " if key.until_used else ""
        return f"generation {was.generation} stays valid until {early}{key.overlap_until or 'it is ended'}{also}"
    return f"replaces generation {was.generation}{also}"


def why_revoked(identity: KeyPlace, before: Ledger, after: Ledger) -> str:
    workspace, key_id, generation = identity
    was = _key_of(before, identity)
    if was is None:
        return "it is not declared any more, and the last run did not end it"
    entry = after.get(workspace)
    if entry is None:
        return "its workspace is removed"
    key = entry.keys.get(key_id)
    if key is None:
        return "its workspace is closed" if entry.is_closed else "it is gone from the files"
    if generation == was.overlapping:
        return "its overlap is over"
    return f"generation {key.generation} takes its place"


def is_forgotten(before: Ledger, after: Ledger, workspace: str) -> bool:
    """Tell whether a released workspace leaves the files. Its access remains and is no longer managed."""
    return workspace not in after and before.get(workspace, NOTHING).is_released


def _key_of(ledger: Ledger, identity: KeyPlace) -> KeyRecord | None:
    """Return the key's entry for an identity. None if the ledger does not have this generation."""
    workspace, key_id, generation = identity
    key = ledger.get(workspace, NOTHING).keys.get(key_id)
    return key if key is not None and generation in key.generations else None
