"""What of a fleet's plan stops all of it, and what only the workspace that it is about. Pure."""

from collections.abc import Iterable

from ambient_components.errors import Problem


def of_all(rails: Iterable[Problem], whole: Iterable[Problem]) -> list[Problem]:
    """Those that stop every shard. The others stop one workspace: its shard is run without it (`shards.hold`).

    Args:
        rails: of every shard.
        whole: what only the whole of a fleet shows, such as a bucket that workspaces of two shards want.
    """
    return list(dict.fromkeys([*whole, *(rail for rail in rails if not rail.workspaces)]))
