"""Marks of what a run depends on: equal where nothing changed, and of secrets nothing but that."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.shards import digest, secret_mark

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=4), below, max_size=4),
    max_leaves=12,
)
PARTS = st.dictionaries(st.text(max_size=6), JSON, max_size=5)


@given(parts=PARTS)
def test_the_order_in_which_parts_were_gathered_means_nothing(parts):
    assert digest(dict(reversed(parts.items()))) == digest(parts)


@pytest.mark.parametrize("one", [{"a": 1}, {"a": True}, {"a": "1"}, {"a": None}, {"a": []}, {"a": {}}, {}, {"b": 1}])
def test_values_that_look_alike_differ(one):
    others = [{"a": 1}, {"a": True}, {"a": "1"}, {"a": None}, {"a": []}, {"a": {}}, {}, {"b": 1}]
    assert sum(digest(one) == digest(other) for other in others) == 1


def test_a_digest_is_the_same_in_every_version():
    """It stands in records: another one is a run of every shard there is."""
    assert digest({"b": [1, "ü"], "a": None}) == "6bafd57c7869b3aca54e576a5157b40cc195c8486124cab93d52f1b59556838e"


@pytest.mark.parametrize("value", [{1, 2}, object(), b"x"])
def test_what_is_no_json_is_refused(value):
    with pytest.raises(TypeError):
        digest({"a": value})


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"a": math.nan})


@given(key=st.binary(min_size=1), value=st.text(), other=st.text())
def test_a_mark_tells_whether_a_value_is_the_same(key, value, other):
    assert (secret_mark(key, value) == secret_mark(key, other)) == (value == other)
    assert len(secret_mark(key, value)) == 64


def test_a_mark_is_of_one_key():
    assert secret_mark(b"one", "hunter2") != secret_mark(b"two", "hunter2")


def test_no_mark_without_a_key():
    with pytest.raises(ValueError, match="fleetKey"):
        secret_mark(b"", "hunter2")
