"""A stack that is locked, or that has half-made things on record: whose doing, since when, and the way out. Pure."""

import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_LOCKED: Final = "the stack is currently locked by"
_LOCK: Final = re.compile(r"created by (?P<who>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")
_ELSEWHERE: Final = "Another update is currently in progress"
_PENDING: Final = "pending operations from previous deployment"
_EMPTY: Final = "failed to load checkpoint"


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds a stack."""

    who: str
    host: str
    pid: int
    since: str

    def alive(self, host: str, lives: Callable[[int], bool]) -> bool | None:
        """Whether its process still lives; None: it is another machine's."""
        return lives(self.pid) if self.host == host else None


def is_locked(text: str) -> bool:
    """Whether the engine refused to begin because somebody else is at work, or died at it."""
    return _LOCKED in text or _ELSEWHERE in text


def locks(text: str) -> list[Lock]:
    """Every lock that the engine names."""
    return [Lock(one["who"], one["host"], int(one["pid"]), one["since"]) for one in _LOCK.finditer(text)]


def ways_out(
    stack: str, config_file: str, said: Iterable[str], host: str = "", lives: Callable[[int], bool] | None = None
) -> Iterator[str]:
    """What to do about it, a text each.

    Args:
        stack: the shard's.
        config_file: of its fleet.
        said: the engine's own words, warnings included.
        host: this machine's name.
        lives: whether a process of this machine does.
    """
    text = "\n".join(said)
    if is_locked(text):
        found = locks(text)
        for lock in found:
            yield _told(stack, lock, lock.alive(host or socket.gethostname(), lives or process_lives))
        if not found:
            yield f"{stack} is locked by another run: wait for it; if it is dead: pulumi cancel --stack {stack} --yes"
    if _PENDING in text:
        yield (
            f"{stack}: a run died while it made something; what was made is taken over by the next run. To forget "
            f"about it: pulumi refresh --stack {stack} --config-file {config_file} --yes --clear-pending-creates"
        )
    if _EMPTY in text and "EOF" in text:
        yield f"{stack}: a run was killed while it wrote: delete the empty {stack}.json.attrs beside its state"


def process_lives(pid: int) -> bool:
    """Whether a process of this machine lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _told(stack: str, lock: Lock, alive: bool | None) -> str:
    whose = f"{stack} is locked by {lock.who} on {lock.host}, process {lock.pid}, since {lock.since}"
    command = f"pulumi cancel --stack {stack} --yes"
    if alive:
        return f"{whose}, which is at work: wait for it, and run this again"
    if alive is None:
        return f"{whose}: wait for it; if that is dead: {command}"
    return f"{whose}, which is dead: {command}, and run this again"
