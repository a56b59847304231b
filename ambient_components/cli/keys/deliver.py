"""`ambient keys deliver`: pass a key to a file or a program, without showing it."""

import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from ambient_components import clock
from ambient_components.cli.keys.show import find, read
from ambient_components.cli.options import Key, NamedStack, StackOrKey, misuse
from ambient_components.cli.prompts import is_key, stack_and_key
from ambient_components.engine.names import parse_key_output
from ambient_components.errors import stop
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project
from ambient_components.stacks.reading import read_deployed
from ambient_components.stacks.states import export
from ambient_components.writing import PRIVATE, write_file

WITHHELD: Final = (
    "PULUMI_", "AMBIENT_", "KUBE", "AWS_", "ARM_", "AZURE_", "CLOUDSDK_", "GOOGLE_", "MC_",
    "MINIO_", "ACTIONS_ID_TOKEN_",
)  # fmt: skip
"""Prefixes of variables that the program does not get: credentials of the engine, its state, the cluster and the store.
A program with one key needs none of them, and could read every key with them."""

EPILOG = """\
\b
examples:
  ambient keys deliver prod payments/ci --file /run/secrets/ambient-key
  ambient keys deliver prod payments/ci -- gh secret set AMBIENT_KEY --repo acme/payments
  ambient keys deliver prod payments/ci -- vault kv put -mount=ci payments/ambient key=-
  ambient keys deliver payments/ci --stack prod --file ambient-key

\b
Run it after `ambient up`, which may have issued a new token. It is safe to repeat. The program gets the key on standard
input, without a final newline; its output is passed through. A file is written atomically, readable only by its owner
(0600), and replaced only if the key changed. Links, folders and devices are refused.

\b
Choose a program that reads the key from standard input: every user of the machine can see a program's arguments.

\b
The program does not get the variables that deploy the stack: PULUMI_*, AMBIENT_*, KUBE*, AWS_*, ARM_*, AZURE_*,
CLOUDSDK_*, GOOGLE_*, MC_*, MINIO_* and ACTIONS_ID_TOKEN_*. --env NAME passes one:
  ambient keys deliver prod payments/ci --env AWS_PROFILE -- ./put-into-secrets-manager
The program runs as you, so it can still read your files, such as ~/.kube/config.

\b
To deliver to a Secret in the cluster, set `deliver` in the stack file. Every run then delivers the key.

\b
exit codes: 0 success; 1 error, or the program failed; 64 wrong usage; 130 Ctrl-C
"""


def deliver(
    stack: StackOrKey = "",
    key: Key = "",
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND", help="A program that reads the key from standard input."),
    ] = None,
    named: NamedStack = "",
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="Write the key to this file (mode 0600).")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME", help="Variable to pass to the program. Can be repeated."),
    ] = None,
) -> None:
    """Pass a key to a file or a program, without showing it."""
    words = list(command or ())
    named_alone = "/" in stack and stack != named if named else parse_key_output(key) is None and is_key(stack)
    if key and named_alone:
        # Without a stack before it, the first argument is the key and the second begins the program.
        words, key = [key, *words], ""
    stack, key = stack_and_key(stack, key, named)
    if (file is None) == (not words):
        misuse("--file", "give either --file PATH, or a program after --")
    project = Project.find()
    engine = pulumi.PulumiEngine(project.folder)
    summary = read_deployed(export(project, stack, engine), stack, clock.now())
    existing = find(summary, key)
    token = read(engine, summary, existing)
    if file is not None:
        changed = write_file(file, token.encode(), PRIVATE)
        print(f"{existing.name}: {'written to' if changed else 'already in'} {file}", file=sys.stderr)
        return
    code = hand_over(words, token, handed_on(os.environ, env or ()))
    if code:
        print(f"ambient: {words[0]} failed (exit code {code}): {existing.name} may not be there", file=sys.stderr)
        raise typer.Exit(1)
    print(f"{existing.name}: handed to {words[0]}", file=sys.stderr)


def handed_on(environ: Mapping[str, str], named: Collection[str]) -> dict[str, str]:
    """Return the environment for a program that gets a key, without the variables that deploy the stack."""
    return {name: value for name, value in environ.items() if name in named or not name.upper().startswith(WITHHELD)}


def hand_over(words: list[str], token: str, environ: Mapping[str, str]) -> int:
    """Run a program with the key on its standard input, and return its exit code."""
    try:
        # Not as an argument, which every user of the machine can see.
        return subprocess.run(words, input=token.encode(), env=dict(environ), check=False).returncode  # noqa: S603
    except OSError as error:
        stop(f"{words[0]!r} can't be run: {error.strerror}", "name a program that is on PATH")
