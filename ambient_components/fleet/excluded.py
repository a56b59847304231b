"""Which guardrail violations stop a whole fleet, and which only exclude one workspace. Pure."""

from collections.abc import Iterable

from ambient_components.errors import Problem


def of_all(guardrails: Iterable[Problem], whole: Iterable[Problem]) -> list[Problem]:
    """Return the violations that stop every shard.

    The others stop one workspace: its shard runs without it (`shards.excluded`).

    Args:
        guardrails: Violations in all shards.
        whole: Violations of the fleet as a whole, such as a bucket that workspaces of two shards declare.
    """
    return list(dict.fromkeys([*whole, *(guardrail for guardrail in guardrails if not guardrail.workspaces)]))
