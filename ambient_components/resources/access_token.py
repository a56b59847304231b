"""A key's tokens, as a program declares them."""

from typing import Any, NotRequired

import pulumi

from ambient_components.engine import types
from ambient_components.rules.keys import TokenTerms


class AccessTokenArgs(TokenTerms):
    """Whose token, and how long it lives. Times are seconds."""

    namespace: pulumi.Input[str]
    serviceAccount: pulumi.Input[str]  # noqa: N815  # Pulumi's own spelling of inputs
    """Name of the ServiceAccount that the token speaks for; it must exist."""

    serviceAccountUid: NotRequired[pulumi.Input[str]]  # noqa: N815  # Pulumi's own spelling of inputs
    """Its uid: where it changes, the ServiceAccount was replaced and a new token is minted."""

    key: pulumi.Input[str]
    """The key's id."""

    owner: pulumi.Input[str]
    """Project and fleet, PROJECT/FLEET; tokens of another owner are never touched."""

    generation: NotRequired[pulumi.Input[int]]
    """Of the identity, from 1 (the default)."""

    former: NotRequired[bool]
    """The identity of a generation before the current one: it keeps its tokens and never mints."""

    overlapping: NotRequired[bool]
    """The identity of the generation before lives on beside this one; judges what stays in the delivery."""

    adopt: NotRequired[bool]
    """Whether tokens that exist without a record are kept through the overlap; by default they are revoked."""

    incomplete: NotRequired[pulumi.Input[bool | None]]
    """Its ServiceAccount or what that may do could not be made in this run: the step fails, and changes nothing."""

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

    undelivered: pulumi.Output[str | None]
    """Why the Secret that is delivered to does not hold the token; null where it does."""

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
                "current",
                "retiring",
                "pendingRevocations",
                "grantedSeconds",
                "nextAction",
                "reason",
                "undelivered",
                "schemaVersion",
            )
        )
        # The plugin marks the token; naming it here as well keeps it secret under mocks, and with any engine.
        secret = pulumi.ResourceOptions(additional_secret_outputs=["token"])
        super().__init__(types.ACCESS_TOKEN, name, {**outputs, **args}, pulumi.ResourceOptions.merge(secret, opts))
