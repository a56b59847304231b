"""Fleets in a folder, with a `pulumi` that plays what it is told."""

import json
import os
from pathlib import Path

import pytest

from ambient_components.cli.app import run
from ambient_components.cluster.guard import Guard
from ambient_components.fleet import run as running
from tests.support.fake_pulumi import FakePulumi
from tests.support.fake_records import FakeCluster, FakeGuard

BINDING = "ambient:index:RoleBinding"
LEDGER = "ambient:index:AccessLedger"
NAMES = [f"team-{number}" for number in range(9)]
ENTRY = "{{owners: ['user:a@example.com'], protect: false, shard: {shard}{more}}}"


class Fleet:
    """A project with a fleet of three shards, three workspaces each."""

    def __init__(self, folder: Path, cluster: FakeCluster) -> None:
        self.folder = folder
        self.cluster = cluster
        (folder / "stacks").mkdir()
        (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\nstackConfigDir: stacks\n")
        self.config()
        self.write()
        self.pulumi = FakePulumi(folder, "prod-00", "prod-01", "prod-02")

    def config(self, **more: str) -> None:
        entries = {"shards": "3", "clusterUid": "u", **more}
        lines = "".join(f"  p:{key}: {json.dumps(value)}\n" for key, value in entries.items())
        (self.folder / "stacks" / "Pulumi.prod.yaml").write_text(f"config:\n{lines}")

    def write(self, top: str = "", **more: str) -> None:
        entries = {name: ENTRY.format(shard=index % 3, more="") for index, name in enumerate(NAMES)}
        entries |= {name.replace("_", "-"): text for name, text in more.items()}
        lines = "".join(f"  {name}: {text}\n" for name, text in entries.items())
        (self.folder / "stacks" / "prod.yaml").write_text(f"{top}workspaces:\n{lines}")


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    cluster = FakeCluster()
    found = Fleet(tmp_path, cluster)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{found.pulumi.bin}:{os.environ['PATH']}")
    monkeypatch.setattr(Guard, "of_config", lambda _: FakeGuard(cluster))
    monkeypatch.setattr(running, "default_jobs", lambda: 2)
    monkeypatch.delenv("AMBIENT_CLOCK_OFFSET", raising=False)
    return found


def up(*words: str) -> int:
    return run(["up", "prod", "--yes", *words])


def summary(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out
