"""Changes of buckets and of their access keys."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from ambient_components.access.buckets import CREDENTIALS
from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.model.derive import changed_names, write
from ambient_components.model.storage import BucketRecord
from ambient_components.plan import facts
from ambient_components.plan.facts import Change
from ambient_components.rules.buckets import OnDelete
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.lifetimes import NEVER
from ambient_components.stacks.deployed import Deployed

_CONTENT: Final = ("onDelete", "force", "expireAfterDays", "versioning", "objectLock")


def bucket_changes(before: Ledger, after: Ledger) -> list[Change]:
    changes: list[Change] = []
    for workspace in sorted(before.keys() | after.keys()):
        was, is_now = before.get(workspace, NOTHING), after.get(workspace, NOTHING)
        old, new = was.bucket, is_now.bucket
        if old is not None and new is not None and old.is_same(new):
            changes += _changed(workspace, old, new)
            continue
        if old is not None:
            changes.append(_leaving(workspace, old, released=was.is_released))
        if new is not None:
            changes.append(_coming(workspace, new))
    return sorted(changes)


def _leaving(workspace: str, bucket: BucketRecord, *, released: bool) -> Change:
    if not bucket.is_managed or released:
        return Change(workspace, bucket.name, facts.KEPT, "it is not ours, and stays unchanged")
    if bucket.on_delete != OnDelete.DELETE:
        why = "onDelete: keep was deployed; it is no longer managed"
        return Change(workspace, bucket.name, facts.KEPT, why)
    force = "with all that is in it" if bucket.force else "if it is empty"
    return Change(workspace, bucket.name, facts.DELETED, f"onDelete: delete was deployed: {force}")


def _coming(workspace: str, bucket: BucketRecord) -> Change:
    if not bucket.is_own:
        return Change(workspace, bucket.name, facts.ADOPTED, "used from now on; not ours")
    if bucket.adopt:
        return Change(workspace, bucket.name, facts.ADOPTED, "taken over if it exists, with what is in it")
    recorded = write(bucket, "ledger")
    reported = [f"{part} {_word(recorded[part])}" for part in _CONTENT if part in recorded]
    if bucket.lifetime:
        reported.append(f"lifetime of its access keys {_lifetime(bucket)}")
    return Change(workspace, bucket.name, facts.MADE, ", ".join(reported))


def _changed(workspace: str, old: BucketRecord, new: BucketRecord) -> Iterator[Change]:
    if old.state != new.state:
        what = facts.RELEASED if new.is_released else facts.TAKEN_BACK
        yield Change(workspace, new.name, what)
    was, is_now = write(old, "ledger"), write(new, "ledger")
    reported = [
        f"{part} {_word(was.get(part))} -> {_word(is_now.get(part))}"
        for part in changed_names(old, new, ("state", "adopt", *CREDENTIALS))
    ]
    if old.generation and new.generation:
        if old.generation != new.generation:
            reported.append(f"generation of its access keys {old.generation} -> {new.generation}")
        if _lifetime(old) != _lifetime(new):
            reported.append(f"lifetime of its access keys {_lifetime(old)} -> {_lifetime(new)}")
    if reported:
        yield Change(workspace, new.name, facts.CHANGED, ", ".join(reported))


def _lifetime(bucket: BucketRecord) -> str:
    return "never" if bucket.lifetime in (None, NEVER) else format_seconds(bucket.lifetime)


def _word(value: Any) -> str:
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)


def access_key_changes(before: Ledger, after: Ledger, recorded: Deployed, at: datetime) -> list[Change]:
    changes: list[Change] = []
    existing = recorded.access_keys
    for workspace in sorted(before.keys() | after.keys() | existing.keys()):
        was, is_now = before.get(workspace, NOTHING), after.get(workspace, NOTHING)
        old, new = was.bucket, is_now.bucket
        has = existing.get(workspace)
        name = new.name if new is not None else old.name if old is not None else ""
        is_open = new is not None and bool(new.generation)
        if has is not None and not is_open:
            if not (workspace not in after and was.is_released):
                changes.append(Change(workspace, name, facts.ACCESS_KEY_ENDED))
        elif is_open and has is None:
            changes.append(Change(workspace, name, facts.NEW_ACCESS_KEY, "the first one"))
        elif new is None or has is None or is_now.is_released:
            continue
        elif old is None or (new.name, new.generation) != (old.name, old.generation):
            changes.append(Change(workspace, name, facts.NEW_ACCESS_KEY, "of another bucket or generation"))
        elif has.dead:
            changes.append(Change(workspace, name, facts.NEW_ACCESS_KEY, "the one before no longer works"))
        elif has.due("rotate", at):
            changes.append(Change(workspace, name, facts.NEW_ACCESS_KEY, "it is due"))
        elif has.due("revoke", at):
            changes.append(Change(workspace, name, facts.ACCESS_KEY_ENDED, "its overlap is over"))
    return sorted(changes)
