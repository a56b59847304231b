"""Building a part of the toolchain with Go. Output goes to a log, and the binary is renamed when complete."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.parts import CORE, GO_FLAGS, KUBERNETES_PLUGIN, LANGUAGE_EXEC, PLUGIN_VERSION, Part, required_go
from sandbox.paths import TOOLCHAIN_SOURCES, is_set, partial_file
from sandbox.progress import Tick

LOG_LINES_SHOWN = 30
_PLUGIN_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"


@dataclass(frozen=True)
class Go:
    """The Go compiler: its path, and what affects the cache key."""

    program: Path
    goos: str
    goarch: str
    version: str


def go_environment() -> dict[str, str]:
    """Return the environment of Go. With `AMBIENT_OFFLINE` it downloads neither modules nor itself."""
    return {**os.environ, **({"GOPROXY": "off", "GOTOOLCHAIN": "local"} if is_set("AMBIENT_OFFLINE") else {})}


def find_go() -> Go:
    """Return a Go that can build the modules, or report what is installed and what is required.

    It runs in the module's folder, so that a Go with automatic toolchains reports the version that it would use.
    """
    wanted = required_go()
    advice = (
        f"Building the sandbox's parts takes Go {wanted} or newer: install it and put it on PATH. "
        "Or give the sandbox finished parts: `pulumi` with its Kubernetes plugin and `versitygw` on PATH, and "
        "KUBEBUILDER_ASSETS with kube-apiserver, kube-controller-manager and etcd.\n"
        "hint: AMBIENT_MIRROR=URL downloads finished programs from where this machine can reach them."
    )
    program = shutil.which("go")
    if program is None:
        message = f"There is no `go` on PATH. {advice}"
        raise SandboxError(message)
    answer = subprocess.run(
        [program, "env", "-json", "GOOS", "GOARCH", "GOVERSION", "CGO_ENABLED"],
        cwd=TOOLCHAIN_SOURCES / CORE,
        env=go_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    # Go before 1.21 has no toolchains and ignores the module's version, so compare as well.
    values: dict[str, str] = json.loads(answer.stdout) if answer.returncode == 0 else {}
    if not values or _number(values["GOVERSION"]) < _number(wanted):
        elsewhere = subprocess.run([program, "version"], cwd="/", capture_output=True, text=True, check=False)
        found = elsewhere.stdout.strip() or "no version told"
        detail = f"\n{answer.stderr.strip()}" if answer.stderr.strip() else ""
        message = f"{program} ({found}) is too old. {advice}{detail}"
        raise SandboxError(message)
    # cgo changes the linking, so a C compiler that is installed later needs another cache.
    version = f"{values['GOVERSION']} cgo={values['CGO_ENABLED']}"
    return Go(Path(program), values["GOOS"], values["GOARCH"], version)


def _number(version: str) -> tuple[int, ...]:
    digits = version.removeprefix("go").split("-")[0].split(" ")[0]
    return tuple(int("".join(filter(str.isdigit, piece)) or 0) for piece in digits.split("."))


def build_part(go: Go, part: Part, folder: Path, tick: Tick) -> Path:
    """Build `part` into `folder/bin`, with temporary files in `folder/build` and output in `folder/logs`."""
    target = folder / "bin" / part.name
    log = folder / "logs" / f"{part.name}.log"
    for needed in (target.parent, log.parent):
        needed.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    source = TOOLCHAIN_SOURCES / part.module
    if part.module == KUBERNETES_PLUGIN:
        source = _plugin_source(go, folder, log, tick)
    with partial_file(target) as temporary:
        command = [str(go.program), "build", *GO_FLAGS, "-o", str(temporary), "-ldflags", part.ldflags, part.package]
        _run(command, source, log, tick, part.title)
    return target


def fetch_language_exec(go: Go, folder: Path, tick: Tick) -> Path:
    """Copy the SDK's program runner, a Python file in the SDK's Go module."""
    log = folder / "logs" / f"{LANGUAGE_EXEC}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    source = _module_folder(go, TOOLCHAIN_SOURCES / CORE, _SDK_MODULE, log, tick) / "python" / "cmd" / LANGUAGE_EXEC
    target = folder / "bin" / LANGUAGE_EXEC
    target.parent.mkdir(parents=True, exist_ok=True)
    with partial_file(target) as temporary:
        # Not copy2: files of the module cache are read-only and old.
        temporary.write_bytes(source.read_bytes())
        temporary.chmod(0o755)
    return target


def _plugin_source(go: Go, folder: Path, log: Path, tick: Tick) -> Path:
    """Return a copy of our main package with its two embedded files, which upstream generates and does not publish."""
    copy = folder / "build" / KUBERNETES_PLUGIN
    copy.mkdir(parents=True, exist_ok=True)
    for name in ("go.mod", "go.sum", "main.go"):
        (copy / name).write_bytes((TOOLCHAIN_SOURCES / KUBERNETES_PLUGIN / name).read_bytes())
    command = _module_folder(go, copy, _PLUGIN_MODULE, log, tick) / "cmd" / "pulumi-resource-kubernetes"
    schema = json.loads((command / "schema.json").read_text(encoding="utf-8"))
    schema["version"] = PLUGIN_VERSION
    (copy / "schema-embed.json").write_text(json.dumps(schema), encoding="utf-8")
    (copy / "terraform-mapping-embed.json").write_bytes((command / "terraform-mapping.json").read_bytes())
    return copy


def _module_folder(go: Go, module: Path, dependency: str, log: Path, tick: Tick) -> Path:
    """Return the module cache's folder of a dependency, downloaded if needed."""
    _run([str(go.program), "mod", "download", dependency], module, log, tick, dependency)
    found = subprocess.run(
        [str(go.program), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", dependency],
        cwd=module,
        env=go_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0 or not found.stdout.strip():
        message = f"Go cannot tell where {dependency} is:\n{found.stderr.strip()}"
        raise SandboxError(message)
    return Path(found.stdout.strip())


def _run(command: Sequence[str], cwd: Path, log: Path, tick: Tick, title: str) -> None:
    """Run a command in its own process group, with output to `log`. The group ends with this process."""
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
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        message = f"Building failed: {title} (exit code {child.returncode}).\n" + "\n".join(lines) + f"\nLog: {log}"
        raise SandboxError(message)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
            return
