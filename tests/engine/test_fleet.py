"""A fleet of three shards on the real engine: up, skipped, one changed, bad workspaces, Ctrl-C, a dead run's lock."""

import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ambient_components.shards.records import Record, record_name
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY, Result, Stack, copy_project

ENTRY = "{protect: false, owners: ['user:alice@example.com'], shard: %d, keys: {ci: {}}%s}"


class Fleet(Stack):
    """A fleet as `ambient init` makes it, six workspaces in three shards."""

    def __init__(self, machine: Machine, name: str, folder: Path) -> None:
        self.machine, self.name, self.folder = machine, name, folder
        self.w = f"w{secrets.token_hex(4)}"
        self.environment = machine.environment | {"PULUMI_OPTION_COLOR": "never", "PYTHONPATH": str(REPOSITORY)}
        (folder / "stacks").mkdir()
        copy_project(folder)
        self.declare()
        self.ambient(
            "init", name, "--shards", "3", "--yes", "--secrets-provider", "passphrase", "--cluster-uid",
            machine.cluster.uid, "--no-openshift",
        ).ok()  # fmt: skip
        if machine.get("/api/v1/namespaces/ambient-code") is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ambient-code"}}
            machine.create("/api/v1/namespaces", body)

    def declare(self, more: dict[int, str] | None = None, extra: str = "") -> None:
        """The six, with more in the entries of some of them, and further ones."""
        lines = [f"  {self.w}-{one}: {ENTRY % (one % 3, (more or {}).get(one, ''))}" for one in range(6)]
        text = "\n".join(["workspaces:", *lines, extra])
        (self.folder / "stacks" / f"{self.name}.yaml").write_text(text)

    def up_json(self, *flags: str) -> tuple[int, dict[str, dict[str, Any]], dict[str, Any]]:
        """`ambient up --format json`: exit code, shards by number, summary."""
        done = subprocess.run(
            [str(REPOSITORY / ".venv" / "bin" / "ambient"), "up", self.name, "--yes", "--format", "json", *flags],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        self.machine.outputs.append(done.stdout + done.stderr)
        assert done.stdout, done.stderr
        *shards, last = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, {one["shard"][-2:]: one for one in shards}, last

    def shard(self, number: int, *words: str) -> Result:
        """A command of the CLI on one shard."""
        name = f"{self.name}-{number:02d}"
        ended = self._run(*words, "--stack", name)
        return Result(ended.returncode, ended.stdout + ended.stderr)

    def bindings_path(self, one: int) -> str:
        """The API path of a workspace's RoleBindings."""
        return f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.w}-{one}/rolebindings"

    def bindings(self, one: int) -> list[dict[str, Any]]:
        """A workspace's RoleBindings, by name."""
        return (self.machine.get(self.bindings_path(one)) or {"items": []})["items"]

    def there(self, one: int) -> bool:
        """Whether a workspace's owner has his access."""
        return any(item["metadata"]["name"].startswith("ambient-admin-") for item in self.bindings(one))

    def record_path(self, number: int) -> str:
        """The API path of a shard's run record."""
        name = record_name(f"ambient-components/{self.name}", number)
        return f"/api/v1/namespaces/ambient-code/configmaps/{name}"

    def runs(self) -> dict[int, str]:
        """The id of the last successful run of each shard."""
        records = [Record.parse((self.machine.get(self.record_path(one)) or {}).get("data")) for one in range(3)]
        return {number: record.done.id if record.done else "" for number, record in enumerate(records)}

    def forget_declared(self, number: int) -> None:
        """Somebody takes what a shard's last run declared out of its record."""
        body = json.dumps({"data": {"declared": None, "declared.gz": None}}).encode()
        self.machine.admin().request("PATCH", self.record_path(number), body, "application/merge-patch+json")


@pytest.fixture
def fleet(machine: Machine, tmp_path: Path) -> Iterator[Fleet]:
    found = Fleet(machine, f"fleet-{secrets.token_hex(2)}", tmp_path)
    yield found
    found.remove()


