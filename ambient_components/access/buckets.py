"""What a change may not do to a workspace's bucket: lose it, make another of it, or let the store delete what is in it.

What becomes of a bucket when its workspace leaves the files is decided by what was deployed before that run: keep, or
``onDelete: delete``. A slip can't delete data: that takes the words in one run, and the entry's end in a later one.

A shared bucket and an existing one are somebody else's: they may come, change and leave as they like.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, NotRequired, TypedDict

from ambient_components.access.rail_names import EXPIRE_AFTER, WORKSPACE_RAILS
from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.states import ACTIVE, CLOSED, RELEASED

_FLAGS: Final = ("shared", "adopt", "force", "versioning", "objectLock", "never")
_COUNTS: Final = ("expireAfterDays", "generation", "lifetimeSeconds")
_CREDENTIALS: Final = frozenset({"generation", "lifetimeSeconds", "never"})


class BucketEntry(TypedDict):
    """A workspace's bucket, and the life of its access keys."""

    name: str
    driver: str
    """s3, aws or existing."""
    endpoint: NotRequired[str]
    """What sessions reach its store by."""
    store: NotRequired[str]
    """What runs reach it by, where that is another address."""
    shared: NotRequired[bool]
    """Whether it is somebody else's, and only credentials are made."""
    adopt: NotRequired[bool]
    """Whether one that exists and is nobody's may be taken over."""
    state: NotRequired[str]
    """released: it stays as it is, and is ours no more. Active if left out."""
    onDelete: NotRequired[str]
    """delete: it goes when its workspace leaves. Keep if left out."""
    force: NotRequired[bool]
    """Whether it goes with all that is in it."""
    expireAfterDays: NotRequired[int]
    """Age at which the store deletes an object."""
    versioning: NotRequired[bool]
    objectLock: NotRequired[bool]
    generation: NotRequired[int]
    """Of its credentials; left out where the workspace is closed, and for a driver that makes none."""
    lifetimeSeconds: NotRequired[int]
    """Of an access key. Left out where it never expires."""
    never: NotRequired[bool]


def well_formed(bucket: Any, allowed: Any) -> bool:
    """Whether these can be what an entry says of its bucket and of the rails that it allows; None for nothing.

    The stack file's checks see to it, a program that uses the library may not.
    """
    rails = allowed is None or (isinstance(allowed, list) and all(rail in WORKSPACE_RAILS for rail in allowed))
    if bucket is None or not rails:
        return rails
    return (
        isinstance(bucket, Mapping)
        and isinstance(bucket.get("name"), str)
        and bucket["name"] != ""
        and bucket.get("driver") in tuple(BucketDriver)
        and all(isinstance(bucket.get(address, ""), str) for address in ("endpoint", "store"))
        and bucket.get("state", ACTIVE) in (ACTIVE, RELEASED)
        and bucket.get("onDelete", OnDelete.KEEP) in tuple(OnDelete)
        and all(isinstance(bucket.get(flag, False), bool) for flag in _FLAGS)
        and all(_is_count(bucket.get(count, 1)) for count in _COUNTS)
    )


def as_recorded(bucket: Mapping[str, Any] | None) -> dict[str, Any]:
    """What stays as it is where a bucket is released or taken back: all but adopt, which says whose it may be."""
    return {part: value for part, value in (bucket or {}).items() if part != "adopt"}


