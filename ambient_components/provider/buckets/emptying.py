"""Deletion of a bucket, optionally with its content.

Each batch is deleted permanently; after an interruption the next run continues.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from ambient_components.errors import StepError
from ambient_components.provider.protocol.resource import Context
from ambient_components.provider.store.errors import RefusedError

_NOT_EMPTY: Final = "BucketNotEmpty"
_GONE: Final = ("NoSuchBucket", "NoSuchUpload")
_BATCH: Final = 1000
"""Objects per request: S3's own limit."""
_TOLD_EACH: Final = 10_000
_ROUNDS: Final = 5
"""Rounds while others still write, before the step fails."""


def delete_empty(context: Context, bucket: str) -> None:
    if _delete(context, bucket):
        return
    count = len(_page(context, bucket))
    at_least = "at least " if count >= _BATCH else ""
    msg = f"bucket {bucket!r} is not empty: {at_least}{count} objects and versions are in it"
    raise StepError(
        msg,
        "write 'force: true' beside 'onDelete: delete' to delete them with it, deploy, and then remove it",
        "or write 'onDelete: keep', deploy, and then remove it: it stays unchanged",
    )


def delete_with_objects(context: Context, bucket: str) -> None:
    total = 0
    for _ in range(_ROUNDS):
        total += _empty(context, bucket, total)
        _abort_uploads(context, bucket)
        if _delete(context, bucket):
            context.note(f"deleted bucket {bucket} with {total} objects and versions")
            return
    msg = f"bucket {bucket!r} does not get empty: something keeps writing into it. End that, and deploy again"
    raise StepError(msg)


def _delete(context: Context, bucket: str) -> bool:
    try:
        context.store.s3.call("delete_bucket", Bucket=bucket)
    except RefusedError as error:
        if error.code == _NOT_EMPTY:
            return False
        if error.code not in _GONE:
            raise
    return True


def _empty(context: Context, bucket: str, before: int) -> int:
    count, last = 0, None
    while batch := _page(context, bucket):
        if context.engine.cancelled:
            gone = before + count
            msg = f"bucket {bucket!r}: the run is being cancelled after it deleted {gone} objects"
            raise StepError(msg, "run again, which deletes the others")
        if batch == last:
            msg = f"bucket {bucket!r}: the store says that objects are deleted, and has them still"
            raise StepError(msg)
        answer = context.store.s3.call("delete_objects", Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        if errors := answer.get("Errors"):
            code, key = errors[0].get("Code"), errors[0].get("Key")
            msg = f"bucket {bucket!r}: {len(errors)} objects can't be deleted ({code} for {key!r}, and so on)"
            raise StepError(
                msg,
                "if they are locked, deploy again when their retention is over and no legal hold is on them",
                "if not, give the deployer the rights s3:DeleteObject and s3:DeleteObjectVersion",
                "or write 'onDelete: keep', deploy, and remove the bucket: it stays unchanged",
            )
        if (before + count) // _TOLD_EACH != (before + count + len(batch)) // _TOLD_EACH:
            context.note(f"bucket {bucket}: deleted {before + count + len(batch)} objects and versions, and goes on")
        count += len(batch)
        last = batch
    return count


def _page(context: Context, bucket: str) -> list[dict[str, str]]:
    """Return the first objects, versions and delete markers; a store without versioning has only objects."""
    api = context.store.s3
    try:
        page = api.call("list_object_versions", Bucket=bucket, MaxKeys=_BATCH)
    except RefusedError as error:
        if error.code in _GONE:
            return []
        if not error.unsupported:
            raise
        objects = api.call("list_objects_v2", Bucket=bucket, MaxKeys=_BATCH).get("Contents") or []
        return [{"Key": each["Key"]} for each in objects]
    both = [*(page.get("Versions") or ()), *(page.get("DeleteMarkers") or ())]
    return [
        {"Key": each["Key"], **({"VersionId": each["VersionId"]} if each.get("VersionId") else {})} for each in both
    ][:_BATCH]


def _abort_uploads(context: Context, bucket: str) -> None:
    for upload in _uploads(context, bucket):
        try:
            context.store.s3.call(
                "abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        except RefusedError as error:
            if error.code not in _GONE:
                raise


def _uploads(context: Context, bucket: str) -> Iterator[Mapping[str, str]]:
    markers: dict[str, str] = {}
    while True:
        try:
            page = context.store.s3.call("list_multipart_uploads", Bucket=bucket, **markers)
        except RefusedError as error:
            if error.unsupported or error.code in _GONE:
                return
            raise
        yield from page.get("Uploads") or ()
        if not page.get("IsTruncated") or not page.get("NextKeyMarker"):
            return
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page.get("NextUploadIdMarker") or ""}
