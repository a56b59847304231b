"""Safe reading of a file that a stack file names: only a regular file, of bounded size, in an allowed folder.

The author of a stack file chooses the path. So devices, pipes and sockets are never opened, the size is limited, and a
symbolic link cannot reach a file that its target path could not.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ambient_components.errors import Remedy

STACK_FILE_MAX: Final = 32_000_000
"""Maximum bytes of a stack file; 5,000 workspaces take about 5 MB."""

SECRET_FILE_MAX: Final = 1_000_000
"""Maximum bytes of a file with a secret; a Kubernetes Secret holds 1 MiB in total."""

CA_BUNDLE_MAX: Final = 1_000_000
"""Maximum bytes of a CA bundle: a ConfigMap holds 1 MiB in total. The public authorities take about 220 kB."""


_READABLE: Final = "name a readable file"
_FOLDER: Final = ("can't be read: Is a directory", _READABLE)
_NOT_REGULAR: Final = ("is not a regular file", "name a regular file: a device, pipe or socket is never read")
_MISSING: Final = ("can't be read: No such file or directory", _READABLE)
_CREDENTIALS: Final = ("holds credentials of the run", "keep the secret in a file of its own")
_SMALLER: Final = "remove what is not needed from it"


class Unreadable(Exception):  # noqa: N818  # callers turn it into an error
    """A file that cannot or may not be read. `problem` follows the name of the file."""

    def __init__(self, problem: str, hint: Remedy, *, missing: bool = False) -> None:
        self.problem = problem
        self.hint = hint
        self.missing = missing
        super().__init__(problem)


def read_regular(path: str, at_most: int, within: str | None = None, never: Iterable[str] = ()) -> bytes:
    """Read a regular file.

    Args:
        at_most: Maximum size in bytes.
        within: Folder that must contain the file after links are resolved; None for any.
        never: Files that it must not be, under any name or link.
    """
    path = str(Path(path))  # without `.` or a trailing slash, as everywhere else
    try:
        _require_regular(os.stat(path))  # noqa: PTH116  # before it is opened: opening some devices does something
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
        with open(descriptor, "rb") as stream:  # noqa: PTH123
            status = os.fstat(descriptor)
            _require_regular(status)  # again, because the file may have been replaced
            if within is not None:
                _require_within(path, within, status)
            if any(_is_file(forbidden, status) for forbidden in never):
                raise Unreadable(*_CREDENTIALS)
            content = stream.read(at_most + 1)
    except FileNotFoundError:
        raise Unreadable(*_MISSING, missing=True) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it has no valid name"
        problem = f"can't be read: {reason}"
        raise Unreadable(problem, _READABLE) from None
    if len(content) > at_most:
        problem = f"is larger than {at_most:,} bytes"
        raise Unreadable(problem, _SMALLER)
    return content


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is below a folder; both are absolute and real."""
    return path.startswith(f"{folder.rstrip('/')}/")


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable(*_FOLDER)
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(*_NOT_REGULAR)


def _require_within(path: str, folder: str, status: os.stat_result) -> None:
    real = os.path.realpath(path)
    if not is_below(real, os.path.realpath(folder)) or not os.path.samestat(os.stat(real), status):  # noqa: PTH116
        raise outside()


def outside() -> Unreadable:
    return Unreadable(
        "leads out of the project, the folder of Pulumi.yaml",
        ("keep the file in the project", "let no link lead out of it"),
    )


def _is_file(path: str, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), status)  # noqa: PTH116
    except (OSError, ValueError):
        return False
