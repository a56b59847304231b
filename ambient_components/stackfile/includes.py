"""Resolution of `include`: the stack file and all files that it names, each read once, in order of precedence.

A file that is reached twice is read once. So a cycle, or a pattern that matches its own file, is harmless and allowed:
`include: ["*.yaml"]` is useful, and nothing is merged silently.

An included file often belongs to one team. So it may contain only workspaces, unless the including file grants it
further sections by name; and all files must be below the project's folder.
"""

import glob
import posixpath
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ambient_components.errors import AmbientError, Problems, Remedy
from ambient_components.model.stack import Included, Section
from ambient_components.model.types import FilePath
from ambient_components.stackfile.files import DISK, Files, Search
from ambient_components.stackfile.layers import Path, Tree
from ambient_components.stackfile.messages import explain
from ambient_components.stackfile.places import Project
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.regular import Unreadable, is_below, outside
from ambient_components.stackfile.yaml.positions import SourceMap
from ambient_components.stackfile.yaml.reader import ParsedYaml, parse_yaml

MAX_NESTING: Final = 20
"""Maximum depth of includes; a fleet needs three."""

EVERY_SECTION: Final = frozenset(Section)
"""Sections that the stack file itself may contain."""

_PATTERN: Final[TypeAdapter[str]] = TypeAdapter(FilePath)


@dataclass(frozen=True, slots=True)
class SourceFile:
    path: str
    """Path as in positions: relative to the given stack file, without `..` where possible."""

    tree: Tree
    """Content and positions."""

    sections: frozenset[Section] = EVERY_SECTION
    """Sections that it may contain besides `workspaces`."""


@dataclass(frozen=True, slots=True)
class _IncludedFile:
    path: str
    at: Path
    identity: Hashable


