"""Edits of a stack file's text that preserve comments, order, quotes, indentation and all other bytes.

A YAML library would reformat untouched lines, and a reviewer would have to search for the change. So the text is cut at
the parser's node positions, and the result is parsed again: if it does not hold the old data with exactly this change,
the edit is refused, and the message says what to write by hand. That holds for aliases, too, of which an edit would
change several entries.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from ambient_components.errors import AmbientError, PathPart, Problems, Where, fail
from ambient_components.printable import yaml_text
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.yaml.reader import ParsedYaml, parse_yaml
from ambient_components.stackfile.yaml.splices import Cutter, Node, Splice, UnknownFormError, spliced, top_node

Path = tuple[PathPart, ...]
"""Keys from the top of the file to a mapping or a list, such as `("workspaces", "payments", "keys", "ci")`; an item of
a list by its number.
"""

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9@._/+-]*")
_BOM: Final = "\ufeff"
_WORKSPACES: Final = "workspaces"


@dataclass(frozen=True, slots=True)
class Change:
    path: Path
    """The mapping or list that changes."""
    field: PathPart | None
    """The field, the number of the item (to remove it), or None for a new last item."""
    value: str | None
    """YAML on one line, such as `3` or `[{user: a}]`. None removes.

    Only a scalar can replace an existing value, and only one.
    """

    @property
    def removes(self) -> bool:
        return self.value is None

    @property
    def by_hand(self) -> str:
        """The instruction to make the change by hand."""
        if self.field is None:
            return f"add '- {self.value}' to {public_path(self.path)}"
        if self.removes:
            return f"remove {public_path((*self.path, self.field))}"
        return f"write '{self.field}: {self.value}' in {public_path(self.path)}"

    def apply(self, container: Any) -> None:
        """Make the change in the data of the mapping or list."""
        if self.field is None:
            container.append(_value(self.value or ""))
        elif self.removes:
            del container[self.field]
        else:
            container[self.field] = _value(self.value or "")


def edited(text: str, file: str, changes: Sequence[Change]) -> str:
    """Return the text with several changes, which costs little more than one.

    Fields and items are added in the order of the changes, before others are removed.

    Raises:
        AmbientError: All problems at once.
    """
    bom, before, parsed = _parsed(text, file)
    after = _attempt(before, file, parsed.data, changes)
    if after is None:
        # Those that fail by themselves; the others are not in the way.
        failing = [change for change in changes if _attempt(before, file, parsed.data, [change]) is None]
        problems = Problems()
        for change in failing or changes:
            problems.add(
                parsed.sources.key(change.path if change.field is None else (*change.path, change.field)),
                public_path(change.path),
                "can't be edited by a program, the way it is written",
                f"by hand: {change.by_hand}",
                "if it is an alias, or has an anchor, write the value out first",
            )
        problems.raise_if_any()
    return f"{bom}{after}"


def with_workspaces(text: str, file: str, blocks: Mapping[str, str]) -> str:
    """Return the text with more entries of workspaces, behind those that it has.

    Raises:
        AmbientError: The text is invalid, or in a form that can't be edited.
    """
    bom, before, parsed = _parsed(text, file)
    there = parsed.data.get(_WORKSPACES) or {}
    added = {name: parse_yaml(block, file).data[name] for name, block in blocks.items()}
    after = spliced(before, [_entries(before, [*blocks.values()], has_section=_WORKSPACES in parsed.data)])
    if not (isinstance(there, dict) and _holds(after, file, {**parsed.data, _WORKSPACES: {**there, **added}})):
        names = ", ".join(blocks)
        fail(
            Where(file),
            _WORKSPACES,
            f"can't be edited by a program, the way it is written, to add {names}",
            "write its entries on lines of their own, without braces and aliases",
        )
    return bom + after


def _parsed(text: str, file: str) -> tuple[str, str, ParsedYaml]:
    """Return the byte order mark, the text without it, and its content."""
    bom = _BOM if text.startswith(_BOM) else ""
    parsed = parse_yaml(text.removeprefix(bom), file)
    Problems(parsed.problems).raise_if_any()
    return bom, text.removeprefix(bom), parsed


def _entries(text: str, blocks: Sequence[str], *, has_section: bool) -> Splice:
    cutter = Cutter(text)
    if not has_section:
        gap = "\n\n" if text.strip() else ""
        section = f"{gap}{_WORKSPACES}:{cutter.lines(2, blocks)}\n"
        return Splice(len(text.rstrip()), len(text), cutter.with_breaks(section))
    key, mapping = (top_node(text).entries or {})[_WORKSPACES]
    if not mapping.entries:  # nothing, or `{}`
        return Splice(key.end, mapping.end, f":{cutter.lines(2, blocks)}")
    return cutter.add(mapping, blocks)


def _attempt(text: str, file: str, data: Mapping[str, Any], changes: Sequence[Change]) -> str | None:
    """Return the text with the changes. None if it would not hold exactly the changed data."""
    # Compared as JSON, which distinguishes 1 from true and has no object identity for aliases.
    expected = json.loads(json.dumps(data))
    try:
        # Items last and from the end, because a removed one changes the numbers of those that follow.
        for change in sorted(changes, key=_backwards):
            change.apply(_inside(expected, change.path))
        after = text
        for removes in (False, True):
            if group := [change for change in changes if change.removes is removes]:
                after = spliced(after, _splices(after, group))
    except (UnknownFormError, LookupError, TypeError, AttributeError):
        return None  # what is to change is not there, or is no mapping or list
    return after if _holds(after, file, expected) else None


def _inside(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _backwards(change: Change) -> float:
    return -change.field if isinstance(change.field, int) else -math.inf


def _splices(text: str, changes: Sequence[Change]) -> Iterator[Splice]:
    """Yield the splices for changes that either all write or all remove."""
    top, cutter = top_node(text), Cutter(text)
    by_path: dict[Path, list[Change]] = {}
    for change in changes:
        by_path.setdefault(change.path, []).append(change)
    # Deepest first, because two mappings may end at the same position.
    for path, group in sorted(by_path.items(), key=lambda item: -len(item[0])):
        key, node = _find(top, path)
        entries = node.entries or {}
        if group[0].removes:
            names = [*entries]
            yield from cutter.remove(
                key,
                node,
                {names.index(change.field) if isinstance(change.field, str) else change.field or 0 for change in group},
            )
            continue
        there = [change for change in group if change.field in entries]
        for change in there:
            value = entries[str(change.field)][1]
            if value.entries is not None or value.items is not None:
                raise UnknownFormError
            yield cutter.replace(value, change.value or "")
        if new := [_member(node, change) for change in group if change not in there]:
            yield cutter.add(node, new)


def _find(node: Node, path: Path) -> tuple[Node | None, Node]:
    key = None
    for part in path:
        if isinstance(part, int):
            key, node = None, (node.items or [])[part]
        else:
            key, node = (node.entries or {})[part]
    if node.entries is None and node.items is None:
        raise UnknownFormError
    return key, node


def _member(node: Node, change: Change) -> str:
    """Return the text of a new entry or item."""
    if change.field is not None:
        return f"{change.field}: {change.value}"
    return f"{'' if node.flow else '- '}{change.value}"


def _holds(text: str, file: str, expected: Mapping[str, Any]) -> bool:
    """Tell whether a text is valid and has exactly this data."""
    try:
        parsed = parse_yaml(text, file)
    except AmbientError:
        return False
    return not parsed.problems and json.dumps(parsed.data) == json.dumps(expected)


def in_braces(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}"


def scalar(text: str) -> str:
    """Return the YAML of a text, in quotes only if it needs them."""
    if _PLAIN.fullmatch(text) and _value(text) == text:
        return text
    dumped = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=math.inf)
    return yaml_text(str(dumped).rstrip("\n"))


def _value(text: str) -> Any:
    return parse_yaml(f"value: {text}", "").data["value"]
