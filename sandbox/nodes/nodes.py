"""The nodes of a sandbox's cluster: their network, their programs, and what the cluster needs to run pods on them."""

from __future__ import annotations

import json
import string
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from sandbox.cluster import Cluster
from sandbox.credentials import ADMIN, kubeconfig
from sandbox.errors import SandboxError
from sandbox.nodes import network
from sandbox.nodes.node import Node, handed_down, remove_cgroups
from sandbox.nodes.programs import NodePrograms
from sandbox.paths import REPOSITORY, private_folder, write_private
from sandbox.processes import Service

READY_SECONDS = 180.0

_MARK = "made.json"
"""A file that is there as long as this sandbox may have nodes: the boot of this machine, and what to restore."""

_CONTROLLERS = (
    "cronjob-controller",
    "deployment-controller",
    "endpointslice-controller",
    "job-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "statefulset-controller",
    "taint-eviction-controller",
    "ttl-after-finished-controller",
)
"""Those that the cluster without nodes does not have (`sandbox.commands`)."""

# A node counts as dead after 20 seconds instead of 50, since the tests wait for it.
_GRACE = "--node-monitor-grace-period=20s"


class Nodes:
    """Three nodes of a cluster that runs. `ports` are further ones on this machine's loopback that pods reach.

    Args:
        cluster: The cluster.
        programs: The programs of a node.
        images: The root folder of a containerd that has the images.
        ports: Such as the object store's.
    """

    def __init__(self, cluster: Cluster, programs: NodePrograms, images: Path, ports: Sequence[int] = ()) -> None:
        self.cluster = cluster
        self.directory = folder_of(cluster.directory)
        self._programs = programs
        self._images = images
        self._ports = tuple(ports)
        self._forwarder, self._scheduler, self._controllers = services(self.directory)
        self.all = _nodes(self.directory)

    def start(self) -> None:
        """Start what does not run. Return when the three nodes are ready and pods have names."""
        private_folder(self.directory)
        if not any(node.service.pid() for node in self.all):
            stop(self.directory)  # what a killed run left
            noted = {"boot": _boot(), "controllers": handed_down()}
            network.make()
            (self.directory / _MARK).write_text(json.dumps(noted), encoding="utf-8")
        port = int(self.cluster.url.rpartition(":")[2])
        self._start_forwarder(port)
        own = self._write_kubeconfig(port)
        scheduler = [str(self._programs.kube_scheduler), f"--kubeconfig={self.cluster.admin_kubeconfig}"]
        _ensure(self._scheduler, [*scheduler, "--leader-elect=false", "--secure-port=0"])
        _ensure(self._controllers, [*self.cluster.controller_manager(_CONTROLLERS), _GRACE])
        for node in self.all:
            node.start(self._programs, own, self._images)
        values = {"MACHINE": network.MACHINE, "PORT": str(port), "DNS": network.DNS}
        text = Path(__file__).with_name("objects.yaml").read_text(encoding="utf-8")
        for document in yaml.safe_load_all(string.Template(text).substitute(values)):
            self.cluster.api().apply(document)
        self._wait()

    def ready(self) -> list[str]:
        """Return the names of the nodes that are ready."""
        nodes = self.cluster.api().request("GET", "/api/v1/nodes")["items"]
        return [node["metadata"]["name"] for node in nodes if _condition(node, "Ready")]

    def __enter__(self) -> Nodes:
        try:
            self.start()
        except BaseException:
            stop(self.directory)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop(self.directory)

    def _start_forwarder(self, port: int) -> None:
        forwards = [f"{network.MACHINE}:{each}={each}" for each in (port, *self._ports)]
        command = [sys.executable, "-m", "sandbox.nodes.forwarder", *forwards]
        _ensure(self._forwarder, command, {"PYTHONPATH": str(REPOSITORY)})

    def _write_kubeconfig(self, port: int) -> Path:
        """Write the administrator's kubeconfig for the nodes' programs. The certificate has the Service's name."""
        path = self.directory / "kubeconfig"
        url = f"https://{network.MACHINE}:{port}"
        content = yaml.safe_load(kubeconfig(url, self.cluster.ca_file, ADMIN.name, self.cluster.token_of(ADMIN.name)))
        content["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.default.svc"
        write_private(path, yaml.safe_dump(content))
        return path

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        dns = "/apis/apps/v1/namespaces/kube-system/deployments/dns"
        while len(self.ready()) < network.COUNT or not _condition(self.cluster.api().request("GET", dns), "Available"):
            if time.monotonic() > deadline:
                message = (
                    f"After {READY_SECONDS:.0f} s these nodes are ready: {', '.join(self.ready()) or 'none'}. Logs: "
                    f"{self.directory}/node-*/log"
                )
                raise SandboxError(message)
            for node in self.all:
                node.inside()  # refused with the log's end if it has ended
            time.sleep(0.5)


def folder_of(directory: Path) -> Path:
    """Return the folder of the nodes in a sandbox's folder."""
    return directory / "nodes"


def services(directory: Path) -> tuple[Service, Service, Service]:
    """Return the programs on this machine: forwarder, scheduler, controllers."""
    return Service("forwarder", directory), Service("kube-scheduler", directory), Service("controllers", directory)


def stop(directory: Path) -> None:
    """Stop the nodes of this folder, and take away what they brought. No effect on those of another sandbox."""
    mark = directory / _MARK
    if not mark.exists():
        return
    noted = json.loads(mark.read_text(encoding="utf-8"))
    if noted["boot"] == _boot():  # else all is gone, and what is there is another sandbox's
        for service in services(directory):
            service.stop(patience=1.0)
        for node in _nodes(directory):
            node.stop()
        network.remove()
        remove_cgroups(noted["controllers"])
    mark.unlink()


def _boot() -> str:
    """Return the id of this machine's boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _ensure(service: Service, command: list[str], environ: Mapping[str, str] | None = None) -> None:
    """Start a program unless it runs with this command: two controllers of Jobs would make every pod twice."""
    if service.pid() is None or service.command() != command:
        service.stop()
        service.start(command, environ)


def _nodes(directory: Path) -> list[Node]:
    return [Node(number, directory / f"node-{number}") for number in range(1, network.COUNT + 1)]


def _condition(item: dict[str, Any], kind: str) -> bool:
    """Whether a condition of an object's status is true."""
    conditions = item.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)
