"""Arguments of components. Generated from the models: ``python -m tests.support.typed_arguments``."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, NotRequired, TypedDict

import pulumi


class DeliverySecretArgs(TypedDict):
    """A Secret in the cluster that the key's user reads; only this tool creates and changes it."""

    namespace: str
    """Namespace of the Secret. It must exist and must not be a workspace, because sessions read its Secrets."""

    name: str
    """Name of the Secret; an existing Secret that this tool did not create is refused."""

    key: NotRequired[str]
    """Key of the token in the Secret; during an overlap, the previous token has the prefix ``previous-``. Default:
    token.
    """


class DeliveryArgs(TypedDict):
    """Delivery of the key to its user, by every run that issues a token."""

    secret: DeliverySecretArgs
    """A Secret in another namespace of the cluster."""


class KeyArgs(TypedDict):
    """An API key: its own identity in the workspace, with a token that is renewed before it expires."""

    name: NotRequired[pulumi.Input[str]]
    """Name on the workspace's Keys page. Default: the key's id."""

    description: NotRequired[pulumi.Input[str]]
    """Purpose of the key, shown on the Keys page."""

    role: NotRequired[Literal["view", "edit", "admin"]]
    """view, edit or admin. Default: edit, as in the platform's UI."""

    lifetime: NotRequired[str | timedelta]
    """Lifetime of a token, from 10m to 1y, or never for no expiry. Default: 90d."""

    rotate_before: NotRequired[str | timedelta]
    """Renewal window: the first run within this time before expiry renews the token. Default: 14d, or a quarter of
    a shorter lifetime.
    """

    overlap: NotRequired[str | timedelta]
    """How long the old token stays valid after a renewal; 0 revokes it immediately. Default: half of rotateBefore."""

    rotate: NotRequired[Literal["auto", "manual"]]
    """auto; manual: only a new generation issues another token. Default: auto; manual for keys without expiry."""

    generation: NotRequired[int]
    """Number of the key's identity; a new number creates a new ServiceAccount and a new token. Default: 1."""

    overlap_until: NotRequired[date | str]
    """Last day on which the previous generation's identity stays valid. Default: it ends immediately."""

    adopt: NotRequired[Sequence[str]]
    """Existing ServiceAccounts of this key to adopt with their tokens, for example after a lost state; any other
    account with the name of a new identity is deleted.
    """

    service_account: NotRequired[str]
    """ServiceAccount of generation 1, if the platform made the key: it is adopted with its RoleBinding and its
    tokens, of unknown expiry. Generation 2 is the first with a token of this stack. Lifetime, renewal and retain
    wait for it; static, deliver and adopt are refused before.
    """

    acts_as: NotRequired[str]
    """User id for whom the key acts: its sessions get this user's integrations. With single sign-on the user's
    rights replace the role, in every workspace. Needs an exception from the guardrail actingKey. Default: none.
    """

    warn_ahead: NotRequired[str | timedelta]
    """How early runs announce the end of a token without renewal, and of the previous generation. Default: 14d."""

    static: NotRequired[bool]
    """Whether the token is stored in a Secret of the workspace, where all sessions can read it; requires lifetime
    never. Default: false.
    """

    deliver: NotRequired[DeliveryArgs]
    """Where the key is delivered to its user."""

    retain: NotRequired[Literal["state", "none"]]
    """state: in the stack's state and outputs, encrypted; none: only in the delivery Secret. Default: state."""


class ApiKeyArgs(KeyArgs):
    """A key in a workspace, with what its entry in a stack file has from its place there."""

    namespace: str
    """Namespace of the workspace; object names contain it."""

    id: str
    """Stable id of a-z 0-9 -; object names contain it."""

    owner: str
    """Owner, PROJECT/FLEET."""

    run_every: NotRequired[str | timedelta]
    """Guaranteed interval of runs. Default: none."""

    released: NotRequired[bool]
    """Whether the workspace is being released: no token is minted, and all objects stay when they leave the
    program. Default: false.
    """
