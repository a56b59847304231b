"""A bucket and its user by pulumi-aws: for AWS itself, and for stores that have both of its APIs.

pulumi-aws is an optional extra, large, and imported here alone, by name: its types would be read by every type check.
The access keys are `S3Credentials` all the same: `aws.iam.AccessKey` can't rotate with an overlap, unless the clock is
an input and every run has a change.
"""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import pulumi

from ambient_components.components.bucket_specs import BucketArgs, Life
from ambient_components.contract import OWNER_ANNOTATION
from ambient_components.engine.names import Part, within
from ambient_components.rules.bucket_names import ABORT_DAYS, EXPIRY_RULE
from ambient_components.storage import access_policy
from ambient_components.storage.config import is_aws

_POLICY: Final = "storage"
"""Name of the user's one inline policy."""


def declare_bucket(name: str, args: BucketArgs, life: Life, parent: pulumi.Resource) -> list[pulumi.CustomResource]:
    """The bucket, first, and its settings, each of which pulumi-aws keeps in a resource of its own.

    A setting that is left out again stays as it is, as with driver s3: taking its resource away would suspend the
    versioning, and open the bucket to public policies. Only the expiry ends with its line, or stays with a bucket that
    stays.
    """
    s3 = _aws().s3
    own = within(name, Part.BUCKET)
    bucket = s3.Bucket(
        own,
        bucket=args["name"],
        tags=_tags(args["owner"], life.released, args.get("tags") or {}),
        force_destroy=True if args.get("force") else None,
        object_lock_enabled=True if args.get("objectLock") else None,
        opts=pulumi.ResourceOptions(
            parent=parent, protect=life.protected, retain_on_delete=life.kept or life.released or None
        ),
    )
    stays = pulumi.ResourceOptions(parent=parent, depends_on=[bucket], retain_on_delete=True)
    made: list[pulumi.CustomResource] = [bucket]
    if is_aws(args["endpoint"]):
        # Other stores know nothing of it, and have no public access unless somebody gives it.
        made.append(
            s3.BucketPublicAccessBlock(
                own,
                bucket=args["name"],
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
                opts=stays,
            )
        )
    if args.get("versioning") is not None:
        status = "Enabled" if args["versioning"] else "Suspended"
        made.append(
            s3.BucketVersioning(own, bucket=args["name"], versioning_configuration={"status": status}, opts=stays)
        )
    if args.get("encryption"):
        algorithm = {"sse_algorithm": args["encryption"]}
        made.append(
            s3.BucketServerSideEncryptionConfiguration(
                own,
                bucket=args["name"],
                rules=[{"apply_server_side_encryption_by_default": algorithm}],
                opts=stays,
            )
        )
    if args.get("expireAfterDays"):
        made.append(_expiry(s3, own, args, bucket, [*made], parent))
    return made


def _expiry(
    s3: Any,
    own: str,
    args: BucketArgs,
    bucket: pulumi.CustomResource,
    before: list[pulumi.Resource],
    parent: pulumi.Resource,
) -> pulumi.CustomResource:
    days = int(args["expireAfterDays"])
    rule = {
        "id": EXPIRY_RULE,
        "status": "Enabled",
        "filter": {},
        "expiration": {"days": days},
        # With versions, expiring an object only hides it.
        "noncurrent_version_expiration": {"noncurrent_days": days},
        "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_DAYS},
    }
    # It goes with its line; with a bucket that leaves it stays as that does, for which no step is needed.
    opts = pulumi.ResourceOptions(parent=parent, depends_on=before, deleted_with=bucket)
    made: pulumi.CustomResource = s3.BucketLifecycleConfiguration(own, bucket=args["name"], rules=[rule], opts=opts)
    return made


def declare_user(
    name: str, wanted: Mapping[str, Any], life: Life, parent: pulumi.Resource, before: Sequence[pulumi.Resource]
) -> list[pulumi.CustomResource]:
    """The user that the access keys are of, and its rights.

    Their logical names carry the generation, without aliases: with pulumi-aws another name of the same resource would
    rename the user in place, and its old keys would live on. See `ApiKey` for what a failed step then leaves alone.

    Args:
        name: of the Bucket.
        wanted: inputs of the S3Credentials.
        life: of the bucket.
        parent: the Bucket.
        before: the bucket and its settings: nobody gets a user for a bucket that could not be made.
    """
    iam = _aws().iam
    own = within(name, Part.CREDENTIALS_GENERATION, wanted["generation"])
    retained = life.all_released or None
    user = iam.User(
        own,
        name=wanted["user"],
        # With the keys that somebody made by hand: none outlives the user.
        force_destroy=True,
        tags=_tags(wanted["owner"], life.all_released, {}),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[*before], retain_on_delete=retained),
    )
    policy = iam.UserPolicy(
        own,
        name=_POLICY,
        user=wanted["user"],
        policy=json.dumps(access_policy(wanted["bucket"], wanted.get("prefix") or "")),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[user], retain_on_delete=retained),
    )
    return [user, policy]


def _tags(owner: str, released: bool, further: Mapping[str, str]) -> dict[str, str]:
    return {**({} if released else {OWNER_ANNOTATION: owner}), **dict(sorted(further.items()))}


def _aws() -> Any:
    return import_module("pulumi_aws")
