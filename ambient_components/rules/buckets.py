"""Rules for buckets: names, addresses of stores, drivers, tags, and the policy of access keys.

The rules for names combine S3's and MinIO's, so that data can move between stores. Sources: Amazon's "General purpose
bucket naming rules"; MinIO's ``IsValidBucketName`` and its reserved names.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from ambient_components.rules.findings import Finding, Verdict, in_program, spell
from ambient_components.rules.secret_patterns import looks_like_credential
from ambient_components.rules.workspaces import BucketState


class BucketDriver(StrEnum):
    """What creates a bucket and its credentials."""

    S3 = "s3"
    """This tool, in the stack's object store, with the S3 API and one of two APIs for credentials."""

    AWS = "aws"
    """pulumi-aws, for AWS and stores with the same APIs."""

    EXISTING = "existing"
    """Others: the bucket and its access key exist already."""


class OnDelete(StrEnum):
    """What happens to a bucket when it leaves the stack together with its workspace."""

    KEEP = "keep"
    """The bucket and its content stay."""

    DELETE = "delete"
    """The bucket is deleted if it is empty."""


class Encryption(StrEnum):
    """Encryption of a bucket's content by the store; S3's names."""

    AES256 = "AES256"
    """Keys of the store itself."""

    KMS = "aws:kms"
    """A key of a key management service."""


TAGS_MAX: Final = 49
"""Maximum number of declared tags: S3 allows 50, and one is this tool's ownership annotation."""

TAG_KEY_MAX: Final = 128
"""Characters of a tag's key: S3's limit."""

TAG_VALUE_MAX: Final = 256
"""Characters of a tag's value: S3's limit."""

_OWN: Final = frozenset(
    {
        "versioning",
        "expireAfter",
        "tags",
        "objectLock",
        "encryption",
        "adopt",
        "protect",
        "state",
        "onDelete",
        "force",
    }
)
"""Fields of the stack file that need a bucket of the workspace's own."""

CREDENTIALS: Final = ("accessKey", "secretKey")
"""Fields that only an existing bucket has, and needs."""

_TAG_CHARACTERS: Final = "allowed: letters, digits, spaces and + - = . _ : / @"
_PUBLIC: Final = ("remove it: tags are for all to read", "revoke the credential")
# `\w` matches letters and digits of every script, and the underscore.
_TAG: Final = re.compile(r"[\w +\-=.:/@]*")

BUCKET_NAME_MIN: Final = 3
BUCKET_NAME_MAX: Final = 63
BUCKET_NAME_PATTERN: Final = r"[a-z0-9]([-a-z0-9]|\.(?![-.])|-(?!\.)){1,61}[a-z0-9]"
"""Pattern of a name, for editors; `bucket_name_problem` has the complete rule."""

RESERVED_TAGS: Final = ("ambient-components/", "aws:")
"""Reserved prefixes of tag keys: this tool's and AWS's."""

EXPIRY_RULE: Final = "ambient-components-expire"
"""ID of this tool's lifecycle rule; all other rules of a bucket belong to others."""

ABORT_DAYS: Final = 7
"""Days after which that rule deletes the parts of an incomplete upload."""

_NAMES_ALLOWED: Final = (
    f"allowed: {BUCKET_NAME_MIN}-{BUCKET_NAME_MAX} of a-z 0-9 - and single dots, a letter or digit at both ends, such "
    "as payments-sessions"
)
_CHARACTERS = re.compile(r"[a-z0-9][-.a-z0-9]*[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")
_RESERVED = ("minio",)

_VERSION: Final = "2012-10-17"
_RIGHTS: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject")
"""Without AbortMultipartUpload, a client could not remove the parts of its failed upload."""


def field_problem(field: str, driver: str, *, shared: bool) -> Verdict:
    if driver == BucketDriver.EXISTING:
        if field not in {*_OWN, "shared", "credentials"}:
            return None
        return "is for what this tool makes, and the driver is existing", "remove it, or write driver: s3 or aws"
    if field in CREDENTIALS:
        return (
            f"is for driver: existing, and the driver is {driver}",
            ("remove it: credentials are made for the workspace", "or write driver: existing"),
        )
    if shared and field in _OWN:
        return "is for a bucket of the workspace's own, and this one is shared", "remove it, or remove shared: true"
    return None


def credential_missing(field: str) -> Finding:
    """Return the finding for an existing bucket without credentials."""
    remedy = "add it" if in_program() else "add it, such as {config: NAME}"
    return Finding((field,), "is missing: the driver is existing, and no credentials are made", remedy)


def adopt_with_aws() -> Finding:
    """Return the finding for `adopt` with driver aws.

    The engine imports only a resource that equals the program exactly, and the bucket has no ownership annotation yet.
    """
    return Finding(
        ("adopt",),
        "is true, and with driver aws nothing is taken over",
        ("write driver: s3, which does that", "or import the bucket by pulumi import"),
    )


