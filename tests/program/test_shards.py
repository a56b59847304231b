"""A fleet in shards: each stack declares its part of the one file, and needs nothing that only others need."""

import json

import pulumi
import pytest
import yaml

from ambient_components.program import workspaces as stack_program
from ambient_components.shards.names import home
from ambient_components.shards.records import record_name
from tests.program.conftest import CLUSTER
from tests.support.fake_engine import flat
from tests.support.recorder import PROJECT, Recorder
from tests.support.registrations import Recording

NAMES = [f"team-{number}" for number in range(12)]
FILE = "workspaces:\n" + "".join(f"  {name}: {{}}\n" for name in NAMES)
OWNER = f"{PROJECT}/prod"


@pytest.fixture
def shard(run_fleet):
    """Runs the program of a stack, with the file of the fleet `prod`."""

    def shard(stack: str, text: str = FILE, *, shards: str | None = "4", preview: bool = False, **config) -> Recording:
        (run_fleet.folder / "stacks/prod.yaml").write_text(text)
        reported = {} if shards is None else {"shards": shards}
        shard.last = Recorder({**CLUSTER, **reported, **config}, stack=stack, preview=preview)
        shard.last.write_files()
        return shard.last.run(stack_program.run)

    def refusal(stack: str, text: str = FILE, **surroundings) -> list[str]:
        with pytest.raises(pulumi.RunError) as caught:
            shard(stack, text, **surroundings)
        assert list(shard.last.last) == []
        return flat(str(caught.value)).splitlines()

    shard.refusal = refusal
    return shard


def ledger(recording):
    (found,) = recording.of("AccessLedger")
    return found.inputs


def workspaces(recording):
    return recording.names("Workspace")


def test_every_workspace_is_declared_by_one_shard(shard):
    seen = []
    for number in range(4):
        recording = shard(f"prod-{number:02d}")
        own = sorted(ledger(recording)["workspaces"])
        assert own == [name for name in sorted(NAMES) if home(name, 4) == number]
        assert len(workspaces(recording)) == len(own)
        seen += own
    assert sorted(seen) == sorted(NAMES)


def test_a_shard_belongs_to_the_fleet_and_has_a_record(shard):
    for number in (0, 3):
        recording = shard(f"prod-{number:02d}", platformNamespace="acp")
        inputs = ledger(recording)
        assert inputs["owner"] == OWNER
        assert inputs["record"] == f"acp/{record_name(OWNER, number)}"
        assert f"{PROJECT}/prod-" not in str([one.inputs for one in recording])


def test_the_record_is_in_the_platforms_namespace(shard):
    assert ledger(shard("prod-01"))["record"].startswith("ambient-code/ambient-components-")


def test_a_plain_stack_has_no_record_and_its_own_name(shard):
    inputs = ledger(shard("prod", shards=None))
    assert inputs["owner"] == OWNER
    assert "record" not in inputs
    assert sorted(inputs["workspaces"]) == sorted(NAMES)


def test_a_pin_decides(shard):
    text = "workspaces:\n  team-0: {shard: 2}\n  team-1: {shard: 2}\n  team-2: {shard: 0}\n"
    assert sorted(ledger(shard("prod-02", text))["workspaces"]) == ["team-0", "team-1"]
    assert ledger(shard("prod-03", text))["workspaces"] == {}


def test_a_plain_stack_may_have_pins(shard):
    assert "team-0" in ledger(shard("prod", "workspaces: {team-0: {shard: 7}}", shards=None))["workspaces"]


SECRETS = """\
workspaces:
  pay:
    shard: 0
    secrets: {integrations: {TOKEN: {env: PAY_NOT_SET_HERE}}}
  dev: {shard: 1}
"""


def test_secrets_of_other_shards_are_not_needed(shard):
    assert list(ledger(shard("prod-01", SECRETS))["workspaces"]) == ["dev"]
    (line,) = shard.refusal("prod-00", SECRETS)
    assert "the environment variable 'PAY_NOT_SET_HERE' is not set" in line


def test_a_command_that_sets_a_secret_names_the_config_of_the_fleet(shard):
    """Without it Pulumi would make the shard a config of its own, with another salt."""
    text = "workspaces: {pay: {shard: 1, secrets: {integrations: {TOKEN: {config: pay/token}}}}}"
    for shards, flags in (("4", "--stack prod-01 --config-file stacks/Pulumi.prod.yaml"), (None, "--stack prod")):
        (line,) = shard.refusal("prod-01" if shards else "prod", text, shards=shards)
        assert line.endswith(f"set it: pulumi config set --secret pay/token {flags}")


