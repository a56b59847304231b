"""API keys of the stack file: who they are, how long their tokens live, and where their users find them."""

from collections.abc import Collection
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from ambient_components.contract import (
    KEY_DESCRIPTION_MAX,
    KEY_NAME_MAX,
    OBJECT_NAME_MAX,
    Role,
)
from ambient_components.rules.keys import Retain, retain_problem
from ambient_components.rules.lifetimes import NEVER, Policy
from ambient_components.rules.renewals import TOKEN_LIFE
from ambient_components.spec.base import Model, choice, refuse
from ambient_components.spec.dates import Day
from ambient_components.spec.rotation import Overlap, RotateName, is_manual, renewal
from ambient_components.spec.sources import DataKey, SecretName
from ambient_components.spec.types import Duration, Flag, Generation, Lifetime, NamespaceName, RoleName, Text

AccountName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=OBJECT_NAME_MAX)]
"""The name of a ServiceAccount."""


def _retain(value: object) -> object:
    return choice(value, Retain, "place to keep a token")


RetainName = Annotated[Retain, BeforeValidator(_retain)]
"""state or none."""


class DeliverySecret(Model):
    """A Secret of the cluster that the key's user reads; made and changed by this tool alone."""

    namespace: NamespaceName
    """Its namespace, which exists and is no workspace: sessions read the Secrets of theirs."""

    name: SecretName
    """Its name; a Secret of that name that was not made by this tool is refused."""

    key: DataKey = "token"
    """Key of the token in it; during an overlap the token before is under `previous-` and this. token if left out."""


class Delivery(Model):
    """Where a key is written for its user by every run that mints one."""

    secret: DeliverySecret
    """A Secret in another namespace of the cluster."""


class Key(Model):
    """An API key: an identity of its own in the workspace, with a token that is renewed before it expires."""

    name: Text = Field(default="", max_length=KEY_NAME_MAX)
    """Label on the workspace's Keys page; the key's id if left out."""

    description: Text = Field(default="", max_length=KEY_DESCRIPTION_MAX)
    """What the key is for, shown on the Keys page."""

    role: RoleName = Role.EDIT
    """view, edit or admin; edit, as in the platform's UI, if left out."""

    lifetime: Lifetime = TOKEN_LIFE.default
    """How long a token is valid, from 10m to 1y, or never to let it have no end; 90d if left out."""

    rotate_before: Duration | None = None
    """How long before its expiry a token is renewed, by the first run from then on; 14d, or a quarter of a shorter
    life, if left out."""

    overlap: Overlap | None = None
    """How long the token before lives on after a renewal, 0 for not at all; half of rotateBefore if left out."""

    rotate: RotateName | None = None
    """auto; manual: never renewed, only by another generation. auto if left out, manual for keys without an end."""

    generation: Generation = 1
    """Number of the key's identity; a new number makes a new ServiceAccount and a new token. 1 if left out."""

    overlap_until: Day | None = None
    """Last day on which the identity of the generation before lives on beside this one; it ends at once if left out."""

    adopt: list[AccountName] = []
    """ServiceAccounts of this key that exist and are taken over with their tokens, as after a lost state; any other one
    that has the name of a new identity is ended."""

    warn_ahead: Duration | None = None
    """How early runs announce an end: of a token that nobody renews, of the generation before; 14d if left out."""

    static: Flag | None = None
    """Whether the token lies in a Secret of the workspace, where every session can read it; with lifetime never only.
    false if left out."""

    deliver: Delivery | None = None
    """Where the key is written for its user."""

    retain: RetainName | None = None
    """state: in the stack's state, encrypted, and its outputs; none: only where it is delivered to. state if left
    out."""

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
        """Return what the Keys page shows: the name, or the id where there is none."""
        return self.name or key_id

    @property
    def manual(self) -> bool:
        """Whether nobody renews its token."""
        return is_manual(self)

    def policy(self, run_every: int = 0, uncut: Collection[str] = ()) -> Policy:
        """Return what is asked of its tokens. A default that its life is too short for is cut to what fits.

        Args:
            run_every: seconds between the runs that are promised; 0 for no promise.
            uncut: fields, by their names in the file, that are taken as they are: what a key says itself is refused
                where it doesn't fit, by `spec.key_checks`.
        """
        return renewal(self, run_every, uncut, static=bool(self.static))

    def overlap_or_default(self) -> int:
        """Return how long a token lives on beside the next one, in seconds."""
        return self.policy().overlap


class KeyDefaults(Model):
    """What every API key has that says nothing else. What a key's life is too short for is cut."""

    role: RoleName | None = None
    """view, edit or admin."""

    lifetime: Lifetime | None = None
    """How long a token is valid, from 10m to 1y, or never."""

    rotate_before: Duration | None = None
    """How long before its expiry a token is renewed."""

    overlap: Overlap | None = None
    """How long the token before lives on after a renewal."""

    warn_ahead: Duration | None = None
    """How early runs announce an end."""
