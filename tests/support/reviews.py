"""Reviews of stacks as a platform team has them: small, with every kind of trouble, and with a thousand workspaces."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ambient_components.access.entries import read_ledger
from ambient_components.access.escalation.paths import escalations
from ambient_components.access.role_assignments import RoleAssignment, of_ledger
from ambient_components.review.changes import compared
from ambient_components.review.facts import Review
from ambient_components.stacks.access_report import Report, report
from ambient_components.stacks.deployed import DeployedKey

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TEAMS = ("billing", "checkout", "fraud", "ledger", "mobile", "payments", "reports", "research", "risk", "search")


def entry(team: str, number: int) -> dict[str, Any]:
    """A workspace with an owner, the groups of a company, one or two people and one or two keys."""
    keys = {"ci": {"role": "edit", "generation": 1, "lifetimeSeconds": 90 * 86400}}
    if number % 3 == 0:
        keys["nightly-report"] = {"role": "view", "generation": 2, "lifetimeSeconds": 30 * 86400}
    if number % 10 == 5:
        keys["cleanup"] = {"role": "admin", "generation": 1, "lifetimeSeconds": 30 * 86400}
    return {
        "state": "closed" if number % 40 == 39 else "active",
        "owners": ["group:platform-team", *(["user:alice@example.com"] if number % 5 == 0 else [])],
        "grants": {
            f"group:{team}-devs": "edit",
            "group:auditors": "view",
            f"user:lead-{number % 97}@example.com": "admin" if number % 4 == 0 else "edit",
        },
        "keys": keys,
        "secrets": {"runner": {"ANTHROPIC_API_KEY": "config anthropic"}},
    }


def ledger(count: int) -> dict[str, Any]:
    """So many workspaces."""
    names = (f"{TEAMS[number % 10]}{f'-{number // 10:03}' if number >= 10 else ''}" for number in range(count))
    return {name: entry(name, number) for number, name in enumerate(names)}


def timed(workspace: str, key: str, number: int = 0, **more: Any) -> DeployedKey:
    """A key of 90 days, as old as its number says."""
    issued = NOW - (number * 7 % 80) * DAY
    expires = issued + 90 * DAY
    given: dict[str, Any] = {
        "generation": 1, "label": key, "role": "edit", "declared": True, "made": True, "created": issued,
        "last_used": NOW - (number % 9) * DAY, "expires_at": expires, "state": "current", "next_action": "rotate",
        "next_at": expires - 14 * DAY, "issued_at": issued, "stack": "prod", "workspace": workspace,
    }  # fmt: skip
    return DeployedKey(id=key, **given | more)


def review(plain: dict[str, Any], there: Any = None, **more: Any) -> Review:
    """The review of a ledger, and perhaps of a cluster."""
    entries = read_ledger(plain)
    keys = [(name, key) for name, one in entries.items() for key in one.keys]
    shown: Report = report("prod", "state", entries, there)
    made: dict[str, Any] = {
        "findings": tuple(escalations(entries)),
        "keys": tuple(timed(*one, number) for number, one in enumerate(keys)),
        "state_at": NOW - DAY,
    }
    return Review(shown, NOW, {name: entries[name].state for name in sorted(entries)}, **made | more)


def troubled() -> Review:
    """Ten workspaces with differences, keys that need attention, and changes."""
    plain = ledger(10)
    declared = set(of_ledger(read_ledger(plain)))
    gone = RoleAssignment("payments", "group:auditors", "view", "grant")
    by_hand = {
        RoleAssignment("payments", "user:mallory@example.com", "view", "grant"),
        RoleAssignment("payments", "user:ops@example.com", "ClusterRole/admin", "RoleBinding debug"),
        RoleAssignment("search", "serviceaccount:search:ambient-session-x", "Role/ambient-session-x-role", "platform"),
    }
    before = {name: one for name, one in plain.items() if name != "search"}
    before["payments"] = {**before["payments"], "grants": {"group:payments-devs": "view"}}
    before["old"] = entry("old", 1)
    made = review(plain, (declared - {gone}) | by_hand)
    keys = list(made.keys)
    keys[0] = timed(
        "billing", "ci", 12, expires_at=NOW - 2 * DAY, state="expired", attention=("expired on 2026-11-23",)
    )
    keys[1] = timed("billing", "static", 3, never=True, next_action=None, last_used="Never")
    keys[2] = timed("checkout", "ci", 2, state="former", until="2026-12-01", next_action=None, label="GitHub Actions")
    since = compared("before.json of 2026-11-01T00:00:00Z", review(before), made)
    return review(plain, (declared - {gone}) | by_hand, keys=tuple(keys), changes=since)
