"""The typed ledger: what is recorded is read and written back as it was, whatever it is, and new inputs are checked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.entries import Entry, ledger_misfits, misfit_problems, read_ledger, write_ledger
from ambient_components.model.derive import read
from ambient_components.model.grants import Period
from ambient_components.model.keys import KeyRecord
from tests.support.plans import LEDGERS, entry, key

WHOLE = {
    "state": "active",
    "owners": ["user:ana"],
    "grants": {"group:devs": "edit"},
    "keys": {
        "ci": {
            "role": "view",
            "lifetimeSeconds": 7776000,
            "manual": True,
            "generation": 3,
            "overlapUntil": "2026-12-31",
            "adopt": ["ambient-key-ci"],
            "deliver": "ci/token",
            "retain": "none",
            "overlapping": 2,
        },
        "agent": {"role": "edit", "never": True, "generation": 1, "static": True},
    },
    "dates": {"group:devs": [{"role": "edit", "from": "2026-01-01", "until": "2026-12-31"}]},
    "adopt": True,
    "secrets": {"runner": {"ANTHROPIC_API_KEY": "config payments/anthropic"}},
    "settings": ["idleTimeout"],
    "limits": ["quota"],
    "schedules": {
        "nightly": {
            "schedule": "0 3 * * *",
            "suspend": False,
            "runAs": "bob",
            "cronJob": "schedule-12345678-1234-1234-1234-123456789abc",
            "digest": "0123456789abcdef",
        }
    },
    "bucket": {
        "name": "pay",
        "driver": "s3",
        "endpoint": "",
        "store": "https://s3.example.com",
        "shared": True,
        "adopt": True,
        "state": "released",
        "onDelete": "delete",
        "force": True,
        "expireAfterDays": 30,
        "versioning": False,
        "objectLock": True,
        "generation": 2,
        "lifetimeSeconds": 86400,
    },
    "exceptions": ["adminKey"],
}
"""An entry with every field, none of them with its default."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_every_field_is_written_as_it_is_recorded():
    written = write_ledger(read_ledger({"pay": WHOLE}))
    assert written == {"pay": WHOLE}
    assert ledger_misfits({"pay": WHOLE}) == {}


@given(LEDGERS)
def test_what_is_recorded_is_read_and_written_back(ledger):
    typed = read_ledger(ledger)
    assert write_ledger(typed) == ledger
    assert read_ledger(write_ledger(typed)) == typed


@given(JSON, st.sampled_from([*WHOLE]))
def test_reading_never_fails(anything, field):
    for one in (anything, {"pay": anything}, {"pay": {**WHOLE, field: anything}}, {"pay": {"keys": {"ci": anything}}}):
        typed = read_ledger(one)
        assert read_ledger(write_ledger(typed)) == typed


@given(JSON, st.sampled_from([*WHOLE]))
def test_checking_never_fails_either(anything, field):
    misfit_problems(ledger_misfits({"pay": anything, "lab": {**WHOLE, field: anything}}))


def test_what_does_not_fit_is_left_out():
    assert read_ledger({"pay": {"owners": "ana", "grants": {"user:a": 5, "user:b": "view"}, "color": "red"}}) == {
        "pay": Entry(grants={"user:b": "view"})
    }
    assert read_ledger({"pay": 5, "lab": {"keys": {"ci": {"role": "view", "generation": 2.0}}}}) == {
        "pay": Entry(),
        "lab": Entry.model_construct(keys={"ci": read(KeyRecord, "ledger", {"role": "view", "generation": 2})}),
    }
    assert read_ledger(None) == {}


def test_a_field_that_is_null_is_not_there():
    assert read_ledger({"pay": entry(bucket=None, dates=None)}) == {"pay": Entry()}
    assert ledger_misfits({"pay": entry(bucket=None, dates=None)}) == {}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"state": "open"}, "state: 'open' is not a state; allowed: active, closed, released"),
        ({"state": None}, "state: is missing"),
        ({"owners": ["ana"]}, "owners[0]: 'ana' is not a subject; allowed: user:NAME"),
        ({"grants": {"user:a": "owner"}}, "grants[\"user:a\"]: 'owner' is not a role; allowed: view, edit, admin"),
        ({"grants": {"ana": "view"}}, "grants.ana: 'ana' is not a subject"),
        ({"keys": {"ci": key(generation=0)}}, "keys.ci.generation: 0 is too low; allowed: whole numbers from 1"),
        ({"keys": {"ci": key(generation=2, overlapping=2)}}, "keys.ci: generation must be higher than overlapping"),
        ({"keys": {"ci": key(sttic=True)}}, "keys.ci.sttic: is not known; did you mean 'static'?"),
        ({"settings": "idleTimeout"}, "settings: a list is expected"),
    ],
)
def test_a_new_entry_that_does_not_fit_is_named_with_its_path(given, problem):
    (found,) = misfit_problems(ledger_misfits({"pay": entry(**given), "lab": entry()}))
    assert str(found).startswith(f"workspace 'pay': {problem}")


def test_all_misfits_are_named_at_once():
    problems = misfit_problems(ledger_misfits({"pay": {"state": "open"}, "lab": "closed"}))
    assert [*map(str, problems)] == [
        "workspace 'lab': its entry in the ledger: a mapping is expected",
        "workspace 'pay': owners: is missing; add it",
        "workspace 'pay': grants: is missing; add it",
        "workspace 'pay': keys: is missing; add it",
        "workspace 'pay': state: 'open' is not a state; allowed: active, closed, released",
    ]


@pytest.mark.parametrize(
    ("period", "text"),
    [
        ({"from": "2026-12-01", "until": "2026-12-31"}, "view from 2026-12-01 until 2026-12-31"),
        ({"until": "2026-12-31"}, "view until 2026-12-31"),
    ],
)
def test_periods_read_like_the_stack_file(period, text):
    assert str(read(Period, "ledger", {"role": "view", **period})) == text
