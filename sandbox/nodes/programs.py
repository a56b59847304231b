"""The programs of a node: Kubernetes' own and two more, built with Go, and the distribution's containers."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sandbox.parts import NODE_KITS
from sandbox.toolchain import build_alone

PACKAGES = "containerd runc containernetworking-plugins iptables ipset debootstrap"
"""Debian's names of what has to be there."""

_NEEDED = ("containerd", "ctr", "runc", "iptables", "ipset", "debootstrap", "ip", "nsenter", "unshare", "tar", "chroot")
_NETWORK_PLUGINS = ("/usr/lib/cni", "/opt/cni/bin")
_HIDDEN = ("/var/lib", "/var/log", "/run")
"""Folders that a node has of its own."""


@dataclass(frozen=True)
class NodePrograms:
    """Absolute paths. `network_plugins` is the folder of the CNI plugins."""

    kubelet: Path
    kube_proxy: Path
    kube_scheduler: Path
    kube_router: Path
    coredns: Path
    network_plugins: Path


def build_programs(console: Console) -> NodePrograms:
    """Return the programs. Build what is not in the cache."""
    found = build_alone(NODE_KITS, console)
    return NodePrograms(
        kubelet=found["kubelet"],
        kube_proxy=found["kube-proxy"],
        kube_scheduler=found["kube-scheduler"],
        kube_router=found["kube-router"],
        coredns=found["coredns"],
        network_plugins=_network_plugins(),
    )


def missing(directory: Path) -> str | None:
    """Return None if nodes can run on this machine, else the reason why not.

    Args:
        directory: The sandbox's folder.
    """
    return next(_missing(directory), None)


def _missing(directory: Path) -> Iterator[str]:
    if sys.platform != "linux":
        yield "nodes need Linux"
        return
    if os.geteuid() != 0:
        yield "nodes need root: containers, mounts and networks are made"
    absent = [name for name in _NEEDED if shutil.which(name) is None]
    if not any((folder / "bridge").exists() for folder in map(Path, _NETWORK_PLUGINS)):
        absent.append("CNI plugins")
    if absent:
        yield (
            f"nodes need {', '.join(absent)}: apt-get install --no-install-recommends {PACKAGES} "
            "(with recommends, it would mount control groups a second time)"
        )
    for name in ("bridge", "netfilter"):
        if not Path(f"/proc/sys/net/{name}").exists():
            yield f"nodes need the kernel's {name} filter: modprobe br_netfilter"
    for hidden in _HIDDEN:
        if directory.is_relative_to(hidden):
            yield f"nodes have a {hidden} of their own, so the sandbox can't be in {directory}"


def _network_plugins() -> Path:
    return next(folder for folder in map(Path, _NETWORK_PLUGINS) if (folder / "bridge").exists())
