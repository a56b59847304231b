"""The rights of a workspace's storage credentials: its bucket, or its part of a shared one, and nothing else.

What a session does (contract 4; the platform's ``hydrate.sh`` and ``sync.sh``, which run rclone): the init container
lists the top of the bucket with a delimiter and ends the session if that is refused; rclone asks whether the bucket is
there (HeadBucket, which is the right to list it too) before it writes; then objects under NAMESPACE/SESSION/ are listed,
read, written and deleted.
"""

from collections.abc import Mapping
from typing import Any, Final

_VERSION: Final = "2012-10-17"
_OBJECTS: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject")
"""AbortMultipartUpload ends a client's own upload that failed; without it the parts stay, unseen, for ever."""


def workspace_prefix(namespace: str) -> str:
    """Where the platform keeps a workspace's sessions in a bucket; with the slash, as `pay` must not open `payments`."""
    return f"{namespace}/"


def access_policy(bucket: str, prefix: str = "") -> dict[str, Any]:
    """Least rights, as an IAM policy document.

    Args:
        bucket: the bucket.
        prefix: the workspace's part of it, where others use it too. Names of all objects can be listed even then:
            rclone's question whether the bucket is there carries no prefix, and can't be told from a listing.
    """
    resource = f"arn:aws:s3:::{bucket}"
    return {
        "Version": _VERSION,
        "Statement": [
            {"Sid": "List", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [resource]},
            {"Sid": "Objects", "Effect": "Allow", "Action": list(_OBJECTS), "Resource": [f"{resource}/{prefix}*"]},
        ],
    }


def same_policy(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two documents allow the same: stores give lists of one as text, and lists in another order."""
    return _normal(one) == _normal(other)


def _normal(document: Any) -> Any:
    if not isinstance(document, Mapping):
        return document
    statements = document.get("Statement") or []
    if isinstance(statements, Mapping):
        statements = [statements]
    plain = [
        {
            key: sorted(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else value
            for key, value in ((key, [value] if isinstance(value, str) else value) for key, value in each.items())
            if key != "Sid"
        }
        for each in statements
        if isinstance(each, Mapping)
    ]
    return sorted(plain, key=repr)
