"""`ambient refresh` and `destroy` over a fleet, shards beyond its number, several fleets, and wrong usage."""

import signal
from typing import Any

import pytest

from ambient_components.cli.app import run
from tests.support.fake_pulumi import urn
from tests.support.fleet_runs import BINDING, ENTRY, NAMES, Fleet, summary, up


def binding(workspace: str) -> dict[str, Any]:
    """A resource of a state."""
    return {"type": BINDING, "urn": urn(BINDING, f"{workspace}/grant/user:b"), "custom": True}


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
    error = capsys.readouterr().err
    assert "the backend has no stack prod-03" in error
    for cause in ("if it is new: ambient init prod --shards 4\n", "pulumi whoami -v\n", "a-lost-state\n"):
        assert cause in error
    assert fleet.pulumi.ran() == []
