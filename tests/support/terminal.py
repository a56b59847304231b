"""A command on a terminal of 80 columns, and what a person sees there."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

COLUMNS, LINES = 80, 40
PATIENCE = 300
"""Seconds for a command that hangs."""

CTRL_C = "\x03"

_CLEAR = "\r\x1b[K"


class Terminal:
    """A running command. `received` is all that it has written."""

    def __init__(self, words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.received = b""
        self._read_up_to = 0
        self._deadline = time.monotonic() + PATIENCE
        # COLUMNS and LINES of the test's own terminal would hide the size of this one.
        variables = {**environ, "TERM": "xterm"}
        variables = {name: value for name, value in variables.items() if name not in ("COLUMNS", "LINES")}
        self._child, self._end = pty.fork()
        if self._child == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
                os.chdir(folder)
                os.execvpe(words[0], [*words], variables)  # noqa: S606  # the test's own command
            finally:
                os._exit(127)

    def wait_for(self, text: str) -> None:
        """Read until the command has printed a text, after the one that was waited for before."""
        self.until(lambda: text.encode() in self.received[self._read_up_to :], text)
        self._read_up_to = self.received.index(text.encode(), self._read_up_to) + len(text.encode())

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Read until something has happened."""
        while not done():
            assert self._read(), f"the command has ended before {what!r}:\n{self.screen}"

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._end, text.encode())

    def ended(self) -> int:
        """Read to the end, and return the exit code."""
        while self._read():
            pass
        os.close(self._end)
        _, status = os.waitpid(self._child, 0)
        return os.waitstatus_to_exitcode(status)

    @property
    def screen(self) -> str:
        """What a person sees: without lines that were drawn over."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.received.decode(errors="replace")).replace("\r\n", "\n")
        return "\n".join(line.rpartition(_CLEAR)[2] for line in text.split("\n"))

    def _read(self) -> bool:
        assert time.monotonic() < self._deadline, f"it hangs:\n{self.screen}"
        if not select.select([self._end], [], [], 0.1)[0]:
            return True
        try:
            part = os.read(self._end, 10_000)
        except OSError:
            return False  # EIO: the other side is closed
        self.received += part
        return bool(part)
