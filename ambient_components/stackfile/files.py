"""The files of a stack, from this machine or from a Git revision that was extracted to a folder."""

import fnmatch
import glob
import os
import stat
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Final

from ambient_components.errors import Where, fail
from ambient_components.stackfile.regular import STACK_FILE_MAX, Unreadable, is_below, read_regular
from ambient_components.stackfile.yaml.reader import decoded


class Files:
    """Access to files by path, with `/` between folders.

    Args:
        start: Folder of relative paths; empty for the working directory.
        top: Absolute real path of a folder outside of which nothing exists; None for no limit.
    """

    def __init__(self, start: str = "", top: str | None = None) -> None:
        self._start = start
        self._top = top

    def read(self, path: str, within: str | None = None) -> str:
        """Return the content of a regular file.

        Args:
            path: Path of the file.
            within: Absolute path of a folder that must contain the file after links are resolved; None for any.

        Raises:
            AmbientError: The file cannot be read, may not be read, is too large, or is not UTF-8.
        """
        try:
            content = read_regular(self._at(path), STACK_FILE_MAX, within or self._top)
        except Unreadable as error:
            fail(Where(path), "", error.problem, error.hint)
        return decoded(content, path)

    def absolute(self, path: str) -> str:
        """Return the absolute form of a path, without `.` and `..`; links are not resolved."""
        return os.path.abspath(self._at(path))  # noqa: PTH100  # resolves `..` in the text, as positions do

    def real(self, path: str) -> str | None:
        """Return the absolute real path of a path; None if it does not exist."""
        try:
            found = os.path.realpath(self._at(path), strict=True)
        except (OSError, ValueError):
            return None
        return found if self._top is None or found == self._top or is_below(found, self._top) else None

    def identity(self, path: str) -> Hashable | None:
        """Return a value that is equal for all names of one file; None for a missing file and for a folder."""
        status = self._status(path)
        return None if status is None or stat.S_ISDIR(status.st_mode) else (status.st_dev, status.st_ino)

    def expand(self, pattern: str, folder: str) -> list[str]:
        """Return the matches of an `include` pattern, sorted, as paths relative to a folder.

        Wildcards are those of a shell: `*`, `?`, `[...]` and `**`. They skip hidden names, such as editors' lock files,
        and do not follow links to folders, because these can form loops. A pattern without wildcards is returned
        unchanged, whether the file exists or not.
        """
        if not glob.has_magic(pattern):
            return [pattern]
        base = os.path.join(folder, "") if folder and not pattern.startswith("/") else ""  # noqa: PTH118
        return sorted({match.removeprefix(base) for match in self._matches(base, pattern.split("/"))})

    def _matches(self, path: str, parts: list[str]) -> Iterator[str]:
        """Yield the matches of a pattern's parts below a path that is empty or ends with a slash."""
        part, rest = parts[0], parts[1:]
        if part != "**" and not glob.has_magic(part):
            found = f"{path}{part}"
            if rest:
                yield from self._matches(f"{found}/", rest)
            elif os.path.lexists(self._at(found)):
                yield found
            return
        if self._top is not None and self.real(path or ".") is None:
            return  # a wildcard in a revision must not search this machine
        if part == "**":
            rest = rest[next((at for at, one in enumerate(rest) if one != "**"), len(rest)) :] or ["*"]
            yield from self._matches(path, rest)
        for name, is_folder in _entries(self._at(path) or "."):
            if name.startswith(".") and not part.startswith("."):
                continue
            if part == "**":
                if is_folder:
                    yield from self._matches(f"{path}{name}/", ["**", *rest])
            elif fnmatch.fnmatchcase(name, part):
                if not rest:
                    yield f"{path}{name}"
                elif is_folder:
                    yield from self._matches(f"{path}{name}/", rest)

    def is_folder(self, path: str) -> bool:
        """Return whether a path is a folder."""
        status = self._status(path)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def _at(self, path: str) -> str:
        return os.path.join(self._start, path) if self._start else path  # noqa: PTH118  # text as it was written

    def _status(self, path: str) -> os.stat_result | None:
        if self._top is not None and self.real(path) is None:
            return None
        try:
            return os.stat(self._at(path))  # noqa: PTH116
        except (OSError, ValueError):  # ValueError: a name that no file system accepts
            return None


class PlannedFiles(Files):
    """The files of this machine as they will be after a write.

    Args:
        texts: The planned text by absolute path.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__()
        self._texts = dict(texts)

    def read(self, path: str, within: str | None = None) -> str:
        """Return the planned text, or that of the file."""
        planned = self._texts.get(self.absolute(path))
        return super().read(path, within) if planned is None else planned

    def real(self, path: str) -> str | None:
        """Return the absolute real path of a file; of a planned one its future path."""
        found = super().real(path)
        return self.absolute(path) if found is None and self.absolute(path) in self._texts else found

    def identity(self, path: str) -> Hashable | None:
        """Return a value that is equal for all names of one file."""
        found = super().identity(path)
        return self.absolute(path) if found is None and self.absolute(path) in self._texts else found

    def expand(self, pattern: str, folder: str) -> list[str]:
        """Return the matches of an `include` pattern. Planned files have no match of `**`."""
        found = {*super().expand(pattern, folder)}
        parts = pattern.split("/")
        for path in self._texts:
            names = Path(os.path.relpath(path, self.absolute(folder or "."))).parts
            if len(names) == len(parts) and all(map(fnmatch.fnmatchcase, names, parts)):
                found.add("/".join(names))
        return sorted(found)


def _entries(folder: str) -> list[tuple[str, bool]]:
    """Return the names in a folder, each with whether it is a real folder; empty if the folder cannot be read."""
    try:
        with os.scandir(folder) as found:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    except OSError:
        return []


DISK: Final = Files()
"""The files of this machine, relative to the working directory."""
