"""Checks of a stack as a whole: what is closed, what is quoted, and what is left without its faulty parts."""

import pytest

from ambient_components.stackfile.report import Partial
from tests.support.stack_checks import REF, SEARCH, WS, findings_of


@pytest.mark.parametrize("state", ["closed", "released"])
def test_nobody_is_warned_of_a_workspace_that_is_not_in_use(state):
    fields = {
        "secrets": {"integrations": {"JIRA_URL": REF}},
        "settings": {"featureFlags": {"mine": True}},
        "adopt": True,
    }
    assert findings_of(state=state, **fields) == []
    assert [finding.warning for finding in findings_of(**fields)] == [True, True]


def test_a_closed_workspace_keeps_its_entries_and_its_checks():
    fields = {"state": "closed", "grants": [{"user": "a"}], "keys": {"ci": {}}}
    assert (findings_of(**fields), len(findings_of(**{**fields, "keys": {"--": {}}}))) == ([], 1)


def test_what_is_faulty_without_its_faulty_part_goes_as_a_whole():
    peers = [{"cidr": "x"}, {"namespace": "db"}, {"cidr": "y"}]
    data = {"workspaces": {"pay": {"settings": {"mcpServers": {"custom": {"a": {"ulr": "x"}, "b": SEARCH}}}}}}
    data["workspaces"]["pay"]["limits"] = {"network": {"allow": peers}}
    here = (*WS, "settings", "mcpServers", "custom")
    partial = Partial(data, [(*here, "a", "ulr"), (*WS, "limits", "network", "allow", 0, "cidr")])
    assert partial.stack is not None
    left = partial.stack.workspaces["pay"]
    assert list(left.settings.mcp_servers.custom) == ["b"]
    # The first peer went in the first round, the last one in the second.
    assert [peer.namespace for peer in left.limits.network.allow] == ["db"]
    assert partial.original((*WS, "limits", "network", "allow", 0)) == (*WS, "limits", "network", "allow", 1)


def test_what_is_left_of_a_faulty_file_keeps_the_places_of_the_whole():
    grants = [{"user": "a"}, {"user": "b", "role": "x"}, 5, {"user": "c"}, {}, {"user": "d"}]
    data = {"workspaces": {"pay": {"grants": grants, "protect": "x"}, "b": None}}
    faults = [
        (*WS, "grants", 1, "role"),
        (*WS, "grants", 2),
        (*WS, "grants", 4),
        (*WS, "protect"),
        ("workspaces", "b"),
    ]
    partial = Partial(data, faults)
    assert partial.stack is not None
    left = partial.stack.workspaces["pay"].grants
    places = {grant.user: partial.original((*WS, "grants", index, "user"))[3] for index, grant in enumerate(left)}
    assert (places, list(partial.stack.workspaces)) == ({"a": 0, "c": 3, "d": 5}, ["pay", "b"])
