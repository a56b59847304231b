"""What programs write to the API server, from its audit log: recorded without secrets, and sent again elsewhere.

A recording has each write in a workspace that a policy of the guard may refuse: who, what, and whether the guard
refused it. Names stay, so that later writes meet what earlier ones made.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ambient_components.guard.source import policies
from sandbox.credentials import ADMIN, DEPLOYER
from tests.support.attacks import MERGE
from tests.support.callers import Caller, Callers
from tests.support.machine import Machine

_METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETE"}
_WATCHED = {resource for policy in policies() for watch in policy.watches for resource in watch["resources"]}
_OF_THIS_MOMENT = ("uid", "resourceVersion", "managedFields", "creationTimestamp", "generation")


@dataclass(frozen=True)
class Write:
    user: str
    groups: tuple[str, ...]
    method: str
    path: str
    body: Any
    refused: bool
    """Whether the guard refused it."""

    def __str__(self) -> str:
        return f"{self.method} {self.path} by {self.user}"


class AuditLog:
    """The audit log of the API server of a machine, with bodies."""

    def __init__(self, machine: Machine) -> None:
        self.folder = machine.directory / "audit"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._policy, self._log = self.folder / "policy.json", self.folder / "log"
        rule = {"level": "Request", "verbs": [*_METHODS]}
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [rule]}
        self._policy.write_text(json.dumps(policy))

    @property
    def flags(self) -> list[str]:
        """Flags of the API server."""
        return [f"--audit-policy-file={self._policy}", f"--audit-log-path={self._log}"]

    def writes(self, workspace: str) -> Iterator[Write]:
        """Return the writes in a workspace that the guard looks at, but for those of runs and of Kubernetes."""
        for line in self._log.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            where = event.get("objectRef", {})
            caller = event.get("impersonatedUser", event["user"])
            resource = "/".join(filter(None, [where.get("resource"), where.get("subresource")]))
            name, groups = caller.get("username", ""), caller.get("groups", [])
            if where.get("namespace") != workspace or resource not in _WATCHED:
                continue
            if name in (ADMIN.name, DEPLOYER.name) or "system:masters" in groups or name.startswith("system:kube"):
                continue
            said = event.get("responseStatus", {})
            body = _without_secrets(where["resource"], event.get("requestObject"))
            method, path = _METHODS[event["verb"]], event["requestURI"]
            refused = "denied request: guard " in said.get("message", "")
            write = Write(name, tuple(sorted({*groups} - {"system:authenticated"})), method, path, body, refused)
            yield Write(**json.loads(json.dumps(asdict(write)).replace(workspace, "THIS")))


def _without_secrets(resource: str, body: Any) -> Any:
    if isinstance(body, dict):
        metadata = {name: value for name, value in body.get("metadata", {}).items() if name not in _OF_THIS_MOMENT}
        body = {**{part: value for part, value in body.items() if part != "status"}, "metadata": metadata}
        if resource == "secrets":
            body |= {part: dict.fromkeys(body[part], "eA==") for part in ("data", "stringData") if body.get(part)}
    return body


def read(file: Path) -> list[Write]:
    return [Write(**write) for write in json.loads(file.read_text(encoding="utf-8"))]


def rendered(writes: Iterable[Write]) -> str:
    """Return the text of a recording: a line for each write. What the operator writes again and again is there once."""
    lines: list[str] = []
    for write in writes:
        line = json.dumps(asdict(write), sort_keys=True)
        if not (write.user.endswith(":agentic-operator") and line in lines):
            lines.append(line)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def send_again(machine: Machine, workspace: str, writes: list[Write]) -> None:
    """Send writes in a workspace, as their users. The guard refuses those that it refused, and takes all others.

    It may refuse a token at first, as the API server learns of roles in its own time.
    """
    callers = Callers(machine.cluster)
    for recorded in writes:
        write = Write(**json.loads(json.dumps(asdict(recorded)).replace("THIS", workspace)))
        body = _owned(machine, workspace, write.body)
        patch = "application/json-patch+json" if isinstance(body, list) else MERGE
        kind = patch if write.method == "PATCH" else "application/json"
        caller = Caller(write.user, tuple(write.groups))

        def same(write: Write = write, caller: Caller = caller, body: Any = body, kind: str = kind) -> bool:
            answer = callers.send(caller, write.method, write.path, body, kind)
            if write.refused or "denied request: guard " in answer.message:
                return write.refused == ("denied request: guard " in answer.message)
            # It was sent, and is no write to something that never was.
            assert write.method == "DELETE" or answer.status != 404, f"{write}: {answer.message}"
            return True

        machine.until(same, f"the guard answers as recorded: {write}")


def _owned(machine: Machine, workspace: str, body: Any) -> Any:
    """The body with today's owners: Kubernetes deletes what belongs to an object that is not there."""
    if not isinstance(body, dict) or not body.get("metadata", {}).get("ownerReferences"):
        return body
    owners = []
    for owner in body["metadata"]["ownerReferences"]:
        plural = "projectsettings" if owner["kind"] == "ProjectSettings" else f"{owner['kind'].lower()}s"
        there = machine.get(f"/{_root(owner['apiVersion'])}/namespaces/{workspace}/{plural}/{owner['name']}")
        owners += [{**owner, "uid": there["metadata"]["uid"]}] if there else []
    return {**body, "metadata": {**body["metadata"], "ownerReferences": owners}}


def _root(version: str) -> str:
    return f"apis/{version}" if "/" in version else f"api/{version}"
