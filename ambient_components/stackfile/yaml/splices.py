"""Splices of a YAML text that add or remove entries of mappings and keep all other lines.

Not every way to write YAML is covered, so `stackfile.editing` parses the result.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ambient_components.stackfile.yaml.nodes import BREAK, Node

_SPACE: Final = " \t"
_COLON = re.compile(r"[ \t]*:")
_COMMA = re.compile(r"\s*,")
_COMMENT = re.compile("#[^\n\r\x85\u2028\u2029]*")
# Text that may follow an item in braces on its line.
_REST_OF_LINE = re.compile("[ \t]*(,?)[ \t]*(?:#[^\n\r\x85\u2028\u2029]*)?")


class UnknownFormError(Exception):
    """The text is written in a form that is not supported."""


@dataclass(frozen=True, slots=True)
class Splice:
    """A replacement of a range of characters."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """Return a text after all splices; insertions at one position keep their order."""
    pieces: list[str] = []
    at = 0
    for splice in sorted(splices, key=lambda item: (item.start, item.end)):
        pieces += (text[at : splice.start], splice.text)
        at = max(at, splice.end)
    return "".join((*pieces, text[at:]))


class Cutter:
    """Computes the splices for a text; all given nodes must belong to it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def replace(self, value: Node, by: str) -> Iterator[Splice]:
        """Replace the value of a scalar."""
        # An empty value directly follows its colon.
        yield Splice(value.start, value.end, by if value.end > value.start else f" {by}")

    def add(self, mapping: Node, items: list[str]) -> Iterator[Splice]:
        """Add entries, such as `role: view`, after the last one of a mapping."""
        if not mapping.flow:
            yield from self._add_lines(mapping, items)
        elif mapping.entries:
            yield from self._add_in_braces(mapping, items)
        else:
            opened, closed = self._inside(mapping)
            space = self._text[opened:closed]
            if space.strip(_SPACE):  # contains a comment or several lines
                yield Splice(closed, closed, ", ".join(items))
            else:
                yield Splice(opened, closed, f"{space}{', '.join(items)}{space}")

    def remove(self, key: Node | None, mapping: Node, fields: Collection[str]) -> Iterator[Splice]:
        """Remove existing entries of a mapping.

        Args:
            key: Key of the mapping; None for the top of the file.
            mapping: The mapping.
            fields: Keys of the entries.
        """
        entries = mapping.entries or {}
        floor = key.end if key else 0
        if mapping.flow:
            yield from self._remove_in_braces(mapping, fields)
        elif len(fields) == len(entries):
            yield from self._empty_lines(key, mapping, floor)
        else:
            for field, (name, value) in entries.items():
                if field in fields:
                    yield self._whole_lines(name, value.end, floor)
                floor = value.end

    # Adding

    def _add_lines(self, mapping: Node, items: list[str]) -> Iterator[Splice]:
        key, _ = next(iter((mapping.entries or {}).values()))
        yield self._further_lines(self._end_of_line(mapping.end), key, items)

    def _add_in_braces(self, mapping: Node, items: list[str]) -> Iterator[Splice]:
        key, value = list((mapping.entries or {}).values())[-1]
        _, closed = self._inside(mapping)
        if rest := self._has_lines(key, value, closed):
            comma, end = rest[1], rest.end()
            if comma or not self._commas(end, closed):
                # Keep one entry per line.
                if not comma:
                    yield Splice(value.end, value.end, ",")
                yield self._further_lines(end, key, [*(f"{item}," for item in items[:-1]), items[-1] + comma])
                return
        # Before a trailing comma, if there is one.
        yield Splice(value.end, value.end, "".join(f", {item}" for item in items))

    def _further_lines(self, at: int, model: Node, items: list[str]) -> Splice:
        """Insert lines at the end of a line, indented like a key."""
        ending = BREAK.match(self._text, at) or BREAK.search(self._text)
        start = self._start_of_line(model.start)
        indentation = self._text[start : model.start] if self._begins_line(model) else " " * (model.column - 1)
        return Splice(at, at, "".join(f"{ending[0] if ending else chr(10)}{indentation}{item}" for item in items))

    # Removing

    def _empty_lines(self, key: Node | None, mapping: Node, floor: int) -> Iterator[Splice]:
        splices = []
        for name, value in (mapping.entries or {}).values():
            splices.append(self._whole_lines(name, value.end, floor))
            floor = value.end
        if key is None:
            # The top has no key to write braces after, so they replace its last entry.
            last = splices.pop()
            kept = list(BREAK.finditer(self._text, last.start, last.end))[-1:]
            ending = kept[0][0] if kept and kept[0].end() == last.end else ""
            splices.append(Splice(last.start, last.end, "{}" + ending))
        elif mapping.anchor:
            at = mapping.start + len(f"&{mapping.anchor}")
            splices.append(Splice(at, at, " {}"))
        elif colon := _COLON.match(self._text, key.end):
            splices.append(Splice(colon.end(), colon.end(), " {}"))
        yield from splices

    def _whole_lines(self, key: Node, end: int, floor: int) -> Splice:
        """Return the splice for an entry's lines, with the comment directly above and the indented comments below.

        Args:
            key: Key of the entry.
            end: End of the entry.
            floor: End of the preceding entry: text above it that looks like a comment may belong to a value.
        """
        if not self._begins_line(key):
            raise UnknownFormError
        start = self._start_of_line(key.start)
        indentation = self._text[start : key.start]
        while start > floor:
            above = self._start_of_line(self._line_above(start))
            if above < floor or not self._text.startswith(f"{indentation}#", above):
                break
            start = above
        stop = at = self._next_line(end)
        while at < len(self._text):
            line = self._text[at : self._end_of_line(at)]
            content = line.lstrip(_SPACE)
            at = self._next_line(at)
            if content.startswith("#") and len(line) - len(content) > len(indentation):
                stop = at
            elif content:
                break
        return Splice(start, stop, "")

    def _remove_in_braces(self, mapping: Node, fields: Collection[str]) -> Iterator[Splice]:
        entries = list((mapping.entries or {}).items())
        opened, closed = self._inside(mapping)
        if len(fields) == len(entries):
            yield Splice(opened, closed, "")
            return
        for gone, run in groupby(range(len(entries)), key=lambda index: entries[index][0] in fields):
            indexes = list(run)
            if not gone:
                continue
            items = [entries[index][1] for index in indexes]
            before = entries[indexes[0] - 1][1][1].end if indexes[0] else opened
            after = entries[indexes[-1] + 1][1][0].start if indexes[-1] + 1 < len(entries) else closed
            if all(self._has_lines(*item, closed) for item in items):
                floor = before
                for key, value in items:
                    floor_after = self._behind_comma(value.end)
                    yield self._whole_lines(key, floor_after, floor)
                    floor = floor_after
            else:
                yield self._items(before, items[0][0].start, items[-1][1].end, after, last=after == closed)

    def _items(self, before: int, start: int, end: int, after: int, *, last: bool) -> Splice:
        """Return the splice for items and the comma that they no longer need, between the neighbouring items."""
        if last:
            # Keep a comment about the preceding item, with the comma before it.
            return Splice(start if _COMMENT.search(self._text, before, start) else before, end, "")
        if not _COMMENT.search(self._text, end, after):
            return Splice(start, after, "")
        at = self._behind_comma(end)
        rest = _REST_OF_LINE.match(self._text, at)
        return Splice(start, rest.end() if rest else at, "")

    # The text

    def _inside(self, mapping: Node) -> tuple[int, int]:
        """Return the range between the braces."""
        return self._text.index("{", mapping.start) + 1, mapping.end - 1

    def _has_lines(self, key: Node, value: Node, closed: int) -> re.Match[str] | None:
        """Return a match of the text after an item in braces, if the item has its own lines; None otherwise."""
        rest = _REST_OF_LINE.match(self._text, value.end, closed)
        return rest if rest and self._begins_line(key) and BREAK.match(self._text, rest.end()) else None

    def _commas(self, start: int, end: int) -> bool:
        return "," in _COMMENT.sub("", self._text[start:end])

    def _behind_comma(self, at: int) -> int:
        comma = _COMMA.match(self._text, at)
        return comma.end() if comma else at

    def _begins_line(self, key: Node) -> bool:
        return not self._text[self._start_of_line(key.start) : key.start].strip(_SPACE)

    def _end_of_line(self, at: int) -> int:
        found = BREAK.search(self._text, at)
        return found.start() if found else len(self._text)

    def _next_line(self, at: int) -> int:
        found = BREAK.search(self._text, at)
        return found.end() if found else len(self._text)

    def _start_of_line(self, at: int) -> int:
        while at > 0 and not BREAK.fullmatch(self._text[at - 1]):
            at -= 1
        return at

    def _line_above(self, start: int) -> int:
        """Return the end of the line above the one that starts at a position."""
        return start - 2 if self._text.endswith("\r\n", 0, start) else start - 1
