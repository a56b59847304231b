import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.provider.workspace.shared_object import drift, kept, merge_patch

KEYS = st.sampled_from("abcd")
SCALARS = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x", "y"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3))
FIELDS = st.dictionaries(KEYS, JSON, max_size=4)
TEXTS = st.dictionaries(KEYS, st.sampled_from(["", "x", "y"]), max_size=4)


def without_nulls(value):
    """As it is once the server has it: RFC 7386 has no null but for what is to go."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def applied(target, patch):
    """The pseudo code of RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = applied(result.get(key), value)
    return result


# merge_patch


@given(FIELDS, FIELDS)
def test_applied_to_what_was_before_a_patch_gives_what_should_be_after(before, after):
    before, after = without_nulls(before), without_nulls(after)
    assert applied(before, merge_patch(before, after)) == after


# drift


@given(TEXTS, TEXTS)
def test_drift_is_empty_exactly_where_nothing_differs(declared, live):
    assert bool(drift(declared, live)) == (declared != live)
    assert drift(declared, live).keys() == {k for k in {*declared, *live} if declared.get(k) != live.get(k)}
    assert {k for k, how in drift(declared, live).items() if how == "added"} == live.keys() - declared.keys()
    assert {k for k, how in drift(declared, live).items() if how == "removed"} == declared.keys() - live.keys()


# kept


@pytest.mark.parametrize(
    ("before", "declared", "live", "desired"),
    [
        pytest.param(None, {"a": "1"}, {"a": "ui"}, {"a": "ui"}, id="no record: what is there stays"),
        pytest.param(None, {"a": "1"}, {}, {"a": "1"}, id="no record: what is missing is added"),
        pytest.param(None, {"a": "1"}, {"a": ""}, {"a": "1"}, id="no record: an empty one is missing"),
        pytest.param(None, {}, {"b": "ui", "c": ""}, {"b": "ui"}, id="no record: others' keys stay"),
    ],
)
def test_without_a_record_what_is_there_stays(before, declared, live, desired):
    assert kept(before, declared, live) == desired


@given(TEXTS, TEXTS, TEXTS)
def test_each_field_has_one_writer(before, declared, live):
    after = kept(before, declared, live)
    for key in {*before, *declared, *live}:
        if declared.get(key) != before.get(key):
            assert after.get(key) == declared.get(key)
        else:
            assert after.get(key) == live.get(key)


@given(st.none() | TEXTS, TEXTS, TEXTS)
def test_writing_twice_is_writing_once(before, declared, live):
    once = kept(before, declared, live)
    assert kept(declared, declared, once) == once
