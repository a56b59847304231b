"""The programs that the sandbox starts: installed ones, and the rest downloaded or built once into the cache."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from sandbox.build import build_part, fetch_language_exec
from sandbox.errors import SandboxError
from sandbox.go import Go, find_go, usable_cores
from sandbox.locking import one_at_a_time
from sandbox.machine import FIELDS, Installed, look_around
from sandbox.parts import KITS, LANGUAGE_EXEC, LANGUAGE_KITS, SDKS_KIT, Kit, Part, machine_key
from sandbox.paths import cache_root, is_set
from sandbox.progress import Pace, Progress, minutes
from sandbox.releases import add_downloaded, add_downloads, cache_errors, mirror

_OF_THE_CLUSTER = ("etcd", "kube-apiserver", "kube-controller-manager", "versitygw")


@dataclass(frozen=True)
class Toolchain:
    """Absolute paths of the programs.

    With a real Python language host, `language_host` is set and `language_exec` is None. With the stand-in it is the
    other way round. The programs of the cluster and the store are None if an existing cluster is used.
    """

    pulumi: Path
    kubernetes_plugin: Path
    kube_apiserver: Path | None
    kube_controller_manager: Path | None
    etcd: Path | None
    versitygw: Path | None
    language_host: Path | None
    language_exec: Path | None
    yaml_host: Path | None
    java_host: Path | None
    sdks: Path | None

    @property
    def path_entries(self) -> tuple[Path, ...]:
        """Folders to put first on PATH, so that the engine finds itself, its plugin and its language host."""
        programs = [
            self.pulumi,
            self.kubernetes_plugin,
            *filter(None, (self.language_host, self.yaml_host, self.java_host)),
        ]
        return tuple(dict.fromkeys(program.parent for program in programs))

    def to_json(self) -> dict[str, str | None]:
        """Return the content of `.sandbox/toolchain.json`, from which `env` answers without running Go again."""
        return {name: str(path) if path else None for name, path in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, str | None]) -> Toolchain:
        """Read the result of `to_json`. An incomplete file is refused."""

        def required(name: str) -> Path:
            value = data.get(name)
            if not value:
                message = f"The recorded toolchain lacks {name}: run `python -m sandbox start`."
                raise SandboxError(message)
            return Path(value)

        def optional(name: str) -> Path | None:
            value = data.get(name)
            return Path(value) if value else None

        return cls(
            pulumi=required("pulumi"),
            kubernetes_plugin=required("kubernetes_plugin"),
            kube_apiserver=optional("kube_apiserver"),
            kube_controller_manager=optional("kube_controller_manager"),
            etcd=optional("etcd"),
            # Missing in the record of an older sandbox. Its next start adds it.
            versitygw=optional("versitygw"),
            language_host=optional("language_host"),
            language_exec=optional("language_exec"),
            yaml_host=optional("yaml_host"),
            java_host=optional("java_host"),
            sdks=optional("sdks"),
        )


def find_or_build(console: Console, *, cluster: bool = True, languages: bool = False) -> Toolchain:
    """Return a complete toolchain. Download what is neither installed nor in the cache, and build the rest.

    Without `cluster` it has no programs of the cluster and the store; with `languages` it has those of SDKs.
    """
    desired = (*KITS, *LANGUAGE_KITS) if languages else KITS
    kits = {kit: [part for part in kit.parts if cluster or part.name not in _OF_THE_CLUSTER] for kit in desired}
    with cache_errors():
        return _complete_toolchain(kits, Progress(console))


def find_or_build_sdks(console: Console) -> Path:
    """Return the writer of SDKs. Build it alone if it is not in the cache."""
    return build_alone((SDKS_KIT,), console)["ambient-sdks"]


def build_alone(kits: Sequence[Kit], console: Console) -> dict[str, Path]:
    """Return the programs of some kits by name. Build what is not in the cache, and download nothing."""
    found, progress, pace = look_around(), Progress(console), Pace(usable_cores())
    desired = {kit: kit.parts for kit in kits}
    programs: dict[str, Path] = {}
    with cache_errors():
        for kit in kits:
            folder = _built(desired, kit, found, progress, pace)
            programs |= {part.name: _program(part, folder, found) for part in kit.parts}
    return programs


def _complete_toolchain(kits: Mapping[Kit, Sequence[Part]], progress: Progress) -> Toolchain:
    found = _with_releases(kits, look_around(), progress)
    programs: dict[str, Path] = {}
    language_exec: Path | None = None
    pace = Pace(usable_cores())
    for kit, parts in kits.items():
        folder = _built(kits, kit, found, progress, pace)
        programs |= {part.name: _program(part, folder, found) for part in parts}
        if folder and kit.language_exec and found.language_host is None:
            language_exec = folder / "bin" / LANGUAGE_EXEC
    return Toolchain(
        pulumi=programs["pulumi"],
        kubernetes_plugin=programs["pulumi-resource-kubernetes"],
        kube_apiserver=programs.get("kube-apiserver"),
        kube_controller_manager=programs.get("kube-controller-manager"),
        etcd=programs.get("etcd"),
        versitygw=programs.get("versitygw"),
        language_host=found.language_host,
        language_exec=language_exec,
        yaml_host=programs.get("pulumi-language-yaml"),
        java_host=programs.get("pulumi-language-java"),
        sdks=programs.get("ambient-sdks"),
    )


def _with_releases(kits: Mapping[Kit, Sequence[Part]], found: Installed, progress: Progress) -> Installed:
    """Return `found` with downloaded programs, in place of those that are neither installed nor built."""
    if is_set("AMBIENT_BUILD"):
        return found
    # A build comes before an earlier download, because its Pulumi may be newer and have written the stacks' state.
    found = add_downloaded(found, _unbuilt(kits, found), _this_machine())
    missing = _unbuilt(kits, found)
    if not missing or (is_set("AMBIENT_OFFLINE") and not mirror().startswith("file:")):
        return found
    return add_downloads(found, missing, _this_machine(), progress)


def _unbuilt(kits: Mapping[Kit, Sequence[Part]], found: Installed) -> list[str]:
    """Return the names of the programs that are neither in `found` nor in the cache's newest build of their kit."""
    names: list[str] = []
    for kit, parts in kits.items():
        builds = _builds(kit)
        if _finished(kit, parts, found) is None:
            newest = builds[-1] if builds else None
            missing = [part.name for part in _missing(newest, parts, found)]
            if _needs_exec(newest, kit, found) and "pulumi" not in missing:
                missing.append(LANGUAGE_EXEC)  # a built Pulumi is of no use without it
            names += missing
    return names


