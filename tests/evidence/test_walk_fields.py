"""What is walked: every field of the schema, also one of tomorrow. One without values is an error in words."""

import copy
from typing import Any

import pytest

from ambient_components.stackfile.schema import stack_schema
from tests.support.walk import ABSENT, EDGE, TYPICAL, Walker
from tests.support.walk_values import NoValueError

SCHEMA = stack_schema()
TOMORROW = {
    "colour": {"type": "string", "enum": ["red", "green"], "default": "red"},
    "weight": {"type": "integer", "minimum": 3, "maximum": 9},
    "nickname": {"type": "string", "pattern": "^q[0-9]{3}$"},
    "sentences": {"type": "array", "items": {"$ref": "#/$defs/Sentence"}},
}
SENTENCE = {
    "title": "Sentence",
    "type": "object",
    "required": ["lifetime"],
    "properties": {"lifetime": {"title": "duration", "type": "string"}, "loud": {"type": "boolean"}},
}


def walker(**fields: Any) -> Walker:
    """A walker of a schema in which a workspace has further fields; it accepts everything."""
    schema = copy.deepcopy(SCHEMA)
    schema["$defs"]["Workspace"]["properties"] |= fields
    schema["$defs"]["Sentence"] = SENTENCE
    return Walker(schema, "Workspace", {"protect": False}, lambda _: True)


def test_a_field_of_tomorrow_is_walked() -> None:
    more = walker(**TOMORROW)
    before = {str(spot) for spot in walker().spots()}
    found = {str(spot): more.walk(spot) for spot in more.spots() if str(spot) not in before}
    entries = {name: walk.entries for name, walk in found.items() if walk}
    assert list(entries) == list(found)
    assert entries["colour"] == {
        ABSENT: {"protect": False},
        TYPICAL: {"protect": False, "colour": "green"},
        EDGE: {"protect": False, "colour": "red"},
    }
    assert [entries["weight"][kind]["weight"] for kind in (TYPICAL, EDGE)] == [4, 3]
    assert [entries["nickname"][kind]["nickname"][0] for kind in (TYPICAL, EDGE)] == ["q", "q"]
    assert entries["sentences[].loud"][TYPICAL]["sentences"] == [{"lifetime": "2m", "loud": True}]
    assert entries["sentences[].loud"][ABSENT]["sentences"] == [{"lifetime": "2m"}]


@pytest.mark.parametrize("rules", [{}, {"type": "string", "pattern": "^(?=x)y$"}, {"title": "cron", "type": "null"}])
def test_a_field_without_values_is_named(rules: dict[str, Any]) -> None:
    odd = walker(odd=rules)
    (spot,) = (one for one in odd.spots() if str(one) == "odd")
    with pytest.raises(NoValueError, match=r"Workspace\.odd: no value can be derived .* tests/support/walk_values\.py"):
        odd.walk(spot)


def test_every_field_has_values() -> None:
    today = Walker(SCHEMA, "Workspace", {}, lambda _: True)
    spots = today.spots()
    assert len(spots) >= 140
    assert len({str(spot) for spot in spots}) == len(spots)
    for spot in spots:
        assert today.values.of(spot.schema, spot.place), str(spot)


def test_a_neighbour_that_a_field_needs_is_found() -> None:
    def accepts(entry: Any) -> bool:
        (key,) = entry["keys"].values() if entry.get("keys") else ({},)
        return "overlapUntil" not in key or key.get("generation") == 2

    found = Walker(SCHEMA, "Workspace", {}, accepts)
    (spot,) = (one for one in found.spots() if str(one) == "keys{}.overlapUntil")
    walk = found.walk(spot)
    assert walk is not None
    assert walk.entries[ABSENT] == {"keys": {"one": {"generation": 2}}}
    assert walk.entries[TYPICAL]["keys"]["one"].keys() == {"generation", "overlapUntil"}
