"""Fleets and runs side by side: a fleet as `ambient init` makes it, and programs that run at the same time."""

import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.machine import Machine
from tests.support.stacks import PATIENCE, REPOSITORY, Result, Stack

AMBIENT = str(REPOSITORY / ".venv" / "bin" / "ambient")


def start(stack: Stack, *words: str) -> "subprocess.Popen[str]":
    """Start a verb of the command line, beside what else runs."""
    return subprocess.Popen(
        [AMBIENT, *words], cwd=stack.folder, env=stack.environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def end(stack: Stack, process: "subprocess.Popen[str]") -> Result:
    """Wait for it; what it printed is remembered for the scan."""
    text = process.communicate(timeout=PATIENCE)[0]
    stack.machine.outputs.append(text)
    stack._remember_tokens()
    return Result(process.returncode, text)


class Fleet(Stack):
    """A fleet with two shards in a project of its own."""

    def __init__(self, machine: Machine, folder: Path, shards: int = 2) -> None:
        self.machine, self.folder, self.name = machine, folder, f"side-{secrets.token_hex(2)}"
        self.w = f"w{secrets.token_hex(4)}"
        self.environment = machine.environment | {"PULUMI_OPTION_COLOR": "never", "PYTHONPATH": str(REPOSITORY)}
        (folder / "stacks").mkdir(parents=True)
        (folder / "plugin").symlink_to(REPOSITORY / "plugin")
        for file in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(REPOSITORY / file, folder)
        self.declare({})
        self.ambient(
            "init", self.name, "--shards", str(shards), "--yes", "--secrets-provider", "passphrase", "--cluster-uid",
            machine.cluster.uid, "--no-openshift",
        ).ok()  # fmt: skip
        if machine.get("/api/v1/namespaces/ambient-code") is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ambient-code"}}
            machine.create("/api/v1/namespaces", body)

    def declare(self, workspaces: dict[str, dict[str, Any]]) -> None:
        """The stack file, with these workspaces."""
        entries = {name: {"protect": False, **entry} for name, entry in workspaces.items()}
        (self.folder / "stacks" / f"{self.name}.yaml").write_text(json.dumps({"workspaces": entries}))

    def _remember_tokens(self) -> None:
        """Its keys are in the outputs of its shards."""
        listed = self._run("stack", "ls", "--json")
        for stack in json.loads(listed.stdout) if listed.returncode == 0 else ():
            if stack["name"].startswith(f"{self.name}-"):
                shown = self._run("stack", "output", "--json", "--show-secrets", "--stack", stack["name"])
                for key, value in (json.loads(shown.stdout) if shown.stdout.strip() else {}).items():
                    if isinstance(value, str) and value.startswith("ey"):
                        self.machine.keep_secret(value, f"token of {key}")
