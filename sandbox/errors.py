"""The exception of the sandbox."""

from __future__ import annotations

NOT_RUNNING = 3


class SandboxError(Exception):
    """An expected failure. The command line prints it without a traceback and exits with `exit_code`."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
