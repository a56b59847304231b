"""`ambient up` over a fleet in which single workspaces are refused; with a `pulumi` that plays what it is told."""

import json
from dataclasses import replace

import pytest

from ambient_components.access.entries import read_ledger
from ambient_components.cli.app import run
from ambient_components.errors import Problem, Where, refusal
from ambient_components.fleet.run import of_every_stack
from ambient_components.problem_json import encode
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.refusals import Rule
from tests.support.fake_pulumi import diagnostic as reported
from tests.support.fake_pulumi import ended, urn
from tests.support.fleet_runs import BINDING, ENTRY, LEDGER, NAMES, Fleet, summary, up


def refused(problem: Problem) -> dict[str, object]:
    """The event of a refusal by the ledger's check."""
    text = f"{LEDGER} resource 'access' has a problem: {encode(problem)}\n"
    return reported("error", text, urn(LEDGER, "access"))


NO = refused(
    refusal("namespace 'team-1' exists, and it was not made by this tool", rule=Rule.OWNERSHIP, workspaces=("team-1",))
)
WIDE = "group:system:authenticated has view, and that is everybody"
GOOD = ended("create", BINDING, "team-4/grant/user:b")


def rounds(fleet: Fleet) -> list[dict[str, list[str]]]:
    """What each run of shard 1 was told to exclude."""
    runs = [call for call in fleet.pulumi.calls("up") if "pid" in call and "prod-01" in call["words"]]
    return [json.loads(one["env"]["AMBIENT_EXCLUDE"] or "{}") for one in runs]


def test_a_guardrail_of_one_workspace_stops_it_alone_and_the_exit_code_says_so(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page knows of it before, and all others are deployed nevertheless."""
    entry = ENTRY.format(shard=1, more=", grants: [{group: 'system:authenticated'}]")
    fleet.write(team_1=entry)
    no = refused(refusal(f"workspace 'team-1': {WIDE}", "no", rule=Guardrail.PUBLIC_ACCESS, workspaces=("team-1",)))
    fleet.pulumi.play({"prod-01": [{"lines": [no], "code": 255}, {"lines": [GOOD]}]})
    assert up() == 3
    assert rounds(fleet) == [{}, {"team-1": ["ci"]}]
    shown = capsys.readouterr()
    assert f"prod-01: team-1: workspace 'team-1': {WIDE}" in shown.out
    assert "2 up to date, 1 failed" in shown.out
    assert "\nRefused: team-1 stays unchanged, and the rest would be deployed (1 to settle first).\n" in shown.out
    fleet.pulumi.forget()
    assert up("--all", "--shard", "0") == 0  # the exit code is of what was run


def test_a_guardrail_of_the_fleet_stops_all_of_it(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.write("defaults: {}\n")
    assert up() == 0
    fleet.pulumi.forget()
    for number in range(3):
        place = next(path for path in fleet.cluster.objects if path.endswith(f"-{number:02d}"))
        deployed = {name: closed() for name in NAMES[number::3]}
        data = replace(fleet.cluster.record(number), declared=read_ledger(deployed)).data()
        fleet.cluster.objects[place] = {**fleet.cluster.objects[place], "data": data}
    (fleet.folder / "stacks" / "prod.yaml").write_text(f"workspaces: {{team-0: {ENTRY.format(shard=0, more='')}}}\n")
    assert up() == 3
    assert fleet.pulumi.ran() == []
    assert "stays unchanged" not in capsys.readouterr().out


def closed() -> dict[str, object]:
    return {"state": "closed", "owners": [], "grants": {}, "keys": {}}


def test_what_stops_all_of_it() -> None:
    """A bucket that workspaces of two shards want names them, and no shard would refuse it by itself."""
    alone = refusal("group:x has view", rule=Guardrail.PUBLIC_ACCESS, workspaces=("pay",))
    several = refusal("8 of the 9 workspaces of this fleet leave the files", rule=Guardrail.MASS_REMOVAL)
    shared = refusal("bucket 'x' is the bucket of two", rule=Rule.SHARED_BUCKET, workspaces=("a", "b"))
    assert of_every_stack([alone], []) == []
    assert of_every_stack([alone, several], []) == [several]
    assert of_every_stack([alone, shared], [shared]) == [shared]
    assert of_every_stack([several], [several]) == [several]


def test_lines_of_a_program_are_a_refusal_each(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    """The engine names no resource where the program never came to one."""
    where = Where("stacks/prod.yaml", 3, 5)
    lines = [
        encode(Problem(where, f"workspaces.{name}.secrets.runner.KEY", "is not set", ("set it",), workspaces=(name,)))
        for name in ("team-1", "team-4")
    ]
    missing = reported("error", "\n".join(lines) + "\n")
    fleet.pulumi.play({"prod-01": [{"lines": [missing], "code": 255}, {}]})
    assert up() == 1
    assert rounds(fleet) == [{}, {"team-1": ["ci"], "team-4": []}]
    text = summary(capsys)
    assert "prod-01: team-1: stacks/prod.yaml:3:5" in text
    assert "prod-01: team-4: stacks/prod.yaml:3:5" in text


def test_what_is_revealed_later_is_excluded_as_well_and_what_stands_ends_it(fleet: Fleet) -> None:
    other = refused(refusal("generation 1 is behind the deployed 2", rule=Rule.GENERATION, workspaces=("team-4",)))
    both = {"team-1": ["ci"], "team-4": []}
    fleet.pulumi.play({"prod-01": [{"lines": [NO], "code": 255}, {"lines": [other], "code": 255}]})
    assert up() == 3
    # The third run is refused for what is excluded already: nothing more can be excluded.
    assert rounds(fleet) == [{}, {"team-1": ["ci"]}, both]
    assert fleet.cluster.record(1).done is None


def test_after_a_step_nothing_is_run_again(fleet: Fleet) -> None:
    begun = {"resourcePreEvent": {"metadata": {"op": "create", "type": BINDING, "urn": urn(BINDING, "team-4/x")}}}
    fleet.pulumi.play({"prod-01": [{"lines": [begun, NO], "code": 255}]})
    assert up() == 1
    assert rounds(fleet) == [{}]


def test_a_look_into_the_cluster_is_no_step(fleet: Fleet) -> None:
    looked = {"resourcePreEvent": {"metadata": {"op": "refresh", "type": BINDING, "urn": urn(BINDING, "team-4/x")}}}
    fleet.pulumi.play({"prod-01": [{"lines": [looked, NO], "code": 255}, {}]})
    assert up("--refresh") == 3
    assert rounds(fleet) == [{}, {"team-1": ["ci"]}]


def test_only_a_deployment_excludes(fleet: Fleet) -> None:
    fleet.pulumi.play({"prod-01": [{"lines": [NO], "code": 255}]})
    assert run(["refresh", "prod", "--yes"]) == 1
    assert fleet.pulumi.ran("refresh").count("prod-01") == 1
