"""Checks of the object store before a run changes anything: availability, and ownership of existing buckets.

Only new, changed and removed buckets are checked. Otherwise the store is not contacted: its outage must not block
revocations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.access.buckets import CREDENTIALS, expiry_refusal
from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.cluster.parallel import in_parallel
from ambient_components.errors import Problem, Remedy, StepError, refusal
from ambient_components.model.derive import changed_names
from ambient_components.model.storage import BucketRecord
from ambient_components.platform import naming
from ambient_components.provider.buckets import ownership, settings
from ambient_components.provider.protocol.resource import Context
from ambient_components.provider.store.accounts import Account
from ambient_components.provider.store.errors import BusyError, LostError, UnreachedError
from ambient_components.rules.buckets import OnDelete
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.refusals import Rule

_OURS: Final = "s3"


@dataclass(frozen=True, slots=True)
class _Case:
    """The deployed and the new bucket of a workspace; None if it has none of this driver."""

    workspace: str
    old: BucketRecord | None
    new: BucketRecord | None
    was_released: bool
    is_released: bool
    """Whether it or its workspace is released in the new ledger."""
    is_open: bool
    """Whether access keys for it are created."""
    allowed: frozenset[str]
    """Guardrails with an exception."""

    def refusal(self, problem: str, *remedies: Remedy, rule: str = Rule.BUCKET) -> Problem:
        return refusal(f"workspace {self.workspace!r}: {problem}", *remedies, rule=rule, workspaces=(self.workspace,))

    @property
    def is_same(self) -> bool:
        return self.new is not None and self.new.is_same(self.old)

    @property
    def has_moved(self) -> bool:
        return self.is_same and _address(self.old) != _address(self.new)


def bucket_problems(context: Context, owner: str, before: Ledger, after: Ledger) -> list[Problem]:
    every = (_case(name, before.get(name, NOTHING), after.get(name)) for name in sorted({*before, *after}))
    cases = [*filter(_is_due, every)]
    in_each = in_parallel(lambda case: _problems(context, owner, case), cases)
    # An unavailable store is one problem, not one per bucket.
    return list(dict.fromkeys(problem for problems in in_each for problem in problems))


def _case(workspace: str, before: Entry, after: Entry | None) -> _Case:
    old, new = _ours(before), _ours(after or NOTHING)
    return _Case(
        workspace,
        old,
        new,
        was_released=before.is_released or (old is not None and old.is_released),
        is_released=after is not None and (after.is_released or (new is not None and new.is_released)),
        is_open=after is not None
        and not (after.is_closed or after.is_released)
        and new is not None
        and bool(new.generation),
        allowed=frozenset(after.exceptions if after is not None else ()),
    )


def _ours(entry: Entry) -> BucketRecord | None:
    return entry.bucket if entry.bucket is not None and entry.bucket.driver == _OURS else None


def _address(bucket: BucketRecord | None) -> str:
    return bucket.store or bucket.endpoint or "" if bucket is not None else ""


def _is_due(case: _Case) -> bool:
    if case.new is None:
        if case.old is None or case.old.shared:
            return False
        return case.old.on_delete != OnDelete.DELETE or case.was_released
    if case.old is None or not case.is_same:
        return True
    if case.is_released:
        return False  # only the ownership annotation is removed
    return bool(changed_names(case.old, case.new, ("state", *CREDENTIALS))) or case.was_released


def _problems(context: Context, owner: str, case: _Case) -> list[Problem]:
    try:
        leaves = case.old is not None and not case.is_same and (case.new is None or case.was_released)
        leaving = [*_leaving(context, owner, case, case.old)] if case.old is not None and leaves else []
        return leaving or ([*_coming(context, owner, case, case.new)] if case.new is not None else [])
    except (UnreachedError, BusyError, LostError) as error:
        return [error.problem]
    except StepError as error:
        return [case.refusal(error.problem.problem, error.problem.hints)]


def _leaving(context: Context, owner: str, case: _Case, old: BucketRecord) -> Iterable[Problem]:
    """Refuse to drop a bucket before its deployed settings are complete: it could be deleted by mistake."""
    if old.shared:
        return
    bucket = old.name
    try:
        tags = ownership.tags_of(context, bucket)
    except ownership.ForeignBucketError:
        return
    if tags is None or ownership.holder_of(tags) != owner:
        return
    if not case.was_released:
        if ownership.ON_DELETE_TAG in tags:
            yield case.refusal(
                f"bucket {bucket!r} is to be kept, as the files said last, and the run that took 'onDelete: delete' "
                "back did not end: it would be deleted",
                "put the entry back, deploy, and then remove it",
            )
    else:
        yield case.refusal(
            f"bucket {bucket!r} was not released whole: it still has this stack's ownership tag, as the run that "
            "released it did not end",
            "put it back as it was, with 'state: released', deploy, and then remove it",
            rule=Rule.ENTIRE_RELEASE,
        )


def _coming(context: Context, owner: str, case: _Case, new: BucketRecord) -> Iterable[Problem]:
    if new.shared:
        yield from _shared(context, case, new)
    else:
        tags = ownership.tags_of(context, new.name)
        if tags is not None:
            yield from _there(context, owner, case, new, tags)
        elif case.has_moved:
            yield _elsewhere(case, new)
    if case.is_open and not case.is_same:
        yield from _user(context, owner, case, new)


def _elsewhere(case: _Case, new: BucketRecord) -> Problem:
    was, is_now = _address(case.old) or "AWS's S3", _address(new) or "AWS's S3"
    return case.refusal(
        f"bucket {new.name!r} was deployed in the object store at {was}, and there is none of that name at {is_now}: "
        "sessions would lose what is in it: nothing is changed",
        "if that is a mistake, put ambient:objectStore back as it was",
        "to move, release the bucket there first ('state: released'), deploy, copy it over, and then change the store "
        "and write 'adopt: true'",
    )


def _there(context: Context, owner: str, case: _Case, new: BucketRecord, tags: Mapping[str, str]) -> Iterable[Problem]:
    # Ours by the record: released and taken back, or the annotation was taken off, which the update restores.
    by_record = case.is_same and ownership.holder_of(tags) is None
    adopt = new.adopt or by_record
    if refused := ownership.refusal(context, new.name, owner, tags, adopt=adopt, namespace=case.workspace):
        yield case.refusal(*refused, rule=Rule.OWNERSHIP)
        return
    if not case.is_same and not adopt:
        yield from _unrecorded(context, case, new)
    if new.object_lock:
        desired = {"bucket": new.name, "objectLock": True}
        settings.require_lock(desired, settings.look(context, desired))


def _unrecorded(context: Context, case: _Case, new: BucketRecord) -> Iterable[Problem]:
    """Refuse to expire objects of an unrecorded bucket of this stack, for example after a lost state."""
    days = new.expire_after_days
    if days is None or Guardrail.EXPIRE_AFTER in case.allowed or ownership.is_empty(context, new.name):
        return
    yield expiry_refusal(case.workspace, f"bucket {new.name!r} exists, and expireAfter is {days} days", days)


def _shared(context: Context, case: _Case, new: BucketRecord) -> Iterable[Problem]:
    """Require that a shared bucket exists; its tags may be unreadable for this store's access key."""
    try:
        tags = ownership.tags_of(context, new.name)
    except ownership.ForeignBucketError:
        return
    if tags is None:
        yield case.refusal(
            f"there is no bucket {new.name!r}: with 'shared: true' it is not made here",
            "make it first, or remove 'shared: true' for a bucket of the workspace's own",
        )


def _user(context: Context, owner: str, case: _Case, new: BucketRecord) -> Iterable[Problem]:
    """Require that the store has an API for users, and that the user's name is free or this stack's."""
    name = naming.bucket_user(owner, case.workspace, new.name, new.generation or 0)
    existing = context.store.accounts.look(Account(name, owner), ())
    if existing is not None and existing.owner != owner:
        owner_text = f"belongs to the stack {existing.owner}" if existing.owner else "has no ownership tag"
        yield case.refusal(
            f"the object store's user {name!r} {owner_text}: it is not touched",
            "write another generation for the bucket's credentials, or delete that user if nothing needs it",
            rule=Rule.OWNERSHIP,
        )
