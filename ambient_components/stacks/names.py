"""The names of stacks, workspaces and keys in a project's files, read quickly and without checks.

For suggestions, completion and the choice of a default. Whatever can't be read is left out; loading reports it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from ambient_components.errors import AmbientError
from ambient_components.shards.names import split_shard
from ambient_components.stacks.project import Project, bare_name, stack_files

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def declared_stacks(project: Project) -> list[str]:
    """Return the stacks of a project: those with a stack file and a config or, if no file has a config, all files."""
    names = [path.stem for path in stack_files(project)]
    return [name for name in names if project.path(name).is_file()] or names


def is_declared(project: Project, stack: str) -> bool:
    """Tell whether a name means a stack, a fleet or a shard that has a stack file or a config."""
    try:
        bare = bare_name(stack)
    except AmbientError:
        return False
    split = split_shard(bare)
    return any(
        (project.folder / "stacks" / f"{name}.yaml").is_file() or project.path(name).is_file()
        for name in (bare, split[0] if split else bare)
    )


def declared_keys(project: Project, stack: str) -> dict[str, list[str]]:
    """Return the names of a stack's keys by workspace, for all workspaces of the stack file and of included files."""
    keys_of: dict[str, list[str]] = {}
    for data in _files(project.stack_file(stack), project.folder.resolve(), set()):
        workspaces = data.get("workspaces")
        for name, entry in workspaces.items() if isinstance(workspaces, dict) else ():
            keys = entry.get("keys") if isinstance(entry, dict) else None
            keys_of.setdefault(str(name), [str(key) for key in keys] if isinstance(keys, dict) else [])
    return keys_of


def _files(path: Path, folder: Path, seen: set[Path]) -> Iterator[Mapping[str, Any]]:
    path = path.resolve()
    if path in seen or not path.is_relative_to(folder):
        return
    seen.add(path)
    try:
        data = yaml.load(path.read_bytes(), Loader=_LOADER)  # noqa: S506  # a safe loader
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return
    if not isinstance(data, dict):
        return
    yield data
    included = data.get("include")
    for item in included if isinstance(included, list) else ():
        pattern = item.get("path") if isinstance(item, dict) else item
        if isinstance(pattern, str) and pattern and not pattern.startswith("/"):
            for included_file in sorted(path.parent.glob(pattern)):
                yield from _files(included_file, folder, seen)
