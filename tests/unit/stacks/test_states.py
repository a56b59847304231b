"""Verbs that read a stack's state read a whole fleet, and one of its shards."""

import json
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from ambient_components.access.remaining import Holder
from ambient_components.cli.app import run
from ambient_components.cli.edits import deployment
from ambient_components.cli.edits.survey import Survey
from ambient_components.cli.grants import now as grants_now
from ambient_components.cli.grants import revoke as grants_revoke
from ambient_components.cli.keys import now
from ambient_components.engine import command
from ambient_components.errors import AmbientError
from ambient_components.fleet.processes import Ended
from ambient_components.fleet.run_events import Reported
from ambient_components.stacks import pulumi as engine
from ambient_components.stacks.project import Project
from ambient_components.stacks.pulumi import PulumiEngine
from ambient_components.stacks.states import export, stacks_of
from tests.support.access_objects import in_state
from tests.support.fleets import FakeShards, ledger_in, make_fleet, parts, where
from tests.support.planned import ledger

PAY = f"prod-{where('pay'):02d}"


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeShards:
    def deployed(engine: FakeShards, verb: str, stack: str, *, reviewed: bool) -> Ended:
        assert reviewed
        engine.run(verb, "--yes", "--skip-preview", "--stack", stack)
        return Ended(verb, stack, Reported(), 0, False, "", 1.0, "up.log")

    monkeypatch.setattr(deployment, "carry_out", deployed)
    return make_fleet(tmp_path, monkeypatch)


def test_the_fleets_state_is_that_of_its_shards(pulumi: FakeShards) -> None:
    whole = export(Project.find(), "prod")
    resources = [resource["urn"] for state in pulumi.states.values() for resource in state["deployment"]["resources"]]
    assert [resource["urn"] for resource in whole["deployment"]["resources"]] == resources
    assert export(Project.find(), "prod-02") == pulumi.states["prod-02"]
    pulumi.states.pop("prod-00")
    assert len(export(Project.find(), "prod")["deployment"]["resources"]) < len(resources)
    pulumi.broken = {"prod-01"}
    with pytest.raises(AmbientError, match="no prod-01"):
        export(Project.find(), "prod")
    pulumi.states.clear()
    cause = "has no stack of fleet 'prod'; if it is new: ambient init prod --shards 3; .*; if its state is lost"
    with pytest.raises(AmbientError, match=cause):
        export(Project.find(), "prod")


