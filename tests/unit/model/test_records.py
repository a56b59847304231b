"""Every record of the ledger: read as it was written, by any version and whatever it holds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.model.derive import misfits, parts, read, write
from ambient_components.model.keys import NO_KEY, Key, KeyRecord

STATES = sorted((Path(__file__).parents[2] / "states").glob("*/*.json"))
RECORDS = {KeyRecord: "keys"}
"""Models of records by their name in a workspace's entry."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def recorded(name: str) -> Iterator[dict[str, Any]]:
    """Yield what states of earlier versions hold under a name of a workspace's entry."""
    for path in STATES:
        state = json.loads(path.read_text(encoding="utf-8"))["state"]
        for resource in state["deployment"]["resources"]:
            if resource["type"] == "ambient:index:AccessLedger":
                for entry in resource["outputs"]["workspaces"].values():
                    yield from entry.get(name, {}).values()


@pytest.mark.parametrize("model", RECORDS)
def test_states_of_earlier_versions_are_read_and_written_back(model):
    found = list(recorded(RECORDS[model]))
    assert found
    for data in found:
        assert write(read(model, "ledger", data), "ledger") == data


@pytest.mark.parametrize("model", RECORDS)
@given(st.data())
def test_reading_never_fails_and_agrees_with_writing(model, data):
    names = [name for part in parts(model, "ledger") for name in part.form.names(part.name)]
    plain = data.draw(st.dictionaries(st.sampled_from(names), JSON) | JSON)
    typed = read(model, "ledger", plain)
    assert read(model, "ledger", write(typed, "ledger")) == typed
    list(misfits(model, "ledger", plain))


def test_what_a_tighter_rule_refuses_is_still_read():
    key = read(KeyRecord, "ledger", {"role": "owner", "generation": 5000, "lifetimeSeconds": 5, "actsAs": "a b"})
    assert (key.role, key.generation, key.lifetime, key.acts_as) == ("owner", 5000, 5, "a b")


def test_a_missing_value_is_not_taken_for_the_default_of_a_declaration():
    assert (NO_KEY.role, NO_KEY.generation, NO_KEY.lifetime) == ("", 0, 0)
    assert write(NO_KEY, "ledger") == {"role": "", "generation": 0}


def test_a_record_of_a_declared_key_passes_its_own_check():
    endless = Key(lifetime="never", static=True)
    for key in (Key(), endless, Key(rotate="manual", generation=2, overlapUntil="2026-12-31")):
        assert list(misfits(KeyRecord, "ledger", write(KeyRecord.of(key, overlaps=False), "ledger"))) == []
