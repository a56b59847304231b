"""Layers: how they lie over one another, which one a value came from, and where a mistake in one is reported."""

import copy
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.stackfile.layers import RULES, Layer, Origin, Provenance, Tree, flatten, layers_of, merge
from ambient_components.stackfile.loader import parse_stack
from ambient_components.stackfile.yaml.positions import ListMarks, MappingMarks, SourceMap


def tree(data, file="x.yaml"):
    """Give every value a place of its own."""
    lines = count(1)

    def marks(value):
        spot = (file, next(lines), 1)
        if isinstance(value, dict):
            keys = {key: (file, next(lines), 1) for key in value}
            return MappingMarks(spot, keys, {key: marks(item) for key, item in value.items()})
        return ListMarks(spot, [marks(item) for item in value]) if isinstance(value, list) else spot

    return Tree(copy.deepcopy(data), marks(data))


def paths(data, path=()):
    """All paths in some data, the one of the whole excepted."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from paths(value, (*path, key))


def at(data, path):
    for part in path:
        data = data[part]
    return data


KEYS = st.sampled_from(["secrets", "runner", "A", "settings", "mcpServers", "custom", "caBundle", "keys", "labels"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from(["x", "y"]) | st.lists(st.integers(0, 3), max_size=3),
    lambda inner: st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.dictionaries(KEYS, VALUES, max_size=4)


@given(ENTRIES)
def test_nothing_over_or_under_an_entry_leaves_it_as_it_is(entry):
    over, under, twice = (merge(tree(a), tree(b), RULES) for a, b in ((entry, {}), ({}, entry), (entry, entry)))
    assert over.data == under.data == twice.data == entry


@given(ENTRIES, ENTRIES)
def test_all_that_the_upper_one_says_counts_and_neither_is_changed(lower, upper):
    below, above = tree(lower), tree(upper)
    before = copy.deepcopy((below, above))
    merged = merge(below, above, RULES)
    leaves = [path for path in paths(upper) if not isinstance(at(upper, path), dict)]
    assert [at(merged.data, path) for path in leaves] == [at(upper, path) for path in leaves]
    assert (below, above) == before


@given(st.lists(ENTRIES, min_size=1, max_size=3))
def test_provenance_agrees_with_what_was_merged(entries):
    names = ["defaults", "template t", "workspace"][-len(entries) :]
    layers = tuple(
        Layer(name, ("workspaces", "pay"), tree(entry, name)) for name, entry in zip(names, entries, strict=True)
    )
    merged = flatten(layers)
    provenance = Provenance({"pay": layers})
    sources = SourceMap(merged.marks)
    by_name = {layer.name: layer.tree.data for layer in layers}
    for path in paths(merged.data):
        origin = provenance.origin(("workspaces", "pay", *path))
        assert origin.where == sources.value(path)
        assert origin.layer == origin.where.file
        if not isinstance(at(merged.data, path), dict):
            assert at(by_name[origin.layer], path) == at(merged.data, path)
    for entry in entries:
        for path in set(paths(entry)) - set(paths(merged.data)):
            assert provenance.origin(("workspaces", "pay", *path)) == Origin("built-in", None)


@pytest.mark.parametrize(
    ("lower", "upper", "merged"),
    [
        ({"labels": {"a": 1, "b": 2}}, {"labels": {"b": 3}}, {"labels": {"a": 1, "b": 3}}),
        ({"grants": [1, 2]}, {"grants": [3]}, {"grants": [3]}),
        ({"grants": [1, 2]}, {"grants": []}, {"grants": []}),
        ({"labels": {"a": 1}}, {"labels": None}, {"labels": None}),
        ({"labels": None}, {"labels": {"a": 1}}, {"labels": {"a": 1}}),
        # Replaced whole: half of one reference and half of another would be neither.
        (
            {"secrets": {"runner": {"A": {"config": "x"}, "B": {"config": "y"}}}},
            {"secrets": {"runner": {"A": {"env": "Z"}}}},
            {"secrets": {"runner": {"A": {"env": "Z"}, "B": {"config": "y"}}}},
        ),
        (
            {"secrets": {"integrations": {"A": {"config": "x"}}}},
            {"secrets": {"integrations": {"A": {"value": "v"}}}},
            {"secrets": {"integrations": {"A": {"value": "v"}}}},
        ),
        (
            {"settings": {"mcpServers": {"custom": {"a": {"url": "u", "headers": {}}, "b": {}}, "disabled": ["x"]}}},
            {"settings": {"mcpServers": {"custom": {"a": {"command": "c"}}}}},
            {"settings": {"mcpServers": {"custom": {"a": {"command": "c"}, "b": {}}, "disabled": ["x"]}}},
        ),
        ({"settings": {"caBundle": {"file": "a"}}}, {"settings": {"caBundle": {}}}, {"settings": {"caBundle": {}}}),
        (
            {"settings": {"featureFlags": {"a": True}, "idleTimeout": "1h"}},
            {"settings": {"featureFlags": {"b": True}}},
            {"settings": {"featureFlags": {"a": True, "b": True}, "idleTimeout": "1h"}},
        ),
    ],
)
def test_what_merges_and_what_replaces(lower, upper, merged):
    assert merge(tree(lower), tree(upper), RULES).data == merged


@pytest.mark.parametrize(
    ("own", "effective"),
    [
        (
            {"keys": {"ci": {"role": "view"}, "b": {}}},
            {"ci": {"role": "view", "lifetime": "9d"}, "b": {"lifetime": "9d"}},
        ),
        ({"keys": {"ci": None}}, {"ci": None}),
        ({"keys": {}}, {}),
        ({"keys": []}, []),
        ({}, None),
    ],
)
def test_what_holds_for_each_key_lies_under_each_key(own, effective):
    layers = layers_of("pay", tree(own), tree({"keys": {"lifetime": "9d"}}), None)
    assert flatten(layers).data.get("keys") == effective


FILE = """\
defaults:
  protect: false
  owners: [group:platform]
  labels: {tier: low, team: none}
  keys: {lifetime: 30d}
