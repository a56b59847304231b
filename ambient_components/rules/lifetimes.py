"""Lifetime, renewal window and overlap of tokens, and which of them fit together."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from ambient_components.rules.durations import DAY, format_seconds
from ambient_components.rules.spelling import spell

_LONGEST_NOTICE: Final = 14 * DAY

WARN_AHEAD: Final = 14 * DAY
"""Default seconds before an end at which runs start to announce it, for keys and for grants with dates."""

NEVER: Final = 2**32
"""Requested seconds for a token that never expires: 136 years. A cluster with a maximum lifetime grants less."""


def default_rotate_before(lifetime: int) -> int:
    """Return the default renewal window in seconds: 14 days, or a quarter of a shorter lifetime."""
    return min(_LONGEST_NOTICE, lifetime // 4)


def default_overlap(rotate_before: int) -> int:
    """Return the default overlap in seconds: half the renewal window, so that it ends before the old token expires."""
    return rotate_before // 2


class Rotate(StrEnum):
    """What renews a token or an access key."""

    AUTO = "auto"
    """The first run inside the renewal window."""

    MANUAL = "manual"
    """Only a new generation."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Renewal settings of a key's tokens; all times in seconds."""

    lifetime: int
    """Requested lifetime of each token; `NEVER` for no expiry. The cluster may grant less."""

    rotate_before: int
    """Renewal window: the first run within this time before the granted expiry issues the next token."""

    overlap: int
    """How long the old token stays valid after the next is issued; 0 revokes it in the same run."""

    run_every: int = 0
    """Guaranteed interval of runs; 0 means no guarantee."""

    manual: bool = False
    """Whether only a new generation of the key gets another token."""

    static: bool = False
    """Whether the token is stored in its token Secret in the workspace, and never expires. Contract 10.9."""

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
        """Return a policy with defaults for missing values.

        Args:
            rotate_before: Renewal window; default `default_rotate_before`.
            overlap: Overlap; default `default_overlap`, limited to fit the guaranteed runs.
            run_every: Guaranteed interval of runs.
            manual: Default: true for tokens that do not expire.
            static: Whether the token is static.
        """
        never = static or lifetime == NEVER
        before = default_rotate_before(lifetime) if rotate_before is None else rotate_before
        if overlap is None:
            # A run may start this long after the renewal window opened.
            overlap = max(0, min(default_overlap(before), before - run_every, lifetime - before))
        return cls(lifetime, before, overlap, run_every, never if manual is None else manual, static)

    @property
    def overlap_delta(self) -> timedelta:
        return timedelta(seconds=self.overlap)

    @property
    def never(self) -> bool:
        return self.static or self.lifetime == NEVER

    def fits(self, lifetime: int) -> bool:
        """Return whether renewal window, overlap and runs fit into this lifetime."""
        return misfit(Policy(lifetime, self.rotate_before, self.overlap, self.run_every, self.manual)) is None


def misfit(policy: Policy, what: str = "token") -> tuple[str, str] | None:
    """Return why a policy would fail in use, as problem and remedy; None if it would not.

    Args:
        policy: The policy. With manual rotation only the first token counts, which needs no renewal window
            and no overlap.
        what: Name of the renewed object for messages.
    """
    if policy.manual:
        return None
    life, before, overlap, every = policy.lifetime, policy.rotate_before, policy.overlap, policy.run_every
    if before >= life:
        return (
            f"a renewal window of {_text(before)} is not shorter than the life of {_text(life)}",
            f"allowed: {spell('rotate_before')} under {_text(life)}",
        )
    if overlap > before:
        return (
            f"an overlap of {_text(overlap)} is longer than the renewal window of {_text(before)}: the {what} before "
            "expires first",
            f"allowed: overlap up to {_text(before)}",
        )
    if before + overlap > life:
        return (
            f"a renewal window of {_text(before)} and an overlap of {_text(overlap)} are more than the life of "
            f"{_text(life)}: the next {what} would be due while the one before this still lives",
            f"allowed: overlap up to {_text(life - before)}",
        )
    if every and (every >= before or every + overlap > before):
        promised = f"runs come every {_text(every)}, as {spell('run_every')} says"
        if every >= before:
            return (
                f"a renewal window of {_text(before)} is too short: {promised}, and none might come in it",
                f"allowed: {spell('rotate_before')} over {_text(every)} and a life longer than that, or rotate: manual",
            )
        return (
            f"a renewal window of {_text(before)} is too short for an overlap of {_text(overlap)}: {promised}, and "
            f"the {what} before could expire sooner",
            f"allowed: {spell('rotate_before')} from {_text(every + overlap)}, or overlap up to "
            f"{_text(before - every)}",
        )
    return None


def is_mended_by_overlap(policy: Policy) -> bool:
    """Tell whether a shorter overlap repairs a policy with a `misfit`."""
    life, before, overlap = policy.lifetime, policy.rotate_before, policy.overlap
    return before < life and (overlap > before or before + overlap > life)


def _text(seconds: int) -> str:
    if seconds == NEVER:
        return "never"
    return format_seconds(seconds) if seconds else "0"
