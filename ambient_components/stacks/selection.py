"""The fleet that a name on the command line means: its files, its shards, or the several stacks that a file lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambient_components.errors import AmbientError, fail
from ambient_components.shards.names import FLEET_KEY, shard_stack
from ambient_components.stackfile.yaml.reader import ParsedYaml, parse_yaml, read_text
from ambient_components.stacks.project import Project, bare_name, stack_path


@dataclass(frozen=True)
class Fleet:
    """The stacks of one stack file, on one cluster."""

    project: Project
    name: str
    """The name on the command line, with its organisation."""
    count: int
    """Number of shards."""
    config: Mapping[str, Any]
    """The config in the project's namespace. Encrypted values stay encrypted."""
    plain: bool = False
    """Whether it is a stack without shards that a file with `stacks:` lists. It has no records and always runs."""

    @property
    def owner(self) -> str:
        return f"{self.project.name}/{bare_name(self.name)}"

    @property
    def config_file(self) -> Path:
        return self.project.config_file(self.name)

    @property
    def stack_file(self) -> str:
        """The stack file, relative to the project's folder, as the program names it."""
        return str(self.project.stack_file(self.name).relative_to(self.project.folder))

    @property
    def platform_namespace(self) -> str:
        return self.project.platform_namespace(self.name)

    @property
    def has_key(self) -> bool:
        """Whether the config has the key for secret digests."""
        return FLEET_KEY in self.config

    def stack(self, number: int) -> str:
        """Return the stack name of a shard. A plain stack has only number 0, the stack itself."""
        return self.name if self.plain else shard_stack(self.name, number)

    def flags(self, number: int) -> tuple[str, ...]:
        if self.plain:
            return ("--stack", self.name)
        return ("--stack", self.stack(number), "--config-file", str(self.config_file))


def find_fleet(project: Project, stack: str) -> Fleet | None:
    """Return the fleet of this name. None for a plain stack."""
    count = project.shards(stack)
    return None if count is None else Fleet(project, stack, count, project.config(stack))


def find_fleets(project: Project, stack: str) -> tuple[Fleet, ...] | None:
    """Return the fleets that a name means: one fleet, or all that a file with `stacks:` lists. None for a plain one.

    A file may list plain stacks too (`Fleet.plain`).
    """
    names = listed(project, stack)
    if names is None:
        fleet = find_fleet(project, stack)
        return None if fleet is None else (fleet,)
    for name in names:
        stack_path(project, name)  # fails if the file is missing, because a refresh or a destroy loads no files
    return tuple(
        find_fleet(project, name) or Fleet(project, name, 1, project.config(name), plain=True) for name in names
    )


def listed(project: Project, stack: str) -> tuple[str, ...] | None:
    """Return the fleets and stacks that a file lists instead of workspaces. None if it lists none."""
    path = project.stack_file(stack)
    parsed = _several(path, project)
    if parsed is None:
        return None
    where, names = parsed.sources.value(("stacks",)), parsed.data["stacks"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        fail(where, "stacks", "is no list of names", "allowed: stacks: [prod-eu, prod-us]")
    if others := sorted(set(parsed.data) - {"stacks"}):
        at = parsed.sources.key((others[0],))
        fail(at, others[0], "is beside stacks", "a file that names stacks has nothing else")
    prefix = stack.rpartition("/")[0]
    stacks = tuple(f"{prefix}/{name}" if prefix and "/" not in name else name for name in names)
    bare = [bare_name(name) for name in stacks]
    if twice := next((name for name in bare if bare.count(name) > 1), None):
        # Two organisations are no exception: the files, and so the ownership annotations, would be the same.
        fail(where, "stacks", f"names {twice!r} twice")
    for name in stacks:
        if (shard := project.shard_of(name)) is not None:
            fail(where, "stacks", f"{name!r} is a shard", f"name its fleet: {shard[0]}")
        if _several(project.stack_file(name), project) is not None:
            fail(where, "stacks", f"the file of {name!r} names stacks itself", "name those stacks here")
    return stacks


def _several(path: Path, project: Project) -> ParsedYaml | None:
    """Return the content of a file with `stacks:`. None for any other file."""
    try:
        text = read_text(path)
    except AmbientError:
        return None  # loading the file reports the reason
    if "stacks" not in text:  # avoids parsing, which takes a third of a second for 1,000 workspaces
        return None
    parsed = parse_yaml(text, project.shown(path))
    return parsed if "stacks" in parsed.data else None
