"""What a run does to buckets and to the access keys that open them."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from ambient_components.durations import format_seconds
from ambient_components.plan import facts
from ambient_components.plan.facts import BucketChange
from ambient_components.plan.held import Holdings
from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.states import RELEASED

Ledger = Mapping[str, Mapping[str, Any]]

_CREDENTIALS: Final = ("generation", "lifetimeSeconds", "never")
"""Of the access key: left out where it has none, as while its workspace is closed."""
_CONTENT: Final = ("onDelete", "force", "expireAfterDays", "versioning", "objectLock")
_STATE: Final = "state"


def bucket_changes(before: Ledger, after: Ledger) -> list[BucketChange]:
    """What becomes of the buckets themselves. Sorted.

    Args:
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
    """
    found: list[BucketChange] = []
    for workspace in sorted(before.keys() | after.keys()):
        old = (before.get(workspace) or {}).get("bucket") or {}
        new = (after.get(workspace) or {}).get("bucket") or {}
        same = bool(old) and bool(new) and all(old.get(part) == new.get(part) for part in ("name", "driver"))
        if same:
            found += _changed(workspace, old, new)
            continue
        if old:
            found.append(_leaving(workspace, old, released=(before.get(workspace) or {}).get(_STATE) == RELEASED))
        if new:
            found.append(_coming(workspace, new))
    return sorted(found)


def _leaving(workspace: str, bucket: Mapping[str, Any], *, released: bool) -> BucketChange:
    name = str(bucket["name"])
    theirs = bucket.get("shared") or bucket.get("driver") == BucketDriver.EXISTING
    if theirs or released or bucket.get(_STATE) == RELEASED:
        return BucketChange(workspace, name, facts.KEPT, "it is not ours, and stays as it is")
    if bucket.get("onDelete") != OnDelete.DELETE:
        return BucketChange(workspace, name, facts.KEPT, "onDelete: keep was deployed; nobody looks after it any more")
    force = "with all that is in it" if bucket.get("force") else "if it is empty"
    return BucketChange(workspace, name, facts.DELETED, f"onDelete: delete was deployed: {force}")


def _coming(workspace: str, bucket: Mapping[str, Any]) -> BucketChange:
    name = str(bucket["name"])
    if bucket.get("driver") == BucketDriver.EXISTING or bucket.get("shared"):
        return BucketChange(workspace, name, facts.ADOPTED, "used from now on; somebody else's")
    if bucket.get("adopt"):
        return BucketChange(workspace, name, facts.ADOPTED, "taken over if it exists, with what is in it")
    said = [f"{part} {_word(bucket[part])}" for part in _CONTENT if part in bucket]
    if "lifetimeSeconds" in bucket or bucket.get("never"):
        said.append(f"lifetime of its access keys {_lifetime(bucket)}")
    return BucketChange(workspace, name, facts.MADE, ", ".join(said))


def _changed(workspace: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[BucketChange]:
    name = str(new["name"])
    if old.get(_STATE) != new.get(_STATE):
        what = facts.RELEASED if new.get(_STATE) == RELEASED else facts.TAKEN_BACK
        yield BucketChange(workspace, name, what)
    parts = sorted((old.keys() | new.keys()) - {_STATE, "adopt", *_CREDENTIALS})
    said = [
        f"{part} {_word(old.get(part))} -> {_word(new.get(part))}" for part in parts if old.get(part) != new.get(part)
    ]
    if old.get("generation") and new.get("generation"):
        of_key = [(word(old), word(new), what) for what, word in _KEY_WORDS.items()]
        said += [f"{what} of its access keys {was} -> {now}" for was, now, what in of_key if was != now]
    if said:
        yield BucketChange(workspace, name, facts.CHANGED, ", ".join(said))


def _lifetime(bucket: Mapping[str, Any]) -> str:
    return format_seconds(int(bucket["lifetimeSeconds"])) if bucket.get("lifetimeSeconds") else "never"


_KEY_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "generation": lambda bucket: f"{bucket['generation']:g}",
    "lifetime": _lifetime,
}


def _word(value: Any) -> str:
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def access_key_changes(before: Ledger, after: Ledger, held: Holdings, at: datetime) -> list[BucketChange]:
    """What becomes of the access keys to buckets, by the ledgers and what the state has of them. Sorted.

    Args:
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
        held: what the state has.
        at: UTC.
    """
    found: list[BucketChange] = []
    for workspace in sorted(before.keys() | after.keys() | held.access_keys.keys()):
        old = (before.get(workspace) or {}).get("bucket") or {}
        new = (after.get(workspace) or {}).get("bucket") or {}
        has = held.access_keys.get(workspace)
        name = str(new.get("name") or old.get("name") or "")
        is_open = bool(new.get("generation"))
        if has is not None and not is_open:
            if not (workspace not in after and (before.get(workspace) or {}).get(_STATE) == RELEASED):
                found.append(BucketChange(workspace, name, facts.ACCESS_KEY_ENDED))
        elif is_open and has is None:
            found.append(BucketChange(workspace, name, facts.NEW_ACCESS_KEY, "none yet"))
        elif has is None or (after.get(workspace) or {}).get(_STATE) == RELEASED:
            continue
        elif name != old.get("name") or new.get("generation") != old.get("generation"):
            found.append(BucketChange(workspace, name, facts.NEW_ACCESS_KEY, "of another bucket or generation"))
        elif has.dead:
            found.append(BucketChange(workspace, name, facts.NEW_ACCESS_KEY, "the one before no longer works"))
        elif has.due("rotate", at):
            found.append(BucketChange(workspace, name, facts.NEW_ACCESS_KEY, "it is due"))
        elif has.due("revoke", at):
            found.append(BucketChange(workspace, name, facts.ACCESS_KEY_ENDED, "its overlap is over"))
    return sorted(found)