def bucket_refusals(workspace: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why this change of a workspace's bucket must not be deployed; nothing, where it may.

    Args:
        workspace: its name.
        before: its entry in the ledger of the last deployment; empty for a new one.
        after: its entry now. One that leaves is not asked about: it was closed or released, and its bucket goes as the
            last deployment said.
    """
    old, new = before.get("bucket") or {}, after.get("bucket") or {}
    whose = f"workspace {workspace!r}"
    if not new:
        return _gone(whose, old) if _is_held(old) else []
    whose += f": bucket {new['name']!r}"
    same = _is_same(old, new)
    if _is_held(old) and not same:
        return _replaced(workspace, old, new)
    # Where a workspace is closed, access ends: a bucket that was let go before is no reason to refuse that.
    moves = before.get("state") != after.get("state")
    closing = after.get("state") == CLOSED
    if same and moves and (closing or before.get("state") == CLOSED):
        both = _both(whose, old, new, closing=closing)
        if both:
            return both
    released = _released(whose, old if same else {}, new, _CREDENTIALS if moves and _is_released(old) else frozenset())
    if released:
        return released
    return [
        *_lock(whose, old if same else {}, new),
        *_expiry(whose, old if same else {}, new, after.get("allow") or ()),
        *_generation(whose, old, new),
    ]


def sharing_refusals(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why the buckets of several workspaces must not be deployed so; nothing, where they may.

    The engine makes what is new before it deletes what is gone. So a bucket that one workspace leaves and another one
    takes in the same run would be taken, and then be deleted or lose the mark that was just put on it.

    Args:
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
    """
    problems, owners = [], dict[str, str]()
    for name in sorted(after):
        bucket = after[name].get("bucket") or {}
        if bucket and _holds(after[name]) and (owner := owners.setdefault(bucket["name"], name)) != name:
            problems.append(
                f"workspace {name!r}: bucket {bucket['name']!r} is the bucket of workspace {owner!r} as well: give "
                "each a bucket of its own, or let one of the two share it (shared: true)"
            )
        for other in sorted(before.keys() - {name}):
            problems += _passed_on(name, bucket, other, before, after)
    return problems


def _passed_on(
    workspace: str, new: Mapping[str, Any], other: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[str]:
    """A bucket that another workspace had until this run. Of one that vanishes unclosed, that is told and enough."""
    entry = before[other]
    old, gone = entry.get("bucket") or {}, other not in after
    if not new or not _is_held(old) or old["name"] != new["name"] or (gone and entry.get("state", ACTIVE) == ACTIVE):
        return []
    mine = before.get(workspace, {})
    had = _holds(mine) and mine["bucket"]["name"] == new["name"]
    whose = f"workspace {workspace!r}: bucket {new['name']!r} was deployed as workspace {other!r}'s own, which"
    if gone and old.get("onDelete") == OnDelete.DELETE and entry.get("state") != RELEASED:
        how = _kept(other, new, had=had)
        return [
            f"{whose} leaves in this run, and it is deleted with it (onDelete: {OnDelete.DELETE}): nothing is changed. "
            f"{how}"
        ]
    leaves = gone or (_holds(entry) and not _holds(after[other]))
    if not leaves or had or not _is_own(new):
        return []
    how = "leaves" if gone else "lets it go"
    return [
        f"{whose} {how} in this run: the mark that is put on it here would be taken off again: nothing is changed. "
        f"Remove it here, deploy, so that it leaves first; {_then(new)}"
    ]


def _kept(other: str, new: Mapping[str, Any], *, had: bool) -> str:
    """How a bucket lives on that would be deleted with another workspace."""
    if had:
        return f"Put {other!r} back with 'state: released' in its bucket, and deploy; then let it leave"
    if not _is_own(new):
        return (
            f"Put {other!r} back with onDelete: keep, and deploy; then let it leave. If what is in it shall go, let it "
            "leave while it is not written here"
        )
    return (
        f"Put {other!r} back with onDelete: keep, remove it here, and deploy; let {other!r} leave, and deploy; "
        f"{_then(new)}. If what is in it shall go, let {other!r} leave first, and deploy; then write it here"
    )


def _then(new: Mapping[str, Any]) -> str:
    how = ", and import it (pulumi import)" if new["driver"] == BucketDriver.AWS else " with adopt: true"
    return f"then write it here{how}"


def _is_own(bucket: Mapping[str, Any]) -> bool:
    return bool(bucket) and not bucket.get("shared") and bucket["driver"] != BucketDriver.EXISTING


def _is_released(bucket: Mapping[str, Any]) -> bool:
    return bucket.get("state") == RELEASED


def _is_held(bucket: Mapping[str, Any]) -> bool:
    """Whether data would be lost from sight with it: a bucket that was released is somebody else's to look after."""
    return _is_own(bucket) and not _is_released(bucket)


def _holds(entry: Mapping[str, Any]) -> bool:
    """Whether this stack looks after the bucket of this entry: neither it nor its workspace was let go."""
    return _is_held(entry.get("bucket") or {}) and entry.get("state") != RELEASED


def _is_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether both are one own bucket. Its store's address is not asked: a store may get another name."""
    return _is_own(old) and _is_own(new) and all(old[part] == new[part] for part in ("name", "driver"))


def _is_count(value: Any) -> bool:
    # A number of the wire is a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 1 and value % 1 == 0


def _gone(whose: str, old: Mapping[str, Any]) -> list[str]:
    return [
        f"{whose}: its bucket {old['name']!r} is gone from the files, and the state of its sessions is in it: nothing "
        "is changed. If that is a slip, put storage.bucket back. To keep the bucket and only stop managing it, put it "
        "back with 'state: released', deploy, and then remove it. It leaves with its workspace, too, once that is "
        "closed or released: it is then kept, or deleted if onDelete: delete was deployed before"
    ]


def _replaced(workspace: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    changes = [f"its {part} is {new[part]!r} now" for part in ("name", "driver") if old[part] != new[part]] or [
        "it is shared now"
    ]
    return [
        f"workspace {workspace!r}: bucket {old['name']!r} of driver {old['driver']!r} was deployed, and "
        f"{' and '.join(changes)}: sessions would lose what is in it, and nobody would look after it: nothing is "
        "changed. Write it as it was. If that is meant, write it as it was but with 'state: released', and deploy; "
        "copy its objects; then make the change and deploy"
    ]


def _both(whose: str, old: Mapping[str, Any], new: Mapping[str, Any], *, closing: bool) -> list[str]:
    """Two steps at once: the first one alone changes what the ledger says of the credentials."""
    if _is_released(old) == _is_released(new):
        return []
    verb, done = ("close", "closed") if closing else ("open", "opened")
    step, gone = ("release its bucket", "released") if _is_released(new) else ("take its bucket back", "taken back")
    return [
        f"{whose} is {gone} in this run, and its workspace is {done} in the same one: {verb} the workspace in one run, "
        f"{step} in another"
    ]


def _released(whose: str, old: Mapping[str, Any], new: Mapping[str, Any], besides: frozenset[str]) -> list[str]:
    """A release of the bucket alone changes nothing else in its run, and neither does what follows it."""
    if not (_is_released(old) or _is_released(new)):
        return []
    if not old:
        return [f"{whose}: there is nothing to release: this stack has not deployed it. Remove 'state: released'"]
    was, is_now = as_recorded(old), as_recorded(new)
    parts = (was.keys() | is_now.keys()) - {"state"} - besides
    changed = sorted(part for part in parts if was.get(part) != is_now.get(part))
    if not changed:
        return []
    when = "as it was deployed last" if not _is_released(old) else "as it was released"
    return [
        f"{whose} is {'released' if _is_released(new) else 'taken back'} in this run, and its {' and '.join(changed)} "
        f"would change in the same one; leave it {when} but for its state, and deploy; make other changes in a run of "
        "their own, while its state is active"
    ]


def _lock(whose: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    if not old or bool(old.get("objectLock")) == bool(new.get("objectLock")):
        return []
    was = "true" if old.get("objectLock") else "false"
    return [
        f"{whose}: objectLock was {was} when it was deployed, and can't be changed afterwards: write it as it was, or "
        "release this bucket and give the workspace another one"
    ]


def _expiry(whose: str, old: Mapping[str, Any], new: Mapping[str, Any], allowed: Collection[str]) -> list[str]:
    """Data that would be deleted: of a bucket that was there before this run, be it ours or one that is taken over."""
    days, were = new.get("expireAfterDays"), old.get("expireAfterDays")
    has_objects = bool(old) or bool(new.get("adopt"))
    if days is None or not has_objects or (were is not None and days >= were) or EXPIRE_AFTER in allowed:
        return []
    if were is not None:
        what = f"expireAfter is {days:g} days, and was {were:g}"
    elif old:
        what = f"expireAfter is {days:g} days, and objects were kept without an end"
    else:
        what = f"expireAfter is {days:g} days, and the bucket is taken over with what is in it"
    return [
        f"{whose}: {what}: the store deletes all objects in it that are older than {days:g} days: nothing is changed. "
        f"If that is meant, write in the workspace's entry: allow: [{{rail: {EXPIRE_AFTER}, reason: WHY}}]"
    ]


def _generation(whose: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Credentials whose generation goes back: their users are named after it, and a lower one was ended."""
    was, is_now = old.get("generation"), new.get("generation")
    same_user = all(old.get(part) == new.get(part) for part in ("name", "driver"))
    if was is None or is_now is None or is_now >= was or not same_user:
        return []
    return [
        f"{whose}: generation {is_now:g} of its credentials is behind the deployed {was:g}; generations only go up: "
        f"write {was + 1:g} for new ones"
    ]
