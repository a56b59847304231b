"""Command lines in pages and pipelines: found, and judged by what `ambient` and `pulumi` have."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from ambient_components.cli.app import VERBS, verb_app

PULUMI = {
    "preview": {"--stack", "--diff", "--non-interactive", "--expect-no-changes", "--refresh"},
    "up": {"--stack", "--yes", "--refresh", "--non-interactive", "--config-file"},
    "stack output": {"--show-secrets", "--stack"},
    "stack change-secrets-provider": {"--stack"},
    "config set": {"--path", "--secret", "--stack"},
    "login": {"--oidc-token", "--oidc-org"},
    "cancel": {"--stack"},
    "install": set(),
    "stack init": set(),
}
"""What the pages may use of Pulumi; the engine test asks the real CLI whether it has all of it."""
_BEFORE_A_COMMAND = {"if", "!", "then", "else", "do", "{"}
_OPERATORS = ";|&<>()"


def commands(script: str) -> Iterator[list[str]]:
    """Each call of `ambient` or `pulumi` in a script."""
    plain = re.sub(r"(^|\s)#.*$", "", script.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(plain.replace("\n", " ; "), posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for token in [*lexer, ";"]:
        if set(token) <= set(_OPERATORS):
            while words and words[0] in _BEFORE_A_COMMAND:
                words = words[1:]
            if words and Path(words[0]).name in {"ambient", "pulumi"}:
                # `2>&1`: the number before it is no argument.
                yield [Path(words[0]).name, *(words[1:-1] if ">" in token and words[-1].isdigit() else words[1:])]
            words = []
        else:
            words.append(token)


def verb_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that a command line of `ambient` runs, and its arguments; None for a verb that there is not."""
    if words[0] not in VERBS:
        return None, words
    command: Any = typer.main.get_command(verb_app(words[0]))
    rest = words[1:]
    while hasattr(command, "commands"):
        if not rest or rest[0] not in command.commands:
            return None, rest
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def complaint(words: list[str]) -> str:
    """What is wrong with a call; empty if it could be run."""
    program, *rest = words
    if program == "pulumi":
        known = next((flags for verb, flags in PULUMI.items() if rest[: len(verb.split())] == verb.split()), None)
        used = {word.partition("=")[0] for word in rest if word.startswith("-")}
        return "" if known is not None and used <= known else f"not among what is tested: {shlex.join(words)}"
    command, rest = verb_of(rest)
    if command is None:
        return f"ambient has no such verb: {shlex.join(words)}"
    try:
        command.make_context("ambient", rest)
    except Exception as error:  # of Typer's own Click, or of the one that is installed
        return f"{shlex.join(words)}: {error}"
    return ""
