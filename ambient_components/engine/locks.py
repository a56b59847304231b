"""What the engine says where a stack is locked, or where a run that was killed has left something behind."""

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
    """Who holds a stack."""

    who: str
    host: str
    pid: int
    since: str

    def alive(self, host: str, lives: Callable[[int], bool]) -> bool | None:
        """Whether its process still lives; None: it is another machine's."""
        return lives(self.pid) if self.host == host else None


def is_locked(text: str) -> bool:
    """Whether the engine refused to begin because another run has the lock, or died with it."""
    return _LOCKED in text or _ELSEWHERE in text


def locks(text: str) -> list[Lock]:
    """Every lock that the engine names."""
    return [Lock(one["who"], one["host"], int(one["pid"]), one["since"]) for one in _LOCK.finditer(text)]


def has_pending_operations(text: str) -> bool:
    """Whether the engine found that a run was killed while it made something."""
    return _PENDING in text


def is_cut_off(text: str) -> bool:
    """Whether the engine found a state of which a run was killed while it wrote it."""
    return _EMPTY in text and "EOF" in text
