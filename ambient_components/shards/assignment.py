"""Which shard a workspace belongs to: by its own name alone, so that no other workspace ever moves it."""

from collections.abc import Mapping
from hashlib import blake2b

from ambient_components.errors import reject


def home(workspace: str, count: int, pin: int | None = None) -> int:
    """Number of the shard that a workspace belongs to.

    Rendezvous hashing: every shard draws a number for the workspace, and the highest wins. One more shard takes about
    1/(count+1) of all workspaces, each into the new one; one shard less moves only those of the last.

    Args:
        workspace: its name.
        count: how many shards there are; at least 1.
        pin: `shard` of its entry, which decides if it is given.

    Raises:
        ValueError: there is no such shard, or none at all.
    """
    if count < 1:
        reject(f"{count} is no number of shards", "allowed: 1 and up")
    if pin is not None:
        if not 0 <= pin < count:
            reject(f"there is no shard {pin}", f"allowed: 0 to {count - 1}")
        return pin
    return max(range(count), key=lambda number: _draw(workspace, number))


def assigned(pins: Mapping[str, int | None], count: int) -> dict[int, tuple[str, ...]]:
    """The workspaces of every shard, sorted by name; a shard without workspaces has an empty entry.

    Args:
        pins: `shard` of each workspace, None where its entry has none.
        count: how many shards there are; at least 1.

    Raises:
        ValueError: as `home`.
    """
    found: dict[int, list[str]] = {number: [] for number in range(count)}
    for workspace, pin in sorted(pins.items()):
        found[home(workspace, count, pin)].append(workspace)
    return {number: tuple(names) for number, names in found.items()}


def _draw(workspace: str, number: int) -> bytes:
    # Stored nowhere and asked for in every run: never to be changed, or every workspace moves.
    return blake2b(f"{workspace}\0{number}".encode()).digest()
