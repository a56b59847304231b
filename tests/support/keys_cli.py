"""Stacks with keys for `ambient keys`: a Pulumi that answers from memory, and an API server that does."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ambient_components import clock
from ambient_components.engine.command import Answer, failed
from ambient_components.errors import fail
from ambient_components.stacks import pulumi as cli_engine
from tests.support.fake_api import SYSTEM_UID
from tests.support.projects import write_project

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN = "eyJhbGciOiJSUzI1NiJ9.hunter2-ci.signature"
OTHER = "eyJhbGciOiJSUzI1NiJ9.hunter2-report.signature"
FILES = {
    "stacks/dev.yaml": "workspaces: {}\n",
    "stacks/prod.yaml": "include: [{path: common.yaml, sections: [templates]}]\nrunEvery: 7d\nworkspaces: {}\n",
    "stacks/common.yaml": "templates: {}\n",
    "stacks/Pulumi.dev.yaml": f"config: {{p:clusterUid: {SYSTEM_UID}}}\n",
    "stacks/Pulumi.prod.yaml": f"config: {{p:clusterUid: {SYSTEM_UID}}}\n",
}


def resource(kind: str, name: str, inputs: Any = None, outputs: Any = None) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::p::parent$x:{kind}::{name}"
    return {"urn": urn, "type": f"x:{kind}", "inputs": inputs or {}, "outputs": outputs or {}}


def key_resources(name: str, role: str = "view", expires: str = "2027-01-24T12:00:00Z", **more: Any) -> list[Any]:
    """A key of the workspace payments: NAME, or NAME/gN."""
    key_id, _, generation = name.partition("/g")
    logical = f"payments/key/{key_id}/g{generation or 1}"
    token_secret = {"handle": "h", "uid": "u", "generation": 1, "issuedAt": "2026-10-26T12:00:00Z", "dead": None}
    outputs = {
        "token": {"ciphertext": "v1:hunter2"},
        "current": {**token_secret, "expiresAt": expires},
        "nextAction": {"what": "rotate", "at": "2027-01-10T12:00:00Z"},
        **more,
    }
    account = {"name": f"ambient-key-{key_id}-{generation or 1}"}
    return [
        resource("ServiceAccount", logical, {"metadata": account}),
        resource("RoleBinding", logical, {"roleRef": {"name": f"ambient-project-{role}"}}),
        resource("AccessToken", logical, outputs=outputs),
    ]


def state(*resources: Any, keys: Mapping[str, Any] | None = None, **entry: Any) -> dict[str, Any]:
    """A state with one workspace, payments."""
    declared = {"ci": {"role": "view", "generation": 1}} if keys is None else keys
    workspaces = {"payments": {"state": "active", "owners": [], "grants": {}, "keys": declared, **entry}}
    ledger = {**resource("AccessLedger", "access", {"workspaces": workspaces}), "type": "ambient:index:AccessLedger"}
    provider = {"type": "passphrase", "state": {"salt": "hunter2"}}
    return {"deployment": {"secrets_providers": provider, "resources": [ledger, *resources]}}


class FakePulumi:
    """Answers from memory, and remembers what it was asked."""

    def __init__(self) -> None:
        self.states = {"dev": state(*key_resources("ci")), "prod": state(*key_resources("ci"))}
        self.outputs: dict[str, Any] = {"payments/ci": TOKEN, "payments/report": OTHER}
        self.url: str | None = "s3://states"
        self.calls: list[tuple[str, ...]] = []
        self.environ: Mapping[str, str] = {}

    def with_backend(self, url: str) -> "FakePulumi":
        raise NotImplementedError

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self.calls.append(arguments)
        match arguments:
            case ("stack", "ls", "--json"):
                return json.dumps([{"name": name} for name in self.states])
            case ("stack", "export", "--stack", stack) if stack in self.states:
                return json.dumps(self.states[stack])
            case ("stack", "output", "--json", "--show-secrets", "--stack", stack) if stack in self.states:
                return json.dumps(self.outputs)
            case ("whoami", "--json") if self.url:
                return json.dumps({"user": "me", "url": self.url})
            case ("whoami", "--json"):
                failed(arguments, Answer(255, "", "error: this command requires logging in"))
        return fail(None, "", f"`pulumi {' '.join(arguments)}` failed: no stack named {arguments[-1]!r} found")

    @property
    def asked_for_secrets(self) -> bool:
        return any("--show-secrets" in call for call in self.calls)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


@pytest.fixture
def pulumi(project: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    fake = FakePulumi()
    monkeypatch.setattr(cli_engine, "PulumiEngine", lambda _folder: fake)
    return fake


Shown = pytest.CaptureFixture[str]
