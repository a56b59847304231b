"""What a phase took of the cluster itself: CPU of its programs, and requests, by its own count."""

import os
from dataclasses import dataclass
from pathlib import Path

from sandbox.cluster import Cluster


@dataclass(frozen=True)
class Server:
    """Since the cluster's start, or between two moments."""

    api_cpu: float
    """CPU seconds of the API server."""
    other_cpu: float
    """The same of etcd and the controllers."""
    requests: int
    """All that the API server answered, those of the controllers included."""

    def since(self, before: "Server") -> "Server":
        """What came to it after an earlier moment."""
        return Server(self.api_cpu - before.api_cpu, self.other_cpu - before.other_cpu, self.requests - before.requests)


def now(cluster: Cluster) -> Server:
    """As it is at this moment. The CPU is 0 where there is no /proc."""
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
