"""`ambient up --refresh` over a fleet: a shard without changes is only refreshed, unless that finds something."""

import json
import signal
from dataclasses import replace
from typing import Any

import pytest

from ambient_components.cli.app import run
from ambient_components.errors import refusal
from ambient_components.problem_json import encode
from ambient_components.rules.warnings import LoudWarning, WarningRule
from tests.support.fake_pulumi import diagnostic, ended, urn
from tests.support.fleet_runs import BINDING, ENTRY, LEDGER, Fleet, summary, up

SHARDS = ["prod-00", "prod-01", "prod-02"]
DRIFT = {"summaryEvent": {"result": "succeeded", "resourceChanges": {"same": 9, "update": 1}}}
SAME = {"summaryEvent": {"result": "succeeded", "resourceChanges": {"same": 10}}}


def ids(fleet: Fleet) -> list[Any]:
    return [record.done and record.done.id for record in map(fleet.cluster.record, range(3))]


def told(fleet: Fleet) -> dict[str, list[str | None]]:
    """What the plugins are told, by verb."""
    return {
        verb: [call["env"]["AMBIENT_CHECK_ON_REFRESH"] for call in fleet.pulumi.calls(verb) if "pid" in call]
        for verb in ("refresh", "up")
    }


def refreshes(fleet: Fleet) -> list[bool]:
    return ["--refresh" in call["words"] for call in fleet.pulumi.calls("up") if "pid" in call]


def test_without_drift_no_shard_is_run(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    before = ids(fleet)
    for _ in range(2):
        fleet.pulumi.forget()
        assert up("--refresh") == 0
        assert sorted(fleet.pulumi.ran("refresh")) == SHARDS
        assert fleet.pulumi.ran() == []
        assert told(fleet) == {"refresh": ["true"] * 3, "up": []}
    assert "3 up to date" in summary(capsys)
    assert ids(fleet) == before
    # The refresh has written each state, and that is no change of others.
    fleet.pulumi.forget()
    assert up() == 0
    assert fleet.pulumi.ran() == []


def test_a_shard_with_drift_is_run_and_its_state_is_not_refreshed_twice(fleet: Fleet) -> None:
    assert up() == 0
    before = ids(fleet)
    fleet.pulumi.forget()
    fleet.pulumi.play({"prod-01": [{"lines": [DRIFT]}, {"lines": [ended("update", BINDING, "team-1/grant/user:b")]}]})
    assert up("--refresh") == 0
    assert sorted(fleet.pulumi.ran("refresh")) == SHARDS
    assert fleet.pulumi.ran() == ["prod-01"]
    assert refreshes(fleet) == [False]
    assert told(fleet)["up"] == [None]
    after = ids(fleet)
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] != before[1]


def test_a_shard_with_changes_is_run_at_once(fleet: Fleet) -> None:
    assert up() == 0
    fleet.pulumi.forget()
    fleet.write(team_4=ENTRY.format(shard=1, more=", keys: {ci: {}}"))
    assert up("--refresh") == 0
    assert fleet.pulumi.ran() == ["prod-01"]
    assert sorted(fleet.pulumi.ran("refresh")) == ["prod-00", "prod-02"]
    assert refreshes(fleet) == [True]


def test_all_runs_every_shard(fleet: Fleet) -> None:
    assert up() == 0
    fleet.pulumi.forget()
    assert up("--refresh", "--all") == 0
    assert fleet.pulumi.ran("refresh") == []
    assert refreshes(fleet) == [True] * 3


@pytest.mark.parametrize(
    "play",
    [
        {"lines": [diagnostic("error", "the ledger would be refused", urn(LEDGER, "access"))], "code": 255},
        {"lines": ["no event at all"]},
        {"lines": [{"summaryEvent": {"result": "failed"}}]},
        {"die": signal.SIGKILL},
    ],
    ids=["refused", "unknown words", "failed", "killed"],
)
def test_a_refresh_that_did_not_succeed_is_followed_by_an_ordinary_run(fleet: Fleet, play: dict[str, Any]) -> None:
    assert up() == 0
    fleet.pulumi.forget()
    fleet.pulumi.play({"prod-01": [play, {}]})
    assert up("--refresh") == 0
    assert fleet.pulumi.ran() == ["prod-01"]
    assert refreshes(fleet) == [True]


