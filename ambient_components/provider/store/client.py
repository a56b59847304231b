"""One API of the store: all requests pass through here, so that no exception of botocore escapes.

A request that the store rejected unread is retried for a while; one that may have been executed is retried only if it
is idempotent. botocore does neither: it repeats the creation of an access key after a lost response, and gives up on a
429 and on a text page with 503 (tested on 1.44).
"""

import base64
import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

from ambient_components.provider.store.errors import (
    IAM,
    BusyError,
    LostError,
    Request,
    UnreachedError,
    UnreadableError,
    explained,
)

if TYPE_CHECKING:
    from botocore.client import BaseClient

_WAITS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each retry."""
_TRIES: Final = 3
"""Maximum attempts without an answer or with a lost response."""
_ONCE: Final = {"create_access_key", "create_bucket"}
"""Operations that are not idempotent."""
_MINTS: Final = "create_access_key"
"""A proxy may answer 503 to an executed request, and a retry would leave a key with an unknown secret."""

_RIGHTS: Final = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "delete_bucket_lifecycle": "s3:PutLifecycleConfiguration",
    "delete_bucket_tagging": "s3:PutBucketTagging",
    "delete_objects": "s3:DeleteObject and s3:DeleteObjectVersion",
    "get_bucket_encryption": "s3:GetEncryptionConfiguration",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "get_object_lock_configuration": "s3:GetBucketObjectLockConfiguration",
    "get_public_access_block": "s3:GetBucketPublicAccessBlock",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "list_object_versions": "s3:ListBucketVersions",
    "list_objects_v2": "s3:ListBucket",
    "put_bucket_encryption": "s3:PutEncryptionConfiguration",
    "put_bucket_lifecycle_configuration": "s3:PutLifecycleConfiguration",
    "put_public_access_block": "s3:PutBucketPublicAccessBlock",
}
"""Rights with another name than their operation."""


class Api:
    def __init__(self, client: "BaseClient", api: str, name: str, key: str, hide: tuple[str, ...]) -> None:
        self._client = client
        self._about = (api, name, key)
        self._hide = hide
        client.meta.events.register("before-parse", _check_answer)
        client.meta.events.register("before-sign.s3", _add_md5)

    def __repr__(self) -> str:
        return f"Api({self._about[1]})"

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        for attempt in range(len(_WAITS) + 1):
            try:
                return self._send(operation, parameters)
            except BusyError as error:
                if attempt == len(_WAITS) or (operation == _MINTS and error.status >= 500):
                    raise
            except LostError:
                if operation in _ONCE or attempt >= _TRIES - 1:
                    raise
            except UnreachedError as error:
                if attempt >= _TRIES - 1 or not error.again:
                    raise
            time.sleep(_WAITS[attempt])
        raise AssertionError  # the last attempt returns or raises

    def pages(self, operation: str, items_field: str, **parameters: Any) -> list[Any]:
        items: list[Any] = []
        marker: dict[str, str] = {}
        while True:
            page = self.call(operation, **parameters, **marker)
            items += page.get(items_field) or []
            if not page.get("IsTruncated") or not page.get("Marker"):
                return items
            marker = {"Marker": page["Marker"]}

    def _send(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        api, name, key = self._about
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
        except Exception as error:  # `explained` knows all exceptions of botocore, and raises others again
            # `from None`, because botocore's message may quote a signature.
            raise explained(Request(api, name, key, _right(api, operation), self._hide), error) from None
        return answer


def _right(api: str, operation: str) -> str:
    words = "".join(word.capitalize() for word in operation.split("_"))
    return _RIGHTS.get(operation, f"{api}:{words}")


def _check_answer(response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
    """Reject responses that are not a store's before parsing: botocore accepts a web page as success (tested)."""
    status, body = response_dict["status_code"], response_dict["body"]
    text = bytes(body or b"").lstrip().lower() if isinstance(body, bytes | None) else b"<"
    # The content type is no indication: moto sends all responses as HTML.
    is_page = text.startswith((b"<!doctype html", b"<html"))
    needs_xml = operation_model.service_model.service_name == IAM
    if is_page or (needs_xml and not text.startswith(b"<")):
        raise UnreadableError(status)
    if status >= 300 and text and not text.startswith(b"<"):
        raise UnreadableError(status)
    # S3's redirects name the region; botocore follows any other one endlessly (tested on 1.44).
    if 300 <= status < 400 and not text and "x-amz-bucket-region" not in response_dict["headers"]:
        raise UnreadableError(status)


def _add_md5(request: Any, **_: Any) -> None:
    """Add Content-MD5, which S3 required for some requests before newer checksums.

    botocore sends CRC32 instead, which older stores do not accept for these.
    """
    body = request.data
    if isinstance(body, bytes) and body and "Content-MD5" not in request.headers:
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        request.headers["Content-MD5"] = base64.b64encode(digest).decode()
