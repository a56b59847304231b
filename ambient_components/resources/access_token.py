"""The resource for a key's tokens."""

from typing import Any, NotRequired

import pulumi

from ambient_components.engine import types
from ambient_components.rules.keys import TokenTerms


class AccessTokenArgs(TokenTerms):
    """ServiceAccount and lifetime of the tokens. Times are in seconds."""

    namespace: pulumi.Input[str]
    serviceAccount: pulumi.Input[str]  # noqa: N815  # Pulumi's own spelling of inputs
    """Name of the ServiceAccount of the tokens; it must exist."""

    serviceAccountUid: NotRequired[pulumi.Input[str]]  # noqa: N815  # Pulumi's own spelling of inputs
    """uid of the ServiceAccount: a change means that it was replaced, and a new token is minted."""

    key: pulumi.Input[str]
    """Id of the key."""

    owner: pulumi.Input[str]
    """Owner, PROJECT/FLEET; tokens of other owners are never changed."""

    generation: NotRequired[pulumi.Input[int]]
    """Generation of the identity, from 1 (the default)."""

    former: NotRequired[bool]
    """Whether this identity belongs to the previous generation: it keeps its tokens and never mints."""

    overlapping: NotRequired[bool]
    """Whether the previous generation's identity is still valid; decides what stays in the delivery Secret."""

    adopt: NotRequired[bool]
    """Whether unrecorded tokens are kept through the overlap; by default they are revoked."""

    incomplete: NotRequired[pulumi.Input[bool | None]]
    """True if the ServiceAccount or its RoleBinding failed in this run: the step then fails without changes."""

    released: NotRequired[bool]
    """Whether the workspace is being released: no token is minted or revoked, and ownership annotations are removed."""


class AccessToken(pulumi.CustomResource):
    """The tokens of one ServiceAccount over their rotations; the newest is `token`."""

    token: pulumi.Output[str]
    """Bearer token for HTTP requests; a secret."""

    current: pulumi.Output[dict[str, Any]]
    """Record of the newest token: handle, uid, generation, issuedAt, expiresAt, dead."""

    retiring: pulumi.Output[list[dict[str, Any]]]
    """Records of older tokens that are still valid."""

    undelivered: pulumi.Output[str | None]
    """Why the delivery Secret does not contain the token; null if it does."""

    pendingRevocations: pulumi.Output[list[dict[str, Any]]]  # noqa: N815
    """Records of tokens that could not be revoked: every run retries."""

    grantedSeconds: pulumi.Output[int]  # noqa: N815
    """Lifetime that the cluster granted."""

    reason: pulumi.Output[str | None]
    """Why the newest token was minted."""

    schemaVersion: pulumi.Output[int]  # noqa: N815
    """Version of the recorded format."""

    nextAction: pulumi.Output[dict[str, str] | None]  # noqa: N815  # Pulumi's own spelling of outputs
    """Next action of a later run (what) and its time (at)."""

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
        # The plugin marks the token as secret; this also covers mocks and other engines.
        secret = pulumi.ResourceOptions(additional_secret_outputs=["token"])
        super().__init__(types.ACCESS_TOKEN, name, {**outputs, **args}, pulumi.ResourceOptions.merge(secret, opts))