class Reader:
    """Reader of a stack file and all files that it includes.

    Args:
        source: Access to files.

    Attributes:
        files: Readable files: included files before the including file, the stack file last.
        paths: All files found, readable or not, in the order of discovery.
        granted: Paths of included files that may contain more than workspaces.
        problems: Problems of YAML syntax and of includes.
        complete: Whether `files` is complete; otherwise missing content may be in an unreadable file.
    """

    def __init__(self, source: Files = DISK) -> None:
        self._source = source
        self._search = Search()
        self._project = Project(source, "/")
        self.files: list[SourceFile] = []
        self.paths: list[str] = []
        self.granted: list[str] = []
        self.problems = Problems()
        self.complete = True
        self._seen: set[Hashable] = set()
        self._grants: dict[Hashable, frozenset[Section]] = {}

    def read(self, path: str, text: str | None = None) -> Project:
        """Read the stack file, or use the given content, and follow its includes.

        Returns:
            The project of the stack file.
        """
        self._project = Project.of(self._source, path)
        identity = self._source.identity(path)
        self._grants[identity] = EVERY_SECTION
        self._read(_IncludedFile(path, (), identity), text, nesting=0)
        return self._project

    def _read(self, file: _IncludedFile, text: str | None, nesting: int) -> None:
        path, sections = file.path, self._grants[file.identity]
        self._seen.add(file.identity)
        self.paths.append(path)
        if nesting and sections:
            self.granted.append(path)
        try:
            content = self._source.read(path, self._project.root) if text is None else text
            parsed = parse_yaml(content, path)
        except AmbientError as error:
            self.problems.extend(error.problems)
            self.complete = False
            return
        self.problems.extend(parsed.problems)
        if Section.INCLUDE in sections:
            for found in self._included(path, sections, parsed):
                if found.identity in self._seen:
                    continue
                if nesting >= MAX_NESTING:
                    problem = f"includes nested deeper than {MAX_NESTING} files"
                    self._refuse(found.at, parsed.sources, problem, "flatten them")
                    break
                self._read(found, None, nesting + 1)
        elif "include" in parsed.data:
            self.complete = False  # `unite` reports it, with other sections that were not granted
        self.files.append(SourceFile(path, Tree(parsed.data, parsed.marks), sections))

    def _included(self, path: str, sections: frozenset[Section], parsed: ParsedYaml) -> list[_IncludedFile]:
        """Return the files that a file includes; the grants of several lines for one file are combined."""
        found = []
        for at, item in self._items(parsed):
            if beyond := sorted({*item.sections} - sections):
                remedy = "grant it where this file is included, or remove it"
                self._refuse(at, parsed.sources, f"grants {', '.join(beyond)}, which this file may not hold", remedy)
            for match in self._find(path, at, item.path, parsed.sources):
                identity = self._source.identity(match)
                found.append(_IncludedFile(match, at, identity))
                self._grants[identity] = self._grants.get(identity, frozenset()) | {*item.sections}
        return found

    def _items(self, parsed: ParsedYaml) -> Iterator[tuple[Path, Included]]:
        """Yield the valid items of `include`. Only the stack file's items reach the models, so all are checked here."""
        items = parsed.data.get("include", [])
        sound = isinstance(items, list)
        if not isinstance(items, list):
            self._explain({"type": "list_type", "loc": ("include",), "msg": "", "input": None}, parsed)
            items = []
        for index, item in enumerate(items):
            at = ("include", index)
            try:
                included = _included_item(item)
            except ValidationError as error:
                for one in error.errors(include_input=False):
                    self._explain({**one, "loc": (*at, *one["loc"]), "input": None}, parsed)
                sound = False
            else:
                yield at, included
        if not sound:
            del parsed.data["include"]

    def _explain(self, error: ErrorDetails, parsed: ParsedYaml) -> None:
        at_key = error["type"] == "extra_forbidden"
        self._refuse(error["loc"], parsed.sources, *explain(error, parsed.data), at_key=at_key)

    def _find(self, path: str, at: Path, pattern: str, sources: SourceMap) -> list[str]:
        """Return the files that match a pattern."""
        if posixpath.isabs(pattern):
            remedy = "write it from the folder of this file, so that it holds on every machine"
            self._refuse(at, sources, f"{pattern!r} is an absolute path", remedy)
            return []
        if "://" in pattern:
            self._refuse(at, sources, "is an address, and only files are included", "allowed: the path of a file")
            return []
        folder = posixpath.dirname(path)
        if not self._stays_inside(folder, pattern):
            leaving = outside()
            self._refuse(at, sources, f"{pattern!r} {leaving.problem}", leaving.hint)
            return []
        try:
            candidates = self._source.expand(pattern, folder, self._search)
        except Unreadable as error:
            self._refuse(at, sources, f"{pattern!r} {error.problem}", error.hint)
            return []
        matches, missing = [], True
        for match in candidates:
            found = posixpath.normpath(posixpath.join(folder, match))
            if self._source.identity(found) is None:
                continue
            missing = False
            verdict = self._project.problem(self._project.place(path, match))
            if verdict:
                self._refuse(at, sources, *verdict)
            else:
                matches.append(found)
        if missing and self._source.is_folder(posixpath.join(folder, pattern)):
            self._refuse(
                at, sources, f"{pattern!r} is a folder", f"for the files in it write {pattern.rstrip('/')}/*.yaml"
            )
        elif missing:
            hints = ("write the path from the folder of this file", "add the file, or remove the line")
            self._refuse(at, sources, f"{pattern!r} matches no file", hints)
        return matches

    def _stays_inside(self, folder: str, pattern: str) -> bool:
        """Return whether all possible matches of a pattern are in the project's folder: nothing else is searched."""
        parts = pattern.split("/")
        first = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts))
        if ".." in parts[first:]:
            return False
        begins = self._source.absolute(posixpath.join(folder, *parts[:first]))
        return begins == self._project.root or is_below(begins, self._project.root)

    def _refuse(self, at: Path, sources: SourceMap, problem: str, remedy: Remedy, *, at_key: bool = False) -> None:
        where = sources.key(at) if at_key else sources.value(at)
        self.problems.add(where, public_path(at), problem, remedy)
        self.complete = False


def _included_item(item: object) -> Included:
    """Read one item of `include`.

    Raises:
        ValidationError: The item is neither a path nor a mapping with one.
    """
    if isinstance(item, Mapping):
        return Included.model_validate(item)
    return Included(path=_PATTERN.validate_python(item))
