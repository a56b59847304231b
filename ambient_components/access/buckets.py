"""Guardrails for a workspace's bucket: changes that would lose the bucket, replace it or delete its objects.

The last deployment before a workspace leaves the files decides whether its bucket is kept or deleted (``onDelete:
delete``). So a single mistake cannot delete data: one run must deploy the setting, and a later run drop the entry.
Shared and existing buckets belong to others, so they can be added, changed and removed freely.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.errors import Problem, refusal
from ambient_components.model.derive import changed_names
from ambient_components.model.storage import BucketRecord
from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.refusals import Rule

CREDENTIALS: Final = ("generation", "lifetimeSeconds", "never")
"""Fields of a bucket's entry about its access keys."""


def bucket_refusals(workspace: str, before: Entry, after: Entry) -> list[Problem]:
    """Return the refusals of a change to a workspace's bucket; none if it may be deployed."""
    old, new = before.bucket, after.bucket
    if new is None:
        return _gone(workspace, old) if old is not None and old.is_managed else []
    same = old if old is not None and old.is_own and new.is_own and old.is_same(new) else None
    if old is not None and old.is_managed and same is None:
        return _replaced(workspace, old, new)
    # Closing a workspace ends access, so a bucket that was released before does not prevent it.
    moves = before.state != after.state
    if same and moves and (after.is_closed or before.is_closed):
        both = _both(workspace, same, new, closing=after.is_closed)
        if both:
            return both
    released = _released(workspace, same, new, CREDENTIALS if moves and same and same.is_released else ())
    if released:
        return released
    return [
        *_lock(workspace, same, new),
        *_expiry(workspace, same, new, after.exceptions),
        *(_generation(workspace, old, new) if old is not None else ()),
    ]


def sharing_refusals(before: Ledger, after: Ledger) -> list[Problem]:
    """Return the refusals of changes to the buckets of several workspaces; none if they may be deployed.

    The engine creates new resources before it deletes old ones. So a bucket that moves between workspaces in one run
    would be adopted first, and then be deleted or lose its new ownership annotation.
    """
    problems, owners, had = [], dict[str, str](), defaultdict[str, list[str]](list)
    for name, entry in sorted(before.items()):
        if entry.bucket is not None and entry.bucket.is_managed:
            had[entry.bucket.name].append(name)
    for name, entry in sorted(after.items()):
        if (bucket := entry.bucket) is None:
            continue
        if _looks_after(entry, bucket.name) and (owner := owners.setdefault(bucket.name, name)) != name:
            problems.append(
                refusal(
                    f"workspace {name!r}: bucket {bucket.name!r} is the bucket of workspace {owner!r} as well",
                    "give each a bucket of its own, or let one of the two share it (shared: true)",
                    rule=Rule.SHARED_BUCKET,
                    workspaces=(name, owner),
                )
            )
        for other in had.get(bucket.name, ()):
            if other != name:
                problems += _passed_on(name, bucket, other, before, after)
    return problems


def _passed_on(workspace: str, new: BucketRecord, other: str, before: Ledger, after: Ledger) -> list[Problem]:
    """Return why a bucket cannot move from another workspace; empty if that one is refused for leaving anyway."""
    entry, gone = before[other], other not in after
    if gone and entry.is_active:
        return []
    had = _looks_after(before.get(workspace, NOTHING), new.name)
    subject = f"workspace {workspace!r}: bucket {new.name!r} was deployed as workspace {other!r}'s own, which"
    if gone and entry.bucket is not None and entry.bucket.on_delete == OnDelete.DELETE and not entry.is_released:
        return [
            refusal(
                f"{subject} leaves in this run, and it is deleted with it (onDelete: {OnDelete.DELETE}): nothing is "
                "changed",
                _kept(other, new, had=had),
                rule=Rule.SHARED_BUCKET,
                workspaces=(workspace, other),
            )
        ]
    leaves = gone or (_looks_after(entry) and not _looks_after(after[other]))
    if not leaves or had or not new.is_own:
        return []
    how = "leaves" if gone else "lets it go"
    return [
        refusal(
            f"{subject} {how} in this run: the ownership tag that it gets here would be removed again: nothing "
            "is changed",
            f"remove it here, and deploy, so that it leaves first, and {_then(new)}",
            rule=Rule.SHARED_BUCKET,
            workspaces=(workspace, other),
        )
    ]


def _kept(other: str, new: BucketRecord, *, had: bool) -> tuple[str, ...]:
    if had:
        return (f"put {other!r} back with 'state: released' in its bucket, deploy, and then let it leave",)
    if not new.is_own:
        return (
            f"put {other!r} back with onDelete: keep, deploy, and then let it leave",
            "if what is in it shall go, let it leave while it is not written here",
        )
    return (
        f"put {other!r} back with onDelete: keep, remove it here, and deploy, then let {other!r} leave, and deploy, "
        f"and {_then(new)}",
        f"if what is in it shall go, let {other!r} leave first, deploy, and then write it here",
    )


def _then(new: BucketRecord) -> str:
    how = ", and import it (pulumi import)" if new.driver == BucketDriver.AWS else " with adopt: true"
    return f"then write it here{how}"


def _looks_after(entry: Entry, name: str | None = None) -> bool:
    """Return whether this stack manages the entry's bucket, or the bucket with this name."""
    bucket = entry.bucket
    return bucket is not None and bucket.is_managed and not entry.is_released and name in (None, bucket.name)


