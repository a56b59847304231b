"""Splices of a YAML text that add or remove entries of mappings and items of lists, and keep all other lines.

Not every way to write YAML is covered, so `stackfile.editing` parses the result.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

from ambient_components.stackfile.yaml.nodes import BREAK, Node

_Member: TypeAlias = tuple[Node, Node]
"""Key and value of an entry of a mapping, or dash and item of a list."""

_SPACE: Final = " \t"
_COLON = re.compile(r"[ \t]*:")
_COMMA = re.compile(r"\s*,")
_COMMENT = re.compile("#[^\n\r\x85\u2028\u2029]*")
# Text that may follow an item in braces or brackets on its line.
_REST_OF_LINE = re.compile("[ \t]*(,?)[ \t]*(?:#[^\n\r\x85\u2028\u2029]*)?")


class UnknownFormError(Exception):
    """The text is written in a form that is not supported."""


@dataclass(frozen=True, slots=True)
class Splice:
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
        # An empty value directly follows its colon.
        yield Splice(value.start, value.end, by if value.end > value.start else f" {by}")

    def add(self, node: Node, members: list[str]) -> Iterator[Splice]:
        """Add members after the last one: entries such as `role: view`, or lines of items such as `- x`.

        Args:
            node: The mapping or list.
            members: The texts. Of a list in brackets without the dash.
        """
        pairs = self._members(node)
        if not node.flow:
            yield self._further_lines(self._end_of_line(node.end), pairs[0][0], members)
        elif pairs:
            yield from self._add_in_braces(node, pairs, members)
        else:
            opened, closed = self._inside(node)
            space = self._text[opened:closed]
            if space.strip(_SPACE):  # contains a comment or several lines
                yield Splice(closed, closed, ", ".join(members))
            else:
                yield Splice(opened, closed, f"{space}{', '.join(members)}{space}")

    def remove(self, key: Node | None, node: Node, members: Collection[int]) -> Iterator[Splice]:
        """Remove existing members."""
        pairs = self._members(node)
        floor = key.end if key else 0
        if node.flow:
            yield from self._remove_in_braces(node, pairs, members)
        elif len(members) == len(pairs):
            yield from self._empty_lines(key, node, pairs, floor)
        else:
            for index, (name, value) in enumerate(pairs):
                if index in members:
                    yield self._whole_lines(name, value.end, floor)
                floor = value.end

    def _members(self, node: Node) -> list[_Member]:
        """Return key and value of each entry, or dash and item; an item in brackets is its own key."""
        if node.entries is not None:
            return list(node.entries.values())
        if node.flow:
            return [(item, item) for item in node.children]
        found, floor = [], node.start
        for item in node.children:
            found.append((self._dash(floor, item), item))
            floor = item.end
        return found

    def _dash(self, floor: int, item: Node) -> Node:
        """Return the dash of an item, behind the end of the preceding one."""
        # Between two items are only comments, which may contain dashes too, and this dash.
        between = _COMMENT.sub(lambda found: " " * len(found[0]), self._text[floor : item.start])
        if "-" not in between:
            raise UnknownFormError
        at = floor + between.rindex("-")
        return Node(at, at + 1, item.line, at - self._start_of_line(at) + 1)

    # Adding

    def _add_in_braces(self, node: Node, pairs: list[_Member], items: list[str]) -> Iterator[Splice]:
        key, value = pairs[-1]
        _, closed = self._inside(node)
        if rest := self._has_lines(key, value, closed):
            comma, end = rest[1], rest.end()
            if comma or not self._commas(end, closed):
                # Keep one member per line.
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

    def _empty_lines(self, key: Node | None, node: Node, pairs: list[_Member], floor: int) -> Iterator[Splice]:
        splices, empty = [], "[]" if node.is_list else "{}"
        for name, value in pairs:
            splices.append(self._whole_lines(name, value.end, floor))
            floor = value.end
        if key is None:
            # The top has no key to write braces after, so they replace its last entry.
            last = splices.pop()
            kept = list(BREAK.finditer(self._text, last.start, last.end))[-1:]
            ending = kept[0][0] if kept and kept[0].end() == last.end else ""
            splices.append(Splice(last.start, last.end, "{}" + ending))
        elif node.anchor:
            at = node.start + len(f"&{node.anchor}")
            splices.append(Splice(at, at, f" {empty}"))
        elif colon := _COLON.match(self._text, key.end):
            splices.append(Splice(colon.end(), colon.end(), f" {empty}"))
        yield from splices

    def _whole_lines(self, key: Node, end: int, floor: int) -> Splice:
        """Return the splice for a member's lines, with the comment directly above and the indented comments below.

        Args:
            key: Key of the entry, or dash of the item.
            floor: End of the preceding member: text above it that looks like a comment may belong to a value.
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

    def _remove_in_braces(self, node: Node, pairs: list[_Member], members: Collection[int]) -> Iterator[Splice]:
        opened, closed = self._inside(node)
        if len(members) == len(pairs):
            yield Splice(opened, closed, "")
            return
        for gone, run in groupby(range(len(pairs)), key=lambda index: index in members):
            indexes = list(run)
            if not gone:
                continue
            items = [pairs[index] for index in indexes]
            before = pairs[indexes[0] - 1][1].end if indexes[0] else opened
            after = pairs[indexes[-1] + 1][0].start if indexes[-1] + 1 < len(pairs) else closed
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

    def _inside(self, node: Node) -> tuple[int, int]:
        return self._text.index("[" if node.is_list else "{", node.start) + 1, node.end - 1

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
