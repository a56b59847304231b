"""Stand-ins for verbs while a shell completes a word: their arguments, without what the verbs import.

The imports of most verbs take longer than a person waits for a word. A line with any other option is left to the verb.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from ambient_components.cli.options import (
    Keys,
    MoreWorkspaces,
    NamedStack,
    Stack,
    StackOrKey,
    StackOrWorkspace,
    Subject,
    Workspaces,
)

_OTHER_OPTION: Final = re.compile(r"\s-(?!(?:s|-stack|w|-workspace)\s)")


def _of_stack(stack: Stack = "", named: NamedStack = "") -> None: ...


def _of_workspaces(
    stack: StackOrWorkspace = "",
    names: MoreWorkspaces = None,
    named: NamedStack = "",
    workspaces: Workspaces = None,
) -> None: ...


def _of_keys(stack: StackOrKey = "", keys: Keys = None, named: NamedStack = "") -> None: ...


def _of_subject(
    stack: Stack = "",
    subject: Subject = "",
    workspaces: MoreWorkspaces = None,
    named: NamedStack = "",
) -> None: ...


STAND_INS: Final[Mapping[str, Callable[..., None] | Mapping[str, Callable[..., None]]]] = {
    **dict.fromkeys(("plan", "up", "refresh", "destroy", "reshard", "shards"), _of_stack),
    **dict.fromkeys(("show", "access", "report"), _of_workspaces),
    "grants": {"list": _of_workspaces, "revoke": _of_subject},
    "keys": {"list": _of_stack, **dict.fromkeys(("show", "deliver", "rotate", "revoke"), _of_keys)},
}


def suffices(verb: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a stand-in completes the command line of a shell's request."""
    line = environ.get("_TYPER_COMPLETE_ARGS") or environ.get("COMP_WORDS", "")
    return verb in STAND_INS and not _OTHER_OPTION.search(line)


def as_written(parameters: list[Any]) -> list[Any]:
    """Let parameters take words as they are: to check them, typer imports pydantic, half of a completion's time."""
    for parameter in parameters:
        vars(parameter)["process_value"] = lambda _, value: value
    return parameters


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return as_written(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return as_written(super().get_params(ctx))


def stand_in(verb: str, text: str) -> typer.Typer:
    """Return the stand-in of a verb, with its first sentence. Of a verb without one it only has the name."""
    app = typer.Typer(cls=_Group, help=text, add_completion=False)
    command = STAND_INS.get(verb, _of_stack)
    if isinstance(command, Mapping):
        for name, function in command.items():
            app.command(name, cls=_Command)(function)
    else:
        app.command(verb, cls=_Command, help=text)(command)
    return app
