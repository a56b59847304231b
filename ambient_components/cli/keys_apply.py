"""Writes edited stack files, and deploys them with `--now`: for `ambient keys rotate` and `ambient keys revoke`."""

import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ambient_components.errors import AmbientError, Problem

if TYPE_CHECKING:
    from ambient_components.cli.keys_edit import Chosen
    from ambient_components.cli.keys_required import Aim
    from ambient_components.cli.project import Project
    from ambient_components.engine.command import Engine
    from ambient_components.spec.loader import LoadedStack


def stack_and_names(first: str, others: Iterable[str], option: str) -> tuple[str, list[str]]:
    """The stack and the keys: `STACK WORKSPACE/KEY...`, or `WORKSPACE/KEY... --stack STACK`.

    Raises:
        typer.BadParameter: No stack is given, or one that can't be.
    """
    from ambient_components.cli.terminal import one_stack  # noqa: PLC0415

    if option and first and first != option:
        return one_stack("", option), [first, *others]
    return one_stack(first, option), list(others)


def write_stack(path: str, texts: Mapping[str, str]) -> "LoadedStack":
    """Write a stack's edited files, each whole or not at all, and return the stack that they make.

    Args:
        path: The stack file, by which the stack is judged with what was written.
        texts: What to write, by file.

    Raises:
        AmbientError: They can't be written, or the stack would not be valid. All is then as it was.
    """
    from ambient_components.spec.loader import load_stack  # noqa: PLC0415

    before = {file: Path(file).read_bytes() for file in texts}
    try:
        _write({file: text.encode() for file, text in texts.items()})
        return load_stack(path)
    except AmbientError as error:
        _write(before)
        note = Problem(None, "", "nothing is written: the stack would not be valid with what was asked for")
        raise AmbientError([note, *error.problems]) from None


def by_stack(
    project: "Project", stack: str, loaded: "LoadedStack", chosen: Collection["Chosen"]
) -> dict[str, list["Chosen"]]:
    """Keys by the stack that deploys them: of a fleet the shards that hold them, and no other.

    Raises:
        AmbientError: a shard was named, and one of the keys is in another one.
    """
    from ambient_components.cli.fleets.reading import stacks_of  # noqa: PLC0415

    pins = {workspace: loaded.file.workspaces[workspace].shard for workspace, _ in chosen}
    places = stacks_of(project, stack, pins)
    found: dict[str, list[Chosen]] = {}
    for one in chosen:
        found.setdefault(places[one[0]], []).append(one)
    return dict(sorted(found.items()))


def finish(
    engine: "Engine",
    project: "Project",
    places: Mapping[str, Collection["Chosen"]],
    aims: "Mapping[Chosen, Aim]",
    files: Collection[str],
    *,
    now: bool,
    fleet: str = "",
) -> None:
    """Say what is left to do, or with `now` do it.

    Args:
        engine: The engine.
        project: With the configs of the stacks.
        places: The keys that were changed, by the stack that deploys them.
        aims: What shall come of each key.
        files: The files that were changed.
        now: Whether to deploy.
        fleet: Its name, where the stacks are shards of one.

    Raises:
        AmbientError: Pulumi failed, or an old key has not ended.
        typer.Exit: The plan holds something else; it is printed.
    """
    from ambient_components.cli.keys_now import Deployment, deploy  # noqa: PLC0415

    steps = [f"git diff {' '.join(files)}", f"git commit {' '.join(files)}"]
    if now:
        deploy(
            [
                Deployment(engine, project, stack, {key: aims[key] for key in keys}, files)
                for stack, keys in places.items()
            ]
        )
    else:
        steps += [f"ambient up {fleet}"] if fleet else [f"pulumi up --stack {stack}" for stack in places]
    print("\nNext:\n  " + "\n  ".join(steps))


def _write(contents: Mapping[str, bytes]) -> None:
    """Replace files; until all are written beside their places, none is."""
    beside: dict[Path, Path] = {}
    try:
        for file, content in contents.items():
            # A link stays one: what it leads to is replaced.
            target = Path(file).resolve()
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
                beside[Path(stream.name)] = target
                stream.write(content)
            shutil.copymode(target, stream.name)
        for made, target in beside.items():
            made.replace(target)
    except OSError as error:
        problem = f"can't be written: {error.strerror}"
        raise AmbientError([Problem(None, str(error.filename or ""), problem, ("see who may write there",))]) from None
    finally:
        for made in beside:
            with suppress(OSError):
                made.unlink()
