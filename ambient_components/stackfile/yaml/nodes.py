"""The nodes of a YAML text with exact positions, for edits of the text.

Built from the parser's events instead of `yaml.compose`, which replaces an alias by its node and loses its position.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Line endings of the parsers."""

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLOCK_HEADER: Final = re.compile(r"(?:&[^\s]+\s+)?[|>][-+0-9]*")


@dataclass(slots=True)
class Node:
    """A key or a value. Positions count characters from 0; `end` is after the last one."""

    start: int
    """Start of its anchor, if it has one; otherwise, for a block, of its first key or dash."""

    end: int
    """For a block, the end of its last value, without the blank lines and comments that follow."""

    line: int
    column: int
    anchor: str | None = None
    alias: bool = False
    scalar: bool = False
    flow: bool = False
    entries: "dict[str, tuple[Node, Node]] | None" = None
    """Key and value of each entry, in order; None unless it is a mapping."""

    uses: list[int] = field(default_factory=list)
    children: "list[Node]" = field(default_factory=list)

    @property
    def is_list(self) -> bool:
        """Whether it is a list. Its items are then its children."""
        return self.entries is None and not self.scalar and not self.alias

    def family(self) -> "Iterator[Node]":
        yield self
        for child in self.children:
            yield from child.family()


def top_node(text: str) -> Node:
    """Return the top node of a text that `parse_yaml` accepts, without a byte order mark."""
    return _Composer(text).top()


class _Composer:
    """Builds nodes from events; the text was validated before."""

    def __init__(self, text: str) -> None:
        self._text = text
        # The C parser's marks count characters like the Python parser's (tested), except for a byte order mark.
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
        # The parser ends a block at the next token, after unrelated comments.
        node.end = event.end_mark.index if node.flow else node.children[-1].end

    def _end_of_block_scalar(self, node: Node) -> int:
        """Return the end of its last line; the blank lines that follow belong to it only with `+`."""
        content = self._text[node.start : node.end]
        header = _BLOCK_HEADER.match(content)
        if header is None or "+" not in header[0]:
            return node.start + len(content.rstrip())
        breaks = list(BREAK.finditer(content))
        return node.start + (breaks[-1].start() if breaks and breaks[-1].end() == len(content) else len(content))
