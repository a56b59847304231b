"""`ambient plan FLEET`: one page of all shards, what only the whole shows, and what can't be asked."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from ambient_components.access.fleet_guardrails import APPROVED_VARIABLE
from ambient_components.cli.app import run
from ambient_components.cluster.guard import Guard
from ambient_components.engine.command import Answer
from ambient_components.errors import Problem
from ambient_components.fleet.inputs import shard_inputs
from ambient_components.fleet.planning import plan_fleet
from ambient_components.plan.document import plan_schema
from ambient_components.problem_json import encode
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.project import Project
from ambient_components.stacks.selection import find_fleet
from tests.support.fleets import FILE, FakeShards, ledger_in, make_fleet, parts
from tests.support.json_schema import faults
from tests.support.ledgers import removals_digest
from tests.support.planned import ledger

ALL = ["prod-00", "prod-01", "prod-02"]
SCHEMA = plan_schema()


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeShards:
    return make_fleet(tmp_path, monkeypatch)


def reported(capsys: pytest.CaptureFixture[str], *flags: str, code: int) -> dict[str, Any]:
    assert run(["plan", "prod", "--format", "json", *flags]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert faults(document, SCHEMA, SCHEMA) == []
    return document


def write(text: str) -> None:
    Path("stacks/prod.yaml").write_text(text)


def test_offline_all_states_are_one(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    assert reported(capsys, "--offline", code=0)["shards"] == {
        "count": 3,
        "evaluated": ALL,
        "skipped": [],
        "failed": [],
    }
    assert pulumi.requested("preview") == []
    write(FILE.replace("role: edit}]}", "role: view}]}").replace("  pay:", "  web: {}\n  pay:"))
    shown = reported(capsys, "--offline", code=2)
    assert [change["workspace"] for change in shown["access"]["gained"]] == ["lab"]
    assert shown["workspaces"] == [{"workspace": "web", "what": "made"}]
    assert run(["plan", "prod", "--offline"]) == 2
    assert "  3 shards: 3 evaluated\n" in capsys.readouterr().out


def test_online_every_shard_is_asked_by_its_name(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    desired = ledger()
    desired["lab"]["grants"]["group:devs"] = desired["ops"]["grants"]["group:devs"] = "admin"
    pulumi.plans(parts(desired))
    shown = reported(capsys, code=2)
    assert [change["workspace"] for change in shown["access"]["gained"]] == ["lab", "ops"]
    assert shown["online"]
    assert pulumi.requested("preview") == ALL
    assert reported(capsys, "--shard", "2", code=2)["shards"]["evaluated"] == ["prod-02"]


def test_a_shard_that_fails_hides_no_other(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    desired = ledger()
    desired["ops"]["grants"]["group:devs"] = "admin"
    pulumi.plans(parts(desired))
    pulumi.broken = {"prod-00"}
    pulumi.answers["prod-01"] = Answer(255, "", "error: the cluster is away")
    shown = reported(capsys, code=1)
    assert shown["shards"] == {"count": 3, "evaluated": ["prod-02"], "skipped": [], "failed": ["prod-00", "prod-01"]}
    assert shown["errors"][0] == {"path": "prod-00", "problem": "no prod-00"}
    assert shown["errors"][1]["path"] == "prod-01"
    assert "the cluster is away" in shown["errors"][1]["problem"]
    assert [change["workspace"] for change in shown["access"]["gained"]] == ["ops"]
    # Nothing of what the others have is taken for gone, or new.
    assert reported(capsys, "--offline", code=1)["workspaces"] == []


def test_what_is_up_to_date_is_not_asked_and_its_dates_are_told(pulumi: FakeShards) -> None:
    write(FILE.replace("[{group: devs, role: edit}], shard", "[{group: devs, role: edit, until: 2026-12-01}], shard"))
    project = Project.find()
    fleet, loaded = find_fleet(project, "prod"), load_stack("stacks/prod.yaml")
    assert fleet is not None
    plan = plan_fleet(fleet, loaded, up_to_date=[2])
    assert pulumi.requested("preview") == ["prod-00", "prod-01"]
    assert plan.shards is not None
    assert plan.shards.skipped == ("prod-02",)
    assert plan.shards.count == 3
    assert [date.workspace for date in plan.dates] == ["ops"]
    assert not plan.changes


def test_all_asks_also_what_is_up_to_date(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi.up_to_date = [0, 1]
    assert reported(capsys, code=0)["shards"] == {"count": 3, "evaluated": ALL[2:], "skipped": ALL[:2], "failed": []}
    for flags in (["--all"], ["--offline"], ["--at", "2027-01-01"]):
        assert reported(capsys, *flags, code=0)["shards"]["evaluated"] == ALL


def many(role: str = "edit", closed: int = 0, gone: int = 0) -> str:
    lines = ["workspaces:"]
    for number in range(gone, 20):
        rest = f"grants: [{{group: devs, role: {role}}}]" if number >= closed else "state: closed"
        lines.append(f"  w{number:02d}: {{owners: [user:alice@example.com], shard: {number % 3}, {rest}}}")
    return "\n".join(lines) + "\n"


def deploy(pulumi: FakeShards, text: str) -> None:
    write(text)
    every = {name: {} for name in ALL} | _by_pin(ledger())
    for stack in ALL:
        ledger_in(pulumi.states[stack]).clear()
        ledger_in(pulumi.states[stack]).update(every[stack])
        del pulumi.states[stack]["deployment"]["resources"][1:]


def _by_pin(ledger: dict[str, Any]) -> dict[str, dict[str, Any]]:
    ledgers: dict[str, dict[str, Any]] = {}
    for name, entry in ledger.items():
        ledgers.setdefault(f"prod-{int(name[1:]) % 3:02d}", {})[name] = entry
    return ledgers


def test_what_leaves_is_counted_over_all_shards(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(pulumi, many(closed=9))
    write(many(closed=9, gone=9))
    pulumi.plans(_by_pin(ledger()))
    # Three in each shard are allowed there; of the fleet nine are too many.
    shown = reported(capsys, code=3)
    assert [(guardrail["rule"], guardrail.get("workspaces")) for guardrail in shown["guardrails"]] == [
        ("massRemoval", None)
    ]
    assert "9 of the 20 workspaces of this fleet leave the files" in shown["guardrails"][0]["problem"]
    assert reported(capsys, "--offline", code=3)["guardrails"] == shown["guardrails"]
    write("exceptions: [{guardrail: massRemoval, reason: x}]\n" + many(closed=9, gone=9))
    assert reported(capsys, "--offline", code=2)["guardrails"] == []


def test_a_small_shard_may_lose_more_than_its_share(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one shard's six workspaces four leave: as much as a fleet of twenty may."""
    text = many()
    deploy(pulumi, text)
    before = {stack: dict(ledger_in(state)) for stack, state in pulumi.states.items()}
    for name in ("w02", "w05", "w08", "w11"):
        ledger_in(pulumi.states["prod-02"])[name]["state"] = before["prod-02"][name]["state"] = "closed"
        text = "".join(line for line in text.splitlines(keepends=True) if name not in line)
    write(text)
    after = _by_pin(ledger())
    pulumi.plans(after)
    assert reported(capsys, "--offline", code=2)["guardrails"] == []
    assert reported(capsys, code=2)["guardrails"] == []
    # The shard's own check is told of exactly this.
    assert pulumi.environs["prod-02"][APPROVED_VARIABLE] == removals_digest(before["prod-02"], after["prod-02"])
    assert APPROVED_VARIABLE not in pulumi.environs["prod-00"]


