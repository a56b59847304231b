"""Who holds a stack that is locked."""

from collections.abc import Callable
from dataclasses import dataclass

from ambient_components.engine import texts


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


def locks(text: str) -> list[Lock]:
    """Every lock that the engine names."""
    return [Lock(one["who"], one["host"], int(one["pid"]), one["since"]) for one in texts.locks(text)]
