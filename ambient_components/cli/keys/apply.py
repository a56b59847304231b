"""Writing edited stack files and deploying them with `--now`, for `ambient keys rotate` and `ambient keys revoke`."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from ambient_components.cli import completion
from ambient_components.cli.keys.edit import SelectedKey
from ambient_components.cli.keys.now import Deployment, deploy
from ambient_components.cli.keys.required import Aim
from ambient_components.cli.writing import write_files
from ambient_components.engine.command import Engine
from ambient_components.errors import AmbientError, Problem
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks.passphrase import require_passphrase
from ambient_components.stacks.project import Project
from ambient_components.stacks.states import stacks_of

Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="WORKSPACE/KEY", help="Keys, such as payments/ci.", autocompletion=completion.keys),
]
"""The selected keys."""

StackOfKeys = Annotated[
    str, typer.Option("--stack", "-s", help="Same as STACK, as in pulumi. All arguments are then keys.")
]
"""The stack as an option; `prompts.stack_and_keys` accepts either."""


def write_stack(path: str, texts: Mapping[str, str]) -> LoadedStack:
    """Write a stack's edited files, all or none, and return the resulting stack.

    Args:
        path: The stack file, used to validate the result.
        texts: The new contents by file.

    Raises:
        AmbientError: The files can't be written, or the resulting stack is invalid. The old files are then restored.
    """
    before = {file: Path(file).read_bytes() for file in texts}
    try:
        write_files({file: text.encode() for file, text in texts.items()})
        return load_stack(path)
    except AmbientError as error:
        write_files(before)
        note = Problem(None, "", "nothing is written: the stack would not be valid with what was asked for")
        raise AmbientError([note, *error.problems]) from None


def by_stack(
    project: Project, stack: str, loaded: LoadedStack, selected: Collection[SelectedKey]
) -> dict[str, list[SelectedKey]]:
    """Return the keys by the stack that deploys them. For a fleet, these are the shards that have the keys.

    Raises:
        AmbientError: A shard was named, and one of the keys is in another one.
    """
    pins = {workspace: loaded.file.workspaces[workspace].shard for workspace, _ in selected}
    places = stacks_of(project, stack, pins)
    found: dict[str, list[SelectedKey]] = {}
    for one in selected:
        found.setdefault(places[one[0]], []).append(one)
    return dict(sorted(found.items()))


def require_passphrases(project: Project, stacks: Iterable[str]) -> None:
    """Ask for the passphrases of stacks before files are changed.

    Raises:
        AmbientError: A passphrase is needed, and there is no terminal to ask at.
    """
    for stack in stacks:
        require_passphrase(project, stack)


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
    steps = [f"git diff {' '.join(edited)}", f"git commit {' '.join(edited)}"] if edited else []
    if now:
        deploy(
            [
                Deployment(engine, project, stack, {key: aims[key] for key in keys}, edited)
                for stack, keys in places.items()
            ]
        )
    else:
        steps += [f"ambient up {fleet}"] if fleet else [f"pulumi up --stack {stack}" for stack in places]
    print("\nNext:\n  " + "\n  ".join(steps))
