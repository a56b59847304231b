"""`ambient show`: what a stack gave to whom, out of its state."""

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ambient_components.cli.terminal import one_stack, paint_for
from ambient_components.errors import fail

if TYPE_CHECKING:
    from ambient_components.cli.kube import Endpoint

EPILOG = """\
\b
examples:
  ambient show dev
  ambient show dev --format json | jq '.workspaces[].keys[].expiresAt'
  ambient show dev --ca-certificate > cluster-ca.crt      for curl --cacert

\b
It reads the stack's state and the kubeconfig, asks no cluster, and shows no secret. What somebody changed in the
cluster by hand is seen after `pulumi refresh`.
"""


class Format(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"


def show(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack, such as dev or my-org/prod.")] = "",
    named: Annotated[str, typer.Option("--stack", "-s", help="The same, as Pulumi's commands take it.")] = "",
    form: Annotated[Format, typer.Option("--format", help="json for programs.")] = Format.TEXT,
    ca_certificate: Annotated[
        bool, typer.Option("--ca-certificate", help="Print the cluster's CA certificate, and nothing else.")
    ] = False,
) -> None:
    """Show workspaces, access and keys, and how to use one."""
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
    if form is Format.JSON:
        print(json.dumps(as_json(overview), indent=2))
        return
    commands = usage(overview, endpoint)
    print(as_text(overview, paint_for(sys.stdout)) + (f"\n\n{commands}" if commands else ""))


def _print_ca(endpoint: "Endpoint | None") -> None:
    if endpoint is None or endpoint.ca is None:
        where = f"the one of {endpoint.server}" if endpoint else "the kubeconfig"
        fail(None, "", f"{where} has no CA certificate", "check KUBECONFIG; a public server needs no --cacert")
    print(endpoint.ca.decode("ascii").rstrip())