def _gone(workspace: str, old: BucketRecord) -> list[Problem]:
    return [
        _refusal(
            workspace,
            f"its bucket {old.name!r} is gone from the files, and the state of its sessions is in it: nothing is "
            "changed",
            "if that is a mistake, put storage.bucket back",
            "to keep the bucket and only stop managing it, put it back with 'state: released', deploy, and then remove "
            "it",
            "it leaves with its workspace, too, once that is closed or released: it is then kept, or deleted if "
            "onDelete: delete was deployed before",
        )
    ]


def _replaced(workspace: str, old: BucketRecord, new: BucketRecord) -> list[Problem]:
    parts = (("name", old.name, new.name), ("driver", str(old.driver), str(new.driver)))
    changes = [f"its {part} is {is_now!r} now" for part, was, is_now in parts if was != is_now] or ["it is shared now"]
    return [
        _refusal(
            workspace,
            f"bucket {old.name!r} of driver {str(old.driver)!r} was deployed, and {' and '.join(changes)}: sessions "
            "would lose what is in it, and it would no longer be managed: nothing is changed",
            "write it as it was",
            "if that is meant, write it as it was but with 'state: released', deploy, copy its objects, and then make "
            "the change and deploy",
        )
    ]


def _both(workspace: str, old: BucketRecord, new: BucketRecord, *, closing: bool) -> list[Problem]:
    """Refuse to change the states of a workspace and of its bucket in one run.

    Closing or reopening a workspace already changes the bucket's credentials in the ledger.
    """
    if old.is_released == new.is_released:
        return []
    verb, done = ("close", "closed") if closing else ("open", "opened")
    step, gone = ("release its bucket", "released") if new.is_released else ("take its bucket back", "taken back")
    return [
        _refusal(
            workspace,
            f"bucket {new.name!r} is {gone} in this run, and its workspace is {done} in the same one",
            f"{verb} the workspace in one run, {step} in another",
        )
    ]


def _released(workspace: str, old: BucketRecord | None, new: BucketRecord, besides: Collection[str]) -> list[Problem]:
    """Refuse other changes of a bucket in the run that releases it or takes it back."""
    if not (new.is_released or (old is not None and old.is_released)):
        return []
    if old is None:
        return [
            _refusal(
                workspace,
                f"bucket {new.name!r}: there is nothing to release: this stack has not deployed it",
                "remove 'state: released'",
            )
        ]
    # adopt says who may own it, which is no part of it.
    changed = changed_names(old, new, ("state", "adopt", *besides))
    if not changed:
        return []
    when = "as it was deployed last" if not old.is_released else "as it was released"
    return [
        _refusal(
            workspace,
            f"bucket {new.name!r} is {'released' if new.is_released else 'taken back'} in this run, and its "
            f"{' and '.join(changed)} would change in the same one",
            f"leave it {when} but for its state, and deploy",
            "make other changes in a run of their own, while its state is active",
        )
    ]


def _lock(workspace: str, old: BucketRecord | None, new: BucketRecord) -> list[Problem]:
    if old is None or old.object_lock == new.object_lock:
        return []
    was = "true" if old.object_lock else "false"
    return [
        _refusal(
            workspace,
            f"bucket {new.name!r}: objectLock was {was} when it was deployed, and can't be changed afterwards",
            "write it as it was, or release this bucket and give the workspace another one",
        )
    ]


def _expiry(workspace: str, old: BucketRecord | None, new: BucketRecord, allowed: Collection[str]) -> list[Problem]:
    """Refuse an expiry that would delete objects of a bucket that existed before this run."""
    days, were = new.expire_after_days, old.expire_after_days if old is not None else None
    has_objects = old is not None or new.adopt
    if days is None or not has_objects or (were is not None and days >= were) or Guardrail.EXPIRE_AFTER in allowed:
        return []
    if were is not None:
        what = f"expireAfter is {days} days, and was {were}"
    elif old is not None:
        what = f"expireAfter is {days} days, and objects were kept without an end"
    else:
        what = f"expireAfter is {days} days, and the bucket is taken over with what is in it"
    return [expiry_refusal(workspace, f"bucket {new.name!r}: {what}", days)]


def expiry_refusal(workspace: str, what: str, days: int) -> Problem:
    """Refuse that the store deletes data."""
    return _refusal(
        workspace,
        f"{what}: the store deletes all objects in it that are older than {days} days: nothing is changed",
        "if that is meant, write in the workspace's entry: "
        f"exceptions: [{{guardrail: {Guardrail.EXPIRE_AFTER}, reason: WHY}}]",
        rule=Guardrail.EXPIRE_AFTER,
    )


def _generation(workspace: str, old: BucketRecord, new: BucketRecord) -> list[Problem]:
    """Refuse a lower generation of credentials: users are named after it, and that of a lower one was deleted."""
    was, is_now = old.generation, new.generation
    if was is None or is_now is None or is_now >= was or not old.is_same(new):
        return []
    return [
        _refusal(
            workspace,
            f"bucket {new.name!r}: generation {is_now} of its credentials is behind the deployed {was}, and "
            "generations only go up",
            f"write {was + 1} for new ones",
            rule=Rule.GENERATION,
        )
    ]


def _refusal(workspace: str, problem: str, *hints: str, rule: str = Rule.BUCKET) -> Problem:
    return refusal(f"workspace {workspace!r}: {problem}", *hints, rule=rule, workspaces=(workspace,))
