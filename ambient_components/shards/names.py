"""A fleet's stack names, number of shards and assigned workspaces: `prod` in eight shards is `prod-00` to `prod-07`."""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from ambient_components.errors import reject

CONFIG_KEY: Final = "shards"
"""The config key, in the project's namespace, for the fleet's number of shards."""

FLEET_KEY: Final = "fleetKey"
"""The encrypted config key for the key of secret digests (`fleet.inputs`)."""

MOST: Final = 999
"""Maximum number of shards of a fleet. Each is a state file and an engine process."""

# 00 to 99, then 100 to 999. Every number has one spelling, so `prod-003` is a plain stack.
_SHARD = re.compile(r"(.*[^/])-([0-9]{2}|[1-9][0-9]{2})", re.DOTALL)
_COUNT = re.compile(r"[1-9][0-9]{0,2}")


def shard_stack(fleet: str, number: int) -> str:
    if not 0 <= number < MOST:
        reject(f"{number} is no number of a shard", f"allowed: 0 to {MOST - 1}")
    return f"{fleet}-{number:02d}"


def split_shard(stack: str) -> tuple[str, int] | None:
    """Return the fleet and the number that a shard's stack name consists of, or None.

    The name alone does not make a stack a shard: `prod-03` is a plain stack unless the config of `prod` sets `shards`.
    """
    match = _SHARD.fullmatch(stack)
    if match is None or int(match[2]) >= MOST:
        return None
    return match[1], int(match[2])


def shard_count(value: object) -> int:
    """Return the number of shards from the config value."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not _COUNT.fullmatch(str(value)):
        shown = "an encrypted value" if isinstance(value, dict) else repr(value)
        reject(f"{shown} is no number of shards", f"allowed: 1 to {MOST}")
    return int(value)


def home(workspace: str, count: int, pin: int | None = None) -> int:
    """Return the number of a workspace's shard.

    This is rendezvous hashing: every shard gets a hash for the workspace, and the highest wins. One more shard takes
    about 1/(count+1) of all workspaces, all into the new shard. One shard less moves only the workspaces of the last
    shard.

    Args:
        pin: The `shard` of its entry, which overrides the hash.
    """
    if count < 1:
        reject(f"{count} is no number of shards", "allowed: 1 and up")
    if pin is not None:
        if not 0 <= pin < count:
            reject(f"there is no shard {pin}", f"allowed: 0 to {count - 1}")
        return pin
    return max(range(count), key=lambda number: _draw(workspace, number))


def assigned(pins: Mapping[str, int | None], count: int) -> dict[int, tuple[str, ...]]:
    """Return the workspaces of every shard, sorted by name. A shard without workspaces has an empty entry."""
    homes: dict[int, list[str]] = {number: [] for number in range(count)}
    for workspace, pin in sorted(pins.items()):
        homes[home(workspace, count, pin)].append(workspace)
    return {number: tuple(names) for number, names in homes.items()}


def _draw(workspace: str, number: int) -> bytes:
    # The hash is computed in every run and stored nowhere. Changing it would move every workspace.
    return blake2b(f"{workspace}\0{number}".encode()).digest()
