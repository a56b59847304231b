"""The Pulumi project of a command: its folder, its name, the two files of each stack, and all its stack files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ambient_components.engine.stack_config import PROJECT_FILE, ConfigFiles
from ambient_components.errors import BadValue, Where, fail, stop
from ambient_components.output import from_here
from ambient_components.platform.contract import PLATFORM_NAMESPACE_DEFAULT
from ambient_components.shards.names import CONFIG_KEY, shard_count, split_shard
from ambient_components.suggest import did_you_mean

STACK_FILES: Final = "stacks"
"""The folder of the stack files, as in the program."""

_STACK = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/){0,2}([A-Za-z0-9_.-]{1,100})")


@dataclass(frozen=True)
class Project(ConfigFiles):
    @classmethod
    def find(cls, start: Path | None = None) -> "Project":
        """Find the project by searching upward from `start` (default: the working directory), as Pulumi does."""
        here = (start or Path.cwd()).absolute()
        if (folder := cls.folder_above(here)) is not None:
            return cls.of(folder)
        return stop(
            f"there is no {PROJECT_FILE} in {here} or above it",
            "run this in the folder of the project",
            "or start a project in this folder: ambient init --project NAME",
        )

    @staticmethod
    def folder_above(here: Path) -> Path | None:
        """Return the nearest folder with a Pulumi.yaml, from a folder upward."""
        return next((folder for folder in (here, *here.parents) if (folder / PROJECT_FILE).is_file()), None)

    def config_file(self, stack: str) -> Path:
        """Return Pulumi's config file of a stack. A shard uses the file of its fleet."""
        return self.path(bare_name(self._fleet(stack)))

    def stack_file(self, stack: str) -> Path:
        """Return the stack file of a stack. A shard uses the file of its fleet."""
        return self.folder / STACK_FILES / f"{bare_name(self._fleet(stack))}.yaml"

    def config(self, stack: str, namespace: str = "") -> Mapping[str, Any]:
        """Return the config in a namespace (default: the project's). Encrypted values stay encrypted."""
        return self._config(self.config_file(stack), namespace)

    def platform_namespace(self, stack: str) -> str:
        return str(self.config(stack).get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT)

    def shards(self, stack: str) -> int | None:
        """Return the number of shards in a stack's config. None for a plain stack or for a shard."""
        path = self.path(bare_name(stack))
        value = self._config(path).get(CONFIG_KEY)
        if value is None:
            return None
        try:
            return shard_count(value)
        except BadValue as error:
            fail(Where(self.shown(path)), f"{self.name}:{CONFIG_KEY}", error.problem, error.hints)

    def shard_of(self, stack: str) -> tuple[str, int] | None:
        """Return the fleet and the number of a shard, which has no config of its own. None for any other stack."""
        split = split_shard(stack)
        # The name is not enough: it may be the name of a plain stack.
        if split is None or self._says_something(self.path(bare_name(stack))):
            return None
        count = self.shards(split[0])
        return split if count is not None and split[1] < count else None

    def owner(self, stack: str) -> str:
        """Return PROJECT/FLEET, the value of a stack's ownership annotations."""
        return f"{self.name}/{bare_name(self._fleet(stack))}"

    def _says_something(self, path: Path) -> bool:
        """Tell whether a config has values. Without --config-file, `pulumi preview` creates one with only a salt."""
        return path.exists() and bool(self.read(path).get("config"))

    def _fleet(self, stack: str) -> str:
        shard = self.shard_of(stack)
        return stack if shard is None else shard[0]

    def _config(self, path: Path, namespace: str = "") -> Mapping[str, Any]:
        return self.values(path, namespace) if path.exists() else {}


def is_true(value: object) -> bool:
    """Tell whether a value of a stack's config is true: Pulumi writes it as a text or as a boolean."""
    return str(value).lower() == "true"


def bare_name(stack: str) -> str:
    """Return a stack's name without organisation and project. Its files have this name."""
    match = _STACK.fullmatch(stack)
    if match is None or match[1].strip(".") == "":
        stop(f"{stack!r} can't name a stack", "allowed: letters, digits, _ . and -, after ORG/ where needed")
    return match[1]


def stack_files(project: Project) -> list[Path]:
    """Return all files in the folder of stack files, sorted, without Pulumi's config files."""
    files = (project.folder / STACK_FILES).glob("*.yaml")
    return sorted(path for path in files if not path.name.startswith(("Pulumi.", ".")))


def stack_path(project: Project, stack: str) -> str:
    """Return the path of a stack file, relative to the working directory."""
    path = project.stack_file(stack)
    if not path.is_file():
        names = [path.stem for path in stack_files(project)]
        suggestion = did_you_mean(bare_name(stack), names)
        there = f"stacks with a file: {', '.join(names)}" if names else f"`ambient init {stack}` makes one"
        fail(Where(from_here(path)), "", "there is no such stack file", there, suggestion)
    return from_here(path)
