"""`ambient init`: start a project, and create or complete a stack's two files."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ambient_components.cli.init.initialize import (
    Look,
    Outcome,
    Request,
    complete,
    desired_provider,
    has_passphrase,
    initialize,
    passphrase_missing,
    write_files,
)
from ambient_components.cli.init.project import default_name, record_backend, settle_backend, start_project
from ambient_components.cli.prompts import Ask, Question, asker, named_stack, prompt, take_defaults
from ambient_components.engine.backend import encrypts_by_itself, stack_names
from ambient_components.engine.command import Engine
from ambient_components.engine.texts import PASSPHRASE_VARIABLES
from ambient_components.errors import BadValue, Where, fail, stop
from ambient_components.fleet.creation import make_shards, provider_of, set_fleet_key
from ambient_components.shards.names import CONFIG_KEY, FLEET_KEY, shard_count, shard_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.cluster import identify
from ambient_components.stacks.project import Project, bare_name


def initialize_fleet(
    request: Request,
    shards: int,
    project: Project,
    engine: Engine,
    *,
    ask: Ask = take_defaults,
    look: Look = identify,
) -> Outcome:
    """Create or complete a fleet. Existing settings are never changed."""
    try:
        count = shard_count(shards)
    except BadValue as error:
        fail(None, "--shards", error.problem, error.hints)
    fleet, config_file = request.stack, project.config_file(request.stack)
    names = [shard_stack(fleet, number) for number in range(count)]
    known = stack_names(engine)
    missing = [name for name in names if bare_name(name) not in known]
    _check(fleet, count, project, known, names)
    config, shown = project.config(fleet), project.shown(config_file)
    provider = provider_of(config_file) if config_file.exists() else desired_provider(request, config_file, ask, engine)
    if provider == "default" and encrypts_by_itself(engine):
        remedy = "give --secrets-provider passphrase, or a key of your cloud such as awskms://…"
        stop("this backend encrypts each stack with a key of its own, and shards share one config", remedy)
    if missing and provider == "passphrase" and not has_passphrase(engine):
        passphrase_missing()
    flags = ("--stack", names[0], "--config-file", str(config_file))

    def make() -> str:
        make_shards(engine, project, missing, config_file, provider)
        return f"Made {_those(missing)} (secrets provider: {provider}), with one config: {shown}"

    more = {CONFIG_KEY: str(count)}
    outcome = complete(request, project, engine, flags, make if missing else None, ask=ask, look=look, more=more)
    if FLEET_KEY not in config:
        set_fleet_key(engine, flags)
        outcome.done.append(f"Set {FLEET_KEY}: a random secret, by which runs see whether a secret changed, in {shown}")
    outcome.done.extend(write_files(project, fleet))
    if len(missing) < count and outcome.done:
        outcome.notes.insert(0, "Some of it was there already: what was missing was added, the rest is unchanged.")
    return outcome


def _check(fleet: str, count: int, project: Project, known: set[str], names: list[str]) -> None:
    config_file = project.config_file(fleet)
    shown = project.shown(config_file)
    reported = project.shards(fleet)
    if reported is not None and reported != count:
        fail(
            Where(shown),
            CONFIG_KEY,
            f"the fleet {fleet!r} has {reported} shards already, and not {count}",
            f"workspaces move with the number: ambient reshard {fleet} --shards {count}",
        )
    if reported is None and bare_name(fleet) in known:
        stop(
            f"{fleet!r} is a plain stack already",
            f"divide it, and what it holds with it: ambient reshard {fleet} --shards {count}",
        )
    for name in names:
        own = config_file.with_name(f"Pulumi.{bare_name(name)}.yaml")
        if own.exists():
            remedy = "remove the file if it is a leftover, or choose another name for the fleet"
            fail(Where(project.shown(own)), "", f"{name!r} would be a shard, and has a config of its own", remedy)
        if not config_file.exists() and bare_name(name) in known:
            hints = ("restore it from Git", f"if the stack is new and empty: pulumi stack rm {name}")
            fail(Where(shown), "", f"the shard {name!r} is there, and the fleet's config is not", *hints)


def _those(names: list[str]) -> str:
    return f"the stack {names[0]}" if len(names) == 1 else f"{len(names)} stacks, {names[0]} to {names[-1]}"


EPILOG = """\
\b
examples:
  ambient init prod                                       prompts for what it needs
  ambient init prod --backend s3://my-state --secrets-provider awskms://alias/pulumi --context prod
  ambient init prod --shards 8                            a fleet: stacks prod-00 to prod-07 with one config
  ambient init prod --yes                                 no prompts: current login, passphrase, current context
  ambient init prod --project workspaces                  also start a project in this folder
  ambient init --project workspaces                       the project alone, without a stack or a cluster

\b
Without a Pulumi.yaml here or above, it asks for the name of a new project, or takes it from --project, and writes
Pulumi.yaml, __main__.py, requirements.txt, requirements.lock, .gitignore and CODEOWNERS. A file that exists stays.

