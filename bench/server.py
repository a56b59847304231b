"""The cluster's own cost of a phase: CPU of its programs, and requests by its own count."""

import os
from dataclasses import dataclass
from pathlib import Path

from sandbox.cluster import Cluster


@dataclass(frozen=True)
class Server:
    """Totals since the cluster's start, or the difference between two times."""

    api_cpu: float
    """CPU seconds of the API server."""
    other_cpu: float
    """CPU seconds of etcd and the controllers."""
    requests: int
    """Number of requests at the API server, including those of the controllers."""

    def since(self, before: "Server") -> "Server":
        """Return the difference to an earlier time."""
        return Server(self.api_cpu - before.api_cpu, self.other_cpu - before.other_cpu, self.requests - before.requests)


def now(cluster: Cluster) -> Server:
    """Return the current totals. CPU is 0 without /proc."""
    etcd, api_server, controllers = (_cpu(service.pid()) for service in cluster.services)
    text = str(cluster.api().request("GET", "/metrics"))
    counts = (line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("apiserver_request_total{"))
    return Server(api_server, etcd + controllers, int(sum(map(float, counts))))


def _cpu(pid: int | None) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
