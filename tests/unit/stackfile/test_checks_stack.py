"""Checks of a stack as a whole: what is closed, what is quoted, and what is left without its faulty parts."""

import pytest

from tests.support.stack_checks import REF, findings_of


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
