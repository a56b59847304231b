"""The policy of a workspace's storage credentials: its bucket, or its prefix in a shared one, and nothing else.

What a session does (contract 4; the platform's ``hydrate.sh`` and ``sync.sh``, tested with the rclone of their image,
1.68.2, on a real store): the init container lists the top of the bucket with a delimiter, and ends the session if that
is refused. Then objects under NAMESPACE/SESSION/ are listed, read, written and deleted. One refused request has no
effect: before it writes ``metadata.json``, which nothing reads, rclone tries to create the bucket.
"""

from collections.abc import Mapping
from typing import Any, Final

_VERSION: Final = "2012-10-17"
_OBJECTS: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject")
"""Without AbortMultipartUpload, a client could not remove the parts of its failed upload."""


def workspace_prefix(namespace: str) -> str:
    """Return the prefix of a workspace's sessions; the slash keeps `pay` from matching `payments`."""
    return f"{namespace}/"


def access_policy(bucket: str, prefix: str = "") -> dict[str, Any]:
    """Return an IAM policy document with least privilege.

    Args:
        prefix: The workspace's prefix in a shared bucket, with a slash at its end. Outside of it only the names at the
            top can be listed, which the init container does.
    """
    resource = f"arn:aws:s3:::{bucket}"
    listing = _list_all(resource) if not prefix else _list_prefix(resource, prefix)
    objects = {"Sid": "Objects", "Effect": "Allow", "Action": list(_OBJECTS), "Resource": [f"{resource}/{prefix}*"]}
    return {"Version": _VERSION, "Statement": [*listing, objects]}


def _list_all(resource: str) -> list[dict[str, Any]]:
    return [_list("List", resource)]


def _list_prefix(resource: str, prefix: str) -> list[dict[str, Any]]:
    top = {"s3:delimiter": ["/"]}
    return [
        # With the slash, otherwise `pay` could list `payments/`.
        _list("ListOwn", resource, {"StringLike": {"s3:prefix": [f"{prefix}*"]}}),
        # Stores differ on whether an empty prefix is present, and not all support the IfExists conditions.
        _list("ListTop", resource, {"StringEquals": {"s3:prefix": [""], **top}}),
        _list("ListTopPlain", resource, {"Null": {"s3:prefix": ["true"]}, "StringEquals": top}),
    ]


def _list(sid: str, resource: str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [resource]}
    return {**statement, "Condition": condition} if condition else statement


def same_policy(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Return whether two documents are equivalent.

    Stores return one-element lists as strings, reorder lists, and MinIO returns the texts of a `Null` as booleans.
    """
    return bool(_normal(one) == _normal(other))


def _normal(document: Any) -> Any:
    if not isinstance(document, Mapping):
        return document
    statements = document.get("Statement") or []
    every = [statements] if isinstance(statements, Mapping) else statements
    return sorted((_plain({key: value for key, value in each.items() if key != "Sid"}) for each in every), key=repr)


def _plain(value: Any) -> Any:
    """Normalise a value: lists sorted, a single string as a list, mappings sorted by key."""
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    return sorted(map(_text, value)) if isinstance(value, list) else [_text(value)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
