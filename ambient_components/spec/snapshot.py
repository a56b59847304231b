"""Files that lie nowhere on the disk, such as those of a revision in Git: told by their names, read by a function.

It answers what the disk would answer of the same files laid out: wildcards, symbolic links and hidden files behave as
there. A property test holds the two against each other.
"""

import fnmatch
import glob
import posixpath
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ambient_components.errors import Where, fail
from ambient_components.spec.regular import STACK_FILE_MAX, Unreadable, is_below, outside, require_size
from ambient_components.spec.yamlfile import decoded

TOP: Final = "/snapshot:"
"""The absolute path of the topmost folder: no path on a disk, so that none is taken for one of the snapshot."""

MAX_LINKS: Final = 40
"""Symbolic links on the way to one file; Linux gives up at so many."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of a snapshot."""

    id: str
    """Names the content to who reads it."""

    link: bool = False
    """Whether it is a symbolic link, and the content its target."""


class Snapshot:
    """Files by path, all known from the beginning; their content is read when it is asked for.

    Args:
        blobs: By path from the top, without a slash in front.
        content: Reads one.
        start: The folder that paths start at, from the top; what lies above the top doesn't exist.
    """

    def __init__(self, blobs: Mapping[str, Blob], content: Callable[[Blob], bytes], start: str = "") -> None:
        self._blobs = blobs
        self._content = content
        self._start = start
        self._folders: dict[str, list[str]] = {"": []}
        for path in sorted(blobs):
            self._register(path)

    def read(self, path: str, within: str | None = None) -> str:
        """Return the content of a file.

        Args:
            path: Of the file.
            within: The folder, absolute, that it must lie below once links are resolved; None for anywhere.

        Raises:
            AmbientError: It can't be read, must not be, is too large, or is not UTF-8.
        """
        found = self._resolve(path)
        if found is None or found in self._folders:
            problem = "can't be read: " + ("No such file or directory" if found is None else "Is a directory")
            fail(Where(path), "", problem, "name a readable file")
        content = self._content(self._blobs[found])
        try:
            if within is not None and not is_below(f"{TOP}/{found}", self.real(within) or within):
                raise outside()
            require_size(len(content), STACK_FILE_MAX)
        except Unreadable as error:
            fail(Where(path), "", error.problem, error.hint)
        return decoded(content, path)

    def absolute(self, path: str) -> str:
        """Return the absolute form of a path; that of the top is `TOP`."""
        return posixpath.normpath(posixpath.join(TOP, self._start, path))

    def real(self, path: str) -> str | None:
        """Return the absolute path of what a path leads to."""
        found = self._resolve(path)
        return None if found is None else f"{TOP}/{found}".rstrip("/")

    def identity(self, path: str) -> Hashable | None:
        """Return the path of a file from the top, without links; None if there is no such file."""
        found = self._resolve(path)
        return None if found is None or found in self._folders else found

    def expand(self, pattern: str, folder: str) -> list[str]:
        """Return what a pattern matches, as paths from the folder."""
        if not glob.has_magic(pattern):
            return [pattern]
        return sorted(set(self._matches("", tuple(pattern.split("/")), folder, ())))

    def is_folder(self, path: str) -> bool:
        """Tell whether there is a folder of this name."""
        return self._resolve(path) in self._folders

    def _register(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = []
            self._register(folder)
        self._folders[folder].append(name)

    def _resolve(self, path: str) -> str | None:
        """The path from the top, without links, `.` and `..`; None if nothing is there."""
        from_top = path[len(TOP) :] if path == TOP or is_below(path, TOP) else posixpath.join(self._start, path)
        todo = [*reversed(from_top.split("/"))]
        here: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if "/".join(here) in self._blobs:
                return None  # a file has nothing below it, not even `..`
            if part == "..":
                if not here:
                    return None
                here.pop()
                continue
            here.append(part)
            name = "/".join(here)
            blob = self._blobs.get(name)
            if blob is not None and blob.link:
                target = self._content(blob).decode("utf-8", errors="replace")
                links += 1
                if links > MAX_LINKS or target.startswith("/"):
                    return None
                here.pop()
                todo += reversed(target.split("/"))
            elif blob is None and name not in self._folders:
                return None
        return "/".join(here)

    def _matches(self, found: str, parts: tuple[str, ...], folder: str, above: tuple[str, ...]) -> Iterator[str]:
        """Paths that begin with `found` and go on as the parts say; `above` are the folders that `**` came through."""
        if not parts:
            yield found
            return
        part, rest = parts[0], parts[1:]
        if part != "**" and not glob.has_magic(part):
            yield from self._matches(posixpath.join(found, part), rest, folder, ())
            return
        here = self._resolve(posixpath.join(folder, found))
        if here is None or here not in self._folders or here in above:
            return  # the last: a link back to a folder on the way
        deep = part == "**"
        if deep and found and not rest:
            yield found
        if deep and rest:
            yield from self._matches(found, rest, folder, ())
        for name in self._folders[here]:
            if name.startswith(".") and (deep or not part.startswith(".")):
                continue
            child = posixpath.join(found, name)
            if deep and self.is_folder(posixpath.join(folder, child)):
                yield from self._matches(child, parts, folder, (*above, here))
            elif deep and not rest:
                yield child
            elif not deep and fnmatch.fnmatchcase(name, part):
                yield from self._matches(child, rest, folder, ())
