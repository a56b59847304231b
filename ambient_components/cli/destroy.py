"""`ambient destroy`: show what would be deleted, check it, ask for the stack's name, and run `pulumi destroy`."""

import sys
from typing import Annotated

import typer

from ambient_components.cli.fleet_options import Form, Jobs, fleets_of
from ambient_components.cli.options import NamedStack, Stack
from ambient_components.cli.prompts import Question, one_stack, prompt
from ambient_components.engine import backend
from ambient_components.errors import stop
from ambient_components.fleet.jobs import Request
from ambient_components.fleet.processes import carry_out
from ambient_components.fleet.run import run_destroy
from ambient_components.fleet.summary import destroyed_lines, show_end
from ambient_components.output import REFUSED, Format, show_problems
from ambient_components.stacks import destruction, pulumi
from ambient_components.stacks.project import Project, bare_name
from ambient_components.stacks.pulumi import require_passphrase

EPILOG = """\
\b
examples:
  ambient destroy dev                    show what would be deleted, ask, then run `pulumi destroy`
  ambient destroy dev --confirm dev      without the prompt, for pipelines
  ambient destroy fleet                  a fleet: evaluate all shards as one, then destroy them in parallel

\b
`pulumi destroy` evaluates no guardrail. With --skip-preview it revokes all access first, also to protected
workspaces, and stops only at their namespaces. This command refuses before anything changes:
  a protected workspace or bucket               close it, or set protect: false, and deploy
  a bucket that would be deleted with objects   set onDelete: keep, or empty it, and deploy
  more than three workspaces                    add an exception for massRemoval at the top of the file, and deploy

\b
It evaluates the state (the last deployment), not the files. Released workspaces stay unchanged. A failed step does not
stop the others (PULUMI_CONTINUE_ON_ERROR); run the command again for the rest.

\b
exit codes: 0 success, or nothing to destroy; 1 error, or the name does not match; 3 refused by a guardrail;
            64 wrong usage; 130 Ctrl-C
"""


def destroy(
    stack: Stack = "",
    named: NamedStack = "",
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="NAME", help="The stack's name again, to confirm without a prompt.")
    ] = "",
    jobs: Jobs = None,
    form: Form = Format.TEXT,
) -> None:
    """Delete all resources of a stack, after its name is typed."""
    stack = one_stack(stack, named)
    name = bare_name(stack)
    if confirm and confirm not in (stack, name):
        stop(f"--confirm {confirm!r} is not {name!r}: nothing is destroyed")
    project = Project.find()
    request = Request("destroy", stack, jobs or 0, form=form)
    if (fleets := fleets_of(project, stack, request)) is not None:
        raise typer.Exit(run_destroy(fleets, request, lambda: None if confirm else _ask(name)))
    engine = pulumi.engine_for(project.folder)
    destroyed = destruction.read_destruction(backend.export(engine, stack))
    if destroyed.empty:
        print(f"Stack {stack} has nothing: there is nothing to destroy.")
        return
    print(f"Stack {stack}:\n", *destruction.lines(destroyed), sep="\n", flush=True)
    refused = destruction.refusals(destroyed, f"ambient up {stack}")
    if refused:
        print(file=sys.stderr)
        show_problems(refused)
        raise typer.Exit(REFUSED)
    require_passphrase(project, stack)
    if not confirm:
        _ask(name)
    ended = carry_out(engine, "destroy", stack)
    raise typer.Exit(show_end(ended, project.shown(project.config_file(stack)), destroyed_lines(ended)))


def _ask(name: str) -> None:
    if not sys.stdin.isatty():
        stop("the stack's name has to be typed, and there is no terminal to ask at", f"give --confirm {name}")
    typed = prompt(Question(f"\nType {name} to destroy it", "--confirm"))
    if typed != name:
        stop(f"{typed!r} is not {name!r}: nothing is destroyed")
