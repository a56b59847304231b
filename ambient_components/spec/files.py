"""Where a stack's files are read from: this machine's disk, or something else that answers the same four questions."""

import glob
import pathlib
import stat
from collections.abc import Hashable
from typing import Final, Protocol

from ambient_components.spec.yamlfile import read_text


class Files(Protocol):
    """Files by path; `/` is between folders, and a path that isn't absolute starts at one place for all questions."""

    def read(self, path: str) -> str:
        """Return the content of a file.

        Raises:
            AmbientError: It can't be read, or is not UTF-8.
        """
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

    def read(self, path: str) -> str:
        """Return the content of a file.

        Raises:
            AmbientError: It can't be read, or is not UTF-8.
        """
        return read_text(path)

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
