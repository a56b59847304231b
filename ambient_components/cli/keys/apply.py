"""Arguments, and deployment or next steps, of `ambient keys rotate` and `ambient keys revoke`."""

from collections.abc import Collection, Mapping
from typing import Annotated

import typer

from ambient_components.cli import completion
from ambient_components.cli.edits.deployment import next_steps
from ambient_components.cli.keys.edit import SelectedKey
from ambient_components.cli.keys.now import KeyDeployment, deploy
from ambient_components.cli.keys.required import Aim
from ambient_components.engine.command import Engine
from ambient_components.stacks.project import Project

Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="WORKSPACE/KEY", help="Keys, such as payments/ci.", autocompletion=completion.keys),
]
"""The selected keys."""

StackOfKeys = Annotated[
    str, typer.Option("--stack", "-s", help="Same as STACK, as in pulumi. All arguments are then keys.")
]
"""The stack as an option; `prompts.stack_and_keys` accepts either."""


def finish(
    engine: Engine,
    project: Project,
    places: Mapping[str, Collection[SelectedKey]],
    aims: Mapping[SelectedKey, Aim],
    edited: Collection[str],
    *,
    now: bool,
    fleet: str = "",
) -> None:
    """Print the next steps or, with `now`, deploy.

    Args:
        engine: The engine.
        project: The project, with the configs of the stacks.
        places: The changed keys by the stack that deploys them.
        aims: The intended result for each key.
        edited: The files that were changed.
        now: Whether to deploy.
        fleet: The fleet's name if the stacks are its shards.

    Raises:
        AmbientError: Pulumi failed, or an old key is still valid.
        typer.Exit: The plan has other changes, which are printed.
    """
    if now:
        deploy(
            [
                KeyDeployment(engine, project, stack, edited, {key: aims[key] for key in keys})
                for stack, keys in places.items()
            ]
        )
    print(next_steps(edited, () if now else places, fleet))
