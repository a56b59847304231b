"""The engine's messages about a locked stack and about what an interrupted run left."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_LOCKED: Final = "the stack is currently locked by"
_LOCK: Final = re.compile(r"created by (?P<who>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")
_ELSEWHERE: Final = "Another update is currently in progress"
_PENDING: Final = "pending operations from previous deployment"
_EMPTY: Final = "failed to load checkpoint"


@dataclass(frozen=True, slots=True)
class Lock:
    """The holder of a stack's lock."""

    who: str
    host: str
    pid: int
    since: str

    def alive(self, host: str, lives: Callable[[int], bool]) -> bool | None:
        """Tell whether the lock's process is still running. None if it is on another machine."""
        return lives(self.pid) if self.host == host else None


def is_locked(text: str) -> bool:
    """Tell whether the engine refused to start because of a lock, held by a running or a killed process."""
    return _LOCKED in text or _ELSEWHERE in text


def locks(text: str) -> list[Lock]:
    """Return every lock that the message names."""
    return [Lock(one["who"], one["host"], int(one["pid"]), one["since"]) for one in _LOCK.finditer(text)]


def has_pending_operations(text: str) -> bool:
    """Tell whether the engine found pending operations of a killed run."""
    return _PENDING in text


def is_cut_off(text: str) -> bool:
    """Tell whether the engine found a state that a killed run wrote only partly."""
    return _EMPTY in text and "EOF" in text
