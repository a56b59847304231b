"""A fleet of two shards on the real engine: one plan, guardrails over both, and verbs that read it as one stack."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ambient_components.access.fleet_guardrails import APPROVED_VARIABLE
from ambient_components.plan.document import plan_schema
from tests.support.json_schema import faults
from tests.support.ledgers import removals_digest
from tests.support.machine import Machine
from tests.support.shard import Shard

SCHEMA = plan_schema()
FILE = """\
workspaces:
  THIS-a: {shard: 0, protect: false, owners: [user:alice@example.com], grants: GRANTS, keys: {ci: {role: view}}}
  THIS-b: {shard: 0, protect: false, owners: [user:alice@example.com], grants: GRANTS}
  THIS-c: {shard: 1, protect: false, owners: [user:alice@example.com], grants: GRANTS, keys: {ci: {role: view}}}
"""
SHARDS = ("plans-00", "plans-01")


class Two(Shard):
    """Both shards; what a stack's helpers read is the first of them."""

    def __init__(self, machine: Machine, folder: Any) -> None:
        super().__init__(machine, "plans", folder)
        self._run("stack", "init", SHARDS[1])
        (folder / "stacks" / f"Pulumi.{SHARDS[1]}.yaml").unlink(missing_ok=True)
        self.config("shards", "2")

    def declare(self, *groups: str) -> None:
        grants = ", ".join(f"{{group: {name}}}" for name in ("devs", *groups))
        self.write(FILE.replace("GRANTS", f"[{grants}]"))

    def lose(self, *shards: str) -> None:
        first = self.name
        for self.name in shards:
            self.lose_state()
        self.name = first

    def accounts_of_keys(self) -> dict[str, list[str]]:
        """The uids of the keys' ServiceAccounts: one that is made again has another."""
        label = "serviceaccounts?labelSelector=app=ambient-access-key"
        listed = {name: self.machine.get(f"/api/v1/namespaces/{self.w}-{name}/{label}") for name in "abc"}
        return {name: [item["metadata"]["uid"] for item in (items or {})["items"]] for name, items in listed.items()}

    def deploy(self, shard: str) -> str:
        ended = self._run("up", "--yes", "--skip-preview", "--stack", shard)
        self.machine.outputs.append(ended.stdout + ended.stderr)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def reported(self, verb: str, *words: str, code: int = 0) -> dict[str, Any]:
        ended = self.ambient(*verb.split(), *words, "--format", "json")
        assert ended.code == code, ended.text
        found: dict[str, Any] = json.loads(ended.text[ended.text.index("{") :])
        return found

    def plan(self, *flags: str, code: int) -> dict[str, Any]:
        document = self.reported("plan", self.fleet, *flags, code=code)
        assert faults(document, SCHEMA, SCHEMA) == []
        return document


