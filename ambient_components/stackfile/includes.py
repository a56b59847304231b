"""Resolution of `include`: the stack file and all files that it names, each read once, in order of precedence.

A file that is reached twice is read once. So a cycle, or a pattern that matches its own file, is harmless and allowed:
`include: ["*.yaml"]` is useful, and nothing is merged silently.

An included file often belongs to one team. So it may contain only workspaces, unless the including file grants it
further sections by name; and all files must be below the project's folder.

Workspaces and templates of all files are combined, and a name in two files is an error: the reviewers of a file must
see the complete entry. Defaults are merged in the order of the files, the including file last.
"""

import glob
import posixpath
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ambient_components.errors import AmbientError, PathPart, Problems, Remedy, Where
from ambient_components.model.stack import Included, Section, StackFile
from ambient_components.model.types import FilePath
from ambient_components.rules.findings import Path
from ambient_components.stackfile.files import DISK, Files, Search
from ambient_components.stackfile.layers import DEFAULTS, RULES, Tree, merge
from ambient_components.stackfile.messages import explain, meant_fields
from ambient_components.stackfile.places import Project
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.regular import Unreadable, is_below, outside
from ambient_components.stackfile.yaml.positions import MappingMarks, SourceMap
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
    sections: frozenset[Section] = EVERY_SECTION
    """Sections that it may contain besides `workspaces`."""


@dataclass(frozen=True, slots=True)
class _IncludedFile:
    path: str
    at: Path
    identity: Hashable


class Reader:
    """Reader of a stack file and all files that it includes.

    Attributes:
        files: Readable files: included files before the including file, the stack file last.
        paths: All files found, readable or not, in the order of discovery.
        granted: Included files that may contain more than workspaces, with these sections, by path.
        problems: Problems of YAML syntax and of includes.
        complete: Whether `files` is complete; otherwise missing content may be in an unreadable file.
    """

    def __init__(self, source: Files = DISK) -> None:
        self._source = source
        self._search = Search()
        self._project = Project(source, "/")
        self.files: list[SourceFile] = []
        self.paths: list[str] = []
        self.granted: dict[str, frozenset[Section]] = {}
        self.problems = Problems()
        self.complete = True
        self._seen: set[Hashable] = set()
        self._grants: dict[Hashable, frozenset[Section]] = {}

    def read(self, path: str, text: str | None = None) -> Project:
        """Read the stack file, or use the given content, follow its includes, and return its project."""
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
            self.granted[path] = sections
        try:
            content = self._source.read(path, self._project.root) if text is None else text
            parsed = parse_yaml(content, path)
        except AmbientError as error:
            self.problems.extend(error.problems)
            self.complete = False
            return
        self.problems.extend(parsed.problems)
        if Section.INCLUDE in sections:
            for included in self._included(path, sections, parsed):
                if included.identity in self._seen:
                    continue
                if nesting >= MAX_NESTING:
                    problem = f"includes nested deeper than {MAX_NESTING} files"
                    self._refuse(included.at, parsed.sources, problem, "flatten them")
                    break
                self._read(included, None, nesting + 1)
        elif "include" in parsed.data:
            self.complete = False  # `merge_files` reports it, with other sections that were not granted
        self.files.append(SourceFile(path, Tree(parsed.data, parsed.marks), sections))

    def _included(self, path: str, sections: frozenset[Section], parsed: ParsedYaml) -> list[_IncludedFile]:
        """Return the files that a file includes; the grants of several lines for one file are combined."""
        included = []
        for at, item in self._items(parsed):
            if outside := sorted({*item.sections} - sections):
                remedy = "grant it where this file is included, or remove it"
                self._refuse(at, parsed.sources, f"grants {', '.join(outside)}, which this file may not hold", remedy)
            for match in self._find(path, at, item.path, parsed.sources):
                identity = self._source.identity(match)
                included.append(_IncludedFile(match, at, identity))
                self._grants[identity] = self._grants.get(identity, frozenset()) | {*item.sections}
        return included

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
                for fault in error.errors(include_input=False):
                    self._explain({**fault, "loc": (*at, *fault["loc"]), "input": None}, parsed)
                sound = False
            else:
                yield at, included
        if not sound:
            del parsed.data["include"]

    def _explain(self, error: ErrorDetails, parsed: ParsedYaml) -> None:
        at_key = error["type"] == "extra_forbidden"
        self._refuse(error["loc"], parsed.sources, *explain(error, parsed.data), at_key=at_key)

    def _find(self, path: str, at: Path, pattern: str, sources: SourceMap) -> list[str]:
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
            place = posixpath.normpath(posixpath.join(folder, match))
            if self._source.identity(place) is None:
                continue
            missing = False
            verdict = self._project.problem(self._project.place(path, match))
            if verdict:
                self._refuse(at, sources, *verdict)
            else:
                matches.append(place)
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
    """Read one item of `include`."""
    if isinstance(item, Mapping):
        return Included.model_validate(item)
    return Included(path=_PATTERN.validate_python(item))


