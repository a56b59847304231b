"""What the guard does about paths: by its mode, its rules and its sharing, in the workspace where the path begins."""

import pytest

from ambient_components.access.escalation.effects import EFFECTS
from ambient_components.access.escalation.findings import Severity
from ambient_components.rules.escalation_paths import Path
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
CLOSED = {Path.ADMIN_KEY: "tokens", Path.KEPT_TOKEN: "tokens", Path.REMOVES_ACCESS: "removesAccess"}
WEAKENED = {
    Path.ACCOUNT: "tokens",
    Path.ACTING_KEY: "tokens",
    Path.CREATOR_NOTE: "creatorNote",
    Path.SESSION_USER: "sessionUser",
    Path.ACTING_SCHEDULE: "sessionUser",
    Path.PLATFORM_ACCOUNT: "tokens",
}
READS = {Path.STATIC_KEY, Path.STORE_IN_PODS, Path.SESSION_SECRETS, Path.RUNNER_SECRET}
DENY = {"mode": "deny"}


def closed(guard, **ledger):
    """The rule by path, of the paths that are closed in the workspace w."""
    findings = escalations({"w": FULL | {"guard": guard}, **ledger})
    assert all((finding.severity is Severity.CLOSED) == bool(finding.closed_by) for finding in findings)
    return {finding.path: finding.closed_by for finding in findings if finding.closed_by and finding.workspace == "w"}


def weakened(guard):
    findings = escalations({"w": FULL | {"guard": guard}})
    assert all(finding.severity is finding.unguarded for finding in findings if finding.weakened_by)
    return {finding.path: finding.weakened_by for finding in findings if finding.weakened_by}


def test_deny_closes_what_is_a_write_and_leaves_what_is_a_read():
    assert closed(DENY) == CLOSED
    assert weakened(DENY) == WEAKENED | {Path.GRANTS_EDIT: "bindings"}
    paths = {finding.path for finding in escalations({"w": FULL | {"guard": DENY}})}
    assert paths - CLOSED.keys() - WEAKENED.keys() == {*READS, Path.GRANTS_EDIT}


@pytest.mark.parametrize("path", [path for path, effect in EFFECTS.items() if not effect.remains])
def test_a_path_is_closed_only_with_all_of_the_rules_that_it_takes(path):
    full = {**DENY, "sharing": "none"}
    assert path in closed(full)
    for rule in EFFECTS[path].rules:
        without = full | {"off": [rule.value]}
        assert path not in closed(without)
        assert path not in weakened(without)


def advised(guard, path):
    findings = [each for each in escalations({"w": FULL | {"guard": guard}}) if each.path is path]
    return [
        remedy for finding in findings for remedy in finding.remedy if remedy.startswith("guard.") or "guard:" in remedy
    ]


def test_a_remedy_names_what_of_the_guard_is_missing():
    deny = "guard: {mode: deny}, where the cluster has the guard, "
    assert advised({}, Path.ADMIN_KEY) == advised({"mode": "warn"}, Path.ADMIN_KEY) == [f"{deny}closes it"]
    assert advised(DENY, Path.ADMIN_KEY) == []
    off = DENY | {"off": ["tokens", "jobs", "ties"]}
    assert advised(off, Path.ADMIN_KEY) == [
        "guard.off without jobs, tokens, where the cluster has the guard, closes it"
    ]
    (some,) = advised({}, Path.SESSION_USER)
    assert some.startswith(f"{deny}weakens it: a session reads every Secret here")
    assert advised(DENY, Path.GRANTS_EDIT) == ["guard.sharing: view or none"]
    assert advised({}, Path.STORE_IN_PODS) == []


@pytest.mark.parametrize("sharing", ["view", "none"])
def test_edit_gives_no_edit_where_people_share_less(sharing):
    assert closed({"mode": "deny", "sharing": sharing}) == CLOSED | {Path.GRANTS_EDIT: "sharing"}


@pytest.mark.parametrize("guard", [{}, {"mode": "audit"}, {"mode": "warn", "sharing": "none"}])
def test_only_deny_closes_a_path(guard):
    assert closed(guard) == {}


def test_a_rule_that_is_off_closes_nothing():
    assert closed({"mode": "deny", "off": ["tokens", "sessionUser"]}) == {Path.REMOVES_ACCESS: "removesAccess"}


def test_an_account_counts_where_its_tokens_are_minted():
    grants = {"serviceaccount:home:bot": "admin"}
    home = {"state": "active", "owners": [], "grants": {"user:u": "edit"}, "keys": {}}

    def of_account(guard, home_guard, **more):
        ledger = {"w": FULL | {"grants": grants | more, "guard": guard}, "home": home | {"guard": home_guard}}
        findings = [each for each in escalations(ledger) if (each.workspace, each.path) == ("w", Path.ACCOUNT)]
        return [finding.weakened_by for finding in findings]

    assert of_account(DENY, {}) == [""]
    assert of_account({}, DENY) == ["tokens"]
    # Sessions there are in the group, and mint nothing.
    assert of_account(DENY, DENY, **{"group:system:serviceaccounts:home": "view"}) == [""]


def test_closed_paths_come_last():
    severities = [finding.severity for finding in escalations({"w": FULL | {"guard": DENY}, "v": FULL})]
    assert severities == sorted(severities, key=list(Severity).index)
    assert {Severity.HIGH, Severity.CLOSED} < {*severities}
