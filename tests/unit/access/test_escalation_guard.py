"""Which paths the guard closes: by its mode, its rules and its sharing, in the workspace where the path begins."""

import pytest

from ambient_components.access.escalation.findings import Path, Severity
from tests.support.ledgers import escalations

FULL = {
    "state": "active",
    "owners": ["user:o"],
    "grants": {"group:devs": "edit", "serviceaccount:w:bot": "admin"},
    "keys": {
        "ci": {"role": "edit", "generation": 1},
        "root": {"role": "admin", "generation": 1, "actsAs": "bob"},
        "old": {"role": "view", "generation": 1, "never": True, "static": True},
    },
    "secrets": {"runner": {"ANTHROPIC_API_KEY": "env A"}},
    "schedules": {"review": {"schedule": "0 9 * * *", "runAs": "ci-robot"}},
}
CLOSED = {
    Path.ADMIN_KEY: "tokens",
    Path.ACCOUNT: "tokens",
    Path.ACTING_KEY: "tokens",
    Path.CREATOR_NOTE: "creatorNote",
    Path.SESSION_USER: "sessionUser",
    Path.KEPT_TOKEN: "tokens",
    Path.PLATFORM_ACCOUNT: "tokens",
    Path.REMOVES_ACCESS: "removesAccess",
}
READS = {Path.STATIC_KEY, Path.ACTING_SCHEDULE, Path.STORE_IN_PODS, Path.SESSION_SECRETS, Path.RUNNER_SECRET}


def closed(guard, **ledger):
    """The rule by path, of the paths that are closed in the workspace w."""
    found = escalations({"w": FULL | {"guard": guard}, **ledger})
    assert all((finding.severity is Severity.CLOSED) == bool(finding.closed_by) for finding in found)
    return {finding.path: finding.closed_by for finding in found if finding.closed_by and finding.workspace == "w"}


def test_deny_closes_what_is_a_write_and_leaves_what_is_a_read():
    assert closed({"mode": "deny"}) == CLOSED
    open_paths = {finding.path for finding in escalations({"w": FULL | {"guard": {"mode": "deny"}}})} - CLOSED.keys()
    assert open_paths == {*READS, Path.GRANTS_EDIT}


@pytest.mark.parametrize("sharing", ["view", "none"])
def test_edit_gives_no_edit_where_people_share_less(sharing):
    assert closed({"mode": "deny", "sharing": sharing}) == CLOSED | {Path.GRANTS_EDIT: "sharing"}


@pytest.mark.parametrize("guard", [{}, {"mode": "audit"}, {"mode": "warn", "sharing": "none"}])
def test_only_deny_closes_a_path(guard):
    assert closed(guard) == {}


def test_a_rule_that_is_off_closes_nothing():
    assert closed({"mode": "deny", "off": ["tokens", "sessionUser"]}) == {
        path: rule for path, rule in CLOSED.items() if rule not in ("tokens", "sessionUser")
    }


def test_an_account_counts_where_its_tokens_are_minted():
    grants = {"serviceaccount:home:bot": "admin"}
    home = {"state": "active", "owners": [], "grants": {"user:u": "edit"}, "keys": {}}

    def of_account(guard, home_guard, **more):
        ledger = {"w": FULL | {"grants": grants | more, "guard": guard}, "home": home | {"guard": home_guard}}
        found = [each for each in escalations(ledger) if (each.workspace, each.path) == ("w", Path.ACCOUNT)]
        return [finding.closed_by for finding in found]

    deny = {"mode": "deny"}
    assert of_account(deny, {}) == [""]
    assert of_account({}, deny) == ["tokens"]
    # Sessions there are in the group, and mint nothing.
    assert of_account(deny, deny, **{"group:system:serviceaccounts:home": "view"}) == [""]


def test_closed_paths_come_last():
    severities = [finding.severity for finding in escalations({"w": FULL | {"guard": {"mode": "deny"}}, "v": FULL})]
    assert severities == sorted(severities, key=list(Severity).index)
    assert {Severity.HIGH, Severity.CLOSED} < {*severities}
