"""The Pulumi project that a command runs in: its folder, its name, and where a stack's two files are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ambient_components.errors import BadValue, Where, fail
from ambient_components.shards import CONFIG_KEY, shard_count, split_shard
from ambient_components.stack_config import PROJECT_FILE, ConfigFiles

STACK_FILES: Final = "stacks"
"""Folder of the stack files, as the program reads them."""

_STACK = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/){0,2}([A-Za-z0-9_.-]{1,100})")


@dataclass(frozen=True)
class Project(ConfigFiles):
    """A folder with a Pulumi.yaml."""

    @classmethod
    def find(cls, start: Path | None = None) -> "Project":
        """Looks upward from `start` (the working directory by default), as Pulumi itself does.

        Raises:
            AmbientError: there is none, or it can't be read.
        """
        here = (start or Path.cwd()).absolute()
        for folder in (here, *here.parents):
            if (folder / PROJECT_FILE).is_file():
                return cls.of(folder)
        return fail(
            None,
            "",
            f"there is no Pulumi.yaml in {here} or above it",
            "run this in the folder of the project, a clone of the repository for instance",
        )

    def config_file(self, stack: str) -> Path:
        """Pulumi's own config of a stack; of a shard that of its fleet."""
        return self.path(bare_name(self._fleet(stack)))

    def stack_file(self, stack: str) -> Path:
        """The workspaces of a stack; of a shard those of its fleet."""
        return self.folder / STACK_FILES / f"{bare_name(self._fleet(stack))}.yaml"

    def config(self, stack: str, namespace: str = "") -> Mapping[str, Any]:
        """What the config says in a namespace, this project's by default; encrypted values stay as they are."""
        return self._config(self.config_file(stack), namespace)

    def shards(self, stack: str) -> int | None:
        """Into how many shards a stack's config divides it; None: it is a plain stack, or a shard itself.

        Raises:
            AmbientError: the config says something that is no number of shards.
        """
        path = self.path(bare_name(stack))
        value = self._config(path).get(CONFIG_KEY)
        if value is None:
            return None
        try:
            return shard_count(value)
        except BadValue as error:
            fail(Where(self.shown(path)), f"{self.name}:{CONFIG_KEY}", error.problem, error.hints)

    def shard_of(self, stack: str) -> tuple[str, int] | None:
        """Fleet and number of a stack that is a shard: no config of its own says anything, and a fleet's counts it in.

        Raises:
            AmbientError: as `shards`.
        """
        split = split_shard(stack)
        # The name is not enough: somebody may have called a plain stack so.
        if split is None or self._says_something(self.path(bare_name(stack))):
            return None
        count = self.shards(split[0])
        return split if count is not None and split[1] < count else None

    def _says_something(self, path: Path) -> bool:
        """Whether a config has values; `pulumi preview` without --config-file leaves one with a salt alone."""
        return path.exists() and bool(self.read(path).get("config"))

    def _fleet(self, stack: str) -> str:
        shard = self.shard_of(stack)
        return stack if shard is None else shard[0]

    def _config(self, path: Path, namespace: str = "") -> Mapping[str, Any]:
        return self.values(path, namespace) if path.exists() else {}


def bare_name(stack: str) -> str:
    """A stack's name without organisation and project: its files are named after it.

    Raises:
        AmbientError: no stack can have this name.
    """
    match = _STACK.fullmatch(stack)
    if match is None or match[1].strip(".") == "":
        fail(None, "", f"{stack!r} can't name a stack", "allowed: letters, digits, _ . and -, after ORG/ where needed")
    return match[1]
