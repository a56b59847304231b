"""The two programs, each as a project folder that the real CLI runs in."""

import json
import shutil
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from bench.errors import BenchError
from bench.process import Ended, Usage, run
from bench.workload import CONFIG_KEY, stack_file
from sandbox.cluster import Cluster
from sandbox.environment import child_environment
from sandbox.paths import REPOSITORY

_STACK: Final = "bench"
_LAST_LINES: Final = 30


class Program(StrEnum):
    """Which program."""

    OURS = "ours"
    """The repository's own: ``__main__.py`` and a stack file."""

    PLAIN = "plain"
    """``bench/plain``: pulumi_kubernetes in loops, and AccessToken."""


class Phase(StrEnum):
    """What is measured of a program."""

    CREATE = "create"
    """``pulumi up`` of an empty stack, without the preview before it."""

    NOTHING = "no-op preview"
    """``pulumi preview`` of what is there already."""

    CHANGE = "one change"
    """``pulumi up`` after one grant got another role."""


@dataclass(frozen=True)
class State:
    """The size of what the engine keeps, and writes again at every step."""

    resources: int
    bytes: int


@dataclass
class Project:
    """A project folder with one stack, on a cluster that nothing else uses."""

    program: Program
    folder: Path
    cluster: Cluster
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = child_environment(self.cluster.directory) | {
            "PULUMI_OPTION_COLOR": "never",
            "PYTHONPATH": str(REPOSITORY),
        }
        self.folder.mkdir()
        source = REPOSITORY if self.program is Program.OURS else Path(__file__).parent / "plain"
        for file in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(source / file, self.folder)
        (self.folder / "plugin").symlink_to(REPOSITORY / "plugin")
        # A real language host insists on the folder that Pulumi.yaml names.
        (self.folder / ".venv").symlink_to(sys.prefix)
        self._cli("stack", "init", _STACK)
        self._cli("config", "set", "--secret", CONFIG_KEY, stdin="sk-ant-not-a-real-key")
        if self.program is Program.OURS:
            self._cli("config", "set", "clusterUid", self.cluster.uid)

    def write(self, workspaces: int, *, changed: bool = False) -> None:
        """The stack file, where the program looks for it."""
        path = self.folder / ("stack.yaml" if self.program is Program.PLAIN else f"stacks/{_STACK}.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(stack_file(workspaces, changed=changed), encoding="utf-8")

    def up(self) -> Usage:
        """Makes the cluster match the file."""
        return self._cli("up", "--yes", "--skip-preview", "--suppress-outputs").usage

    def preview(self) -> Usage:
        """A preview that must find nothing to do."""
        return self._cli("preview", "--expect-no-changes").usage

    def state(self) -> State:
        """How much the engine keeps."""
        text = self._cli("stack", "export").text
        # A warning may come before it or after it.
        exported, _ = json.JSONDecoder().raw_decode(text, text.index("{\n"))
        # The export is indented, what the engine writes is not.
        size = len(json.dumps(exported, separators=(",", ":"), ensure_ascii=False).encode())
        return State(len(exported["deployment"].get("resources") or ()), size)

    def _cli(self, *words: str, stdin: str = "") -> Ended:
        selected = () if words[:2] == ("stack", "init") else ("--stack", _STACK)
        command = ["pulumi", *words, *selected, "--non-interactive"]
        ended = run(command, cwd=self.folder, environment=self.environment, stdin=stdin)
        if ended.code:
            end = "\n".join(ended.text.splitlines()[-_LAST_LINES:])
            message = f"{self.program}: `{' '.join(command)}` ended with code {ended.code}:\n{end}"
            raise BenchError(message)
        return ended
