"""All inputs of a fleet's runs, loaded once: shards, digests of files and secrets, and the next dates."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from ambient_components import clock
from ambient_components._version import VERSION
from ambient_components.cluster.guard import Guard
from ambient_components.model.dates import end_of
from ambient_components.model.sources import Source
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.program.secret_sources import SourceReader, is_outside, used_sources
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.shards.records import canonical
from ambient_components.stackfile.loader import LoadedStack, divided
from ambient_components.stackfile.regular import CA_BUNDLE_MAX, Unreadable
from ambient_components.stacks.selection import Fleet

_FORM: Final = 1
"""The version of the digest. A new one makes every shard run once."""

_ACKNOWLEDGE: Final = "acknowledge"
"""Field of an entry that no run depends on."""

_PACKAGES: Final = ("pulumi", "pulumi-kubernetes", "pulumi-aws")


@dataclass(frozen=True)
class ShardInputs:
    workspaces: Mapping[str, str]
    """Digest of each workspace's own inputs. Empty if something can't be read; an empty digest equals no other."""
    digest: str
    """Digest of everything that the run depends on. Empty if unknown; the shard is then never skipped."""
    why_unknown: str = ""
    next_at: datetime | None = None
    """When the declared state next changes by date."""

    def changed(self, before: Mapping[str, str]) -> int:
        """Return the number of workspaces that differ from an earlier run, including added and removed ones."""
        names = {*self.workspaces, *before}
        return sum(
            1 for name in names if not self.workspaces.get(name) or self.workspaces.get(name) != before.get(name)
        )


def shard_inputs(fleet: Fleet, loaded: LoadedStack, guard: Guard, key: bytes | None) -> dict[int, ShardInputs]:
    """Return the inputs of each shard, by number. Without a key, shards with secret values have no digest."""
    file, now = loaded.file, clock.now()
    marks = fingerprints(loaded, guard, key)
    own = {
        name: _workspace(fleet, loaded, name, workspace, marks.get(name, {}))
        for name, workspace in file.workspaces.items()
    }
    common = _common(fleet, loaded, config_keys(file.workspaces.values()))
    inputs = {}
    for number, names in divided(loaded, fleet.count).items():
        inner = {name: own[name] for name in names}
        unknown = [name for name in names if not own[name]]
        parts = {"common": common, "shard": number, "workspaces": inner}
        inputs[number] = ShardInputs(
            inner,
            "" if unknown else hashlib.sha256(canonical(parts).encode()).hexdigest(),
            _why(unknown, key) if unknown else "",
            min((moment for moment in _moments(file, names) if moment > now), default=None),
        )
    return inputs


def _why(unknown: list[str], key: bytes | None) -> str:
    if key is None:
        return "the config has no fleetKey to compare secrets with (ambient init FLEET --shards N makes one)"
    return f"a secret or a file of workspace {unknown[0]!r} can't be read"


def _workspace(
    fleet: Fleet, loaded: LoadedStack, name: str, workspace: Workspace, marks: Mapping[str, str] | None
) -> str:
    """Return the digest of a workspace's own inputs. Empty if unknown."""
    if marks is None:
        return ""
    entry = {field: value for field, value in loaded.data[name].items() if field != _ACKNOWLEDGE}
    parts: dict[str, Any] = {"entry": entry, "marks": marks}
    if config := {key: fleet.config.get(key) for key in config_keys([workspace])}:
        parts["config"] = config
    if workspace.settings.ca_bundle is not None:
        try:
            contents = loaded.project.read(workspace.settings.ca_bundle.file, CA_BUNDLE_MAX)
        except Unreadable:
            return ""
        parts["caBundle"] = hashlib.sha256(contents).hexdigest()
    return _hash(parts)


def _common(fleet: Fleet, loaded: LoadedStack, of_workspaces: Iterable[str]) -> str:
    """Return the digest of what every shard depends on."""
    kept = set(of_workspaces)
    top = loaded.file.model_dump(
        mode="json", include={"timezone", "run_every", "exceptions", "guardrails"}, by_alias=True
    )
    folder = fleet.project.folder
    return _hash(
        {
            "form": _FORM,
            "owner": fleet.owner,
            "top": top,
            "config": {key: value for key, value in fleet.config.items() if key not in kept},
            "aws": dict(fleet.project.config(fleet.name, "aws")),
            "versions": _versions(),
            "program": [_file(folder / name) for name in _PROGRAM],
        }
    )


_PROGRAM: Final = (
    "Pulumi.yaml",
    "__main__.py",
    "pyproject.toml",
    "requirements.txt",
    "requirements.lock",
    "uv.lock",
    "poetry.lock",
)
"""Project files that determine the program and the versions of its dependencies."""


@cache
def _versions() -> dict[str, str]:
    """Return the versions of the packages that may produce other objects from the same files."""
    versions = {"ambient": VERSION}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def _file(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _hash(parts: Mapping[str, Any]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_spelled)
    return hashlib.sha256(text.encode()).hexdigest()


def _spelled(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def fingerprints(stack: LoadedStack, guard: Guard, key: bytes | None) -> dict[str, Mapping[str, str] | None]:
    """Return the fingerprints of the values outside, by workspace and place; None: a value or the key can't be read."""
    outside = {name: sources for name, workspace in stack.file.workspaces.items() if (sources := _outside(workspace))}
    if not outside or key is None:
        return dict.fromkeys(outside)
    reader = SourceReader(stack, guard, [source for sources in outside.values() for source in sources.values()])
    return {name: _fingerprints(reader, key, name, sources) for name, sources in outside.items()}


def needs_key(stack: LoadedStack) -> bool:
    """Tell whether some value is neither in the files nor in the config."""
    return any(_outside(workspace) for workspace in stack.file.workspaces.values())


def config_keys(workspaces: Iterable[Workspace]) -> set[str]:
    """Return the keys of the config that hold values of these workspaces."""
    return {source.config for workspace in workspaces for *_, source in used_sources(workspace) if source.config}


def _outside(workspace: Workspace) -> dict[str, Source]:
    return {".".join(map(str, path)): source for *_, path, source in used_sources(workspace) if is_outside(source)}


def _fingerprints(reader: SourceReader, key: bytes, name: str, sources: Mapping[str, Source]) -> dict[str, str] | None:
    values = {place: reader.read(name, source) for place, source in sources.items()}
    # They tell only whether two values are equal. Without the key, a short value could be guessed.
    marks = {
        place: hmac.new(key, value.encode(), hashlib.sha256).hexdigest()
        for place, value in values.items()
        if isinstance(value, str)
    }
    # The engine has to say what is wrong with the others.
    return marks if len(marks) == len(values) else None


def _moments(file: StackFile, names: Iterable[str]) -> Iterator[datetime]:
    """Yield when exceptions and overlaps end, and when grants begin and end, for the stack and some workspaces."""
    workspaces = [file.workspaces[name] for name in names]
    opened = [workspace for workspace in workspaces if workspace.state is not WorkspaceState.CLOSED]
    last_days: list[date | None] = [exception.until for exception in file.exceptions]
    last_days += [exception.until for workspace in workspaces for exception in workspace.exceptions]
    last_days += [key.overlap_until for workspace in opened for key in workspace.keys.values()]
    yield from (end_of(day, file.timezone) for day in last_days if day is not None)
    for workspace in opened:
        for grant in workspace.grants:
            if grant.dated:
                span = grant.span(file.timezone)
                yield from (moment for moment in (span.start, span.end) if moment is not None)
