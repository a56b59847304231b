"""`ambient up`: shows the plan, asks, and deploys it; or deploys a plan that was reviewed, and nothing else."""

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from ambient_components.cli.engine import Engine
    from ambient_components.cli.plan_saved import Saved
    from ambient_components.cli.project import Project
    from ambient_components.plan import Plan

_SHOWN: Final = 20

EPILOG = """\
\b
examples:
  ambient up prod                          the page of `ambient plan`, a question, then `pulumi up`
  ambient up prod --yes                    without the question
  ambient plan prod --save plan.json       now; and after a review:
  ambient up prod --plan plan.json --yes   that plan, and nothing else

\b
A saved plan is deployed at the moment for which it was made: dates and tokens are judged as they were reviewed. It is
refused where it is too old, where the stack was deployed since, where ambient or pulumi has another version, and where
a new plan of that moment is another one, as after a change of the files or of the cluster. Values of secrets are not
compared. docs/plan.md says who must not be able to write the file.

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
) -> None:
    """Deploy a stack, once the plan was seen."""
    from ambient_components.cli import plan_saved  # noqa: PLC0415
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
    reviewed = plan_saved.read(plan) if plan else None
    refresh = reviewed.refresh if reviewed else refresh
    engine, found = _planned(Project.find(), stack, reviewed, refresh=refresh)
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


def _planned(project: "Project", stack: str, reviewed: "Saved | None", *, refresh: bool) -> "tuple[Engine, Plan]":
    """The engine, at the moment of the plan, and what it would do then."""
    from ambient_components import clock  # noqa: PLC0415
    from ambient_components.cli import engine as engines  # noqa: PLC0415
    from ambient_components.cli import plan_saved, planning  # noqa: PLC0415
    from ambient_components.cli.stacks import stack_path  # noqa: PLC0415
    from ambient_components.spec.loader import load_stack  # noqa: PLC0415

    at: datetime | None = reviewed.at if reviewed else None
    engine = planning.engine_at(project, at)
    export = engines.export(engine, stack)
    if reviewed is not None:
        plan_saved.check_fresh(reviewed, stack, export, plan_saved.versions(engine))
    loaded, when = load_stack(stack_path(project, stack)), at or clock.now()
    wanted = planning.declared(project, stack, loaded, when)
    return engine, planning.online(engine, stack, export, wanted, when, refresh=refresh)


def _check_same(reviewed: "Saved", found: "Plan", stack: str) -> None:
    """Refuses what nobody has reviewed.

    Raises:
        AmbientError: with what differs.
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
