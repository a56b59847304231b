"""Arguments, and deployment or next steps, of `ambient keys rotate` and `ambient keys revoke`."""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated

import typer

from ambient_components import clock
from ambient_components.access.entries import Ledger
from ambient_components.cli import completion
from ambient_components.cli.edits.bucket_keys import editable, following, renewable
from ambient_components.cli.edits.deployment import Deployment, by_stack, next_steps
from ambient_components.cli.edits.pending import Aim
from ambient_components.cli.edits.renewal import renew_accounts
from ambient_components.cli.keys.now import KeyDeployment, deploy, deployed_buckets
from ambient_components.engine.command import Engine
from ambient_components.errors import AmbientError, Problem, StepError
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import ledger_of
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stacks.deployed import KeyName
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
    places: Mapping[str, Collection[KeyName]],
    aims: Mapping[KeyName, Aim],
    edited: Collection[str],
    after: LoadedStack,
    *,
    now: bool,
    renew: bool = False,
    fleet: str = "",
    buckets: Mapping[str, Mapping[str, int]] | None = None,
) -> None:
    """Print the next steps or, with `now`, deploy."""
    stacks = sorted({*places, *(buckets or ())})
    steps: list[str] = []
    if now:
        steps = deploy(
            [
                KeyDeployment(
                    engine, project, stack, edited, {key: aims[key] for key in places.get(stack, ())},
                    _declared(after, places.get(stack, ())), (buckets or {}).get(stack, {}), renew,
                )
                for stack in stacks
            ]
        )  # fmt: skip
    print(next_steps(edited, () if now else stacks, fleet, steps))


def renewals(
    engine: Engine, project: Project, stack: str, loaded: LoadedStack, workspaces: Iterable[str]
) -> dict[str, dict[str, int]]:
    """Return the next generations of the credentials of workspaces' own buckets, by the stack that deploys them.

    None if a state can't be read: that must not keep a leaked key.
    """
    buckets = renewable(loaded, workspaces)
    places = by_stack(project, stack, loaded, {one: one for one in buckets})
    try:
        deployed = deployed_buckets(engine, places)
    except AmbientError:
        return {}
    generations = editable(loaded, following(buckets, deployed))
    found = {place: {one: generations[one] for one in here if one in generations} for place, here in places.items()}
    return {place: here for place, here in found.items() if here}


def renew_keyless(
    engine: Engine, project: Project, stack: str, loaded: LoadedStack, workspaces: Collection[str]
) -> None:
    """Renew the accounts of workspaces that have no keys to rotate."""
    problems: list[Problem] = []
    for place, here in by_stack(project, stack, loaded, {name: name for name in workspaces}).items():
        declared = ledger_of({name: loaded.file.workspaces[name] for name in here}, Calendar.of(loaded.file))
        try:
            cluster = Deployment(engine, project, place, ()).cluster()
            problems += renew_accounts(cluster, declared, here, clock.now()).failed
        except StepError as error:
            problems.append(error.problem.within(f"{place}: its accounts are not renewed"))
    if problems:
        raise AmbientError(problems)


def _declared(after: LoadedStack, keys: Collection[KeyName]) -> Ledger:
    """Return the declared access of the keys' workspaces."""
    names = dict.fromkeys(workspace for workspace, _ in keys)
    return ledger_of({name: after.file.workspaces[name] for name in names}, Calendar.of(after.file))
