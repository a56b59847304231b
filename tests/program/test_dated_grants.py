"""Grants with dates: what the ledger and the components get as the days go by, and what a run says ahead."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ambient_components import clock
from ambient_components.program.calendar import Calendar
from ambient_components.stackfile.loader import parse_stack
from tests.program.conftest import NOW
from tests.support.ledgers import ended, recorded, refusals

DATES = """\
timezone: Europe/Berlin
workspaces:
  payments:
    grants:
      - {group: payments-devs, role: edit}
      - {group: contractors, from: 2026-12-01, until: 2027-03-31}
      - {user: bob@example.com, role: edit, until: 2026-12-31}
      - {user: bob@example.com, role: view, from: 2027-01-01}
      - {user: auditor@example.com, from: 2026-12-10T08:00:00+01:00, until: 2026-12-10T18:00:00+01:00}
    secrets: {runner: {ANTHROPIC_API_KEY: {env: PAYMENTS_KEY}}}
"""
RECORDED = {
    "group:contractors": [{"role": "view", "from": "2026-12-01", "until": "2027-03-31"}],
    "user:auditor@example.com": [
        {"role": "view", "from": "2026-12-10T07:00:00Z", "until": "2026-12-10T17:00:00Z"},
    ],
    "user:bob@example.com": [{"role": "edit", "until": "2026-12-31"}, {"role": "view", "from": "2027-01-01"}],
}
DEVS, CONTRACTORS, BOB = "group:payments-devs", "group:contractors", "user:bob@example.com"
AUDITOR = "user:auditor@example.com"


@pytest.fixture
def at(run_fleet, monkeypatch):
    """Run the program of the stack at a moment."""
    monkeypatch.setenv("PAYMENTS_KEY", "made-up")

    def at(moment, text=DATES):
        monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat(moment))
        return run_fleet(text)

    return at


def entry_of(recording):
    return recording.named("AccessLedger", "access").inputs["workspaces"]["payments"]


def bound(recording):
    """Role by subject, as the RoleBindings have them."""
    return {
        item.name.removeprefix("payments/grant/"): item.inputs["roleRef"]["name"].removeprefix("ambient-project-")
        for item in recording.of("RoleBinding")
    }


@pytest.mark.parametrize(
    ("moment", "grants"),
    [
        ("2026-11-30T22:59:59Z", {DEVS: "edit", BOB: "edit"}),
        ("2026-11-30T23:00:00Z", {DEVS: "edit", BOB: "edit", CONTRACTORS: "view"}),
        ("2026-12-10T06:59:59Z", {DEVS: "edit", BOB: "edit", CONTRACTORS: "view"}),
        ("2026-12-10T07:00:00Z", {DEVS: "edit", BOB: "edit", CONTRACTORS: "view", AUDITOR: "view"}),
        ("2026-12-10T16:59:59Z", {DEVS: "edit", BOB: "edit", CONTRACTORS: "view", AUDITOR: "view"}),
        ("2026-12-10T17:00:00Z", {DEVS: "edit", BOB: "edit", CONTRACTORS: "view"}),
        ("2026-12-31T22:59:59Z", {DEVS: "edit", BOB: "edit", CONTRACTORS: "view"}),
        ("2026-12-31T23:00:00Z", {DEVS: "edit", BOB: "view", CONTRACTORS: "view"}),
        ("2027-03-31T21:59:59Z", {DEVS: "edit", BOB: "view", CONTRACTORS: "view"}),
        ("2027-03-31T22:00:00Z", {DEVS: "edit", BOB: "view"}),
    ],
)
def test_a_grant_is_there_on_its_days_and_on_no_other(at, moment, grants):
    recording = at(moment)
    assert entry_of(recording)["grants"] == bound(recording) == grants
    assert entry_of(recording)["dates"] == RECORDED


def test_a_review_is_recorded_and_changes_no_object(at):
    reviewed = DATES.replace("role: edit}", "role: edit, reason: on call, reviewBy: 2027-01-31}", 1)
    before, after = at("2026-12-01T12:00:00Z"), at("2026-12-01T12:00:00Z", reviewed)
    assert entry_of(after) == {
        **entry_of(before),
        "reviews": {DEVS: {"reason": "on call", "reviewBy": "2027-01-31"}},
    }
    assert before.registrations.keys() == after.registrations.keys()
    changed = [urn for urn, was in before.registrations.items() if after.registrations[urn] != was]
    assert changed == [before.named("AccessLedger", "access").urn]


def test_an_overdue_review_ends_a_grant_only_where_the_file_says_so(at):
    reviewed = DATES.replace("role: edit}", "role: edit, reviewBy: 2027-01-31}", 1)
    ends = f"guardrails: {{reviews: {{onOverdue: end}}}}\n{reviewed}"
    for moment, is_there in (("2027-01-31T22:59:59Z", True), ("2027-01-31T23:00:00Z", False)):
        assert DEVS in bound(at(moment, reviewed))
        assert (DEVS in bound(at(moment, ends))) is is_there


def test_between_its_days_nothing_changes(at):
    before, after = at("2027-01-01T12:00:00Z"), at("2027-03-31T12:00:00Z")
    assert after.registrations == before.registrations


def test_another_role_from_a_day_on_is_the_same_grant_with_another_object(at):
    """The engine makes the new one before it deletes the old one."""
    before, after = (at(f"{day}T12:00:00Z").named("RoleBinding", f"payments/grant/{BOB}") for day in
                     ("2026-12-31", "2027-01-01"))  # fmt: skip
    assert before.urn == after.urn
    assert before.object_name != after.object_name


def test_a_ledger_without_dates_is_as_it_always_was(at):
    text = "workspaces: {payments: {grants: [{user: bob}], owners: [user:eve]}, old: {state: closed}}"
    for entry in at("2026-12-01T12:00:00Z", text).named("AccessLedger", "access").inputs["workspaces"].values():
        assert entry.keys() == {"state", "owners", "grants", "keys"}


def test_the_order_of_the_lines_means_nothing(at):
    head, *lines = DATES.partition("      - ")[::2]
    grants, tail = "".join(lines).split("    secrets")
    items = [f"      - {line}" for line in grants.replace("      - ", "").splitlines(keepends=True)]
    turned = head + "".join(reversed(items)) + "    secrets" + tail
    assert turned != DATES
    assert at("2026-12-10T07:00:00Z", turned).registrations == at("2026-12-10T07:00:00Z").registrations


def test_a_closed_workspace_has_neither_grants_nor_dates(at):
    closed = at("2026-12-10T07:00:00Z", DATES.replace("    grants:", "    state: closed\n    grants:"))
    assert entry_of(closed)["grants"] == {}
    assert "dates" not in entry_of(closed)
    assert bound(closed) == {}
    assert closed.warnings == []


# What a run says.


def test_ends_are_warned_of_and_beginnings_noted(at):
    recording = at("2026-11-25T09:30:00Z")
    assert recording.warnings == []
    assert [text for level, text in recording.logs if level == "info"] == [
        "stacks/dev.yaml:6:36: workspaces.payments.grants[1].from: the view grant of group:contractors begins on "
        "2026-12-01, in 6 days; the first run from then on gives it",
    ]
    assert at("2026-12-20T09:30:00Z").warnings == [
        "stacks/dev.yaml:7:52: workspaces.payments.grants[2].until: the edit grant of user:bob@example.com ends after "
        "2026-12-31, in 12 days, and is then view; write a later day to keep it",
        "stacks/dev.yaml:9:77: workspaces.payments.grants[4].until: the view grant of user:auditor@example.com ended "
        "at 2026-12-10T17:00:00Z: it gives nothing any more; remove the line, or write a later day",
    ]


def test_a_run_without_dates_says_nothing_of_them(at):
    recording = at("2026-12-20T09:30:00Z", "workspaces: {}")
    assert recording.logs == []


# The rules, over the ledgers of following days.


def test_no_day_is_refused_and_whoever_could_mint_is_told(at):
    days = [NOW + timedelta(days=number) for number in range(0, 140, 3)]
    ledgers = [at(day.isoformat()).named("AccessLedger", "access").inputs["workspaces"] for day in days]
    assert [problem for before, after in pairwise(ledgers) for problem in refusals(before, after)] == []
    received = [ended("payments", one["payments"], two["payments"]) for one, two in pairwise(ledgers)]
    assert [one.who for one in received if one is not None] == [(f"edit of {BOB}",)]


# Keys: what a run says ahead of their ends.


@pytest.mark.parametrize(
    ("key", "seconds"),
    [("{rotate: manual, warnAhead: 30d}", 2_592_000), ("{rotate: manual}", None), ("{warnAhead: 30d}", None)],
)
def test_the_plugin_is_told_how_early_where_nobody_renews_a_token(at, key, seconds):
    """Elsewhere it would change an input, and nothing else."""
    recording = at("2026-12-01T12:00:00Z", f"workspaces: {{payments: {{keys: {{ci: {key}}}}}}}")
    assert recording.named("AccessToken", "payments/key/ci/g1").inputs.get("warnAheadSeconds") == seconds


def test_how_early_may_stand_in_the_defaults(at):
    text = "defaults: {keys: {warnAhead: 60d}}\nworkspaces: {payments: {keys: {ci: %s}}}"
    (_, warning) = at("2026-12-01T12:00:00Z", text % "{generation: 2, overlapUntil: 2027-01-15}").warnings
    assert "generation 1 of the key ends after 2027-01-15, in 46 days; switch its users over to generation 2" in warning
    assert len(at("2026-12-01T12:00:00Z", text % "{generation: 2, overlapUntil: 2027-02-15}").warnings) == 1


# Another moment: what `ambient plan --at` asks.


def test_a_calendar_of_another_moment_sees_the_future(at):
    stack = parse_stack(DATES, "dev.yaml").file
    future = Calendar.of(stack, now=datetime(2027, 2, 1, tzinfo=UTC))
    assert recorded(stack.workspaces, future)["payments"] == entry_of(at("2027-02-01T00:00:00Z"))
    assert Calendar.of(stack).now == datetime(2027, 2, 1, tzinfo=UTC)  # the program's own, as it was set last
