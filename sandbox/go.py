"""The Go compiler: finding it, running it, and explaining its failures."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.parts import CORE, GO_ENVIRONMENT, required_go
from sandbox.paths import TOOLCHAIN_SOURCES, is_set
from sandbox.progress import Tick

LOG_LINES_SHOWN = 30
GIBIBYTE = 1 << 30
_MINIMUM_LIMIT = GIBIBYTE // 2

_OWN_PARTS = (
    "hint: Or provide finished parts: `pulumi` with its Kubernetes plugin and `versitygw` on PATH, and "
    "KUBEBUILDER_ASSETS with kube-apiserver, kube-controller-manager and etcd.\n"
    "hint: AMBIENT_MIRROR is a URL or folder to take finished programs from; with AMBIENT_OFFLINE, a folder."
)
_GO_ON = "The next run goes on where this one stopped."

# What Go and its compilers print, the problem, and what to do. The first match counts.
_FAILURES: tuple[tuple[str, str, str], ...] = (
    (
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        f"Free some space in the cache folders, which `df` shows: {{cache}} and {{go_cache}}. {_GO_ON}",
    ),
    (
        r"GOPROXY=off|GOPROXY list is|cannot query module due to|no such host|dial tcp|i/o timeout|connection re\w+|"
        r"TLS handshake|proxyconnect|x509:|reading https?://\S+: \d\d\d|unrecognized import path",
        "a Go module could not be downloaded",
        f"Check AMBIENT_OFFLINE, the network, HTTPS_PROXY and `go env GOPROXY`, then run the command again. {_GO_ON}",
    ),
    (
        r"checksum mismatch|SECURITY ERROR",
        "a downloaded Go module has another checksum than the recorded one",
        "Run `go clean -modcache`, and check what `go env GOPROXY` serves.",
    ),
    (
        r"signal: killed|cannot allocate memory|out of memory",
        "the compiler ran out of memory",
        f"Stop other programs, or compile one package at a time with GOFLAGS=-p=1. {_GO_ON}",
    ),
    (
        r"permission denied|read-only file system|build cache is (?:required|disabled)|not a directory",
        "a folder of Go is not writable",
        "Set GOCACHE and GOMODCACHE to folders that you can write. `go env` shows today's.",
    ),
)


@dataclass(frozen=True)
class Go:
    """The Go compiler: its path, and what affects the cache key."""

    program: Path
    goos: str
    goarch: str
    version: str


def find_go() -> Go:
    """Return a Go that can build the modules, or report what is installed and what is required.

    It runs in the module's folder, so that a Go with automatic toolchains reports the version that it would use.
    """
    desired = required_go()
    advice = f"\nhint: Install Go {desired} or newer, and put it on PATH.\n{_OWN_PARTS}"
    program = shutil.which("go")
    if program is None:
        message = f"There is no `go` on PATH to build the missing parts with.{advice}"
        raise SandboxError(message)
    answer = subprocess.run(
        [program, "env", "-json", "GOOS", "GOARCH", "GOVERSION"],
        cwd=TOOLCHAIN_SOURCES / CORE,
        env=go_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    # Go before 1.21 has no toolchains and ignores the module's version, so compare as well.
    values: dict[str, str] = json.loads(answer.stdout) if answer.returncode == 0 else {}
    if not values and not re.search(r"requires go|toolchain|download go1", answer.stderr):
        message = f"{program} does not work: {answer.stderr.strip()}\nhint: Make `go env` work."
        raise SandboxError(message)
    if not values or _number(values["GOVERSION"]) < _number(desired):
        elsewhere = subprocess.run([program, "version"], cwd="/", capture_output=True, text=True, check=False)
        found = elsewhere.stdout.strip() or "of an unknown version"
        detail = f"\n{answer.stderr.strip()}" if answer.stderr.strip() else ""
        message = f"{program} ({found}) is too old to build the sandbox's parts.{advice}{detail}"
        raise SandboxError(message)
    return Go(Path(program), values["GOOS"], values["GOARCH"], values["GOVERSION"])


def _number(version: str) -> tuple[int, ...]:
    digits = version.removeprefix("go").split("-")[0].split(" ")[0]
    return tuple(int("".join(filter(str.isdigit, piece)) or 0) for piece in digits.split("."))


def go_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of Go's commands: the user's, our settings, and more memory for the compilers.

    With `AMBIENT_OFFLINE` Go downloads neither modules nor itself.
    """
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local"} if is_set("AMBIENT_OFFLINE", environ) else {}
    return {**_collector(_memory(), usable_cores()), **environ, **GO_ENVIRONMENT, **offline}


def _collector(memory: int, cores: int) -> dict[str, str]:
    """Return the settings of the compilers' garbage collector, which takes a third of their time by default.

    One compiler runs per core. Together they use at most half of the memory. With a share below 512 MiB, a compiler
    that needs more would only collect garbage, so Go's defaults apply.
    """
    limit = memory // 2 // cores
    return {"GOGC": "off", "GOMEMLIMIT": str(limit)} if limit >= _MINIMUM_LIMIT else {}


def _memory() -> int:
    """Return the bytes of memory of this machine or container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8")))
    except (OSError, ValueError):  # no cgroups, or no limit: "max"
        return machine


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return the number of cores that this process may use, rounded up, as Go counts them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = map(int, quota.read_text(encoding="utf-8").split())
    except (OSError, ValueError):  # no cgroups, or no quota: "max"
        return cores
    return max(1, min(cores, math.ceil(allowed / period)))


def run_go(command: Sequence[str], cwd: Path, log: Path, tick: Tick, title: str) -> None:
    """Run a command in its own process group, with output to `log`. The group ends with this process.

    Raises:
        SandboxError: The command failed. The message has the cause if Go's output tells a known one.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=go_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            while child.poll() is None:
                tick()
                time.sleep(0.1)
        finally:
            if child.poll() is None:
                _end_group(child)
    if child.returncode != 0:
        raise SandboxError(_explained(title, child.returncode, log))


def _explained(title: str, code: int, log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    for pattern, problem, advice in _FAILURES:
        if found := re.search(pattern, text):
            start = text.rfind("\n", 0, found.start()) + 1
            line = text[start:].split("\n", 1)[0].strip()
            hint = advice.format(cache=log.parent.parent, go_cache="Go's (`go env GOCACHE`)")
            return f"{title} could not be built, because {problem}: {line}\nhint: {hint}\nhint: The log is {log}"
    lines = "\n".join(text.splitlines()[-LOG_LINES_SHOWN:])
    return f"{title} could not be built: Go ended with exit code {code}.\n{lines}\nhint: The log is {log}"


def _end_group(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
            return
