"""The access keys of one user of the object store, as a program declares them."""

from typing import Any, NotRequired

import pulumi

from ambient_components.engine import types
from ambient_components.rules.renewals import RenewalTerms


class S3CredentialsArgs(RenewalTerms):
    """Whose keys, what they open, and how long each of them lives. Times are seconds."""

    user: pulumi.Input[str]
    """Name of the store's user; another name is another user, with keys of its own."""

    bucket: pulumi.Input[str]
    """The bucket that the keys open, and no other."""

    owner: pulumi.Input[str]
    """Project and fleet, PROJECT/FLEET; a user of another owner is never touched."""

    prefix: NotRequired[pulumi.Input[str]]
    """The part of the bucket that they open, with a slash at its end. Default: all of it."""

    generation: NotRequired[pulumi.Input[int]]
    """Of the user, from 1 (the default)."""

    usedIn: NotRequired[pulumi.Input[str]]  # noqa: N815  # Pulumi's own spelling of inputs
    """NAMESPACE/SECRET whose S3_ACCESS_KEY is the key in use: that one is not revoked while it lies there."""

    keysOnly: NotRequired[bool]  # noqa: N815  # Pulumi's own spelling of inputs
    """User and policy are somebody else's to make, as with pulumi-aws."""

    incomplete: NotRequired[pulumi.Input[bool | None]]
    """The user or its policy could not be made in this run: the step fails, and changes nothing."""

    released: NotRequired[bool]
    """The workspace is being let go: nothing is minted or revoked any more, and the user bears no owner's mark."""


class S3Credentials(pulumi.CustomResource):
    """The access keys of one user over their rotations; the newest is `accessKey` with `secretKey`."""

    accessKey: pulumi.Output[str]  # noqa: N815  # Pulumi's own spelling of outputs
    """The id of the newest key; no secret."""

    secretKey: pulumi.Output[str]  # noqa: N815
    """Its secret."""

    current: pulumi.Output[dict[str, Any]]
    """The newest key: handle and uid (its id), generation, issuedAt, expiresAt, dead."""

    retiring: pulumi.Output[list[dict[str, Any]]]
    """The key before it, while it is still valid."""

    pendingRevocations: pulumi.Output[list[dict[str, Any]]]  # noqa: N815
    """Keys whose revocation failed: every run tries again."""

    nextAction: pulumi.Output[dict[str, str] | None]  # noqa: N815
    """What a later run will do (what) and from when (at)."""

    reason: pulumi.Output[str | None]
    """Why the newest key was minted."""

    foreign: pulumi.Output[list[str]]
    """Ids of keys that somebody made by hand on this user; they are reported, and never touched."""

    drift: pulumi.Output[dict[str, str]]
    """What a refresh found to differ, by what it is: user, owner, policy, policies, keys."""

    schemaVersion: pulumi.Output[int]  # noqa: N815
    """Of the recorded shape."""

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
        # The plugin marks the secret; naming it here as well keeps it secret under mocks, and with any engine.
        secret = pulumi.ResourceOptions(additional_secret_outputs=["secretKey"])
        super().__init__(types.S3_CREDENTIALS, name, {**outputs, **args}, pulumi.ResourceOptions.merge(secret, opts))
