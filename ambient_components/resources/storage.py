"""Resources in the stack's object store: buckets, and the access keys of their users."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from ambient_components.engine import urns
from ambient_components.resources.attributes import RenewalArgs, RotatingCredential, SnakeCaseAttributes


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


class S3Bucket(SnakeCaseAttributes, pulumi.CustomResource):
    """A bucket with an ownership annotation. By default, deleting the resource keeps the bucket."""

    bucket: pulumi.Output[str]
    """Name of the bucket."""

    drift: pulumi.Output[dict[str, str]]
    """Drift of the ownership annotation as found by a refresh: ``owner``, removed or changed. Other drift is in the
    inputs.
    """

    def __init__(self, name: str, args: S3BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.S3_BUCKET, name, {**self.outputs(), **args}, opts)


class S3CredentialsArgs(RenewalArgs):
    """User, bucket and lifetime of the access keys. Times are in seconds."""

    user: pulumi.Input[str]
    """Name of the store's user; another name is another user with its own keys."""

    bucket: pulumi.Input[str]
    """The only bucket that the keys give access to."""

    owner: pulumi.Input[str]
    """Owner, PROJECT/FLEET; a user of another owner is never changed."""

    prefix: NotRequired[pulumi.Input[str]]
    """Prefix that the keys give access to, with a slash at its end. Default: the whole bucket."""

    generation: NotRequired[pulumi.Input[int]]
    """Generation of the user, from 1 (the default)."""

    usedIn: NotRequired[pulumi.Input[str]]  # noqa: N815  # Pulumi's own spelling of inputs
    """NAMESPACE/SECRET; the key in its S3_ACCESS_KEY is in use and is not revoked while it is there."""

    keysOnly: NotRequired[bool]  # noqa: N815  # Pulumi's own spelling of inputs
    """Whether another tool, such as pulumi-aws, creates the user and its policy."""

    incomplete: NotRequired[pulumi.Input[bool | None]]
    """True if the user or its policy failed in this run: the step then fails without changes."""

    released: NotRequired[bool]
    """Whether the workspace is being released: no key is created or revoked, and the ownership annotation is removed.
    """


class S3Credentials(RotatingCredential):
    """The access keys of one user over their rotations; the newest is `access_key` with `secret_key`."""

    access_key: pulumi.Output[str] = pulumi.property("accessKey")
    """Id of the newest key; not a secret."""

    secret_key: pulumi.Output[str] = pulumi.property("secretKey")
    """Secret of the newest key."""

    foreign: pulumi.Output[list[str]]
    """Ids of keys that were created by hand for this user; they are reported and never changed."""

    drift: pulumi.Output[dict[str, str]]
    """Drift as found by a refresh, by part: user, owner, policy, policies, keys."""

    def __init__(self, name: str, args: S3CredentialsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # The plugin marks the value as secret; this also covers mocks and other engines.
        secret = pulumi.ResourceOptions(additional_secret_outputs=["secretKey"])
        super().__init__(
            urns.S3_CREDENTIALS, name, {**self.outputs(), **args}, pulumi.ResourceOptions.merge(secret, opts)
        )
