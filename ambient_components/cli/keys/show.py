"""`ambient keys show`: one key, and who else can read it."""

import sys
from typing import Annotated

import typer

from ambient_components import clock
from ambient_components.cli.keys.reading import find, read, readers
from ambient_components.cli.options import NamedStack, Stack
from ambient_components.cli.prompts import stack_and_key
from ambient_components.engine import backend, state
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project
from ambient_components.stacks.states import export
from ambient_components.stacks.summary import read_overview

EPILOG = """\
\b
examples:
  ambient keys show prod payments/ci
  ambient keys show prod payments/ci --quiet | some-program --key-on-stdin
  ambient keys show payments/ci --stack prod

\b
Only the key goes to standard output. Who else can read it goes to standard error. Do not use it in a pipeline, where
the key would be logged; `ambient keys deliver` passes a key without showing it.

\b
exit codes: 0 success; 1 error; 64 wrong usage
"""


def show(
    stack: Stack = "",
    key: Annotated[str, typer.Argument(metavar="WORKSPACE/KEY", help="The key, such as payments/ci.")] = "",
    named: NamedStack = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the key.")] = False,
) -> None:
    """Print a key, and who else can read it."""
    stack, key = stack_and_key(stack, key, named)
    project = Project.find()
    engine = pulumi.PulumiEngine(project.folder)
    exported = export(project, stack, engine)
    overview = read_overview(exported, stack, clock.now())
    found = find(overview, key)
    token = read(engine, overview, found)
    if not quiet:
        said = readers(found, backend.current_backend(engine) or "?", state.secrets_provider(exported) or "none")
        print(f"{found.name} can be read by:", *(f"  {one}" for one in said), sep="\n", file=sys.stderr)
    print(token)
