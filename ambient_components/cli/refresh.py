"""`ambient refresh`: update the state from the cluster. The shards of a fleet run in parallel."""

import sys

import typer

from ambient_components.cli.fleet_options import Form, Jobs, Shards, fleets_of
from ambient_components.cli.options import NamedStack, Stack, Yes
from ambient_components.cli.prompts import one_stack
from ambient_components.engine import backend
from ambient_components.errors import fail
from ambient_components.fleet.run import Request, run_refresh
from ambient_components.output import Format
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project

EPILOG = """\
\b
examples:
  ambient refresh prod              `pulumi refresh`: update the state from the cluster
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
        fail(None, "", "an answer is needed, and there is no terminal to ask at", "give --yes")
    project = Project.find()
    request = Request("refresh", stack, jobs or 0, shards=tuple(shard or ()), form=form, yes=yes)
    fleets = fleets_of(project, stack, request)
    if fleets is None:
        # The engine asks by itself after it has shown the differences.
        flags = ("--yes", "--skip-preview") if yes else ()
        engine = pulumi.engine_for(project.folder)
        # Its output goes to the terminal unread, so a missing stack is reported before it starts.
        backend.require_stack(engine, stack)
        engine.run("refresh", *flags, "--stack", stack, ask=True)
        return
    question = f"\nLook into the cluster, and write what is there into every state of {stack}?"
    if not yes and not typer.confirm(question, default=True, err=True):
        print("ambient: nothing is done", file=sys.stderr)
        raise typer.Exit(1)
    raise typer.Exit(run_refresh(fleets, request))
