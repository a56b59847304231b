"""Options that verbs share. An option with fixed values lists them in its error, and suggests the closest one."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from ambient_components.cli import completion
from ambient_components.errors import BadValue, refusal, reject
from ambient_components.output import HELP, Format
from ambient_components.rules.durations import parse_duration
from ambient_components.suggest import allowed_words

_STACK = "The stack, such as dev or my-org/prod. Default: the only one."

Stack = Annotated[str, typer.Argument(metavar="STACK", help=_STACK, autocompletion=completion.stacks)]
StackOrWorkspace = Annotated[
    str, typer.Argument(metavar="STACK", help=_STACK, autocompletion=completion.stacks_or_workspaces)
]
"""The same, of a verb that accepts a workspace of the only stack too."""

StackOrKey = Annotated[str, typer.Argument(metavar="STACK", help=_STACK, autocompletion=completion.stacks_or_keys)]
"""The same, of a verb that accepts a key of the only stack too."""

NamedStack = Annotated[
    str, typer.Option("--stack", "-s", help="Same as STACK, as in pulumi.", autocompletion=completion.stacks)
]
"""The stack as an option. `prompts.one_stack` accepts either."""

Workspaces = Annotated[
    list[str] | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="W",
        help="Only this workspace. Can be repeated.",
        autocompletion=completion.workspaces,
    ),
]
"""Workspaces as options. `prompts.stack_and_workspaces` accepts them as arguments too."""

MoreWorkspaces = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORKSPACE", help="Only these workspaces, same as --workspace.", autocompletion=completion.workspaces
    ),
]

Key = Annotated[
    str,
    typer.Argument(metavar="WORKSPACE/KEY", help="The key, such as payments/ci.", autocompletion=completion.keys),
]

Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="WORKSPACE/KEY", help="Keys, such as payments/ci.", autocompletion=completion.keys),
]

StackOfKeys = Annotated[
    str, typer.Option("--stack", "-s", help="Same as STACK, as in pulumi. All arguments are then keys.")
]
"""The stack as an option; `prompts.stack_and_keys` accepts either."""

Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="user:NAME, group:NAME or pipeline:NAME.")]

OnlySubject = Annotated[str, typer.Option("--subject", metavar="SUBJECT", help="Only this subject.")]

Now = Annotated[bool, typer.Option("--now", help="Also deploy the change and verify it at the cluster.")]

Files = Annotated[bool, typer.Option("--files", help="Use the files instead of the state.")]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not prompt.")]

Refresh = Annotated[
    bool,
    typer.Option(
        "--refresh", help="Refresh the state from the cluster first. Of a fleet, also the shards without changes."
    ),
]

_Choice = TypeVar("_Choice", bound=str)


def group(text: str, epilog: str, verbs: Mapping[str, tuple[Callable[..., None], str]]) -> typer.Typer:
    """Return a command of several verbs, each with its function and the end of its help."""
    app = typer.Typer(help=text, epilog=epilog, no_args_is_help=True, add_completion=False, **HELP)
    for name, (verb, end) in verbs.items():
        app.command(name, epilog=end)(verb)
    return app


def choice(flag: str, allowed: Iterable[StrEnum], text: str) -> Any:
    """Return an option that accepts the values of an enumeration, or some of them.

    Typer's own error message differs by version and never suggests a value.
    """
    words = tuple(allowed)
    return typer.Option(flag, help=text, metavar=f"[{'|'.join(words)}]", parser=_parser(words))


def one_of(allowed: Iterable[str], text: str) -> Any:
    words = tuple(allowed)
    return typer.Argument(help=text, metavar="|".join(words), parser=_parser(words))


def format_option(text: str, *allowed: Format) -> Any:
    return choice("--format", allowed, text)


def state_option(more: str = "") -> Any:
    return typer.Option("--state", metavar="FILE", help=f"Exported state, - for stdin, or a folder for a fleet{more}.")


def audit_option(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="AUDIT.log", help=f"{text} Also gzip, - for stdin. Can be repeated.")


Since = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="FILE",
        help="Show what changed since an exported state (--format html only).",
    ),
]


def refuse_since(since: str, form: Format) -> None:
    if since and form is not Format.HTML:
        misuse("--since", "is shown by the page alone: add --format html")


def refuse_files_and_state(*, files: bool, state: str) -> None:
    if files and state:
        misuse("--state", "is used instead of the files: leave --files out")


def _parser(words: tuple[_Choice, ...]) -> Callable[[str], _Choice]:
    def parse(word: str) -> _Choice:
        if word in words:
            return words[words.index(word)]
        raise typer.BadParameter(refusal(f"{word!r} is none of them", allowed_words(word, words)).text)

    return parse


def misuse(name: str, problem: str) -> NoReturn:
    """Refuse an option or an argument, as wrong usage."""
    raise typer.BadParameter(problem, param_hint=name)


def wrong_value(error: ValueError, flag: str) -> typer.BadParameter:
    problem = refusal(error.problem, error.hints) if isinstance(error, BadValue) else refusal(str(error))
    return typer.BadParameter(problem.text, param_hint=flag)


def duration_of(text: str, flag: str, most: str, *hints: str) -> int | None:
    """Return the seconds of an option, None if it is not given.

    Args:
        most: The longest duration, as text.
        hints: What else a user may want.
    """
    if not text:
        return None
    try:
        seconds = parse_duration(text)
        if seconds > parse_duration(most):
            reject(f"{text} is too long: {most} is the most")
    except BadValue as error:
        raise wrong_value(BadValue(error.problem, *error.hints, *hints), flag) from None
    return seconds
