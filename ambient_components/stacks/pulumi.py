"""The `pulumi` command for the verbs."""

import os
from pathlib import Path

from ambient_components.engine.command import Pulumi
from ambient_components.shards import split_shard
from ambient_components.shards.excluded import EXCLUDE_VARIABLE
from ambient_components.stacks.project import Project

_CONFIGURED = frozenset({"up", "preview", "refresh", "destroy", "config"})
"""Commands that use a stack's config, with --config-file."""

_CONFIG_FILE = "--config-file"


class PulumiEngine(Pulumi):
    """The `pulumi` command in a project with fleets: a shard uses its fleet's config."""

    def arguments(self, given: tuple[str, ...]) -> tuple[str, ...]:
        """Return the arguments, with the fleet's config file if they name a shard."""
        if given[0] not in _CONFIGURED or "--stack" not in given[:-1] or _CONFIG_FILE in given:
            return given
        stack = given[given.index("--stack") + 1]
        if split_shard(stack) is None:
            return given
        project = Project.find(self.folder)
        if project.shard_of(stack) is None:
            return given
        return (*given, _CONFIG_FILE, str(project.config_file(stack)))

    def environment(self) -> dict[str, str]:
        """Return the environment, without excluded workspaces, which only a run over a fleet sets, with flags."""
        return {name: value for name, value in super().environment().items() if name != EXCLUDE_VARIABLE}


def engine_for(folder: Path) -> PulumiEngine:
    """Return the engine for runs: a failed step holds back no revocation (docs/how-it-works.md)."""
    environ = {"PULUMI_CONTINUE_ON_ERROR": "true", "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "false"}
    return PulumiEngine(folder, {**os.environ, **environ})
