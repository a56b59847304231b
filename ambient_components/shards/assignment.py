"""The assignment of workspaces to shards. It depends only on the workspace's name, so no other workspace moves it."""

from collections.abc import Mapping
from hashlib import blake2b

from ambient_components.errors import reject


def home(workspace: str, count: int, pin: int | None = None) -> int:
    """Return the number of a workspace's shard.

    This is rendezvous hashing: every shard gets a hash for the workspace, and the highest wins. One more shard takes
    about 1/(count+1) of all workspaces, all into the new shard. One shard less moves only the workspaces of the last
    shard.

    Args:
        workspace: The workspace's name.
        count: The number of shards, at least 1.
        pin: The `shard` of its entry, which overrides the hash.

    Raises:
        ValueError: The pinned shard does not exist, or the count is less than 1.
    """
    if count < 1:
        reject(f"{count} is no number of shards", "allowed: 1 and up")
    if pin is not None:
        if not 0 <= pin < count:
            reject(f"there is no shard {pin}", f"allowed: 0 to {count - 1}")
        return pin
    return max(range(count), key=lambda number: _draw(workspace, number))


def assigned(pins: Mapping[str, int | None], count: int) -> dict[int, tuple[str, ...]]:
    """Return the workspaces of every shard, sorted by name. A shard without workspaces has an empty entry.

    Args:
        pins: The `shard` of each workspace, or None.
        count: The number of shards, at least 1.

    Raises:
        ValueError: See `home`.
    """
    found: dict[int, list[str]] = {number: [] for number in range(count)}
    for workspace, pin in sorted(pins.items()):
        found[home(workspace, count, pin)].append(workspace)
    return {number: tuple(names) for number, names in found.items()}


def _draw(workspace: str, number: int) -> bytes:
    # The hash is computed in every run and stored nowhere. Changing it would move every workspace.
    return blake2b(f"{workspace}\0{number}".encode()).digest()
