"""`ambient keys show`: one key, its token, and who else can read it."""

import sys
from dataclasses import replace
from typing import Annotated, Final

import typer

from ambient_components import clock
from ambient_components.cli.options import Key, NamedStack, StackOrKey, misuse
from ambient_components.cli.prompts import stack_and_key
from ambient_components.engine import backend, state
from ambient_components.engine.backend import output
from ambient_components.engine.command import Engine
from ambient_components.engine.names import parse_key_output
from ambient_components.errors import stop
from ambient_components.rules.roles import MINTERS, OWNER
from ambient_components.rules.secret_patterns import without_credentials
from ambient_components.stacks import pulumi
from ambient_components.stacks.deployed import Deployed, DeployedKey
from ambient_components.stacks.project import Project
from ambient_components.stacks.reading import read_deployed
from ambient_components.stacks.states import export
from ambient_components.suggest import did_you_mean, some

_MINTERS: Final = (OWNER, *MINTERS)


def find(summary: Deployed, name: str) -> DeployedKey:
    parsed = parse_key_output(name)
    if parsed is None:
        misuse("WORKSPACE/KEY", f"{_shown(name)} is no name of a key of the form WORKSPACE/KEY, such as payments/ci")
    workspace, key_id = parsed
    keys = [replace(key, workspace=view.name) for view in summary.workspaces for key in view.keys]
    generations = [key for key in keys if (key.workspace, key.id) == (workspace, key_id) and not key.former]
    if not generations:
        names = sorted({key.name for key in keys})
        # If the workspace exists, suggest only by the key's name.
        beside = sorted({key.id for key in keys if key.workspace == workspace})
        hint = (did_you_mean(key_id, beside) if beside else did_you_mean(name, names)) or f"it has {some(names)}"
        stop(f"stack {summary.stack!r} has no key {_shown(name)}", hint, "a key is there after ambient up")
    return max(generations, key=lambda key: key.generation)


def _shown(name: str) -> str:
    """Return a name for an error message, masked if it looks like a token that was pasted as the name."""
    return without_credentials(repr(name))


def read(engine: Engine, summary: Deployed, key: DeployedKey) -> str:
    if key.is_of_platform:
        stop(
            f"key {key.name} has no token of this stack: the platform showed its own once, when it made it",
            f"to issue one: ambient keys rotate {summary.stack} {key.name}",
        )
    if key.dead or (key.expires_at is not None and key.expires_at <= summary.now):
        mended = f"give it another one: ambient keys rotate {summary.stack} {key.name}"
        why = key.dead or "it expired"
        stop(f"key {key.name} no longer works: {why}", mended if key.manual else "run ambient up first")
    if not key.retained:
        missing = f"key {key.name} is not in the state (retain: none)"
        where = f"it is delivered: kubectl get secret -n {(key.delivered_to or '/').replace('/', ' ')} -o yaml"
        if key.undelivered:
            stop(f"{missing}, and not delivered: {key.undelivered}", "run ambient up first")
        stop(missing, where)
    token = output(engine, summary.stack_of(key.workspace), key.name)
    if not token:
        stop(f"stack {summary.stack!r} has no output {key.name!r}", "run ambient up first")
    return token


def readers(summary: Deployed, key: DeployedKey, backend: str, provider: str) -> list[str]:
    """Return who else can read this key or gain equal access without it, as texts."""
    workspace = next(view for view in summary.workspaces if view.name == key.workspace)
    reported = [f"anyone who reads the state ({backend}) and can decrypt it (secrets provider: {provider})"]
    if key.delivered_to:
        space, name = key.delivered_to.split("/", 1)
        reported.append(f"anyone who may read Secrets in namespace {space} (it lies in {name})")
    if key.static:
        reported.append(f"every session of workspace {workspace.name}, and its admins: it lies in a Secret there")
    makers = [item.subject for item in workspace.access if {item.declared, *item.actual} & set(_MINTERS)]
    makers += [f"key {other.id}" for other in workspace.keys if other.role in _MINTERS and other.id != key.id]
    if makers:
        reported.append(
            f"not this key, but one of the same rights can be made by {', '.join(dict.fromkeys(makers))}: owners, "
            "admin and edit may mint tokens of every account here"
        )
    return reported


EPILOG = """\
\b
examples:
  ambient keys show prod payments/ci
  ambient keys show prod payments/ci --quiet | some-program --key-on-stdin
  ambient keys show payments/ci --stack prod

\b
Only the key goes to standard output. Who else can read it goes to standard error. Do not use it in a pipeline, where
the key would be logged; `ambient keys deliver` passes a key without showing it.

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


def show(
    stack: StackOrKey = "",
    key: Key = "",
    named: NamedStack = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the key.")] = False,
) -> None:
    """Print a key, and who else can read it."""
    stack, key = stack_and_key(stack, key, named)
    project = Project.find()
    engine = pulumi.PulumiEngine(project.folder)
    exported = export(project, stack, engine)
    summary = read_deployed(exported, stack, clock.now())
    existing = find(summary, key)
    token = read(engine, summary, existing)
    if not quiet:
        where, provider = backend.current_backend(engine) or "?", state.secrets_provider(exported) or "none"
        reported = readers(summary, existing, where, provider)
        print(f"{existing.name} can be read by:", *(f"  {reader}" for reader in reported), sep="\n", file=sys.stderr)
    print(token)
