"""`ambient up`, `refresh` and `destroy` over a fleet, with a `pulumi` that plays what it is told."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ambient_components import clock
from ambient_components.access import Entry
from ambient_components.cli.app import run
from ambient_components.errors import refusal
from ambient_components.fleet import records
from ambient_components.fleet import run as running
from ambient_components.problem_json import encode
from ambient_components.rules.refusals import Rule
from tests.support.fake_pulumi import FakePulumi, ended, said, urn
from tests.support.fake_records import FakeCluster, FakeGuard

BINDING = "ambient:index:RoleBinding"
LEDGER = "ambient:index:AccessLedger"
TOKEN = "ambient:index:AccessToken"
NAMES = [f"team-{number}" for number in range(9)]
ENTRY = "{{owners: ['user:a@example.com'], protect: false, shard: {shard}{more}}}"


class Fleet:
    """A project with a fleet of three shards, three workspaces each."""

    def __init__(self, folder: Path, cluster: FakeCluster) -> None:
        self.folder = folder
        self.cluster = cluster
        (folder / "stacks").mkdir()
        (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\nstackConfigDir: stacks\n")
        self.config()
        self.write()
        self.pulumi = FakePulumi(folder, "prod-00", "prod-01", "prod-02")

    def config(self, **more: str) -> None:
        entries = {"shards": "3", "clusterUid": "u", **more}
        lines = "".join(f"  p:{key}: {json.dumps(value)}\n" for key, value in entries.items())
        (self.folder / "stacks" / "Pulumi.prod.yaml").write_text(f"config:\n{lines}")

    def write(self, top: str = "", **more: str) -> None:
        entries = {name: ENTRY.format(shard=index % 3, more="") for index, name in enumerate(NAMES)}
        entries |= {name.replace("_", "-"): text for name, text in more.items()}
        lines = "".join(f"  {name}: {text}\n" for name, text in entries.items())
        (self.folder / "stacks" / "prod.yaml").write_text(f"{top}workspaces:\n{lines}")


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    cluster = FakeCluster()
    found = Fleet(tmp_path, cluster)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{found.pulumi.bin}:{os.environ['PATH']}")
    monkeypatch.setattr(records, "Guard", lambda *_: FakeGuard(cluster))
    monkeypatch.setattr(running, "default_jobs", lambda: 2)
    monkeypatch.delenv("AMBIENT_CLOCK_OFFSET", raising=False)
    return found


def binding(workspace: str) -> dict[str, Any]:
    """A resource of a state."""
    return {"type": BINDING, "urn": urn(BINDING, f"{workspace}/grant/user:b"), "custom": True}


def up(*words: str) -> int:
    return run(["up", "prod", "--yes", *words])


def summary(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_the_second_run_skips_every_shard(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    assert sorted(fleet.pulumi.ran()) == ["prod-00", "prod-01", "prod-02"]
    fleet.pulumi.forget()
    assert up() == 0
    assert fleet.pulumi.ran() == []
    assert "3 skipped: nothing to do" in summary(capsys)


def test_how_the_engine_is_called(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_SKIP_CHECKPOINTS", "true")
    assert up("--shard", "1") == 0
    (call,) = [one for one in fleet.pulumi.calls("up") if "pid" in one]
    for flag in ("--yes", "--skip-preview", "--json", "--non-interactive"):
        assert flag in call["words"]
    assert call["words"][-6:-3] == ["--stack", "prod-01", "--config-file"]
    assert call["words"][-3].endswith("stacks/Pulumi.prod.yaml")
    # A session of its own, no terminal, and checkpoints: three workspaces are few.
    assert call["sid"] == call["pid"]
    assert call["stdin"]
    assert call["env"]["PULUMI_CONTINUE_ON_ERROR"] == "true"
    assert call["env"]["PULUMI_SKIP_CHECKPOINTS"] is None
    assert call["env"]["AMBIENT_RUN"] == fleet.cluster.record(1).run.id  # type: ignore[union-attr]


def test_a_change_runs_its_own_shard_alone(fleet: Fleet) -> None:
    assert up() == 0
    fleet.pulumi.forget()
    fleet.write(team_4=ENTRY.format(shard=1, more=", keys: {ci: {}}"))
    assert up() == 0
    assert fleet.pulumi.ran() == ["prod-01"]


@pytest.mark.parametrize(
    ("key", "ran"),
    [("anthropic", ["prod-00"]), ("vertex", ["prod-00", "prod-01", "prod-02"])],
)
def test_a_key_of_the_config_counts_where_it_is_used(fleet: Fleet, key: str, ran: list[str]) -> None:
    entry = ENTRY.format(shard=0, more=", secrets: {runner: {ANTHROPIC_API_KEY: {config: anthropic}}}")
    fleet.write(team_0=entry)
    fleet.config(anthropic="one")
    assert up() == 0
    fleet.pulumi.forget()
    fleet.config(**{"anthropic": "one", key: "true"})
    assert up() == 0
    assert sorted(fleet.pulumi.ran()) == ran


def test_a_secret_of_the_environment_needs_the_fleets_key(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_TOKEN", "a-made-up-value")
    fleet.write(team_0=ENTRY.format(shard=0, more=", secrets: {integrations: {TOKEN: {env: TEAM_TOKEN}}}"))
    for _ in range(2):
        fleet.pulumi.forget()
        assert up() == 0
    assert fleet.pulumi.ran() == ["prod-00"]
    fleet.config(fleetKey="encrypted")
    for _ in range(2):
        fleet.pulumi.forget()
        assert up() == 0
    assert fleet.pulumi.ran() == []
    assert "a-made-up-value" not in json.dumps(fleet.cluster.objects)
    monkeypatch.setenv("TEAM_TOKEN", "another")
    assert up() == 0
    assert fleet.pulumi.ran() == ["prod-00"]


def test_what_is_due_is_not_skipped(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    due = {"outputs": {"current": {"handle": "h"}, "nextAction": {"what": "rotate", "at": "2027-01-10T00:00:00Z"}}}
    fleet.pulumi.play({"prod-02": [{"lines": [ended("same", TOKEN, "team-2/key/ci/g1", new=due)]}]})
    fleet.write(team_1=ENTRY.format(shard=1, more=", grants: [{user: b@example.com, until: 2027-01-20}]"))
    assert up() == 0
    assert fleet.cluster.record(2).done.next_action == "2027-01-10T00:00:00Z"  # type: ignore[union-attr]
    for day, ran in (("2027-01-09", []), ("2027-01-10", ["prod-02"]), ("2027-01-21", ["prod-01", "prod-02"])):
        fleet.pulumi.forget()
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        assert up() == 0
        assert sorted(fleet.pulumi.ran()) == ran


def test_a_state_that_somebody_else_wrote_is_not_skipped(fleet: Fleet) -> None:
    assert up() == 0
    states = json.loads((fleet.folder / "states.json").read_text())
    states["prod-02"]["lastUpdate"] = "2030-01-01T00:00:00.000Z"
    (fleet.folder / "states.json").write_text(json.dumps(states))
    fleet.pulumi.forget()
    assert up() == 0
    assert fleet.pulumi.ran() == ["prod-02"]


def test_all_forces(fleet: Fleet) -> None:
    assert up() == 0
    fleet.pulumi.forget()
    assert up("--all") == 0
    assert len(fleet.pulumi.ran()) == 3


def test_one_failure_stops_nothing(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    bad = said("error", "roles is forbidden", urn(BINDING, "team-1/grant/user:b"))
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


def test_a_refused_workspace_is_excluded_and_the_rest_of_its_shard_is_run(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = refusal("namespace 'team-1' exists", rule=Rule.OWNERSHIP, workspaces=("team-1",))
    no = said("error", encode(foreign), urn(LEDGER, "access"))
    good = ended("create", BINDING, "team-4/grant/user:b")
    fleet.pulumi.play({"prod-01": [{"lines": [no], "code": 255}, {"lines": [good]}]})
    assert up() == 3
    assert fleet.pulumi.ran().count("prod-01") == 2
    calls = [one for one in fleet.pulumi.calls("up") if "pid" in one and one["env"]["AMBIENT_EXCLUDE"]]
    assert [one["env"]["AMBIENT_EXCLUDE"] for one in calls] == ['{"team-1": ["ci"]}']
    assert calls[0]["words"][-6:-2] == [
        "--exclude",
        "**::ambient:index:Workspace::team-1",
        "--exclude",
        "**::team-1/**",
    ]
    text = summary(capsys)
    assert "prod-01: team-1: namespace 'team-1' exists" in text
    assert "objects: 1 created" in text
    record = fleet.cluster.record(1)
    assert record.done is None
    assert record.run is not None
    assert record.run.recorded


def test_a_shard_that_is_refused_as_a_whole_is_not_run_again(fleet: Fleet) -> None:
    no = said("error", "this is another cluster than the stack's", urn(LEDGER, "access"))
    fleet.pulumi.play({"prod-01": [{"lines": [no], "code": 255}]})
    assert up() == 1
    assert fleet.pulumi.ran().count("prod-01") == 1


def test_the_back_end_is_asked_once_for_all_that_end_together(fleet: Fleet) -> None:
    assert up() == 0
    assert len([one for one in fleet.pulumi.calls("stack") if one["words"][1] == "ls"]) == 2
    assert all(fleet.cluster.record(number).done is not None for number in range(3))


def test_json_is_an_object_a_shard_and_a_summary(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    bad = said("error", "no", urn(BINDING, "team-1/grant/user:b"))
    fleet.pulumi.play({"prod-01": [{"lines": [bad], "code": 255}]})
    assert up("--format", "json") == 1
    *shards, last = [json.loads(line) for line in summary(capsys).splitlines()]
    assert {one["shard"]: one["result"] for one in shards} == {
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
        assert {one["env"]["PULUMI_SKIP_CHECKPOINTS"] for one in fleet.pulumi.calls("up")} == {None}
        assert summary(capsys).count("no shard is skipped, and every run has checkpoints") == 1


def test_many_changes_are_written_once_and_a_killed_one_is_looked_after(fleet: Fleet) -> None:
    fleet.write(**{f"more_{number}": ENTRY.format(shard=0, more="") for number in range(9)})
    fleet.pulumi.play({"prod-00": [{"resources": 200}, {"die": signal.SIGKILL}, {}, {}]})
    assert up() == 0
    begun = [one for one in fleet.pulumi.calls("up") if "pid" in one]
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
    (call,) = [one for one in fleet.pulumi.calls("up") if "pid" in one]
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


def test_a_refresh_that_finds_nothing_leaves_nothing_to_do(fleet: Fleet) -> None:
    assert up() == 0
    drift = {"summaryEvent": {"result": "succeeded", "resourceChanges": {"same": 9, "update": 1}}}
    fleet.pulumi.play({"prod-01": [{"lines": [drift]}]})
    assert run(["refresh", "prod", "--yes"]) == 0
    assert sorted(fleet.pulumi.ran("refresh")) == ["prod-00", "prod-01", "prod-02"]
    fleet.pulumi.forget()
    assert up() == 0
    assert fleet.pulumi.ran() == ["prod-01"]


def test_destroy_ends_every_shard_and_its_record(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    namespace = {
        "type": "kubernetes:core/v1:Namespace", "urn": urn("kubernetes:core/v1:Namespace", "team-0/namespace"),
        "custom": True, "protect": True,
    }  # fmt: skip
    fleet.pulumi.play({"export": {"resources": [namespace]}})
    assert run(["destroy", "prod", "--confirm", "prod"]) == 3
    assert fleet.pulumi.ran("destroy") == []
    fleet.pulumi.play({"export": {"resources": [{**namespace, "protect": False}]}})
    assert run(["destroy", "prod", "--confirm", "prod"]) == 0
    assert len(fleet.pulumi.ran("destroy")) == 3
    assert fleet.cluster.objects == {}


@pytest.mark.parametrize("deployed", [True, False])
def test_a_shard_whose_run_was_lost_is_not_destroyed(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], deployed: bool
) -> None:
    fleet.write(**{f"more_{number}": ENTRY.format(shard=1, more="") for number in range(9)})
    if deployed:
        fleet.pulumi.play({"export": {"resources": [binding("team-0")]}})
        assert up("--shard", "0") == 0
    fleet.pulumi.play({"prod-01": [{"die": signal.SIGKILL}], "export": {"resources": [binding("team-0")]}})
    assert up("--shard", "1") == 1
    capsys.readouterr()
    assert run(["destroy", "prod", "--confirm", "prod"]) == 1
    said_ = capsys.readouterr()
    assert "prod-01: a run of it was killed" in said_.err
    assert "run ambient up prod --shard 1 first" in said_.err
    assert "nothing to destroy" not in said_.out
    assert fleet.pulumi.ran("destroy") == []
    assert fleet.cluster.record(1).run is not None
    fleet.pulumi.play({"export": {"resources": [binding("team-0")]}})
    assert up("--shard", "1") == 0
    assert run(["destroy", "prod", "--confirm", "prod"]) == 0


def test_shards_beyond_the_number_of_the_config_are_seen(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    fleet.config(shards="2")
    fleet.write(**{name.replace("-", "_"): ENTRY.format(shard=0, more="") for name in NAMES})
    capsys.readouterr()
    assert up("--all") == 0
    assert "still deployed, and the config says shards: 2: prod-02" in summary(capsys)
    assert run(["refresh", "prod", "--yes"]) == 0
    assert sorted(fleet.pulumi.ran("refresh")) == ["prod-00", "prod-01", "prod-02"]
    fleet.pulumi.play({"export": {"resources": [binding("team-0")]}})
    assert run(["destroy", "prod", "--confirm", "prod"]) == 0
    assert sorted(fleet.pulumi.ran("destroy")) == ["prod-00", "prod-01", "prod-02"]
    assert fleet.cluster.objects == {}
    capsys.readouterr()
    assert up() == 0
    assert "still deployed" not in summary(capsys)


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


def test_several_fleets_are_run_together(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    (fleet.folder / "stacks" / "world.yaml").write_text("stacks: [prod]\n")
    assert run(["up", "world", "--yes"]) == 0
    assert len(fleet.pulumi.ran()) == 3


@pytest.mark.parametrize(
    "words",
    [
        ["up", "prod", "--shard", "3"],
        ["up", "prod", "--plan", "p.json"],
        ["up", "other", "--jobs", "2"],
        ["up", "prod", "--jobs", "-1"],
        ["refresh", "prod", "--format", "xml"],
    ],
)
def test_wrong_usage(fleet: Fleet, words: list[str]) -> None:
    assert run([*words, "--yes"]) == 64
    assert fleet.pulumi.ran() == []


def test_a_shard_without_a_stack_is_told_before_anything_runs(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.config(shards="4")
    assert up() == 1
    assert "the back end has no stack prod-03" in capsys.readouterr().err
    assert fleet.pulumi.ran() == []


# Ctrl-C, in a process of its own.

OURS = """
import sys
sys.path.insert(0, {root!r})
from ambient_components.cli.app import run
from ambient_components.fleet import records as records_client
from tests.support.fake_records import FakeCluster, FakeGuard
cluster = FakeCluster()
records_client.Guard = lambda *_: FakeGuard(cluster)
code = run(["up", "prod", "--yes", "--jobs", "2"])
runs = [item.get("data", dict()).get("run") for item in cluster.objects.values()]
print("RUNS", runs)
sys.exit(code)
"""


def wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def interrupted(fleet: Fleet, times: int, **play: Any) -> tuple[int, str]:
    lines = [ended("create", BINDING, f"team-0/grant/user:{number}") for number in range(200)]
    fleet.pulumi.play({f"prod-0{number}": [{"lines": lines, "sleep": 30, **play}] for number in range(3)})
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", OURS.format(root=root)], cwd=fleet.folder, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(lambda: len(fleet.pulumi.ran()) == 2)
        os.killpg(process.pid, signal.SIGINT)
        for _ in range(times - 1):
            time.sleep(1)
            os.killpg(process.pid, signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, text


def test_an_interrupt_lets_every_engine_end_its_step_and_begins_nothing(fleet: Fleet) -> None:
    code, text = interrupted(fleet, 1)
    assert code == 130, text
    assert len(fleet.pulumi.ran()) == 2
    assert [one["interrupts"] for one in fleet.pulumi.calls("up") if one.get("ended")] == [1, 1]
    assert "waiting for 2 shards" in text
    assert "3 interrupted" in text
    # Their states were written: nothing is lost.
    assert text.count('"recorded":true') == 2


def test_the_second_one_tells_and_the_third_one_kills(fleet: Fleet) -> None:
    code, text = interrupted(fleet, 3, deaf=9)
    assert code == 130, text
    assert "still waiting for 2 shards" in text
    assert "killed: 2 shards" in text
    assert [one for one in fleet.pulumi.calls("up") if one.get("ended")] == []
    assert text.count('"recorded":false') == 2
