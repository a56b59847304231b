"""Pods on the nodes of a test run: made, waited for, and entered."""

import json
from dataclasses import dataclass
from typing import Any

from sandbox.errors import SandboxError
from sandbox.nodes.images import AMBIENT
from sandbox.nodes.node import Node
from sandbox.nodes.nodes import Nodes
from tests.support.machine import Machine

CORE = "/api/v1/namespaces"
SESSION_IMAGE = "localhost/session:1"
"""Stands in for the platform's runner, and for its helper that keeps a session's state."""

SECRET = "ambient-non-vertex-integrations"
_STORE = {
    "S3_ENDPOINT": "S3_ENDPOINT",
    "S3_BUCKET": "S3_BUCKET",
    "AWS_ACCESS_KEY_ID": "S3_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY": "S3_SECRET_KEY",
}
"""Variables of the helper, by the keys of the workspace's Secret."""


@dataclass
class Pods:
    """Pods of the cluster, and what runs in them."""

    machine: Machine
    nodes: Nodes
    _entered: int = 0

    def make(self, namespace: str, name: str, **spec: Any) -> None:
        """A pod that waits. `spec` are fields of its spec; `container` those of its container, `labels` its labels."""
        container = {"name": "main", "image": AMBIENT, "command": ["tini", "--", "sleep", "infinity"]}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": spec.pop("labels", {"app": name})},
            "spec": {
                "containers": [container | spec.pop("container", {})],
                "terminationGracePeriodSeconds": 1,
                **spec,
            },
        }
        self.machine.create(f"{CORE}/{namespace}/pods", body)

    def make_session(self, namespace: str, name: str) -> None:
        """A pod as the platform's operator makes it for a session without settings, but for its probes and names."""
        variables = [
            {"name": variable, "valueFrom": {"secretKeyRef": {"name": SECRET, "key": key, "optional": True}}}
            for variable, key in _STORE.items()
        ]
        common = {
            "image": SESSION_IMAGE,
            "securityContext": {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False},
            "volumeMounts": [{"name": "workspace", "mountPath": "/workspace"}],
        }
        helper = {**common, "env": variables}
        runner = {
            "name": "ambient-code-runner",
            "envFrom": [{"secretRef": {"name": "ambient-runner-secrets"}}],
            "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "8Gi"}},
            "readinessProbe": {"httpGet": {"path": "/health", "port": 8001}, "periodSeconds": 1},
        }
        self.make(
            namespace,
            name,
            labels={"app": "ambient-code-runner", "agentic-session": name.removesuffix("-runner")},
            initContainers=[{"name": "init-hydrate", "command": ["/usr/local/bin/hydrate.sh"], **helper}],
            containers=[
                {**common, **runner},
                {"name": "state-sync", "command": ["/usr/local/bin/sync.sh"], **helper},
            ],
            volumes=[{"name": "workspace", "emptyDir": {}}],
            restartPolicy="Never",
            automountServiceAccountToken=False,
        )

    def get(self, namespace: str, name: str) -> dict[str, Any]:
        found = self.machine.get(f"{CORE}/{namespace}/pods/{name}")
        assert found is not None, f"{namespace}/{name} is gone"
        return found

    def running(self, namespace: str, name: str) -> dict[str, Any]:
        """The pod, once its containers run."""

        def runs() -> bool:
            statuses = self.get(namespace, name).get("status", {}).get("containerStatuses", [])
            return bool(statuses) and all("running" in status["state"] for status in statuses)

        try:
            self.machine.until(runs, f"{namespace}/{name} runs", 90)
        except AssertionError as error:
            raise AssertionError(json.dumps(self.get(namespace, name).get("status"), indent=1)) from error
        return self.get(namespace, name)

    def run(self, namespace: str, name: str, *words: str, container: str = "") -> str:
        """The output of a command in a container, by default the pod's first; it fails where the command does."""
        pod = self.running(namespace, name)
        numbers = {status["name"]: status["containerID"] for status in pod["status"]["containerStatuses"]}
        number = numbers[container or pod["spec"]["containers"][0]["name"]].partition("://")[2]
        self._entered += 1
        enter = ["ctr", "--namespace", "k8s.io", "task", "exec", "--exec-id", f"test-{self._entered}", number]
        try:
            return self.node_of(pod).run(*enter, *words)
        except SandboxError as error:
            raise AssertionError(str(error)) from error

    def python(self, namespace: str, name: str, program: str, *arguments: str) -> Any:
        """What a Python program in a pod prints, which is JSON."""
        return json.loads(self.run(namespace, name, "/opt/ambient/bin/python", "-c", program, *arguments))

    def node_of(self, pod: dict[str, Any]) -> Node:
        """The node of a pod that is somewhere."""
        return next(node for node in self.nodes.all if node.name == pod["spec"]["nodeName"])