def _go_to_build(kits: Mapping[Kit, Sequence[Part]], found: Installed) -> Go:
    try:
        return find_go()
    except SandboxError as error:
        if not is_set("AMBIENT_OFFLINE"):
            raise
        names = ", ".join(_unbuilt(kits, found))
        message = f"With AMBIENT_OFFLINE, these are neither installed nor in {cache_root()}: {names}.\n{error}"
        raise SandboxError(message) from error


def _built(
    kits: Mapping[Kit, Sequence[Part]], kit: Kit, found: Installed, progress: Progress, pace: Pace
) -> Path | None:
    """Return the cache folder with the missing parts of a kit, built if needed. None if nothing is missing."""
    folder, parts = cache_root() / "toolchain", kits[kit]
    cached = _finished(kit, parts, found)
    if cached is None and (_missing(None, parts, found) or _needs_exec(None, kit, found)):
        go = _go_to_build(kits, found)
        cached = folder / f"{kit.sources_key()}-{machine_key(go.goos, go.goarch, go.version)}"
        _complete(go, cached, kit, parts, found, progress, pace)
    return cached


def _program(part: Part, folder: Path | None, found: Installed) -> Path:
    path = _found_part(found, part) or (folder / "bin" / part.name if folder else None)
    if path is None:
        message = f"{part.name} was neither found nor built."
        raise SandboxError(message)
    return path


def _found_part(found: Installed, part: Part) -> Path | None:
    path: Path | None = getattr(found, FIELDS[part.name]) if part.name in FIELDS else None
    return path


def _missing(folder: Path | None, parts: Sequence[Part], found: Installed) -> list[Part]:
    return [
        part
        for part in parts
        if _found_part(found, part) is None and (folder is None or not os.access(folder / "bin" / part.name, os.X_OK))
    ]


def _needs_exec(folder: Path | None, kit: Kit, found: Installed) -> bool:
    there = folder is not None and (folder / "bin" / LANGUAGE_EXEC).exists()
    return kit.language_exec and found.language_host is None and not there


def _builds(kit: Kit) -> list[Path]:
    """Return the cache folders for these sources, built by any Go version, the newest last."""
    folders = (cache_root() / "toolchain").glob(f"{kit.sources_key()}-{_this_machine()}-*")
    return sorted(folders, key=lambda path: path.stat().st_mtime)


def _finished(kit: Kit, parts: Sequence[Part], found: Installed) -> Path | None:
    """Return a complete cache folder for these sources, so that no compiler is needed."""
    complete = [path for path in _builds(kit) if not _missing(path, parts, found) and not _needs_exec(path, kit, found)]
    return complete[-1] if complete else None


def _this_machine() -> str:
    """Return GOOS-GOARCH of this machine, because a shared cache may have builds for others."""
    return f"{os.uname().sysname.lower()}-{architecture()}"


def architecture() -> str:
    """Return the processor's name as Go and container images have it."""
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _complete(
    go: Go, folder: Path, kit: Kit, parts: Sequence[Part], found: Installed, progress: Progress, pace: Pace
) -> None:
    with one_at_a_time(folder / "lock", "Another run is building the sandbox's parts", progress):
        # Checked again under the lock: another run may have built it meanwhile.
        missing: Sequence[Part] = _missing(folder, parts, found)
        if missing:
            total = minutes(pace.estimate(sum(part.cpu_seconds for part in missing)))
            progress.say(
                f"Building {len(missing)} of the sandbox's parts with {go.version}, once: {total}. "
                f"They go to {folder / 'bin'}"
            )
        for number, part in enumerate(missing):
            hint = minutes(pace.estimate(part.cpu_seconds))
            if rest := missing[number:][1:]:
                hint += f", the others after it {minutes(pace.estimate(sum(other.cpu_seconds for other in rest)))}"
            with progress.step(f"[{number + 1}/{len(missing)}] {part.title}", hint) as tick:
                started, used = time.monotonic(), _children_seconds()
                build_part(go, part, folder, tick)
                pace.learn(part.cpu_seconds, _children_seconds() - used, time.monotonic() - started)
        if _needs_exec(folder, kit, found):
            with progress.step("Program runner of the Python SDK") as tick:
                fetch_language_exec(go, folder, tick)


def _children_seconds() -> float:
    """Return the CPU seconds of all ended child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
