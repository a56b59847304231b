"""Names of a fleet's stacks, and how many there are: `prod` in eight shards is `prod-00` to `prod-07`."""

import re
from typing import Final

from ambient_components.errors import reject

CONFIG_KEY: Final = "shards"
"""Key of the config, in the project's namespace, that says into how many stacks a fleet is divided."""

FLEET_KEY: Final = "fleetKey"
"""Encrypted key of the config: what marks of secret values are made with (`digest.secret_mark`)."""

MOST: Final = 999
"""Shards of one fleet; each is a file of state and a process of the engine."""

# 00 to 99, then 100 to 999: every number has one name, so `prod-003` is a stack of its own.
_SHARD = re.compile(r"(.*[^/])-([0-9]{2}|[1-9][0-9]{2})", re.DOTALL)
_COUNT = re.compile(r"[1-9][0-9]{0,2}")


def shard_stack(fleet: str, number: int) -> str:
    """Name of the stack of one shard.

    Args:
        fleet: as it is named on the command line; an organisation in front of it stays there.
        number: from 0.

    Raises:
        ValueError: no shard can have this number.
    """
    if not 0 <= number < MOST:
        text = f"{number} is no number of a shard; allowed: 0 to {MOST - 1}"
        raise ValueError(text)
    return f"{fleet}-{number:02d}"


def split_shard(stack: str) -> tuple[str, int] | None:
    """Fleet and number that a stack of this name has if it is a shard; None: no shard is called so.

    The name alone does not make it one: `prod-03` is a plain stack where no config of `prod` says `shards`.
    """
    match = _SHARD.fullmatch(stack)
    if match is None or int(match[2]) >= MOST:
        return None
    return match[1], int(match[2])


def shard_count(value: object) -> int:
    """How many shards the config's value says.

    Raises:
        ValueError: it is no number of shards; says what is allowed.
    """
    if isinstance(value, bool) or not isinstance(value, int | str) or not _COUNT.fullmatch(str(value)):
        shown = "an encrypted value" if isinstance(value, dict) else repr(value)
        reject(f"{shown} is no number of shards", f"allowed: 1 to {MOST}")
    return int(value)
