"""What is asked of tokens and of access keys by arguments in seconds: how long each lives, and when the next one comes.

A component's argument and a resource's input have the same names and obey the same rules; the stack file says the same
in durations, and asks these rules with what they come to.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from ambient_components.contract import TOKEN_LIFETIME_DEFAULT, TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MIN
from ambient_components.durations import DAY, HOUR, YEAR, format_seconds
from ambient_components.rules.arguments import Argument
from ambient_components.rules.findings import Finding, Verdict
from ambient_components.rules.lifetimes import NEVER, Policy, misfit


@dataclass(frozen=True, slots=True)
class Life:
    """The lives that can be asked for, in seconds."""

    what: str
    """What lives, in words."""
    briefly: str
    """The same in one word."""
    article: str
    shortest: int
    longest: int
    default: int
    least_overlap: int = 0

    @property
    def durations(self) -> str:
        """The bounds, as the stack file writes them."""
        return f"durations from {format_seconds(self.shortest)} to {format_seconds(self.longest)}"

    @property
    def seconds(self) -> str:
        """The bounds, as arguments have them."""
        shortest, longest = format_seconds(self.shortest), format_seconds(self.longest)
        return f"whole seconds from {self.shortest} ({shortest}) to {self.longest} ({longest})"

    def problem(self, seconds: int, written: object) -> str | None:
        """Say why a life can't be asked for, or None.

        Args:
            seconds: The life.
            written: How it is written, for the text.
        """
        if self.shortest <= seconds <= self.longest:
            return None
        return f"{written} is too {'short' if seconds < self.shortest else 'long'}"


TOKEN_LIFE: Final = Life("token", "token", "a", TOKEN_LIFETIME_MIN, TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_DEFAULT)
"""Of the tokens of API keys. Contract 1.4, 7."""

ACCESS_KEY_LIFE: Final = Life(
    "access key", "key", "an", shortest=DAY, longest=YEAR, default=90 * DAY, least_overlap=HOUR
)
"""Of the access keys of a store. A session keeps the key that it started with: so a day is the least, and the key
before may not end with a renewal. A year is the longest that MinIO gives."""


class RenewalTerms(TypedDict, total=False):
    """What is asked, by the names that components and resources have in common; see `RENEWAL`."""

    lifetimeSeconds: int
    never: bool
    manual: bool
    rotateBeforeSeconds: int
    overlapSeconds: int
    runEverySeconds: int


def renewal_arguments(life: Life, *, end: str, endless: str) -> dict[str, Argument]:
    """Describe the arguments of `RenewalTerms`.

    Args:
        life: Of what is renewed.
        end: What its end is called.
        endless: What is said of one without an end.
    """
    what = life.briefly
    return {
        "lifetimeSeconds": Argument(int, f"Life of each {life.what}, {life.shortest} to {life.longest}."),
        "never": Argument(bool, f"{endless}; then without lifetimeSeconds."),
        "manual": Argument(bool, f"Nothing is minted after the first {what}. Default: for what does not expire."),
        "rotateBeforeSeconds": Argument(
            int, f"The first run this close to {end} rotates. Default: 14 days, or a quarter of a shorter life."
        ),
        "overlapSeconds": Argument(
            int,
            f"How long the {what} before stays valid after a rotation. Default: half of rotateBeforeSeconds.",
        ),
        "runEverySeconds": Argument(int, "How often a run is promised. Default: no promise."),
    }


def is_endless(terms: Mapping[str, Any]) -> bool:
    """Whether no end is asked for: a static token has none."""
    return bool(terms.get("never") or terms.get("static"))


def passed_on(given: Mapping[str, Any], names: Iterable[str], life: Life) -> dict[str, Any]:
    """Take what a component passes on to the plugin out of its arguments: what is said, and the life.

    Args:
        given: The component's arguments.
        names: What to pass on. A flag that is false is not said, but for `manual`: its default may be true.
        life: Of what is renewed.
    """
    said = {name: given.get(name) for name in names}
    terms = {name: one for name, one in said.items() if one is not None and (one is not False or name == "manual")}
    if not is_endless(terms):
        terms.setdefault("lifetimeSeconds", life.default)
    return terms


def policy_of(terms: Mapping[str, Any], life: Life) -> Policy:
    """Return what is asked, with the defaults for what is left out."""
    return Policy.of(
        NEVER if is_endless(terms) else int(terms.get("lifetimeSeconds") or life.default),
        terms.get("rotateBeforeSeconds"),
        terms.get("overlapSeconds"),
        terms.get("runEverySeconds") or 0,
        manual=terms.get("manual"),
        static=bool(terms.get("static")),
    )


def renewal_findings(terms: Mapping[str, Any], life: Life) -> Iterator[Finding]:
    """Find a life that can't be asked for, or times that don't go together."""
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
    """Say why a policy would fail in use, or None; as problem and remedy."""
    if verdict := misfit(policy, life.what):
        return verdict
    if policy.manual or policy.overlap >= life.least_overlap:
        return None
    return (
        f"leaves less than {format_seconds(life.least_overlap)} between a renewal and the end of the {life.what} "
        "before: running sessions keep that of their start",
        "allowed: a longer rotateBefore, or runs more often than runEvery says",
    )
