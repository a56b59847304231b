"""Storage of the stack file: the bucket that keeps a workspace's sessions, and how long its access keys live.

What a bucket may say depends on whose it is; `spec.storage_checks` knows.
"""

from collections.abc import Collection

from pydantic import Field
from pydantic.config import JsonDict

from ambient_components.durations import DAY
from ambient_components.rules.bucket_names import RESERVED_TAGS
from ambient_components.rules.buckets import TAG_KEY_MAX, TAG_VALUE_MAX, BucketDriver, OnDelete
from ambient_components.rules.lifetimes import Policy
from ambient_components.rules.renewals import ACCESS_KEY_LIFE
from ambient_components.rules.states import BucketState
from ambient_components.spec.base import Model
from ambient_components.spec.rotation import RotateName, is_manual, renewal
from ambient_components.spec.sources import Source
from ambient_components.spec.storage_types import (
    AccessKeyLifetime,
    AccessKeyOverlap,
    Age,
    BucketName,
    BucketStateName,
    DriverName,
    EncryptionName,
    Endpoint,
    OnDeleteName,
)
from ambient_components.spec.types import Duration, Flag, Generation, Text

_TAGS: JsonDict = {
    "propertyNames": {
        "pattern": f"^(?!{'|'.join(RESERVED_TAGS)})",
        "minLength": 1,
        "maxLength": TAG_KEY_MAX,
    },
    "additionalProperties": {"type": "string", "maxLength": TAG_VALUE_MAX},
}


class BucketCredentials(Model):
    """The access key that sessions use the bucket with, made for this workspace alone and renewed before it ends."""

    lifetime: AccessKeyLifetime = ACCESS_KEY_LIFE.default
    """How long an access key is valid, from 1d to 1y, or never to let it have no end; 90d if left out."""

    rotate_before: Duration | None = None
    """How long before its end an access key is renewed, by the first run from then on; 14d, or a quarter of a shorter
    life, if left out."""

    overlap: AccessKeyOverlap | None = None
    """How long the access key before lives on after a renewal, for sessions that run; at least 1h. Half of rotateBefore
    if left out."""

    rotate: RotateName | None = None
    """auto; manual: never renewed, only by another generation. auto if left out, manual for what has no end."""

    generation: Generation = 1
    """Number of the store's user; a new number makes a new user with a new access key. 1 if left out."""

    @property
    def manual(self) -> bool:
        """Whether nobody renews its access key."""
        return is_manual(self)

    def policy(self, run_every: int = 0, uncut: Collection[str] = ()) -> Policy:
        """Return what is asked of its access keys. A default that their life is too short for is cut to what fits.

        Args:
            run_every: seconds between the runs that are promised; 0 for no promise.
            uncut: fields, by their names in the file, that are taken as they are.
        """
        return renewal(self, run_every, uncut)


class Bucket(Model):
    """A bucket for the sessions of one workspace, or the workspace's part of one that others use too."""

    name: BucketName
    """Name of the bucket in its store, such as payments-sessions."""

    driver: DriverName = BucketDriver.S3
    """s3: made in the stack's object store; aws: made on AWS by pulumi-aws; existing: bucket and credentials are made
    by others. s3 if left out."""

    shared: Flag = False
    """Whether the bucket is somebody else's: only credentials are made, for what is the workspace's in it. false if
    left out."""

    versioning: Flag | None = None
    """Whether the store keeps what was overwritten or deleted; left as it is if left out."""

    expire_after: Age | None = None
    """Age at which the store deletes an object, in whole days such as 90d; no rule is made if left out."""

    tags: dict[Text, Text] = Field(default={}, json_schema_extra=_TAGS)
    """Further tags of the bucket, such as `{team: payments}`; those of this tool are reserved."""

    object_lock: Flag = False
    """Whether objects can be locked against deletion; for a bucket that is yet to be made. false if left out."""

    encryption: EncryptionName | None = None
    """AES256 or aws:kms, where the store has it; left as it is if left out."""

    adopt: Flag = False
    """Whether a bucket is taken over that exists and that nobody's mark is on; the line may stay afterwards. false if
    left out: what exists is then refused."""

    protect: Flag = True
    """Whether `pulumi destroy` refuses to delete the bucket; true if left out."""

    state: BucketStateName = BucketState.ACTIVE
    """active; released: all stays, without this tool. active if left out."""

    on_delete: OnDeleteName = OnDelete.KEEP
    """What becomes of the bucket when its closed workspace leaves this file: keep, or delete if it is empty. keep if
    left out."""

    force: Flag = False
    """Beside onDelete: delete, whether the bucket is deleted with all that is in it. false if left out."""

    endpoint: Endpoint | None = None
    """Address of the bucket's store, beside driver: existing. The stack's own store if left out."""

    access_key: Source | None = None
    """Id of the access key, beside driver: existing."""

    secret_key: Source | None = Field(default=None, json_schema_extra={"not": {"required": ["value"]}})
    """Secret of the access key, beside driver: existing; never as a plain value."""

    credentials: BucketCredentials = BucketCredentials()
    """How long access keys live, and when they are renewed; not beside driver: existing."""

    @property
    def own(self) -> bool:
        """Whether the bucket is this stack's to make, to mark and to keep: data may be lost with it."""
        return not self.shared and self.driver is not BucketDriver.EXISTING

    @property
    def expire_after_days(self) -> int | None:
        """Age at which the store deletes an object, in days; None: never."""
        return None if self.expire_after is None else self.expire_after // DAY


class Storage(Model):
    """Where the state of a workspace's sessions is kept."""

    bucket: Bucket | None = None
    """A bucket, and credentials that open nothing else; if left out, sessions use the platform's shared bucket."""
