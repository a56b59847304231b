"""Run records that no run wrote: they are read, or refused in words; never anything else."""

import gzip
import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.entries import read_ledger
from ambient_components.errors import text_of
from ambient_components.shards.interrupted import leftovers
from ambient_components.shards.records import Record
from tests.support.hostile import JSON, VALUES

KEYS = st.sampled_from([name for key in ("run", "declared", "lost", "done") for name in (key, f"{key}.gz")])
ENTRY = {
    "state": "active",
    "owners": ["user:alice"],
    "grants": {"group:devs": "edit"},
    "keys": {"ci": {"role": "view", "generation": 1}},
}
DATA = st.dictionaries(KEYS, JSON.map(json.dumps) | st.text(max_size=20) | st.sampled_from(["{", "[[["]))
AFTER = read_ledger({"pay": ENTRY})


def parsed(data: dict[str, str]) -> Record | None:
    try:
        return Record.parse(data)
    except ValueError as error:
        text = text_of(error)
        assert text
        assert "Traceback" not in text
        return None


@given(DATA)
def test_any_text_is_a_record_or_is_refused(data: dict[str, str]) -> None:
    parsed(data)


@given(
    st.sampled_from(
        [("owners",), ("grants",), ("grants", "group:devs"), ("keys",), ("keys", "ci"), ("keys", "ci", "role")]
    ),
    st.sampled_from(VALUES),
)
def test_an_entry_of_another_form_ends_no_run(at: tuple[str, ...], value: object) -> None:
    """A newer version may have recorded it, and the ledger of a lost run is what the next run ends."""
    entry = json.loads(json.dumps(ENTRY))
    inner = entry
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    for data in ({"declared": json.dumps({"pay": entry})}, {"lost": json.dumps({"workspaces": {"pay": [entry]}})}):
        record = parsed(data)
        if record is not None:
            leftovers(record.lost, AFTER)
            leftovers({name: (one,) for name, one in (record.declared or {}).items()}, AFTER)


@pytest.mark.parametrize("text", ["", "x", "/w==", b64encode(gzip.compress(b"{}", mtime=0)[:-4]).decode()])
def test_what_is_not_compressed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="run record"):
        Record.parse({"declared.gz": text})
