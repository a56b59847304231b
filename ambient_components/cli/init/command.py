"""`ambient init`: create or complete a stack's two files."""

import os
import sys
from typing import Annotated

import typer

from ambient_components.cli.init.fleet import initialize_fleet
from ambient_components.cli.init.initialize import Request, initialize
from ambient_components.cli.prompts import Ask, Question, asker, one_stack
from ambient_components.engine.backend import current_backend
from ambient_components.engine.command import Engine
from ambient_components.errors import Where, fail
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project

EPILOG = """\
\b
examples:
  ambient init prod                                       prompts for what it needs
  ambient init prod --backend s3://my-state --secrets-provider awskms://alias/pulumi --context prod
  ambient init prod --shards 8                            a fleet: stacks prod-00 to prod-07 with one config
  ambient init prod --yes                                 no prompts: current login, passphrase, current context

\b
It writes stacks/STACK.yaml (the workspaces, with an example) and stacks/Pulumi.STACK.yaml (the cluster; through
`pulumi stack init` and `pulumi config set`). In an existing stack it adds what is missing and changes no setting. A
stack belongs to one cluster, identified by the uid of its kube-system namespace. Another cluster is refused.
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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Use the defaults without prompts.")] = False,
) -> None:
    """Create or complete a stack for a cluster."""
    stack = one_stack(stack, named)
    project = Project.find()
    ask = asker(yes=yes)
    engine, first_steps = settle_backend(pulumi.PulumiEngine(project.folder), backend, ask)
    interactive = sys.stdin.isatty() and sys.stderr.isatty()
    request = Request(
        stack, secrets_provider or None, context or None, cluster_uid or None, openshift, interactive=interactive
    )
    if shards is None:
        _not_a_fleet(project, stack)
        outcome = initialize(request, project, engine, ask=ask)
    else:
        outcome = initialize_fleet(request, shards, project, engine, ask=ask)
    for line in (*(outcome.done or [f"Stack {stack} is complete; nothing was changed."]), *outcome.notes):
        print(line)
    print("\nNext:")
    for step in [*first_steps, *_next_steps(project.shown(project.stack_file(stack)), stack, fleet=shards is not None)]:
        print(f"  {step}")


def _not_a_fleet(project: Project, stack: str) -> None:
    """Refuse a fleet or one of its shards, which can't be completed alone."""
    shard = project.shard_of(stack)
    fleet = stack if shard is None else shard[0]
    count = project.shards(fleet)
    if shard is not None or count is not None:
        what = f"is a fleet of {count} shards" if shard is None else f"is a shard of the fleet {fleet!r}"
        fail(Where(project.shown(project.config_file(stack))), "", f"{stack!r} {what}", _complete(fleet, count))


def _complete(fleet: str, count: int | None) -> str:
    return f"to complete it: ambient init {fleet} --shards {count}"


def settle_backend(engine: Engine, asked: str, ask: Ask) -> tuple[Engine, list[str]]:
    """Return the engine on the chosen backend, and the commands with which the user selects it for `pulumi` too.

    A login is never changed, because it applies to every project on the machine.
    """
    current = current_backend(engine)
    wanted = asked or current or ask(Question("Backend for the state", "--backend", "file://~"))
    if wanted == current:
        return engine, []
    chosen = engine.with_backend(wanted)
    # `file://~` and its expanded path are equal.
    if current is not None and current_backend(chosen) == current:
        return chosen, []
    step = f"export PULUMI_BACKEND_URL={wanted}"
    return chosen, [f"{step}    # in every shell, or once for all projects: pulumi login {wanted}"]


def _next_steps(stack_file: str, stack: str, *, fleet: bool) -> list[str]:
    steps = [
        f"edit {stack_file}",
        f"{f'ambient plan {stack}' if fleet else f'pulumi preview --stack {stack}'}    # who would gain or lose what",
        f"ambient up {stack}" if fleet else f"pulumi up --stack {stack}",
        f"ambient show {stack}",
    ]
    if not os.environ.get("PULUMI_CONTINUE_ON_ERROR"):
        # A failed step must not stop revocations (docs/how-it-works.md).
        steps.insert(0, "export PULUMI_CONTINUE_ON_ERROR=true    # a failed step then holds back no revocation")
    return steps
