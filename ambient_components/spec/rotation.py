"""How often something is made anew, and how long the one before lives on: for tokens of keys and for access keys."""

from collections.abc import Collection
from typing import Annotated, Final, Protocol

from pydantic import BeforeValidator

from ambient_components.rules.lifetimes import NEVER, Policy, Rotate, default_rotate_before
from ambient_components.spec.base import choice, text_schema
from ambient_components.spec.types import DURATION_PATTERN, read_duration

_NO_OVERLAP: Final = "0"
_OVERLAPS: Final = f"allowed: {_NO_OVERLAP}, or a whole number and a unit of s, m, h, d or y, such as 7d or 12h"


def _rotate(value: object) -> object:
    return choice(value, Rotate, "way of rotation")


def _overlap(value: object) -> int:
    if value in (0, _NO_OVERLAP) and not isinstance(value, bool):
        return 0
    return read_duration(value, _OVERLAPS)


RotateName = Annotated[Rotate, BeforeValidator(_rotate)]
"""auto or manual."""

Overlap = Annotated[int, BeforeValidator(_overlap), text_schema("duration or 0", f"0|{DURATION_PATTERN}", minLength=1)]
"""A duration or 0, in seconds once read."""


class Renewed(Protocol):
    """What the models of the two have in common; all times in seconds."""

    @property
    def lifetime(self) -> int:
        """How long each is valid; `NEVER` for no end."""
        ...

    @property
    def rotate_before(self) -> int | None:
        """Notice; None: not said."""
        ...

    @property
    def overlap(self) -> int | None:
        """How long the one before lives on; None: not said."""
        ...

    @property
    def rotate(self) -> Rotate | None:
        """Who renews it; None: not said."""
        ...


def is_manual(renewed: Renewed) -> bool:
    """Whether nobody renews it: what has no end is renewed only where that is said."""
    return renewed.lifetime == NEVER if renewed.rotate is None else renewed.rotate is Rotate.MANUAL


def renewal(renewed: Renewed, run_every: int, uncut: Collection[str], *, static: bool = False) -> Policy:
    """Return what is asked. A default that the life is too short for is cut to what fits.

    Args:
        renewed: the model.
        run_every: seconds between the runs that are promised; 0 for no promise.
        uncut: fields, by their names in the file, that are taken as they are: what an entry says itself is refused
            where it doesn't fit, by `spec.key_checks`.
        static: whether it is a static token.
    """
    lifetime, before, overlap = renewed.lifetime, renewed.rotate_before, renewed.overlap
    if before is None:
        before = default_rotate_before(lifetime)
    if before >= lifetime and "rotateBefore" not in uncut:
        before = lifetime // 2
    if overlap is not None and "overlap" not in uncut:
        overlap = max(0, min(overlap, before - run_every, lifetime - before))
    return Policy.of(lifetime, before, overlap, run_every, manual=is_manual(renewed), static=static)
