"""Run records as ConfigMaps: what is written is read again, and what can't be read says what to do."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.entries import Entry
from ambient_components.shards.records import (
    PACKED_OVER,
    Done,
    Record,
    Run,
    begin,
    canonical,
    fleet_label,
    patch,
    record_name,
)
from tests.support.ledgers import declare
from tests.support.ledgers import ledger as typed

TEXT = st.text(max_size=10)
ENTRY = st.builds(Entry.model_construct, grants=st.dictionaries(TEXT, TEXT, max_size=3))
LEDGER = st.dictionaries(TEXT, ENTRY, max_size=3)
RUNS = st.builds(Run, id=TEXT, begun=TEXT, checkpoints=st.booleans(), recorded=st.booleans(), after_loss=st.booleans())
DONE = st.builds(
    Done,
    id=TEXT,
    ended=TEXT,
    digest=TEXT,
    next_action=TEXT,
    state_at=TEXT,
    workspaces=st.dictionaries(TEXT, TEXT, max_size=3),
    resources=st.integers(0, 10**6),
)
RECORDS = st.builds(
    Record,
    run=st.none() | RUNS,
    declared=st.none() | LEDGER,
    lost=st.dictionaries(TEXT, st.lists(ENTRY, min_size=1, max_size=3).map(tuple), max_size=3),
    done=st.none() | DONE,
)


def large(mark=""):
    return {f"w{number}": {"state": "active", "grants": {f"user:{mark}{'x' * 200}": "view"}} for number in range(2000)}


@given(record=RECORDS)
def test_what_is_written_is_read_again(record):
    assert Record.parse(record.data()) == record
    assert all(isinstance(value, str) for value in record.data().values())


@given(before=RECORDS, after=RECORDS)
def test_a_patch_makes_one_record_the_other(before, after):
    data = dict(before.data())
    for key, value in patch(before, after).items():
        if value is None:
            del data[key]
        else:
            data[key] = value
    assert data == after.data()
    assert patch(before, before) == {}


@pytest.mark.parametrize("data", [None, {}, {"somebody": "else's"}])
def test_a_config_map_without_keys_of_ours_knows_nothing(data):
    assert Record.parse(data) == Record()


def test_the_form_in_the_cluster():
    """Others read it: another form needs another schema."""
    run = Run("r1", "2026-11-25T19:00:00Z", checkpoints=False)
    done = Done("r0", "2026-11-24T19:00:00Z", "d", "", "2026-11-24T19:00:01.000Z", {"pay": "d1"}, 12)
    record = Record(run, {"pay": Entry(state="active")}, {"old": (Entry(state="closed"),)}, done)
    assert {key: json.loads(value) for key, value in record.data().items()} == {
        "run": {
            "schema": 1,
            "id": "r1",
            "begun": "2026-11-25T19:00:00Z",
            "checkpoints": False,
            "recorded": False,
        },
        "declared": {"pay": {"state": "active", "owners": [], "grants": {}, "keys": {}}},
        "lost": {"workspaces": {"old": [{"state": "closed", "owners": [], "grants": {}, "keys": {}}]}},
        "done": {
            "id": "r0",
            "ended": "2026-11-24T19:00:00Z",
            "digest": "d",
            "nextAction": "",
            "stateAt": "2026-11-24T19:00:01.000Z",
            "workspaces": {"pay": "d1"},
            "resources": 12,
        },
    }


def test_a_long_ledger_is_compressed_and_fits():
    run = Run("r1", "", checkpoints=False)
    record = declare(Record(), large("a"), run)
    record = declare(begin(record, Run("r2", "", checkpoints=False)), large("b"), Run("r2", "", checkpoints=False))
    data = record.data()
    assert sorted(data) == ["declared.gz", "lost.gz", "run"]
    assert sum(map(len, data.values())) < 2**20
    assert Record.parse(data) == record
    assert data == Record.parse(data).data()


def test_a_ledger_that_grows_or_shrinks_over_the_limit_leaves_no_second_value():
    short, long = Record(declared=typed({"pay": {}})), Record(declared=typed(large()))
    assert len(json.dumps(large())) > PACKED_OVER
    assert patch(short, long) == {"declared": None, "declared.gz": long.data()["declared.gz"]}
    assert patch(long, short) == {"declared": short.data()["declared"], "declared.gz": None}


@pytest.mark.parametrize("schema", [2, 0, "1", None])
def test_another_schema_is_refused_with_the_way_out(schema):
    data = {"run": json.dumps({"schema": schema, "id": "r", "begun": "", "checkpoints": True, "recorded": True})}
    with pytest.raises(ValueError, match=r"has the schema .*, and this version knows 1; use the newest version"):
        Record.parse(data)


@pytest.mark.parametrize(
    "data",
    [
        {"run": "{"},
        {"run": "[]"},
        {"run": "{}"},
        {"run": "7"},
        {"declared": "7"},
        {"declared.gz": "no base64!"},
        {"declared.gz": base64.b64encode(b"no gzip").decode()},
        {"declared.gz": Record(declared=typed(large())).data()["declared.gz"][:400]},
        {"lost": "{}"},
        {"lost": '{"workspaces": {"pay": 7}}'},
        {"done": '{"id": "r"}'},
        {"done": '{"resources": "many"}'},
    ],
)
def test_what_can_not_be_read_says_what_to_do(data):
    with pytest.raises(ValueError, match=r"^the shard's run record has .*delete the ConfigMap"):
        Record.parse(data)


def test_names_are_of_the_fleet_and_the_shard():
    label = fleet_label("app/prod")
    assert label == "648cebd1a7"
    assert record_name("app/prod", 3) == f"ambient-components-{label}-03"
    assert record_name("app/prod", 123) == f"ambient-components-{label}-123"
    assert fleet_label("app/stage") != label


def test_what_digests_are_made_of_is_the_same_in_every_version() -> None:
    """They stand in records: another spelling is a run of every shard there is."""
    assert canonical({"b": [1, "ü"], "a": None, "c": True}) == '{"a":null,"b":[1,"ü"],"c":true}'
    for value, error in (({1, 2}, TypeError), (b"x", TypeError), (float("nan"), ValueError)):
        with pytest.raises(error):
            canonical({"a": value})
