"""Each page in a real browser, wide and on a phone, light and dark, with few and many keys: nothing is cut or faint."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ambient_components.errors import refusal
from ambient_components.fleet.decisions import Decision
from ambient_components.fleet.jobs import Job, Result
from ambient_components.fleet.page import as_html as page_of_fleet
from ambient_components.plan.facts import Plan, Step
from ambient_components.plan.page import as_html as page_of_plan
from ambient_components.review.page import as_html as page_of_review
from ambient_components.shards.records import Done, Record
from tests.support import browser
from tests.support.plan_facts import plan
from tests.support.plans import entry, key
from tests.support.reviews import NOW, ledger, review, troubled

KEYS = (1, 8, 200)
NAMES = ("ci", "nightly-report", "cleanup", "deploy-to-production-from-github-actions")
LONG = "serviceaccount:a-namespace-with-a-long-name-of-a-team:an-account-with-an-even-longer-name-of-a-pipeline"


def keys(count: int) -> list[str]:
    return [f"{NAMES[number % 4]}-{number // 4}" if number >= 4 else NAMES[number] for number in range(count)]


def changed(count: int) -> Plan:
    """A plan with every kind of change, in a workspace with so many keys."""
    has = {name: key("edit") for name in keys(count)}
    people: dict[str, Any] = {"owners": ["group:platform-team"], "keys": has}
    before = {
        "payments": entry(**people, grants={"user:carol@example.com": "edit", "group:devs": "edit", LONG: "view"}),
        "old": entry(owners=["user:bob@example.com"], keys={"ci": key()}),
        "same": entry(owners=["user:bob@example.com"]),
    }  # fmt: skip
    after = {
        "payments": entry(**people, grants={"user:carol@example.com": "admin", LONG: "edit"}, exceptions=["noAdmin"]),
        "new": entry(owners=["group:platform-team"], grants={"group:devs": "edit"}, keys={"ci": key("view")}),
        "same": before["same"],
    }
    hint = "rotate them: ambient keys rotate prod --workspace payments --leaked"
    warning = refusal("workspace 'payments': edit of group:devs ends", hint, rule="tokensOutliveAccess")
    steps = (Step("create", "kubernetes:core/v1:ResourceQuota", "new/quota-of-a-workspace", ("spec.hard",)),)
    return replace(plan(before, after), warnings=(warning,), steps=steps, unknown=("who is in a group",))


def reviewed(count: int) -> Any:
    """A review of ten workspaces, one of which has so many keys."""
    plain = ledger(10)
    plain["payments"]["keys"] = {name: {"role": "edit", "generation": 1} for name in keys(count)}
    plain["payments"]["grants"][LONG] = "edit"
    return review(plain)


def fleet() -> list[Decision]:
    """Three shards of a fleet, each with another result."""
    done = Done("1", "2026-11-24T08:28:00Z", "digest", "2026-12-24T08:28:00Z", "", {}, 120)
    nothing: Any = None  # The page asks neither the fleet nor its files.
    jobs = (Job(nothing, at, f"prod-{at:02}", 8, at, "its inputs changed", result=list(Result)[at]) for at in (0, 1, 6))
    known = {0: Record(done=done), 1: Record(done=done)}
    return [Decision(fleet=nothing, records=None, states={}, jobs=tuple(jobs), known=known)]


def pages() -> dict[str, str]:
    made = {"fleet": page_of_fleet("prod", fleet(), NOW)}
    for count in KEYS:
        made[f"plan of {count} keys"] = page_of_plan(changed(count))
        made[f"access of {count} keys"] = page_of_review(reviewed(count))
    refused = refusal("workspace 'payments': nothing is changed", "write role: edit or view", rule="noAdmin")
    made["plan that is refused"] = page_of_plan(replace(changed(1), guardrails=(refused,)))
    made["plan without changes"] = page_of_plan(plan({}, {}))
    made["report"] = page_of_review(replace(reviewed(8), findings_first=True))
    made["access with trouble"] = page_of_review(troubled())
    return made


BAD = """<!doctype html>
<style>body { background: #fff } p { color: #999 } div { width: 2000px; text-align: right }</style>
<h1>a</h1><h3>b</h3><p>faint</p><div>wide</div>
<table class="plan"><tr><th>w</th><td><span class="change">view -> edit</span></td></tr></table>"""
"""A page with one fault of each kind, so that the test is known to see them."""


@browser.needs_browser
def test_pages_in_a_browser(tmp_path: Path) -> None:
    every = {**pages(), "bad": BAD}
    faults, looked = browser.look(every, tmp_path)
    assert len(looked) == len(every) * len(browser.VIEWS)
    assert [title for title, seen in looked.items() if seen["texts"] < 4] == []
    assert [title for title, seen in looked.items() if title.startswith("plan of ") and not seen["changes"]] == []
    assert [fault for fault in faults if not fault.startswith("bad ")] == []
    kinds = ("cut by", "outside of the page", "contrast P. 2.8: faint", "h3 after h1", "the change is not first")
    assert [kind for kind in kinds if not any(f"bad 390 light: {kind}" in fault for fault in faults)] == [], faults