@pytest.fixture(scope="module")
def fleet(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    fleet = Two(machine, tmp_path_factory.mktemp("plans"))
    fleet.declare("g1", "g2", "g3")
    for shard in SHARDS:
        fleet.deploy(shard)
    yield fleet
    fleet.remove()


def test_one_plan_of_all_shards(fleet: Two) -> None:
    fleet.declare("g1", "g2", "g3")
    same = fleet.plan("--all", code=0)
    assert same["shards"] == {"count": 2, "evaluated": [*SHARDS], "skipped": [], "failed": []}
    fleet.declare("g1", "g2", "g3", "g4")
    online, offline = fleet.plan("--all", code=2), fleet.plan("--offline", code=2)
    gained = [(one["workspace"], one["subject"]) for one in online["access"]["gained"]]
    assert gained == [(f"{fleet.w}-{name}", "group:g4") for name in "abc"]
    for part in ("access", "workspaces", "keys", "other", "guardrails", "pending"):
        assert online[part] == offline[part], part
    assert online["totals"]["steps"]["create"] == 3
    one = fleet.reported("plan", SHARDS[1], "--offline", code=2)
    assert [each["workspace"] for each in one["access"]["gained"]] == [f"{fleet.w}-c"]


def test_what_leaves_counts_over_all_shards(fleet: Two) -> None:
    # Fifteen hold something. Three leave in the first shard and three in the second: each alone could not count more.
    fleet.declare("g1", "g2", "g3")
    text = (fleet.folder / "stacks/plans.yaml").read_text()
    lines = text.splitlines(keepends=True)
    lines[1] = lines[1].replace(", {group: g1}, {group: g2}, {group: g3}", "")
    lines[3] = lines[3].replace(", {group: g2}, {group: g3}", "")
    fleet.write("".join(lines))
    for how in ("--offline", "--all"):
        refused = fleet.plan(how, code=3)
        assert [one["rule"] for one in refused["guardrails"]] == ["massRemoval"], how
        assert (
            "5 of the 15 grants of this fleet end in this run, and 3 are the most"
            in refused["guardrails"][0]["problem"]
        )
    # By itself each shard may lose so much; where the fleet was judged, its own share does not count.
    lines[2] = lines[2].replace(", {group: g1}, {group: g2}, {group: g3}", "")
    fleet.write("".join(lines))
    alone = fleet.reported("plan", SHARDS[0], "--offline", code=3)
    assert "6 of the 10 grants of this stack end" in alone["guardrails"][0]["problem"]
    fleet.write("exceptions: [{guardrail: massRemoval, reason: x}]\n" + "".join(lines))
    allowed = fleet.plan("--all", code=2)
    assert len(allowed["access"]["lost"]) == 8


def test_the_provider_takes_the_fleets_word_for_one_change_alone(fleet: Two) -> None:
    fleet.declare("g1", "g2", "g3")
    before = fleet.ledger()
    fleet.declare()
    after = {name: {**entry, "grants": {"group:devs": "view"}} for name, entry in before.items()}
    refused = fleet.preview()
    assert "6 of the 10 grants of this stack end" in refused.text
    fleet.environment[APPROVED_VARIABLE] = removals_digest(before, after)
    assert fleet.preview().code == 0
    fleet.declare("g9")
    fleet.write(FILE.replace("GRANTS", "[]"))
    assert "8 of the 10 grants of this stack end" in fleet.preview().text
    del fleet.environment[APPROVED_VARIABLE]


def test_a_fleet_is_read_as_one_stack(fleet: Two) -> None:
    fleet.declare("g1", "g2", "g3")
    names = [f"{fleet.w}-{name}" for name in "abc"]
    assert [one["name"] for one in fleet.reported("show", fleet.fleet)["workspaces"]] == names
    from_state = fleet.reported("access", fleet.fleet)["access"]
    assert sorted({one["workspace"] for one in from_state}) == names
    assert fleet.reported("access", fleet.fleet, "--files")["access"] == from_state
    live = fleet.reported("access", fleet.fleet, "--live")
    assert sorted({one["workspace"] for one in live["access"]}) == names
    for name, shard in ((names[0], SHARDS[0]), (names[2], SHARDS[1])):
        shown = fleet.ambient("keys", "show", fleet.fleet, f"{name}/ci", "--quiet")
        token = fleet._run("stack", "output", f"{name}/ci", "--show-secrets", "--stack", shard).stdout.strip()
        fleet.machine.keep_secret(token, f"token of {name}/ci")
        assert shown.ok().text.strip() == token
        fleet.machine.outputs.pop()  # it was asked for
    before = fleet.resource("AccessToken", f"{names[0]}/key/ci/g1")
    rotated = fleet.ambient("keys", "rotate", fleet.fleet, f"{names[2]}/ci", "--leaked", "--now")
    assert rotated.code == 0, rotated.text
    again = fleet._run("stack", "output", f"{names[2]}/ci", "--show-secrets", "--stack", SHARDS[1]).stdout.strip()
    fleet.machine.keep_secret(again, "the rotated token")
    assert again != token
    assert fleet.resource("AccessToken", f"{names[0]}/key/ci/g1") == before


def test_a_lost_state_ends_no_key(fleet: Two) -> None:
    path = fleet.folder / "stacks/plans.yaml"
    file, before = path.read_text(), fleet.accounts_of_keys()
    assert [len(accounts) for accounts in before.values()] == [1, 0, 1]
    for lost in (SHARDS[1:], SHARDS):
        fleet.lose(*lost)
        for _ in range(2):  # a refusal is no proof that the accounts are of an interrupted run
            up = fleet.ambient("up", fleet.fleet, "--yes", "--all")  # an imported state keeps its time
            up.refused("this stack has no record of them", "adopt plans --keys")
            assert fleet.accounts_of_keys() == before
        fleet.ambient("adopt", fleet.fleet, "--keys").ok()
        fleet.ambient("up", fleet.fleet, "--yes").ok()
        assert fleet.accounts_of_keys() == before
        fleet.ambient("adopt", fleet.fleet, "--keys").ok()
        assert path.read_text() == file
        fleet.ambient("up", fleet.fleet, "--yes").ok()
    # Another shard that takes a workspace over has its state.
    path.write_text(file.replace("-c: {shard: 1", "-c: {shard: 0"))
    fleet.ambient("reshard", fleet.fleet, "--yes").ok()
    assert "this run ends them" not in fleet.ambient("up", fleet.fleet, "--yes").ok().text
    assert fleet.accounts_of_keys() == before
