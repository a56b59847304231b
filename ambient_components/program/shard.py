"""The shard of the current stack: the part of a fleet's file that it declares, and its excluded workspaces."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pulumi

from ambient_components.engine.stack_config import ConfigFiles
from ambient_components.errors import BadValue, Problems, fail, format_path
from ambient_components.shards.excluded import Excluded, excluded_of
from ambient_components.shards.names import CONFIG_KEY, shard_count, shard_stack, split_shard
from ambient_components.shards.records import record_name
from ambient_components.stackfile.loader import LoadedStack, divided


@dataclass(frozen=True, slots=True)
class Shard:
    fleet: str
    """The fleet's name. Its stack file and its config have this name."""

    number: int
    count: int

    def record(self, owner: str, platform_namespace: str) -> str:
        return f"{platform_namespace}/{record_name(owner, self.number)}"


def this_shard(reported: str | None) -> Shard | None:
    """Return the shard of the current stack, or None if the stack is not part of a fleet."""
    stack = pulumi.get_stack()
    if reported is None:
        return None
    try:
        count = shard_count(reported)
    except BadValue as error:
        fail(None, CONFIG_KEY, error.problem, error.hints)
    split = split_shard(stack)
    if split is None:
        first = shard_stack(stack, 0)
        fail(
            None,
            CONFIG_KEY,
            f"the config divides {stack!r} into shards ({count}), and the stack itself is none of them",
            f"run all of them: ambient up {stack}, or one: pulumi up --stack {first} --config-file {_file(stack)}",
        )
    fleet, number = split
    if number >= count:
        last = shard_stack(fleet, count - 1)
        fail(
            None,
            CONFIG_KEY,
            f"stack {stack!r} is beyond the last of the fleet's shards ({count}), which is {last!r}",
            f"change the number of shards with: ambient reshard {fleet} (this moves what this stack holds)",
        )
    return Shard(fleet, number, count)


def project_files() -> ConfigFiles:
    return ConfigFiles.of(Path(pulumi.get_root_directory() or "."))


def config_stack() -> str:
    """Return the stack name of the config in use. A shard uses the config of its fleet."""
    stack = pulumi.get_stack()
    split = split_shard(stack) if pulumi.Config().get(CONFIG_KEY) is not None else None
    return stack if split is None else split[0]


def config_flags() -> str:
    """Return the flags with which `pulumi config` changes the config of this run.

    Without `--config-file`, Pulumi would create a separate config file for the shard.
    """
    stack, named = pulumi.get_stack(), config_stack()
    return f"--stack {stack}" if named == stack else f"--stack {stack} --config-file {_file(named)}"


def missing_file(path: str, stack: str) -> str:
    """Return a hint for a missing stack file if the stack has the name of a shard. Empty otherwise."""
    split = split_shard(stack)
    if split is None:
        return ""
    return (
        f"if {stack!r} is a shard of {split[0]!r} ({path} does not exist), it needs the config of its fleet: "
        f"pulumi up --stack {stack} --config-file {_file(split[0])}"
    )


def of_shard(stack: LoadedStack, shard: Shard) -> LoadedStack:
    """Return the fleet's file reduced to one shard: its workspaces, their warnings and the stack's own warnings."""
    kept = set(divided(stack, shard.count)[shard.number])
    others = [format_path(("workspaces", name)) for name in stack.file.workspaces if name not in kept]
    return replace(
        stack,
        file=stack.file.model_copy(update={"workspaces": _only(stack.file.workspaces, kept)}),
        data=_only(stack.data, kept),
        warnings=tuple(
            warning for warning in stack.warnings if not any(_is_below(warning.path, other) for other in others)
        ),
    )


def _only(entries: Mapping[str, Any], kept: set[str]) -> dict[str, Any]:
    return {name: entry for name, entry in entries.items() if name in kept}


def _is_below(path: str, above: str) -> bool:
    return path.startswith(above) and path[len(above) :][:1] in ("", ".", "[")


def _file(stack: str) -> str:
    files = project_files()
    return files.shown(files.path(stack))


def excluded_workspaces(problems: Problems, environ: Mapping[str, str] = os.environ) -> Excluded:
    try:
        return excluded_of(environ)
    except BadValue as error:
        problems.add(None, "", error.problem, error.hints)
        return {}


def is_exported(excluded: Excluded, workspace: str, key_id: str) -> bool:
    """Tell whether to export a key's token.

    For a key of an excluded workspace that does not exist yet, the engine would export a placeholder.
    """
    return workspace not in excluded or key_id in excluded[workspace]
