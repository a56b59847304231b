"""A fleet on several machines: state in a bucket, a checkout each; and workspaces that move between its shards."""

import itertools
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ambient_components.shards.names import home
from sandbox.signed import REGION
from sandbox.store import Store
from tests.support.killed_runs import killable
from tests.support.machine import Machine
from tests.support.stacks import PATIENCE, REPOSITORY, Result, copy_project
from tests.support.store import s3

pytestmark = pytest.mark.slow

DIES_BEFORE_THE_SECOND_IMPORT = """\
#!/bin/sh
if [ "$1 $2" = "stack import" ]; then
  echo >> "$IMPORTS"
  if [ "$(wc -l < "$IMPORTS")" -eq 2 ]; then kill -9 "$PPID"; exit 1; fi
fi
exec "$PULUMI" "$@"
"""


class Checkout:
    """A folder with the project, as a machine of its own would have it."""

    def __init__(self, machine: Machine, environment: dict[str, str], folder: Path, fleet: str) -> None:
        self.machine, self.environment, self.folder, self.fleet = machine, environment, folder, fleet
        (folder / "stacks").mkdir(parents=True, exist_ok=True)
        copy_project(folder)

    def again(self, folder: Path) -> "Checkout":
        """The same revision on another machine."""
        other = Checkout(self.machine, self.environment, folder, self.fleet)
        shutil.copytree(self.folder / "stacks", folder / "stacks", dirs_exist_ok=True)
        return other

    def write(self, entries: dict[str, dict[str, Any]]) -> None:
        text = json.dumps({"workspaces": {name: {"protect": False, **entry} for name, entry in entries.items()}})
        (self.folder / "stacks" / f"{self.fleet}.yaml").write_text(text)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            list(words), cwd=self.folder, env=self.environment | environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def end(self, process: subprocess.Popen[str]) -> Result:
        text, _ = process.communicate(timeout=PATIENCE)
        self.machine.outputs.append(text)
        return Result(process.returncode, text)

    def pulumi(self, *words: str) -> Result:
        return self.end(self.start("pulumi", *words, "--non-interactive"))

    def ambient(self, *words: str, **environment: str) -> Result:
        return self.end(self.start(str(REPOSITORY / ".venv/bin/ambient"), *words, **environment))

    def shard(self, verb: str, number: int, *flags: str) -> subprocess.Popen[str]:
        where = ("--stack", f"{self.fleet}-{number:02d}", "--config-file", f"stacks/Pulumi.{self.fleet}.yaml")
        return self.start("pulumi", verb, "--non-interactive", *where, *flags)

    def unchanged(self, count: int) -> None:
        """No shard would do anything, by the engine's own word."""
        for number in range(count):
            self.end(self.shard("preview", number, "--expect-no-changes")).ok()


@pytest.fixture
def first(machine: Machine, store: Store, tmp_path: Path) -> Iterator[Checkout]:
    """The first machine's checkout, with a plain stack that is only made; its namespaces go when the test ends."""
    fleet, client = f"fm{secrets.token_hex(3)}", s3(store)
    client.create_bucket(Bucket=fleet)
    environment = machine.environment | {
        "PULUMI_BACKEND_URL": f"s3://{fleet}?endpoint={store.endpoint}&s3ForcePathStyle=true&region={REGION}",
        "AWS_ACCESS_KEY_ID": store.access_key,
        "AWS_SECRET_ACCESS_KEY": store.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PULUMI_OPTION_COLOR": "never",
        "PYTHONPATH": str(REPOSITORY),
        "NO_PROXY": "127.0.0.1",
    }
    checkout = Checkout(machine, environment, tmp_path / "first", fleet)
    checkout.pulumi("stack", "init", fleet).ok()
    checkout.pulumi("config", "set", "clusterUid", machine.cluster.uid, "--stack", fleet).ok()
    yield checkout
    for namespace in machine.admin().request("GET", "/api/v1/namespaces")["items"]:
        if namespace["metadata"]["name"].startswith(fleet):
            machine.delete(f"/api/v1/namespaces/{namespace['metadata']['name']}")


def named(fleet: str, *homes: int) -> str:
    """A workspace that belongs to these shards while there are one, two, three … of them."""
    names = (f"{fleet}-{number}" for number in itertools.count())
    return next(name for name in names if all(home(name, count) == at for count, at in enumerate(homes, start=1)))


