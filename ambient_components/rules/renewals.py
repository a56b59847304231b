"""Arguments for the renewal of tokens and access keys, in seconds.

These are the inputs of resources. The stack file and components take durations and apply the same rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from ambient_components.platform.contract import TOKEN_LIFETIME_DEFAULT, TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MIN
from ambient_components.rules.arguments import Argument
from ambient_components.rules.durations import DAY, HOUR, YEAR, format_seconds
from ambient_components.rules.findings import Finding, Verdict
from ambient_components.rules.lifetimes import NEVER, Policy, misfit


@dataclass(frozen=True, slots=True)
class Life:
    """Bounds and default of a lifetime, in seconds."""

    what: str
    """Noun for messages."""
    briefly: str
    """The noun in one word."""
    article: str
    shortest: int
    longest: int
    default: int
    least_overlap: int = 0

    @property
    def durations(self) -> str:
        """The bounds as durations, as in the stack file."""
        return f"durations from {format_seconds(self.shortest)} to {format_seconds(self.longest)}"

    @property
    def seconds(self) -> str:
        """The bounds in seconds, as in arguments."""
        shortest, longest = format_seconds(self.shortest), format_seconds(self.longest)
        return f"whole seconds from {self.shortest} ({shortest}) to {self.longest} ({longest})"

    def problem(self, seconds: int, written: object) -> str | None:
        """Return why a lifetime is not allowed; None if it is."""
        if self.shortest <= seconds <= self.longest:
            return None
        return f"{written} is too {'short' if seconds < self.shortest else 'long'}"


TOKEN_LIFE: Final = Life("token", "token", "a", TOKEN_LIFETIME_MIN, TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_DEFAULT)
"""Lifetime of API key tokens. Contract 1.4, 7."""

ACCESS_KEY_LIFE: Final = Life(
    "access key", "key", "an", shortest=DAY, longest=YEAR, default=90 * DAY, least_overlap=HOUR
)
"""Lifetime of an object store's access keys. A session keeps the key that it started with, so the minimum is a day and
a renewal never ends the old key immediately. The maximum of MinIO is a year.
"""


class RenewalTerms(TypedDict, total=False):
    """Renewal arguments that resources share; see `renewal_arguments`."""

    lifetimeSeconds: int
    never: bool
    manual: bool
    rotateBeforeSeconds: int
    overlapSeconds: int
    runEverySeconds: int


def renewal_arguments(life: Life, *, end: str, endless: str) -> dict[str, Argument]:
    """Describe the arguments of `RenewalTerms`."""
    what = life.briefly
    return {
        "lifetimeSeconds": Argument(int, f"Lifetime of each {life.what}, {life.shortest} to {life.longest}."),
        "never": Argument(bool, f"{endless}; excludes lifetimeSeconds."),
        "manual": Argument(bool, f"Only a new generation gets another {what}. Default: true without expiry."),
        "rotateBeforeSeconds": Argument(
            int,
            f"Renewal window before {end}, in which a run rotates. Default: 14 days, or a quarter of a shorter life.",
        ),
        "overlapSeconds": Argument(
            int,
            f"How long the old {what} stays valid after a rotation. Default: half of rotateBeforeSeconds.",
        ),
        "runEverySeconds": Argument(int, "Guaranteed interval of runs. Default: none."),
    }


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


def renewal_findings(terms: Mapping[str, Any], life: Life) -> Iterator[Finding]:
    """Find a lifetime that is not allowed, or times that conflict."""
    seconds = terms.get("lifetimeSeconds")
    if is_endless(terms) and seconds is not None:
        yield Finding(
            ("lifetimeSeconds",),
            f"is the life of {life.article} {life.what} that never expires",
            "remove one of the two",
        )
    elif seconds is not None and (wrong := life.problem(seconds, seconds)):
        yield Finding(("lifetimeSeconds",), wrong, f"allowed: {life.seconds}")
    elif verdict := policy_problem(policy_of(terms, life), life):
        yield Finding((), *verdict)


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
