"""A key's tokens, as a program declares them."""

from typing import Any, NotRequired, TypedDict

import pulumi


class AccessTokenArgs(TypedDict):
    """Whose token, and how long it lives. Times are seconds."""

    namespace: pulumi.Input[str]
    serviceAccount: pulumi.Input[str]
    """Name of the ServiceAccount that the token speaks for; it must exist."""

    serviceAccountUid: NotRequired[pulumi.Input[str]]
    """Its uid: where it changes, the ServiceAccount was replaced and a new token is minted."""

    key: pulumi.Input[str]
    """The key's id."""

    owner: pulumi.Input[str]
    """Project and fleet, PROJECT/FLEET; tokens of another owner are never touched."""

    generation: NotRequired[pulumi.Input[int]]
    """Of the identity, from 1 (the default)."""

    lifetimeSeconds: pulumi.Input[int]
    """600 to 31,536,000. A new life applies from the next rotation."""

    rotateBeforeSeconds: NotRequired[pulumi.Input[int]]
    """The first run this close to expiry rotates; default 14 days, or a quarter of a shorter life."""

    overlapSeconds: NotRequired[pulumi.Input[int]]
    """How long the token before stays valid; default half of rotateBeforeSeconds."""

    released: NotRequired[bool]
    """The workspace is being let go: nothing is minted or revoked any more, and the tokens bear no owner's mark."""


class AccessToken(pulumi.CustomResource):
    """The tokens of one ServiceAccount over their rotations; the newest is `token`."""

    token: pulumi.Output[str]
    """The bearer of HTTP requests; a secret."""

    current: pulumi.Output[dict[str, Any]]
    """Handle of the newest token: handle, uid, generation, issuedAt, expiresAt, dead."""

    retiring: pulumi.Output[list[dict[str, Any]]]
    """Handles of the tokens before it that are still valid."""

    previousToken: pulumi.Output[str | None]  # noqa: N815
    """The token before, while a delivery needs it; a secret."""

    pendingRevocations: pulumi.Output[list[dict[str, Any]]]  # noqa: N815
    """Handles whose revocation failed: every run tries again."""

    grantedSeconds: pulumi.Output[int]  # noqa: N815
    """The life that the cluster granted."""

    reason: pulumi.Output[str | None]
    """Why the newest token was minted."""

    schemaVersion: pulumi.Output[int]  # noqa: N815
    """Of the recorded shape."""

    nextAction: pulumi.Output[dict[str, str] | None]  # noqa: N815  # Pulumi's own spelling of outputs
    """What a later run will do (what) and from when (at)."""

    def __init__(self, name: str, args: AccessTokenArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(
            (
                "token",
                "previousToken",
                "current",
                "retiring",
                "pendingRevocations",
                "grantedSeconds",
                "nextAction",
                "reason",
                "schemaVersion",
            )
        )
        # The plugin marks the token; naming it here as well keeps it secret under mocks, and with any engine.
        secret = pulumi.ResourceOptions(additional_secret_outputs=["token", "previousToken"])
        super().__init__(
            "ambient:index:AccessToken", name, {**outputs, **args}, pulumi.ResourceOptions.merge(secret, opts)
        )
