"""Which guardrail violations stop a whole fleet, and which only exclude one workspace. Pure."""

from collections.abc import Iterable
from typing import Final

from ambient_components.plan.facts import Rail
from ambient_components.shards.hold import refused

REFUSED: Final = 3
"""Exit code for a violated guardrail, or a violated rule that allows no exception."""


def of_all(rails: Iterable[Rail], whole: Iterable[Rail]) -> list[Rail]:
    """Return the violations that stop every shard. Each of the others excludes one workspace (`shards.hold`).

    Args:
        rails: Violations in all shards.
        whole: Violations of the fleet as a whole, such as a bucket that workspaces of two shards declare.
    """
    return list(dict.fromkeys([*whole, *(rail for rail in rails if not refused(rail.text))]))


def on_one_line(text: str) -> str:
    """Return a text as it reads after passing through the engine's events."""
    return " ".join(text.split())
