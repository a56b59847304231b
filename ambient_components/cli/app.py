"""The command line as a whole: its verbs, `--version`, and how errors reach a person."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ambient_components._version import VERSION
from ambient_components.cli import init, show
from ambient_components.errors import AmbientError

_EPILOG = """\
\b
a first stack:
  ambient init prod             ask what is needed, write stacks/prod.yaml and stacks/Pulumi.prod.yaml
  pulumi preview --stack prod   who would gain or lose what
  pulumi up --stack prod        make the cluster match
  ambient show prod             who has access, which keys end when, how to use one

\b
exit codes: 0 done, 1 an error, 2 wrong usage, 130 Ctrl-C
"""

app = typer.Typer(
    name="ambient",
    help="Workspaces, grants and API keys of the Ambient Code Platform as code: what `pulumi` itself can't say.",
    epilog=_EPILOG,
    no_args_is_help=True,
    # Plain help that reads the same in a pipe, and no tracebacks with the values of variables in them.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
app.command(epilog=init.EPILOG)(init.init)
app.command(epilog=show.EPILOG)(show.show)


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
    """Run one command line; expected failures become text on standard error."""
    try:
        app(list(arguments), prog_name="ambient")
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 1
    except KeyboardInterrupt:
        return 130
    except AmbientError as error:
        for problem in error.problems:
            print(f"ambient: {problem}", file=sys.stderr)
        return 1
    return 0
