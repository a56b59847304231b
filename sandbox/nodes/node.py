"""One node: containerd, the kubelet, kube-proxy and an engine of network policies, in namespaces of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.nodes import network
from sandbox.nodes.images import PAUSE
from sandbox.nodes.programs import NodePrograms
from sandbox.paths import private_folder, write_private
from sandbox.processes import Service

CGROUP = "ambient-nodes"
_CGROUPS = Path("/sys/fs/cgroup")
_CONTROL = "cgroup.subtree_control"
_END_SECONDS = 20.0

# restrict_oom_score_adj: without CAP_SYS_RESOURCE, as in most containers, runc dies at the pause container's score.
_CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{folder}/cni"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""


@dataclass(frozen=True)
class Node:
    """A node of this machine, by its number from 1 on. `folder` has what it writes, until it is started again."""

    number: int
    folder: Path

    @property
    def name(self) -> str:
        """The name of the Node in the cluster."""
        return f"node-{self.number}"

    @property
    def service(self) -> Service:
        """The process that starts the node's first process. When one ends, the other does."""
        return Service(self.name, self.folder)

    def start(self, programs: NodePrograms, kubeconfig: Path, images: Path) -> None:
        """Start the node, unless it runs. It knows nothing of earlier runs.

        Args:
            programs: What it runs.
            kubeconfig: For its programs.
            images: The root folder of a containerd that has the images, as `sandbox.nodes.images` makes it.
        """
        if self.service.pid() is not None:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("lib", "log", "cni"):
            private_folder(self.folder / name)
        self._link_images(images)
        self._write_files(programs, kubeconfig)
        for controller in _controllers():
            _make_cgroup(controller / CGROUP)
            _make_cgroup(controller / CGROUP / self.name)
        inside = ["sh", str(Path(__file__).with_name("node.sh")), str(self.folder)]
        # --kill-child: who kills the first process kills the node.
        unshare = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command = ["nsenter", f"--net=/run/netns/{network.namespace(self.number)}", *unshare, *inside]
        self.service.start(command)

    def stop(self) -> None:
        """Stop it as a power failure does: nothing in it gets a moment to end."""
        self.service.stop(patience=0.0)
        for controller in _controllers():
            _remove_cgroup(controller / CGROUP / self.name)

    def run(self, *words: str) -> str:
        """Run a command in the node's namespaces, and return its output."""
        done = subprocess.run([*self.inside(), *words], capture_output=True, text=True, check=False)
        if done.returncode:
            message = f"{shlex.join(words)} on {self.name}: {done.returncode}\n{done.stdout}{done.stderr}"
            raise SandboxError(message)
        return done.stdout

    def inside(self) -> list[str]:
        """Return the words before a command that runs in the node's namespaces."""
        pid = self.service.pid()
        if pid is None:
            message = f"{self.name} does not run. The end of {self.service.log}:\n{self.service.last_lines()}"
            raise SandboxError(message)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
        return ["nsenter", "--target", children[0], "--mount", "--uts", "--ipc", "--net", "--pid", "--"]

    def _write_files(self, programs: NodePrograms, kubeconfig: Path) -> None:
        text = _CONTAINERD.format(folder=self.folder, pause=PAUSE, plugins=programs.network_plugins)
        write_private(self.folder / "containerd.toml", text)
        write_private(self.folder / "cni" / "10-nodes.conflist", json.dumps(self._pod_network()))
        write_private(self.folder / "kubelet.json", json.dumps(self._kubelet()))
        start = [
            [str(programs.kubelet), f"--config={self.folder}/kubelet.json", f"--root-dir={self.folder}/kubelet",
             f"--hostname-override={self.name}", f"--kubeconfig={kubeconfig}", f"--cert-dir={self.folder}/kubelet/pki",
             f"--node-ip={network.address(self.number)}"],
            [str(programs.kube_proxy), "--proxy-mode=iptables", f"--kubeconfig={kubeconfig}",
             f"--hostname-override={self.name}", f"--cluster-cidr={network.PODS}", "--conntrack-max-per-core=0"],
            [str(programs.kube_router), "--run-firewall=true", "--run-router=false", "--run-service-proxy=false",
             f"--kubeconfig={kubeconfig}", f"--hostname-override={self.name}", "--enable-cni=false",
             f"--service-cluster-ip-range={network.SERVICES}"],
        ]  # fmt: skip
        write_private(self.folder / "start.sh", "".join(f"{shlex.join(['keep', *words])}\n" for words in start))

    def _link_images(self, images: Path) -> None:
        """Give the node images of its own, which take no space: containerd changes nothing of them but its records."""
        own = self.folder / "containerd"
        subprocess.run(["cp", "--archive", "--link", str(images), str(own)], check=True)
        for record in own.glob("*/*.db"):
            record.unlink()
            shutil.copy2(images / record.relative_to(own), record)

    def _pod_network(self) -> dict[str, object]:
        pods = network.pods_of(self.number)
        ipam = {"type": "host-local", "ranges": [[{"subnet": pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
        bridge = {"type": "bridge", "bridge": "pods", "isGateway": True, "hairpinMode": True, "ipam": ipam}
        return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}

    def _kubelet(self) -> dict[str, object]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": network.address(self.number),
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{CGROUP}/{self.name}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "enforceNodeAllocatable": [],
            "clusterDNS": [network.DNS],
            "clusterDomain": "cluster.local",
            "resolvConf": "",
            # The three nodes share one disk, so none of them can free its space.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "100Mi"},
            "maxPods": 100,
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
            "authorization": {"mode": "Webhook"},
        }


def handed_down() -> list[str]:
    """Return the controllers that this machine's groups of version 2 have from their root."""
    roots = [controller / _CONTROL for controller in _controllers()]
    return [name for root in roots if root.exists() for name in root.read_text(encoding="utf-8").split()]


def remove_cgroups(before: Collection[str]) -> None:
    """Remove what the nodes' groups were in. The root hands down what it did `before`."""
    for controller in _controllers():
        _remove_cgroup(controller / CGROUP)
        root = controller / _CONTROL
        for name in set(root.read_text(encoding="utf-8").split() if root.exists() else ()) - set(before):
            with suppress(OSError):  # a group of another program has it by now
                root.write_text(f"-{name}", encoding="utf-8")


def _controllers() -> list[Path]:
    """Return the roots of the hierarchies: one in version 2, one a controller in version 1, or both."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [path for path in _CGROUPS.iterdir() if (path / "cgroup.procs").exists()]


def _make_cgroup(path: Path) -> None:
    """Make a group that has what its parent has: in version 1 it has no processors, in version 2 no controllers."""
    path.mkdir(exist_ok=True)
    for name in ("cpuset.mems", "cpuset.cpus"):
        if (path / name).exists() and (path.parent / name).exists():
            (path / name).write_bytes((path.parent / name).read_bytes())
    handed_down = path.parent / _CONTROL
    if handed_down.exists():
        available = (path.parent / "cgroup.controllers").read_text(encoding="utf-8").split()
        for name in available:
            handed_down.write_text(f"+{name}", encoding="utf-8")


def _remove_cgroup(path: Path) -> None:
    """Remove a group and those below it. Their processes were killed, and end in a moment."""
    deadline = time.monotonic() + _END_SECONDS
    for folder, _, _ in os.walk(path, topdown=False):
        while True:
            try:
                Path(folder).rmdir()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