def test_machines_share_a_fleet_and_its_workspaces_move(
    machine: Machine, store: Store, first: Checkout, tmp_path: Path
) -> None:
    fleet = first.fleet
    stays, moves, pinned = named(fleet, 0, 0, 0), named(fleet, 0, 0, 2), named(fleet, 0, 1, 1)
    entries: dict[str, dict[str, Any]] = {
        stays: {"grants": [{"user": "bob@example.com"}]},
        moves: {"keys": {"ci": {"role": "view"}}},
        pinned: {"grants": [{"user": "eve@example.com"}]},
    }
    first.write(entries)
    first.pulumi("up", "--yes", "--skip-preview", "--stack", fleet).ok()

    def uids() -> dict[str, str]:
        found = {name: machine.get(f"/api/v1/namespaces/{name}") for name in entries}
        return {name: one["metadata"]["uid"] for name, one in found.items() if one}

    def token(stack: str) -> str:
        shown = first.start("pulumi", "stack", "output", f"{moves}/ci", "--show-secrets", "--stack", stack)
        return machine.keep_secret(shown.communicate(timeout=PATIENCE)[0].strip(), "token of ci")

    made, key = uids(), token(fleet)
    assert len(made) == 3

    # The plain stack becomes a fleet of two; nothing is to do for either of them.
    first.ambient("reshard", fleet, "--shards", "2", "--yes", "--remove-empty").ok()
    first.unchanged(2)

    # Two machines deploy a change side by side; a third finds nothing to do.
    entries[stays]["grants"].append({"user": "carol@example.com", "role": "edit"})
    entries[pinned]["grants"].append({"user": "carol@example.com", "role": "edit"})
    first.write(entries)
    second = first.again(tmp_path / "second")
    flags = ("--yes", "--skip-preview")
    running = [(one, one.shard("up", number, *flags)) for number, one in enumerate((first, second))]
    for one, process in running:
        assert "1 created" in one.end(process).ok().text
    third = second.again(tmp_path / "third")
    third.unchanged(2)

    # A third shard, and a pin; killed between the two states of the first move.
    entries[pinned]["shard"] = 2
    first.write(entries)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pulumi").write_text(DIES_BEFORE_THE_SECOND_IMPORT)
    (programs / "pulumi").chmod(0o755)
    real = shutil.which("pulumi", path=first.environment["PATH"]) or ""
    dying = {"PATH": f"{programs}{os.pathsep}{first.environment['PATH']}", "PULUMI": real}
    died = first.ambient("reshard", fleet, "--shards", "3", "--yes", **dying, IMPORTS=str(tmp_path / "imports"))
    assert died.code == -9
    # What is in two states is refused where it does not belong, by the plain engine too.
    first.end(first.shard("up", 0, *flags)).refused(f"workspace {moves!r} is in the files", f"ambient reshard {fleet}")
    # A state that somebody has locked is written by nobody.
    lock = f".pulumi/locks/organization/ambient-components/{fleet}-00/somebody.json"
    s3(store).put_object(Bucket=fleet, Key=lock, Body=b'{"pid": 1, "username": "somebody", "hostname": "else"}')
    first.ambient("reshard", fleet, "--yes").refused("locked")
    s3(store).delete_object(Bucket=fleet, Key=lock)
    first.ambient("reshard", fleet, "--yes").ok()
    assert "Nothing is to move." in first.ambient("reshard", fleet, "--yes").ok().text

    third = first.again(tmp_path / "third")
    third.unchanged(3)
    assert uids() == made
    assert token(f"{fleet}-02") == key
    status = machine.request("GET", f"/apis/vteam.ambient-code/v1alpha1/namespaces/{moves}/agenticsessions", token=key)
    assert status == 200

    # A run dies, with its lock in the bucket: the next one takes it over.
    entries[stays]["grants"].append({"user": "dan@example.com"})
    first.write(entries)
    with killable(first, "up", fleet, "--yes") as run:
        locks = f".pulumi/locks/organization/ambient-components/{fleet}-00/"
        machine.until(
            lambda: s3(store).list_objects_v2(Bucket=fleet, Prefix=locks)["KeyCount"] > 0, "it is locked", seconds=120
        )
        run.kill("all")
    assert f"{fleet}-00: took over the lock of a dead run" in first.ambient("up", fleet, "--yes").ok().text
    third = first.again(tmp_path / "third")
    third.unchanged(3)
    assert not list((first.folder / "stacks").glob(f"Pulumi.{fleet}-*"))