def test_a_workspace_in_another_shard_is_to_be_moved(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    write(FILE.replace("shard: 2", "shard: 1"))
    text = json.dumps(reported(capsys, "--offline", code=3)["guardrails"][0])
    assert "1 workspace is deployed by another shard than it belongs to (ops: prod-02 -> prod-01)" in text
    assert "ambient reshard prod" in text
    # So are those of a shard that is there no more.
    write(FILE.replace("shard: 2", "shard: 0"))
    Path("stacks/Pulumi.prod.yaml").write_text("config:\n  p:shards: 1\n")
    assert "ops: prod-02 -> prod-00" in reported(capsys, "--offline", code=3)["guardrails"][0]["problem"]


def test_the_plan_of_one_shard_is_of_its_workspaces(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    write(FILE.replace("role: edit}]", "role: view}]"))
    assert run(["plan", "prod-02", "--offline", "--format", "json"]) == 2
    shown = json.loads(capsys.readouterr().out)
    assert [change["workspace"] for change in shown["access"]["gained"]] == ["ops"]
    assert shown["guardrails"] == []
    assert "shards" not in shown


def test_states_out_of_a_folder(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    Path("states").mkdir()
    for stack, state in pulumi.states.items():
        Path(f"states/{stack}.json").write_text(json.dumps(state))
    assert reported(capsys, "--offline", "--state", "states", code=0)["shards"]["evaluated"] == ALL
    assert pulumi.calls == []
    Path("states/prod-02.json").unlink()
    assert reported(capsys, "--offline", "--state", "states", code=2)["workspaces"] == [
        {"workspace": "ops", "what": "made"}
    ]
    assert run(["plan", "prod", "--offline", "--state", "states/prod-00.json"]) == 1
    assert "is no folder, and prod is a fleet" in capsys.readouterr().err


def test_several_stacks_on_one_page(pulumi: FakeShards, capsys: pytest.CaptureFixture[str]) -> None:
    Path("stacks/world.yaml").write_text("stacks: [prod, single]\n")
    Path("stacks/single.yaml").write_text("workspaces: {pay: {grants: [{group: devs, role: view}]}}\n")
    assert run(["plan", "world", "--offline", "--format", "json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["errors"] == [{"path": "single", "problem": "no single"}]
    assert shown["shards"]["failed"] == ["single"]
    empty: dict[str, Any] = {"version": 3, "deployment": {"resources": []}}
    pulumi.states["single"] = empty
    write(FILE.replace("role: edit}]}", "role: view}]}"))
    assert run(["plan", "world", "--offline", "--format", "json"]) == 2
    shown = json.loads(capsys.readouterr().out)
    assert [(change["workspace"], change["role"]) for change in shown["access"]["gained"]] == [
        ("prod/lab", "view"),
        ("single/pay", "view"),
    ]
    assert shown["stack"] == "world"
    assert shown["shards"]["evaluated"] == [*ALL, "single"]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["prod", "--save", "x"], "save that of each shard"),
        (["prod", "--shard", "3"], "there is no shard 3: the shards are 0 to 2"),
        (["single", "--shard", "0"], "is of a fleet"),
        (["single", "--all"], "is of a fleet"),
    ],
)
def test_wrong_usage(pulumi: FakeShards, capsys: pytest.CaptureFixture[str], flags: list[str], text: str) -> None:
    Path("stacks/single.yaml").write_text("workspaces: {}\n")
    assert run(["plan", *flags]) == 64
    assert text in " ".join(capsys.readouterr().err.split())


def test_acknowledged_warnings_of_a_fleet_are_marked_once(
    pulumi: FakeShards, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = "{rule: grantEnding, reason: they leave, date: 2026-11-01}"
    write(f"acknowledge: [{entry}]\n" + FILE.replace("edit}]}\n", "edit, until: 2026-12-01}]}\n", 1))
    (warning,) = reported(capsys, "--offline", code=2)["warnings"]
    assert (warning["rule"], warning["acknowledged"]["reason"]) == ("grantEnding", "they leave")
    # Each shard logs it, and the files have it.
    problem = Problem(None, "", "ends", (), "grantEnding", ("lab",), warning=True)
    logged = {"severity": "warning", "message": encode(problem), "urn": ""}
    pulumi.answers = {name: Answer(0, json.dumps({"steps": [], "diagnostics": [logged]}), "") for name in ALL}
    (warning,) = reported(capsys, code=0)["warnings"]
    assert warning["acknowledged"]["reason"] == "they leave"


def test_an_acknowledgement_makes_no_shard_run(pulumi: FakeShards) -> None:
    fleet = find_fleet(Project.find(), "prod")
    assert fleet is not None

    def digests(text: str) -> dict[int, str]:
        write(text)
        inputs = shard_inputs(fleet, load_stack("stacks/prod.yaml"), cast("Guard", None), None)
        return {number: shard.digest for number, shard in inputs.items()}

    entry = "acknowledge: [{rule: grantEnding, reason: they leave, date: 2026-11-01}]"
    before = digests(FILE)
    assert digests(f"{entry}\n" + FILE.replace("  pay:\n", f"  pay:\n    {entry}\n")) == before
    assert digests(FILE.replace("ci: {role: edit", "ci: {role: view")) != before
