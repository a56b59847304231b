"""Which fleet a name on the command line means: its files, its shards, and what a file lists of several clusters."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ambient_components.cli.project import Project, bare_name
from ambient_components.cli.stacks import stack_path
from ambient_components.contract import PLATFORM_NAMESPACE_DEFAULT
from ambient_components.errors import AmbientError, fail
from ambient_components.shards import FLEET_KEY, shard_stack
from ambient_components.spec.yamlfile import ParsedYaml, parse_yaml, read_text


@dataclass(frozen=True)
class Fleet:
    """The stacks of one set of files, on one cluster."""

    project: Project
    name: str
    """As it was named, with its organisation."""
    count: int
    """How many shards it has."""
    config: Mapping[str, Any]
    """What its config says in the project's namespace; encrypted values stay as they are."""
    plain: bool = False
    """Whether it is one stack without shards, which a file with `stacks:` lists: no records, and it is always run."""

    @property
    def owner(self) -> str:
        """PROJECT/FLEET, as everything that it makes is marked."""
        return f"{self.project.name}/{bare_name(self.name)}"

    @property
    def config_file(self) -> Path:
        """The one config of all shards."""
        return self.project.config_file(self.name)

    @property
    def platform_namespace(self) -> str:
        """Where its run records are."""
        return str(self.config.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT)

    @property
    def has_key(self) -> bool:
        """Whether its config has the key that marks of secret values are made with."""
        return FLEET_KEY in self.config

    def stack(self, number: int) -> str:
        """Name of a shard's stack; a plain stack has one, number 0, which is the stack itself."""
        return self.name if self.plain else shard_stack(self.name, number)

    def flags(self, number: int) -> tuple[str, ...]:
        """What names a shard to the engine."""
        if self.plain:
            return ("--stack", self.name)
        return ("--stack", self.stack(number), "--config-file", str(self.config_file))


def find_fleet(project: Project, stack: str) -> Fleet | None:
    """The fleet of this name; None: it is a plain stack.

    Raises:
        AmbientError: its config can't be read, or says a number of shards that can't be.
    """
    count = project.shards(stack)
    return None if count is None else Fleet(project, stack, count, project.config(stack))


def find_fleets(project: Project, stack: str) -> tuple[Fleet, ...] | None:
    """All that a name stands for: one fleet, or what a file with `stacks:` lists; None: it is a plain stack.

    Among those that a file lists may be plain stacks (`Fleet.plain`).

    Raises:
        AmbientError: as `find_fleet` and `listed`, or one has no file.
    """
    names = listed(project, stack)
    if names is None:
        fleet = find_fleet(project, stack)
        return None if fleet is None else (fleet,)
    for name in names:
        stack_path(project, name)  # it says so where there is none: a refresh or a destroy loads no files
    return tuple(
        find_fleet(project, name) or Fleet(project, name, 1, project.config(name), plain=True) for name in names
    )


def listed(project: Project, stack: str) -> tuple[str, ...] | None:
    """The fleets and stacks that a file names instead of workspaces; None: it names none.

    Raises:
        AmbientError: the list is wrong, or has what can't be run with others: a shard, or a file with `stacks:`.
    """
    path = project.stack_file(stack)
    parsed = _several(path, project)
    if parsed is None:
        return None
    where, names = parsed.sources.value(("stacks",)), parsed.data["stacks"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        fail(where, "stacks", "is no list of names", "allowed: stacks: [prod-eu, prod-us]")
    if others := sorted(set(parsed.data) - {"stacks"}):
        at = parsed.sources.key((others[0],))
        fail(at, others[0], "stands beside stacks", "a file that names stacks has nothing else")
    prefix = stack.rpartition("/")[0]
    found = tuple(f"{prefix}/{name}" if prefix and "/" not in name else name for name in names)
    bare = [bare_name(name) for name in found]
    if twice := next((name for name in bare if bare.count(name) > 1), None):
        # Also with two organisations: their files, and so their marks, are the same.
        fail(where, "stacks", f"names {twice!r} twice")
    for name in found:
        if (shard := project.shard_of(name)) is not None:
            fail(where, "stacks", f"{name!r} is a shard", f"name its fleet: {shard[0]}")
        if _several(project.stack_file(name), project) is not None:
            fail(where, "stacks", f"the file of {name!r} names stacks itself", "name those stacks here")
    return found


def _several(path: Path, project: Project) -> ParsedYaml | None:
    """The content of a file with `stacks:`; None: it is another one."""
    try:
        text = read_text(path)
    except AmbientError:
        return None  # whoever loads it says why
    if "stacks" not in text:  # the parser takes a third of a second for 1,000 workspaces
        return None
    parsed = parse_yaml(text, project.shown(path))
    return parsed if "stacks" in parsed.data else None
