"""Where every key and value stands, in whichever file it was written."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ambient_components.errors import PathPart, Where

Spot = tuple[str, int, int]
"""File, as positions name it, line and column, both from 1: what is merged of several files keeps each one's."""


@dataclass(slots=True)
class MappingMarks:
    """Places in a mapping."""

    start: Spot
    """Of its first key, or of the alias that stands for it."""

    keys: dict[str, Spot] = field(default_factory=dict)
    """Of each key."""

    values: "dict[str, Marks]" = field(default_factory=dict)
    """Of each value."""


@dataclass(slots=True)
class ListMarks:
    """Places in a list."""

    start: Spot
    """Of its first dash or its bracket, or of the alias that stands for it."""

    values: "list[Marks]" = field(default_factory=list)
    """Of each item."""


Marks = Spot | MappingMarks | ListMarks
"""The places of one value and of all in it."""


class SourceMap:
    """Answers where a path such as `("workspaces", "payments", "grants", 0, "role")` stands.

    A path that isn't in the files, such as a missing field, is answered with its nearest parent.
    """

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def key(self, path: Sequence[PathPart]) -> Where:
        """Return where the key of an entry stands; for an item of a list where the item itself stands."""
        parent, rest = self._walk(path[:-1])
        if path and not rest and isinstance(parent, MappingMarks) and path[-1] in parent.keys:
            return Where(*parent.keys[str(path[-1])])
        return self.value(path)

    def value(self, path: Sequence[PathPart]) -> Where:
        """Return where a value stands; for a block its first line."""
        marks, _ = self._walk(path)
        return Where(*(marks if isinstance(marks, tuple) else marks.start))

    def _walk(self, path: Sequence[PathPart]) -> tuple[Marks, Sequence[PathPart]]:
        """Return the marks as far down as the files go, and the rest of the path."""
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
