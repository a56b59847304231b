"""What of a fleet's plan stops all of it, and what only the workspace that it is about. Pure."""

from collections.abc import Iterable

from ambient_components.plan.facts import Rail
from ambient_components.shards.hold import refused


def of_all(rails: Iterable[Rail], whole: Iterable[Rail]) -> list[Rail]:
    """Those that stop every shard. The others stop one workspace: its shard is run without it (`shards.hold`).

    Args:
        rails: of every shard.
        whole: what only the whole of a fleet shows, such as a bucket that workspaces of two shards want.
    """
    return list(dict.fromkeys([*whole, *(rail for rail in rails if not refused(rail.text))]))


def on_one_line(text: str) -> str:
    """As a text reads after it came through the engine's events."""
    return " ".join(text.split())
