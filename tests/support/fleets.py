"""A project with one fleet, and a `pulumi` that has the states of its shards, for tests of verbs over a fleet."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ambient_components import clock
from ambient_components.cli import plan
from ambient_components.engine.command import Answer
from ambient_components.errors import AmbientError, Problem
from ambient_components.shards.names import home
from ambient_components.stacks import pulumi as cli_engine
from tests.support.planned import NOW, ledger, state
from tests.support.plans import preview
from tests.support.projects import write_project

COUNT = 3
FILE = """\
workspaces:
  lab: {owners: [user:alice@example.com], grants: [{group: devs, role: edit}]}
  ops: {owners: [user:alice@example.com], grants: [{group: devs, role: edit}], shard: 2}
  pay:
    owners: [user:alice@example.com]
    keys:
      ci: {role: edit, lifetime: 30d}
"""


class FakeShards:
    """Has a state for every shard, prints previews, and remembers what it was asked. A failing one is in `broken`."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Answer] = {}
        self.broken: set[str] = set()
        self.environ: Mapping[str, str] = {}
        self.calls: list[tuple[str, ...]] = []
        self.environs: dict[str, Mapping[str, str]] = {}
        self.up_to_date: list[int] = []
        """What the run records say."""

    def with_environ(self, more: Mapping[str, str]) -> "FakeShards":
        changed = FakeShards()
        changed.__dict__.update(self.__dict__)
        changed.environ = {**self.environ, **more}
        return changed

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        self.calls.append(arguments)
        match arguments:
            case ("stack", "ls", "--json"):
                return json.dumps([{"name": name} for name in self.states])
            case ("stack", "export", "--stack", stack):
                if stack in self.broken or stack not in self.states:
                    raise AmbientError([Problem(None, "", f"no {stack}")])
                return json.dumps(self.states[stack])
            case ("stack", "output", "--json", "--show-secrets", "--stack", stack):
                return json.dumps({"pay/ci": f"the key of {stack}"})
            case ("whoami", "--json"):
                return json.dumps({"url": "file:///states"})
            case ("preview", "--json", "--stack", stack):
                return self.answers[stack].stdout
        return ""

    def attempt(self, *arguments: str) -> Answer:
        self.calls.append(arguments)
        stack = arguments[-1]
        if arguments[:2] == ("stack", "export"):
            return Answer(0, json.dumps(self.states[stack]), "")
        self.environs[stack] = self.environ
        return self.answers[stack]

    def requested(self, verb: str) -> list[str]:
        """The stacks for which a command was run, sorted."""
        return sorted(call[-1] for call in self.calls if call[0] == verb)

    def plans(self, desired: Mapping[str, Mapping[str, Any]]) -> None:
        """What its previews say from now on: from the states to these ledgers."""
        for stack, after in desired.items():
            before = ledger_in(self.states[stack]) if stack in self.states else {}
            self.answers[stack] = Answer(0, json.dumps(preview(before, dict(after))), "")


def ledger_in(export: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = export["deployment"]["resources"][0]["inputs"]["workspaces"]
    return found


def make_fleet(folder: Path, monkeypatch: pytest.MonkeyPatch, file: str = FILE) -> FakeShards:
    """Makes the project, goes there at the tests' moment, and deploys all of it; `pulumi` is a fake."""
    config = f'config:\n  p:shards: "{COUNT}"\n'
    write_project(folder, {"stacks/prod.yaml": file, "stacks/Pulumi.prod.yaml": config})
    monkeypatch.chdir(folder)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    fake = FakeShards()

    def made(folder: Path, environ: Mapping[str, str] | None = None) -> FakeShards:
        return fake.with_environ(environ or {})

    monkeypatch.setattr(cli_engine, "PulumiEngine", made)
    monkeypatch.setattr(plan, "ask_states", lambda _: None)
    monkeypatch.setattr(plan, "decide", lambda *_: SimpleNamespace(up_to_date=fake.up_to_date, notes=()))
    whole = state(file)
    for number in range(COUNT):
        fake.states[f"prod-{number:02d}"] = of_shard(whole, number)
    fake.plans(parts(ledger()))
    return fake


def where(workspace: str) -> int:
    """The shard of one of the file's workspaces."""
    return home(workspace, COUNT, 2 if workspace == "ops" else None)


def parts(whole: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A ledger in its shards."""
    return {
        f"prod-{number:02d}": {name: entry for name, entry in whole.items() if where(name) == number}
        for number in range(COUNT)
    }


def of_shard(export: dict[str, Any], number: int) -> dict[str, Any]:
    """The part of a whole state that one shard has."""
    whole = json.loads(json.dumps(export).replace("urn:pulumi:prod::", f"urn:pulumi:prod-{number:02d}::"))
    access, *others = whole["deployment"]["resources"]
    kept = {name: entry for name, entry in access["inputs"]["workspaces"].items() if where(name) == number}
    access["inputs"]["workspaces"] = kept
    rest = [other for other in others if other["urn"].split("::", 3)[-1].split("/")[0] in kept]
    return {"version": 3, "deployment": {"resources": [access, *rest]}}