def test_what_the_run_reports_is_reported_once(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    bad = diagnostic("error", "roles is forbidden", urn(BINDING, "team-1/grant/user:b"))
    assert up() == 0
    capsys.readouterr()
    fleet.pulumi.play({"prod-01": [{"lines": [bad], "code": 255}]})
    assert up("--refresh") == 1
    assert summary(capsys).count("roles is forbidden") == 1


def test_a_state_that_others_wrote_since_the_run_began_is_no_shard_without_changes(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refresh compares the cluster with what they wrote, and not with the files."""
    assert up() == 0
    states = fleet.folder / "states.json"
    before = json.loads(states.read_text())
    # They write after the first answer of the backend, and before the second, which follows the question.
    theirs = json.dumps({**before, "prod-01": {**before["prod-01"], "lastUpdate": "2026-01-01T00:00:00.000Z"}})
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: bool(states.write_text(theirs)))
    assert run(["up", "prod", "--refresh"]) == 0
    fleet.pulumi.forget()
    assert up() == 0
    assert fleet.pulumi.ran() == ["prod-01"]


def missing(name: str, workspace: str) -> dict[str, Any]:
    rule = WarningRule.MISSING_ACCESS
    text = encode(
        refusal(f"workspace '{workspace}': {name}", "run pulumi up --refresh", rule=rule, workspaces=[workspace])
    )
    return diagnostic("warning", text, urn(LEDGER, "access"))


def test_what_the_run_has_repaired_needs_nothing_else(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    capsys.readouterr()
    fleet.pulumi.play({"prod-01": [{"lines": [missing("a RoleBinding", "team-1"), DRIFT]}, {}]})
    assert up("--refresh") == 0
    _, _, text = summary(capsys).partition("shards in")
    assert "workspace 'team-1': a RoleBinding [missingAccess]\n    hint: this run has repaired it" in text
    assert "run pulumi up" not in text


def test_the_loudest_warnings_come_first_and_many_of_one_rule_are_one(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    assert up() == 0
    capsys.readouterr()
    rule = LoudWarning.NOT_DONE
    loud = encode(refusal("could not end RoleBinding team-1/his", rule=rule, workspaces=["team-1"]))
    many = [missing("a RoleBinding", f"team-{number}") for number in range(9)]
    fleet.pulumi.play({"prod-01": [{"lines": [*many, diagnostic("warning", loud, urn(LEDGER, "access")), SAME]}]})
    assert up("--refresh") == 0
    lines = summary(capsys).partition("Warnings:\n")[2].splitlines()
    assert lines[0] == "  could not end RoleBinding team-1/his [notDone]"
    assert lines[1].startswith("  9 workspaces have this warning: team-0, team-1, ")
    # A refresh does not read the files, so it does not know what is acknowledged.
    fleet.pulumi.play({"prod-01": [{"lines": [*many, diagnostic("warning", loud, urn(LEDGER, "access")), SAME]}]})
    assert run(["refresh", "prod", "--yes"]) == 0
    assert summary(capsys).partition("Warnings:\n")[2].splitlines() == lines[:1]


def test_warnings_are_told_and_no_reason_to_run(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    rule = WarningRule.UNDECLARED_ACCESS
    found = [
        replace(
            refusal(f"workspace '{name}': eve: in no file", "declare it", rule=rule, workspaces=(name,)),
            data=(("eve",),),
        )
        for name in ("team-1", "team-4")
    ]
    lines = [diagnostic("warning", encode(one), urn(LEDGER, "access")) for one in found]
    accepted = ", acknowledge: [{rule: undeclaredAccess, objects: [eve], reason: a test, date: 2026-01-01}]"
    fleet.write(team_4=ENTRY.format(shard=1, more=accepted))
    assert up() == 0
    capsys.readouterr()
    fleet.pulumi.forget()
    fleet.pulumi.play({"prod-01": [{"lines": [*lines, SAME]}]})
    assert up("--refresh") == 0
    assert fleet.pulumi.ran() == []
    _, _, text = summary(capsys).partition("shards in")
    assert "Warnings:\n  workspace 'team-1': eve: in no file [undeclaredAccess]\n    hint: declare it" in text
    assert "team-4" not in text
    assert up("--refresh", "--format", "json") == 0
    shards = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["workspaces"] for shard in shards for one in shard.get("warnings", ())] == [["team-1"]]
