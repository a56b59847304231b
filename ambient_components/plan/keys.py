"""What a run does to keys, and why: by the ledgers and what the state has of their tokens."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from ambient_components.durations import format_seconds
from ambient_components.keys.state import format_time
from ambient_components.plan import facts
from ambient_components.plan.ahead import Ahead
from ambient_components.plan.facts import KeyChange
from ambient_components.plan.held import Held, Holdings, Identity, identities
from ambient_components.rules.keys import FLAGS
from ambient_components.rules.states import CLOSED, RELEASED

Ledger = Mapping[str, Mapping[str, Any]]


def key_changes(before: Ledger, after: Ledger, held: Holdings, at: datetime, ahead: Ahead) -> list[KeyChange]:
    """Every identity that a run at a moment makes, renews or ends, and those that end soon. Sorted.

    Args:
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
        held: what the state has.
        at: UTC.
        ahead: how early an end that nobody prevents is told.
    """
    wanted = dict(identities(after))
    found: list[KeyChange] = []
    for identity in {*wanted, *held.keys}:
        workspace, _, _ = identity
        has = held.keys.get(identity)
        key = wanted.get(identity)
        if key is None:
            if has is not None and has.made and not is_let_go(before, after, workspace):
                found.append(change(identity, facts.REVOKED, has.role, why_revoked(identity, before, after), has))
        elif has is None or not has.made:
            found.append(change(identity, facts.MINTED, str(key["role"]), why_minted(identity, before, after)))
        else:
            found += _of_living(identity, key, before, has, at, released=after[workspace].get("state") == RELEASED)
            found += expiring(identity, str(key["role"]), has, at, ahead)
    return sorted(found)


def _of_living(
    identity: Identity, key: Mapping[str, Any], before: Ledger, has: Held, at: datetime, *, released: bool
) -> Iterator[KeyChange]:
    role = str(key["role"])
    if not released and (why := _due(has, at)):
        yield change(identity, facts.ROTATED, role, why, has)
    elif not released and has.due("revoke", at):
        yield change(identity, facts.ENDED, role, "its overlap is over, or its revocation failed before", has)
    elif said := what_changes(identity, before, key):
        yield change(identity, facts.CHANGED, role, said, has)


def _due(has: Held, at: datetime) -> str:
    """Why a run renews the token; nothing where it does not."""
    if has.manual:
        return ""
    if has.dead:
        return f"the token no longer works: {has.dead}"
    if not has.due("rotate", at):
        return ""
    return f"the token expires on {format_time(has.expires_at)}" if has.expires_at else "it is due"


def expiring(identity: Identity, role: str, has: Held, at: datetime, ahead: Ahead) -> Iterator[KeyChange]:
    """A token that ends soon, or has ended, and that nobody renews."""
    if has.next_action == "expire" and has.next_at is not None and has.next_at <= at + ahead.of_key(*identity[:2]):
        yield change(identity, facts.EXPIRING, role, "nobody renews it: ambient keys rotate", has)


def change(identity: Identity, what: str, role: str, why: str, has: Held | None = None) -> KeyChange:
    """One of them."""
    expires = has.expires_at if has else None
    return KeyChange(*identity, what, role, why, format_time(expires) if expires else "")


def what_changes(identity: Identity, before: Ledger, key: Mapping[str, Any]) -> str:
    """What is said otherwise of an identity that stays: ``lifetime 30d -> 90d``; nothing where nothing is."""
    was = _key_of(before, identity)
    if was is None or identity[2] != key["generation"]:
        return ""
    return _differences(was, key)


def _differences(was: Mapping[str, Any], key: Mapping[str, Any]) -> str:
    differing = (part for part in _WORDS if was.get(part) != key.get(part))
    return ", ".join(f"{_WORDS[part]} {_value(part, was)} -> {_value(part, key)}" for part in differing)


def _content(key: Mapping[str, Any]) -> str:
    """What a new key is, but for its role: ``lifetime 90d, manual, delivered to ci/token``."""
    said = [f"lifetime {_value('lifetimeSeconds', key)}"]
    said += [part for part in _FLAGS if key.get(part)]
    return ", ".join([*said, *(f"{_WORDS[part]} {key[part]}" for part in ("deliver", "retain") if key.get(part))])


_FLAGS: Final = (*FLAGS, "manual")
_WORDS: Final = {
    "role": "role",
    "lifetimeSeconds": "lifetime",
    **{flag: flag for flag in _FLAGS},
    "deliver": "delivered to",
    "retain": "retain",
    "overlapUntil": "overlap until",
}
"""Of a key's entry: what can change without another identity; the lifetime says `never` too."""


def _value(part: str, key: Mapping[str, Any]) -> str:
    value = key.get(part)
    if part == "lifetimeSeconds":
        return format_seconds(int(value)) if value else "never"
    if part in _FLAGS:
        return "yes" if value else "no"
    return str(value) if value is not None else "unset"


def why_minted(identity: Identity, before: Ledger, after: Ledger) -> str:
    """Why an identity is made."""
    workspace, key_id, generation = identity
    key = ((after.get(workspace) or {}).get("keys") or {}).get(key_id) or {}
    content = f"; {_content(key)}" if generation == key.get("generation") else ""
    if workspace not in before:
        return f"its workspace is new{content}"
    was = (before[workspace].get("keys") or {}).get(key_id)
    if was is None:
        opened = before[workspace].get("state") == CLOSED
        return ("its workspace is opened again" if opened else "a new key") + content
    if generation in (was["generation"], was.get("overlapping")):
        return "declared by the last run, and not made yet"
    also = f"; {differing}" if (differing := _differences(was, key)) and content else ""
    lives_on = key.get("overlapping")
    if lives_on == was["generation"]:
        return f"generation {generation} follows {lives_on:g}, which lives on until its day{also}"
    return f"generation {generation} takes the place of {was['generation']:g}{also}"


def why_revoked(identity: Identity, before: Ledger, after: Ledger) -> str:
    """Why an identity ends."""
    workspace, key_id, generation = identity
    was = _key_of(before, identity)
    if was is None:
        return "it is not declared any more, and the last run did not end it"
    entry = after.get(workspace)
    if entry is None:
        return "its workspace is removed"
    key = (entry.get("keys") or {}).get(key_id)
    if key is None:
        return "its workspace is closed" if entry.get("state") == CLOSED else "it is gone from the files"
    if generation == was.get("overlapping"):
        return "its overlap is over"
    return f"generation {key['generation']:g} takes its place"


def is_let_go(before: Ledger, after: Ledger, workspace: str) -> bool:
    """Whether a released workspace leaves the files: all of it lives on, and is not ours any more."""
    return workspace not in after and (before.get(workspace) or {}).get("state") == RELEASED


def _key_of(ledger: Ledger, identity: Identity) -> Mapping[str, Any] | None:
    """The entry of an identity's key; None where the ledger has not this generation."""
    workspace, key_id, generation = identity
    key: Mapping[str, Any] | None = ((ledger.get(workspace) or {}).get("keys") or {}).get(key_id)
    return key if key is not None and generation in (key["generation"], key.get("overlapping")) else None
