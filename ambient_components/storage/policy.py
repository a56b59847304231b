"""The rights of a workspace's storage credentials: its bucket, or its part of a shared one, and nothing else.

What a session does (contract 4; the platform's ``hydrate.sh`` and ``sync.sh``, tried with the rclone of their image,
1.68.2, on a real store): the init container lists the top of the bucket with a delimiter, and ends the session if that
is refused. Then objects under NAMESPACE/SESSION/ are listed, read, written and deleted. One step is refused and of no
effect: before ``metadata.json`` is written, which nothing reads, rclone asks to create the bucket.
"""

from collections.abc import Mapping
from typing import Any, Final

_VERSION: Final = "2012-10-17"
_OBJECTS: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject")
"""AbortMultipartUpload ends a client's own upload that failed; without it the parts stay, unseen, for ever."""


def workspace_prefix(namespace: str) -> str:
    """Where the platform keeps a workspace's sessions; with the slash, as `pay` must not open `payments`."""
    return f"{namespace}/"


def access_policy(bucket: str, prefix: str = "") -> dict[str, Any]:
    """Least rights, as an IAM policy document.

    Args:
        bucket: the bucket.
        prefix: the workspace's part of it, with a slash at its end, where others use it too. Of what is beside it only
            the names at the top can be listed, which the init container does.
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
        # Not without the slash: `pay` would list `payments/` too.
        _list("ListOwn", resource, {"StringLike": {"s3:prefix": [f"{prefix}*"]}}),
        # Stores differ on whether an empty prefix is one; not every store knows the conditions called IfExists.
        _list("ListTop", resource, {"StringEquals": {"s3:prefix": [""], **top}}),
        _list("ListTopPlain", resource, {"Null": {"s3:prefix": ["true"]}, "StringEquals": top}),
    ]


def _list(sid: str, resource: str, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [resource]}
    return {**statement, "Condition": condition} if condition else statement


def same_policy(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two documents allow the same: stores give lists of one as text, and lists in another order."""
    return bool(_normal(one) == _normal(other))


def _normal(document: Any) -> Any:
    if not isinstance(document, Mapping):
        return document
    statements = document.get("Statement") or []
    every = [statements] if isinstance(statements, Mapping) else statements
    return sorted((_plain({key: value for key, value in each.items() if key != "Sid"}) for each in every), key=repr)


def _plain(value: Any) -> Any:
    """Lists sorted, a single text as a list of one, mappings in the order of their keys."""
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return sorted(map(str, value))
    return [str(value)]
