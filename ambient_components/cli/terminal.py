"""A person at a terminal, or a program that reads: how they are told apart, asked and answered."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from ambient_components.errors import AmbientError, fail


@dataclass(frozen=True, slots=True)
class Question:
    """Something that `ambient init` has to know."""

    text: str
    flag: str
    """What says it on the command line."""
    default: str = ""
    optional: bool = False
    """Whether an answer can be done without: then only a person is asked."""


Ask = Callable[[Question], str]


def take_defaults(question: Question) -> str:
    """For `--yes`: nobody is asked."""
    return question.default


def refuse(question: Question) -> str:
    """For runs without a terminal: a question there would wait for ever.

    Raises:
        AmbientError: the question has to be answered; the text names the flag.
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
    """Asks the person at the terminal."""
    import typer  # noqa: PLC0415

    try:
        return str(typer.prompt(question.text, default=question.default, show_default=bool(question.default), err=True))
    except typer.Abort:
        # Ctrl-C: as everywhere else, exit code 130.
        raise KeyboardInterrupt from None


def asker(*, yes: bool) -> Ask:
    """How questions are answered in this run."""
    if yes:
        return take_defaults
    return prompt if sys.stdin.isatty() else refuse


def one_stack(argument: str, option: str) -> str:
    """The stack, given as the argument or as `--stack`.

    Raises:
        typer.BadParameter: not given, given as two different ones, or no stack can have that name.
    """
    import typer  # noqa: PLC0415

    if argument and option and argument != option:
        msg = f"two stacks are named, {argument!r} and {option!r}"
        raise typer.BadParameter(msg, param_hint="STACK")
    if not (argument or option):
        msg = "which stack? Name it first: dev, for instance"
        raise typer.BadParameter(msg, param_hint="STACK")
    return _stack_name(argument or option)


def stack_and_workspace(first: str, second: str, option: str) -> tuple[str, str]:
    """The stack, and the workspace or nothing: `STACK`, `STACK WORKSPACE` or `WORKSPACE --stack STACK`.

    Raises:
        typer.BadParameter: no stack is given, two different ones, or one that can't be.
    """
    if option and first and not second:
        return _stack_name(option), first
    return one_stack(first, option), second


def stack_and_key(first: str, second: str, option: str) -> tuple[str, str]:
    """The stack and a key of it: `STACK WORKSPACE/KEY` or `WORKSPACE/KEY --stack STACK`.

    Raises:
        typer.BadParameter: one of them is missing, or no stack can have that name.
    """
    import typer  # noqa: PLC0415

    stack, key = stack_and_workspace(first, second, option)
    if not key:
        msg = "which key? Name it after the stack: payments/ci, for instance"
        raise typer.BadParameter(msg, param_hint="WORKSPACE/KEY")
    return stack, key


def _stack_name(text: str) -> str:
    """The name as it is, once it can be one: on a command line another one is wrong usage."""
    import typer  # noqa: PLC0415

    from ambient_components.cli.project import bare_name  # noqa: PLC0415

    try:
        bare_name(text)
    except AmbientError as error:
        raise typer.BadParameter(str(error), param_hint="STACK") from None
    return text