def test_of_several_stacks_one_is_to_be_named(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    Path("stacks/world.yaml").write_text("stacks: [prod, single]\n")
    assert run(["show", "world"]) == 1
    assert "its file names several stacks\n  hint: name one: prod, single" in capsys.readouterr().err


def test_show_and_access(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "prod", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [workspace["name"] for workspace in shown["workspaces"]] == ["lab", "ops", "pay"]
    for state in pulumi.states.values():
        state["deployment"]["resources"] += in_state(ledger_in(state))
    assert run(["access", "prod", "--format", "json"]) == 0
    from_state = json.loads(capsys.readouterr().out)["access"]
    assert run(["access", "prod", "--files", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["access"] == from_state
    assert {one["workspace"] for one in from_state} == {"lab", "ops", "pay"}
    for flags in ([], ["--files"]):
        assert run(["access", "prod-02", "--format", "json", *flags]) == 0
        assert {one["workspace"] for one in json.loads(capsys.readouterr().out)["access"]} == set(
            parts(ledger())["prod-02"]
        )
    assert run(["report", "prod"]) == 0


def test_a_key_is_read_from_the_shard_that_holds_it(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "show", "prod", "pay/ci", "--quiet"]) == 0
    assert capsys.readouterr().out == f"the key of {PAY}\n"
    assert run(["keys", "show", PAY, "pay/ci", "--quiet"]) == 0
    assert capsys.readouterr().out == f"the key of {PAY}\n"
    assert run(["show", "prod"]) == 0
    assert "ambient keys show prod pay/ci\n" in capsys.readouterr().out
    assert run(["keys", "deliver", "prod", "pay/ci", "--file", "key"]) == 0
    assert Path("key").read_text() == f"the key of {PAY}"
    for names in ([], ["prod"]):
        capsys.readouterr()
        assert run(["keys", "list", *names, "--offline", "--format", "json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert [(key["stack"], key["workspace"], key["id"]) for key in document["keys"]] == [("prod", "pay", "ci")]


def without_ledger_steps(pulumi: FakeShards) -> None:
    """The names of a plan's ledger steps are real ones; here the whole step counts as another change."""
    for stack, answer in list(pulumi.answers.items()):
        steps = [step for step in json.loads(answer.stdout)["steps"] if not step["urn"].endswith("::access")]
        pulumi.answers[stack] = answer._replace(stdout=json.dumps({"steps": steps}))


def nothing_left(*_: Any, **__: Any) -> Survey:
    """The answer of a cluster without other access."""
    return Survey(Holder("user:bob", frozenset({"user:bob"})))


def test_a_rotation_deploys_the_shard_that_holds_the_key(
    pulumi: FakeShards, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "engine_for", lambda _: pulumi)
    monkeypatch.setattr(now.KeyDeployment, "witness", lambda *_: Mock(end_now=list, holder=None))
    desired: dict[str, Any] = ledger()
    desired["pay"]["keys"]["ci"]["generation"] = 2
    pulumi.plans(parts(desired))
    without_ledger_steps(pulumi)
    assert run(["keys", "rotate", "prod", "pay/ci", "--leaked", "--now"]) == 0
    assert (pulumi.requested("preview"), pulumi.requested("up")) == ([PAY], [PAY])
    capsys.readouterr()
    assert run(["keys", "rotate", "prod", "pay/ci", "--leaked"]) == 0
    assert "  ambient up prod\n" in capsys.readouterr().out
    other = next(stack for stack in pulumi.states if stack != PAY)
    before = Path("stacks/prod.yaml").read_text()
    assert run(["keys", "revoke", other, "pay/ci"]) == 1
    assert f"workspace 'pay' is in shard {PAY}, not in {other}" in capsys.readouterr().err
    assert Path("stacks/prod.yaml").read_text() == before


def test_an_organisation_stays_in_front(pulumi: FakeShards) -> None:
    assert stacks_of(Project.find(), "org/prod", {"ops": 2}) == {"ops": "org/prod-02"}
    assert stacks_of(Project.find(), "single", {"ops": 2}) == {"ops": "single"}
    with pytest.raises(AmbientError, match="there is no shard 7"):
        stacks_of(Project.find(), "prod", {"ops": 7})


@pytest.mark.parametrize(
    ("arguments", "config"),
    [
        (("preview", "--json", "--stack", "prod-02"), True),
        (("up", "--stack", "org/prod-02", "--yes"), True),
        (("stack", "export", "--stack", "prod-02"), False),
        (("preview", "--stack", "prod-09"), False),
        (("preview", "--stack", "single"), False),
        (("preview", "--stack", "prod-02", "--config-file", "x"), False),
        (("version",), False),
    ],
)
def test_a_shard_is_run_with_the_fleets_config(
    pulumi: FakeShards, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], config: bool
) -> None:
    seen: list[list[str]] = []

    def ran(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append(words[1:-2])
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(subprocess, "run", ran)
    monkeypatch.setattr(command, "program", lambda _: "pulumi")
    PulumiEngine(Path.cwd()).attempt(*arguments)
    more = ["--config-file", str(Path.cwd() / "stacks/Pulumi.prod.yaml")] if config else []
    assert seen == [[*arguments, *more]]


def test_a_grant_is_revoked_by_the_shard_of_its_workspace(
    pulumi: FakeShards, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "engine_for", lambda _: pulumi)
    with Path("stacks/prod.yaml").open("a", encoding="utf-8") as file:
        file.write("    grants: [{user: bob, role: view}]\n")
    other = next(stack for stack in pulumi.states if stack != PAY)
    before = Path("stacks/prod.yaml").read_text()
    assert run(["grants", "revoke", other, "user:bob", "--all"]) == 0
    assert capsys.readouterr().out.startswith("nothing to do: user:bob has no grant in ")
    assert run(["grants", "revoke", other, "user:bob", "pay"]) == 1
    assert f"workspace 'pay' is in shard {PAY}, not in {other}" in capsys.readouterr().err
    assert Path("stacks/prod.yaml").read_text() == before
    monkeypatch.setattr(grants_now.GrantDeployment, "witness", lambda *_: Mock(end_now=list, holder=None))
    monkeypatch.setattr(grants_revoke, "survey", nothing_left)
    monkeypatch.setattr(grants_now.GrantDeployment, "cluster", lambda _: None)
    pulumi.plans(parts(ledger()))
    without_ledger_steps(pulumi)
    pulumi.states.pop(other)
    assert run(["grants", "revoke", "prod", "user:bob", "--all", "--now"]) == 0
    assert pulumi.requested("preview") == [PAY]
