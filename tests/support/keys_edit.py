"""Stack files with keys, as `ambient keys rotate` and `revoke` edit them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ambient_components import clock
from ambient_components.documentation import page
from ambient_components.errors import AmbientError, Problem
from ambient_components.stacks import pulumi as cli_engine
from tests.support.projects import write_project

STACK = """\
# The stack.
include: [teams/*.yaml]
timezone: Europe/Berlin

workspaces:
  payments:
    grants: [{group: payments-devs, role: edit}]
    keys:
      # Deploys on merge.
      ci:
        role: edit      # as little as it needs
        lifetime: 30d

      nightly: {role: view, generation: 3, overlapUntil: 2026-11-30}  # reports
      hourly: {lifetime: 10h}
    description: é 日本 😀
  empty: {}
  old: {state: closed, keys: {ci: {}}}
"""
TEAM = "workspaces:\r\n  lab:\r\n    keys: {sync: {}}   # é\r\n"
STORE = (
    "Every role could read the object store's credentials in the pods of sessions. These stay valid:\n"
    "  {}: of the platform's shared store: kubectl edit secret minio-credentials -n ambient-code && kubectl rollout "
    "restart deployment/minio -n ambient-code\n"
    f"    before: {page('tasks/leaked-key', 'the-object-store')}\n"
)
"""What is said of workspaces without buckets of their own, after their names."""
DEPLOYED = ("payments/key/ci/g1", "payments/key/nightly/g3", "payments/key/hourly/g1", "lab/key/sync/g1")
"""The identities in the state."""
NOW = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
"""The 26th in Berlin."""


class FakePulumi:
    """Has a state with one resource a name, and remembers what it was asked."""

    def __init__(self) -> None:
        self.names = [*DEPLOYED]
        self.ledger: dict[str, Any] = {}
        self.broken = False
        self.calls: list[tuple[str, ...]] = []

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self.calls.append(arguments)
        if self.broken:
            raise AmbientError([Problem(None, "", "`pulumi stack export --stack dev` failed: no stack named 'dev'")])
        assert arguments[:3] == ("stack", "export", "--stack")
        resources = [resource("ambient:index:AccessToken", name) for name in self.names]
        ledger = {**resource("ambient:index:AccessLedger", "access"), "inputs": {"workspaces": self.ledger}}
        return json.dumps({"deployment": {"resources": [ledger, *resources]}})


def resource(kind: str, name: str) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:dev::p::{kind}::{name}", "type": kind}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pulumi: FakePulumi) -> Path:
    write_project(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return tmp_path


FILES = {"stacks/dev.yaml": STACK, "stacks/teams/lab.yaml": TEAM}


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    fake = FakePulumi()
    monkeypatch.setattr(cli_engine, "PulumiEngine", lambda _folder, _environ: fake)
    return fake


def texts() -> dict[str, str]:
    """What the files hold now."""
    return {name: Path(name).read_bytes().decode() for name in FILES}


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text
