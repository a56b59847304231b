"""Lifetime, renewal window and overlap of tokens and access keys, in seconds, and which of them fit together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from ambient_components.platform.contract import TOKEN_LIFETIME_DEFAULT, TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MIN
from ambient_components.printable import counted
from ambient_components.rules.durations import DAY, HOUR, YEAR, format_seconds
from ambient_components.rules.findings import Verdict, spell
from ambient_components.rules.rest_days import NO_REST, RestDays

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

    rest: RestDays = NO_REST
    """Days on which no token is renewed."""

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
        rest: RestDays = NO_REST,
    ) -> "Policy":
        """Return a policy with defaults for missing values.

        The overlap is limited to fit the guaranteed runs and the days of rest. Tokens that do not expire are renewed
        manually by default.
        """
        never = static or lifetime == NEVER
        before = default_rotate_before(lifetime) if rotate_before is None else rotate_before
        if overlap is None:
            # A run may start this long after the renewal window opened.
            overlap = max(0, min(default_overlap(before), before - run_every - rest.longest, lifetime - before))
        return cls(lifetime, before, overlap, run_every, never if manual is None else manual, static, rest)

    @property
    def overlap_delta(self) -> timedelta:
        return timedelta(seconds=self.overlap)

    @property
    def never(self) -> bool:
        return self.static or self.lifetime == NEVER

    def fits(self, lifetime: int) -> bool:
        """Return whether renewal window, overlap and runs fit into this lifetime."""
        return misfit(replace(self, lifetime=lifetime, static=False)) is None

    @property
    def wait(self) -> int:
        """The most seconds from the start of a renewal window to a run that renews; 0 without a guarantee of runs."""
        return self.run_every + self.rest.longest


def misfit(policy: Policy, what: str = "token") -> tuple[str, str] | None:
    """Return why a policy would fail in use, as problem and remedy; None if it would not.

    With manual rotation only the first token counts, which needs no renewal window and no overlap.
    """
    if policy.manual:
        return None
    life, before, overlap, every = policy.lifetime, policy.rotate_before, policy.overlap, policy.wait
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
        promised = ", and ".join(_promises(policy))
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


def _promises(policy: Policy) -> Iterator[str]:
    if policy.run_every:
        yield f"runs come every {_text(policy.run_every)}, as {spell('run_every')} says"
    if days := policy.rest.longest // DAY:
        yield f"none renews for up to {counted(days, 'day')}, as {spell('rotate_not_on')} says"


def is_mended_by_overlap(policy: Policy) -> bool:
    """Tell whether a shorter overlap repairs a policy with a `misfit`."""
    life, before, overlap = policy.lifetime, policy.rotate_before, policy.overlap
    return before < life and (overlap > before or before + overlap > life)


def _text(seconds: int) -> str:
    if seconds == NEVER:
        return "never"
    return format_seconds(seconds) if seconds else "0"


@dataclass(frozen=True, slots=True)
class Life:
    """Bounds and default of a lifetime, in seconds."""

    what: str
    """Noun for messages."""
    shortest: int
    longest: int
    default: int
    least_overlap: int = 0

    @property
    def durations(self) -> str:
        """The bounds as durations, as in the stack file."""
        return f"durations from {format_seconds(self.shortest)} to {format_seconds(self.longest)}"

    def problem(self, seconds: int, written: object) -> str | None:
        """Return why a lifetime is not allowed; None if it is."""
        if self.shortest <= seconds <= self.longest:
            return None
        return f"{written} is too {'short' if seconds < self.shortest else 'long'}"


TOKEN_LIFE: Final = Life("token", TOKEN_LIFETIME_MIN, TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_DEFAULT)
"""Lifetime of API key tokens. Contract 1.4, 7."""

ACCESS_KEY_LIFE: Final = Life("access key", shortest=DAY, longest=YEAR, default=90 * DAY, least_overlap=HOUR)
"""Lifetime of an object store's access keys. A session keeps the key that it started with, so the minimum is a day and
a renewal never ends the old key immediately. The maximum of MinIO is a year.
"""


def is_endless(terms: Mapping[str, Any]) -> bool:
    """Return whether the credential never expires: a static token does not."""
    return bool(terms.get("never") or terms.get("static"))


def policy_of(terms: Mapping[str, Any], life: Life) -> Policy:
    """Return the policy in the arguments, with defaults."""
    return Policy.of(
        NEVER if is_endless(terms) else int(terms.get("lifetimeSeconds") or life.default),
        terms.get("rotateBeforeSeconds"),
        terms.get("overlapSeconds"),
        terms.get("runEverySeconds") or 0,
        manual=terms.get("manual"),
        static=bool(terms.get("static")),
        rest=RestDays.of(terms.get("rotateNotOn"), terms.get("timezone") or "UTC"),
    )


def policy_problem(policy: Policy, life: Life) -> Verdict:
    """Return problem and remedy if a policy would fail in use, or leaves too little time to sessions."""
    if verdict := misfit(policy, life.what):
        return verdict
    if policy.manual or policy.overlap >= life.least_overlap:
        return None
    return (
        f"leaves less than {format_seconds(life.least_overlap)} between a renewal and the end of the {life.what} "
        "before: running sessions keep that of their start",
        "allowed: a longer rotateBefore, or runs more often than runEvery says",
    )
