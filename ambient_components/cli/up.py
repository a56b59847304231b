"""`ambient up`: show the plan, ask, and deploy it. Also for a fleet, or for exactly a reviewed plan."""

import sys
from typing import Annotated, Final

import typer

from ambient_components import activity
from ambient_components.cli.fleet_options import Form, Jobs, Shards, fleets_of
from ambient_components.cli.options import NamedStack, Refresh, Stack, Yes, misuse
from ambient_components.cli.prompts import confirmed, one_stack
from ambient_components.documentation import page
from ambient_components.engine import backend
from ambient_components.engine.state import state_digest
from ambient_components.errors import stop
from ambient_components.fleet.jobs import Request
from ambient_components.fleet.processes import carry_out
from ambient_components.fleet.run import run_up
from ambient_components.fleet.summary import done_lines, show_end, unshown
from ambient_components.output import REFUSED, Format, show_problems
from ambient_components.plan import making, saved
from ambient_components.plan.facts import Plan
from ambient_components.plan.page import show
from ambient_components.plan.saved import Saved, differences, is_same
from ambient_components.rules.warnings import with_name
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.pulumi import require_passphrase
from ambient_components.warm import client as warm

_SHOWN: Final = 20

EPILOG = f"""\
\b
examples:
  ambient up prod                          show the page of `ambient plan`, ask, then run `pulumi up`
  ambient up prod --yes                    without the prompt
  ambient up prod --verbose                with each step of the engine as it comes
  ambient plan prod --save plan.json       save a plan; after its review:
  ambient up prod --plan plan.json --yes   deploy exactly that plan
  ambient up fleet --yes --jobs 4          a fleet: its shards in parallel, without those that have no changes
  ambient up fleet --yes --refresh         a fleet at night: its shards with changes or drift
  ambient up fleet --shard 3               one shard

\b
A saved plan is deployed as of the time for which it was made, so dates and tokens are handled as reviewed. It is
refused if it is too old, if the stack was deployed since, if ambient or pulumi has another version, or if a new plan
for the same time differs, for example after a change of files or cluster. Secret values are not compared.
Who must not be able to write the file: {page("tasks/plan", "plans-that-are-reviewed-and-then-deployed")}

\b
The run ends with a summary and the next commands. If it fails, the errors are listed with the path of the log. Ctrl-C
lets the engine finish its steps and write its state.

\b
In a fleet, a failed shard does not stop the others. The summary lists the failures and the commands to run again.
--format json prints an object for each shard as it ends, and one for the whole run: {page("tasks/fleet")}

\b
exit codes: 0 success, or no changes; 1 error, refused saved plan, or not confirmed; 3 refused by a guardrail;
            64 wrong usage; 130 Ctrl-C
"""


def up(
    stack: Stack = "",
    named: NamedStack = "",
    plan: Annotated[
        str, typer.Option("--plan", metavar="FILE", help="Deploy exactly this plan from `ambient plan --save FILE`.")
    ] = "",
    yes: Yes = False,
    refresh: Refresh = False,
    jobs: Jobs = None,
    everything: Annotated[bool, typer.Option("--all", help="Also run shards without changes (fleets only).")] = False,
    shard: Shards = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Also show each warning, and each step of the engine (not for fleets)."),
    ] = False,
    form: Form = Format.TEXT,
) -> None:
    """Deploy a stack after showing the plan."""
    stack = one_stack(stack, named)
    if plan and refresh:
        misuse("--refresh", "a saved plan says itself whether it refreshes: leave --refresh out")
    if not yes and not sys.stdin.isatty():
        stop("an answer is needed, and there is no terminal to ask at", "give --yes")
    project = Project.find()
    shards = tuple(shard or ())
    request = Request("up", stack, jobs or 0, every=everything, refresh=refresh, shards=shards, form=form, yes=yes)
    if (fleets := fleets_of(project, stack, request)) is not None:
        if verbose:
            misuse("--verbose", "is of one stack, and a fleet has many engines side by side: leave it out")
        if plan:
            first = fleets[0].stack(0)
            misuse(
                "--plan",
                f"a saved plan is of one state, and {stack} has many: ambient up {first} --plan FILE, one by one",
            )
        raise typer.Exit(run_up(fleets, request, confirmed))
    require_passphrase(project, stack)
    reviewed = saved.read(plan) if plan else None
    refresh = reviewed.refresh if reviewed else refresh
    warm.begin()
    path = stack_path(project, stack)
    with activity.waiting(f"Reading {path}"):
        loaded = load_stack(path)
    at = reviewed.at if reviewed else None
    made = making.make(project, stack, loaded, at, refresh=refresh, reviewed=reviewed)
    show(made.plan, verbose=verbose, fold=yes and not verbose)
    sys.stdout.flush()
    if reviewed is not None:
        _check_same(reviewed, made.plan, stack)
    if made.plan.refused:
        raise typer.Exit(REFUSED)
    if made.plan.errors:
        raise typer.Exit(1)
    if not made.plan.changes:
        return
    if not yes and not confirmed(f"\nDeploy this to {stack}?"):
        print("ambient: nothing is deployed", file=sys.stderr)
        raise typer.Exit(1)
    _check_unchanged(made, stack)
    flags = ("--refresh",) if refresh else ()
    ended = carry_out(made.engine, "up", stack, *flags, verbose=verbose, reviewed=reviewed is not None)
    if ended.code == 0:
        show_problems(map(with_name, unshown(ended.reported, made.acknowledged, made.plan.warnings)))
    code = show_end(ended, project.shown(project.config_file(stack)), done_lines(made.plan, ended))
    if code:
        raise typer.Exit(code)


def _check_unchanged(made: making.Made, stack: str) -> None:
    """Refuse to deploy if another run has written the state since the plan was made."""
    if state_digest(backend.export(made.engine, stack)) != state_digest(made.export):
        problem = "the stack was deployed or refreshed since this plan was made: nothing is deployed"
        stop(problem, f"run it again: ambient up {stack}")


def _check_same(reviewed: Saved, current: Plan, stack: str) -> None:
    """Refuse a plan that differs from the reviewed one."""
    if is_same(reviewed, current):
        return
    lines = differences(reviewed, current)
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    print("", *(f"  {line}" for line in (*lines[:_SHOWN], *more)), sep="\n", file=sys.stderr)
    stop(
        "this is not what was reviewed (- reviewed, + not reviewed, ~ something else): nothing is deployed",
        f"ambient plan {stack} --save FILE, and have it reviewed",
    )
