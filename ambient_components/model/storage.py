"""Storage in the stack file: the bucket for a workspace's sessions, and the lifetime of its access keys.

`stackfile.checks.storage` defines which fields each driver allows.
"""

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, Field, StrictStr
from pydantic.config import JsonDict

from ambient_components.model.base import Model, one_of, refuse, text_schema
from ambient_components.model.derive import record, write
from ambient_components.model.forms import DAYS, LIFETIME, SECONDS
from ambient_components.model.marks import OUTPUT, SECRET, UNPRINTED, recorded, sent
from ambient_components.model.messages import spelled
from ambient_components.model.rotation import RotateName, is_manual, renewal
from ambient_components.model.sources import SecretValue, Source
from ambient_components.model.types import (
    DURATION_PATTERN,
    NEVER_WORD,
    Duration,
    Flag,
    Generation,
    Owner,
    StateName,
    Text,
    as_text,
    lifetime_reader,
    read_duration,
)
from ambient_components.rules.buckets import (
    BUCKET_NAME_MAX,
    BUCKET_NAME_MIN,
    BUCKET_NAME_PATTERN,
    RESERVED_TAGS,
    TAG_KEY_MAX,
    TAG_VALUE_MAX,
    BucketDriver,
    Encryption,
    OnDelete,
    adopt_with_aws,
    bucket_name_problem,
    credential_missing,
    endpoint_problem,
    field_problem,
    fitting_findings,
    tag_findings,
)
from ambient_components.rules.durations import DAY, YEAR
from ambient_components.rules.findings import Finding, below, spell, verdict_finding
from ambient_components.rules.lifetimes import ACCESS_KEY_LIFE, Policy, policy_problem
from ambient_components.rules.secret_patterns import without_credentials
from ambient_components.rules.workspaces import BucketState, WorkspaceState

EXPIRE_AFTER_MAX: Final = 100 * YEAR
"""Maximum seconds. To keep objects longer, leave the field out."""

_OVERLAPS: Final = "allowed: durations from 1h, a whole number and a unit of s, m, h, d or y, such as 7d or 12h"
_AGES: Final = "allowed: whole days from 1d to 100y, a whole number and a unit of d or y (365 days), such as 90d"


def _bucket_name(value: str) -> str:
    wrong = bucket_name_problem(value)
    if wrong is not None:
        problem, remedy = wrong
        near = value.strip().lower().replace("_", "-").replace(" ", "-")
        # For a credential, the nearest valid name would be the credential in lower case.
        guess = near != value and bucket_name_problem(near) is None and without_credentials(value) == value
        refuse(f"{value!r} {problem}", remedy, f"did you mean {near!r}?" if guess else "")
    return value


