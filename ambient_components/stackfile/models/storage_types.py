"""Annotated types for storage: drivers, names, ages and lifetimes."""

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, StrictStr

from ambient_components.rules.bucket_names import (
    BUCKET_NAME_MAX,
    BUCKET_NAME_MIN,
    BUCKET_NAME_PATTERN,
    bucket_name_problem,
    endpoint_problem,
)
from ambient_components.rules.buckets import BucketDriver, Encryption, OnDelete
from ambient_components.rules.durations import DAY, YEAR
from ambient_components.rules.renewals import ACCESS_KEY_LIFE
from ambient_components.rules.secret_patterns import without_credentials
from ambient_components.rules.states import BucketState
from ambient_components.stackfile.models.base import choice, refuse, text_schema
from ambient_components.stackfile.models.types import DURATION_PATTERN, NEVER_WORD, lifetime_reader, read_duration

EXPIRE_AFTER_MAX: Final = 100 * YEAR
"""Maximum seconds. To keep objects longer, leave the field out."""

_OVERLAPS: Final = "allowed: durations from 1h, a whole number and a unit of s, m, h, d or y, such as 7d or 12h"
_AGES: Final = "allowed: whole days from 1d to 100y, a whole number and a unit of d or y (365 days), such as 90d"


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
        # For a credential, the nearest valid name would be the credential in lower case.
        guess = near != value and bucket_name_problem(near) is None and without_credentials(value) == value
        refuse(f"{value!r} {problem}", remedy, f"did you mean {near!r}?" if guess else "")
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
        refuse(f"{value} is too long", _AGES, "leave it out to keep objects for ever")
    return seconds


def _overlap(value: object) -> int:
    if value in (0, "0") and not isinstance(value, bool):
        refuse("0 would end the access key that running sessions keep from their start", _OVERLAPS)
    seconds = read_duration(value, _OVERLAPS)
    if seconds < ACCESS_KEY_LIFE.least_overlap:
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
"""Name of a bucket, by S3's and MinIO's rules."""

Endpoint = Annotated[
    StrictStr, AfterValidator(_endpoint), text_schema("address of a store", "[Hh][Tt][Tt][Pp][Ss]?://.+")
]
"""Address of an object store; a trailing slash is removed."""

Age = Annotated[int, BeforeValidator(_age), text_schema("whole days", DURATION_PATTERN, minLength=2)]
"""Whole days, converted to seconds."""

AccessKeyLifetime = Annotated[
    int,
    BeforeValidator(lifetime_reader(ACCESS_KEY_LIFE)),
    text_schema("duration or never", f"{NEVER_WORD}|{DURATION_PATTERN}", minLength=2),
]
"""A duration of at least a day or never, converted to seconds."""

AccessKeyOverlap = Annotated[int, BeforeValidator(_overlap), text_schema("duration", DURATION_PATTERN, minLength=2)]
"""A duration of at least an hour, converted to seconds."""
