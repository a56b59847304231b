from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.entries import PathChange, changed_paths, child


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ("", "workspaces", "workspaces"),
        ("workspaces", "payments", "workspaces.payments"),
        ("workspaces", "pay-ments", 'workspaces["pay-ments"]'),
        ("grants", "group:devs", 'grants["group:devs"]'),
        ("grants", "user:a.b@example.com", 'grants["user:a.b@example.com"]'),
        ("grants", 'group:"quoted" \\ slashed', 'grants["group:\\"quoted\\" \\\\ slashed"]'),
        ("keys", "2fa", 'keys["2fa"]'),
        ("keys", "", 'keys[""]'),
        ("keys", "ci\n", 'keys["ci\n"]'),
        ("", "a b", '["a b"]'),
        ("x", "_$9", "x._$9"),
        ("x", "café", 'x["café"]'),
    ],
)
def test_a_key_is_dotted_where_it_can_be_and_quoted_where_it_must_be(path, key, expected):
    assert child(path, key) == expected


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", "update")]),
        ({}, {"a": {"b": 1}}, [("a", "add")]),
        ({"a": {"b": 1}}, {}, [("a", "delete")]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "d": 3}}, [("a.c", "delete"), ("a.d", "add")]),
        ({"a": {"b": 1}}, {"a": "text"}, [("a", "update")]),
        ({"a": "text"}, {"a": {}}, [("a", "update")]),
        ({"a": {}}, {"a": {"b": {}}}, [("a.b", "add")]),
        ({"owners": ["x"]}, {"owners": ["x", "y"]}, [("owners", "update")]),
        ({"a": None}, {}, [("a", "delete")]),
    ],
)
def test_each_difference_is_told_once_at_the_deepest_path(before, after, changes):
    assert list(changed_paths(before, after)) == [PathChange(path, kind) for path, kind in changes]


leaves = st.none() | st.integers(-3, 3) | st.text(max_size=3) | st.lists(st.integers(0, 2), max_size=2)
keys = st.sampled_from(["a", "b", "c-d", 'e"f', "g.h"]) | st.text(max_size=3)
trees = st.dictionaries(
    keys, st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8), max_size=4
)


def applied(before: Mapping, after: Mapping, received: set[str], path=""):
    """The tree before with nothing but the told differences taken over from the tree after."""
    result = {}
    for key in {*before, *after}:
        here = child(path, key)
        if here in received:
            if key in after:
                result[key] = after[key]
        elif isinstance(before.get(key), Mapping) and isinstance(after.get(key), Mapping):
            result[key] = applied(before[key], after[key], received, here)
        elif key in before:
            result[key] = before[key]
    return result


@given(trees, trees)
def test_the_differences_carry_one_tree_into_the_other(before, after):
    received = list(changed_paths(before, after))
    assert applied(before, after, {change.path for change in received}) == after
    assert len({change.path for change in received}) == len(received)


@given(trees, trees)
def test_there_is_no_difference_exactly_where_trees_are_equal(before, after):
    assert (not list(changed_paths(before, after))) == (before == after)
    assert not list(changed_paths(before, before))
