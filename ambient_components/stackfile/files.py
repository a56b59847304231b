"""The files of a stack, as they are on this machine or as they will be after a write."""

import fnmatch
import glob
import os
import stat
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Final

from ambient_components.errors import Where, fail
from ambient_components.stackfile.regular import STACK_FILE_MAX, Unreadable, read_regular
from ambient_components.stackfile.yaml.reader import decoded

SEARCH_MAX: Final = 1_000_000
"""Maximum names that all wildcards of a stack search; a repository has some 10,000."""

_PATH: Final = 100
"""Characters of a path that count as much as a name."""

_TOO_MUCH: Final = (
    f"searches more than {SEARCH_MAX:,} names, with the wildcards before it",
    "write the folder before the first wildcard, and ** once",
)


class Search:
    """How many names the wildcards of one stack may still search: a pattern is the author's, and so is the tree."""

    def __init__(self, left: int = SEARCH_MAX) -> None:
        self._left = left

    def count(self, names: int) -> None:
        """Count what was searched."""
        self._left -= names
        if self._left < 0:
            raise Unreadable(*_TOO_MUCH)


class Files:
    """Access to the files of this machine by path, with `/` between folders."""

    def read(self, path: str, within: str | None = None) -> str:
        """Return the content of a regular file."""
        try:
            content = read_regular(path, STACK_FILE_MAX, within)
        except Unreadable as error:
            fail(Where(path), "", error.problem, error.hint)
        return decoded(content, path)

    def absolute(self, path: str) -> str:
        """Return the absolute form of a path, without `.` and `..`; links are not resolved."""
        return os.path.abspath(path)  # noqa: PTH100  # resolves `..` in the text, as positions do

    def real(self, path: str) -> str | None:
        """Return the absolute real path of a path; None if it does not exist."""
        try:
            return os.path.realpath(path, strict=True)
        except (OSError, ValueError):
            return None

    def identity(self, path: str) -> Hashable | None:
        """Return a value that is equal for all names of one file; None for a missing file and for a folder."""
        status = self._status(path)
        return None if status is None or stat.S_ISDIR(status.st_mode) else (status.st_dev, status.st_ino)

    def expand(self, pattern: str, folder: str, search: Search) -> list[str]:
        """Return the matches of an `include` pattern, sorted, as paths relative to a folder.

        Wildcards are those of a shell: `*`, `?`, `[...]` and `**`. They skip hidden names, such as editors' lock files,
        and do not follow links to folders, because these can form loops. A pattern without wildcards is returned
        unchanged, whether the file exists or not.

        Raises:
            Unreadable: There is too much to search.
        """
        if not glob.has_magic(pattern):
            return [pattern]
        base = os.path.join(folder, "") if folder and not pattern.startswith("/") else ""  # noqa: PTH118
        parts = _parts(pattern)
        # Each part is matched once with each folder, in whatever ways several `**` lead there.
        todo = [(base, 0)]
        seen, matches = {*todo}, set[str]()
        while todo:
            path, at = todo.pop()
            for step in self._steps(path, parts[at], at, is_last=at + 1 == len(parts), search=search):
                if step[1] == len(parts):
                    matches.add(step[0].removeprefix(base))
                elif step not in seen:
                    seen.add(step)
                    todo.append(step)
        return sorted(matches)

    def _steps(self, path: str, part: str, at: int, *, is_last: bool, search: Search) -> Iterator[tuple[str, int]]:
        """Yield what a part of a pattern matches below a path, each with the place of the part that follows.

        The path is empty or ends with a slash, as those that are yielded do, except for the last part.
        """
        search.count(1 + len(path) // _PATH)
        if part != "**" and not glob.has_magic(part):
            match = f"{path}{part}"
            if not is_last:
                yield f"{match}/", at + 1
            elif os.path.lexists(match):
                yield match, at + 1
            return
        if part == "**":
            yield path, at + 1
        entries = _entries(path or ".")
        search.count(len(entries))
        for name, is_folder in entries:
            if name.startswith(".") and not part.startswith("."):
                continue
            if part == "**":
                if is_folder:
                    yield f"{path}{name}/", at
            elif fnmatch.fnmatchcase(name, part):
                if is_last:
                    yield f"{path}{name}", at + 1
                elif is_folder:
                    yield f"{path}{name}/", at + 1

    def is_folder(self, path: str) -> bool:
        status = self._status(path)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def _status(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(path)  # noqa: PTH116
        except (OSError, ValueError):  # ValueError: a name that no file system accepts
            return None


class PlannedFiles(Files):
    """The files of this machine as they will be after a write."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = dict(texts)

    def read(self, path: str, within: str | None = None) -> str:
        """Return the planned text, or that of the file."""
        planned = self._texts.get(self.absolute(path))
        return super().read(path, within) if planned is None else planned

    def real(self, path: str) -> str | None:
        """Return the absolute real path of a file; of a planned one its future path."""
        resolved = super().real(path)
        return self.absolute(path) if resolved is None and self.absolute(path) in self._texts else resolved

    def identity(self, path: str) -> Hashable | None:
        """Return a value that is equal for all names of one file."""
        identity = super().identity(path)
        return self.absolute(path) if identity is None and self.absolute(path) in self._texts else identity

    def expand(self, pattern: str, folder: str, search: Search) -> list[str]:
        """Return the matches of an `include` pattern. Planned files have no match of `**`."""
        matches = {*super().expand(pattern, folder, search)}
        parts = pattern.split("/")
        for path in self._texts:
            names = Path(os.path.relpath(path, self.absolute(folder or "."))).parts
            if len(names) == len(parts) and all(map(fnmatch.fnmatchcase, names, parts)):
                matches.add("/".join(names))
        return sorted(matches)


def _parts(pattern: str) -> list[str]:
    """Return the parts of a pattern: of several `**` in a row one, and a last one followed by `*`."""
    parts = pattern.split("/")
    once = [part for part, before in zip(parts, [None, *parts], strict=False) if (part, before) != ("**", "**")]
    return [*once, "*"] if once[-1] == "**" else once


def _entries(folder: str) -> list[tuple[str, bool]]:
    """Return the names in a folder, each with whether it is a real folder; empty if the folder cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError:
        return []


DISK: Final = Files()
"""The files of this machine, relative to the working directory."""
