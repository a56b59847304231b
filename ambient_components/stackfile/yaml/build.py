"""Conversion of a parser's events into data and positions; all strictness about YAML is here."""

import re
from typing import Any, Final, NoReturn

import yaml

from ambient_components.errors import AmbientError, PathPart, Problems, Where
from ambient_components.stackfile.privacy import may_quote_key, public_path
from ambient_components.stackfile.yaml.positions import ListMarks, MappingMarks, Marks, Spot

MAX_DEPTH: Final = 50
"""Maximum levels of nesting; the stack file needs eight."""

MAX_VALUES: Final = 1_000_000
"""Maximum values after aliases are resolved: 20 times a fleet of 1,000 workspaces, and a limit for alias bombs."""

_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?")
# Characters that are invisible or look like a space, often pasted from web pages.
_INVISIBLE = re.compile(r"[\x85\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]")
_NO_ANCHOR: Final = "define the anchor above, or quote a text that begins with '*'"
_SHOWN_DEPTH: Final = 8
_CONSTANTS: Final[dict[str, object]] = {"": None, "~": None, "null": None, "true": True, "false": False}


class _ListFrame:
    """A list that is not complete yet."""

    __slots__ = ("anchor", "data", "marks", "values_before")

    def __init__(self, spot: Spot, anchor: str | None, values_before: int) -> None:
        self.data: list[object] = []
        self.marks = ListMarks(spot)
        self.anchor = anchor
        self.values_before = values_before


class _MappingFrame:
    """A mapping that is not complete yet."""

    __slots__ = ("anchor", "data", "discarded", "key", "marks", "values_before")

    def __init__(self, spot: Spot, anchor: str | None, values_before: int) -> None:
        self.data: dict[str, object] = {}
        self.marks = MappingMarks(spot)
        self.anchor = anchor
        self.values_before = values_before
        # Key of the next value; None while a key is expected.
        self.key: str | None = None
        # The value of a refused key is read and discarded, so that what follows is parsed correctly.
        self.discarded = False


class Builder:
    """Builds the data of the first document from events.

    Attributes:
        top: Data of the document; None before there is any.
        marks: Positions of everything in it.
        problems: Problems of the file's YAML.
        done: Whether no more events are needed.
    """

    def __init__(self, file: str) -> None:
        self.top: object = None
        self.marks: Marks = (file, 1, 1)
        self.problems = Problems()
        self.done = False
        self._file = file
        self._documents = 0
        self._values = 0
        self._stack: list[_MappingFrame | _ListFrame] = []
        # None for an anchor with an incomplete value.
        self._anchors: dict[str, tuple[object, Marks, int] | None] = {}

    def take(self, event: yaml.Event) -> None:
        """Process the next event."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._take_scalar(event)
        elif kind is yaml.MappingStartEvent:
            self._open(event, _MappingFrame)
        elif kind is yaml.SequenceStartEvent:
            self._open(event, _ListFrame)
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
        if type(frame) is _MappingFrame and frame.key is None:
            self._take_key(frame, event)
            return
        self._refuse_tag(event)
        # The style of unquoted text is '' in C and None in Python.
        value = event.value if event.style else unquoted(event.value)
        self._values += 1
        mark = event.start_mark
        spot = (self._file, mark.line + 1, mark.column + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, spot, 1)
        self._add(value, spot)

    def _take_key(self, frame: _MappingFrame, event: Any) -> None:
        key: str = event.value
        self._refuse_tag(event)
        frame.key = key
        frame.discarded = False
        seen = frame.marks.keys
        if key in seen:
            first = Where(*seen[key])
            quoted = repr(key) if may_quote_key(self._path()) else "a key"
            self._problem(event, f"{quoted} is here twice, first at {first}", "keep one of them")
            frame.discarded = True
        elif invisible := _INVISIBLE.search(key):
            code = f"U+{ord(invisible[0]):04X}"
            self._problem(event, f"a key with an invisible character, {code}", "type the key and its indentation again")
            frame.discarded = True
        elif key == "<<" and not event.style:
            self._problem(event, "'<<' (merge) is not supported", "write the fields out, or use an alias for the whole")
            frame.discarded = True
        else:
            seen[key] = self._spot(event)

    def _open(self, event: Any, frame: type[_MappingFrame | _ListFrame]) -> None:
        self._refuse_key(event)
        self._refuse_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            self._fatal(event, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(frame(self._spot(event), event.anchor, self._values))
        self._values += 1

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.data, frame.marks, self._values - frame.values_before)
        self._add(frame.data, frame.marks)

    def _take_alias(self, event: Any) -> None:
        self._refuse_key(event)
        if event.anchor not in self._anchors:
            self._fatal(event, "an alias (*) of an anchor (&) that the file doesn't have above", _NO_ANCHOR)
        target = self._anchors[event.anchor]
        if target is None:
            self._fatal(event, "an alias (*) inside the anchor (&) that it stands for", "write the value out")
        value, marks, size = target
        self._values += size
        if self._values > MAX_VALUES:
            self._fatal(event, f"aliases make more than {MAX_VALUES:,} values of this file", "write them out")
        spot = self._spot(event)
        # Values in it keep their positions; the alias has the position of its use.
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
        if isinstance(frame, _ListFrame):
            frame.data.append(value)
            frame.marks.values.append(marks)
            return
        if frame.key is not None and not frame.discarded:
            frame.data[frame.key] = value
            frame.marks.values[frame.key] = marks
        frame.key = None

    def _refuse_key(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if isinstance(frame, _MappingFrame) and frame.key is None:
            self._fatal(event, "a key that is not text", "quote it", "put a value in {{ }} in quotes")

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            self._problem(event, "a tag ('!')", "remove it, or quote the text if it starts with '!'")

    def _problem(self, event: Any, problem: str, *remedies: str) -> None:
        where = Where(*self._spot(event))
        self.problems.add(where, public_path(self._path()[:_SHOWN_DEPTH]), problem, *remedies)

    def _fatal(self, event: Any, problem: str, *remedies: str) -> NoReturn:
        self._problem(event, problem, *remedies)
        raise AmbientError(self.problems)

    def _path(self) -> tuple[PathPart, ...]:
        path: list[PathPart] = []
        for frame in self._stack:
            if isinstance(frame, _ListFrame):
                path.append(len(frame.data))
            elif frame.key is not None:
                path.append(frame.key)
        return tuple(path)

    def _spot(self, event: Any) -> Spot:
        mark = event.start_mark
        return (self._file, mark.line + 1, mark.column + 1)


def unquoted(value: str) -> object:
    """Return the meaning of an unquoted scalar; everything unknown is text."""
    if value in _CONSTANTS:
        return _CONSTANTS[value]
    if value[0] in "-0123456789":
        if _INT.fullmatch(value):
            return int(value)
        if _FLOAT.fullmatch(value):
            return float(value)
    return value
