"""`ambient up`: show the plan, ask, and deploy it. Also for a fleet, or for exactly a reviewed plan."""

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ambient_components.cli.choices import Format
from ambient_components.cli.fleet_options import Form, Jobs, Shards, fleets_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ambient_components.cli.fleets.fleet import Fleet
    from ambient_components.cli.fleets.running import Request
    from ambient_components.cli.plan_saved import Saved
    from ambient_components.cli.project import Project
    from ambient_components.engine.command import Engine
    from ambient_components.plan import Plan

_SHOWN: Final = 20

EPILOG = """\
\b
examples:
  ambient up prod                          the page of `ambient plan`, a question, then `pulumi up`
  ambient up prod --yes                    without the question
  ambient plan prod --save plan.json       now; and after a review:
  ambient up prod --plan plan.json --yes   that plan, and nothing else
  ambient up fleet --yes --jobs 4          a fleet: its shards side by side, those with nothing to do skipped
  ambient up fleet --shard 3               one of them

\b
A saved plan is deployed at the moment for which it was made: dates and tokens are judged as they were reviewed. It is
refused where it is too old, where the stack was deployed since, where ambient or pulumi has another version, and where
a new plan of that moment is another one, as after a change of the files or of the cluster. Values of secrets are not
compared. docs/plan.md says who must not be able to write the file.

\b
Of a fleet one shard that fails stops no other: the summary says what failed, and what to run again. Ctrl-C lets every
engine end its step and write its state. --format json prints an object a shard as it ends, and one for all of them.
docs/fleet.md has the rest.

\b
exit codes: 0 done, or nothing to do; 3 refused by a rail; 1 an error, a plan that is refused, or "no"; 64 wrong usage;
            130 Ctrl-C
"""


def up(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack, such as dev or my-org/prod.")] = "",
    named: Annotated[str, typer.Option("--stack", "-s", help="The stack, as Pulumi's commands take it.")] = "",
    plan: Annotated[
        str, typer.Option("--plan", metavar="FILE", help="Deploy this plan, of `ambient plan --save FILE`.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Look into the cluster first, and mend what differs.")] = (
        False
    ),
    jobs: Jobs = None,
    everything: Annotated[bool, typer.Option("--all", help="Of a fleet: run also the shards with nothing to do.")] = (
        False
    ),
    shard: Shards = None,
    form: Form = Format.TEXT,
) -> None:
    """Deploy a stack after showing the plan."""
    from ambient_components.cli import plan_saved  # noqa: PLC0415
    from ambient_components.cli.fleets.running import Request  # noqa: PLC0415
    from ambient_components.cli.plan import REFUSED, show  # noqa: PLC0415
    from ambient_components.cli.project import Project  # noqa: PLC0415
    from ambient_components.cli.terminal import one_stack  # noqa: PLC0415
    from ambient_components.errors import fail  # noqa: PLC0415

    stack = one_stack(stack, named)
    if plan and refresh:
        msg = "a saved plan says itself whether it refreshes: leave --refresh out"
        raise typer.BadParameter(msg, param_hint="--refresh")
    if not yes and not sys.stdin.isatty():
        fail(None, "", "an answer is needed, and there is no terminal to ask at", "give --yes")
    project = Project.find()
    shards = tuple(shard or ())
    asked = Request("up", stack, jobs or 0, every=everything, refresh=refresh, shards=shards, form=form, yes=yes)
    if (fleets := fleets_of(project, stack, asked)) is not None:
        raise typer.Exit(_up_fleets(fleets, asked, plan))
    reviewed = plan_saved.read(plan) if plan else None
    refresh = reviewed.refresh if reviewed else refresh
    engine, found = _planned(project, stack, reviewed, refresh=refresh)
    show(found)
    sys.stdout.flush()
    if reviewed is not None:
        _check_same(reviewed, found, stack)
    if found.refused:
        raise typer.Exit(REFUSED)
    if found.errors:
        raise typer.Exit(1)
    if not found.changes:
        return
    if not yes and not typer.confirm(f"\nDeploy this to {stack}?", default=False, err=True):
        print("ambient: nothing is deployed", file=sys.stderr)
        raise typer.Exit(1)
    flags = ("--refresh",) if refresh else ()
    engine.run("up", "--yes", "--skip-preview", *flags, "--stack", stack, ask=True)


def _up_fleets(fleets: "Sequence[Fleet]", asked: "Request", plan: str) -> int:
    """Deploy one or several fleets and return the exit code."""
    from ambient_components.cli.fleets.running import run_up  # noqa: PLC0415

    if plan:
        first = fleets[0].stack(0)
        msg = f"a saved plan is of one state, and {asked.name} has many: ambient up {first} --plan FILE, one by one"
        raise typer.BadParameter(msg, param_hint="--plan")
    return run_up(fleets, asked)


def _planned(project: "Project", stack: str, reviewed: "Saved | None", *, refresh: bool) -> "tuple[Engine, Plan]":
    """Return the engine, set to the plan's time, and the current plan for that time."""
    from ambient_components import clock  # noqa: PLC0415
    from ambient_components.cli import plan_saved, planning  # noqa: PLC0415
    from ambient_components.cli.stacks import stack_path  # noqa: PLC0415
    from ambient_components.engine import backend  # noqa: PLC0415
    from ambient_components.spec.loader import load_stack  # noqa: PLC0415

    at: datetime | None = reviewed.at if reviewed else None
    engine = planning.engine_at(project, at)
    export = backend.export(engine, stack)
    if reviewed is not None:
        plan_saved.check_fresh(reviewed, stack, export, plan_saved.versions(engine))
    loaded, when = load_stack(stack_path(project, stack)), at or clock.now()
    wanted = planning.declared(project, stack, loaded, when)
    return engine, planning.online(engine, stack, export, wanted, when, refresh=refresh)


def _check_same(reviewed: "Saved", found: "Plan", stack: str) -> None:
    """Refuse a plan that differs from the reviewed one.

    Raises:
        AmbientError: The plans differ. The error has the differences.
    """
    from ambient_components.cli.plan_saved import differences, is_same  # noqa: PLC0415
    from ambient_components.errors import fail  # noqa: PLC0415

    if is_same(reviewed, found):
        return
    lines = differences(reviewed, found)
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    print("", *(f"  {line}" for line in (*lines[:_SHOWN], *more)), sep="\n", file=sys.stderr)
    fail(
        None,
        "",
        "this is not what was reviewed (- reviewed, + not reviewed, ~ something else): nothing is deployed",
        f"ambient plan {stack} --save FILE, and have it reviewed",
    )
