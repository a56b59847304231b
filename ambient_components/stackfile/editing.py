"""Edits of a stack file's text that preserve comments, order, quotes, indentation and all other bytes.

A YAML library would reformat untouched lines, and a reviewer would have to search for the change. So the text is cut at
the parser's node positions, and the result is parsed again: if it does not hold the old data with exactly this change,
the edit is refused, and the message says what to write by hand.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ambient_components.errors import AmbientError, Problems, Where, fail
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.yaml.nodes import Node, top_node
from ambient_components.stackfile.yaml.reader import parse_yaml
from ambient_components.stackfile.yaml.splices import Cutter, Splice, UnknownFormError, spliced

Path = tuple[str, ...]
"""Keys from the top of the file to a mapping, such as `("workspaces", "payments", "keys", "ci")`."""

_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one field in one mapping."""

    path: Path
    """Path of the mapping."""

    field: str
    """Key of the field."""

    value: str | None
    """YAML of a scalar, such as `3` or `2026-12-31`; None removes the field with its value."""


def edited(text: str, file: str, changes: Sequence[Change]) -> str:
    """Return the text with several changes, which costs little more than one.

    Fields are added in the order of the changes, before others are removed.

    Raises:
        AmbientError: All problems at once.
    """
    bom = _BOM if text.startswith(_BOM) else ""
    before = text.removeprefix(bom)
    parsed = parse_yaml(before, file)
    Problems(parsed.problems).raise_if_any()
    written = [change for change in changes if change.value is not None]
    removed = [change for change in changes if change.value is None]
    after = before
    for group in filter(None, (written, removed)):
        try:
            after = spliced(after, _Edit(after, file).splices(group))
        except UnknownFormError:
            _by_hand(file, changes)
    _verify(parsed.data, after, file, [*written, *removed])
    return bom + after


class _Edit:
    """Translates changes into splices, and refuses those that would change more than intended."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._top = top_node(text)
        self._cutter = Cutter(text)

    def splices(self, changes: Iterable[Change]) -> list[Splice]:
        """Return the splices for changes that either all write or all remove.

        Raises:
            AmbientError: All problems at once.
        """
        problems = Problems()
        splices: list[Splice] = []
        by_path: dict[Path, list[Change]] = {}
        for change in changes:
            by_path.setdefault(change.path, []).append(change)
        # Deepest first, because two mappings may end at the same position.
        for path, group in sorted(by_path.items(), key=lambda item: -len(item[0])):
            try:
                key, mapping = self._find(path)
                if group[0].value is not None:
                    splices += self._write(path, mapping, group)
                else:
                    splices += self._remove(path, key, mapping, [change.field for change in group])
            except AmbientError as error:
                problems.extend(error.problems)
        problems.raise_if_any()
        return splices

    def _find(self, path: Path) -> tuple[Node | None, Node]:
        """Return the key and the value of a mapping."""
        key, node = None, self._top
        for depth, part in enumerate(path):
            if part not in (node.entries or {}):
                self._missing(path[: depth + 1], node)
            key, node = (node.entries or {})[part]
            self._refuse_shared(path[: depth + 1], node)
        if node.entries is None:
            fail(self._where(node), public_path(path), "is not a mapping", "write it as one, such as {}")
        return key, node

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

    def _remove(self, path: Path, key: Node | None, mapping: Node, fields: list[str]) -> Iterator[Splice]:
        entries = mapping.entries or {}
        for field in fields:
            if field not in entries:
                self._missing((*path, field), mapping)
            name, value = entries[field]
            self._refuse_shared((*path, field), value)
            uses = [use for node in (*name.family(), *value.family()) for use in node.uses]
            if any(not name.start <= use < value.end for use in uses):
                self._refuse_anchor((*path, field), name)
        yield from self._cutter.remove(key, mapping, set(fields))

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


def _verify(data: dict[str, Any], text: str, file: str, changes: Sequence[Change]) -> None:
    # Compared as JSON, which distinguishes 1 from true and has no object identity for aliases.
    expected = json.loads(json.dumps(data))
    for change in changes:
        mapping = expected
        for part in change.path:
            mapping = mapping[part]
        if change.value is None:
            del mapping[change.field]
        else:
            mapping[change.field] = parse_yaml(f"value: {change.value}", file).data["value"]
    try:
        parsed = parse_yaml(text, file)
        sound = not parsed.problems and json.dumps(parsed.data) == json.dumps(expected)
    except AmbientError:
        sound = False
    if not sound:
        _by_hand(file, changes)


def _by_hand(file: str, changes: Iterable[Change]) -> NoReturn:
    desired = [
        f"remove {public_path((*change.path, change.field))}"
        if change.value is None
        else f"write '{change.field}: {change.value}' in {public_path(change.path)}"
        for change in changes
    ]
    fail(Where(file), "", "can't be edited by a program, the way it is written", f"by hand: {', '.join(desired)}")