def test_a_command_names_the_config_of_the_fleet_in_the_folder_of_configs(run_fleet):
    (run_fleet.folder / "stacks/prod.yaml").write_text("workspaces: {}")
    recorder = Recorder({**CLUSTER, "shards": "4"}, stack="prod")
    recorder.write_files()
    for settings, file in (("stackConfigDir: conf", "conf/Pulumi.prod.yaml"), ("runtime: python", "Pulumi.prod.yaml")):
        (run_fleet.folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\n{settings}\n")
        with pytest.raises(pulumi.RunError, match=rf"--config-file {file}$"):
            recorder.run(stack_program.run)


@pytest.mark.parametrize(("written", "refused"), [("hunter2", True), ({"secure": "v1:x"}, False)])
def test_a_secret_key_in_plain_text_is_found_in_the_config_of_the_fleet(run_fleet, written, refused):
    store = {"endpoint": "https://s3.example.com", "accessKey": "key", "secretKey": "hunter2"}
    config = {"config": {f"{PROJECT}:objectStore": {**store, "secretKey": written}}}
    (run_fleet.folder / "stacks/Pulumi.prod.yaml").write_text(yaml.safe_dump(config))
    (run_fleet.folder / "stacks/prod.yaml").write_text("workspaces: {}")
    recorder = Recorder({**CLUSTER, "shards": "4"}, {"objectStore": json.dumps(store)}, stack="prod-01")
    recorder.write_files()  # a config of the shard's own says nothing: it is run with that of its fleet
    if refused:
        with pytest.raises(pulumi.RunError, match="is in the stack's config in plain text"):
            recorder.run(stack_program.run)
    else:
        recorder.run(stack_program.run)


def test_only_its_own_workspaces_are_warned_of(shard):
    text = "workspaces: {pay: {shard: 0}, pay-2: {shard: 1}}"
    assert [
        [name for name in ("pay", "pay-2") if any(f"workspaces.{name}:" in line for line in recording.warnings)]
        for recording in (shard("prod-00", text), shard("prod-01", text))
    ] == [["pay"], ["pay-2"]]


def test_what_only_the_config_refuses_stops_its_own_shard_alone(shard):
    text = "workspaces: {acp: {shard: 0}, dev: {shard: 1}}"
    assert list(ledger(shard("prod-01", text, platformNamespace="acp"))["workspaces"]) == ["dev"]
    (line,) = shard.refusal("prod-00", text, platformNamespace="acp")
    assert "is the platform's own namespace" in line


def test_a_file_that_is_wrong_stops_every_shard(shard):
    """Who reads half of a file can't tell what was meant to vanish."""
    text = "workspaces: {pay: {shard: 0, rolle: view}, dev: {shard: 1}}"
    for stack in ("prod-00", "prod-01"):
        (line,) = shard.refusal(stack, text)
        assert "'rolle' is not a field" in line


def test_a_shard_that_does_not_exist_stops_every_shard(shard):
    text = "workspaces:\n  pay: {shard: 4}\n  dev: {shard: 1}\n"
    for stack in ("prod-00", "prod-01"):
        assert shard.refusal(stack, text) == [
            "stacks/prod.yaml:2:16: workspaces.pay.shard: there is no shard 4; allowed: 0 to 3, as the stack's config "
            "has shards: 4; or leave it out"
        ]


def test_the_fleet_itself_is_no_stack(shard):
    assert shard.refusal("prod") == [
        "shards: the config divides 'prod' into shards (4), and the stack itself is none of them; run all of them: "
        "ambient up prod, or one: pulumi up --stack prod-00 --config-file stacks/Pulumi.prod.yaml"
    ]


def test_the_fleet_itself_is_refused_before_anything_else_is_asked(shard):
    assert len(shard.refusal("prod", SECRETS)) == 1


def test_a_stack_beyond_the_last_shard_is_refused(shard):
    (line,) = shard.refusal("prod-04")
    assert line.startswith("shards: stack 'prod-04' is beyond the last of the fleet's shards (4), which is 'prod-03'; ")


@pytest.mark.parametrize("count", ["0", "many", "-1", "1000"])
def test_what_is_no_number_of_shards_is_refused(shard, count):
    assert shard.refusal("prod-00", shards=count) == [f"shards: {count!r} is no number of shards; allowed: 1 to 999"]


def test_a_shard_without_the_config_of_its_fleet_is_refused(shard):
    assert shard.refusal("prod-01", shards=None) == [
        "stacks/prod-01.yaml: there is no such file; if 'prod-01' is a shard of 'prod' (stacks/prod-01.yaml does not "
        "exist), it needs the config of its fleet: pulumi up --stack prod-01 --config-file stacks/Pulumi.prod.yaml"
    ]


def test_a_file_of_stacks_is_run_by_nobody_but_ambient(shard):
    assert shard.refusal("prod", "stacks: [prod-eu, prod-us]", shards=None) == [
        "stacks/prod.yaml: stacks: names stacks, and is none itself; run them: ambient up prod, or prod-eu, prod-us"
    ]


def test_a_shard_knows_what_the_others_have(shard):
    """What left it for another one by a new number of shards: the ledger must not take it for deleted."""
    for number in range(4):
        inputs = ledger(shard(f"prod-{number:02d}"))
        assert sorted([*inputs["moved"], *inputs["workspaces"]]) == sorted(NAMES)
    assert "moved" not in ledger(shard("prod", shards=None))


def test_a_shard_refuses_what_breaks_a_test_in_its_own_workspaces(shard):
    text = "accessTests: {never: [{who: 'user:bob', role: admin}]}\nworkspaces:\n"
    text += (
        "  hub: {shard: 0, grants: [{user: bob, role: edit}]}\n  pay: {shard: 1, owners: [serviceaccount:hub:bot]}\n"
    )
    assert ledger(shard("prod-00", text))["workspaces"].keys() == {"hub"}
    (line,) = shard.refusal("prod-01", text)
    assert "user:bob has edit in hub -> account -> admin in pay" in line
