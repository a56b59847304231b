"""Ownership of buckets: a tag with the owner, and an annotation on the workspace's Namespace during creation.

S3 needs two requests to create and tag a bucket. In between, it looks like a foreign bucket: after an interruption the
annotation on the Namespace tells the difference.
"""

from collections.abc import Mapping
from typing import Final

from ambient_components.cluster.client import ApiError, core
from ambient_components.cluster.objects import annotations
from ambient_components.errors import Remedy, StepError
from ambient_components.platform.contract import OWNER_ANNOTATION
from ambient_components.provider.protocol.resource import Context
from ambient_components.provider.store.errors import RefusedError

MAKING: Final = "ambient-components/making-bucket"
"""Annotation on a workspace's Namespace while its bucket is created: the store's address, a space and the bucket's
name.
"""

WORKSPACE_TAG: Final = "ambient-components/workspace"
"""Tag with the bucket's workspace, so that a former workspace does not delete a bucket that another has adopted."""

ON_DELETE_TAG: Final = "ambient-components/on-delete"
"""Tag with the value `delete`, set once a run has recorded that the bucket is deleted with its workspace."""

_PREFIX: Final = "ambient-components/"
_NO_TAGS: Final = ("NoSuchTagSet", "NoSuchTagSetError")
_NO_BUCKET: Final = "NoSuchBucket"


class ForeignBucketError(StepError):
    """A bucket that cannot be read, and so is probably foreign."""


def tags_of(context: Context, bucket: str) -> dict[str, str] | None:
    store = context.store
    try:
        tag_set = store.s3.call("get_bucket_tagging", Bucket=bucket)["TagSet"]
    except RefusedError as error:
        if error.code == _NO_BUCKET:
            return None
        if error.code in _NO_TAGS:
            return {} if _exists(context, bucket) else None
        if error.denied:
            msg = (
                f"bucket {bucket!r} can't be looked at, so it is not ours, or a right is missing: all accounts "
                "of a store share one list of names"
            )
            raise ForeignBucketError(msg, "choose another name", f"if it is your own: {error}") from None
        if error.unsupported:
            msg = (
                f"{store.settings.name} has no tags of buckets ({error.code or error.status}), in which their owner is "
                "noted"
            )
            hint = "use it by driver: existing, with a bucket and a key made by hand"
            raise StepError(msg, hint) from None
        raise
    return {each["Key"]: each["Value"] for each in tag_set}


def _exists(context: Context, bucket: str) -> bool:
    """Return whether a bucket without tags exists: for a missing one MinIO says the same (tested)."""
    try:
        context.store.s3.call("list_objects_v2", Bucket=bucket, MaxKeys=1)
    except RefusedError as error:
        return error.code != _NO_BUCKET
    return True


def holder_of(tags: Mapping[str, str]) -> str | None:
    return tags.get(OWNER_ANNOTATION)


def put_tags(context: Context, bucket: str, there: Mapping[str, str], desired: Mapping[str, str]) -> None:
    """Write all tags of a bucket if they differ, because S3 cannot write a single one."""
    if dict(there) == dict(desired):
        return
    if desired:
        tag_set = [{"Key": key, "Value": value} for key, value in sorted(desired.items())]
        context.store.s3.call("put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": tag_set})
    else:
        context.store.s3.call("delete_bucket_tagging", Bucket=bucket)


def clear_owner(context: Context, bucket: str, owner: str) -> bool:
    """Remove this owner's tags, and return whether they were there; the tags of another owner stay."""
    tags = tags_of(context, bucket)
    if tags is None or holder_of(tags) != owner:
        return False
    put_tags(context, bucket, tags, {key: value for key, value in tags.items() if not key.startswith(_PREFIX)})
    return True


def refusal(
    context: Context, bucket: str, owner: str, tags: Mapping[str, str], *, adopt: bool, namespace: str | None
) -> tuple[str, Remedy] | None:
    """Return why a bucket can't become this stack's own; the namespace's annotation may show that a run began it."""
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
    return not context.store.s3.call("list_objects_v2", Bucket=bucket, MaxKeys=1).get("Contents")


def claim(context: Context, namespace: str, bucket: str) -> None:
    try:
        _note(context, namespace, _claim_of(context, bucket))
    except ApiError as error:
        msg = f"can't note on namespace {namespace!r} that bucket {bucket!r} is being made: {error}"
        raise StepError(msg) from None


def is_claimed(context: Context, namespace: str, bucket: str) -> bool:
    item = context.guard.cluster.get(core("namespaces", namespace))
    return annotations(item).get(MAKING) == _claim_of(context, bucket)


def unclaim(context: Context, namespace: str | None, bucket: str) -> None:
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
