"""Command lines in pages and pipelines: found, and judged by what `ambient` and `pulumi` have."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer.main

from ambient_components.cli.app import VERBS, verb_app

PULUMI = {
    "preview": {"--stack", "--diff", "--non-interactive", "--expect-no-changes", "--refresh"},
    "up": {"--stack", "--yes", "--refresh", "--non-interactive", "--config-file"},
    "stack output": {"--show-secrets", "--stack"},
    "stack change-secrets-provider": {"--stack"},
    "config set": {"--secret", "--stack"},
}
"""What the pages may use of Pulumi; the engine test asks the real CLI whether it has all of it."""


def commands(text: str) -> Iterator[list[str]]:
    """The command lines of a script that begin with `ambient` or `pulumi`."""
    joined = text.replace("\\\n", " ").replace("|\n", "|")
    for line in joined.splitlines():
        for part in re.split(r"\||&&|;", line):
            words = shlex.split(part.split(">")[0], comments=True) if part.count("'") % 2 == 0 else []
            if words and words[0].removeprefix(".venv/bin/") in {"ambient", "pulumi"}:
                yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


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
    """What is wrong with a command line; empty if it could be run."""
    program, *rest = words
    flags = {word.partition("=")[0] for word in rest if word.startswith("-")}
    if program == "ambient":
        verb, _ = verb_of(rest)
        known = {flag for parameter in verb.params for flag in parameter.opts} if verb else set()
        return "" if verb and flags <= known else f"ambient has no such thing: {shlex.join(words)}"
    for name, known in PULUMI.items():
        if rest[: len(name.split())] == name.split():
            return "" if flags <= known else f"not among the flags that are tested: {shlex.join(words)}"
    return f"not among the verbs that are tested: {shlex.join(words)}"
