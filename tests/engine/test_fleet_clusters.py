"""A fleet in one cluster and a plain stack in another, of one kubeconfig, with a workspace of one name."""

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sandbox.toolchain import Toolchain
from tests.support.machine import Machine, started
from tests.support.stacks import REPOSITORY, Stack, copy_project


@pytest.fixture(scope="module")
def other(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A second API server."""
    with started(tmp_path_factory.mktemp("other"), toolchain) as machine:
        yield machine


class World(Stack):
    """Both, and the file that lists them."""

    def __init__(self, eu: Machine, us: Machine, folder: Path) -> None:
        self.machine, self.us, self.name, self.folder = eu, us, f"world-{secrets.token_hex(2)}", folder
        self.w = f"w{secrets.token_hex(4)}"
        (folder / "stacks").mkdir()
        copy_project(folder)
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(_both({"eu": eu, "us": us})))
        kubeconfig.chmod(0o600)
        more = {"PULUMI_OPTION_COLOR": "never", "PYTHONPATH": str(REPOSITORY), "KUBECONFIG": str(kubeconfig)}
        self.environment = eu.environment | more
        self.write_file(self.name, f"stacks: [{self.name}-eu, {self.name}-us]\n")
        for cluster, machine, flags in (("eu", eu, ("--shards", "1")), ("us", us, ())):
            stack = f"{self.name}-{cluster}"
            self.write_file(
                stack, f"workspaces:\n  {self.w}: {{protect: false, owners: ['user:{cluster}@example.com']}}\n"
            )
            self.ambient(
                "init", stack, *flags, "--yes", "--secrets-provider", "passphrase", "--context", cluster,
                "--cluster-uid", machine.cluster.uid, "--no-openshift",
            ).ok()  # fmt: skip
            if machine.get("/api/v1/namespaces/ambient-code") is None:
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ambient-code"}}
                machine.create("/api/v1/namespaces", body)

    def write_file(self, name: str, text: str) -> None:
        (self.folder / "stacks" / f"{name}.yaml").write_text(text)

    def run(self, *words: str) -> tuple[int, list[dict[str, object]]]:
        """A verb on both, in JSON: exit code, and what it printed."""
        done = subprocess.run(
            [str(REPOSITORY / ".venv" / "bin" / "ambient"), *words, "--format", "json"],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        self.machine.outputs.append(done.stdout + done.stderr)
        assert done.stdout, done.stderr
        lines = [done.stdout] if words[0] == "plan" else done.stdout.splitlines()
        return done.returncode, [json.loads(line) for line in lines]


def _both(machines: dict[str, Machine]) -> dict[str, object]:
    """One kubeconfig with a context for each."""
    found: dict[str, list[object]] = {"clusters": [], "users": [], "contexts": []}
    for name, machine in machines.items():
        own = yaml.safe_load(machine.cluster.kubeconfig.read_text())
        found["clusters"].append({**own["clusters"][0], "name": name})
        found["users"].append({**own["users"][0], "name": name})
        found["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    return {"apiVersion": "v1", "kind": "Config", "current-context": "eu", **found}


def owners(machine: Machine, workspace: str) -> list[str]:
    listed = machine.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{workspace}/rolebindings") or {"items": []}
    ours = [item for item in listed["items"] if item["metadata"]["name"].startswith("ambient-admin-")]
    return [subject["name"] for item in ours for subject in item["subjects"]]


def records(machine: Machine, stack: str) -> int:
    listed = machine.get("/api/v1/namespaces/ambient-code/configmaps") or {"items": []}
    notes = [item["metadata"].get("annotations") or {} for item in listed["items"]]
    return sum(note.get("ambient-components/stack", "").startswith(stack) for note in notes)


@pytest.fixture
def world(machine: Machine, other: Machine, tmp_path: Path) -> Iterator[World]:
    found = World(machine, other, tmp_path)
    yield found
    found.remove()


@pytest.mark.slow
def test_two_clusters_are_run_together_and_told_apart(world: World) -> None:
    eu, us = f"{world.name}-eu", f"{world.name}-us"
    code, (page,) = world.run("plan", world.name, "--offline", "--all")
    assert code == 2, page
    assert [one["workspace"] for one in page["workspaces"]] == [f"{eu}/{world.w}", f"{us}/{world.w}"]  # type: ignore[attr-defined]

    code, received = world.run("up", world.name, "--yes")
    assert code == 0, received
    assert {one["shard"]: one["result"] for one in received[:-1]} == {f"{eu}-00": "done", us: "done"}
    assert owners(world.machine, world.w) == ["eu@example.com"]
    assert owners(world.us, world.w) == ["us@example.com"]
    assert (records(world.machine, world.name), records(world.us, world.name)) == (1, 0)

    code, received = world.run("up", world.name, "--yes")
    assert code == 0, received
    assert {one["shard"]: one["result"] for one in received[:-1]} == {f"{eu}-00": "skipped", us: "done"}
    assert received[-1]["created"] == 0

    code, received = world.run("destroy", world.name, "--confirm", world.name)
    assert code == 0, received
    assert owners(world.machine, world.w) == owners(world.us, world.w) == []
    assert records(world.machine, world.name) == 0
