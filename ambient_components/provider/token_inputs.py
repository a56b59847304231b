"""An AccessToken's inputs: what is wrong with them, and the policy and the identity that they come to."""

from typing import Any, Final

from ambient_components.contract import TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MIN
from ambient_components.keys import NEVER, Policy, misfit
from ambient_components.naming import key_id_problem
from ambient_components.provider.resource import Values
from ambient_components.provider.wire import UNKNOWN

RETAIN_NONE: Final = "none"
RETAIN_STATE: Final = "state"

_REQUIRED: Final = ("namespace", "serviceAccount", "key", "owner")
_WHOLE: Final = ("generation", "rotateBeforeSeconds", "overlapSeconds", "runEverySeconds")
_FLAGS: Final = ("never", "static", "manual", "former", "overlapping", "incomplete", "released")
_TIMES: Final = ("lifetimeSeconds", "rotateBeforeSeconds", "overlapSeconds", "runEverySeconds")
_DELIVERY: Final = ("namespace", "name", "key")


def problems(olds: Values, news: Values) -> list[str]:
    """What no cluster would grant, and what has no meaning; all at once.

    Args:
        olds: of the last deployment.
        news: as they are asked for, unknown ones included.
    """
    found = [*_shapes(news), *_life(news), *_delivered(news)]
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
    life = NEVER if static or values.get("never") else values["lifetimeSeconds"]
    return Policy.of(
        life,
        values.get("rotateBeforeSeconds"),
        values.get("overlapSeconds"),
        values.get("runEverySeconds") or 0,
        manual=values.get("manual"),
        static=static,
    )


def retained(values: Values) -> bool:
    """Whether the token is kept in the state."""
    return values.get("retain") != RETAIN_NONE


def _shapes(news: Values) -> list[str]:
    found = [f"{name} is missing" for name in _REQUIRED if news.get(name) in (None, "")]
    found += [
        f"{name}: text is expected"
        for name in _REQUIRED
        if news.get(name) is not UNKNOWN and not isinstance(news.get(name) or "", str)
    ]
    key = news.get("key")
    if isinstance(key, str) and key and (problem := key_id_problem(key)):
        found.append(f"key: {problem}")
    found += [f"{name}: a whole number from 0 is expected" for name in _WHOLE if not _is_whole(news.get(name))]
    found += [f"{name}: true or false is expected" for name in _FLAGS if news.get(name) not in (None, True, False)]
    generation = news.get("generation")
    if isinstance(generation, int) and generation < 1:
        found.append("generation: 1 or a higher number is expected")
    return found


def _life(news: Values) -> list[str]:
    life = news.get("lifetimeSeconds")
    if news.get("static") or news.get("never"):
        return [] if life is None else ["lifetimeSeconds: a token that never expires has none"]
    if life is None:
        return ["lifetimeSeconds is missing"]
    if life is UNKNOWN or (isinstance(life, int) and TOKEN_LIFETIME_MIN <= life <= TOKEN_LIFETIME_MAX):
        return []
    return [
        f"lifetimeSeconds: {life} is not a life that can be granted; allowed: whole seconds from "
        f"{TOKEN_LIFETIME_MIN} (10m, Kubernetes' own limit) to {TOKEN_LIFETIME_MAX} (1y, the platform's)"
    ]


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
    return []


def _is_whole(value: Any) -> bool:
    return value is None or value is UNKNOWN or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
