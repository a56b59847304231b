"""Shared values become defaults, and each effective entry stays exactly equal, by the stack file's own layers."""

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from ambient_components.adoption.factoring import factor, fit
from ambient_components.stackfile import Workspace, parse_stack
from ambient_components.stackfile.layers import Tree, flatten, layers_of
from ambient_components.stackfile.yaml.positions import ListMarks, MappingMarks
from tests.support.quick import examples
from tests.support.stack_strategies import DEFAULTS, WORKSPACES, written


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


@examples(200)
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
    assert found.defaults == {"labels": {"team": "x"}, "settings": {"idleTimeout": "12h"}}
    assert found.entries == {
        "a": {"adopt": True, "owners": ["group:ops"], "labels": {"tier": "1"}},
        "b": {"adopt": True, "owners": ["group:ops"], "grants": [{"group": "b"}],
              "settings": {"featureFlags": {"jira-write": True}}},
    }  # fmt: skip


def test_access_is_no_default_for_it_would_be_given_in_later_workspaces_too():
    entry = {"owners": ["group:ops"], "grants": [{"group": "devs"}], "keys": {"ci": {"role": "view"}}}
    assert factor({"a": entry, "b": entry}).defaults == {}


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


# Below the defaults of a stack file that exists.

TAKEN = {"reviewers", "protect", "on_close", "secrets"}
"""What an adopted workspace takes from the defaults, or does not declare at all."""
ADOPTED = WORKSPACES.map(
    lambda entry: {
        key: value
        for key, value in entry.items()
        if key not in ("reviewers", "protect", "onClose", "secrets", "storage")
    }
)


def first(entry):
    """The entry with only its settings and limits, and only one of each."""
    parts = {key: entry.get(key, {}) for key in ("settings", "limits")}
    return {key: dict([*part.items()][-1:]) for key, part in parts.items() if part}


def in_cluster(entry):
    """What an entry means for the cluster: lifetimes of keys and reviewers are none of it."""
    found = Workspace.model_validate(entry).model_dump(exclude=TAKEN)
    found["keys"] = {name: (key["name"], key["role"]) for name, key in found["keys"].items()}
    # Never declared is the platform's default.
    found["settings"]["idle_timeout"] = found["settings"]["idle_timeout"] or 86_400
    network = found["limits"]["network"]
    found["limits"]["network"] = network if network and network["isolate"] else None
    for empty in ({}, {"custom": {}, "disabled": []}, {"default": {}, "default_request": {}, "max": {}, "min": {}}):
        for part in ("settings", "limits"):
            found[part] = {name: None if value == empty else value for name, value in found[part].items()}
    return found


@examples(150)
@given(st.one_of(ADOPTED, ADOPTED.map(first)), st.one_of(DEFAULTS, DEFAULTS.map(first)))
def test_below_defaults_an_entry_means_the_same_or_names_what_does_not(entry, defaults):
    defaults = {key: value for key, value in defaults.items() if key != "secrets"}
    if entry.get("settings", {}).get("idleTimeout") == "never":
        entry["settings"]["idleTimeout"] = "12h"  # the test takes 0 for undeclared
    if defaults.get("settings", {}).get("idleTimeout") == "never":
        defaults["settings"]["idleTimeout"] = "12h"
    found = fit(entry, defaults)
    if not found.left:
        assert in_cluster(effective("w", defaults, found.entry)) == in_cluster(entry)


def test_grants_and_owners_of_the_defaults_do_not_reach_an_adopted_workspace():
    defaults = {"owners": ["group:ops"], "grants": [{"group": "all"}], "keys": {"role": "admin", "lifetime": "30d"}}
    found = fit({"adopt": True, "keys": {"ci": {}}, "owners": ["group:ops"]}, defaults)
    assert found.entry == {"adopt": True, "grants": [], "keys": {"ci": {"role": "edit"}}}
    assert found.left == ()


def test_what_no_entry_can_take_away_is_named():
    defaults = {"labels": {"team": "x"}, "podSecurity": "baseline", "limits": {"quota": {"pods": 50}, "network": {}},
                "settings": {"idleTimeout": "12h", "featureFlags": {"jira-write": True}}}  # fmt: skip
    found = fit({"adopt": True, "labels": {"tier": "1"}}, defaults)
    assert found.left == ("labels.team", "limits.quota.pods", "podSecurity", "settings.featureFlags.jira-write")
    assert found.entry == {
        "adopt": True,
        "labels": {"tier": "1"},
        "settings": {"idleTimeout": "1d"},
        "limits": {"network": {"isolate": False, "allow": []}},
    }
