"""Who holds a stack that is locked."""

from collections.abc import Callable
from dataclasses import dataclass

from ambient_components.engine import texts


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


def locks(text: str) -> list[Lock]:
    """Return every lock that the message names."""
    return [Lock(one["who"], one["host"], int(one["pid"]), one["since"]) for one in texts.locks(text)]
