"""Rules for buckets: drivers, lifecycle, and the arguments that each driver allows."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from ambient_components.rules.bucket_names import RESERVED_TAGS
from ambient_components.rules.findings import Finding, Verdict
from ambient_components.rules.secret_patterns import looks_like_credential
from ambient_components.rules.spelling import in_python, spell
from ambient_components.rules.states import BucketState


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


def field_problem(field: str, driver: str, *, shared: bool) -> Verdict:
    """Return problem and remedy if this driver does not allow a field; None otherwise."""
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
    remedy = "add it" if in_python() else "add it, such as {config: NAME}"
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