NAMED: Final = ("workspaces", "templates", Section.ACCESS_TESTS)
"""Sections with named entries, each in one file only."""


def merge_files(files: Sequence[SourceFile], problems: Problems, *, complete: bool = True) -> Tree:
    """Return the merged files, in the form of one stack file."""
    known = {field.alias or name for name, field in StackFile.model_fields.items()}
    data: dict[str, Any] = {}
    marks = MappingMarks(files[-1].tree.marks.start)
    misspelled = False
    for file in files:
        for section, value in file.tree.data.items():
            if section not in known:
                _refuse(file, (section,), "extra_forbidden", problems)
                misspelled |= ("workspaces",) in meant_fields((section,))
                continue
            if file is not files[-1] and section != "workspaces" and section not in file.sections:
                _refuse_ungranted(file, section, problems)
                if section == "stacks":
                    continue  # it would make this stack a list of stacks
            if section in (*NAMED, DEFAULTS):
                if isinstance(value, dict):
                    _take(file, section, Tree(data, marks), problems)
                else:
                    _refuse(file, (section,), "dict_type", problems)
                    data.setdefault(section, {})  # present, so that it is not reported as missing
            elif file is files[-1] or section != "include":
                _put(Tree(data, marks), section, file.tree)
    if misspelled or not complete:
        data.setdefault("workspaces", {})
    return Tree(data, marks)


def _refuse_ungranted(file: SourceFile, section: str, problems: Problems) -> None:
    """Report a section that affects other files, in a file that may only contain workspaces."""
    remedy = "move it into the file that includes this one"
    if section in {*Section}:
        remedy += f", or grant it there: include: [{{path: PATH, sections: [{section}]}}]"
    where = SourceMap(file.tree.marks).key((section,))
    problems.add(where, public_path((section,)), "an included file holds workspaces alone", remedy)


def _take(file: SourceFile, section: str, merged: Tree, problems: Problems) -> None:
    new = Tree(file.tree.data[section], file.tree.marks.values[section])
    if section not in merged.marks.values:
        _put(merged, section, file.tree)
        if section in NAMED:  # copied, because entries of other files are added and the file itself must not change
            merged.data[section], merged.marks.values[section] = _copy(new)
        return
    old = Tree(merged.data[section], merged.marks.values[section])
    if section == DEFAULTS:
        merged.data[section], merged.marks.values[section] = merge(old, new, RULES)
        return
    for name in new.data:
        if name in old.data:
            where, other = Where(*new.marks.keys[name]), Where(*old.marks.keys[name])
            remedy = "keep one of them: an entry is in one file"
            path = public_path((section, name))
            problems.add(where, path, f"{name!r} is in two files, here and at {other}", remedy)
        else:
            _put(old, name, new)


def _copy(tree: Tree) -> Tree:
    marks = tree.marks
    return Tree(dict(tree.data), MappingMarks(marks.start, dict(marks.keys), dict(marks.values)))


def _put(into: Tree, key: str, source: Tree) -> None:
    into.data[key] = source.data[key]
    into.marks.keys[key] = source.marks.keys[key]
    into.marks.values[key] = source.marks.values[key]


def _refuse(file: SourceFile, path: tuple[PathPart, ...], kind: str, problems: Problems) -> None:
    """Report what the models would refuse, with the same message; they only see the merged document."""
    sources = SourceMap(file.tree.marks)
    where = sources.key(path) if kind == "extra_forbidden" else sources.value(path)
    problem, remedy = explain({"type": kind, "loc": path, "msg": "", "input": None}, file.tree.data)
    problems.add(where, public_path(path), problem, remedy)
