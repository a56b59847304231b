"""Ctrl-C, SIGTERM and the end of the terminal while engines run: counted, and answered by whoever waits."""

import signal
import threading
from types import FrameType
from typing import Any, Self

_ANSWERED = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)


class Interrupts:
    """Counts them while it is entered; before and after they mean what they always do.

    Attributes:
        count: How many there were.
    """

    def __init__(self) -> None:
        self.count = 0
        self._event = threading.Event()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _ANSWERED:
            if number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            self._before[number] = signal.signal(number, self._one_more)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wait(self, seconds: float) -> None:
        """Waits, and no longer than to the next one."""
        self._event.wait(seconds)
        self._event.clear()

    def _one_more(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.count += 1
        self._event.set()
