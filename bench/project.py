"""Pulumi projects for the CLI: our program as a fleet, and a plain program as a stack."""

import math
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.errors import BenchError
from bench.phases import Phase
from bench.process import Ended, Usage, run
from bench.workload import CONFIG_KEY, Change, stack_file
from sandbox.cluster import Cluster
from sandbox.environment import child_environment
from sandbox.paths import REPOSITORY

SHARD: Final = 50
"""Number of workspaces in a shard. docs/internals/performance-figures.md has the reason."""

NAME: Final = "bench"
"""Name of the fleet, and of the plain stack."""
_LAST_LINES: Final = 30
_AMBIENT: Final = str(Path(sys.executable).with_name("ambient"))


def environment_of(cluster: Cluster, compiled: Path) -> dict[str, str]:
    """Return the environment of every contender.

    Python's compiled files go into the folder `compiled` of the benchmark. Without it, each of the engine's Python
    processes would compile all imports, which would be measured too.
    """
    found = child_environment(cluster.directory)
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found | {
        "PULUMI_OPTION_COLOR": "never",
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONPYCACHEPREFIX": str(compiled),
    }


@dataclass
class _Project:
    """A project folder for a cluster of its own."""

    folder: Path
    cluster: Cluster
    compiled: Path
    workspaces: int
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = environment_of(self.cluster, self.compiled)
        (self.folder / "stacks").mkdir(parents=True)
        source = self.source()
        for file in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(source / file, self.folder)
        (self.folder / "plugin").symlink_to(REPOSITORY / "plugin")
        # One path for all projects, as compiled files are kept by the path of their source.
        settings = self.folder / "Pulumi.yaml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace("virtualenv: .venv", f"virtualenv: {sys.prefix}"), encoding="utf-8")
        self.prepare()

    def source(self) -> Path:
        """The folder of the program."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Create stacks and config."""
        raise NotImplementedError

    def run(self, *words: str, stdin: str = "") -> Ended:
        """Run a command that must succeed."""
        ended = run(words, cwd=self.folder, environment=self.environment, stdin=stdin)
        if ended.code:
            end = "\n".join(ended.text.splitlines()[-_LAST_LINES:])
            message = f"`{' '.join(words)}` ended with code {ended.code}:\n{end}"
            raise BenchError(message)
        return ended


class FleetProject(_Project):
    """A fleet of shards, run by our own verbs."""

    def source(self) -> Path:
        return REPOSITORY

    def prepare(self) -> None:
        shards = math.ceil(self.workspaces / SHARD)
        shared = self.folder / "stacks" / f"Pulumi.{NAME}.yaml"
        for number in range(shards):
            stack = f"{NAME}-{number:02d}"
            own = shared.with_name(f"Pulumi.{stack}.yaml")
            if number:
                shutil.copy(shared, own)
            self.run("pulumi", "stack", "init", stack, "--non-interactive")
            if not number:
                for words, value in (
                    (["--secret", CONFIG_KEY], "sk-ant-not-a-real-key"),
                    (["clusterUid"], self.cluster.uid),
                    (["shards"], str(shards)),
                ):
                    self.run("pulumi", "config", "set", *words, "--stack", stack, "--non-interactive", stdin=value)
                shutil.copy(own, shared)
            own.unlink()

    def measure(self, phase: Phase, change: Change) -> Usage:
        """Write the phase's file and run its verb."""
        text = stack_file(self.workspaces, change)
        (self.folder / "stacks" / f"{NAME}.yaml").write_text(text, encoding="utf-8")
        if phase is Phase.PREVIEW:
            return self.run(_AMBIENT, "plan", NAME, "--all").usage
        if phase is Phase.DESTROY:
            return self.run(_AMBIENT, "destroy", NAME, "--confirm", NAME).usage
        refresh = ["--refresh"] if phase is Phase.REFRESH else []
        return self.run(_AMBIENT, "up", NAME, "--yes", *refresh).usage


class PlainProject(_Project):
    """One stack of the plain program, run by the engine's own verbs."""

    def source(self) -> Path:
        return Path(__file__).parent / "plain"

    def prepare(self) -> None:
        self.run("pulumi", "stack", "init", NAME, "--non-interactive")
        words = ("config", "set", "--secret", CONFIG_KEY, "--stack", NAME, "--non-interactive")
        self.run("pulumi", *words, stdin="sk-ant-not-a-real-key")

    def measure(self, phase: Phase, change: Change) -> Usage:
        """Write the phase's file and run its command."""
        (self.folder / "stack.yaml").write_text(stack_file(self.workspaces, change), encoding="utf-8")
        command = {
            Phase.PREVIEW: ["preview", "--expect-no-changes"],
            Phase.REFRESH: ["up", "--yes", "--skip-preview", "--suppress-outputs", "--refresh"],
            Phase.DESTROY: ["destroy", "--yes", "--skip-preview"],
        }
        words = command.get(phase, ["up", "--yes", "--skip-preview", "--suppress-outputs"])
        return self.run("pulumi", *words, "--stack", NAME, "--non-interactive").usage
