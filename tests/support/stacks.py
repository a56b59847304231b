"""Stacks on the real engine: one project folder per test, with the CLI as users run it."""

import base64
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambient_components.engine.attaching import Attached, attach
from ambient_components.warm import client
from ambient_components.warm.protocol import SOCKET_VARIABLE
from tests.support.machine import Machine
from tests.support.state_file import PROJECT, StateFile

REPOSITORY = Path(__file__).parents[2]
_NAME = "<name of the stack>"
PATIENCE = 300
"""Seconds for one command of the CLI: one that hangs fails its test, and says so. Destroying 50 workspaces takes 60."""

_NOISE = ("using pulumi-resource-kubernetes from $PATH", "resource plugin kubernetes is expected to have version")


@dataclass(frozen=True)
class Result:
    """What a command of the CLI came to."""

    code: int
    text: str

    def ok(self) -> "Result":
        assert self.code == 0, self.text
        return self

    def refused(self, *texts: str) -> "Result":
        """It failed as users should see it fail: with these texts, and without a traceback."""
        assert self.code != 0, self.text
        assert "Traceback" not in self.text, self.text
        for text in texts:
            assert text in self.flat, f"missing: {text}\n{self.text}"
        return self

    @property
    def flat(self) -> str:
        """The text with each message and its hints on one line, without the addresses of rules."""
        return re.sub(r"\n +hint: ", "; ", re.sub(r"\n +docs: .+", "", self.text))

    @property
    def unchanged(self) -> bool:
        """Nothing was or would be done."""
        summary = self.text.rsplit("Resources:", 1)[-1]
        return self.code == 0 and "unchanged" in summary and not re.search(r"^ +[-+~]", summary, re.MULTILINE)


def copy_project(folder: Path) -> None:
    """Make a project of the repository's program and plugin, in the environment of the tests."""
    (folder / "plugin").unlink(missing_ok=True)
    (folder / "plugin").symlink_to(REPOSITORY / "plugin")
    settings = (REPOSITORY / "Pulumi.yaml").read_text()
    assert "virtualenv: .venv\n" in settings
    (folder / "Pulumi.yaml").write_text(settings.replace("virtualenv: .venv\n", f"virtualenv: {sys.prefix}\n"))
    shutil.copy(REPOSITORY / "__main__.py", folder)


