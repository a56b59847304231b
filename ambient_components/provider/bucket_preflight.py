"""What is asked of the object store before a run changes anything: is it there, and whose is what exists.

It is asked only about buckets that are new, that change or that leave. Where nothing about them does, the store is left
alone: an outage of it must not keep a run from ending somebody's access.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from ambient_components import naming
from ambient_components.access.buckets import well_formed
from ambient_components.access.rail_names import EXPIRE_AFTER
from ambient_components.failure import StepError
from ambient_components.provider import bucket_marks, bucket_settings
from ambient_components.provider.resource import Context
from ambient_components.provider.store.accounts import Account
from ambient_components.provider.store.errors import BusyError, LostError, UnreachedError
from ambient_components.rules.buckets import OnDelete
from ambient_components.rules.states import CLOSED, RELEASED

_OURS: Final = "s3"
_AT_ONCE: Final = 16
_OF_KEYS: Final = frozenset({"generation", "lifetimeSeconds", "never"})
"""Parts of an entry that say nothing of the bucket."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A workspace's bucket in the last deployment and in this one; empty where it has none of our driver's."""

    workspace: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    was_released: bool
    is_open: bool
    """Whether keys to it are to be made."""
    allowed: frozenset[str]
    """Rails that may be crossed."""

    @property
    def whose(self) -> str:
        return f"workspace {self.workspace!r}: "

    @property
    def is_same(self) -> bool:
        return bool(self.old and self.new) and self.old["name"] == self.new["name"]

    @property
    def has_moved(self) -> bool:
        """Whether its store is at another address than in the last deployment."""
        return self.is_same and _address(self.old) != _address(self.new)