templates:
  strict:
    protect: true
    labels: {tier: high}
    keys: {role: view}
workspaces:
  pay:
    template: strict
    labels: {team: pay}
    keys: {ci: {role: admin}, cd: {}}
  lab: {keys: {ci: {}}}
"""


@pytest.mark.parametrize(
    ("path", "value", "origin"),
    [
        (("protect",), True, "template strict x.yaml:8:14"),
        (("owners",), ["group:platform"], "defaults x.yaml:3:11"),
        (("labels", "tier"), "high", "template strict x.yaml:9:20"),
        (("labels", "team"), "pay", "workspace x.yaml:14:20"),
        (("labels",), {"tier": "high", "team": "pay"}, "workspace x.yaml:14:13"),
        (("keys", "ci", "role"), "admin", "workspace x.yaml:15:23"),
        (("keys", "cd", "role"), "view", "template strict x.yaml:10:18"),
        (("keys", "cd", "lifetime"), "30d", "defaults x.yaml:5:20"),
        (("template",), "strict", "workspace x.yaml:13:15"),
        (("owners", 0), "group:platform", "defaults x.yaml:3:12"),
    ],
)
def test_the_layers_of_a_workspace(path, value, origin):
    loaded = parse_stack(FILE, "x.yaml")
    layer, where = loaded.origin(("workspaces", "pay", *path))
    assert (at(loaded.data["pay"], path), f"{layer} {where}") == (value, origin)
    assert loaded.sources.value(("workspaces", "pay", *path)) == where


def test_what_no_file_says_is_built_in():
    loaded = parse_stack(FILE, "x.yaml")
    for path in [("state",), ("keys", "ci", "generation"), ("owners", 1), ("keys", "none")]:
        assert loaded.origin(("workspaces", "pay", *path)) == Origin("built-in", None)
    assert loaded.origin(("workspaces", "nobody")) == Origin("built-in", None)
