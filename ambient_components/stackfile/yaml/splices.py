"""Splices of a YAML text that add or remove entries of mappings and items of lists, and keep all other lines.

Not every way to write YAML is covered, so `stackfile.editing` parses the result. The nodes are built from the parser's
events: `yaml.compose` replaces an alias by its node and loses its position.
"""

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line endings of the parsers."""

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_SPACE: Final = " \t"
_COLON: Final = re.compile(r"[ \t]*:")
_BEFORE_MEMBER: Final = re.compile(r"[ \t]*(?:-[ \t]+)?")
"""What is before a key or an item that begins its line."""


@dataclass(slots=True)
class Node:
    """A key or a value. Positions count characters from 0; `end` is after the last one."""

    start: int
    """Start of its anchor, if it has one; otherwise, for a block, of its first key or dash."""

    end: int
    """For a block, the end of its last value, without the blank lines and comments that follow."""

    column: int
    """Column of its start, from 0."""

    flow: bool = False
    """Whether it is a mapping in braces or a list in brackets."""

    entries: "dict[str, tuple[Node, Node]] | None" = None
    """Key and value of each entry, in order; None unless it is a mapping."""

    items: "list[Node] | None" = None
    """None unless it is a list."""

    @property
    def members(self) -> "list[tuple[Node, Node]]":
        """Key and value of each entry; an item of a list is its own key."""
        return [*self.entries.values()] if self.entries is not None else [(item, item) for item in self.items or ()]


def top_node(text: str) -> Node:
    """Return the top node of a text that `parse_yaml` accepts, without a byte order mark."""
    # The C parser's marks count characters like the Python parser's (tested), except for a byte order mark.
    events: Iterator[Any] = iter(yaml.parse(text, Loader=_Loader))
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            break
    return _node(text, events, next(events))


def _node(text: str, events: Iterator[Any], first: Any) -> Node:
    node = Node(first.start_mark.index, first.end_mark.index, first.start_mark.column)
    if isinstance(first, yaml.ScalarEvent) and first.style in ("|", ">"):
        node.end = node.start + len(text[node.start : node.end].rstrip())
    if not isinstance(first, yaml.CollectionStartEvent):
        return node
    node.flow = bool(first.flow_style)
    if isinstance(first, yaml.MappingStartEvent):
        node.entries = {}
    else:
        node.items = []
    while not isinstance(event := next(events), yaml.CollectionEndEvent):
        member = _node(text, events, event)
        if node.entries is not None:
            node.entries[event.value] = (member, _node(text, events, next(events)))
        elif node.items is not None:
            node.items.append(member)
    end: Any = event.end_mark
    # The parser ends a block at the next token, after unrelated comments.
    node.end = end.index if node.flow else node.members[-1][1].end
    return node


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
        line_break = BREAK.search(text)
        self._break = line_break[0] if line_break else "\n"

    def replace(self, value: Node, by: str) -> Splice:
        # An empty value directly follows its colon.
        return Splice(value.start, value.end, by if value.end > value.start else f" {by}")

    def add(self, node: Node, members: Collection[str]) -> Splice:
        """Add members after the last one: entries such as `role: view`, or lines of items such as `- x`.

        Args:
            node: The mapping or list.
            members: The texts, in a block of one or more lines. Of a list in brackets without the dash.
        """
        existing = node.members
        if not node.flow:
            at = self._end_of_line(node.end)
            return Splice(at, at, self.lines(existing[0][0].column if node.entries else node.column, members))
        if not existing:
            return Splice(node.end - 1, node.end - 1, ", ".join(members))
        key, value = existing[-1]
        own_lines = self._begins_line(key) and not self._text[value.end : self._end_of_line(value.end)].strip(" \t,")
        comma = f",{self._break}{' ' * key.column}" if own_lines else ", "
        return Splice(value.end, value.end, "".join(f"{comma}{member}" for member in members))

    def remove(self, key: Node | None, node: Node, numbers: Collection[int]) -> Iterator[Splice]:
        """Remove existing members.

        Args:
            key: The key of the mapping or list. None at the top, and for an item of a list.
            numbers: The numbers of the members, from 0.
        """
        members = node.members
        if node.flow:
            yield from self._remove_in_braces(node, numbers)
            return
        if len(numbers) == len(members):
            colon = _COLON.match(self._text, key.end) if key else None
            if colon is None:
                raise UnknownFormError
            yield Splice(colon.end(), colon.end(), " {}" if node.items is None else " []")
        floor = key.end if key else 0
        for number, (name, value) in enumerate(members):
            if number in numbers:
                yield self._whole_lines(name, value.end, floor)
            floor = value.end

    def _remove_in_braces(self, node: Node, numbers: Collection[int]) -> Iterator[Splice]:
        """Remove members with the commas that they no longer need. A comment between them could belong to either."""
        members = node.members
        kept = [number for number in range(len(members)) if number not in numbers]
        if not kept:
            start = self._text.index("{" if node.items is None else "[", node.start) + 1
            yield Splice(start, node.end - 1, "")
            return
        for number in numbers:
            name, value = members[number]
            before = members[number - 1][1].end if number else node.start
            after = members[number + 1][0].start if number + 1 < len(members) else node.end
            if "#" in self._text[before : name.start] + self._text[value.end : after]:
                raise UnknownFormError
            yield Splice(before, value.end, "") if number > kept[-1] else Splice(name.start, after, "")

    def lines(self, column: int, members: Iterable[str]) -> str:
        """Return members as further lines of a block, each of one or more lines."""
        indented = (textwrap.indent(member.rstrip("\n"), " " * column) for member in members)
        return self.with_breaks("".join(f"\n{member}" for member in indented))

    def with_breaks(self, text: str) -> str:
        """Return a text with the line endings of the whole."""
        return text.replace("\n", self._break)

    def _whole_lines(self, key: Node, end: int, floor: int) -> Splice:
        """Return the splice for a member's lines, with the comment directly above and the indented comments below.

        Args:
            key: Key of the entry, or the item.
            floor: End of the preceding member: text above it that looks like a comment may belong to a value.
        """
        if not self._begins_line(key):
            raise UnknownFormError
        start = self._start_of_line(key.start)
        line = self._text[start : key.start]
        indentation = line[: len(line) - len(line.lstrip(_SPACE))]
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

    def _begins_line(self, key: Node) -> bool:
        before = self._text[self._start_of_line(key.start) : key.start]
        return _BEFORE_MEMBER.fullmatch(before) is not None

    def _end_of_line(self, at: int) -> int:
        ending = BREAK.search(self._text, at)
        return ending.start() if ending else len(self._text)

    def _next_line(self, at: int) -> int:
        ending = BREAK.search(self._text, at)
        return ending.end() if ending else len(self._text)

    def _start_of_line(self, at: int) -> int:
        while at > 0 and not BREAK.fullmatch(self._text[at - 1]):
            at -= 1
        return at

    def _line_above(self, start: int) -> int:
        """Return the end of the line above the one that starts at a position."""
        return start - 2 if self._text.endswith("\r\n", 0, start) else start - 1