def bucket_problems(context: Context, owner: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Every reason not to begin that lies in the store. Nothing is changed in it.

    Args:
        context: of the ledger's check.
        owner: the stack's mark, PROJECT/FLEET.
        before: the ledger of the last deployment.
        after: the ledger that is asked for.
    """
    cases = [*filter(_is_due, (_case(name, before.get(name), after.get(name)) for name in sorted({*before, *after})))]
    if not cases:
        return []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = [*pool.map(lambda case: _problems(context, owner, case), cases)]
    # One store that does not answer is one problem.
    return list(dict.fromkeys(problem for problems in found for problem in problems))


def _case(workspace: str, before: Any, after: Any) -> _Case:
    old, new = _entry(before), _entry(after)
    was_released = RELEASED in ((before or {}).get("state"), old.get("state"))
    is_open = bool(after) and after.get("state") not in (CLOSED, RELEASED) and bool(new.get("generation"))
    allowed = frozenset((after or {}).get("allow") or ()) if isinstance(after, Mapping) else frozenset[str]()
    return _Case(workspace, old, new, was_released, is_open, allowed)


def _entry(entry: Any) -> Mapping[str, Any]:
    bucket = entry.get("bucket") if isinstance(entry, Mapping) else None
    if not bucket or not well_formed(bucket, None) or bucket["driver"] != _OURS:
        return {}
    return {**bucket, "workspaceState": entry.get("state")}


def _address(bucket: Mapping[str, Any]) -> str:
    return str(bucket.get("store") or bucket.get("endpoint") or "")


def _is_due(case: _Case) -> bool:
    """Whether the store has to be asked."""
    if case.new and not case.is_same:
        return True
    if not case.new:
        goes = case.old.get("onDelete") == OnDelete.DELETE and not case.was_released
        return bool(case.old) and not goes and not case.old.get("shared")
    if RELEASED in (case.new.get("state"), case.new["workspaceState"]):
        return False  # nothing is written but that the mark goes
    besides = _OF_KEYS | {"workspaceState", "state"}
    old, new = ({part: value for part, value in one.items() if part not in besides} for one in (case.old, case.new))
    return old != new or case.was_released


def _problems(context: Context, owner: str, case: _Case) -> list[str]:
    try:
        if not case.new or (case.old and not case.is_same and case.was_released):
            found = [*_leaving(context, owner, case)]
            return found if found or not case.new else [*_coming(context, owner, case)]
        return [*_coming(context, owner, case)]
    except (UnreachedError, BusyError, LostError) as error:
        return [str(error)]
    except StepError as error:
        return [f"{case.whose}{error}"]


def _leaving(context: Context, owner: str, case: _Case) -> Iterable[str]:
    """A bucket leaves only once what was said of it is done: what the engine had not got to would be deleted."""
    if case.old.get("shared"):
        return
    bucket = case.old["name"]
    try:
        tags = bucket_marks.tags_of(context, bucket)
    except bucket_marks.ForeignBucketError:
        return
    if tags is None or bucket_marks.holder_of(tags) != owner:
        return
    if not case.was_released:
        if bucket_marks.ON_DELETE_TAG in tags:
            yield (
                f"{case.whose}bucket {bucket!r} is to be kept, as the files said last, and the run that took "
                "'onDelete: delete' back did not end: it would be deleted. Put the entry back and deploy; then "
                "remove it"
            )
    else:
        yield (
            f"{case.whose}bucket {bucket!r} was not released whole: it bears this stack's mark still, as the run that "
            "released it did not end. Put it back as it was, with 'state: released', and deploy; then remove it"
        )


def _coming(context: Context, owner: str, case: _Case) -> Iterable[str]:
    bucket = case.new["name"]
    if case.new.get("shared"):
        yield from _shared(context, case)
    else:
        tags = bucket_marks.tags_of(context, bucket)
        if tags is not None:
            yield from _there(context, owner, case, tags)
        elif case.has_moved:
            yield _elsewhere(case)
    if case.is_open and not case.is_same:
        yield from _user(context, owner, case)


def _elsewhere(case: _Case) -> str:
    """Why the bucket can't be somewhere else: nobody would look after what is in the old store."""
    was, is_now = _address(case.old) or "AWS's S3", _address(case.new) or "AWS's S3"
    return (
        f"{case.whose}bucket {case.new['name']!r} was deployed in the object store at {was}, and there is none of that "
        f"name at {is_now}: sessions would lose what is in it: nothing is changed. If that is a slip, put "
        "ambient:objectStore back as it was. To move, release the bucket there first ('state: released'), deploy, copy "
        "it over, and then change the store and write 'adopt: true'"
    )


def _there(context: Context, owner: str, case: _Case, tags: Mapping[str, str]) -> Iterable[str]:
    bucket = case.new["name"]
    # Ours by the record: released and taken back, or somebody took the mark off, which the update mends.
    by_record = case.is_same and bucket_marks.holder_of(tags) is None
    adopt = bool(case.new.get("adopt")) or by_record
    if refused := bucket_marks.refusal(context, bucket, owner, tags, adopt=adopt, namespace=case.workspace):
        yield f"{case.whose}{refused}"
        return
    if not case.is_same and not adopt:
        yield from _unrecorded(context, case)
    if case.new.get("objectLock"):
        wanted = {"bucket": bucket, "objectLock": True}
        bucket_settings.require_lock(wanted, bucket_settings.look(context, wanted))


def _unrecorded(context: Context, case: _Case) -> Iterable[str]:
    """Of a bucket that bears our mark and is on no record, as after a lost state: what is in it is somebody's data."""
    days = case.new.get("expireAfterDays")
    if days is None or EXPIRE_AFTER in case.allowed or bucket_marks.is_empty(context, case.new["name"]):
        return
    yield (
        f"{case.whose}bucket {case.new['name']!r} exists, and expireAfter is {days:g} days: the store deletes all "
        f"objects in it that are older than {days:g} days: nothing is changed. If that is meant, write in the "
        f"workspace's entry: allow: [{{rail: {EXPIRE_AFTER}, reason: WHY}}]"
    )


def _shared(context: Context, case: _Case) -> Iterable[str]:
    """It must be there; that this store's key may not look at its tags says nothing."""
    try:
        tags = bucket_marks.tags_of(context, case.new["name"])
    except bucket_marks.ForeignBucketError:
        return
    if tags is None:
        yield (
            f"{case.whose}there is no bucket {case.new['name']!r}: with 'shared: true' it is somebody else's to make. "
            "Make it first, or remove 'shared: true' for a bucket of the workspace's own"
        )


def _user(context: Context, owner: str, case: _Case) -> Iterable[str]:
    """The store has an API for users, which this key may use, and the workspace's name in it is free or ours."""
    generation = int(case.new["generation"])
    name = naming.bucket_user(owner, case.workspace, case.new["name"], generation)
    standing = context.store.accounts.look(Account(name, owner), ())
    if standing is not None and standing.owner != owner:
        whose = f"belongs to the stack {standing.owner}" if standing.owner else "bears nobody's mark"
        yield (
            f"{case.whose}the object store's user {name!r} {whose}: it is not touched. Write another generation for "
            "the bucket's credentials, or delete that user if nothing needs it"
        )
