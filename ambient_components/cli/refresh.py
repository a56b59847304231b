"""`ambient refresh`: update the state from the cluster. The shards of a fleet run in parallel."""

import sys

import typer

from ambient_components.cli.fleet_options import Form, Jobs, Shards, fleets_of
from ambient_components.cli.options import NamedStack, Stack, Yes
from ambient_components.cli.prompts import confirmed, one_stack
from ambient_components.engine import backend
from ambient_components.engine.command import Engine, failed
from ambient_components.engine.steps import read_preview
from ambient_components.errors import AmbientError, stop
from ambient_components.fleet.jobs import Request
from ambient_components.fleet.processes import carry_out
from ambient_components.fleet.run import run_refresh
from ambient_components.fleet.summary import difference_lines, refreshed_lines, show_end
from ambient_components.output import Format
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project
from ambient_components.stacks.pulumi import require_passphrase

EPILOG = """\
\b
examples:
  ambient refresh prod              show what differs, ask, and write it to the state, as `pulumi refresh` does
  ambient refresh fleet --jobs 4    a fleet: its shards in parallel
  ambient up prod --refresh         refresh, then deploy, which reverts the differences

\b
Nothing in the cluster changes. A shard without changes and without differences is still skipped by the next
`ambient up`.

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


def refresh(
    stack: Stack = "",
    named: NamedStack = "",
    yes: Yes = False,
    jobs: Jobs = None,
    shard: Shards = None,
    form: Form = Format.TEXT,
) -> None:
    """Refresh a stack's state from the cluster."""
    stack = one_stack(stack, named)
    if not yes and not sys.stdin.isatty():
        stop("an answer is needed, and there is no terminal to ask at", "give --yes")
    project = Project.find()
    request = Request("refresh", stack, jobs or 0, shards=tuple(shard or ()), form=form, yes=yes)
    fleets = fleets_of(project, stack, request)
    if fleets is None:
        raise typer.Exit(_refresh_stack(project, stack, yes=yes))
    question = f"\nLook into the cluster, and write what is there into every state of {stack}?"
    if not yes and not typer.confirm(question, default=True, err=True):
        print("ambient: nothing is done", file=sys.stderr)
        raise typer.Exit(1)
    raise typer.Exit(run_refresh(fleets, request))


def _refresh_stack(project: Project, stack: str, *, yes: bool) -> int:
    """Show the differences, ask, and refresh the state. Return the exit code."""
    engine = pulumi.engine_for(project.folder)
    if not backend.has_stack(engine, stack):
        backend.unknown_stack(engine, stack)
    require_passphrase(project, stack)
    objects: list[tuple[str, str]] = []
    if not yes:
        objects = _differences(engine, stack)
        if not objects:
            print(f"The cluster matches the state of {stack}: there is nothing to refresh.")
            return 0
        print(f"The cluster differs from the state of {stack}:", *difference_lines(objects), sep="\n", flush=True)
        if not confirmed(f"\nWrite this to the state of {stack}?"):
            print("ambient: nothing is written", file=sys.stderr)
            return 1
    ended = carry_out(engine, "refresh", stack)
    return show_end(ended, project.shown(project.config_file(stack)), refreshed_lines(ended, objects))


def _differences(engine: Engine, stack: str) -> list[tuple[str, str]]:
    """Return how the cluster differs from the state: the engine's operation on the state, and the logical name."""
    arguments = ("refresh", "--preview-only", "--json", "--stack", stack)
    answer = engine.attempt(*arguments)
    preview = read_preview(answer.stdout)
    if preview is None:
        failed(arguments, answer)
    if preview.problems:
        raise AmbientError(preview.problems)
    if answer.code != 0:
        failed(arguments, answer._replace(stdout=""))
    return [(step.op, step.name) for step in preview.steps if step.changes]
