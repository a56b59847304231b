"""How long a token lives, when it is renewed, and how long the one before it lives on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_DAY: Final = 86_400
_LONGEST_NOTICE: Final = 14 * _DAY


def default_rotate_before(lifetime: int) -> int:
    """Seconds before expiry from which a run renews a token: 14 days, or a quarter of a shorter life."""
    return min(_LONGEST_NOTICE, lifetime // 4)


def default_overlap(rotate_before: int) -> int:
    """Seconds that the token before lives on after a renewal: half of the notice, so it ends before it expires."""
    return rotate_before // 2


@dataclass(frozen=True, slots=True)
class Policy:
    """What the stack file asks of a key's tokens; all in seconds."""

    lifetime: int
    """Asked of the cluster for each token. The cluster may grant less: expiry is read from what it granted."""

    rotate_before: int
    """The first run within this time of the granted expiry mints the next token."""

    overlap: int
    """The token before stays valid this long after the next one was issued; 0 revokes it in the same run."""

    @classmethod
    def of(cls, lifetime: int, rotate_before: int | None = None, overlap: int | None = None) -> "Policy":
        """A policy with the built-in defaults for what is not given."""
        before = default_rotate_before(lifetime) if rotate_before is None else rotate_before
        return cls(lifetime, before, default_overlap(before) if overlap is None else overlap)

    @property
    def overlap_delta(self) -> timedelta:
        """`overlap` as a timedelta."""
        return timedelta(seconds=self.overlap)
