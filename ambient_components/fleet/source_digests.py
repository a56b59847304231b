"""Fingerprints of a fleet's secrets that are neither in its files nor in its config: they show whether one changed."""

from collections.abc import Iterable, Mapping

from ambient_components.cluster.guard import Guard
from ambient_components.program.secret_sources import SourceReader, is_outside, used_sources
from ambient_components.shards import secret_mark
from ambient_components.stackfile import LoadedStack, Source, Workspace


def fingerprints(stack: LoadedStack, guard: Guard, key: bytes | None) -> dict[str, Mapping[str, str] | None]:
    """Return the fingerprints of the values outside, by workspace and place; None: a value can't be read.

    Args:
        stack: The fleet's files.
        guard: The fleet's cluster.
        key: What fingerprints are made with; without one there are none.
    """
    outside = {name: found for name, one in stack.file.workspaces.items() if (found := _outside(one))}
    if not outside or key is None:
        return dict.fromkeys(outside)
    reader = SourceReader(stack, guard, [source for found in outside.values() for source in found.values()])
    return {name: _fingerprints(reader, key, name, found) for name, found in outside.items()}


def needs_key(stack: LoadedStack) -> bool:
    """Tell whether some value is neither in the files nor in the config."""
    return any(_outside(one) for one in stack.file.workspaces.values())


def config_keys(workspaces: Iterable[Workspace]) -> set[str]:
    """Return the keys of the config that hold values of these workspaces."""
    return {source.config for one in workspaces for *_, source in used_sources(one) if source.config}


def _outside(workspace: Workspace) -> dict[str, Source]:
    return {".".join(map(str, path)): one for *_, path, one in used_sources(workspace) if is_outside(one)}


def _fingerprints(reader: SourceReader, key: bytes, name: str, found: Mapping[str, Source]) -> dict[str, str] | None:
    values = {place: reader.read(name, source) for place, source in found.items()}
    marks = {place: secret_mark(key, value) for place, value in values.items() if isinstance(value, str)}
    # The engine has to say what is wrong with the others.
    return marks if len(marks) == len(values) else None
