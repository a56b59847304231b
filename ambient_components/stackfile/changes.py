"""Changes of a stack file: a field of a mapping, or an item of a list."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from ambient_components.errors import PathPart
from ambient_components.printable import yaml_text
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.yaml.reader import parse_yaml

Path = tuple[PathPart, ...]
"""Keys from the top of the file to a mapping, such as `("workspaces", "payments", "keys", "ci")`; an item of a list by
its number.
"""

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9@._/+-]*")


@dataclass(frozen=True, slots=True)
class Change:
    path: Path
    field: str
    value: str | None
    """YAML on one line, such as `3` or `[{user: a}]`; None removes the field with its value. Only a scalar can replace
    an existing value, and only one.
    """

    @property
    def removes(self) -> bool:
        return self.value is None

    @property
    def by_hand(self) -> str:
        """The instruction to make the change by hand."""
        if self.removes:
            return f"remove {public_path((*self.path, self.field))}"
        return f"write '{self.field}: {self.value}' in {public_path(self.path)}"

    def apply(self, mapping: Any) -> None:
        if self.value is None:
            del mapping[self.field]
        else:
            mapping[self.field] = _value(self.value)


@dataclass(frozen=True, slots=True)
class ItemChange:
    """A removed or a new item of a list, which is then the last one."""

    path: Path
    item: int | str | Mapping[str, str]
    """Number of the item to remove, from 0; or a new one: the YAML of a scalar, or its fields, each with such YAML."""

    @property
    def removes(self) -> bool:
        return isinstance(self.item, int)

    @property
    def by_hand(self) -> str:
        """The instruction to make the change by hand."""
        if isinstance(self.item, int):
            return f"remove {public_path((*self.path, self.item))}"
        return f"add '- {item_yaml(self.item)}' to {public_path(self.path)}"

    def apply(self, items: Any) -> None:
        if isinstance(self.item, int):
            del items[self.item]
        else:
            items.append(_value(item_yaml(self.item)))


Edit: TypeAlias = Change | ItemChange


def in_braces(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}"


def item_yaml(item: str | Mapping[str, str]) -> str:
    """Return the YAML of a new item on one line."""
    return item if isinstance(item, str) else in_braces(item)


def scalar(text: str) -> str:
    """Return the YAML of a text, in quotes only if it needs them."""
    if _PLAIN.fullmatch(text) and _value(text) == text:
        return text
    dumped = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=math.inf)
    return yaml_text(str(dumped).rstrip("\n"))


def _value(text: str) -> Any:
    return parse_yaml(f"value: {text}", "").data["value"]
