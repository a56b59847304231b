"""The command line: its verbs, `--version`, and error output."""

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from ambient_components import activity, clock
from ambient_components._version import VERSION
from ambient_components.errors import AmbientError, StepError, refusal
from ambient_components.output import HELP, INTERRUPTED, USAGE, show_problems
from ambient_components.suggest import did_you_mean

# Typer brings a Click of its own in some versions and imports it in others; this base is the same in all of them.
_UsageError: Final[type[Exception]] = typer.BadParameter.__bases__[0]

_EPILOG = """\
\b
commands for a first stack:
  ambient init prod       start a project, and create stacks/prod.yaml and stacks/Pulumi.prod.yaml
  ambient adopt prod      or write the cluster's existing workspaces into stacks/prod.yaml
  ambient plan prod       show who would gain or lose access
  ambient up prod         make the cluster match the files, like pulumi up
  ambient show prod       show access, keys and their expiry, and how to use a key
  ambient docs            show the documentation by what you want to do, and pages such as: ambient docs guardrails

\b
exit codes: 0 success; 1 error; 2 changes pending (plan, adopt, reshard --dry-run) or attention needed (keys list,
            access, report); 3 refused by a guardrail (plan, up, destroy); 64 wrong usage; 130 Ctrl-C
"""

_SETTINGS: Final[dict[str, Any]] = {
    **HELP,
    "name": "ambient",
    # No tracebacks with the values of variables in them.
    "pretty_exceptions_enable": False,
}

_CONFIRMING: Final = frozenset({"--yes", "-y", "--confirm", "--force", "-f", "--auto-approve"})
"""Options that confirm without a prompt, here and in gh, terraform and pulumi."""

VERBS: Final = {
    "init": "Start a project, and create or complete a stack for a cluster.",
    "adopt": "Write existing workspaces of the cluster as YAML, and prove that nothing changes.",
    "validate": "Check stack files and report every problem with its line.",
    "plan": "Show what a run would do, before it is done.",
    "up": "Deploy a stack after showing the plan.",
    "refresh": "Refresh a stack's state from the cluster.",
    "destroy": "Delete all resources of a stack, after its name is typed.",
    "show": "Show access and keys, or one workspace's entry.",
    "access": "Show who may do what, and why.",
    "report": "Show who can gain more than their grants, and how to prevent it.",
    "codeowners": "Print CODEOWNERS lines by the reviewers in the stack files.",
    "shards": "List a fleet's shards, as a plan of work for several machines.",
    "reshard": "Move workspaces between the shards of a fleet, without changing the cluster.",
    "grants": "List and revoke grants.",
    "keys": "List, show, deliver, rotate and revoke API keys.",
    "docs": "Show the documentation, or a page or a section of it.",
    "schema": "Print the schema of the stack file or of plans.",
    "pipeline": "Write the files of a pipeline, or print one that runs in the cluster.",
    "rbac": "Print the deployer's role and its binding.",
    "guard": "Print the admission policies that guard workspaces between two runs.",
    "keyless": "Print the API server's configuration for pipelines without keys.",
}
"""The verbs in the order of the help, each with its first sentence. A verb's module is imported when it runs."""

_FOLDERS: Final = frozenset({"access", "adopt", "grants", "init", "keys", "pipeline", "report", "show", "validate"})
"""Verbs that have a folder, with the verb itself in `command.py`."""


def verb_app(name: str) -> typer.Typer:
    with activity.waiting(f"Starting ambient {name}"):
        module = import_module(f"ambient_components.cli.{name}{'.command' if name in _FOLDERS else ''}")
    if isinstance(group := getattr(module, "app", None), typer.Typer):
        return group
    alone = typer.Typer(add_completion=False, **_SETTINGS)
    settings = {**HELP["context_settings"], **getattr(module, "SETTINGS", {})}
    alone.command(name, epilog=module.EPILOG, context_settings=settings)(getattr(module, name))
    return alone


class _Verbs(TyperGroup):
    """The group of all verbs. Only the verb that runs is imported: `ambient --help` waits for no client.

    A shell that completes a word (`resilient_parsing`) gets stand-ins where these suffice.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_params(self, ctx: Any) -> list[Any]:
        parameters: list[Any] = super().get_params(ctx)
        if not ctx.resilient_parsing:
            return parameters
        from ambient_components.cli.completing import as_written  # noqa: PLC0415  # most command lines complete nothing

        return as_written(parameters)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        if not ctx.resilient_parsing:
            return typer.main.get_command(verb_app(cmd_name))
        from ambient_components.cli.completing import stand_in  # noqa: PLC0415  # as above

        return typer.main.get_command(stand_in(cmd_name, VERBS[cmd_name]))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = ctx.resilient_parsing or args[0] in VERBS
        if not known and (suggestion := did_you_mean(args[0], VERBS)):
            msg = refusal(f"there is no command {args[0]!r}", suggestion).text
            raise _UsageError(msg, ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if ctx.resilient_parsing and name in VERBS:
            from ambient_components.cli.completing import suffices  # noqa: PLC0415  # as above

            if not suffices(name):
                command = typer.main.get_command(verb_app(name))
        return name, command, rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


app = typer.Typer(
    cls=_Verbs,
    help="Workspaces, grants and API keys of the Ambient Code Platform as code: what `pulumi` itself can't say.",
    epilog=_EPILOG,
    no_args_is_help=True,
    **_SETTINGS,
)


def _version(requested: bool) -> None:
    if requested:
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
    if os.environ.get("AMBIENT_RUN_PAGE"):
        return int(import_module("ambient_components.cli.run_page").kept(lambda: _run(arguments)))
    return _run(arguments)


def _confirmation(error: Any) -> str:
    """Return how to confirm without a prompt, for an option that does this in other commands or tools. Else empty."""
    if getattr(error, "option_name", "") not in _CONFIRMING:
        return ""
    for option in error.ctx.command.params:
        if {*option.opts} & _CONFIRMING:
            return f"to confirm without a prompt: {' '.join(filter(None, (option.opts[0], option.metavar)))}"
    return "this command asks for no confirmation: leave it out"


def _run(arguments: Sequence[str]) -> int:
    # With --format, standard error has problems only.
    activity.start(plain=not any(word.startswith("--format") for word in arguments))
    show_problems(clock.warnings())
    try:
        # A line would be drawn over the one that the user types.
        with activity.silent() if "_AMBIENT_COMPLETE" in os.environ else nullcontext():
            code = app(list(arguments), prog_name="ambient", standalone_mode=False)
    except _UsageError as error:
        error.show()  # type: ignore[attr-defined]  # see _UsageError
        if hint := _confirmation(error):
            print(f"  hint: {hint}", file=sys.stderr)
        return USAGE
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 1
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except AmbientError as error:
        show_problems(error.problems)
        return 1
    except StepError as error:
        show_problems([error.problem])
        return 1
    return code if isinstance(code, int) else 0
