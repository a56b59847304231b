"""Whose a bucket is: its tags bear the owner's mark, and a workspace's Namespace notes that one is being made.

S3 makes a bucket and marks it in two steps. Between them it is like somebody else's: the note on the Namespace, written
before and taken off after, tells the two apart after a crash.
"""

from collections.abc import Mapping
from typing import Final

from ambient_components.cluster import ApiError, core
from ambient_components.cluster_objects import annotations
from ambient_components.contract import OWNER_ANNOTATION
from ambient_components.errors import Remedy
from ambient_components.failure import StepError
from ambient_components.provider.resource import Context
from ambient_components.provider.store.errors import RefusedError

MAKING: Final = "ambient-components/making-bucket"
"""Annotation of a workspace's Namespace while its bucket is made: address of the store and name, with a blank."""

WORKSPACE_TAG: Final = "ambient-components/workspace"
"""A tag of a bucket: the workspace that it is of. What another one has taken since is not the old one's to delete."""

ON_DELETE_TAG: Final = "ambient-components/on-delete"
"""A tag of a bucket, beside the mark: `delete`, once a run has recorded that it goes with its workspace."""

_PREFIX: Final = "ambient-components/"
_NO_TAGS: Final = ("NoSuchTagSet", "NoSuchTagSetError")
_NO_BUCKET: Final = "NoSuchBucket"


class ForeignBucketError(StepError):
    """The bucket is somebody else's, as far as can be told: nothing of it may be seen."""


def tags_of(context: Context, bucket: str) -> dict[str, str] | None:
    """The tags of a bucket; None where there is none of this name.

    Raises:
        ForeignBucketError: this store's key may not look at it.
        StepError: the store gives no answer, or has no tags.
    """
    store = context.store
    try:
        found = store.s3.call("get_bucket_tagging", Bucket=bucket)["TagSet"]
    except RefusedError as error:
        if error.code == _NO_BUCKET:
            return None
        if error.code in _NO_TAGS:
            return {}
        if error.denied:
            msg = (
                f"bucket {bucket!r} can't be looked at, so it is somebody else's, or a right is missing: all accounts "
                "of a store share one list of names"
            )
            raise ForeignBucketError(msg, "choose another name", f"if it is your own: {error}") from None
        if error.unsupported:
            msg = (
                f"{store.settings.name} has no tags of buckets ({error.code or error.status}), in which their owner is "
                "noted"
            )
            hint = "use it by driver: existing, with a bucket and a key that somebody makes"
            raise StepError(msg, hint) from None
        raise
    return {each["Key"]: each["Value"] for each in found}


def holder_of(tags: Mapping[str, str]) -> str | None:
    """Whose mark is on it: PROJECT/FLEET."""
    return tags.get(OWNER_ANNOTATION)


def put_tags(context: Context, bucket: str, there: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Writes all tags of a bucket, unless they are as wanted. S3 has no way to write one of them."""
    if dict(there) == dict(wanted):
        return
    if wanted:
        tag_set = [{"Key": key, "Value": value} for key, value in sorted(wanted.items())]
        context.store.s3.call("put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": tag_set})
    else:
        context.store.s3.call("delete_bucket_tagging", Bucket=bucket)


def unmark(context: Context, bucket: str, owner: str) -> bool:
    """Takes our mark off, and what is beside it. False: it is not there, or another's, which stays."""
    tags = tags_of(context, bucket)
    if tags is None or holder_of(tags) != owner:
        return False
    put_tags(context, bucket, tags, {key: value for key, value in tags.items() if not key.startswith(_PREFIX)})
    return True


def refusal(
    context: Context, bucket: str, owner: str, tags: Mapping[str, str], *, adopt: bool, namespace: str | None
) -> tuple[str, Remedy] | None:
    """Why a bucket that exists can't be taken as this stack's own, as problem and remedy; None: it can.

    Args:
        context: of the step.
        bucket: its name.
        owner: the stack's mark, PROJECT/FLEET.
        tags: the bucket's.
        adopt: whether one that bears nobody's mark may be taken over.
        namespace: the workspace, whose Namespace may note that a run of ours was making it.
    """
    holder = holder_of(tags)
    if holder == owner or (holder is None and adopt):
        return None
    if holder is None:
        if namespace and is_claimed(context, namespace, bucket) and is_empty(context, bucket):
            return None
        return (
            f"bucket {bucket!r} exists, and it was not made by this tool: it is not touched",
            (
                "write 'adopt: true' beside its name to take it over with all that is in it",
                "or choose another name, or delete the bucket first if nothing in it is needed",
            ),
        )
    return (
        f"bucket {bucket!r} exists, and it belongs to the stack {holder}: it is not touched",
        (
            "choose another name, or release it there first ('state: released') and write 'adopt: true' here",
            "to use a part of it, write 'shared: true'",
        ),
    )


def is_empty(context: Context, bucket: str) -> bool:
    """Whether no object is in it."""
    return not context.store.s3.call("list_objects_v2", Bucket=bucket, MaxKeys=1).get("Contents")


def claim(context: Context, namespace: str, bucket: str) -> None:
    """Notes that this stack is about to make the bucket."""
    try:
        _note(context, namespace, _claim_of(context, bucket))
    except ApiError as error:
        msg = f"can't note on namespace {namespace!r} that bucket {bucket!r} is being made: {error}"
        raise StepError(msg) from None


def is_claimed(context: Context, namespace: str, bucket: str) -> bool:
    """Whether a run that did not end was making the bucket."""
    found = context.guard.cluster.get(core("namespaces", namespace))
    return annotations(found).get(MAKING) == _claim_of(context, bucket)


def unclaim(context: Context, namespace: str | None, bucket: str) -> None:
    """Takes the note off, once the bucket bears the mark. A namespace that is gone has none."""
    if namespace and is_claimed(context, namespace, bucket):
        try:
            _note(context, namespace, None)
        except ApiError as error:
            if error.status != 404:
                raise


def _note(context: Context, namespace: str, text: str | None) -> None:
    context.guard.cluster.patch(core("namespaces", namespace), {"metadata": {"annotations": {MAKING: text}}})


def _claim_of(context: Context, bucket: str) -> str:
    return f"{context.store.settings.where} {bucket}"
