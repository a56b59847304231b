"""Shared values become defaults, and each effective entry stays exactly equal, by the stack file's own layers."""

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from ambient_components.adoption import factor
from ambient_components.stackfile import parse_stack
from ambient_components.stackfile.layers import Tree, flatten, layers_of
from ambient_components.stackfile.yaml.positions import ListMarks, MappingMarks
from tests.support.quick import examples
from tests.support.stack_strategies import WORKSPACES, written


def tree(data):
    """Give every value a place."""

    def marks(value):
        spot = ("x.yaml", 1, 1)
        if isinstance(value, dict):
            return MappingMarks(spot, dict.fromkeys(value, spot), {key: marks(item) for key, item in value.items()})
        return ListMarks(spot, [marks(item) for item in value]) if isinstance(value, list) else spot

    return Tree(copy.deepcopy(data), marks(data))


def effective(name, defaults, entry):
    return flatten(layers_of(name, tree(entry), tree(defaults) if defaults else None, None)).data


def same(one, other):
    """Equal in YAML, where true is not 1; the order of keys has no meaning."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def near(entry):
    """Entries that share a lot: copies, each perhaps with a part of it missing or changed."""

    def change(draw_parts):
        kept = {key: value for key, value in entry.items() if key not in draw_parts}
        return copy.deepcopy(kept)

    return st.lists(st.sets(st.sampled_from(sorted(entry) or ["x"]), max_size=2).map(change), min_size=1, max_size=3)


ENTRIES = st.one_of(
    st.lists(WORKSPACES, min_size=1, max_size=3),
    WORKSPACES.flatmap(near),
    st.builds(lambda one, others: [one, *others], WORKSPACES, WORKSPACES.flatmap(near)),
)


@examples(300)
@given(ENTRIES)
def test_effective_entries_stay_exactly_equal(entries):
    named = {f"w{number}": entry for number, entry in enumerate(entries)}
    before = copy.deepcopy(named)
    found = factor(named)
    assert named == before
    assert list(found.entries) == list(named)
    for name, entry in named.items():
        assert same(effective(name, found.defaults, found.entries[name]), entry)


@examples(200)
@given(ENTRIES)
def test_nothing_is_in_an_entry_that_its_defaults_say_already(entries):
    found = factor({f"w{number}": entry for number, entry in enumerate(entries)})
    for entry in found.entries.values():
        for field, value in entry.items():
            if field in found.defaults and field != "keys":
                assert not same(value, found.defaults[field])


def test_what_all_workspaces_share_is_a_default_and_the_rest_stays():
    entries = {
        "a": {"adopt": True, "owners": ["group:ops"], "labels": {"team": "x", "tier": "1"},
              "settings": {"idleTimeout": "12h"}},
        "b": {"adopt": True, "owners": ["group:ops"], "labels": {"team": "x"}, "grants": [{"group": "b"}],
              "settings": {"idleTimeout": "12h", "featureFlags": {"jira-write": True}}},
    }  # fmt: skip
    found = factor(entries)
    assert found.defaults == {"owners": ["group:ops"], "labels": {"team": "x"}, "settings": {"idleTimeout": "12h"}}
    assert found.entries == {
        "a": {"adopt": True, "labels": {"tier": "1"}},
        "b": {"adopt": True, "grants": [{"group": "b"}], "settings": {"featureFlags": {"jira-write": True}}},
    }


def test_what_one_workspace_lacks_is_no_default():
    assert factor({"a": {"owners": ["user:x"]}, "b": {}}).defaults == {}


def test_the_values_of_a_single_workspace_stay_in_its_entry():
    entry = {"owners": ["user:x"]}
    assert factor({"a": entry}).entries == {"a": entry}
    assert factor({}).defaults == {}


def test_a_role_of_all_keys_is_their_default():
    keys = {"ci": {"role": "view"}, "cd": {"role": "view", "name": "CD"}}
    found = factor({"a": {"keys": keys}, "b": {}})
    assert found.defaults == {"keys": {"role": "view"}}
    assert found.entries["a"]["keys"] == {"ci": {}, "cd": {"name": "CD"}}
    assert factor({"a": {"keys": {**keys, "x": {}}}, "b": {}}).defaults == {}


def test_a_server_is_a_default_as_a_whole_or_not_at_all():
    def entry(url):
        servers = {"custom": {"a": {"url": url, "headers": {"X": "y"}}}}
        return {"settings": {"mcpServers": servers}}

    assert factor({"a": entry("https://a"), "b": entry("https://b")}).defaults == {}
    assert factor({"a": entry("https://a"), "b": entry("https://a")}).defaults == entry("https://a")


def test_true_is_not_one():
    assert factor({"a": {"labels": {"x": True}}, "b": {"labels": {"x": 1}}}).defaults == {}


def test_the_loader_takes_what_is_factored():
    entries = {
        name: {"adopt": True, "grants": [{"group": "ops", "role": "admin"}], "keys": {"ci": {"role": "view"}}}
        for name in ("pay", "zoo")
    }
    found = factor(entries)
    stack = parse_stack(written({"defaults": found.defaults, "workspaces": found.entries}), "stack.yaml")
    assert dict(stack.data) == entries
