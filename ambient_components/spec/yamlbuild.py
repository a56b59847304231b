"""Turns a parser's events into data and marks in one pass; all that is strict about our YAML is decided here."""

import re
from typing import Any, Final

import yaml

from ambient_components.errors import PathPart, Problems, Where
from ambient_components.spec.marks import ListMarks, MappingMarks, Marks, Spot
from ambient_components.spec.privacy import is_private, public_path

MAX_DEPTH: Final = 50
"""Levels of nesting; the stack file needs eight."""

MAX_VALUES: Final = 2_000_000
"""Values after aliases are followed: 40 times a fleet of 1,000 workspaces, and an end to alias bombs."""

_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?")
_CONSTANTS: Final[dict[str, object]] = {"": None, "~": None, "null": None, "true": True, "false": False}


class _Frame:
    """A mapping or a list that is still open."""

    __slots__ = ("anchor", "data", "discarded", "key", "marks", "values_before")

    def __init__(self, data: Any, marks: MappingMarks | ListMarks, anchor: str | None, values_before: int) -> None:
        self.data = data
        self.marks = marks
        self.anchor = anchor
        self.values_before = values_before
        self.key: str | None = None
        # The value of a refused key is read, so that what follows keeps its place, and thrown away.
        self.discarded = False


class Builder:
    """Takes events until the first document ends.

    Attributes:
        top: The document's data; None before there is any.
        marks: Where everything in it stands.
        problems: What is wrong with the file as YAML.
        done: No more events are wanted.
    """

    def __init__(self, file: str) -> None:
        self.top: object = None
        self.marks: Marks = (1, 1)
        self.problems = Problems()
        self.done = False
        self._file = file
        self._documents = 0
        self._values = 0
        self._stack: list[_Frame] = []
        # None marks an anchor whose own value is still open.
        self._anchors: dict[str, tuple[object, Marks, int] | None] = {}

    def take(self, event: yaml.Event) -> None:
        """Take the next event.

        Raises:
            AmbientError: What follows could not be given a meaning.
        """
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._take_scalar(event)
        elif kind is yaml.MappingStartEvent:
            self._open(event, {}, MappingMarks(_spot(event)))
        elif kind is yaml.SequenceStartEvent:
            self._open(event, [], ListMarks(_spot(event)))
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close()
        elif kind is yaml.AliasEvent:
            self._take_alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                self._problem(event, "a second document", "keep one document in a file: remove the '---'")
                self.done = True
        elif kind is yaml.StreamEndEvent:
            self.done = True

    def _take_scalar(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and type(frame.data) is dict:
            self._take_key(frame, event)
            return
        self._refuse_tag(event)
        value = event.value if event.style is not None else _plain(event.value)
        self._values += 1
        mark = event.start_mark
        spot = (mark.line + 1, mark.column + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, spot, 1)
        self._add(value, spot)

    def _take_key(self, frame: _Frame, event: Any) -> None:
        key: str = event.value
        self._refuse_tag(event)
        frame.key = key
        frame.discarded = False
        seen: dict[str, Spot] = frame.marks.keys  # type: ignore[union-attr,assignment]
        if key in seen:
            first = Where(self._file, *seen[key])
            path = (*self._path(), key)
            quoted = "a key" if is_private(path) else repr(key)
            self._problem(event, f"{quoted} is here twice, first at {first}", "keep one of them", path)
            frame.discarded = True
        elif key == "<<" and event.style is None:
            self._problem(event, "'<<' (merge) is not supported", "write the fields out, or use an alias for the whole")
            frame.discarded = True
        else:
            seen[key] = _spot(event)

    def _open(self, event: Any, data: object, marks: MappingMarks | ListMarks) -> None:
        self._refuse_key(event)
        self._refuse_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            self._fatal(event, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Frame(data, marks, event.anchor, self._values))
        self._values += 1

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.data, frame.marks, self._values - frame.values_before)
        self._add(frame.data, frame.marks)

    def _take_alias(self, event: Any) -> None:
        self._refuse_key(event)
        if event.anchor not in self._anchors:
            self._fatal(event, "an alias (*) of an anchor (&) that the file doesn't have above", "define the anchor")
        target = self._anchors[event.anchor]
        if target is None:
            self._fatal(event, "an alias (*) inside the anchor (&) that it stands for", "write the value out")
        value, marks, size = target
        self._values += size
        if self._values > MAX_VALUES:
            self._fatal(event, f"aliases make more than {MAX_VALUES:,} values of this file", "write them out")
        spot = _spot(event)
        # What is inside keeps its own place; the alias itself is where it is used.
        if isinstance(marks, MappingMarks):
            marks = MappingMarks(spot, marks.keys, marks.values)
        elif isinstance(marks, ListMarks):
            marks = ListMarks(spot, marks.values)
        else:
            marks = spot
        self._add(value, marks)

    def _add(self, value: object, marks: Marks) -> None:
        if not self._stack:
            self.top, self.marks = value, marks
            return
        frame = self._stack[-1]
        if frame.key is None:
            frame.data.append(value)
            frame.marks.values.append(marks)  # type: ignore[union-attr]
            return
        if not frame.discarded:
            frame.data[frame.key] = value
            frame.marks.values[frame.key] = marks  # type: ignore[index]
        frame.key = None

    def _refuse_key(self, event: Any) -> None:
        if self._stack and self._stack[-1].key is None and type(self._stack[-1].data) is dict:
            self._fatal(event, "a key that is not text", "quote it; a value in {{ }} needs quotes around it")

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            self._problem(event, "a tag ('!')", "remove it, or quote the text if it starts with '!'")

    def _problem(self, event: Any, problem: str, remedy: str, path: tuple[PathPart, ...] | None = None) -> None:
        where = Where(self._file, *_spot(event))
        self.problems.add(where, public_path(self._path() if path is None else path), problem, remedy)

    def _fatal(self, event: Any, problem: str, remedy: str) -> None:
        self._problem(event, problem, remedy)
        self.problems.raise_if_any()

    def _path(self) -> tuple[PathPart, ...]:
        """Return the path of what comes next."""
        parts = (len(frame.data) if frame.key is None else frame.key for frame in self._stack if _inside(frame))
        return tuple(parts)


def _inside(frame: _Frame) -> bool:
    return frame.key is not None or type(frame.data) is list


def _spot(event: Any) -> Spot:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1)


def _plain(value: str) -> object:
    """Give a scalar without quotes its meaning; text is what is nothing else."""
    if value in _CONSTANTS:
        return _CONSTANTS[value]
    if value[0] in "-0123456789":
        if _INT.fullmatch(value):
            return int(value)
        if _FLOAT.fullmatch(value):
            return float(value)
    return value
