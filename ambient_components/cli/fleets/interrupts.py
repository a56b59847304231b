"""Ctrl-C, SIGTERM and SIGHUP while engines run: counted here, and handled by the main loop."""

import signal
import threading
from types import FrameType
from typing import Any, Self

_ANSWERED = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)


class Interrupts:
    """Count interrupts while the context is active. Before and after it they have their usual effect.

    Attributes:
        count: The number of interrupts.
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
        """Wait for some seconds or until the next interrupt."""
        self._event.wait(seconds)
        self._event.clear()

    def _one_more(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.count += 1
        self._event.set()
