"""A project with one stack, and a `pulumi` that has its state and prints previews, for tests of plans."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ambient_components import clock
from ambient_components.access.entries import write_ledger
from ambient_components.cli import up
from ambient_components.engine.command import Answer
from ambient_components.errors import AmbientError, Problem
from ambient_components.fleet.processes import Ended
from ambient_components.fleet.run_events import Reported
from ambient_components.stacks import pulumi as cli_engine
from ambient_components.stacks.ledgers import selected_access
from ambient_components.stacks.project import Project
from tests.support.plans import preview
from tests.support.projects import write_project

STACK = """\
timezone: Europe/Berlin
workspaces:
  pay:
    owners: [user:alice@example.com]
    grants:
      - {group: devs, role: edit}
      - {group: temps, role: view, until: 2026-12-31}
    keys:
      ci: {role: edit, lifetime: 30d}
"""
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
RBAC = "ambient:index:RoleBinding"


class FakePulumi:
    """Has a state, prints a preview, and remembers what it was asked, and at which clock."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"version": 3, "deployment": {"resources": []}}
        self.answer = Answer(0, json.dumps({"steps": [], "diagnostics": []}), "")
        self.environ: Mapping[str, str] = {}
        self.calls: list[tuple[str, ...]] = []
        self.offsets: list[str] = []
        self.broken = ""
        self.version = "v3.274.1"

    def with_environ(self, more: Mapping[str, str]) -> "FakePulumi":
        self.environ = {**self.environ, **more}
        return self

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self._note(arguments)
        if arguments == ("version",):
            return f"{self.version}\n"
        assert ask is (arguments[0] == "up")
        if arguments[0] == self.broken:
            raise AmbientError([Problem(None, "", "`pulumi up` failed (exit code 255)")])
        return json.dumps(self.state)

    def attempt(self, *arguments: str) -> Answer:
        self._note(arguments)
        return self.answer

    def _note(self, arguments: tuple[str, ...]) -> None:
        self.calls.append(arguments)
        self.offsets.append(self.environ.get("AMBIENT_CLOCK_OFFSET", ""))

    def plans(self, before: Mapping[str, Any], after: Mapping[str, Any], *more: dict[str, Any]) -> None:
        """What its preview says from now on."""
        document = preview(dict(before), dict(after))
        document["steps"] += more
        self.answer = Answer(0, json.dumps(document), "")

    def carry_out(
        self, _: object, verb: str, stack: str, *flags: str, verbose: bool = False, reviewed: bool = False
    ) -> Ended:
        """Instead of `fleet.processes.carry_out`, which reads the events of a process."""
        self._note((verb, "--yes", "--skip-preview", *flags, "--stack", stack))
        code = 255 if self.broken == verb else 0
        return Ended(verb, stack, Reported(), code, interrupted=False, output="", seconds=1, log="/none")

    @property
    def ups(self) -> list[tuple[str, ...]]:
        return [call for call in self.calls if call[0] == "up"]


def make_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes it, and goes there, at that moment."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return write_project(folder, {"stacks/prod.yaml": STACK})


def fake_pulumi(monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    """In the place of the real one, with the stack as it is deployed."""
    fake = FakePulumi()

    def made(folder: Path, environ: Mapping[str, str] | None = None) -> FakePulumi:
        fake.environ = environ or {}
        return fake

    monkeypatch.setattr(cli_engine, "PulumiEngine", made)
    monkeypatch.setattr(up, "carry_out", fake.carry_out)
    fake.state = state()
    return fake


def ledger() -> dict[str, Any]:
    """Of the files as they are."""
    entries: dict[str, Any] = json.loads(
        json.dumps(write_ledger(selected_access(Project.find(), "prod", files=True).ledger))
    )
    return entries


def state(text: str = STACK, *, expires: str = "2026-12-20T00:00:00Z") -> dict[str, Any]:
    """The state of a stack that was deployed with this file, whole."""
    path = Path("stacks/prod.yaml")
    now = path.read_text()
    path.write_text(text)
    entries = ledger()
    path.write_text(now)
    resources = [
        {
            "urn": "urn:pulumi:prod::p::ambient:index:AccessLedger::access",
            "type": "ambient:index:AccessLedger",
            "inputs": {"owner": "p/prod", "workspaces": entries},
        }
    ]

    def add(kind: str, name: str, inputs: dict[str, Any], **outputs: Any) -> None:
        urn = f"urn:pulumi:prod::p::ambient:index:Workspace${kind}::{name}"
        resources.append({"urn": urn, "type": kind, "id": name, "inputs": inputs, "outputs": {**inputs, **outputs}})

    for name, entry in entries.items():
        for owner in entry["owners"]:
            add(RBAC, f"{name}/owner/{owner}", {"roleRef": {"name": "ambient-project-admin"}})
        for subject, role in entry["grants"].items():
            add(RBAC, f"{name}/grant/{subject}", {"roleRef": {"name": f"ambient-project-{role}"}})
        for key_id, key in entry["keys"].items():
            logical = f"{name}/key/{key_id}/g{key['generation']}"
            add(RBAC, logical, {"roleRef": {"name": f"ambient-project-{key['role']}"}})
            token = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
            current = {"handle": "h", "issuedAt": "2026-11-20T00:00:00Z", "expiresAt": expires}
            following = {"what": "rotate", "at": "2026-12-12T00:00:00Z"}
            inputs = {"generation": key["generation"]}
            add("ambient:index:AccessToken", logical, inputs, current=current, nextAction=following, token=token)
    return {"version": 3, "deployment": {"resources": resources}}


def write(*changes: tuple[str, str]) -> None:
    text = STACK
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    Path("stacks/prod.yaml").write_text(text)
