"""The two contenders that send given objects: kubectl and the raw API client."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.objects import Object, path_of
from bench.phases import Phase
from bench.process import Ended, Usage, run
from bench.project import environment_of
from sandbox.cluster import Cluster
from sandbox.credentials import DEPLOYER
from sandbox.paths import REPOSITORY

_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_TOKEN_SECONDS = 90 * 24 * 3600

Request = tuple[str, str, Any, str]
"""Method, path, body and content type."""


@dataclass
class Kubectl:
    """``kubectl apply --server-side`` of every object in every phase, without any state."""

    folder: Path
    cluster: Cluster
    compiled: Path

    def measure(self, phase: Phase, before: Sequence[Object], after: Sequence[Object]) -> Usage:  # noqa: ARG002
        """Write the objects to files, and apply or delete them."""
        self.folder.mkdir(exist_ok=True)
        spaces = [one for one in after if one["kind"] == "Namespace"]
        others = [one for one in after if one["kind"] != "Namespace"]
        for name, items in (("0-namespaces.json", spaces), ("1-objects.json", others)):
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
            (self.folder / name).write_text(text, encoding="utf-8")
        words = ["apply", "--server-side", "--force-conflicts", "-f", "."]
        if phase is Phase.DESTROY:
            words = ["delete", "-f", "0-namespaces.json"]
        return _ran(
            ["kubectl", "--cache-dir=cache", *words], self.folder, environment_of(self.cluster, self.compiled)
        ).usage


@dataclass
class RawClient:
    """The raw API client: ``bench.raw_client`` sends the requests that a phase needs, known beforehand."""

    folder: Path
    cluster: Cluster
    compiled: Path

    def measure(self, phase: Phase, before: Sequence[Object], after: Sequence[Object]) -> Usage:
        """Write the requests to a file and have them sent."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        plan = {
            "url": self.cluster.url,
            "ca": str(self.cluster.ca_file),
            "token": self.cluster.token_of(DEPLOYER.name),
            "workspaces": _requests(phase, before, after),
            "gone": [path_of(one) for one in after if one["kind"] == "Namespace"] if phase is Phase.DESTROY else [],
        }
        (self.folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        command = [sys.executable, "-m", "bench.raw_client", str(self.folder / "plan.json")]
        return _ran(command, REPOSITORY, environment_of(self.cluster, self.compiled)).usage


def _requests(phase: Phase, before: Sequence[Object], after: Sequence[Object]) -> list[list[list[Request]]]:
    """Return batches of requests by workspace. The requests of a batch may be sent concurrently."""
    if phase is Phase.NOTHING:
        # Deleted one by one, because the deployer may not list all kinds of a cluster.
        return [[[("GET", path_of(one), None, "")]] for one in after]
    old = {path_of(one): one for one in before}
    new = {path_of(one): one for one in after}
    if phase is Phase.DESTROY:
        return [[[("DELETE", path, None, "")]] for path, one in new.items() if one["kind"] == "Namespace"]
    by_workspace: dict[str, list[Object]] = {}
    for path, one in new.items():
        if path not in old:
            by_workspace.setdefault(_workspace(one), []).append(one)
    batches = {name: _made(items) for name, items in by_workspace.items()}
    for path, one in old.items():
        if path not in new:
            batches.setdefault(_workspace(one), []).append([("DELETE", path, None, "")])
    return list(batches.values())


def _made(items: Sequence[Object]) -> list[list[Request]]:
    """Return batches with the namespace first and its label last, so that no incomplete workspace is listed."""
    spaces = [one for one in items if one["kind"] == "Namespace"]
    others = [one for one in items if one["kind"] != "Namespace"]
    accounts = [path_of(one) for one in others if one["kind"] == "ServiceAccount"]
    token = {"spec": {"expirationSeconds": _TOKEN_SECONDS}}
    labels = [(path_of(one), {"metadata": {"labels": one["metadata"].get("labels", {})}}) for one in spaces]
    made: list[list[Request]] = [
        [("POST", _collection(one), _unlabelled(one), _JSON) for one in spaces],
        [("POST", _collection(one), one, _JSON) for one in others],
        [("POST", f"{path}/token", token, _JSON) for path in accounts],
        [("PATCH", path, patch, _MERGE) for path, patch in labels],
    ]
    return [batch for batch in made if batch]


def _unlabelled(space: Object) -> Object:
    return {**space, "metadata": {key: value for key, value in space["metadata"].items() if key != "labels"}}


def _collection(one: Object) -> str:
    return path_of(one).rpartition("/")[0]


def _workspace(one: Object) -> str:
    metadata = one["metadata"]
    return str(metadata.get("namespace") or metadata["name"])


def _ran(command: list[str], folder: Path, environment: dict[str, str]) -> Ended:
    ended = run(command, cwd=folder, environment=environment)
    if ended.code:
        last = "\n".join(ended.text.splitlines()[-10:])
        message = f"`{' '.join(command)}` ended with code {ended.code}:\n{last}"
        raise BenchError(message)
    return ended