def results(shards: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {number: one["result"] for number, one in sorted(shards.items())}


def test_a_fleets_life(fleet: Fleet) -> None:
    code, shards, last = fleet.up_json()
    assert (code, results(shards)) == (0, {"00": "done", "01": "done", "02": "done"}), shards
    assert last["issued"] == 6
    assert all(map(fleet.there, range(6)))

    code, shards, last = fleet.up_json()
    assert (code, set(results(shards).values())) == (0, {"skipped"}), shards
    assert last["created"] + last["updated"] == 0

    fleet.declare({4: ", grants: [{user: bob@example.com}]"})
    code, shards, last = fleet.up_json()
    assert (code, results(shards)) == (0, {"00": "skipped", "01": "done", "02": "skipped"}), shards
    assert (shards["01"]["why"], last["created"]) == ("its inputs changed", 1)

    # A namespace that is somebody else's keeps its own workspace out; an object that is refused fails its own line.
    fleet.machine.create(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{fleet.w}-x"}}
    )
    full = fleet.machine.fill(f"{fleet.w}-5", "configmaps", 1)
    flags = ", settings: {featureFlags: {jira-write: true}}"
    fleet.declare({3: ", grants: [{user: bob@example.com}]", 5: flags, 2: flags}, f"  {fleet.w}-x: {ENTRY % (0, '')}")
    code, shards, last = fleet.up_json()
    assert (code, results(shards)) == (3, {"00": "failed", "01": "done", "02": "failed"}), shards
    assert last["failedWorkspaces"] == sorted([f"{fleet.w}-5", f"{fleet.w}-x"]), shards
    assert shards["00"]["created"] == 1  # bob's grant in the same shard
    assert shards["02"]["created"] >= 1  # the flags of the other workspace
    assert "was not made by this tool" in shards["00"]["errors"][0]["problem"]
    fleet.machine.delete(full)
    fleet.declare({3: ", grants: [{user: bob@example.com}]", 5: flags, 2: flags})
    code, shards, last = fleet.up_json()
    assert code == 0, shards
    assert fleet.up_json("--all")[2]["created"] == 0

    assert fleet.ambient("refresh", fleet.name, "--yes").code == 0
    assert set(results(fleet.up_json()[1]).values()) == {"skipped"}

    # With --refresh a shard is run where others changed something. What is in no file is told, and stays.
    before = fleet.runs()
    code, shards, _ = fleet.up_json("--refresh")
    assert (code, set(results(shards).values()), fleet.runs()) == (0, {"done"}, before), shards
    owner, *_ = fleet.bindings(1)
    fleet.machine.delete(f"{fleet.bindings_path(1)}/{owner['metadata']['name']}")
    stranger = {"name": "by-hand", "labels": {"app": "ambient-permission"}}
    fleet.machine.create(fleet.bindings_path(2), {**owner, "metadata": stranger})
    code, shards, last = fleet.up_json("--refresh")
    assert (code, last["created"], fleet.there(1)) == (0, 1, True), shards
    assert [one for one, run in fleet.runs().items() if run != before[one]] == [1]
    told = {one["rule"]: one["hints"] for one in shards["01"]["warnings"]}  # also those of the files
    assert told["missingAccess"] == ["this run has repaired it"]
    (warning,) = shards["02"]["warnings"]
    assert (warning["rule"], warning["workspaces"]) == ("undeclaredAccess", [f"{fleet.w}-2"])
    assert any(one["metadata"]["name"] == "by-hand" for one in fleet.bindings(2))
    fleet.machine.delete(f"{fleet.bindings_path(2)}/by-hand")
    assert set(results(fleet.up_json()[1]).values()) == {"skipped"}
    # So is one whose run record somebody has changed.
    before = fleet.runs()
    fleet.forget_declared(0)
    assert fleet.up_json("--refresh")[0] == 0
    assert [one for one, run in fleet.runs().items() if run != before[one]] == [0]

    refused = fleet.ambient("destroy", fleet.name, "--confirm", fleet.name)
    assert refused.code == 3, refused.text
    assert "6 workspaces would be deleted" in refused.text
    path = fleet.folder / "stacks" / f"{fleet.name}.yaml"
    allowed = "exceptions: [{guardrail: massRemoval, reason: the test ends}]\n"
    path.write_text(allowed + path.read_text())
    assert fleet.up_json()[0] == 0
    gone = fleet.ambient("destroy", fleet.name, "--confirm", fleet.name)
    assert gone.code == 0, gone.text
    assert "objects: " in gone.text
    assert not any(map(fleet.there, range(6)))


def test_an_interrupt_and_a_death_are_made_good_by_the_next_run(fleet: Fleet) -> None:
    ambient = [str(REPOSITORY / ".venv" / "bin" / "ambient"), "up", fleet.name, "--yes", "--jobs", "2"]
    process = subprocess.Popen(
        ambient, cwd=fleet.folder, env=fleet.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        fleet.machine.until(lambda: any(map(fleet.there, range(6))), "something is made", seconds=120)
        os.killpg(process.pid, signal.SIGINT)
        text = process.communicate(timeout=120)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    fleet.machine.outputs.append(text)
    assert process.returncode == 130, text
    assert "interrupted" in text
    for number in range(3):  # no lock, nothing half-made
        exported = json.loads(fleet.shard(number, "stack", "export").ok().text)
        assert not exported["deployment"].get("pending_operations")

    # An engine dies in the shard that starts last: the interrupted run can't have finished it.
    fleet.environment["PULUMI_SKIP_UPDATE_CHECK"] = "true"
    dead = subprocess.Popen(
        [shutil.which("pulumi", path=fleet.environment["PATH"]) or "pulumi", "up", "--yes", "--skip-preview",
         "--non-interactive", "--stack", f"{fleet.name}-02", "--config-file",
         str(fleet.folder / "stacks" / f"Pulumi.{fleet.name}.yaml")],
        cwd=fleet.folder, env=fleet.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    locks = fleet.machine.directory / "state" / ".pulumi" / "locks"
    try:
        fleet.machine.until(
            lambda: any(f"{fleet.name}-02" in str(one) for one in locks.rglob("*.json")), "it is locked", seconds=60
        )
    finally:
        os.killpg(dead.pid, signal.SIGKILL)
        dead.wait(timeout=30)
    received = fleet.ambient("up", fleet.name, "--yes")
    assert received.code == 1, received.text
    assert f"process {dead.pid}" in received.text
    assert f"which is dead: pulumi cancel --stack {fleet.name}-02 --yes" in received.text
    fleet.shard(2, "cancel", "--yes").ok()
    code, shards, _ = fleet.up_json()
    assert (code, results(shards)) == (0, {"00": "skipped", "01": "skipped", "02": "done"}), shards
    assert all(map(fleet.there, range(6)))
    assert fleet.up_json("--all")[2]["created"] == 0
