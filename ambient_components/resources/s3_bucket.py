"""The resource for a bucket in the stack's object store."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import types


class S3BucketArgs(TypedDict):
    """Name and settings of a bucket. Settings that are left out keep their value in the store."""

    bucket: pulumi.Input[str]
    """Name of the bucket; another name is another bucket."""

    owner: pulumi.Input[str]
    """Owner, PROJECT/FLEET, recorded in a tag; a bucket of another owner is never changed."""

    namespace: NotRequired[pulumi.Input[str]]
    """Workspace of the bucket: an annotation on its Namespace records the creation, so that a bucket from an
    interrupted run can be distinguished from a foreign one.
    """

    versioning: NotRequired[pulumi.Input[bool]]
    """Whether versioning is enabled or suspended."""

    expireAfterDays: NotRequired[pulumi.Input[int]]
    """Age in days at which the store deletes objects."""

    tags: NotRequired[pulumi.Input[Mapping[str, str]]]
    """Declared tags; other tags stay."""

    objectLock: NotRequired[pulumi.Input[bool]]
    """Object lock; can only be set at creation."""

    encryption: NotRequired[pulumi.Input[str]]
    """AES256 or aws:kms."""

    adopt: NotRequired[pulumi.Input[bool]]
    """Whether to adopt an existing bucket without an ownership annotation."""

    onDelete: NotRequired[pulumi.Input[str]]
    """keep (default): the ownership annotation is removed, and the bucket stays; delete: an empty bucket is deleted."""

    force: NotRequired[pulumi.Input[bool]]
    """With ``onDelete: delete``: delete the bucket with all objects and versions."""

    released: NotRequired[bool]
    """Whether the bucket is being released: the ownership annotation is removed, and nothing else is written."""


class S3Bucket(pulumi.CustomResource):
    """A bucket with an ownership annotation. By default, deleting the resource keeps the bucket."""

    bucket: pulumi.Output[str]
    """Name of the bucket."""

    drift: pulumi.Output[dict[str, str]]
    """Drift of the ownership annotation as found by a refresh: ``owner``, removed or changed. Other drift is in the
    inputs.
    """

    def __init__(self, name: str, args: S3BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.S3_BUCKET, name, {"drift": None, **args}, opts)
