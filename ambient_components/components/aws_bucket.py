"""A bucket and its user with pulumi-aws, for AWS and for stores with the same APIs.

pulumi-aws is a large optional extra. Only this module imports it, by name, because type checkers would read all its
types. The access keys still are `S3Credentials`: `aws.iam.AccessKey` cannot rotate with an overlap unless the time is
an input, which would change in every run.
"""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import pulumi

from ambient_components.engine.names import Part, within
from ambient_components.model.storage import SeparateBucket
from ambient_components.platform.contract import OWNER_ANNOTATION
from ambient_components.rules.buckets import ABORT_DAYS, EXPIRY_RULE, access_policy
from ambient_components.rules.object_store import is_aws

_POLICY: Final = "storage"
"""Name of the user's only inline policy."""


def declare_bucket(
    name: str, declared: SeparateBucket, parent: pulumi.Resource, *, retain: bool | None = None
) -> list[pulumi.CustomResource]:
    """Declare the bucket, then each of its settings as a pulumi-aws resource.

    A setting that is no longer declared stays, as with driver s3: deleting its resource would suspend versioning, and
    allow public policies. Only the expiry is removed with its declaration; it stays if the bucket itself leaves the
    program and is kept.
    """
    s3 = _aws().s3
    own = within(name, Part.BUCKET)
    bucket = s3.Bucket(
        own,
        bucket=declared.name,
        tags=_tags(declared.owner, declared.is_released, declared.tags),
        force_destroy=declared.force or None,
        object_lock_enabled=declared.object_lock or None,
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=declared.is_protected,
            retain_on_delete=declared.is_kept or declared.is_released or retain or None,
        ),
    )
    stays = pulumi.ResourceOptions(parent=parent, depends_on=[bucket], retain_on_delete=True)
    made: list[pulumi.CustomResource] = [bucket]
    if is_aws(declared.endpoint):
        # Other stores do not implement it, and have no public access by default.
        made.append(
            s3.BucketPublicAccessBlock(
                own,
                bucket=declared.name,
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
                opts=stays,
            )
        )
    if declared.versioning is not None:
        status = "Enabled" if declared.versioning else "Suspended"
        made.append(
            s3.BucketVersioning(own, bucket=declared.name, versioning_configuration={"status": status}, opts=stays)
        )
    if declared.encryption is not None:
        algorithm = {"sse_algorithm": declared.encryption.value}
        made.append(
            s3.BucketServerSideEncryptionConfiguration(
                own,
                bucket=declared.name,
                rules=[{"apply_server_side_encryption_by_default": algorithm}],
                opts=stays,
            )
        )
    if declared.expire_after_days is not None:
        made.append(_expiry(s3, own, declared.name, declared.expire_after_days, bucket, [*made], parent))
    return made


def _expiry(
    s3: Any,
    own: str,
    name: str,
    days: int,
    bucket: pulumi.CustomResource,
    before: list[pulumi.Resource],
    parent: pulumi.Resource,
) -> pulumi.CustomResource:
    rule = {
        "id": EXPIRY_RULE,
        "status": "Enabled",
        "filter": {},
        "expiration": {"days": days},
        # With versioning, expiry only hides an object.
        "noncurrent_version_expiration": {"noncurrent_days": days},
        "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_DAYS},
    }
    # Deleted with its declaration, but kept with a bucket that leaves the program, which takes no step.
    opts = pulumi.ResourceOptions(parent=parent, depends_on=before, deleted_with=bucket)
    made: pulumi.CustomResource = s3.BucketLifecycleConfiguration(own, bucket=name, rules=[rule], opts=opts)
    return made


def declare_user(
    name: str, desired: Mapping[str, Any], parent: pulumi.Resource, before: Sequence[pulumi.Resource]
) -> list[pulumi.CustomResource]:
    """Declare the user of the access keys and its policy.

    Logical names contain the generation and have no aliases: with an alias, pulumi-aws would rename the user in place,
    and its old keys would stay valid. `ApiKey` explains what a failed step leaves unchanged.
    If what is `before` fails, the bucket or its settings, no user is created.
    """
    iam = _aws().iam
    own = within(name, Part.CREDENTIALS_GENERATION, desired["generation"])
    retained = desired.get("released")
    user = iam.User(
        own,
        name=desired["user"],
        # Also deletes keys that were created by hand.
        force_destroy=True,
        tags=_tags(desired["owner"], bool(retained), {}),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[*before], retain_on_delete=retained),
    )
    policy = iam.UserPolicy(
        own,
        name=_POLICY,
        user=desired["user"],
        policy=json.dumps(access_policy(desired["bucket"], desired.get("prefix") or "")),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[user], retain_on_delete=retained),
    )
    return [user, policy]


def _tags(owner: str, released: bool, further: Mapping[str, str]) -> dict[str, str]:
    return {**({} if released else {OWNER_ANNOTATION: owner}), **dict(sorted(further.items()))}


def _aws() -> Any:
    return import_module("pulumi_aws")
