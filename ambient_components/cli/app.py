"""The command line: its verbs, `--version`, and error output."""

import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from ambient_components import clock
from ambient_components._version import VERSION
from ambient_components.cli import destroy, refresh, reshard, schema, up
from ambient_components.cli.access import command
from ambient_components.cli.init import command as init
from ambient_components.cli.keys import command as keys
from ambient_components.cli.plan import command as plan
from ambient_components.cli.report import command as report
from ambient_components.cli.reviewers import command as reviewers
from ambient_components.cli.shards import command as shards
from ambient_components.cli.show import command as show
from ambient_components.cli.validate import command as validate
from ambient_components.errors import AmbientError
from ambient_components.output import INTERRUPTED, USAGE, show_problems
from ambient_components.printable import one_line

# Typer brings a Click of its own in some versions and imports it in others; this base is the same in all of them.
_UsageError: Final[type[Exception]] = typer.BadParameter.__bases__[0]

_EPILOG = """\
\b
commands for a first stack:
  ambient init prod             create stacks/prod.yaml and stacks/Pulumi.prod.yaml
  ambient validate              check all stack files, without a cluster
  ambient plan prod             show who would gain or lose access
  ambient up prod               make the cluster match the files, like pulumi up
  ambient refresh prod          update the state from the cluster
  ambient show prod             show access, keys and their expiry, and how to use a key
  ambient show prod my-team     show all values of one workspace and where each comes from
  ambient access prod --live    show who may do what, including undeclared access in the cluster
  ambient report prod           show who can gain more than their grants, and how to prevent it
  ambient reviewers --change main HEAD   show which workspaces a change affects, and which reviewers it needs
  ambient shards prod           list a fleet's shards, for people, CI systems and the Pulumi Kubernetes Operator
  ambient reshard prod          move workspaces between shards, without changing the cluster
  ambient destroy dev           delete all resources of a stack, after its name is typed
  ambient keys list             list all keys with expiry, last use and what is due

\b
exit codes: 0 success; 1 error; 2 changes pending (plan, reshard) or attention needed (keys list, access, report,
            reviewers); 3 refused by a guardrail (plan, up, destroy); 64 wrong usage; 130 Ctrl-C
"""

app = typer.Typer(
    name="ambient",
    help="Manage workspaces, grants and API keys of the Ambient Code Platform as code.",
    epilog=_EPILOG,
    no_args_is_help=True,
    # Plain help that is the same in a pipe, and no tracebacks, which would show the values of variables.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
app.command(epilog=init.EPILOG)(init.init)
app.command(epilog=validate.EPILOG)(validate.validate)
app.command(epilog=plan.EPILOG)(plan.plan)
app.command(epilog=up.EPILOG)(up.up)
app.command(epilog=refresh.EPILOG)(refresh.refresh)
app.command(epilog=destroy.EPILOG)(destroy.destroy)
app.command(epilog=show.EPILOG)(show.show)
app.command(epilog=command.EPILOG)(command.access)
app.command(epilog=report.EPILOG)(report.report)
app.command(epilog=reviewers.EPILOG)(reviewers.reviewers)
app.command(epilog=shards.EPILOG)(shards.shards)
app.command(epilog=reshard.EPILOG)(reshard.reshard)
app.add_typer(keys.app, name="keys")
app.command(epilog=schema.EPILOG)(schema.schema)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"ambient {VERSION}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Expected failures are printed to standard error."""
    for warning in clock.warnings():
        print(f"ambient: {one_line(warning)}", file=sys.stderr)
    try:
        code = app(list(arguments), prog_name="ambient", standalone_mode=False)
    except _UsageError as error:
        error.show()  # type: ignore[attr-defined]  # see _UsageError
        return USAGE
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 1
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except AmbientError as error:
        show_problems(error.problems)
        return 1
    return code if isinstance(code, int) else 0
