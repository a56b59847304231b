"""Follows `include`: the stack file and every file that it names, each read once, in the order in which they count.

A file that is reached twice is the same file. So a cycle, or a pattern that also matches the file that says it, is
harmless: refusing them would refuse `include: ["*.yaml"]`, and nothing that they could hide is merged silently.
"""

import posixpath
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ambient_components.errors import AmbientError, Problems
from ambient_components.spec.files import DISK, Files
from ambient_components.spec.layers import Path, Tree
from ambient_components.spec.marks import SourceMap
from ambient_components.spec.messages import explain
from ambient_components.spec.privacy import public_path
from ambient_components.spec.types import FilePath
from ambient_components.spec.yamlfile import ParsedYaml, parse_yaml

MAX_NESTING: Final = 20
"""Files that include each other in a chain; a fleet needs three."""

_PATTERN: Final[TypeAdapter[str]] = TypeAdapter(FilePath)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a stack."""

    path: str
    """As positions name it: from where the stack file was named, without `..` where that can be."""

    tree: Tree
    """What it holds, and where."""


class Reader:
    """Reads a stack file and all that it includes.

    Args:
        source: Where files are read from.

    Attributes:
        files: Those that could be read: included files before the file that includes them, the stack file last.
        paths: Every file that was found, readable or not, in the order in which they were come upon.
        problems: What is wrong with them as YAML, and with what they include.
        complete: Whether `files` has all of them; else what is not in them may be in the others.
    """

    def __init__(self, source: Files = DISK) -> None:
        self._source = source
        self.files: list[SourceFile] = []
        self.paths: list[str] = []
        self.problems = Problems()
        self.complete = True
        self._seen: set[Hashable] = set()

    def read(self, path: str, text: str | None = None) -> None:
        """Read the stack file, or take its content as given, and follow what it includes."""
        identity = self._source.identity(path)
        if identity is not None:
            self._seen.add(identity)
        self._read(path, text, nesting=0)

    def _read(self, path: str, text: str | None, nesting: int) -> None:
        self.paths.append(path)
        try:
            parsed = parse_yaml(self._source.read(path) if text is None else text, path)
        except AmbientError as error:
            self.problems.extend(error.problems)
            self.complete = False
            return
        self.problems.extend(parsed.problems)
        for at, pattern in self._patterns(parsed):
            for found in self._find(path, at, pattern, parsed.sources):
                if nesting >= MAX_NESTING:
                    self._refuse(at, parsed.sources, f"includes nested deeper than {MAX_NESTING} files", "flatten them")
                    break
                self._read(found, None, nesting + 1)
        self.files.append(SourceFile(path, Tree(parsed.data, parsed.marks)))

    def _patterns(self, parsed: ParsedYaml) -> Iterator[tuple[Path, str]]:
        """Yield the patterns that can be followed; the models would see those of the stack file only."""
        patterns = parsed.data.get("include", [])
        sound = isinstance(patterns, list)
        if not isinstance(patterns, list):
            self._explain({"type": "list_type", "loc": ("include",), "msg": "", "input": None}, parsed)
            patterns = []
        for index, pattern in enumerate(patterns):
            at = ("include", index)
            try:
                _PATTERN.validate_python(pattern)
            except ValidationError as error:
                self._explain({**error.errors(include_input=False)[0], "loc": at, "input": None}, parsed)
                sound = False
            else:
                yield at, pattern
        if not sound:
            del parsed.data["include"]

    def _explain(self, error: ErrorDetails, parsed: ParsedYaml) -> None:
        self._refuse(error["loc"], parsed.sources, *explain(error, parsed.data))

    def _find(self, path: str, at: Path, pattern: str, sources: SourceMap) -> list[str]:
        """Return the files that a pattern adds to those known already."""
        if posixpath.isabs(pattern):
            remedy = "write it from the folder of this file, so that it holds on every machine"
            self._refuse(at, sources, f"{pattern!r} is an absolute path", remedy)
            return []
        if "://" in pattern:
            self._refuse(at, sources, "is an address, and only files are included", "allowed: the path of a file")
            return []
        folder = posixpath.dirname(path)
        new, matched = [], False
        for match in self._source.expand(pattern, folder):
            found = posixpath.normpath(posixpath.join(folder, match))
            identity = self._source.identity(found)
            if identity is None:
                continue
            matched = True
            if identity not in self._seen:
                self._seen.add(identity)
                new.append(found)
        if not matched and self._source.is_folder(posixpath.join(folder, pattern)):
            self._refuse(
                at, sources, f"{pattern!r} is a folder", f"for the files in it write {pattern.rstrip('/')}/*.yaml"
            )
        elif not matched:
            remedy = "paths start at the folder of this file; add the file, or remove the line"
            self._refuse(at, sources, f"{pattern!r} matches no file", remedy)
        return new

    def _refuse(self, at: Path, sources: SourceMap, problem: str, remedy: str) -> None:
        self.problems.add(sources.value(at), public_path(at), problem, remedy)
        self.complete = False
