"""Where a stack's files are read from: this machine's disk, or something else that answers the same questions."""

import glob
import os
import pathlib
import stat
from collections.abc import Hashable
from typing import Final, Protocol

from ambient_components.errors import Where, fail
from ambient_components.spec.regular import STACK_FILE_MAX, Unreadable, read_regular
from ambient_components.spec.yamlfile import decoded


class Files(Protocol):
    """Files by path; `/` is between folders, and a path that isn't absolute starts at one place for all questions."""

    def read(self, path: str, within: str | None = None) -> str:
        """Return the content of a regular file.

        Args:
            path: Of the file.
            within: The folder, absolute, that it must lie below once links are resolved; None for anywhere.

        Raises:
            AmbientError: It can't be read, must not be, is too large, or is not UTF-8.
        """
        ...

    def absolute(self, path: str) -> str:
        """Return the absolute form of a path, without `.` and `..`; links stay as they are."""
        ...

    def real(self, path: str) -> str | None:
        """Return the absolute path of what a path leads to, without links; None if nothing is there."""
        ...

    def identity(self, path: str) -> Hashable | None:
        """Return what two names of one file share; None if there is no such file, or it is a folder."""
        ...

    def expand(self, pattern: str, folder: str) -> list[str]:
        """Return what a pattern of `include` matches, sorted, as paths from a folder.

        Wildcards are those of Python's `glob`, `**` among them, and leave out what is hidden. A pattern without any
        is itself the answer, whether there is such a file or not.
        """
        ...

    def is_folder(self, path: str) -> bool:
        """Tell whether there is a folder of this name."""
        ...


class Disk:
    """The files of this machine, from the working directory."""

    def read(self, path: str, within: str | None = None) -> str:
        """Return the content of a regular file.

        Raises:
            AmbientError: It can't be read, must not be, is too large, or is not UTF-8.
        """
        try:
            content = read_regular(path, STACK_FILE_MAX, within)
        except Unreadable as error:
            fail(Where(path), "", error.problem, error.hint)
        return decoded(content, path)

    def absolute(self, path: str) -> str:
        """Return the absolute form of a path."""
        return os.path.abspath(path)  # noqa: PTH100  # `..` goes by the text, as positions do

    def real(self, path: str) -> str | None:
        """Return the absolute path of what a path leads to."""
        try:
            return os.path.realpath(path, strict=True)
        except (OSError, ValueError):
            return None

    def identity(self, path: str) -> Hashable | None:
        """Return what two names of one file share."""
        try:
            status = pathlib.Path(path).stat()
        except (OSError, ValueError):
            return None
        return None if stat.S_ISDIR(status.st_mode) else (status.st_dev, status.st_ino)

    def expand(self, pattern: str, folder: str) -> list[str]:
        """Return what a pattern matches."""
        if not glob.has_magic(pattern):
            return [pattern]
        # Not pathlib's: this one leaves out hidden files, which are editors' locks and copies.
        return sorted(glob.glob(pattern, root_dir=folder or None, recursive=True))  # noqa: PTH207

    def is_folder(self, path: str) -> bool:
        """Tell whether there is a folder of this name."""
        try:
            return pathlib.Path(path).is_dir()
        except OSError:  # a name that no file system takes
            return False


DISK: Final[Files] = Disk()
"""The files of this machine."""
