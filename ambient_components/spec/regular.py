"""Reads a file that a stack file names: a regular file of bounded size, where it must lie, and nothing else.

The author of a stack file chooses the path. So a device, a pipe or a socket is never opened, nothing is read without an
end, and a symbolic link leads nowhere that its target could not be named.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ambient_components.errors import Remedy

STACK_FILE_MAX: Final = 32_000_000
"""Bytes of one stack file; 5,000 workspaces are about 5 MB."""

SECRET_FILE_MAX: Final = 1_000_000
"""Bytes of a file that holds a secret; a Kubernetes Secret takes 1 MiB in all."""

CA_BUNDLE_MAX: Final = 1_000_000
"""Bytes of a CA bundle: a ConfigMap takes 1 MiB with all that is around it. The public authorities are about 220 kB."""


_READABLE: Final = "name a readable file"
_FOLDER: Final = ("can't be read: Is a directory", _READABLE)
_NOT_REGULAR: Final = ("is not a regular file", "name a regular file; a device, pipe or socket is never read")
_MISSING: Final = ("can't be read: No such file or directory", _READABLE)
_CREDENTIALS: Final = ("holds credentials of the run", "keep the secret in a file of its own")
_SMALLER: Final = "remove what is not needed from it"


class Unreadable(Exception):  # noqa: N818  # it is an answer, and its callers make an error of it
    """A file that can't be read, or must not be.

    Attributes:
        problem: What is wrong, after the name of the file.
        hint: What to do.
        missing: Whether there is no such file.
    """

    def __init__(self, problem: str, hint: Remedy, *, missing: bool = False) -> None:
        self.problem = problem
        self.hint = hint
        self.missing = missing
        super().__init__(problem)


def read_regular(path: str, at_most: int, within: str | None = None, never: Iterable[str] = ()) -> bytes:
    """Read a regular file.

    Args:
        path: Of the file.
        at_most: Bytes; a larger file is refused.
        within: The folder that the file must lie below once links are resolved; None for anywhere.
        never: Files that it must not be, by whatever name or link.

    Raises:
        Unreadable: It can't be read, or must not be.
    """
    path = str(Path(path))  # without a `.` or a slash at its end, as everywhere else
    try:
        _require_regular(os.stat(path))  # noqa: PTH116  # before it is opened: opening some devices does something
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
        with open(descriptor, "rb") as stream:  # noqa: PTH123
            status = os.fstat(descriptor)
            _require_regular(status)  # once more: another file may have taken its place
            if within is not None:
                _require_within(path, within, status)
            if any(_is_file(one, status) for one in never):
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
    """Tell whether a path lies below a folder; both are absolute and without links."""
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
    """The refusal of a file that lies elsewhere than it must."""
    return Unreadable(
        "leads out of the project, the folder of Pulumi.yaml", "keep the file in the project; a link must stay in it"
    )


def _is_file(path: str, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), status)  # noqa: PTH116
    except (OSError, ValueError):
        return False
