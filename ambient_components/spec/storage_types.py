"""The vocabulary of storage as annotated types: whose a bucket is, what it is called, how long things in it live."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, StrictStr

from ambient_components.credentials import without_credentials
from ambient_components.durations import DAY, HOUR, YEAR
from ambient_components.spec.base import choice, refuse, text_schema
from ambient_components.spec.types import DURATION_PATTERN, NEVER_WORD, lifetime_reader, read_duration
from ambient_components.storage import bucket_name_problem, endpoint_problem
from ambient_components.storage.names import BUCKET_NAME_MAX, BUCKET_NAME_MIN, BUCKET_NAME_PATTERN

ACCESS_KEY_OVERLAP_MIN: Final = HOUR
"""Seconds. A session keeps the access key that it started with, so the key before may not end with a renewal."""

EXPIRE_AFTER_MAX: Final = 100 * YEAR
"""Seconds. Whoever wants more means that nothing is deleted, which is to leave the field out."""

_OVERLAPS: Final = "allowed: durations from 1h, a whole number and a unit of s, m, h, d or y, such as 7d or 12h"
_AGES: Final = "allowed: whole days from 1d to 100y, a whole number and a unit of d or y (365 days), such as 90d"


class BucketDriver(StrEnum):
    """Who makes a bucket and its credentials."""

    S3 = "s3"
    """This tool, in the stack's object store, by S3's API and one of two for credentials."""

    AWS = "aws"
    """pulumi-aws, for AWS itself and stores that are just like it."""

    EXISTING = "existing"
    """Others: it is used by reference."""


class BucketState(StrEnum):
    """Whether this tool looks after a bucket."""

    ACTIVE = "active"
    """It does."""

    RELEASED = "released"
    """It lets go: nothing changes, but that its mark goes. The line may leave in a later run."""


class OnDelete(StrEnum):
    """What becomes of a bucket that leaves the stack with its workspace."""

    KEEP = "keep"
    """It stays, with all that is in it."""

    DELETE = "delete"
    """It is deleted, if it is empty."""


class Encryption(StrEnum):
    """How the store encrypts what lies in a bucket; S3's words."""

    AES256 = "AES256"
    """With keys of the store's own."""

    KMS = "aws:kms"
    """With a key of a key management service."""


def _driver(value: object) -> object:
    return choice(value, BucketDriver, "driver")


def _state(value: object) -> object:
    return choice(value, BucketState, "state of a bucket")


def _on_delete(value: object) -> object:
    return choice(value, OnDelete, "way to leave")


def _encryption(value: object) -> object:
    return choice(value, Encryption, "way of encryption")


def _bucket_name(value: str) -> str:
    wrong = bucket_name_problem(value)
    if wrong is not None:
        problem, remedy = wrong
        near = value.strip().lower().replace("_", "-").replace(" ", "-")
        # The nearest name of a credential would be the credential, in lower case.
        guess = near != value and bucket_name_problem(near) is None and without_credentials(value) == value
        refuse(f"{value!r} {problem}", f"{remedy}; did you mean {near!r}?" if guess else remedy)
    return value


def _endpoint(value: str) -> str:
    wrong = endpoint_problem(value)
    if wrong is not None:
        refuse(*wrong)
    return value.rstrip("/")


def _age(value: object) -> int:
    seconds = read_duration(value, _AGES)
    if seconds % DAY:
        refuse(f"{value} is not a number of whole days, which is how stores count", _AGES)
    if seconds > EXPIRE_AFTER_MAX:
        refuse(f"{value} is too long", f"{_AGES}; leave it out to keep objects for ever")
    return seconds


def _overlap(value: object) -> int:
    if value in (0, "0") and not isinstance(value, bool):
        refuse("0 would end the access key that running sessions keep from their start", _OVERLAPS)
    seconds = read_duration(value, _OVERLAPS)
    if seconds < ACCESS_KEY_OVERLAP_MIN:
        refuse(f"{value} is too short for running sessions, which keep the access key of their start", _OVERLAPS)
    return seconds


DriverName = Annotated[BucketDriver, BeforeValidator(_driver)]
"""s3, aws or existing."""

BucketStateName = Annotated[BucketState, BeforeValidator(_state)]
"""active or released."""

OnDeleteName = Annotated[OnDelete, BeforeValidator(_on_delete)]
"""keep or delete."""

EncryptionName = Annotated[Encryption, BeforeValidator(_encryption)]
"""AES256 or aws:kms."""

BucketName = Annotated[
    StrictStr,
    AfterValidator(_bucket_name),
    text_schema("name of a bucket", BUCKET_NAME_PATTERN, minLength=BUCKET_NAME_MIN, maxLength=BUCKET_NAME_MAX),
]
"""Name of a bucket, by S3's rules and MinIO's."""

Endpoint = Annotated[
    StrictStr, AfterValidator(_endpoint), text_schema("address of a store", "[Hh][Tt][Tt][Pp][Ss]?://.+")
]
"""Address of an object store, without a slash at its end once read."""

Age = Annotated[int, BeforeValidator(_age), text_schema("whole days", DURATION_PATTERN, minLength=2)]
"""Whole days, in seconds once read."""

AccessKeyLifetime = Annotated[
    int,
    BeforeValidator(lifetime_reader(DAY, YEAR)),
    text_schema("duration or never", f"{NEVER_WORD}|{DURATION_PATTERN}", minLength=2),
]
"""A duration of at least a day or never, in seconds once read."""

AccessKeyOverlap = Annotated[int, BeforeValidator(_overlap), text_schema("duration", DURATION_PATTERN, minLength=2)]
"""A duration of at least an hour, in seconds once read."""
