"""Writes edited stack files, and deploys them with `--now`: for `ambient keys rotate` and `ambient keys revoke`."""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from ambient_components.errors import AmbientError, Problem

if TYPE_CHECKING:
    from ambient_components.cli.engine import Engine
    from ambient_components.cli.keys_edit import Chosen
    from ambient_components.cli.project import Project
    from ambient_components.spec.loader import LoadedStack

_SHOWN_STEPS: Final = 20
# An engine that fails after it was asked for JSON says why in the middle of it.
_AS_JSON = re.compile(r" failed: \{.*", re.DOTALL)


def stack_and_names(first: str, others: Iterable[str], option: str) -> tuple[str, list[str]]:
    """The stack and the keys: `STACK WORKSPACE/KEY...`, or `WORKSPACE/KEY... --stack STACK`.

    Raises:
        typer.BadParameter: No stack is given, or one that can't be.
    """
    from ambient_components.cli.terminal import one_stack  # noqa: PLC0415

    if option and first and first != option:
        return one_stack("", option), [first, *others]
    return one_stack(first, option), list(others)


def write_stack(path: str, texts: Mapping[str, str]) -> None:
    """Write a stack's edited files, each whole or not at all.

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
        load_stack(path)
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
    chosen: Mapping[str, Collection["Chosen"]],
    files: Collection[str],
    *,
    now: bool,
    again: str = "",
    fleet: str = "",
) -> None:
    """Say what is left to do, or with `now` do it.

    Args:
        engine: The engine.
        chosen: The keys that were changed, by the stack that deploys them.
        fleet: Its name, where they are shards of one.
        files: The files that were changed.
        now: Whether to deploy.
        again: What running the command again would do, for users whom `now` refused.

    Raises:
        AmbientError: Pulumi failed.
        typer.Exit: The plan holds something else; the user was told.
    """
    steps = [f"git diff {' '.join(files)}", f"git commit {' '.join(files)}"]
    for stack, keys in chosen.items():
        if now:
            _deploy(engine, stack, keys, files, again)
        elif not fleet:
            steps.append(f"pulumi up --stack {stack}")
    if fleet and not now:
        steps.append(f"ambient up {fleet}")
    print("\nNext:\n  " + "\n  ".join(steps))


def engine_for(folder: Path) -> "Engine":
    """The engine in which a failed step holds back no revocation (docs/how-it-works.md)."""
    from ambient_components.cli.engine import PulumiEngine  # noqa: PLC0415

    environ = {"PULUMI_CONTINUE_ON_ERROR": "true", "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "false"}
    return PulumiEngine(folder, {**os.environ, **environ})


def _deploy(engine: "Engine", stack: str, chosen: Collection["Chosen"], files: Collection[str], again: str) -> None:
    from ambient_components.cli.pending import pending  # noqa: PLC0415

    found = pending(_plan(engine, stack, files, again), chosen)
    if found.others:
        shown, more = found.others[:_SHOWN_STEPS], len(found.others) - _SHOWN_STEPS
        lines = [f"  {step.op}  {step.name}" for step in shown] + ([f"  and {more} more"] if more > 0 else [])
        print(
            f"ambient: the plan for {stack} holds more than this, so nothing is deployed:",
            *lines,
            f"{_are_edited(files)}. To deploy all of it: pulumi up --stack {stack}{again}",
            sep="\n",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    if not found.keys:
        print(f"\nThe plan for {stack} is empty: nothing is to be deployed.")
        return
    print(f"\nThe plan for {stack} holds nothing else: deploying it.", flush=True)
    try:
        engine.run("up", "--yes", "--skip-preview", "--stack", stack, ask=True)
    except AmbientError as error:
        note = Problem(
            None, "", f"{_are_edited(files)}, and not all of it is deployed", f"pulumi up --stack {stack}{again}"
        )
        raise AmbientError([*error.problems, note]) from None


def _plan(engine: "Engine", stack: str, files: Collection[str], again: str) -> Mapping[str, Any]:
    remedy = f"mend it, then: pulumi up --stack {stack}{again}"
    note = Problem(None, "", f"{_are_edited(files)}, and nothing is deployed", remedy)
    try:
        plan = json.loads(engine.run("preview", "--json", "--stack", stack))
    except AmbientError as error:
        why = f" failed; to see why: pulumi preview --stack {stack}"
        told = [Problem(item.where, item.path, _AS_JSON.sub(why, item.problem), item.remedy) for item in error.problems]
        raise AmbientError([*told, note]) from None
    except ValueError:
        plan = None
    if not isinstance(plan, dict):
        unread = Problem(None, "", "`pulumi preview --json` printed something else than a plan")
        raise AmbientError([unread, note])
    return plan


def _are_edited(files: Collection[str]) -> str:
    return f"{', '.join(files)} {'is' if len(files) == 1 else 'are'} edited"


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
        raise AmbientError([Problem(None, str(error.filename or ""), problem, "see who may write there")]) from None
    finally:
        for made in beside:
            with suppress(OSError):
                made.unlink()