def fitting_findings(given: Mapping[str, Any]) -> Iterator[Finding]:
    """Find settings that conflict with each other."""
    deletes = given.get("onDelete") == OnDelete.DELETE
    if given.get("force") and not deletes:
        problem = "has no meaning: the bucket is kept when it leaves"
        yield Finding(("force",), problem, ("remove it", f"allowed: beside {spell('on_delete')}: delete"))
    if deletes and given.get("state") == BucketState.RELEASED:
        problem = "is delete, and the bucket is released: it will not be this tool's to delete"
        yield Finding(("onDelete",), problem, "remove one of the two", ("state",))
    if given.get("objectLock") and given.get("versioning") is False:
        problem = f"is false, and {spell('object_lock')} is true: a store locks versions"
        yield Finding(("versioning",), problem, "remove one of the two", ("objectLock",))


def tag_findings(tags: Mapping[str, Any]) -> Iterator[Finding]:
    """Find violations of S3's rules for tags. A value is never quoted, because users put secrets into tags."""
    if len(tags) > TAGS_MAX:
        yield Finding((), f"has {len(tags)} tags", f"allowed: up to {TAGS_MAX}: S3 takes 50, and one is this tool's")
    for key, value in tags.items():
        reserved = next((start for start in RESERVED_TAGS if key.lower().startswith(start)), None)
        if reserved is not None:
            remedy = "remove it, or use a name of your own"
            yield Finding((key,), f"begins with {reserved!r}, which is reserved", remedy, at_key=True)
        elif not 1 <= len(key) <= TAG_KEY_MAX or not _TAG.fullmatch(key):
            remedy = f"{_TAG_CHARACTERS}, 1-{TAG_KEY_MAX} of them"
            yield Finding((key,), "can't be the name of a tag", remedy, at_key=True)
        elif looks_like_credential(key):
            yield Finding((key,), "looks like a credential", _PUBLIC, at_key=True)
        if not isinstance(value, str):
            yield Finding((key,), "text is expected", "")
        elif looks_like_credential(value):
            yield Finding((key,), "looks like a credential", _PUBLIC)
        elif len(value) > TAG_VALUE_MAX or not _TAG.fullmatch(value):
            yield Finding((key,), "can't be the value of a tag", f"{_TAG_CHARACTERS}, up to {TAG_VALUE_MAX} of them")


def bucket_name_problem(name: str) -> tuple[str, str] | None:
    if not BUCKET_NAME_MIN <= len(name) <= BUCKET_NAME_MAX or not _CHARACTERS.fullmatch(name):
        return "is not a name for a bucket", _NAMES_ALLOWED
    if ".." in name or ".-" in name or "-." in name:
        return "has a dot beside a dot or a dash", _NAMES_ALLOWED
    if _is_address(name):
        return "is an IP address, and no store takes that for a bucket", _NAMES_ALLOWED
    for prefix in _RESERVED_PREFIXES:
        if name.startswith(prefix):
            return f"begins with {prefix!r}, which S3 keeps for itself", "choose another name"
    for suffix in _RESERVED_SUFFIXES:
        if name.endswith(suffix):
            return f"ends with {suffix!r}, which S3 keeps for itself", "choose another name"
    if name in _RESERVED:
        return "is a name that MinIO keeps for itself", "choose another name"
    return None


def endpoint_problem(url: str) -> tuple[str, str] | None:
    """Return problem and remedy if a URL cannot be the address of a store; None otherwise. Never quotes the URL."""
    allowed = "allowed: https://HOST or http://HOST, with :PORT if it needs one, and nothing behind it"
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return "is not an address", allowed
    if parts.scheme not in ("http", "https"):
        return "has no scheme that a store is reached by", allowed
    if parts.username or parts.password:
        return "has credentials in it", "give them by accessKey and secretKey, and revoke these if they were committed"
    if not parts.hostname or not port_fits or re.search(r"\s", url):
        return "is not an address", allowed
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "has something behind its host", f"{allowed}: the bucket has a field of its own"
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def workspace_prefix(namespace: str) -> str:
    """Return the prefix of a workspace's sessions; the slash keeps `pay` from matching `payments`."""
    return f"{namespace}/"


def access_policy(bucket: str, prefix: str = "") -> dict[str, Any]:
    """Return an IAM policy document with least privilege: the bucket, or the prefix in a shared one, and nothing else.

    What a session does (contract 4; the platform's ``hydrate.sh`` and ``sync.sh``, tested with the rclone of their
    image, 1.68.2, on a real store): the init container lists the top of the bucket with a delimiter, and ends the
    session if that is refused. Then objects under NAMESPACE/SESSION/ are listed, read, written and deleted. One refused
    request has no effect: before it writes ``metadata.json``, which nothing reads, rclone tries to create the bucket.

    Args:
        prefix: The workspace's prefix in a shared bucket, with a slash at its end. Outside of it only the names at the
            top can be listed, which the init container does.
    """
    resource = f"arn:aws:s3:::{bucket}"
    listing = _list_prefix(resource, prefix) if prefix else [_list("List", resource)]
    objects = {
        "Sid": "Objects",
        "Effect": "Allow",
        "Action": list(_RIGHTS),
        "Resource": [f"{resource}/{prefix}*"],
    }
    return {"Version": _VERSION, "Statement": [*listing, objects]}


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


def same_policy(policy: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Return whether two documents are equivalent.

    Stores return one-element lists as strings, reorder lists, and MinIO returns the texts of a `Null` as booleans.
    """
    return bool(_normal(policy) == _normal(other))


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