\b
For a stack it writes stacks/STACK.yaml (the workspaces, with an example) and stacks/Pulumi.STACK.yaml (the cluster;
through `pulumi stack init` and `pulumi config set`). In an existing stack it adds what is missing and changes no
setting. A backend that you choose is written to Pulumi.yaml (backend.url), unless it has one, or the URL has a password
or is a folder of this machine.
A stack belongs to one cluster, identified by the uid of its kube-system namespace. Another cluster is refused.

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


def init(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack's name, such as prod or my-org/prod.")] = "",
    named: Annotated[str, typer.Option("--stack", "-s", help="Same as the argument, as in pulumi.")] = "",
    backend: Annotated[
        str, typer.Option(metavar="URL", help="Backend for the state: file://~, s3://…, https://api.pulumi.com, …")
    ] = "",
    secrets_provider: Annotated[
        str, typer.Option(metavar="NAME", help="Secrets provider: passphrase, default (Pulumi Cloud), awskms://…")
    ] = "",
    context: Annotated[
        str, typer.Option(metavar="NAME", help="Kubeconfig context to set in the config. Default: the current one.")
    ] = "",
    cluster_uid: Annotated[
        str, typer.Option(metavar="UID", help="uid of the cluster's kube-system namespace. Default: query the cluster.")
    ] = "",
    openshift: Annotated[
        bool | None,
        typer.Option(
            "--openshift/--no-openshift", help="Whether the cluster is OpenShift. Default: query the cluster."
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(metavar="N", help="Create a fleet of N stacks (STACK-00, STACK-01, …) with one config."),
    ] = None,
    new: Annotated[
        str,
        typer.Option(
            "--project", metavar="NAME", help="Start a project of this name in this folder. The name never changes."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Use the defaults without prompts.")] = False,
) -> None:
    """Start a project, and create or complete a stack for a cluster."""
    stack = named_stack(stack, named) if stack or named or not new else ""
    project, started, first_steps = _project(new, yes=yes)
    for line in started:
        print(line)
    if not stack:
        _say_next([*first_steps, "ambient init dev    # a stack, for one cluster"])
        return
    ask = asker(yes=yes)
    interactive = sys.stdin.isatty() and sys.stderr.isatty()
    request = Request(
        stack, secrets_provider or None, context or None, cluster_uid or None, openshift, interactive=interactive
    )
    try:
        engine, url = settle_backend(pulumi.PulumiEngine(project.folder), backend, ask)
        if shards is None:
            _not_a_fleet(project, stack)
            outcome = initialize(request, project, engine, ask=ask)
        else:
            outcome = initialize_fleet(request, shards, project, engine, ask=ask)
    except BaseException:
        _say_next(first_steps)  # the project's files are there
        raise
    recorded, steps = record_backend(project, url, os.environ)
    done = [*outcome.done, *recorded]
    for line in (*(done or [f"Stack {stack} is complete: nothing was changed."]), *outcome.notes):
        print(line)
    steps += _passphrase_steps(project, stack)
    steps += _next_steps(project.shown(project.stack_file(stack)), stack)
    _say_next([*first_steps, *steps])


def _project(name: str, *, yes: bool) -> tuple[Project, list[str], list[str]]:
    here = Path.cwd()
    if not name and not yes and sys.stdin.isatty() and Project.folder_above(here) is None:
        question = f"There is no Pulumi.yaml in {here} or above it. Name of a new project in this folder"
        name = prompt(Question(question, "--project", default_name(here)))
    return start_project(here, name) if name else (Project.find(), [], [])


def _say_next(steps: list[str]) -> None:
    if steps:
        print("\nNext:", *(f"  {step}" for step in steps), sep="\n")


def _not_a_fleet(project: Project, stack: str) -> None:
    """Refuse a fleet or one of its shards, which can't be completed alone."""
    shard = project.shard_of(stack)
    fleet = stack if shard is None else shard[0]
    count = project.shards(fleet)
    if shard is not None or count is not None:
        what = f"is a fleet of {count} shards" if shard is None else f"is a shard of the fleet {fleet!r}"
        remedy = f"to complete it: ambient init {fleet} --shards {count}"
        fail(Where(project.shown(project.config_file(stack))), "", f"{stack!r} {what}", remedy)


def _passphrase_steps(project: Project, stack: str) -> list[str]:
    path = project.config_file(stack)
    if not path.exists() or provider_of(path) != "passphrase":
        return []
    return [f"export {PASSPHRASE_VARIABLES[1]}=FILE    # in every shell; without it, a terminal is asked each time"]


def _next_steps(stack_file: str, stack: str) -> list[str]:
    steps = [
        f"edit {stack_file}",
        f"ambient plan {stack}    # who would gain or lose what",
        f"ambient up {stack}      # the same page, a question, and the deployment",
        f"ambient show {stack}",
    ]
    if not os.environ.get("PULUMI_CONTINUE_ON_ERROR"):
        # A failed step must not stop revocations (docs/concepts/how-it-works.md).
        steps.insert(0, "export PULUMI_CONTINUE_ON_ERROR=true    # a failed step then holds back no revocation")
    return steps
