"""`ambient show`: what a stack gave to whom, out of its state."""

import json
import os
import sys
from typing import Annotated, Literal

import typer

_EPILOG = """\
\b
examples:
  ambient show dev
  ambient show dev --format json | jq '.workspaces[].keys[].expires_at'
  ambient show dev --ca-certificate > cluster-ca.crt      for curl --cacert

\b
It reads the stack's state and the kubeconfig, asks no cluster, and shows no secret. What somebody changed in the
cluster by hand is seen after `pulumi refresh`.
"""


def show(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack, such as dev or my-org/prod.")] = "",
    named: Annotated[str, typer.Option("--stack", "-s", help="The same, as Pulumi's commands take it.")] = "",
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="json for programs.")] = "text",
    ca_certificate: Annotated[
        bool, typer.Option("--ca-certificate", help="Print the cluster's CA certificate, and nothing else.")
    ] = False,
) -> None:
    """Show a stack's workspaces, who has access, its keys with their expiry, and how to use one."""
    from ambient_components import clock  # noqa: PLC0415
    from ambient_components.cli import engine, kube  # noqa: PLC0415
    from ambient_components.cli.overview import read_overview  # noqa: PLC0415
    from ambient_components.cli.overview_text import as_json, as_text, usage  # noqa: PLC0415
    from ambient_components.cli.project import Project, bare_name  # noqa: PLC0415

    stack = one_stack(stack, named)
    bare_name(stack)
    project = Project.find()
    endpoint = kube.endpoint(project.config(stack).get("context"))
    if ca_certificate:
        _print_ca(endpoint)
        return
    overview = read_overview(engine.export(engine.PulumiEngine(project.folder), stack), stack, clock.now())
    if form == "json":
        print(json.dumps(as_json(overview), indent=2))
        return
    commands = usage(overview, endpoint)
    print(as_text(overview, paint() if colours() else plain_paint()) + (f"\n\n{commands}" if commands else ""))
