"""An AccessToken's inputs: what is wrong with them, and the policy and the identity that they come to.

What an S3Credentials has of the same kind is judged by the same functions.
"""

from collections.abc import Sequence
from typing import Any, Final

from ambient_components.contract import TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MIN
from ambient_components.naming import key_id_problem
from ambient_components.never_sources import namespace_problem
from ambient_components.provider.resource import Change, Values
from ambient_components.provider.wire import UNKNOWN
from ambient_components.rules.lifetimes import NEVER, Policy, misfit

RETAIN_NONE: Final = "none"
RETAIN_STATE: Final = "state"

_REQUIRED: Final = ("namespace", "serviceAccount", "key", "owner")
_WHOLE: Final = ("generation", "rotateBeforeSeconds", "overlapSeconds", "runEverySeconds", "warnAheadSeconds")
_LIFE: Final = (
    f"whole seconds from {TOKEN_LIFETIME_MIN} (10m, Kubernetes' own limit) to {TOKEN_LIFETIME_MAX} (1y, the platform's)"
)
_FLAGS: Final = ("never", "static", "manual", "former", "overlapping", "incomplete", "released", "adopt")
_TIMES: Final = ("lifetimeSeconds", "rotateBeforeSeconds", "overlapSeconds", "runEverySeconds")
_DELIVERY: Final = ("namespace", "name", "key")


def problems(olds: Values, news: Values) -> list[str]:
    """What no cluster would grant, and what has no meaning; all at once.

    Args:
        olds: of the last deployment.
        news: as they are asked for, unknown ones included.
    """
    found = [*shapes(news, _REQUIRED, _FLAGS), *_key(news)]
    found += [*life(news, TOKEN_LIFETIME_MIN, TOKEN_LIFETIME_MAX, _LIFE), *_delivered(news)]
    if news.get("released") and not olds:
        found.append("released: there is no token yet that could be let go")
    if not found and known(news) and (wrong := misfit(policy(news))):
        found.append("; ".join(wrong))
    return found


def known(values: Values) -> bool:
    """Whether everything that makes the policy is known already."""
    return UNKNOWN not in [values.get(name) for name in _TIMES]


def policy(values: Values) -> Policy:
    """What is asked of the tokens."""
    static = bool(values.get("static"))
    seconds = NEVER if static or values.get("never") else values["lifetimeSeconds"]
    return Policy.of(
        seconds,
        values.get("rotateBeforeSeconds"),
        values.get("overlapSeconds"),
        values.get("runEverySeconds") or 0,
        manual=values.get("manual"),
        static=static,
    )


def defaults(news: Values) -> Values:
    """What the policy comes to where the inputs leave it out."""
    asked = policy(news)
    said = {"generation": 1, "rotateBeforeSeconds": asked.rotate_before, "overlapSeconds": asked.overlap}
    return {name: value for name, value in said.items() if news.get(name) is None}


def changes(inputs: Values, news: Values) -> dict[str, Change]:
    """How each input differs, each as a whole."""
    return {
        name: Change.UPDATE if name in inputs and name in news else Change.ADD if name in news else Change.DELETE
        for name in sorted({*inputs, *news})
        if inputs.get(name) != news.get(name)
    }


def retained(values: Values) -> bool:
    """Whether the token is kept in the state."""
    return values.get("retain") != RETAIN_NONE


def shapes(news: Values, required: Sequence[str], flags: Sequence[str]) -> list[str]:
    """What is missing, or is of another kind than it must be.

    Args:
        news: the inputs.
        required: names of texts that must be there.
        flags: names of what is true or false.
    """
    found = [f"{name} is missing" for name in required if news.get(name) in (None, "")]
    found += [
        f"{name}: text is expected"
        for name in required
        if news.get(name) is not UNKNOWN and not isinstance(news.get(name) or "", str)
    ]
    found += [f"{name}: a whole number from 0 is expected" for name in _WHOLE if not _is_whole(news.get(name))]
    found += [
        f"{name}: true or false is expected"
        for name in flags
        if news.get(name) is not UNKNOWN and news.get(name) not in (None, True, False)
    ]
    generation = news.get("generation")
    if isinstance(generation, int) and generation < 1:
        found.append("generation: 1 or a higher number is expected")
    return found


def _key(news: Values) -> list[str]:
    key = news.get("key")
    problem = key_id_problem(key) if isinstance(key, str) and key else None
    return [f"key: {problem}"] if problem else []


def life(news: Values, least: int, most: int, allowed: str) -> list[str]:
    """What is wrong with the life that is asked for, in seconds from `least` to `most`; `allowed` says it in words."""
    asked = news.get("lifetimeSeconds")
    if news.get("static") or news.get("never"):
        return [] if asked is None else ["lifetimeSeconds: a token that never expires has none"]
    if asked is None:
        return ["lifetimeSeconds is missing"]
    if asked is UNKNOWN or (isinstance(asked, int) and not isinstance(asked, bool) and least <= asked <= most):
        return []
    return [f"lifetimeSeconds: {asked} is not a life that can be granted; allowed: {allowed}"]


def _delivered(news: Values) -> list[str]:
    target, retain = news.get("deliver"), news.get("retain")
    if retain not in (None, RETAIN_STATE, RETAIN_NONE):
        return [f"retain: {retain!r}; allowed: {RETAIN_STATE}, {RETAIN_NONE}"]
    if target is None:
        return [] if retained(news) else ["retain: none needs deliver: nobody would ever have the token"]
    if not isinstance(target, dict) or any(not isinstance(target.get(name), str) for name in _DELIVERY):
        return [f"deliver: {', '.join(_DELIVERY)} are expected, known before the update"]
    if target["namespace"] == news.get("namespace"):
        return [
            "deliver: the workspace's own namespace, where every session could read the key; name another namespace"
        ]
    if wrong := namespace_problem(target["namespace"]):
        return [f"deliver: {'; '.join(wrong)}"]
    return []


def _is_whole(value: Any) -> bool:
    return value is None or value is UNKNOWN or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
