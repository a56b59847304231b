"""Resources in the stack's object store: buckets, and the access keys of their users."""

import pulumi

from ambient_components.engine import urns
from ambient_components.resources.attributes import RotatingCredential, SnakeCaseAttributes
from ambient_components.resources.inputs import S3BucketArgs, S3CredentialsArgs


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
