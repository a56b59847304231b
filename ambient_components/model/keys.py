"""API keys in the stack file: identity, token lifetime and delivery."""

from collections.abc import Collection
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ambient_components.model.base import Model, choice, refuse, text_schema
from ambient_components.model.dates import Day
from ambient_components.model.rotation import Overlap, RotateName, is_manual, renewal
from ambient_components.model.sources import DataKey, SecretName
from ambient_components.model.types import (
    Duration,
    Flag,
    Generation,
    Lifetime,
    NamespaceName,
    RoleName,
    Text,
)
from ambient_components.platform.contract import (
    KEY_DESCRIPTION_MAX,
    KEY_NAME_MAX,
    KEY_PREFIX,
    OBJECT_NAME_MAX,
    Role,
)
from ambient_components.platform.naming import PLATFORM_GENERATION, key_account, key_account_problem, user_id_problem
from ambient_components.rules.keys import Retain, retain_problem
from ambient_components.rules.lifetimes import NEVER, Policy
from ambient_components.rules.renewals import TOKEN_LIFE


def _platform_account(value: str) -> str:
    if problem := key_account_problem(value):
        refuse(*problem)
    return value


PlatformAccount = Annotated[
    Text,
    AfterValidator(_platform_account),
    text_schema("ServiceAccount of a key", rf"{KEY_PREFIX}[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{{8}}"),
]
"""Name of a ServiceAccount that the platform made for a key."""


def _user_id(value: str) -> str:
    if problem := user_id_problem(value):
        refuse(*problem)
    return value


UserId = Annotated[
    Text,
    AfterValidator(_user_id),
    text_schema("User id of the platform", r"[A-Za-z0-9._]+(-[A-Za-z0-9._]+)*"),
]
"""Id of a user of the platform."""

AccountName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=OBJECT_NAME_MAX)]
"""Name of a ServiceAccount."""


def _retain(value: object) -> object:
    return choice(value, Retain, "place to keep a token")


RetainName = Annotated[Retain, BeforeValidator(_retain)]
"""state or none."""


class DeliverySecret(Model):
    """A Secret in the cluster that the key's user reads; only this tool creates and changes it."""

    example: ClassVar[str] = "{namespace: NAME, name: NAME}"

    namespace: NamespaceName
    """Namespace of the Secret. It must exist and must not be a workspace, because sessions read its Secrets."""

    name: SecretName
    """Name of the Secret; an existing Secret that this tool did not create is refused."""

    key: DataKey = "token"
    """Key of the token in the Secret; during an overlap, the previous token has the prefix `previous-`. Default: token.
    """


class Delivery(Model):
    """Delivery of the key to its user, by every run that issues a token."""

    example: ClassVar[str] = "{secret: {namespace: NAME, name: NAME}}"

    secret: DeliverySecret
    """A Secret in another namespace of the cluster."""


class Key(Model):
    """An API key: its own identity in the workspace, with a token that is renewed before it expires."""

    example_by_name: ClassVar[str] = "{ci: {role: edit}}"

    name: Text = Field(default="", max_length=KEY_NAME_MAX)
    """Name on the workspace's Keys page. Default: the key's id."""

    description: Text = Field(default="", max_length=KEY_DESCRIPTION_MAX)
    """Purpose of the key, shown on the Keys page."""

    role: RoleName = Role.EDIT
    """view, edit or admin. Default: edit, as in the platform's UI."""

    lifetime: Lifetime = TOKEN_LIFE.default
    """Lifetime of a token, from 10m to 1y, or never for no expiry. Default: 90d."""

    rotate_before: Duration | None = None
    """Renewal window: the first run within this time before expiry renews the token. Default: 14d, or a quarter of a
    shorter lifetime.
    """

    overlap: Overlap | None = None
    """How long the old token stays valid after a renewal; 0 revokes it immediately. Default: half of rotateBefore."""

    rotate: RotateName | None = None
    """auto; manual: only a new generation issues another token. Default: auto; manual for keys without expiry."""

    generation: Generation = 1
    """Number of the key's identity; a new number creates a new ServiceAccount and a new token. Default: 1."""

    overlap_until: Day | None = None
    """Last day on which the previous generation's identity stays valid. Default: it ends immediately."""

    adopt: list[AccountName] = []
    """Existing ServiceAccounts of this key to adopt with their tokens, for example after a lost state; any other
    account with the name of a new identity is deleted.
    """

    service_account: PlatformAccount | None = None
    """ServiceAccount of generation 1, if the platform made the key: it is adopted with its RoleBinding and its tokens,
    of unknown expiry. Generation 2 is the first with a token of this stack. Lifetime, renewal and retain wait for
    it; static, deliver and adopt are refused before.
    """

    acts_as: UserId | None = None
    """User id for whom the key acts: its sessions get this user's integrations. With single sign-on the user's rights
    replace the role, in every workspace. Needs an exception from the guardrail actingKey. Default: none.
    """

    warn_ahead: Duration | None = None
    """How early runs announce the end of a token without renewal, and of the previous generation. Default: 14d."""

    static: Flag | None = None
    """Whether the token is stored in a Secret of the workspace, where all sessions can read it; requires lifetime
    never. Default: false.
    """

    deliver: Delivery | None = None
    """Where the key is delivered to its user."""

    retain: RetainName | None = None
    """state: in the stack's state and outputs, encrypted; none: only in the delivery Secret. Default: state."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.static and self.lifetime != NEVER:
            refuse("is static, and its lifetime has an end", "write lifetime: never, as such a token does not expire")
        if verdict := retain_problem(self.retain, delivered=self.deliver is not None):
            refuse(*verdict)
        if self.overlap_until is not None and self.generation == 1:
            refuse(
                "has an overlapUntil and is of generation 1: there is no generation before it",
                "write generation: 2, or remove overlapUntil",
            )
        return self

    def label(self, key_id: str) -> str:
        """Return the name on the Keys page: the name, or the id if there is none."""
        return self.name or key_id

    def account(self, workspace: str, key_id: str, generation: int) -> str:
        """Return the name of the ServiceAccount of a generation."""
        return key_account(workspace, key_id, generation, self.service_account)

    @property
    def awaits_rotation(self) -> bool:
        """Whether the platform made the current identity, so that no run has issued a token of the key."""
        return self.service_account is not None and self.generation == PLATFORM_GENERATION

    @property
    def manual(self) -> bool:
        """Whether its token is never renewed automatically."""
        return is_manual(self)

    def policy(self, run_every: int = 0, uncut: Collection[str] = ()) -> Policy:
        """Return the policy for its tokens; defaults that do not fit the lifetime are shortened.

        Args:
            run_every: Guaranteed interval of runs in seconds; 0 for none.
            uncut: Names in the file of fields that are not shortened: `stackfile.checks.keys` refuses a key's own
                misfit values.
        """
        return renewal(self, run_every, uncut, static=bool(self.static))

    def overlap_or_default(self) -> int:
        """Return the overlap of a token with the next one, in seconds."""
        return self.policy().overlap


class KeyDefaults(Model):
    """Defaults for all API keys. Values that do not fit a key's lifetime are shortened."""

    role: RoleName | None = None
    """view, edit or admin."""

    lifetime: Lifetime | None = None
    """Lifetime of a token, from 10m to 1y, or never."""

    rotate_before: Duration | None = None
    """Renewal window: time before expiry in which a run renews the token."""

    overlap: Overlap | None = None
    """How long the old token stays valid after a renewal."""

    warn_ahead: Duration | None = None
    """How early runs announce an end."""
