"""The installed parts of the toolchain. They are used; only missing parts are downloaded or built."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.parts import MINIMUM_PULUMI, MINIMUM_VERSITYGW
from sandbox.paths import cache_root

LAUNCHER_MARK = "ambient-components sandbox: stand-in language host"
"""A marker in the generated launcher, so that a shell with `make env` does not mistake it for the real host."""

# `pulumi version` prints only the version, `versitygw --version` three lines of names and values.
_VERSION = re.compile(r"(?:Version *: *)?(?P<all>v?(?P<major>\d+)\.(?P<minor>\d+)\.\S*)")
_PLUGIN_FOLDER = re.compile(r"resource-kubernetes-v(\d+)\.(\d+)\.(\d+)$")


@dataclass(frozen=True)
class Installed:
    """Parts that are there. None means that one must be downloaded or built, or the language host replaced."""

    pulumi: Path | None = None
    language_host: Path | None = None
    kubernetes_plugin: Path | None = None
    kube_apiserver: Path | None = None
    kube_controller_manager: Path | None = None
    etcd: Path | None = None
    versitygw: Path | None = None
    yaml_host: Path | None = None
    java_host: Path | None = None
    sdks: Path | None = None
    """Never installed: only built."""


FIELDS = {
    "pulumi": "pulumi",
    "pulumi-language-python": "language_host",
    "pulumi-resource-kubernetes": "kubernetes_plugin",
    "kube-apiserver": "kube_apiserver",
    "kube-controller-manager": "kube_controller_manager",
    "etcd": "etcd",
    "versitygw": "versitygw",
    "pulumi-language-yaml": "yaml_host",
    "pulumi-language-java": "java_host",
    "ambient-sdks": "sdks",
}
"""The field of `Installed` for each program."""


def look_around(environ: Mapping[str, str] = os.environ) -> Installed:
    """Search PATH, Pulumi's home and `KUBEBUILDER_ASSETS`."""
    path = os.pathsep.join(_own_path(environ))
    pulumi = _new_enough(_which("pulumi", path), "version", MINIMUM_PULUMI, environ)
    host = _beside(pulumi, "pulumi-language-python", path) if pulumi else None
    if host is None:
        # A CLI without its Python host can't run a program, and ours needs the SDK files that we build with it.
        pulumi = None
    plugin = _which("pulumi-resource-kubernetes", path) or _installed_plugin(environ)
    api_server, controller_manager, etcd = _assets(environ)
    # A version built from source reports `git` and could be any.
    versitygw = _new_enough(_which("versitygw", path), "--version", MINIMUM_VERSITYGW, environ, must_tell=True)
    yaml_host, java_host = (
        _beside(pulumi, f"pulumi-language-{language}", path) if pulumi else None for language in ("yaml", "java")
    )
    return Installed(pulumi, host, plugin, api_server, controller_manager, etcd, versitygw, yaml_host, java_host)


def _new_enough(
    program: Path | None,
    argument: str,
    minimum: tuple[int, int],
    environ: Mapping[str, str],
    *,
    must_tell: bool = False,
) -> Path | None:
    """Return a program unless it is too old, which is reported. `must_tell` also refuses an unknown version."""
    answer = _output(program, argument, environ) if program else None
    if program is None or answer is None:
        return None  # it does not run
    version = _VERSION.match(answer)
    desired = ".".join(map(str, minimum))
    if version is None and must_tell:
        print(f"{program} does not tell whether it is {desired} or newer: not used", file=sys.stderr)
        return None
    if version and (int(version["major"]), int(version["minor"])) < minimum:
        print(f"{program} is {version['all']}, older than {desired}: not used", file=sys.stderr)
        return None
    return program


def pulumi_version(pulumi: Path, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the version that a Pulumi CLI reports, such as `v3.274.1`. None if it reports none."""
    found = _VERSION.match(_output(pulumi, "version", environ) or "")
    return found["all"] if found else None


def _output(program: Path, argument: str, environ: Mapping[str, str]) -> str | None:
    try:
        return subprocess.run(
            [program, argument],
            env={**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None


def _own_path(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield PATH without our own cache and launchers, which an earlier run created."""
    cache = cache_root(environ)
    for entry in environ.get("PATH", "").split(os.pathsep):
        if not entry or Path(entry).absolute().is_relative_to(cache):
            continue
        launcher = Path(entry, "pulumi-language-python")
        if not (launcher.is_file() and _is_stand_in(launcher)):
            yield entry


def _which(name: str, path: str) -> Path | None:
    # With an empty path, shutil.which falls back to the system's default.
    found = shutil.which(name, path=path) if path else None
    return Path(found).absolute() if found else None


def _beside(pulumi: Path, name: str, path: str) -> Path | None:
    beside = pulumi.resolve().parent / name
    candidates = [beside, *(Path(entry) / name for entry in path.split(os.pathsep))]
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate.absolute()
    return None


def _is_stand_in(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return LAUNCHER_MARK.encode() in stream.read(400)
    except OSError:
        return False


def _installed_plugin(environ: Mapping[str, str]) -> Path | None:
    home = Path(environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    found: list[tuple[tuple[int, ...], Path]] = []
    for folder in (home / "plugins").glob("resource-kubernetes-v*"):
        match = _PLUGIN_FOLDER.search(folder.name)
        program = folder / "pulumi-resource-kubernetes"
        if match and os.access(program, os.X_OK):
            found.append((tuple(map(int, match.groups())), program))
    return max(found)[1] if found else None


def _assets(environ: Mapping[str, str]) -> tuple[Path | None, Path | None, Path | None]:
    folder = environ.get("KUBEBUILDER_ASSETS")
    if not folder:
        return None, None, None

    def asset(name: str) -> Path | None:
        program = Path(folder).absolute() / name
        return program if os.access(program, os.X_OK) else None

    api_server, etcd = asset("kube-apiserver"), asset("etcd")
    if api_server is None or etcd is None:
        # Use both or neither: an API server is tested with a specific etcd version.
        return None, None, None
    return api_server, asset("kube-controller-manager"), etcd
