"""API keys of the stack file: who they are, how long their tokens live, and where their users find them."""

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from ambient_components.contract import (
    KEY_DESCRIPTION_MAX,
    KEY_NAME_MAX,
    TOKEN_LIFETIME_DEFAULT,
    Role,
)
from ambient_components.durations import parse_duration
from ambient_components.keys import NEVER, Policy, default_rotate_before
from ambient_components.spec.base import Model, choice, is_scalar, refuse, text_schema, type_name
from ambient_components.spec.dates import Day
from ambient_components.spec.sources import DataKey, SecretName
from ambient_components.spec.types import (
    DURATION_PATTERN,
    Duration,
    Flag,
    Generation,
    Lifetime,
    NamespaceName,
    RoleName,
    Text,
)

_NO_OVERLAP: Final = "0"
_OVERLAPS: Final = f"allowed: {_NO_OVERLAP}, or a whole number and a unit of s, m, h, d or y, such as 7d or 12h"


class Rotate(StrEnum):
    """Who renews a key's token."""

    AUTO = "auto"
    """The first run inside the notice."""

    MANUAL = "manual"
    """Nobody: only another generation of the key has another token."""


class Retain(StrEnum):
    """Where a key's token is kept."""

    STATE = "state"
    """In the stack's state, encrypted, and in its outputs."""

    NONE = "none"
    """Only where it is delivered to."""


def _rotate(value: object) -> object:
    return choice(value, Rotate, "way of rotation")


def _retain(value: object) -> object:
    return choice(value, Retain, "place to keep a token")


def _overlap(value: object) -> int:
    if value in (0, _NO_OVERLAP) and not isinstance(value, bool):
        return 0
    if not is_scalar(value):
        refuse(f"is {type_name(value)}", _OVERLAPS)
    try:
        return parse_duration(value)
    except ValueError as error:
        refuse(str(error).rpartition("; allowed: ")[0], _OVERLAPS)


RotateName = Annotated[Rotate, BeforeValidator(_rotate)]
"""auto or manual."""

RetainName = Annotated[Retain, BeforeValidator(_retain)]
"""state or none."""

Overlap = Annotated[int, BeforeValidator(_overlap), text_schema("duration or 0", f"0|{DURATION_PATTERN}", minLength=1)]
"""A duration or 0, in seconds once read."""


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

    lifetime: Lifetime = TOKEN_LIFETIME_DEFAULT
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
        if self.retain is Retain.NONE and self.deliver is None:
            refuse("is retained nowhere and delivered nowhere", "allowed: retain: none only beside deliver")
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
        return self.lifetime == NEVER if self.rotate is None else self.rotate is Rotate.MANUAL

    def policy(self, run_every: int = 0, uncut: Collection[str] = ()) -> Policy:
        """Return what is asked of its tokens. A default that its life is too short for is cut to what fits.

        Args:
            run_every: seconds between the runs that are promised; 0 for no promise.
            uncut: fields, by their names in the file, that are taken as they are: what a key says itself is refused
                where it doesn't fit, by `spec.key_checks`.
        """
        before = default_rotate_before(self.lifetime) if self.rotate_before is None else self.rotate_before
        if before >= self.lifetime and "rotateBefore" not in uncut:
            before = self.lifetime // 2
        overlap = self.overlap
        if overlap is not None and "overlap" not in uncut:
            overlap = max(0, min(overlap, before - run_every, self.lifetime - before))
        return Policy.of(self.lifetime, before, overlap, run_every, manual=self.manual, static=bool(self.static))

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
