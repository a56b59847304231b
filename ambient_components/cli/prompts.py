"""Questions, arguments and colours, for a user at a terminal or for a program."""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import typer

from ambient_components.cli.options import misuse
from ambient_components.errors import AmbientError, stop
from ambient_components.stacks.names import declared_keys, declared_stacks, is_declared
from ambient_components.stacks.project import Project, bare_name


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    flag: str
    default: str = ""
    optional: bool = False
    """Whether the answer may be missing. Without a terminal the default is used."""


Ask = Callable[[Question], str]

_STACK_AND_SLASH = re.compile(r"[^./][^/]*/[^/]+")
"""A word that may be a key, or a stack with its organisation."""


def take_defaults(question: Question) -> str:
    return question.default


def refuse(question: Question) -> str:
    """Refuse to ask, for runs without a terminal, where a prompt would wait forever."""
    if question.optional:
        return question.default
    return stop(
        f"an answer is needed, and there is no terminal to ask at: {question.text}",
        f"give {question.flag}, or --yes for the defaults (here: {question.default or 'none'})",
    )


def prompt(question: Question) -> str:
    try:
        return str(typer.prompt(question.text, default=question.default, show_default=bool(question.default), err=True))
    except typer.Abort:
        # Ctrl-C exits with code 130, as everywhere else.
        raise KeyboardInterrupt from None


def confirmed(question: str) -> bool:
    return bool(typer.confirm(question, default=False, err=True))


def asker(*, yes: bool) -> Ask:
    if yes:
        return take_defaults
    return prompt if sys.stdin.isatty() else refuse


def named_stack(argument: str, option: str) -> str:
    if not (argument or option):
        misuse("STACK", "which stack? Name the one to create: ambient init dev")
    return one_stack(argument, option)


def one_stack(argument: str, option: str) -> str:
    """Return the stack, given as the argument or as `--stack`. By default it is the only stack of the project."""
    if argument and option and argument != option:
        misuse("STACK", f"two stacks are named, {argument!r} and {option!r}")
    return _stack_name(argument or option or _only_stack())


def stack_and_workspaces(
    first: str, others: Iterable[str] | None, option: str, more: Iterable[str] | None = None
) -> tuple[str, list[str]]:
    """Return the stack and workspaces, from `STACK WORKSPACE...`, `WORKSPACE...` or `WORKSPACE... --stack STACK`.

    Args:
        more: Workspaces that are given as options.
    """
    names = [*(others or ()), *(more or ())]
    if option and first and first != option and not is_declared(Project.find(), first):
        stack, names = _stack_name(option), [first, *names]
    elif first and not option and _is_workspace(first):
        stack, names = _only_stack(), [first, *names]
    else:
        stack = one_stack(first, option)
    return stack, list(dict.fromkeys(names))


def stack_and_workspace(first: str, second: str, option: str) -> tuple[str, str]:
    """Return the stack and an optional workspace, from the same forms as `stack_and_workspaces`."""
    if option and first and not second:
        return _stack_name(option), first
    if first and not option and not second and _is_workspace(first):
        return _only_stack(), first
    return one_stack(first, option), second


def stack_and_keys(first: str, others: Iterable[str], option: str) -> tuple[str, list[str]]:
    """Return the stack and keys, from `STACK WORKSPACE/KEY...`, or the same without the stack or with --stack."""
    if option and first and first != option:
        return _stack_name(option), [first, *others]
    if first and not option and is_key(first):
        return _only_stack(), [first, *others]
    return one_stack(first, option), list(others)


def stack_and_key(first: str, second: str, option: str) -> tuple[str, str]:
    """Return the stack and a key, from the same forms as `stack_and_keys`."""
    stack, keys = (one_stack(first, option), [second]) if second else stack_and_keys(first, (), option)
    if not keys:
        misuse("WORKSPACE/KEY", "which key? Name it after the stack: payments/ci, for instance")
    return stack, keys[0]


def _only_stack() -> str:
    names = declared_stacks(Project.find())
    if len(names) == 1:
        return names[0]
    if names:
        msg = f"which stack? Name one: {', '.join(names)}"
    else:
        msg = "this project has no stack files: `ambient init dev` makes the first one, stacks/dev.yaml"
    raise typer.BadParameter(msg, param_hint="STACK")


def _is_workspace(word: str) -> bool:
    """Tell whether the first argument is a workspace of the only stack, and no stack."""
    project = Project.find()
    names = [] if is_declared(project, word) else declared_stacks(project)
    return len(names) == 1 and word in declared_keys(project, names[0])


def is_key(word: str) -> bool:
    """Tell whether the first argument is a key and no stack: `payments/ci` and not `my-org/dev`."""
    if _STACK_AND_SLASH.fullmatch(word) is None:
        return False
    project = Project.find()
    if not is_declared(project, word):
        return True
    workspace, _, key = word.partition("/")
    if any(key in declared_keys(project, name).get(workspace, ()) for name in declared_stacks(project)):
        misuse("STACK", f"{word!r} is a key and may be a stack: name the stack with --stack")
    return False


def _stack_name(text: str) -> str:
    try:
        bare_name(text)
    except AmbientError as error:
        raise typer.BadParameter(str(error), param_hint="STACK") from None
    return text
