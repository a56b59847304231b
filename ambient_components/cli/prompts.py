"""Questions, arguments and colours, for a user at a terminal or for a program."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import typer

from ambient_components.errors import AmbientError, fail
from ambient_components.stacks.project import bare_name


@dataclass(frozen=True, slots=True)
class Question:
    """A question of `ambient init`."""

    text: str
    flag: str
    """The option that answers the question."""
    default: str = ""
    optional: bool = False
    """Whether the answer may be missing. Without a terminal the default is used."""


Ask = Callable[[Question], str]


def take_defaults(question: Question) -> str:
    """Return the default answer, for `--yes`."""
    return question.default


def refuse(question: Question) -> str:
    """Refuse to ask, for runs without a terminal, where a prompt would wait forever.

    Raises:
        AmbientError: The answer is required. The message names the option.
    """
    if question.optional:
        return question.default
    return fail(
        None,
        "",
        f"an answer is needed, and there is no terminal to ask at: {question.text}",
        f"give {question.flag}, or --yes for the defaults (here: {question.default or 'none'})",
    )


def prompt(question: Question) -> str:
    """Ask the user at the terminal."""
    try:
        return str(typer.prompt(question.text, default=question.default, show_default=bool(question.default), err=True))
    except typer.Abort:
        # Ctrl-C exits with code 130, as everywhere else.
        raise KeyboardInterrupt from None


def confirmed(question: str) -> bool:
    """Ask a yes-or-no question on standard error. The default is no."""
    return bool(typer.confirm(question, default=False, err=True))


def asker(*, yes: bool) -> Ask:
    """Return how questions are answered in this run."""
    if yes:
        return take_defaults
    return prompt if sys.stdin.isatty() else refuse


def one_stack(argument: str, option: str) -> str:
    """Return the stack, given as the argument or as `--stack`.

    Raises:
        typer.BadParameter: No stack or two different stacks are given, or the name is invalid.
    """
    if argument and option and argument != option:
        msg = f"two stacks are named, {argument!r} and {option!r}"
        raise typer.BadParameter(msg, param_hint="STACK")
    if not (argument or option):
        msg = "which stack? Name it first: dev, for instance"
        raise typer.BadParameter(msg, param_hint="STACK")
    return _stack_name(argument or option)


def stack_and_workspace(first: str, second: str, option: str) -> tuple[str, str]:
    """Return the stack and an optional workspace, from `STACK`, `STACK WORKSPACE` or `WORKSPACE --stack STACK`.

    Raises:
        typer.BadParameter: No stack or two different stacks are given, or the name is invalid.
    """
    if option and first and not second:
        return _stack_name(option), first
    return one_stack(first, option), second


def stack_and_key(first: str, second: str, option: str) -> tuple[str, str]:
    """Return the stack and a key, from `STACK WORKSPACE/KEY` or `WORKSPACE/KEY --stack STACK`.

    Raises:
        typer.BadParameter: One of them is missing, or the stack's name is invalid.
    """
    stack, key = stack_and_workspace(first, second, option)
    if not key:
        msg = "which key? Name it after the stack: payments/ci, for instance"
        raise typer.BadParameter(msg, param_hint="WORKSPACE/KEY")
    return stack, key


def _stack_name(text: str) -> str:
    """Return a valid stack name unchanged. An invalid one on the command line is wrong usage."""
    try:
        bare_name(text)
    except AmbientError as error:
        raise typer.BadParameter(str(error), param_hint="STACK") from None
    return text
