"""What the program does with acknowledged warnings: people do not get them, and `ambient` gets all."""

import pytest

from ambient_components.problem_json import AS_JSON, VARIABLE, decode

TEXT = """\
acknowledge: [{rule: grantEnding, reason: they leave, date: 2026-11-20}]
workspaces:
  pay:
    grants: [{group: temps, until: 2026-11-30}]
    acknowledge: [{rule: noRunnerSecret, reason: they save it in the UI, date: 2026-11-20}]
  ads: {}
"""


def rules(recording):
    return [(one.rule, one.workspaces) for text in recording.warnings for one in decode(text)]


def test_people_do_not_get_them(run_fleet):
    (warning,) = run_fleet(TEXT).warnings
    assert "workspaces.ads: has no runner secret" in warning


def test_the_ledger_gets_their_names(run_fleet):
    inputs = run_fleet(TEXT).named("AccessLedger", "access").inputs
    assert inputs["acknowledged"] == {"*": ["grantEnding"], "pay": ["noRunnerSecret"]}
    assert "acknowledged" not in run_fleet("workspaces: {pay: {}}\n").named("AccessLedger", "access").inputs


def test_ambient_gets_all_of_them(run_fleet, monkeypatch):
    monkeypatch.setenv(VARIABLE, AS_JSON)
    recording = run_fleet(TEXT)
    assert sorted(rules(recording)) == [
        ("grantEnding", ("pay",)), ("noRunnerSecret", ("ads",)), ("noRunnerSecret", ("pay",))
    ]  # fmt: skip
    assert "acknowledged" not in recording.named("AccessLedger", "access").inputs


@pytest.mark.parametrize(("until", "shown"), [("2026-11-24", 1), ("2026-11-25", 0)])
def test_a_warning_returns_after_the_last_day(run_fleet, until, shown):
    entry = f"{{rule: noRunnerSecret, reason: for now, date: 2026-11-20, until: {until}}}"
    assert len(run_fleet(f"acknowledge: [{entry}]\nworkspaces: {{pay: {{}}}}\n").warnings) == shown


def test_a_date_in_the_future_is_refused_by_the_stacks_time_zone(run_fleet):
    entry = "{rule: noRunnerSecret, reason: for now, date: 2026-11-25}"
    text = f"acknowledge: [{entry}]\nworkspaces: {{pay: {{}}}}\n"
    assert run_fleet(text).warnings == []
    # The 24th over there, for half an hour still.
    refused = run_fleet.refusal(f"timezone: Pacific/Honolulu\n{text}")
    assert refused[0].startswith("stacks/dev.yaml:2:61: acknowledge[0].date: 2026-11-25 is in the future")
