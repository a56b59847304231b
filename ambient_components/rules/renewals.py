"""Lifetimes of tokens and access keys, and the policy for their renewal; times in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.platform.contract import TOKEN_LIFETIME_DEFAULT, TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MIN
from ambient_components.rules.durations import DAY, HOUR, YEAR, format_seconds
from ambient_components.rules.findings import Verdict
from ambient_components.rules.lifetimes import NEVER, Policy, misfit


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
    )


def policy_problem(policy: Policy, life: Life) -> Verdict:
    """Return problem and remedy if a policy would fail in use; None otherwise."""
    if verdict := misfit(policy, life.what):
        return verdict
    if policy.manual or policy.overlap >= life.least_overlap:
        return None
    return (
        f"leaves less than {format_seconds(life.least_overlap)} between a renewal and the end of the {life.what} "
        "before: running sessions keep that of their start",
        "allowed: a longer rotateBefore, or runs more often than runEvery says",
    )
