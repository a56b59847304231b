"""Building a part of the toolchain with Go. Output goes to a log, and the binary is renamed when complete."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.go import Go, go_environment, run_go
from sandbox.parts import CORE, GO_FLAGS, KUBERNETES_PLUGIN, LANGUAGE_EXEC, PLUGIN_VERSION, Part
from sandbox.paths import TOOLCHAIN_SOURCES, partial_file
from sandbox.progress import Tick

_PLUGIN_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_PLUGIN_SDK = "github.com/pulumi/pulumi-kubernetes/sdk/v4"
_PLUGIN_SDK_PACKAGES = ("", "utilities", "helm/v4", "yaml/v2")
"""The packages of the plugin's Go SDK that the plugin needs, once `kinds.go` no longer needs all the others."""

_SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"


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
        run_go(command, source, log, tick, part.title)
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
    """Return a copy of our main package, completed.

    It gets two embedded files, which upstream generates and does not publish, and the part of the plugin's Go SDK that
    the plugin needs, with our `kinds.go`. Go refuses a `-overlay` of files in the module cache.
    """
    ours = TOOLCHAIN_SOURCES / KUBERNETES_PLUGIN
    copy = folder / "build" / KUBERNETES_PLUGIN
    copy.mkdir(parents=True, exist_ok=True)
    for name in ("go.mod", "go.sum", "main.go"):
        (copy / name).write_bytes((ours / name).read_bytes())
    command = _module_folder(go, copy, _PLUGIN_MODULE, log, tick) / "cmd" / "pulumi-resource-kubernetes"
    schema = json.loads((command / "schema.json").read_text(encoding="utf-8"))
    schema["version"] = PLUGIN_VERSION
    (copy / "schema-embed.json").write_text(json.dumps(schema), encoding="utf-8")
    (copy / "terraform-mapping-embed.json").write_bytes((command / "terraform-mapping.json").read_bytes())
    # Downloaded before it is replaced, so that Go compares it with go.sum.
    sdk = _module_folder(go, copy, _PLUGIN_SDK, log, tick)
    (copy / "sdk").mkdir(exist_ok=True)
    (copy / "sdk" / "go.mod").write_bytes((sdk / "go.mod").read_bytes())
    for package in _PLUGIN_SDK_PACKAGES:
        target = copy / "sdk" / "go" / "kubernetes" / package
        target.mkdir(parents=True, exist_ok=True)
        for path in (sdk / "go" / "kubernetes" / package).glob("*.go"):
            (target / path.name).write_bytes(path.read_bytes())
    (copy / "sdk" / "go" / "kubernetes" / "yaml" / "v2" / "kinds.go").write_bytes(
        (ours / "sdk" / "kinds.go").read_bytes()
    )
    with (copy / "go.mod").open("a", encoding="utf-8") as module:
        module.write(f"\nreplace {_PLUGIN_SDK} => ./sdk\n")
    return copy


def _module_folder(go: Go, module: Path, dependency: str, log: Path, tick: Tick) -> Path:
    """Return the module cache's folder of a dependency, downloaded if needed."""
    run_go([str(go.program), "mod", "download", dependency], module, log, tick, dependency)
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
