"""Workspaces that a run leaves as they are, as the ledger's check sees them."""

from collections.abc import Callable

from ambient_components.provider.resource import Check, Values
from ambient_components.shards.hold import as_held, others

_HELD = "held"


def with_held(check: Callable[[Values], Check], olds: Values, news: Values) -> Check:
    """A check of a ledger in which what is held has the entries that it was deployed with.

    The engine does nothing to those, so what would be refused of them alone refuses nothing; and the state records
    what is in fact deployed. What is held is itself never recorded.

    Args:
        check: judges inputs that say nothing of what is held.
        olds: the inputs of the last deployment.
        news: the inputs; `held` names workspaces.
    """
    if _HELD not in news:
        return check(news)
    held, after = news[_HELD], news.get("workspaces")
    told = {name: value for name, value in news.items() if name != _HELD}
    if not isinstance(after, dict):
        return check(told)
    if not isinstance(held, list) or not all(isinstance(name, str) for name in held):
        return Check(failures=("held: a list of names of workspaces is expected",))
    told["workspaces"] = as_held(held, olds.get("workspaces") or {}, after)
    found = check(told)
    return Check(found.defaults, tuple(others(found.failures, held)), told)
