"""Positions of all keys and values, in any of the files."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ambient_components.errors import PathPart, Where

Spot = tuple[str, int, int]
"""File, line and column, both from 1: in data merged from several files, each value keeps its own."""


@dataclass(slots=True)
class MappingMarks:
    start: Spot
    """Position of its first key, or of its alias."""

    keys: dict[str, Spot] = field(default_factory=dict)
    values: "dict[str, Marks]" = field(default_factory=dict)


@dataclass(slots=True)
class ListMarks:
    start: Spot
    """Position of its first dash or bracket, or of its alias."""

    values: "list[Marks]" = field(default_factory=list)


Marks = Spot | MappingMarks | ListMarks
"""Positions of a value and of everything in it."""


class SourceMap:
    """Lookup of positions by paths such as `("workspaces", "payments", "grants", 0, "role")`.

    For a path that is not in the files, such as a missing field, the result is the position of the nearest parent.
    """

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def key(self, path: Sequence[PathPart]) -> Where:
        """Return the position of an entry's key; for an item of a list, of the item."""
        parent, rest = self._walk(path[:-1])
        if path and not rest and isinstance(parent, MappingMarks) and path[-1] in parent.keys:
            return Where(*parent.keys[str(path[-1])])
        return self.value(path)

    def value(self, path: Sequence[PathPart]) -> Where:
        """Return the position of a value; for a block, of its first line."""
        marks, _ = self._walk(path)
        return Where(*(marks if isinstance(marks, tuple) else marks.start))

    def _walk(self, path: Sequence[PathPart]) -> tuple[Marks, Sequence[PathPart]]:
        """Return the positions at the deepest existing part of a path, and the rest of the path."""
        marks = self._marks
        for depth, part in enumerate(path):
            below = _below(marks, part)
            if below is None:
                return marks, path[depth:]
            marks = below
        return marks, ()


def _below(marks: Marks, part: PathPart) -> Marks | None:
    if isinstance(marks, MappingMarks) and isinstance(part, str):
        return marks.values.get(part)
    if isinstance(marks, ListMarks) and isinstance(part, int) and part < len(marks.values):
        return marks.values[part]
    return None
