"""Every record of the ledger: read as it was written, by any version and whatever it holds."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.model.derive import misfits, parts, read, write
from ambient_components.model.entries import Entry
from ambient_components.model.grants import Period
from ambient_components.model.keys import NO_KEY, Key, KeyRecord
from ambient_components.model.schedules import ScheduleRecord
from ambient_components.model.storage import BucketRecord

STATES = sorted((Path(__file__).parents[2] / "states").glob("*/*.json"))
RECORDS = {
    KeyRecord: lambda entry: entry["keys"].values(),
    ScheduleRecord: lambda entry: entry.get("schedules", {}).values(),
    BucketRecord: lambda entry: [entry["bucket"]] if "bucket" in entry else [],
    Period: lambda entry: [one for dated in entry.get("dates", {}).values() for one in dated],
    Entry: lambda entry: [entry],
}
"""What a workspace's entry holds of each model."""

REFUSED = {
    KeyRecord: {"role": "owner", "generation": 5000, "lifetimeSeconds": 5, "actsAs": "a b"},
    ScheduleRecord: {"schedule": "@daily", "runAs": "a b", "cronJob": "nightly"},
    BucketRecord: {"name": "A", "driver": "gcs", "state": "shut", "onDelete": "ask", "expireAfterDays": 99999},
    Period: {"role": "owner", "until": "2026-12-31"},
    Entry: {"state": "shut", "owners": ["alice"], "grants": {"bob": "owner"}, "keys": {}, "exceptions": ["rail"]},
}
"""Values of the right kind that the rules of today refuse, besides `until` and `keys`."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("model", RECORDS)
def test_states_of_earlier_versions_are_read_and_written_back(model):
    states = [json.loads(path.read_text(encoding="utf-8"))["state"]["deployment"]["resources"] for path in STATES]
    ledgers = [one["outputs"] for state in states for one in state if one["type"] == "ambient:index:AccessLedger"]
    records = [data for ledger in ledgers for entry in ledger["workspaces"].values() for data in RECORDS[model](entry)]
    assert records
    assert [write(read(model, "ledger", data), "ledger") for data in records] == records


@pytest.mark.parametrize("model", RECORDS)
@given(st.data())
def test_reading_never_fails_and_agrees_with_writing(model, data):
    names = [name for part in parts(model, "ledger") for name in part.form.names(part.name)]
    plain = data.draw(st.dictionaries(st.sampled_from(names), JSON) | JSON)
    typed = read(model, "ledger", plain)
    assert read(model, "ledger", write(typed, "ledger")) == typed
    list(misfits(model, "ledger", plain))


@pytest.mark.parametrize("model", RECORDS)
def test_what_a_tighter_rule_refuses_is_still_read(model):
    data = REFUSED[model]
    assert {finding.path[0] for finding in misfits(model, "ledger", data)} == data.keys() - {"until", "keys"}
    assert write(read(model, "ledger", data), "ledger") == data


def test_a_missing_value_is_not_taken_for_the_default_of_a_declaration():
    assert (NO_KEY.role, NO_KEY.generation, NO_KEY.lifetime) == ("", 0, 0)
    assert write(NO_KEY, "ledger") == {"role": "", "generation": 0}


def test_a_record_of_a_declared_key_passes_its_own_check():
    endless = Key(lifetime="never", static=True)
    for key in (Key(), endless, Key(rotate="manual", generation=2, overlapUntil="2026-12-31")):
        assert list(misfits(KeyRecord, "ledger", write(KeyRecord.of(key, overlaps=False), "ledger"))) == []


@pytest.mark.parametrize("place", ["", " for https://api.example.com"])
def test_the_server_and_the_authority_of_a_kubeconfig_are_recorded(place):
    def recorded(body):
        authority = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
        secret = {"namespace": "ops", "name": "token", "kubeconfig": "value", "authority": authority}
        server = {"server": "https://api.example.com"} if place else {}
        return write(KeyRecord.of(Key(deliver={"secret": secret | server}), overlaps=False), "ledger")

    one, other = recorded("YQ=="), recorded("Yg==")
    assert re.fullmatch(rf"ops/token{place} by sha256:[0-9a-f]{{16}}", one["deliver"])
    assert one["deliver"] != other["deliver"]
    assert write(read(KeyRecord, "ledger", one), "ledger") == one
