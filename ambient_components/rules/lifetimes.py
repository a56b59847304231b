"""How long a token lives, when it is renewed, how long the one before it lives on, and which of these go together."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from ambient_components.durations import DAY, format_seconds

_LONGEST_NOTICE: Final = 14 * DAY

WARN_AHEAD: Final = 14 * DAY
"""Seconds before an end from which runs announce it, where the file doesn't say: of keys, and of grants with dates."""

NEVER: Final = 2**32
"""Seconds that are asked for a token that shall not expire: 136 years. A cluster that caps lives grants less."""


def default_rotate_before(lifetime: int) -> int:
    """Seconds before expiry from which a run renews a token: 14 days, or a quarter of a shorter life."""
    return min(_LONGEST_NOTICE, lifetime // 4)


def default_overlap(rotate_before: int) -> int:
    """Seconds that the token before lives on after a renewal: half of the notice, so it ends before it expires."""
    return rotate_before // 2


class Rotate(StrEnum):
    """Who renews a token or an access key."""

    AUTO = "auto"
    """The first run inside the notice."""

    MANUAL = "manual"
    """Only a new generation issues another one."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the stack file asks of a key's tokens; all in seconds."""

    lifetime: int
    """Asked of the cluster for each token; `NEVER` for one that shall not expire. Expiry is what was granted."""

    rotate_before: int
    """The first run within this time of the granted expiry mints the next token."""

    overlap: int
    """The token before stays valid this long after the next one was issued; 0 revokes it in the same run."""

    run_every: int = 0
    """How often a run is promised; 0: not promised."""

    manual: bool = False
    """No token is minted after the first one: only another generation of the key has another."""

    static: bool = False
    """The token lies in its handle, a Secret of the workspace, and does not expire. Contract 10.9."""

    @classmethod
    def of(
        cls,
        lifetime: int,
        rotate_before: int | None = None,
        overlap: int | None = None,
        run_every: int = 0,
        *,
        manual: bool | None = None,
        static: bool = False,
    ) -> "Policy":
        """A policy with the built-in defaults for what is not given.

        Args:
            lifetime: of each token.
            rotate_before: notice; `default_rotate_before` if not given.
            overlap: `default_overlap` if not given, and short enough for the runs that are promised.
            run_every: how often a run is promised.
            manual: default: for what does not expire.
            static: whether the token is a static one.
        """
        never = static or lifetime == NEVER
        before = default_rotate_before(lifetime) if rotate_before is None else rotate_before
        if overlap is None:
            # A run may come as late as this after the notice began.
            overlap = max(0, min(default_overlap(before), before - run_every, lifetime - before))
        return cls(lifetime, before, overlap, run_every, never if manual is None else manual, static)

    @property
    def overlap_delta(self) -> timedelta:
        """`overlap` as a timedelta."""
        return timedelta(seconds=self.overlap)

    @property
    def never(self) -> bool:
        """Whether its tokens shall not expire."""
        return self.static or self.lifetime == NEVER

    def fits(self, lifetime: int) -> bool:
        """Whether notice, overlap and runs have their place in this life of a token."""
        return misfit(Policy(lifetime, self.rotate_before, self.overlap, self.run_every, self.manual)) is None


def misfit(policy: Policy, what: str = "token") -> tuple[str, str] | None:
    """Why a policy would fail in use, as problem and remedy; None: it would not.

    Args:
        policy: what is asked. Of a manual one only the first token counts, which needs no notice and no overlap.
        what: what is renewed, in words.
    """
    if policy.manual:
        return None
    life, before, overlap, every = policy.lifetime, policy.rotate_before, policy.overlap, policy.run_every
    if before >= life:
        return (
            f"a notice of {_text(before)} is not shorter than the life of {_text(life)}",
            f"allowed: rotateBefore under {_text(life)}",
        )
    if overlap > before:
        return (
            f"an overlap of {_text(overlap)} is longer than the notice of {_text(before)}: the {what} before expires "
            "first",
            f"allowed: overlap up to {_text(before)}",
        )
    if before + overlap > life:
        return (
            f"a notice of {_text(before)} and an overlap of {_text(overlap)} are more than the life of {_text(life)}: "
            f"the next {what} would be due while the one before this still lives",
            f"allowed: overlap up to {_text(life - before)}",
        )
    if every and (every >= before or every + overlap > before):
        promised = f"runs come every {_text(every)}, as runEvery says"
        if every >= before:
            return (
                f"a notice of {_text(before)} is too short: {promised}, and none might come in it",
                f"allowed: rotateBefore over {_text(every)} and a life longer than that, or rotate: manual",
            )
        return (
            f"a notice of {_text(before)} is too short for an overlap of {_text(overlap)}: {promised}, and the {what} "
            "before could expire sooner",
            f"allowed: rotateBefore from {_text(every + overlap)}, or overlap up to {_text(before - every)}",
        )
    return None


def is_mended_by_overlap(policy: Policy) -> bool:
    """Whether a shorter overlap is what a policy with a `misfit` needs."""
    life, before, overlap = policy.lifetime, policy.rotate_before, policy.overlap
    return before < life and (overlap > before or before + overlap > life)


def _text(seconds: int) -> str:
    if seconds == NEVER:
        return "never"
    return format_seconds(seconds) if seconds else "0"