class Stack:
    """A stack in a project folder of its own, with the repository's program and plugin."""

    forks = True
    """Whether the Pythons of its engines are forked."""

    def __init__(self, machine: Machine, name: str, folder: Path) -> None:
        self.machine = machine
        self.name = name
        self.folder = folder
        self.w = f"w{secrets.token_hex(4)}"
        """A workspace name of this test's own: all tests share one cluster."""
        self.environment = machine.environment | {"PULUMI_OPTION_COLOR": "never", "PYTHONPATH": str(REPOSITORY)}
        self.state = StateFile(machine, name)
        (folder / "stacks").mkdir()
        copy_project(folder)
        self._init()

    def _init(self) -> None:
        """Create the stack, with the cluster's uid: a machine's first with the CLI, others as copies of its files."""
        config = self.folder / "stacks" / f"Pulumi.{self.name}.yaml"
        blank = self.machine.blank_stack
        if not blank:
            self._cli("stack", "init", self.name).ok()
            uid = f"config:\n  {PROJECT}:clusterUid: {self.machine.cluster.uid}\n"
            blank += [self.state.path.read_text().replace(f'/{self.name}"', f'/{_NAME}"'), config.read_text() + uid]
        else:
            assert not self.state.path.exists(), self.state.path
        self.state.path.write_text(blank[0].replace(_NAME, self.name))
        config.write_text(blank[1])

    def write(self, text: str) -> None:
        """The stack file; ``THIS`` stands for the test's own workspace name."""
        (self.folder / "stacks" / f"{self.name}.yaml").write_text(text.replace("THIS", self.w))

    def config(self, key: str, value: str, *flags: str, secret: bool = False) -> None:
        kind = "--secret" if secret else "--plaintext"
        self._cli("config", "set", *flags, kind, key, stdin=value).ok()

    def secret(self, key: str) -> str:
        """A made-up secret in the stack's encrypted config."""
        value = self.machine.keep_secret(f"sk-ant-{secrets.token_urlsafe(24)}", f"config {key}")
        self.config(key, value, secret=True)
        return value

    def preview(self, *flags: str, offset: str = "") -> Result:
        return self._cli("preview", "--diff", *flags, offset=offset)

    def up(self, *flags: str, offset: str = "", plain: bool = False) -> Result:
        """An update; a plain one has the engine's own preview first, as people run it."""
        result = self._cli("up", "--yes", "" if plain else "--skip-preview", *flags, offset=offset)
        self._remember_tokens()
        return result

    def refresh(self, offset: str = "") -> Result:
        return self._cli("refresh", "--yes", "--skip-preview", "--diff", offset=offset)

    def destroy(self, *flags: str, plain: bool = False) -> Result:
        """`plain` has a preview first, as people run it."""
        return self._cli("destroy", "--yes", *(() if plain else ("--skip-preview",)), *flags)

    def export(self) -> list[dict[str, Any]]:
        """The resources in the state, secrets encrypted."""
        return self.state.resources()

    def resource(self, kind: str, name: str) -> dict[str, Any]:
        """The one resource whose type ends in `kind`, by logical name."""
        found = [
            item
            for item in self.export()
            if item["type"].split(":")[-1] == kind and item["urn"].split("::")[-1] == name and not item.get("delete")
        ]
        assert len(found) == 1, f"{len(found)} resources {kind} {name}"
        return found[0]

    def token(self, key: str, workspace: str = "") -> str:
        """A key, from the stack's outputs."""
        return self.machine.keep_secret(
            self.state.outputs(reveal=True)[f"{workspace or self.w}/{key}"], f"token of {key}"
        )

    def tokens(self, key: str, generation: int = 1) -> dict[str, Any]:
        """What the state has of a key's tokens."""
        outputs: dict[str, Any] = self.resource("AccessToken", f"{self.w}/key/{key}/g{generation}")["outputs"]
        return outputs

    def accounts(self) -> list[str]:
        """Names of the keys' ServiceAccounts in the workspace."""
        path = f"/api/v1/namespaces/{self.w}/serviceaccounts?labelSelector=app=ambient-access-key"
        listed = self.machine.get(path) or {}
        return sorted(item["metadata"]["name"] for item in listed["items"])

    def delivered(self, secret: str, namespace: str) -> dict[str, str] | None:
        """What lies in a Secret, by key; its tokens are remembered for the scan."""
        served = self.machine.get(f"/api/v1/namespaces/{namespace}/secrets/{secret}")
        if served is None:
            return None
        data = {key: base64.b64decode(value).decode() for key, value in (served.get("data") or {}).items()}
        for key, value in data.items():
            self.machine.keep_secret(value, f"{key} of Secret {namespace}/{secret}")
        return data

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets hidden."""
        return self.state.outputs()

    def decrypted(self) -> str:
        """The whole state and the outputs, secrets in plain text; not for the scan of what was printed."""
        shown = [
            self._run(*words, "--show-secrets", "--stack", self.name)
            for words in (("stack", "export"), ("stack", "output", "--json"))
        ]
        assert all(one.returncode == 0 for one in shown), [one.stderr for one in shown]
        return "\n".join(one.stdout for one in shown)

    def ended(self, token: str, what: str) -> None:
        """A token is refused, within the 15 seconds that are promised."""
        self.machine.until(lambda: self.sessions(token) == 401, f"{what} is refused", seconds=15)

    def token_secrets(self, workspace: str = "") -> list[str]:
        """Names of the token Secrets in the workspace."""
        path = f"/api/v1/namespaces/{workspace or self.w}/secrets?labelSelector=ambient-components/handle=true"
        listed = self.machine.get(path) or {}
        return sorted(item["metadata"]["name"] for item in listed["items"])

    def status(self, path: str, token: str) -> int:
        """The answer to a GET below the workspace's namespace."""
        return self.machine.request("GET", f"/{path}".replace("//", "/").replace("THIS", self.w), token=token)

    def sessions(self, token: str) -> int:
        """The answer to a key that lists the workspace's sessions."""
        return self.status("apis/vteam.ambient-code/v1alpha1/namespaces/THIS/agenticsessions", token)

    def ambient(self, *words: str) -> Result:
        """A verb of the command line, in the stack's folder."""
        ended = subprocess.run(
            [str(REPOSITORY / ".venv" / "bin" / "ambient"), *words],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        self.machine.outputs.append(ended.stdout + ended.stderr)
        return Result(ended.returncode, ended.stdout + ended.stderr)

    def lose_state(self) -> None:
        """The state file is lost: the stack begins anew, with its config, beside what is in the cluster."""
        self.edit_state(lambda deployment: deployment.pop("resources", None))

    def edit_state(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Something happened to the record alone: `change` gets the deployment."""
        kept = self._run("stack", "export", "--file", str(self.folder / "before.json"), "--stack", self.name)
        assert kept.returncode == 0, kept.stderr
        state = json.loads((self.folder / "before.json").read_text())
        change(state["deployment"])
        (self.folder / "after.json").write_text(json.dumps(state))
        self._cli("stack", "import", "--file", str(self.folder / "after.json")).ok()

    def cancel(self) -> None:
        """The way out of a dead run's lock."""
        self._cli("cancel", "--yes").ok()

    def clear_pending(self) -> None:
        """The way out of the warning that a dead run had begun to create something."""
        self._cli("refresh", "--yes", "--skip-preview", "--clear-pending-creates").ok()

    def kill_up(self, moment: Callable[[], bool], what: str) -> None:
        """A run that is killed at a moment, and all that a person then has to do before the next one."""
        self.die_in_up(moment, what)
        self.restore_state()
        self.cancel()

    def die_in_up(self, moment: Callable[[], bool], what: str) -> None:
        """A run that is killed at a moment, and its plugin's end."""
        running = subprocess.Popen(
            [shutil.which("pulumi", path=self.environment["PATH"]) or "pulumi", "up", "--yes", "--skip-preview",
             "--non-interactive", "--stack", self.name],
            cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self.machine.until(moment, what)
        finally:
            running.kill()
            running.wait(timeout=30)
        self.machine.until(lambda: not self._plugins(), "the plugin ends with its engine", seconds=20)

    def attributes(self) -> list[Path]:
        """What the file backend keeps beside the state; a kill can leave it empty (docs/reference/errors.md)."""
        return list((self.machine.directory / "state").rglob(f"{self.name}.json.attrs"))

    def restore_state(self) -> None:
        """The way out of attributes that a kill left empty."""
        for attributes in self.attributes():
            if attributes.stat().st_size == 0:
                attributes.unlink()

    def _plugins(self) -> list[int]:
        """The running plugins whose working directory is this project's."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                if b"ambient_components.provider" in command and (process / "cwd").readlink() == self.folder:
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    def pretend_other_cluster(self) -> None:
        """The state says that it belongs to a cluster which this one is not."""
        exported = self.folder / "state.json"
        assert self._run("stack", "export", "--file", str(exported), "--stack", self.name).returncode == 0
        text = exported.read_text().replace(self.machine.cluster.uid, "11111111-2222-3333-4444-555555555555")
        exported.write_text(text)
        self._cli("stack", "import", "--file", str(exported)).ok()

    def remove(self) -> None:
        """Takes the test's namespaces away, without waiting. The state stays, for the scan of all that is left."""
        for namespace in self.machine.admin().request("GET", "/api/v1/namespaces")["items"]:
            name = namespace["metadata"]["name"]
            if name.startswith(self.w) and "deletionTimestamp" not in namespace["metadata"]:
                self.machine.delete(f"/api/v1/namespaces/{name}")

    def _remember_tokens(self) -> None:
        for key, value in self.state.outputs(reveal=True).items():
            if isinstance(value, str) and value.startswith("ey"):
                self.machine.keep_secret(value, f"token of {key}")

    def _cli(self, *words: str, offset: str = "", stdin: str = "") -> Result:
        ended = self._run(*words, "--stack", self.name, offset=offset, stdin=stdin)
        text = ended.stdout + ended.stderr
        if words[:2] != ("stack", "export"):
            text = "\n".join(line for line in text.splitlines() if not any(noise in line for noise in _NOISE))
        self.machine.outputs.append(text)
        return Result(ended.returncode, text)

    def _run(self, *words: str, offset: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
        words = tuple(word for word in words if word)
        if words[:2] == ("stack", "init"):
            words = ("stack", "init", *words[-1:])
        environment = self.environment | ({"AMBIENT_CLOCK_OFFSET": offset} if offset else {})
        # Like `ambient`'s engines: their Pythons are forked, which saves a third of a run. What people start by hand is
        # tested as they start it: test_first_run, test_getting_started, test_walkthrough, test_installed_package.
        client.begin({**self.environment, SOCKET_VARIABLE: os.environ.get(SOCKET_VARIABLE, "")})
        with closing(attach(words, self.folder, environment) if self.forks else Attached()) as warm:
            command = ["pulumi", *words, *warm.flags, "--non-interactive"]
            return subprocess.run(
                command, cwd=self.folder, env=warm.environment(environment), input=stdin,
                capture_output=True, text=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
