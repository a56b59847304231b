"""Runs of a fleet in which something fails, is refused, killed or locked: the rest goes on, and the summary says it."""

import json
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest

from ambient_components.access.entries import Entry
from tests.support.fake_pulumi import diagnostic as reported
from tests.support.fake_pulumi import ended, urn
from tests.support.fleet_runs import BINDING, ENTRY, LEDGER, Fleet, summary, up


def test_one_failure_stops_nothing(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    bad = reported("error", "roles is forbidden", urn(BINDING, "team-1/grant/user:b"))
    good = ended("create", BINDING, "team-4/grant/user:b")
    fleet.pulumi.play({"prod-01": [{"lines": [bad, good], "code": 255}, {}], "prod-00": [{"lines": [good]}]})
    assert up("--jobs", "1") == 1
    text = summary(capsys)
    assert "1 failed" in text
    assert "objects: 2 created" in text
    assert "prod-01: team-1 (team-1/grant/user:b): roles is forbidden" in text
    assert "again: ambient up prod --shard 1" in text
    # It is on record as not done, and the next run takes it up alone.
    fleet.pulumi.forget()
    assert up() == 0
    assert fleet.pulumi.ran() == ["prod-01"]


def test_a_shard_that_is_refused_as_a_whole_is_not_run_again(fleet: Fleet) -> None:
    no = reported("error", "this is another cluster than the stack's", urn(LEDGER, "access"))
    fleet.pulumi.play({"prod-01": [{"lines": [no], "code": 255}]})
    assert up() == 1
    assert fleet.pulumi.ran().count("prod-01") == 1


def test_the_back_end_is_asked_once_for_all_that_end_together(fleet: Fleet) -> None:
    assert up() == 0
    assert len([call for call in fleet.pulumi.calls("stack") if call["words"][1] == "ls"]) == 2
    assert all(fleet.cluster.record(number).done is not None for number in range(3))


def test_json_is_an_object_a_shard_and_a_summary(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    bad = reported("error", "no", urn(BINDING, "team-1/grant/user:b"))
    fleet.pulumi.play({"prod-01": [{"lines": [bad], "code": 255}]})
    assert up("--format", "json") == 1
    *shards, last = [json.loads(line) for line in summary(capsys).splitlines()]
    assert {shard["shard"]: shard["result"] for shard in shards} == {
        "prod-00": "done", "prod-01": "failed", "prod-02": "done"
    }  # fmt: skip
    assert last["exitCode"] == 1
    assert last["failedWorkspaces"] == ["team-1"]
    assert last["again"] == ["prod-01"]


def test_without_records_nothing_is_skipped_and_every_step_is_written(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.write(**{f"more_{number}": ENTRY.format(shard=0, more="") for number in range(9)})
    fleet.cluster.down = True
    for _ in range(2):
        fleet.pulumi.forget()
        assert up() == 0
        assert len(fleet.pulumi.ran()) == 3
        assert {call["env"]["PULUMI_SKIP_CHECKPOINTS"] for call in fleet.pulumi.calls("up")} == {None}
        assert summary(capsys).count("no shard is skipped, and every run has checkpoints") == 1


def test_many_changes_are_written_once_and_a_killed_one_is_looked_after(fleet: Fleet) -> None:
    fleet.write(**{f"more_{number}": ENTRY.format(shard=0, more="") for number in range(9)})
    fleet.pulumi.play({"prod-00": [{"resources": 200}, {"die": signal.SIGKILL}, {}, {}]})
    assert up() == 0
    begun = [start for start in fleet.pulumi.calls("up") if "pid" in start]
    skipping = {
        stack for stack, one in zip(fleet.pulumi.ran(), begun, strict=True) if one["env"]["PULUMI_SKIP_CHECKPOINTS"]
    }
    assert skipping == {"prod-00"}
    fleet.write(**{f"more_{number}": ENTRY.format(shard=0, more=", keys: {ci: {}}") for number in range(9)})
    fleet.pulumi.forget()
    assert up() == 1
    record = fleet.cluster.record(0)
    assert record.run is not None
    assert (record.run.checkpoints, record.run.recorded) == (False, False)
    fleet.pulumi.forget()
    assert up() == 0
    (call,) = [start for start in fleet.pulumi.calls("up") if "pid" in start]
    assert "--refresh" in call["words"]
    assert call["env"]["PULUMI_SKIP_CHECKPOINTS"] is None
    fleet.pulumi.forget()
    assert up() == 0
    assert fleet.pulumi.ran() == []


def test_a_lock_is_named_with_the_way_out_and_the_record_is_left_to_its_owner(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete "
        f"the lock file with `pulumi cancel`.\n  file:///s: created by eve@{socket.gethostname()} (pid {dead.pid}) at "
        "2026-11-25T19:00:00Z"
    )
    assert up() == 0
    before = fleet.cluster.record(1)
    fleet.write(team_4=ENTRY.format(shard=1, more=", keys: {ci: {}}"))
    fleet.pulumi.play({"prod-01": [{"stderr": lock, "code": 255}]})
    assert up() == 1
    text = summary(capsys)
    assert f"prod-01 is locked by eve on {socket.gethostname()}, process {dead.pid}, since 2026-11-25T19:00:00Z" in text
    assert "which is dead: pulumi cancel --stack prod-01 --yes" in text
    assert fleet.cluster.record(1) == before


def test_what_is_declared_while_a_lock_is_met_is_not_taken_back(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert up() == 0
    before = fleet.cluster.record(1)
    fleet.write(team_4=ENTRY.format(shard=1, more=", keys: {ci: {}}"))
    fleet.pulumi.play({"prod-01": [{"stderr": "error: the stack is currently locked by 1 lock(s)", "code": 255}]})
    get, seen = fleet.cluster.get, list[str]()

    def while_it_waits(path: str) -> dict[str, Any] | None:
        item = get(path)
        if path.endswith("-01"):
            seen.append(path)
            if len(seen) == 2 and item is not None:
                body = {"metadata": {}, "data": {"declared": '{"team-1":{}}'}}
                return fleet.cluster.patch(path, body)
        return item

    monkeypatch.setattr(fleet.cluster, "get", while_it_waits)
    assert up() == 1
    record = fleet.cluster.record(1)
    assert (record.run, record.declared) == (before.run, {"team-1": Entry()})
