"""Edits of a stack file's text that preserve comments, order, quotes, indentation and all other bytes.

A YAML library would reformat untouched lines, and a reviewer would have to search for the change. So the text is cut at
the parser's node positions, and the result is parsed again: if it does not hold the old data with exactly this change,
the edit is refused, and the message says what to write by hand.
"""

import json
import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from ambient_components.errors import AmbientError, Problems, Where, fail
from ambient_components.stackfile.changes import Change, Edit, ItemChange, Path, item_yaml
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.yaml.nodes import BREAK, Node, top_node
from ambient_components.stackfile.yaml.reader import parse_yaml
from ambient_components.stackfile.yaml.splices import Cutter, Splice, UnknownFormError, spliced

_BOM: Final = "\ufeff"
_WORKSPACES: Final = "workspaces"


def edited(text: str, file: str, changes: Sequence[Edit]) -> str:
    """Return the text with several changes, which costs little more than one.

    Fields and items are added in the order of the changes, before others are removed.

    Raises:
        AmbientError: All problems at once.
    """
    bom = _BOM if text.startswith(_BOM) else ""
    before = text.removeprefix(bom)
    parsed = parse_yaml(before, file)
    Problems(parsed.problems).raise_if_any()
    written = [change for change in changes if not change.removes]
    removed = [change for change in changes if change.removes]
    after = before
    for group in filter(None, (written, removed)):
        try:
            after = spliced(after, _Edit(after, file).splices(group))
        except UnknownFormError:
            _by_hand(file, changes)
    _verify(parsed.data, after, file, [*written, *removed])
    return bom + after


def with_workspaces(text: str, file: str, blocks: Mapping[str, str]) -> str:
    """Return the text with whole entries of workspaces: existing ones are replaced, new ones follow the last one.

    Raises:
        AmbientError: The text is invalid, or in a form that can't be edited.
    """
    bom = _BOM if text.startswith(_BOM) else ""
    before = text.removeprefix(bom)
    parsed = parse_yaml(before, file)
    Problems(parsed.problems).raise_if_any()
    there = parsed.data.get(_WORKSPACES) or {}
    found = BREAK.search(before)
    splices = _entries(before, blocks, has_section=_WORKSPACES in parsed.data)
    breaks = found[0] if found else "\n"
    after = spliced(before, (replace(splice, text=splice.text.replace("\n", breaks)) for splice in splices))
    written = {name: parse_yaml(block, file).data[name] for name, block in blocks.items()}
    sound = isinstance(there, dict) and _holds(after, file, {**parsed.data, _WORKSPACES: {**there, **written}})
    if not sound:
        names = ", ".join(blocks)
        fail(
            Where(file),
            _WORKSPACES,
            f"can't be edited by a program, the way it is written, to add {names}",
            "write its entries on lines of their own, without braces and aliases",
        )
    return bom + after


def _entries(text: str, blocks: Mapping[str, str], *, has_section: bool) -> Iterator[Splice]:
    lines = "".join(_indented(block, 2) for block in blocks.values())
    if not has_section:
        gap = "\n" if text.strip() else ""
        yield Splice(len(text.rstrip()), len(text), f"{gap * 2}{_WORKSPACES}:\n{lines}")
        return
    key, mapping = (top_node(text).entries or {})[_WORKSPACES]
    entries = mapping.entries or {}
    if not entries:  # nothing, or `{}`
        yield Splice(key.end, mapping.end, f":\n{lines}".rstrip("\n"))
        return
    column = next(iter(entries.values()))[0].column - 1
    new = []
    for name, block in blocks.items():
        lines = _indented(block, column).rstrip("\n")
        if name in entries:
            existing, value = entries[name]
            yield Splice(existing.start, value.end, lines[column:])
        else:
            new.append(f"\n{lines}")
    if new:
        ending = BREAK.search(text, mapping.end)
        at = ending.start() if ending else len(text)
        yield Splice(at, at, "".join(new))


def _indented(block: str, by: int) -> str:
    return textwrap.indent(block.rstrip("\n") + "\n", " " * by)


