"""Stacks of several clusters that one file lists: fleets and plain ones, run together and told apart."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.app import run
from ambient_components.cluster.guard import Guard
from ambient_components.errors import AmbientError, refusal
from ambient_components.problem_json import encode
from ambient_components.rules.refusals import Rule
from ambient_components.shards.records import Record
from ambient_components.stacks.project import Project
from ambient_components.stacks.selection import listed
from tests.support.fake_pulumi import FakePulumi, ended, urn
from tests.support.fake_pulumi import diagnostic as reported
from tests.support.fake_records import FakeCluster, FakeGuard

BINDING = "ambient:index:RoleBinding"
LEDGER = "ambient:index:AccessLedger"
ENTRY = "{owners: ['user:a@example.com'], protect: false}"


class World:
    """A fleet of one shard in one cluster and a plain stack in another, with a workspace of the same name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clusters = {"eu": FakeCluster(), "us": FakeCluster()}
        self.requested: list[tuple[str, str]] = []
        (folder / "stacks").mkdir()
        (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\nstackConfigDir: stacks\n")
        self.write("world", "stacks: [prod-eu, prod-us]\n")
        for name, more in (("eu", '  p:shards: "1"\n'), ("us", "")):
            self.write(f"prod-{name}", f"workspaces:\n  payments: {ENTRY}\n")
            text = f"config:\n  p:context: {name}\n  p:clusterUid: uid-{name}\n{more}"
            self.write(f"Pulumi.prod-{name}", text)
        self.pulumi = FakePulumi(folder, "prod-eu-00", "prod-us")

    def write(self, name: str, text: str) -> None:
        (self.folder / "stacks" / f"{name}.yaml").write_text(text)

    def guard(self, config: Mapping[str, str]) -> FakeGuard:
        self.requested.append((config["context"], config["clusterUid"]))
        return FakeGuard(self.clusters[config["context"]])

    def record(self, cluster: str, number: int = 0) -> Record:
        return self.clusters[cluster].record(number)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{found.pulumi.bin}:{os.environ['PATH']}")
    monkeypatch.setattr(Guard, "of_config", found.guard)
    return found


def up(*words: str) -> int:
    return run(["up", "world", "--yes", *words])


def up_json(capsys: pytest.CaptureFixture[str], code: int) -> tuple[dict[str, Any], dict[str, Any]]:
    assert up("--format", "json") == code
    *shards, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {shard["shard"]: shard for shard in shards}, last


def test_a_plain_stack_is_one_unit_that_is_always_run(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    assert sorted(world.pulumi.ran()) == ["prod-eu-00", "prod-us"]
    text = capsys.readouterr().out
    assert "2 stacks in" in text
    assert "not on record" not in text
    world.pulumi.forget()
    assert up() == 0
    assert world.pulumi.ran() == ["prod-us"]
    (call,) = [start for start in world.pulumi.calls("up") if "pid" in start]
    assert call["words"][-4:-2] == ["--stack", "prod-us"]
    assert call["env"]["PULUMI_SKIP_CHECKPOINTS"] is None
    assert call["env"]["AMBIENT_RUN"] is None


@pytest.mark.parametrize(
    "text",
    [
        '"stacks": [prod-eu, prod-us]\n',
        "stacks : [prod-eu, prod-us]\n",
        "{stacks: [prod-eu, prod-us]}\n",
        "--- # the world\n'stacks':\n- prod-eu\n- prod-us\n",
    ],
)
def test_a_list_of_stacks_is_one_in_every_spelling_of_yaml(world: World, text: str) -> None:
    world.write("world", text)
    assert up() == 0
    assert sorted(world.pulumi.ran()) == ["prod-eu-00", "prod-us"]


def test_a_text_that_looks_like_a_list_of_stacks_is_none(world: World) -> None:
    project = Project.find(world.folder)
    world.write("prod-us", f"workspaces:\n  payments: {ENTRY} # stacks\n# stacks:\n")
    assert listed(project, "prod-us") is None
    world.write("prod-us", 'workspaces: {payments: {displayName: "\nstacks: [prod-eu]"}}\n')
    assert listed(project, "prod-us") is None
    assert listed(project, "absent") is None


def test_a_list_of_stacks_that_is_no_yaml_is_refused_with_its_place(world: World) -> None:
    world.write("world", "stacks: [prod-eu, prod-us\n")
    with pytest.raises(AmbientError, match=r"^stacks/world\.yaml:\d+:\d+: not YAML: a list that goes wrong"):
        listed(Project.find(world.folder), "world")


def test_many_workspaces_of_a_plain_stack_are_written_step_by_step(world: World) -> None:
    entries = "".join(f"  team-{number}: {ENTRY}\n" for number in range(9))
    for name in ("eu", "us"):
        world.write(f"prod-{name}", f"workspaces:\n{entries}")
    assert up() == 0
    begun = [call for call in world.pulumi.calls("up") if "pid" in call]
    skipping = {
        stack for stack, one in zip(world.pulumi.ran(), begun, strict=True) if one["env"]["PULUMI_SKIP_CHECKPOINTS"]
    }
    assert skipping == {"prod-eu-00"}


def test_each_record_is_in_its_own_cluster(world: World) -> None:
    assert up() == 0
    assert set(world.requested) == {("eu", "uid-eu")}
    assert world.record("eu").done is not None
    assert world.clusters["us"].requests == []
    # As two fleets.
    world.write("Pulumi.prod-us", 'config:\n  p:context: us\n  p:clusterUid: uid-us\n  p:shards: "2"\n')
    world.pulumi.forget()
    states = {name: {"name": name, "lastUpdate": ""} for name in ("prod-eu-00", "prod-us-00", "prod-us-01")}
    (world.folder / "states.json").write_text(json.dumps(states))
    assert up() == 0
    assert set(world.requested) == {("eu", "uid-eu"), ("us", "uid-us")}
    assert world.record("us", 1).done is not None
    for name, count in (("eu", 1), ("us", 2)):
        objects = world.clusters[name].objects.values()
        owners = [item["metadata"]["annotations"]["ambient-components/owner"] for item in objects]
        assert owners == [f"p/prod-{name}"] * count


def test_a_cluster_that_is_down_is_no_others_trouble(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    world.pulumi.forget()
    world.clusters["eu"].down = True
    assert up() == 0
    assert sorted(world.pulumi.ran()) == ["prod-eu-00", "prod-us"]
    note = "no shard is skipped, and every run has checkpoints: the run records can't be read: the cluster at https://c"
    assert note in capsys.readouterr().out


def test_the_same_workspace_in_two_clusters_is_two_things(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    bad = reported("error", "forbidden", urn(BINDING, "payments/grant/user:b"))
    world.pulumi.play({name: [{"lines": [bad], "code": 255}] for name in ("prod-eu-00", "prod-us")})
    shards, last = up_json(capsys, 1)
    assert last["failedWorkspaces"] == ["prod-eu/payments", "prod-us/payments"]
    received = sorted(shard["errors"][0]["workspace"] for shard in shards.values())
    assert received == last["failedWorkspaces"]
    world.pulumi.play({"prod-us": [{"lines": [bad], "code": 255}]})
    assert up() == 1
    text = capsys.readouterr().out
    assert "prod-us: prod-us/payments (payments/grant/user:b): forbidden" in text
    assert "again: ambient up prod-us\n" in text


def test_a_refused_workspace_of_a_plain_stack_is_excluded_too(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = refusal("namespace 'payments' exists", rule=Rule.OWNERSHIP, workspaces=("payments",))
    no = reported("error", encode(foreign), urn(LEDGER, "access"))
    good = ended("create", BINDING, "other/grant/user:b")
    world.pulumi.play({"prod-us": [{"lines": [no], "code": 255}, {"lines": [good]}]})
    shards, last = up_json(capsys, 3)
    assert shards["prod-us"]["excluded"] == last["failedWorkspaces"] == ["prod-us/payments"]
    assert shards["prod-us"]["created"] == 1
    assert shards["prod-eu-00"]["result"] == "done"


def state(*workspaces: str, protect: bool = False) -> dict[str, Any]:
    kind = "kubernetes:core/v1:Namespace"
    return {
        "resources": [
            {"type": kind, "urn": urn(kind, f"{name}/namespace"), "custom": True, "protect": protect}
            for name in workspaces
        ]
    }


def test_a_destroy_is_judged_stack_by_stack(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    # Two and two are more than three, and are of two clusters.
    world.pulumi.play({"exports": {"prod-eu-00": state("a", "b"), "prod-us": state("a", "c")}})
    assert run(["destroy", "world", "--confirm", "world"]) == 0
    assert sorted(world.pulumi.ran("destroy")) == ["prod-eu-00", "prod-us"]
    text = capsys.readouterr().out
    assert "Fleet prod-eu:" in text
    assert "Stack prod-us:" in text
    assert world.clusters["eu"].objects == {}


def test_a_stack_that_must_not_be_destroyed_keeps_all(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert up() == 0
    world.pulumi.play({"exports": {"prod-eu-00": state("a"), "prod-us": state("c", protect=True)}})
    assert run(["destroy", "world", "--confirm", "world"]) == 3
    assert world.pulumi.ran("destroy") == []
    assert "ambient: prod-us: workspace 'c' is protected" in capsys.readouterr().err


def test_refresh_and_plan_take_both(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "world", "--offline", "--all", "--jobs", "2", "--format", "json"]) == 2
    made = json.loads(capsys.readouterr().out)["workspaces"]
    assert [one["workspace"] for one in made] == ["prod-eu/payments", "prod-us/payments"]
    assert up() == 0
    assert run(["refresh", "world", "--yes"]) == 0
    assert sorted(world.pulumi.ran("refresh")) == ["prod-eu-00", "prod-us"]


def test_a_guardrail_of_one_stack_stops_all(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"team-{number}" for number in range(4)]
    entry = {"owners": ["user:a@example.com"], "grants": [], "keys": {}, "state": "closed"}
    inputs = {"workspaces": dict.fromkeys(names, entry), "owner": "p/prod-us", "stack": "prod-us"}
    ledger = {"type": LEDGER, "urn": urn(LEDGER, "access"), "custom": True, "inputs": inputs, "outputs": inputs}
    world.pulumi.play({"exports": {"prod-us": {"resources": [ledger]}}})
    world.write("prod-us", "workspaces: {}\n")
    assert up() == 3
    assert world.pulumi.ran() == []
    received = capsys.readouterr().out
    assert "!  prod-us: 4 " in received, received


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("stacks: [prod-eu, world]\n", "the file of 'world' names stacks itself hint: name those stacks here"),
        ("stacks: [prod-eu-00]\n", "'prod-eu-00' is a shard hint: name its fleet: prod-eu"),
        ("stacks: [prod-eu, org/prod-eu]\n", "names 'prod-eu' twice|'org/prod-eu' is named already"),
        ("stacks: [prod-eu, prod-as]\n", "there is no such stack file"),
    ],
)
@pytest.mark.parametrize("verb", ["up", "refresh", "destroy", "plan"])
def test_lists_that_are_refused(
    world: World, capsys: pytest.CaptureFixture[str], verb: str, text: str, problem: str
) -> None:
    world.write("world", text)
    flags = {"destroy": ["--confirm", "world"], "plan": ["--offline"]}.get(verb, ["--yes"])
    assert run([verb, "world", *flags]) == 1
    received = capsys.readouterr()
    # A plan loads the file first, which says where.
    assert any(one in " ".join((received.out + received.err).split()) for one in problem.split("|"))
    assert world.pulumi.calls(verb) == []


def test_a_plain_stack_that_was_never_made_is_told_before_anything_runs(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (world.folder / "states.json").write_text(json.dumps({"prod-eu-00": {"name": "prod-eu-00", "lastUpdate": ""}}))
    assert up() == 1
    assert "the backend has no stack 'prod-us'\n  hint: if it is new: ambient init prod-us\n" in capsys.readouterr().err
    assert world.pulumi.ran() == []


@pytest.mark.parametrize("words", [["up", "world", "--shard", "0"], ["up", "world", "--jobs", "0"]])
def test_wrong_usage(world: World, words: list[str]) -> None:
    assert run([*words, "--yes"]) == 64
    assert world.pulumi.ran() == []
