"""`ambient reshard`: move each workspace's state to its assigned shard. Nothing in a cluster changes."""

import sys
from dataclasses import replace
from typing import Annotated

import typer

from ambient_components.cli import completion
from ambient_components.cli.options import Yes, misuse, wrong_value
from ambient_components.cli.prompts import one_stack
from ambient_components.engine.backend import stack_names
from ambient_components.engine.rewriting import items
from ambient_components.errors import Where, fail, stop
from ambient_components.fleet.decisions import records_of
from ambient_components.fleet.resharding import (
    Resharder,
    Resharding,
    lines,
    named,
    numbers_of,
    read_states,
    resharding,
    written,
)
from ambient_components.shards.names import home, shard_count
from ambient_components.stackfile.loader import divided, load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, bare_name, stack_path
from ambient_components.stacks.selection import Fleet, find_fleet, listed

SETTINGS = {"allow_extra_args": True}
"""A number behind the fleet is answered with its option."""

EPILOG = """\
\b
examples:
  ambient reshard prod --shards 12 --dry-run    show what would move
  ambient reshard prod --shards 12              set 12 in the config, create missing stacks, and move workspaces
  ambient reshard prod                          after a changed `shard:` in a file, or after an interruption
  ambient reshard prod --shards 8               turn a plain stack into a fleet of 8 shards

\b
Only states and run records change. No object is created, changed or deleted, and no key is renewed. Meanwhile runs
refuse workspaces that are not in their assigned stack, so stop deployments, and commit the config afterwards. Stacks
that are no longer needed become empty. --remove-empty removes them.

\b
exit codes: 0 success, or nothing to do; 1 error, or not confirmed; 2 changes pending (--dry-run); 64 wrong usage;
            130 Ctrl-C
"""


def reshard(
    context: typer.Context,
    fleet: Annotated[
        str,
        typer.Argument(
            metavar="FLEET", help="The fleet or the plain stack, such as prod.", autocompletion=completion.stacks
        ),
    ] = "",
    named: Annotated[str, typer.Option("--stack", "-s", help="Same as the argument, as in pulumi.")] = "",
    shards: Annotated[
        int,
        typer.Option(
            "--shards", metavar="N", help="New number of shards. Default: the number in the config.", show_default=False
        ),
    ] = 0,
    remove_empty: Annotated[
        bool, typer.Option("--remove-empty", help="Remove stacks that are no longer needed and empty.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would move.")] = False,
    yes: Yes = False,
) -> None:
    """Move workspaces between the shards of a fleet, without changing the cluster."""
    if context.args:
        misuse("FLEET", f"only one can be named. Did you mean --shards {context.args[0]}?")
    name = one_stack(fleet, named)
    if not yes and not dry_run and not sys.stdin.isatty():
        stop("an answer is needed, and there is no terminal to ask at", "give --yes, or --dry-run")
    if shards:
        try:
            shard_count(shards)
        except ValueError as error:
            raise wrong_value(error, "--shards") from None
    project = Project.find()
    before, desired = _fleets(project, name, shards)
    homes = _homes(project, desired)
    resharder = _survey(desired)
    places = resharder.places()
    missing = [number for number in range(desired.count) if desired.stack(number) not in resharder.numbers]
    plan = resharding(resharder.states, homes, places, lambda workspace: desired.stack(home(workspace, desired.count)))
    leaving = [stack for stack in resharder.states if stack not in places]
    changed = before is None or before.count != desired.count
    full = [stack for stack in leaving if remove_empty or items(resharder.states[stack])]
    todo = bool(plan.moves or plan.twice or changed or missing or full)
    states = written(resharder.states, plan, places)
    _show(before, desired, plan, missing)
    if dry_run:
        raise typer.Exit(2 if todo else 0)
    if todo and not yes and not typer.confirm(f"\nDo this to {name}?", default=False, err=True):
        print("ambient: nothing is moved", file=sys.stderr)
        raise typer.Exit(1)
    resharder.make(missing)
    if changed:
        resharder.configure()
    if todo:
        resharder.apply(states)
    for stack in leaving:
        _leave(resharder, stack, remove=remove_empty)
    if resharder.settle_records():
        print("repaired run records that an interrupted move had left")
    print(f"Done. Nothing changed in the cluster: ambient plan {name}" if todo else "Nothing is to move.")


def _survey(desired: Fleet) -> Resharder:
    """Return every state that may have workspaces of the fleet, ready to be moved."""
    engine = pulumi.PulumiEngine(desired.project.folder)
    known = {bare_name(stack) for stack in stack_names(engine)}
    numbers = {desired.stack(number): number for number in numbers_of(desired, known)}
    plain = [desired.name] if bare_name(desired.name) in known else []
    states = read_states(engine, [*plain, *numbers])
    # Records of removed shards too.
    widest = replace(desired, count=1 + max([desired.count - 1, *numbers.values()]))
    resharder = Resharder(engine, desired, records_of(widest), states, numbers)
    resharder.check()
    return resharder


def _fleets(project: Project, name: str, shards: int) -> tuple[Fleet | None, Fleet]:
    """Return the fleet as configured (None for a plain stack) and as it is to be."""
    if names := listed(project, name):
        stop(f"{name} is several fleets", f"one at a time: ambient reshard {names[0]}")
    if (shard := project.shard_of(name)) is not None:
        stop(f"{name} is a shard of {shard[0]}", f"ambient reshard {shard[0]}")
    if not project.config_file(name).is_file():
        where = Where(project.shown(project.config_file(name)))
        fail(where, "", "there is no such config", f"ambient init {name}")
    before = find_fleet(project, name)
    if before is None and not shards:
        stop(f"{name} is a plain stack", f"ambient reshard {name} --shards N makes it a fleet")
    desired = Fleet(project, name, shards or (before.count if before else 0), project.config(name))
    return before, desired


def _homes(project: Project, fleet: Fleet) -> dict[str, str]:
    workspaces = divided(load_stack(stack_path(project, fleet.name)), fleet.count)
    return {name: fleet.stack(number) for number, names in workspaces.items() for name in names}


def _show(before: Fleet | None, desired: Fleet, plan: Resharding, missing: list[int]) -> None:
    was = "a plain stack so far" if before is None else f"{before.count} so far"
    now = "" if before is not None and before.count == desired.count else f" ({was})"
    print(f"{desired.name}: {desired.count} shard{'' if desired.count == 1 else 's'}{now}")
    if missing:
        print(f"  new stacks: {named([desired.stack(number) for number in missing])}")
    for line in lines(plan):
        print(line)


def _leave(resharder: Resharder, stack: str, *, remove: bool) -> None:
    """Forget a stack that is no longer needed, unless it still has something, and optionally remove it."""
    if items(resharder.states[stack]):
        print(f"{stack} still has something that no workspace's file speaks of: pulumi stack export --stack {stack}")
        return
    if (number := resharder.numbers.get(stack)) is not None:
        resharder.records.remove(number)
    if not remove:
        print(f"{stack} is empty. To remove it: pulumi stack rm {stack} --preserve-config --yes")
        return
    # Without the flag, the config file is deleted. It is the fleet's if the stack was a plain one.
    resharder.engine.run("stack", "rm", "--yes", "--preserve-config", "--stack", stack)
    print(f"{stack} is removed")
