"""`ambient up` over a fleet: which shards are run, and which have nothing to do."""

import json
from datetime import UTC, datetime

import pytest

from ambient_components import clock, collector
from ambient_components.engine.backend import Question
from ambient_components.warm import client
from tests.support.fake_pulumi import ended
from tests.support.fleet_runs import ENTRY, Fleet, summary, up

TOKEN = "ambient:index:AccessToken"


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
    (call,) = [start for start in fleet.pulumi.calls("up") if "pid" in start]
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


@pytest.mark.parametrize(("options", "setting"), [(["--shard", "1"], "off"), (["--jobs", "2"], None)])
def test_the_memory_of_engines_depends_on_how_many_run_at_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, options: list[str], setting: str | None
) -> None:
    monkeypatch.setattr(collector, "free_memory", lambda *_: 8 << 30)
    assert up(*options) == 0
    assert {call["env"]["GOGC"] for call in fleet.pulumi.calls("up") if "pid" in call} == {setting}


def test_a_change_runs_its_own_shard_alone(fleet: Fleet) -> None:
    assert up() == 0
    fleet.pulumi.forget()
    fleet.write(team_4=ENTRY.format(shard=1, more=", keys: {ci: {}}"))
    assert up() == 0
    assert fleet.pulumi.ran() == ["prod-01"]


def test_the_fork_server_starts_before_the_backend_answers_if_a_shard_is_run(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, events = Question.answer, list[str]()
    monkeypatch.setattr(client, "begin", lambda **_: events.append("start"))
    monkeypatch.setattr(Question, "answer", lambda one: (events.append("answer"), answer(one))[1])
    assert up() == 0
    assert events[:2] == ["start", "answer"]
    events.clear()
    assert up() == 0
    assert set(events) == {"answer"}
    events.clear()
    fleet.write(team_4=ENTRY.format(shard=1, more=", keys: {ci: {}}"))
    assert up() == 0
    assert events[:2] == ["start", "answer"]


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
    monkeypatch.setenv("TEAM_0_TOKEN", "a-made-up-value")
    fleet.write(team_0=ENTRY.format(shard=0, more=", secrets: {integrations: {TOKEN: {env: TEAM_0_TOKEN}}}"))
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
    monkeypatch.setenv("TEAM_0_TOKEN", "another")
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
