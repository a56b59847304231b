"""The machine and the program versions, without which results mean nothing."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.toolchain import Toolchain


@dataclass(frozen=True)
class Machine:
    """The machine and the programs at the start of a run."""

    date: str
    cores: int
    cpu: str
    load: float
    """Load average of the last minute before the run. Near 0 on an idle machine."""

    python: str
    pulumi: str
    kubernetes_plugin: str

    def line(self) -> str:
        """Return the description on one line."""
        return (
            f"{self.date}, {self.cores} cores, {self.cpu}, load before {self.load:.1f}, "
            f"Python {self.python}, pulumi {self.pulumi}, kubernetes plugin {self.kubernetes_plugin}"
        )


def this_machine(toolchain: Toolchain) -> Machine:
    """Return the description of this machine."""
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        cpu=_cpu(),
        load=os.getloadavg()[0],
        python=platform.python_version(),
        pulumi=_pulumi_version(toolchain.pulumi),
        kubernetes_plugin=_plugin_version(toolchain.kubernetes_plugin),
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _pulumi_version(program: Path) -> str:
    answer = subprocess.run([program, "version"], capture_output=True, text=True, check=False, timeout=30)
    return answer.stdout.strip() or "unknown"


def _plugin_version(program: Path) -> str:
    """Return a plugin's version, requested as the engine does, because a plugin has no --version."""
    with subprocess.Popen([program, "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as plugin:
        try:
            port = plugin.stdout.readline().decode().strip() if plugin.stdout else ""
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                return str(stub.GetPluginInfo(empty_pb2.Empty(), timeout=30).version)
        except grpc.RpcError:
            return "unknown"
        finally:
            plugin.kill()
