"""Workspaces that left a shard for another one while their state stayed, as the ledger's check sees them.

The number of shards or a `shard:` has changed, and nobody ran `ambient reshard` yet. To the engine they are gone. Of an
active one the ledger would refuse that anyway; of one that is closed or released it would be the end.
"""

from collections.abc import Callable, Collection
from typing import Any

from ambient_components.provider.resource import Check, Values
from ambient_components.shards.hold import others

_ELSEWHERE = "elsewhere"
_HELD = "held"


def with_elsewhere(check: Callable[[Values], Check], olds: Values, news: Values) -> Check:
    """A check of a ledger that refuses to lose what the fleet's files still have.

    Args:
        check: judges inputs that say nothing of other shards.
        olds: the inputs of the last deployment.
        news: the inputs; `elsewhere` names the workspaces of all other shards. It is never recorded.
    """
    if _ELSEWHERE not in news:
        return check(news)
    told = {name: value for name, value in news.items() if name != _ELSEWHERE}
    gone = _gone(news[_ELSEWHERE], olds.get("workspaces"), news.get("workspaces"), news.get(_HELD))
    found = check(told)
    fleet = str(news.get("owner")).rsplit("/", 1)[-1]
    problems = [
        f"workspace {name!r} is in the files, and belongs to another shard now (the number of shards, or its shard:, "
        f"has changed): nothing is changed. To move it with all that it has, run: ambient reshard {fleet}"
        for name in gone
    ]
    inputs = told if found.inputs is None else found.inputs
    return Check(found.defaults, (*problems, *others(found.failures, gone)), inputs)


def _gone(elsewhere: Any, before: Any, after: Any, held: Any) -> Collection[str]:
    if not all(isinstance(one, dict) for one in (before, after)) or not isinstance(elsewhere, list):
        return ()
    kept = held if isinstance(held, list) else ()
    return sorted(name for name in elsewhere if name in before and name not in after and name not in kept)