def _like(pattern: str, problem: str, allowed: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            refuse(f"{value!r} {problem}", allowed)
        return value

    return AfterValidator(check)


def _endpoint(value: str) -> str:
    wrong = endpoint_problem(value)
    if wrong is not None:
        refuse(*wrong)
    return value.rstrip("/")


def _age(value: object) -> int:
    value = as_text(value)
    seconds = read_duration(value, _AGES)
    if seconds % DAY:
        refuse(f"{value} is not a number of whole days, which is how stores count", _AGES)
    if seconds > EXPIRE_AFTER_MAX:
        refuse(f"{value} is too long", _AGES, "leave it out to keep objects for ever")
    return seconds


def _overlap(value: object) -> int:
    if value in (0, "0") and not isinstance(value, bool):
        refuse("0 would end the access key that running sessions keep from their start", _OVERLAPS)
    value = as_text(value)
    seconds = read_duration(value, _OVERLAPS)
    if seconds < ACCESS_KEY_LIFE.least_overlap:
        refuse(f"{value} is too short for running sessions, which keep the access key of their start", _OVERLAPS)
    return seconds


DriverName = Annotated[BucketDriver, one_of(BucketDriver, "driver")]
"""s3, aws or existing."""

BucketStateName = Annotated[BucketState, one_of(BucketState, "state of a bucket")]
"""active or released."""

OnDeleteName = Annotated[OnDelete, one_of(OnDelete, "way to leave")]
"""keep or delete."""

EncryptionName = Annotated[Encryption, one_of(Encryption, "way of encryption")]
"""AES256 or aws:kms."""

BucketName = Annotated[
    StrictStr,
    AfterValidator(_bucket_name),
    text_schema("name of a bucket", BUCKET_NAME_PATTERN, minLength=BUCKET_NAME_MIN, maxLength=BUCKET_NAME_MAX),
]
"""Name of a bucket, by S3's and MinIO's rules."""

StoreUser = Annotated[
    StrictStr,
    _like(
        "[a-z0-9][-a-z0-9]{0,62}[a-z0-9]",
        "is no name for a store's user",
        "allowed: 2-64 of a-z 0-9 -, no dash at the ends",
    ),
]
"""Name of a user of the store."""

Prefix = Annotated[
    StrictStr, _like("(.*[^/]/)?", "is no prefix", "allowed: text with a slash at its end, such as payments/")
]
"""Prefix of objects in a bucket, with a slash at its end; empty for the whole bucket."""

SecretPath = Annotated[StrictStr, _like(r"[^/\s]+/[^/\s]+", "is no Secret", "allowed: NAMESPACE/SECRET")]
"""NAMESPACE/NAME of a Secret."""

Endpoint = Annotated[
    StrictStr, AfterValidator(_endpoint), text_schema("address of a store", "[Hh][Tt][Tt][Pp][Ss]?://.+")
]
"""Address of an object store; a trailing slash is removed."""

Age = Annotated[int, BeforeValidator(_age), DAYS, text_schema("whole days", DURATION_PATTERN, minLength=2)]
"""Whole days, converted to seconds."""

AccessKeyLifetime = Annotated[
    int,
    BeforeValidator(lifetime_reader(ACCESS_KEY_LIFE)),
    LIFETIME,
    text_schema("duration or never", f"{NEVER_WORD}|{DURATION_PATTERN}", minLength=2),
]
"""A duration of at least a day or never, converted to seconds."""

AccessKeyOverlap = Annotated[
    int, BeforeValidator(_overlap), SECONDS, text_schema("duration", DURATION_PATTERN, minLength=2)
]
"""A duration of at least an hour, converted to seconds."""

_TAGS: JsonDict = {
    "propertyNames": {
        "pattern": f"^(?!{'|'.join(RESERVED_TAGS)})",
        "minLength": 1,
        "maxLength": TAG_KEY_MAX,
    },
    "additionalProperties": {"type": "string", "maxLength": TAG_VALUE_MAX},
}


class BucketCredentials(Model):
    """The access key of sessions for the bucket, created for this workspace and renewed before it expires."""

    example: ClassVar[str] = "{lifetime: 90d}"

    lifetime: Annotated[AccessKeyLifetime, sent("credentials", unknown=0)] = ACCESS_KEY_LIFE.default
    """Lifetime of an access key, from 1d to 1y, or never for no expiry. Default: 90d."""

    rotate_before: Annotated[Duration | None, sent("credentials")] = None
    """Renewal window: the first run within this time before expiry renews the access key. Default: 14d, or a quarter of
    a shorter lifetime.
    """

    overlap: Annotated[AccessKeyOverlap | None, sent("credentials")] = None
    """How long the old access key stays valid after a renewal, for running sessions; at least 1h. Default: half of
    rotateBefore.
    """

    rotate: Annotated[RotateName | None, sent("credentials")] = None
    """auto; manual: only a new generation creates another access key. Default: auto; manual for keys without expiry."""

    generation: Generation = 1
    """Number of the store's user; a new number creates a new user with a new access key. Default: 1."""

    @property
    def manual(self) -> bool:
        return is_manual(self.lifetime, self.rotate)

    def policy(self, run_every: int = 0, uncut: Collection[str] = ()) -> Policy:
        times = self.lifetime, self.rotate_before, self.overlap
        return renewal(*times, run_every, uncut, manual=self.manual)


class Bucket(Model):
    """A bucket for the sessions of one workspace, or the workspace's prefix in a shared one."""

    example: ClassVar[str] = "{name: payments-sessions}"

    name: Annotated[BucketName, recorded(required=True, unknown="")]
    """Name of the bucket, such as payments-sessions."""

    driver: Annotated[DriverName, recorded(required=True, unknown="")] = BucketDriver.S3
    """s3: created in the stack's object store; aws: created on AWS by pulumi-aws; existing: bucket and credentials
    exist already. Default: s3.
    """

    shared: Annotated[Flag, recorded()] = False
    """Whether the bucket belongs to others: only credentials for the workspace's prefix are created. Default: false."""

    versioning: Annotated[Flag | None, recorded(), sent("bucket")] = None
    """Whether the store keeps overwritten and deleted objects. Default: not changed."""

    expire_after: Annotated[Age | None, recorded(), sent("bucket")] = None
    """Age at which the store deletes an object, in whole days such as 90d. Default: no rule is created."""

    tags: Annotated[dict[Text, Text], sent("bucket")] = Field(default={}, json_schema_extra=_TAGS)
    """Further tags of the bucket, such as `{team: payments}`; this tool's tags are reserved."""

    object_lock: Annotated[Flag, recorded(), sent("bucket")] = False
    """Whether objects can be locked against deletion; only for new buckets. Default: false."""

    encryption: Annotated[EncryptionName | None, sent("bucket")] = None
    """AES256 or aws:kms, if the store supports it. Default: not changed."""

    adopt: Annotated[Flag, recorded(), sent("bucket")] = False
    """Whether to adopt an existing bucket without an ownership annotation; may stay set afterwards. Default: false,
    which refuses an existing bucket.
    """

    protect: Flag = True
    """Whether `pulumi destroy` refuses to delete the bucket. Default: true."""

    state: Annotated[BucketStateName, recorded()] = BucketState.ACTIVE
    """active; released: everything stays, but this tool no longer manages it. Default: active."""

    on_delete: Annotated[OnDeleteName, recorded(), sent("bucket")] = OnDelete.KEEP
    """What happens to the bucket when its closed workspace is removed from this file: keep, or delete if it is empty.
    Default: keep.
    """

    force: Annotated[Flag, recorded(), sent("bucket")] = False
    """With onDelete: delete, whether a bucket with objects is deleted too. Default: false."""

    endpoint: Endpoint | None = None
    """Address of the bucket's store, with driver: existing. Default: the stack's own store."""

    access_key: Source | None = None
    """Id of the access key, with driver: existing."""

    secret_key: Source | None = Field(default=None, json_schema_extra={"not": {"required": ["value"]}})
    """Secret of the access key, with driver: existing; never a plain value."""

    credentials: BucketCredentials = BucketCredentials.as_default()
    """Lifetime and renewal of access keys; not with driver: existing."""

    @property
    def is_own(self) -> bool:
        """Whether it is neither shared nor created by others."""
        return not self.shared and self.driver is not BucketDriver.EXISTING

    @property
    def expire_after_days(self) -> int | None:
        """Age in days at which the store deletes an object; None for never."""
        return None if self.expire_after is None else self.expire_after // DAY

    def driver_findings(self) -> Iterator[Finding]:
        """Find fields that the driver does not allow or a shared bucket cannot have."""
        for name, field in Bucket.model_fields.items():
            if name in self.model_fields_set:
                problem = field_problem(field.alias or name, self.driver, shared=self.shared)
                yield from verdict_finding((spell(name),), problem, at_key=True)

    def setting_findings(self) -> Iterator[Finding]:
        """Find settings of an own bucket that conflict with each other."""
        if self.is_own:
            yield from spelled(fitting_findings(self.model_dump(by_alias=True, warnings=False)), Bucket)
            yield from below(("tags",), tag_findings(self.tags))


class BucketValues(Bucket):
    """A bucket for the sessions of one workspace, or the workspace's prefix in a shared one."""

    access_key: Annotated[SecretValue | None, OUTPUT, UNPRINTED] = None  # type: ignore[assignment]
    """Id of the access key, with driver: existing."""

    secret_key: Annotated[SecretValue | None, OUTPUT, SECRET] = None  # type: ignore[assignment]
    """Secret of the access key, with driver: existing."""


class SeparateBucket(BucketValues):
    """A bucket with its store and its owner, as a component declares it."""

    endpoint: Endpoint
    """Address of the store for sessions."""

    owner: Owner
    """Owner, PROJECT/FLEET, recorded in a tag."""

    workspace: Text | None = None
    """Namespace of the workspace that uses the bucket; required by shared. Default: none; then the credentials give
    access to the whole bucket, for any program that reads its variables.
    """

    workspace_state: StateName = WorkspaceState.ACTIVE
    """State of the workspace. closed: the bucket stays unprotected, without credentials; released: everything stays and
    leaves this stack.
    """

    used_in: Text | None = None
    """NAMESPACE/SECRET; the key in its S3_ACCESS_KEY is in use and is not revoked while it is there."""

    run_every: Duration | None = None
    """Guaranteed interval of runs. Default: none."""

    def findings(self) -> Iterator[Finding]:
        """Find all problems of several fields; the bucket of a closed workspace needs no keys."""
        if self.endpoint is None:
            yield Finding(("endpoint",), "is missing", "add the address of the store, for sessions")
        yield from self.driver_findings()
        if self.driver is BucketDriver.EXISTING:
            # With half a pair, the platform would silently lose the state of every session (contract 4).
            keys = {"accessKey": self.access_key, "secretKey": self.secret_key} if self.is_open else {}
            yield from spelled((credential_missing(field) for field, key in keys.items() if key in (None, "")), Bucket)
            return
        if self.shared and not self.workspace:
            remedy = "add workspace: the credentials are for its part of the bucket"
            yield Finding(("shared",), "needs a workspace", remedy)
        yield from self.setting_findings()
        if self.driver is BucketDriver.AWS and self.adopt:
            yield adopt_with_aws()
        given = self.credentials.given("rotate_before", "overlap")
        policy = self.credentials.policy(self.run_every or 0, given)
        yield from verdict_finding(("credentials",), policy_problem(policy, ACCESS_KEY_LIFE))

    @property
    def is_protected(self) -> bool:
        states = (self.workspace_state, self.state)
        return self.protect and states == (WorkspaceState.ACTIVE, BucketState.ACTIVE)

    @property
    def is_released(self) -> bool:
        """Whether the bucket leaves this stack unchanged, without the ownership annotation."""
        return self.is_all_released or self.state is BucketState.RELEASED

    @property
    def is_all_released(self) -> bool:
        """Whether its credentials are released too, with the whole workspace."""
        return self.workspace_state is WorkspaceState.RELEASED

    @property
    def is_open(self) -> bool:
        return self.workspace_state is not WorkspaceState.CLOSED

    @property
    def is_kept(self) -> bool:
        """Whether it stays in the store when it leaves the program."""
        return self.on_delete is not OnDelete.DELETE

    @property
    def access_key_terms(self) -> dict[str, Any]:
        """Lifetime and renewal of its access keys, as inputs of S3Credentials."""
        policy = self.credentials.policy(self.run_every or 0)
        given = self.credentials.given("rotate_before", "overlap")
        cut = {"rotate_before": policy.rotate_before} if "rotateBefore" in given else {}
        cut |= {"overlap": policy.overlap} if "overlap" in given else {}
        promised = {"runEverySeconds": self.run_every} if self.run_every else {}
        return {**write(self.credentials.model_copy(update=cut), "credentials"), **promised}


class BucketRecord(Bucket):
    """A workspace's bucket in the ledger, with the lifetime of its access keys."""

    endpoint: Annotated[Text | None, recorded()] = None
    """Address of its store for sessions."""

    store: Annotated[Text | None, recorded()] = None
    """Address of its store for runs, if it differs."""

    generation: Annotated[Generation | None, recorded()] = None
    """Generation of its credentials; None if the workspace is closed or the driver creates none."""

    lifetime: Annotated[AccessKeyLifetime | None, recorded()] = None
    """Lifetime of an access key."""

    @classmethod
    def of(cls, bucket: Bucket, *, endpoint: str, store: str | None, has_credentials: bool) -> "BucketRecord":
        keys = bucket.credentials
        credentials = {"generation": keys.generation, "lifetime": keys.lifetime} if has_credentials else {}
        return record(cls, bucket, endpoint=endpoint, store=store, **credentials)

    @property
    def is_released(self) -> bool:
        return self.state == BucketState.RELEASED

    @property
    def is_managed(self) -> bool:
        """Whether this stack manages its data: a released bucket belongs to others."""
        return self.is_own and not self.is_released

    def is_same(self, other: "BucketRecord | None") -> bool:
        """Return whether both are the same bucket. The store's address is ignored, because it can change."""
        return other is not None and (self.name, self.driver) == (other.name, other.driver)


class Storage(Model):
    """Storage of a workspace's session state."""

    example: ClassVar[str] = "{bucket: {name: payments-sessions}}"

    bucket: Bucket | None = None
    """A bucket with its own credentials. Default: the platform's shared bucket."""


class StorageValues(Storage):
    """Storage of a workspace's session state."""

    bucket: BucketValues | None = None
    """A bucket with its own credentials. Default: the platform's shared bucket."""
