"""Adoption of many existing workspaces into a fleet: reading and writing YAML, the proof, and the first run."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.errors import BenchError
from bench.process import Usage
from bench.project import NAME, FleetProject
from sandbox.api import Api
from sandbox.cluster import Cluster
from sandbox.environment import prepare
from sandbox.toolchain import Toolchain
from sandbox.ui_style import UiWorkspace, histories

_AMBIENT: Final = str(Path(sys.executable).with_name("ambient"))
_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Adoption:
    """The resources of each step."""

    workspaces: int
    write: Usage
    """`ambient adopt --no-check`: read the cluster, and write YAML."""
    check: Usage
    """`ambient adopt` a second time: read the cluster, and preview all shards."""
    first_run: Usage
    """`ambient up`."""


def adoption(toolchain: Toolchain, compiled: Path, workspaces: int, say: Callable[[str], None]) -> Adoption:
    """Measure an adoption in a new cluster, which is always removed afterwards.

    Raises:
        BenchError: A command failed, or the proof found a difference.
    """
    directory = Path(tempfile.mkdtemp(prefix="ambient-bench-"))
    cluster = Cluster(directory / "sandbox", toolchain)
    try:
        prepare(directory / "sandbox", toolchain)
        cluster.start()
        _make(cluster, workspaces)
        project = FleetProject(directory / "work", cluster, compiled, workspaces)
        steps = (("adopt", NAME, "--no-check"), ("adopt", NAME, "--format", "json"), ("up", NAME, "--yes"))
        usages = []
        for words in steps:
            ended = project.run(_AMBIENT, *words)
            if "json" in words and not json.loads(ended.text[ended.text.index("{") :])["check"]["clean"]:
                message = f"the proof found a difference:\n{ended.text[-2000:]}"
                raise BenchError(message)
            say(f"  {' '.join(words)}: {ended.usage.seconds:.1f} s, {ended.usage.cpu_seconds:.1f} s of CPU")
            usages.append(ended.usage)
        return Adoption(workspaces, *usages)
    finally:
        cluster.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _make(cluster: Cluster, workspaces: int) -> None:
    api: Api = cluster.api()

    def make(workspace: UiWorkspace) -> None:
        for path, body in workspace.objects():
            api.request("POST", path, json.dumps(body).encode())

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(make, histories(workspaces)))
