"""The resource for the access keys of one object store user."""

from typing import Any, NotRequired

import pulumi

from ambient_components.engine import types
from ambient_components.rules.renewals import RenewalTerms


class S3CredentialsArgs(RenewalTerms):
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


class S3Credentials(pulumi.CustomResource):
    """The access keys of one user over their rotations; the newest is `accessKey` with `secretKey`."""

    accessKey: pulumi.Output[str]  # noqa: N815  # Pulumi's own spelling of outputs
    """Id of the newest key; not a secret."""

    secretKey: pulumi.Output[str]  # noqa: N815
    """Secret of the newest key."""

    current: pulumi.Output[dict[str, Any]]
    """Record of the newest key: handle and uid (its id), generation, issuedAt, expiresAt, dead."""

    retiring: pulumi.Output[list[dict[str, Any]]]
    """Record of the previous key while it is still valid."""

    pendingRevocations: pulumi.Output[list[dict[str, Any]]]  # noqa: N815
    """Keys that could not be revoked: every run retries."""

    nextAction: pulumi.Output[dict[str, str] | None]  # noqa: N815
    """Next action of a later run (what) and its time (at)."""

    reason: pulumi.Output[str | None]
    """Why the newest key was minted."""

    foreign: pulumi.Output[list[str]]
    """Ids of keys that were created by hand for this user; they are reported and never changed."""

    drift: pulumi.Output[dict[str, str]]
    """Drift as found by a refresh, by part: user, owner, policy, policies, keys."""

    schemaVersion: pulumi.Output[int]  # noqa: N815
    """Version of the recorded format."""

    def __init__(self, name: str, args: S3CredentialsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(
            (
                "accessKey",
                "secretKey",
                "current",
                "retiring",
                "pendingRevocations",
                "nextAction",
                "reason",
                "foreign",
                "drift",
                "schemaVersion",
            )
        )
        # The plugin marks the value as secret; this also covers mocks and other engines.
        secret = pulumi.ResourceOptions(additional_secret_outputs=["secretKey"])
        super().__init__(types.S3_CREDENTIALS, name, {**outputs, **args}, pulumi.ResourceOptions.merge(secret, opts))
