"""A Pulumi that keeps the states of a fleet in memory, checks imports as the real one does, and can die before one."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ambient_components.engine.command import Answer
from ambient_components.engine.rewriting import items
from ambient_components.errors import fail


class KilledError(Exception):
    """The process ended here."""


class FleetEngine:
    """Implements `Engine` for `stack ls|export|import|init|rm`, `config set` and `whoami`."""

    def __init__(self, states: Mapping[str, Any]) -> None:
        self.states = {name: copy.deepcopy(state) for name, state in states.items()}
        self.environ: Mapping[str, str] = {}
        self.calls: list[tuple[str, ...]] = []
        self.imports: list[str] = []
        self.die_before_import = 0
        """Counted from 1; 0: it lives."""
        self.made_in: list[list[str]] = []
        self.deploys: dict[str, Any] = {}
        """States that another process writes right after they were read once."""

    def with_backend(self, url: str) -> "FleetEngine":
        assert url
        return self

    def attempt(self, *arguments: str) -> Answer:
        return Answer(0, self.run(*arguments), "")

    def run(self, *arguments: str, stdin: str | None = None, ask: bool = False) -> str:
        assert not ask
        self.calls.append(arguments)
        stack = arguments[arguments.index("--stack") + 1] if "--stack" in arguments else ""
        match arguments:
            case ("whoami", *_):
                return json.dumps({"url": "file:///state"})
            case ("stack", "ls", *_):
                return json.dumps([{"name": name} for name in sorted(self.states)])
            case ("stack", "export", *_):
                text = json.dumps(self.states[stack])
                if stack in self.deploys:
                    self.states[stack] = self.deploys.pop(stack)
                return text
            case ("stack", "import", *_):
                self._import(stack, json.loads(stdin or ""))
            case ("stack", "init", *_):
                folder = Path(arguments[arguments.index("--cwd") + 1])
                self.made_in.append(sorted(path.name for path in folder.rglob("*.yaml")))
                secrets = {"type": "passphrase", "state": {"salt": "v1:salt"}}
                self.states[stack] = {"version": 3, "deployment": {"manifest": {}, "secrets_providers": secrets}}
            case ("stack", "rm", *_):
                assert "--preserve-config" in arguments
                assert not items(self.states.pop(stack))
            case ("config", "set", "--plaintext", key, value, *_):
                path = Path(arguments[arguments.index("--config-file") + 1])
                kept = [line for line in path.read_text().splitlines() if f":{key}:" not in line]
                path.write_text("\n".join([*kept, f'  ours:{key}: "{value}"']) + "\n")
            case ("config", "set", "--secret", "fleetKey", *_):
                path = Path(arguments[arguments.index("--config-file") + 1])
                assert stdin is not None
                assert len(stdin) == 64
                path.write_text(path.read_text() + "  ours:fleetKey: {secure: x}\n")
        return ""

    def _import(self, stack: str, state: Any) -> None:
        if len(self.imports) + 1 == self.die_before_import:
            raise KilledError
        seen: set[str] = set()
        for item in items(state):
            if item.place.stack != stack.rsplit("/", 1)[-1] or not set(item.references()) <= seen:
                fail(None, "", f"state file contains errors: {item.urn}")
            seen.add(item.urn)
        self.imports.append(stack)
        self.states[stack] = state
