"""Did you mean: each word of the stack file, wherever it may stand, is guessed when a letter of it is wrong.

The words are those of the schema, so that a new field or a new choice without a guess fails here. Beside them stand the
names that are known and not closed: the platform's flags and MCP servers, what a quota counts, kinds of subjects.
Reserved names are no vocabulary: nobody means them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from ambient_components.platform.contract import GLOBAL_FLAGS, SHIPPED_MCP_SERVERS, WORKSPACE_FLAGS
from ambient_components.rules.limits import QUOTA_RESOURCES
from ambient_components.stackfile.loader import review_stack
from ambient_components.stackfile.schema import stack_schema

SCHEMA = stack_schema()
Path = tuple[str | int, ...]

NAMES = {"workspaces": "pay", "templates": "base", "keys": "ci", "custom": "search", "integrations": "LEVEL"}
"""A name for an entry where any will do."""

VALUES: dict[object, Any] = {
    **dict.fromkeys(("defaultRequest", "default", "min", "max", "quota"), 1),
    "featureFlags": True,
    "runner": {"config": "pay/x"},
}
"""What an entry has where the name alone is wrong: else the value would be what is complained of."""


@dataclass(frozen=True)
class Place:
    """Where one of these words is expected: as the key of an entry, or as a value."""

    path: Path
    words: tuple[str, ...]
    key: bool = False

    def stack(self, word: str) -> dict[str, Any]:
        """A stack with this word here, in layers that a workspace has."""
        data: Any = {word: VALUES.get(self.path[-1] if self.path else "")} if self.key else word
        for part in reversed(self.path):
            data = [data] if part == 0 else {part: data}
        return {"workspaces": {"pay": {"template": "base"} if "templates" in data else {}}, **data}

    def __str__(self) -> str:
        return ".".join(map(str, self.path)) or "top"


def places(schema: dict[str, Any], path: Path = ()) -> Iterator[Place]:
    """Every place of a closed vocabulary in a schema."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        yield Place(path, tuple(schema["enum"]))
    if schema.get("type") == "boolean":
        yield Place(path, ("true", "false"))
    if schema.get("additionalProperties") is False:
        yield Place(path, tuple(schema["properties"]), key=True)
    names = schema.get("propertyNames", {}).get("enum")
    if names:
        yield Place(path, tuple(names), key=True)
    for name, below in schema.get("properties", {}).items():
        yield from places(below, (*path, name))
    if isinstance(schema.get("additionalProperties"), dict):
        entry = names[0] if names else NAMES.get(str(path[-1]), "a-name")
        yield from places(schema["additionalProperties"], (*path, entry))
    if "items" in schema:
        yield from places(schema["items"], (*path, 0))
    for way in schema.get("oneOf", ()):
        yield from places(way, path)


PAY: Path = ("workspaces", "pay")
KNOWN = [
    Place(
        (*PAY, "settings", "featureFlags"),
        tuple(flag for flag in WORKSPACE_FLAGS if flag not in GLOBAL_FLAGS),
        key=True,
    ),
    Place((*PAY, "settings", "mcpServers", "disabled", 0), tuple(SHIPPED_MCP_SERVERS)),
    Place((*PAY, "settings", "idleTimeout"), ("never",)),
    Place((*PAY, "limits", "quota"), (*QUOTA_RESOURCES, "count/pods", "requests.nvidia.com/gpu"), key=True),
    Place((*PAY, "owners", 0), ("user:NAME", "group:NAME", "serviceaccount:NAMESPACE:NAME")),
]
PLACES = [*places(SCHEMA), *KNOWN]


def typos(word: str) -> Iterator[str]:
    """Two letters in the wrong order, one too few, one too many, another case; what is behind a colon is a name."""
    head, rest = re.fullmatch(r"([^:/.]+)(.*)", word).groups()
    middle = len(head) // 2
    if len(head) > 2:  # of two letters it is all that there is
        yield head[: middle - 1] + head[middle] + head[middle - 1] + head[middle + 1 :] + rest
    yield head[:middle] + head[middle + 1 :] + rest
    yield head[:middle] + head[middle] + head[middle:] + rest
    yield head.swapcase() + rest


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_word_is_guessed(place: Place) -> None:
    missed = []
    for word in place.words:
        for typo in set(typos(word)) - set(place.words):
            review = review_stack("s.yaml", yaml.safe_dump(place.stack(typo)))
            reported = [hint for problem in review.problems for hint in problem.hints]
            if not any(f"did you mean {form}?" in text for text in reported for form in (word, repr(word))):
                missed.append((word, typo, reported))
    assert missed == []


def test_the_places_are_all_there() -> None:
    words = {word for place in PLACES for word in place.words}
    closed = {name for part in SCHEMA["$defs"].values() for name in part.get("properties", ())}
    assert closed <= words
    assert {str(place) for place in PLACES} >= {"top", "workspaces.pay.grants.0.role", "defaults.secrets.runner"}
