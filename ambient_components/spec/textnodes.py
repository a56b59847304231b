"""The nodes of a YAML text and where in the text each lies, to the character: what an edit of the text goes by.

Made of the parser's events and not by `yaml.compose`, in which an alias is the very node that it stands for, so that
nobody can say where the alias itself was written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What the parsers take for the end of a line."""

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLOCK_HEADER: Final = re.compile(r"(?:&[^\s]+\s+)?[|>][-+0-9]*")


@dataclass(slots=True)
class Node:
    """A key or a value. Positions count characters, from 0; `end` is behind the last one."""

    start: int
    """Of its anchor, if it has one; of a block, else, its first key or dash."""

    end: int
    """Of a block, the end of the last thing in it: what follows in lines of their own are blanks and comments."""

    line: int
    """From 1, as in reports."""

    column: int
    """In characters, from 1."""

    anchor: str | None = None
    """The name that aliases use."""

    alias: bool = False
    """Whether it only stands for another one."""

    scalar: bool = False
    """Whether it is text, a number or the like."""

    flow: bool = False
    """Whether it is written in braces."""

    entries: "dict[str, tuple[Node, Node]] | None" = None
    """Key and value of each entry, in the order of the text; None for what is no mapping."""

    uses: list[int] = field(default_factory=list)
    """Where aliases of it stand."""

    children: "list[Node]" = field(default_factory=list)
    """Whatever lies directly in it, keys too."""

    def family(self) -> "Iterator[Node]":
        """Return the node and all that lies in it."""
        yield self
        for child in self.children:
            yield from child.family()


def top_node(text: str) -> Node:
    """Return the node of the first document of a text that `parse_yaml` takes, without a byte order mark."""
    return _Composer(text).top()


class _Composer:
    """Builds nodes; of what can't be a stack file it need not make sense, since nobody comes here with that."""

    def __init__(self, text: str) -> None:
        self._text = text
        # The C parser's marks count characters, as the Python one's do (tried), apart from a byte order mark.
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_Loader))
        self._anchors: dict[str | None, Node] = {}

    def top(self) -> Node:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                break
        return self._node(next(self._events))

    def _node(self, event: Any) -> Node:
        start = event.start_mark
        node = Node(start.index, event.end_mark.index, start.line + 1, start.column + 1)
        if isinstance(event, yaml.AliasEvent):
            node.alias = True
            self._anchors[event.anchor].uses.append(node.start)
            return node
        node.anchor = event.anchor
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if isinstance(event, yaml.ScalarEvent):
            node.scalar = True
            if event.style in ("|", ">"):
                node.end = self._end_of_block_scalar(node)
        elif isinstance(event, yaml.MappingStartEvent):
            self._fill_mapping(node, event)
        else:
            self._fill_list(node, event)
        return node

    def _fill_mapping(self, node: Node, event: Any) -> None:
        node.flow = bool(event.flow_style)
        node.entries = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, value = self._node(event), self._node(next(self._events))
            node.entries[event.value] = (key, value)
            node.children += (key, value)
        self._end(node, event)

    def _fill_list(self, node: Node, event: Any) -> None:
        node.flow = bool(event.flow_style)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            node.children.append(self._node(event))
        self._end(node, event)

    def _end(self, node: Node, event: Any) -> None:
        # A block "ends" where the next token begins, behind comments that have nothing to do with it.
        node.end = event.end_mark.index if node.flow else node.children[-1].end

    def _end_of_block_scalar(self, node: Node) -> int:
        """Return the end of its last line; the blank lines that follow belong to it only where `+` keeps them."""
        content = self._text[node.start : node.end]
        header = _BLOCK_HEADER.match(content)
        if header is None or "+" not in header[0]:
            return node.start + len(content.rstrip())
        breaks = list(BREAK.finditer(content))
        return node.start + (breaks[-1].start() if breaks and breaks[-1].end() == len(content) else len(content))
