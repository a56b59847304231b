"""One API of the store: every request goes by here, so that no exception of botocore's gets any further.

What the store turned away unread is sent again for a while; what may have been done is sent again only where twice is
as good as once. botocore would do neither: it repeats the making of an access key whose answer was lost, and gives up
on a 429 or on a page of text that says 503 (tried on 1.44).
"""

import base64
import hashlib
import time
from typing import TYPE_CHECKING, Any, Final

from ambient_components.provider.store.errors import (
    IAM,
    Asked,
    BusyError,
    LostError,
    UnreachedError,
    UnreadableError,
    explained,
)

if TYPE_CHECKING:
    from botocore.client import BaseClient

_WAITS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try."""
_TRIES: Final = 3
"""Where nobody answered, or the answer was lost."""
_ONCE: Final = {"create_access_key", "create_bucket"}
"""Twice is not as good as once."""
_MINTS: Final = "create_access_key"
"""A proxy says 503 of what was done as well, and a second key would leave one whose secret nobody has."""

_RIGHTS: Final = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "delete_bucket_lifecycle": "s3:PutLifecycleConfiguration",
    "delete_bucket_tagging": "s3:PutBucketTagging",
    "delete_objects": "s3:DeleteObject and s3:DeleteObjectVersion",
    "get_bucket_encryption": "s3:GetEncryptionConfiguration",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "get_object_lock_configuration": "s3:GetBucketObjectLockConfiguration",
    "get_public_access_block": "s3:GetBucketPublicAccessBlock",
    "head_object": "s3:GetObject",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "list_object_versions": "s3:ListBucketVersions",
    "list_objects_v2": "s3:ListBucket",
    "put_bucket_encryption": "s3:PutEncryptionConfiguration",
    "put_bucket_lifecycle_configuration": "s3:PutLifecycleConfiguration",
    "put_public_access_block": "s3:PutBucketPublicAccessBlock",
}
"""Rights that are not called as their operation is."""


class Api:
    """A client of S3 or of IAM. Threads may share it."""

    def __init__(self, client: "BaseClient", api: str, name: str, key: str, hide: tuple[str, ...]) -> None:
        """Takes over a client of botocore's.

        Args:
            client: it must not repeat anything itself.
            api: `S3` or `IAM`.
            name: of the store, for people.
            key: id of the access key of the config.
            hide: secrets, should the store repeat one.
        """
        self._client = client
        self._about = (api, name, key)
        self._hide = hide
        client.meta.events.register("before-parse", _judge)
        client.meta.events.register("before-sign.s3", _add_md5)

    def __repr__(self) -> str:
        return f"Api({self._about[1]})"

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """One operation, as boto3 names it and its parameters; its answer.

        Raises:
            RefusedError: the store said no; with its code.
            LostError: it may have been done.
            StepError: nobody was there to ask, or nothing to ask with.
        """
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

    def pages(self, operation: str, found: str, **parameters: Any) -> list[Any]:
        """All of a list of IAM's, page by page.

        Args:
            operation: as in `call`.
            found: what the list is called in its answer.
            parameters: as in `call`.
        """
        items: list[Any] = []
        marker: dict[str, str] = {}
        while True:
            page = self.call(operation, **parameters, **marker)
            items += page.get(found) or []
            if not page.get("IsTruncated") or not page.get("Marker"):
                return items
            marker = {"Marker": page["Marker"]}

    def _send(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        api, name, key = self._about
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**parameters)
        except Exception as error:  # `explained` knows all that botocore raises, and raises the rest
            # `from None`: botocore's own text may quote a signature.
            raise explained(Asked(api, name, key, _right(api, operation), self._hide), error) from None
        return answer


def _right(api: str, operation: str) -> str:
    words = "".join(word.capitalize() for word in operation.split("_"))
    return _RIGHTS.get(operation, f"{api}:{words}")


def _judge(response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
    """Meets what is no store's before it is parsed: botocore takes a web page for success (tried)."""
    status, body = response_dict["status_code"], response_dict["body"]
    text = bytes(body or b"").lstrip().lower() if isinstance(body, bytes | None) else b"<"
    # The type says nothing: moto calls all its answers HTML.
    is_page = text.startswith((b"<!doctype html", b"<html"))
    needs_xml = operation_model.service_model.service_name == IAM
    if is_page or (needs_xml and not text.startswith(b"<")):
        raise UnreadableError(status)
    if status >= 300 and text and not text.startswith(b"<"):
        raise UnreadableError(status)
    # S3's own redirects say to which region; botocore follows any other one without an end (tried on 1.44).
    if 300 <= status < 400 and not text and "x-amz-bucket-region" not in response_dict["headers"]:
        raise UnreadableError(status)


def _add_md5(request: Any, **_: Any) -> None:
    """What S3 asked for with a body that says what to delete or to keep, before there were other checksums.

    botocore sends CRC32 now, which older stores don't take for it.
    """
    body = request.data
    if isinstance(body, bytes) and body and "Content-MD5" not in request.headers:
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        request.headers["Content-MD5"] = base64.b64encode(digest).decode()
