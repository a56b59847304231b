"""The shard that a stack is: which part of a fleet's file it declares."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pulumi

from ambient_components.errors import BadValue, fail, format_path
from ambient_components.shards import CONFIG_KEY, record_name, shard_count, shard_stack, split_shard
from ambient_components.spec import LoadedStack
from ambient_components.spec.loader import divided
from ambient_components.stack_config import ConfigFiles


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard of a fleet."""

    fleet: str
    """Stack name of the whole, after which its file is called."""

    number: int
    """From 0."""

    count: int
    """How many there are."""

    def record(self, owner: str, platform_namespace: str) -> str:
        """NAMESPACE/NAME of the ConfigMap with its run record.

        Args:
            owner: PROJECT/FLEET.
            platform_namespace: where the platform runs.
        """
        return f"{platform_namespace}/{record_name(owner, self.number)}"


def this_shard(said: str | None) -> Shard | None:
    """The shard that the stack of this run is; None: it is a plain stack.

    Args:
        said: `shards` of the config.

    Raises:
        AmbientError: this very stack must not be run with such a config.
    """
    stack = pulumi.get_stack()
    if said is None:
        return None
    try:
        count = shard_count(said)
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
            f"change the number of shards with: ambient reshard {fleet}; that moves what this stack holds",
        )
    return Shard(fleet, number, count)


def project_files() -> ConfigFiles:
    """The config files of the project of this run.

    Raises:
        AmbientError: Pulumi.yaml can't be read.
    """
    return ConfigFiles.of(Path(pulumi.get_root_directory() or "."))


def config_stack() -> str:
    """After which stack the config of this run is called: of a shard after its fleet."""
    stack = pulumi.get_stack()
    split = split_shard(stack) if pulumi.Config().get(CONFIG_KEY) is not None else None
    return stack if split is None else split[0]


def config_flags() -> str:
    """Flags of Pulumi's commands that change the config of this run: without a file they would give a shard its own."""
    stack, named = pulumi.get_stack(), config_stack()
    return f"--stack {stack}" if named == stack else f"--stack {stack} --config-file {_file(named)}"


def missing_file(path: str, stack: str) -> str:
    """What to do where a stack has no file, and its name is one of a shard; empty otherwise."""
    split = split_shard(stack)
    if split is None:
        return ""
    return (
        f"if {stack!r} is a shard of {split[0]!r} ({path} does not exist), it needs the config of its fleet: "
        f"pulumi up --stack {stack} --config-file {_file(split[0])}"
    )


def of_shard(stack: LoadedStack, shard: Shard) -> LoadedStack:
    """The fleet's file with the workspaces of one shard, and the warnings that are about them or about no workspace.

    Args:
        stack: the whole, which is valid.
        shard: the shard.

    Raises:
        AmbientError: a workspace names a shard that does not exist: nobody knows whose it is.
    """
    kept = set(divided(stack, shard.count)[shard.number])
    others = [format_path(("workspaces", name)) for name in stack.file.workspaces if name not in kept]
    return replace(
        stack,
        file=stack.file.model_copy(update={"workspaces": _only(stack.file.workspaces, kept)}),
        data=_only(stack.data, kept),
        warnings=tuple(one for one in stack.warnings if not any(_is_below(one.path, other) for other in others)),
    )


def _only(entries: Mapping[str, Any], kept: set[str]) -> dict[str, Any]:
    return {name: entry for name, entry in entries.items() if name in kept}


def _is_below(path: str, above: str) -> bool:
    return path.startswith(above) and path[len(above) :][:1] in ("", ".", "[")


def _file(stack: str) -> str:
    files = project_files()
    return files.shown(files.path(stack))