class _Edit:
    """Translates changes into splices, and refuses those that would change more than intended."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._top = top_node(text)
        self._cutter = Cutter(text)

    def splices(self, changes: Iterable[Edit]) -> list[Splice]:
        """Return the splices for changes that either all write or all remove."""
        problems = Problems()
        splices: list[Splice] = []
        by_path: dict[Path, list[Edit]] = {}
        for change in changes:
            by_path.setdefault(change.path, []).append(change)
        # Deepest first, because two mappings may end at the same position.
        for path, group in sorted(by_path.items(), key=lambda item: -len(item[0])):
            try:
                key, node = self._find(path)
                items = [change.item for change in group if isinstance(change, ItemChange)]
                fields = [change for change in group if isinstance(change, Change)]
                self._require(path, node, mapping=bool(fields))
                if group[0].removes:
                    found = self._items(path, node, items) if items else self._fields(path, node, fields)
                    splices += self._cutter.remove(key, node, found)
                elif items:
                    splices += self._cutter.add(node, self._new(node, items))
                else:
                    splices += self._write(path, node, fields)
            except AmbientError as error:
                problems.extend(error.problems)
        problems.raise_if_any()
        return splices

    def _find(self, path: Path) -> tuple[Node | None, Node]:
        key, node = None, self._top
        for depth, part in enumerate(path):
            if isinstance(part, int):
                if part >= len(node.children):
                    self._missing(path[: depth + 1], node)
                key, node = None, node.children[part]
            else:
                if part not in (node.entries or {}):
                    self._missing(path[: depth + 1], node)
                key, node = (node.entries or {})[part]
            self._refuse_shared(path[: depth + 1], node)
        return key, node

    def _require(self, path: Path, node: Node, *, mapping: bool) -> None:
        if mapping and node.entries is None:
            fail(self._where(node), public_path(path), "is not a mapping", "write it as one, such as {}")
        if not mapping and not node.is_list:
            fail(self._where(node), public_path(path), "is not a list", "write it as one, such as []")

    def _write(self, path: Path, mapping: Node, changes: Iterable[Change]) -> Iterator[Splice]:
        entries, new = mapping.entries or {}, []
        for change in changes:
            if change.field not in entries:
                new.append(f"{change.field}: {change.value}")
                continue
            at = (*path, change.field)
            _, value = entries[change.field]
            self._refuse_shared(at, value)
            if not value.scalar:
                fail(self._where(value), public_path(at), "holds more than one value", f"write {change.value} by hand")
            yield from self._cutter.replace(value, str(change.value))
        if new:
            yield from self._cutter.add(mapping, new)

    def _new(self, node: Node, items: Iterable[int | str | Mapping[str, str]]) -> list[str]:
        """Return the texts of new items. In a block they are written like the last one."""
        texts = []
        for item in (item for item in items if not isinstance(item, int)):
            if isinstance(item, Mapping) and not node.flow and node.children[-1].entries and not node.children[-1].flow:
                lines = [f"{name}: {value}" for name, value in item.items()]
                texts += [f"{'  ' if index else '- '}{line}" for index, line in enumerate(lines)]
            else:
                texts.append(f"{'' if node.flow else '- '}{item_yaml(item)}")
        return texts

    def _fields(self, path: Path, mapping: Node, changes: Iterable[Change]) -> set[int]:
        entries = mapping.entries or {}
        numbers = {name: index for index, name in enumerate(entries)}
        for field in (change.field for change in changes):
            if field not in entries:
                self._missing((*path, field), mapping)
            name, value = entries[field]
            self._refuse_shared((*path, field), value)
            self._refuse_used((*path, field), name, value)
        return {numbers[change.field] for change in changes}

    def _items(self, path: Path, node: Node, items: Iterable[int | str | Mapping[str, str]]) -> set[int]:
        """Return the numbers of the items to remove. An item that is an alias may go: no other entry changes."""
        numbers = {item for item in items if isinstance(item, int)}
        for number in sorted(numbers):
            if number >= len(node.children):
                self._missing((*path, number), node)
            self._refuse_used((*path, number), node.children[number], node.children[number])
        return numbers

    def _refuse_used(self, path: Path, name: Node, value: Node) -> None:
        """Refuse an entry with an anchor that is used outside of it."""
        uses = [use for node in (*name.family(), *value.family()) for use in node.uses]
        if any(not name.start <= use < value.end for use in uses):
            self._refuse_anchor(path, name)

    def _refuse_shared(self, path: Path, node: Node) -> None:
        if node.alias:
            problem, remedy = "is an alias of another entry", "write it out first, so that a change is its own"
            fail(self._where(node), public_path(path), problem, remedy)
        if node.uses:
            self._refuse_anchor(path, node)

    def _refuse_anchor(self, path: Path, node: Node) -> NoReturn:
        problem = "has an anchor, and other entries are aliases of it"
        fail(self._where(node), public_path(path), problem, "write those out first, so that a change is its own")

    def _missing(self, path: Path, parent: Node) -> NoReturn:
        fail(self._where(parent), public_path(path), "is not in this file", "name an entry that it has")

    def _where(self, node: Node) -> Where:
        return Where(self._file, node.line, node.column)


def _verify(data: dict[str, Any], text: str, file: str, changes: Sequence[Edit]) -> None:
    # Compared as JSON, which distinguishes 1 from true and has no object identity for aliases.
    expected = json.loads(json.dumps(data))
    # Items last and from the end, because a removed one changes the numbers of those that follow.
    for change in sorted(changes, key=_backwards):
        node = expected
        for part in change.path:
            node = node[part]
        change.apply(node)
    if not _holds(text, file, expected):
        _by_hand(file, changes)


def _backwards(change: Edit) -> float:
    number = change.item if isinstance(change, ItemChange) else None
    return -number if isinstance(number, int) else -math.inf


def _holds(text: str, file: str, expected: Mapping[str, Any]) -> bool:
    """Tell whether a text is valid and has exactly this data."""
    try:
        parsed = parse_yaml(text, file)
    except AmbientError:
        return False
    return not parsed.problems and json.dumps(parsed.data) == json.dumps(expected)


def _by_hand(file: str, changes: Iterable[Edit]) -> NoReturn:
    desired = [change.by_hand for change in changes]
    fail(Where(file), "", "can't be edited by a program, the way it is written", f"by hand: {', '.join(desired)}")
