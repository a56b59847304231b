"""A shard of a fleet on the real engine, run as `ambient up` runs it: its record begins, and is told how it ended."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from ambient_components.provider.ledger.run_record import CHECKPOINTS_VARIABLE
from ambient_components.shards import RUN_VARIABLE
from ambient_components.shards.records import Record, Run, begin, patch, record_name, recorded
from tests.support.ledgers import object_names
from tests.support.life import RBAC
from tests.support.machine import Machine
from tests.support.stacks import PATIENCE, Result, Stack

_MAPS = "/api/v1/namespaces/ambient-code/configmaps"
_CONFIGURED = {"up", "preview", "refresh", "destroy", "config"}


class Shard(Stack):
    """The only shard of a fleet."""

    def __init__(self, machine: Machine, fleet: str, folder: Path) -> None:
        self.fleet = fleet
        super().__init__(machine, f"{fleet}-00", folder)
        self.config("clusterUid", machine.cluster.uid)
        self.config("shards", "1")
        (folder / "stacks" / f"Pulumi.{self.name}.yaml").unlink(missing_ok=True)
        if machine.get("/api/v1/namespaces/ambient-code") is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ambient-code"}}
            machine.create("/api/v1/namespaces", body)

    def write(self, text: str) -> None:
        (self.folder / "stacks" / f"{self.fleet}.yaml").write_text(text.replace("THIS", self.w))

    @property
    def record(self) -> Record:
        """Its run record."""
        return Record.parse((self.record_object() or {}).get("data"))

    def record_object(self) -> dict[str, Any] | None:
        """The ConfigMap of its run record."""
        return self.machine.get(f"{_MAPS}/{self._record}")

    @property
    def _record(self) -> str:
        return record_name(f"ambient-components/{self.fleet}", 0)

    def change_record(self, change: Callable[[Record], Record]) -> None:
        """As `ambient up` writes it."""
        before = self.record
        after = change(before)
        if self.machine.get(f"{_MAPS}/{self._record}") is None:
            metadata = {"name": self._record}
            self.machine.create(
                _MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": after.data()}
            )
            return
        body = json.dumps({"data": patch(before, after)}).encode()
        path = f"{_MAPS}/{self._record}"
        self.machine.admin().request("PATCH", path, body, "application/merge-patch+json")

    def run_unrecorded(self) -> dict[str, str]:
        """A run begins whose state is written once, at its end; the engine's further environment."""
        run = Run(str(uuid4()), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), checkpoints=False)
        self.change_record(lambda record: begin(record, run))
        return {CHECKPOINTS_VARIABLE: "true", RUN_VARIABLE: run.id}

    def up_once(self, *flags: str) -> Result:
        """A run without checkpoints that ends."""
        more = self.run_unrecorded()
        before, self.environment = self.environment, self.environment | more
        try:
            result = self.up(*flags)
        finally:
            self.environment = before
        self.change_record(lambda record: recorded(record, more[RUN_VARIABLE]))
        return result

    @contextmanager
    def running(self, more: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """A run that goes on beside the test; at the end it and all that it started are dead."""
        program = shutil.which("pulumi", path=self.environment["PATH"]) or "pulumi"
        command = [program, "up", "--yes", "--skip-preview", "--non-interactive", "--stack", self.name, *self._file]
        process = subprocess.Popen(
            command, cwd=self.folder, env={**self.environment, **more}, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            reported = process.communicate(timeout=30)[0]
            self.machine.outputs.append(reported)
        self.machine.until(lambda: not self._plugins(), "the plugin ends with its engine", seconds=20)

    def killed_at(self, moment: Callable[[], bool], what: str) -> None:
        """A run without checkpoints that is killed with all its processes; then the lock is taken off."""
        with self.running(self.run_unrecorded()) as process:
            deadline = time.monotonic() + 40
            while not moment():
                assert process.poll() is None, f"it ended before: {what}\n{process.communicate()[0]}"
                assert time.monotonic() < deadline, f"not within 40 s: {what}"
                time.sleep(0.05)
        self.restore_state()
        self.cancel()

    def end_of(self, process: subprocess.Popen[str]) -> Result:
        """Waits for a run's end."""
        text = process.communicate(timeout=PATIENCE)[0]
        self.machine.outputs.append(text)
        self._remember_tokens()
        return Result(process.returncode, text)

    def ledger(self) -> dict[str, Any]:
        """What the state has declared."""
        found: dict[str, Any] = self.resource("AccessLedger", "access")["inputs"]["workspaces"]
        return found

    def access_there(self, workspace: str) -> set[tuple[str, str]]:
        """All access in a workspace: kind and name of each object."""
        bindings = (self.machine.get(f"{RBAC}/{workspace}/rolebindings") or {"items": []})["items"]
        path = f"/api/v1/namespaces/{workspace}/serviceaccounts?labelSelector=app=ambient-access-key"
        accounts = (self.machine.get(path) or {"items": []})["items"]
        ours = [binding for binding in bindings if binding["roleRef"]["name"].startswith("ambient-project-")]
        named = (("RoleBinding", ours), ("ServiceAccount", accounts))
        return {(kind, item["metadata"]["name"]) for kind, items in named for item in items}

    def whole(self) -> None:
        """What is there is what is declared, each once; the state knows every token; and a further run does nothing."""
        self.up("--expect-no-changes").ok()
        known = {
            token_secret["handle"]
            for item in self.export()
            if item["type"] == "ambient:index:AccessToken"
            for token_secret in (item["outputs"]["current"], *item["outputs"]["retiring"])
        }
        there: set[str] = set()
        for name, entry in self.ledger().items():
            assert self.access_there(name) == object_names(name, entry), name
            there |= set(self.token_secrets(name))
            for key in entry["keys"]:
                path = f"/apis/vteam.ambient-code/v1alpha1/namespaces/{name}/agenticsessions"
                assert self.machine.request("GET", path, token=self.token(key, name)) == 200, f"{name}/{key}"
        assert there == known

    @property
    def _file(self) -> tuple[str, ...]:
        return "--config-file", f"stacks/Pulumi.{self.fleet}.yaml"

    def _run(self, *words: str, offset: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
        if words[0] in _CONFIGURED:
            words = (*words, *self._file)
        return super()._run(*words, offset=offset, stdin=stdin)
