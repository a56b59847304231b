"""`ambient show`: a stack's access and keys from its state, or one workspace's merged entry from the files."""

import json
import sys
from typing import Annotated

import typer

from ambient_components import clock
from ambient_components.cli.options import Stack, format_option
from ambient_components.cli.prompts import stack_and_workspace
from ambient_components.cli.show import effective, summary_text
from ambient_components.errors import fail
from ambient_components.output import Format, paint_for
from ambient_components.stackfile.layers import WORKSPACE, Origin
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks import cluster
from ambient_components.stacks.cluster import Endpoint
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.states import export
from ambient_components.stacks.summary import read_overview
from ambient_components.suggest import did_you_mean

_SHOWN_NAMES = 10

EPILOG = """\
\b
examples:
  ambient show dev
  ambient show dev --format json | jq '.workspaces[].keys[].expiresAt'
  ambient show dev --ca-certificate > cluster-ca.crt      for curl --cacert
  ambient show dev payments                               its entry, and where each value comes from
  ambient show payments --stack dev                       the same

\b
For a stack it reads the state and the kubeconfig, queries no cluster, and shows no secrets. Manual changes in the
cluster are visible after `pulumi refresh`.

\b
For a workspace it reads only the stack's files and shows the merged values: defaults of the schema, then the stack's
defaults, then the template, then the workspace's own entry. Secrets are shown as references. As JSON:
  {"workspace", "stack", "values": [{"path", "value", "layer", "file", "line", "column"}, ...]}
with layer workspace, template NAME, defaults or built-in. Built-in values have no file.
"""


def show(
    stack: Stack = "",
    workspace: Annotated[str, typer.Argument(metavar="WORKSPACE", help="A workspace of the stack. Default: all.")] = "",
    named: Annotated[
        str,
        typer.Option("--stack", "-s", help="Same as STACK, as in pulumi. The argument is then the workspace."),
    ] = "",
    form: Annotated[Format, format_option("Output format.", Format.TEXT, Format.JSON)] = Format.TEXT,
    ca_certificate: Annotated[
        bool, typer.Option("--ca-certificate", help="Print only the cluster's CA certificate.")
    ] = False,
) -> None:
    """Show access and keys, or one workspace's entry."""
    stack, workspace = stack_and_workspace(stack, workspace, named)
    if workspace and ca_certificate:
        msg = "a cluster has one, not a workspace: leave WORKSPACE out"
        raise typer.BadParameter(msg, param_hint="--ca-certificate")
    project = Project.find()
    if workspace:
        _show_workspace(project, stack, workspace, form)
    else:
        _show_stack(project, stack, form, ca_certificate=ca_certificate)


def _show_stack(project: Project, stack: str, form: Format, *, ca_certificate: bool) -> None:
    endpoint = cluster.endpoint(project.config(stack).get("context"))
    if ca_certificate:
        _print_ca(endpoint)
        return
    overview = read_overview(export(project, stack), stack, clock.now())
    if form is Format.JSON:
        print(json.dumps(summary_text.as_json(overview), indent=2))
        return
    commands = summary_text.usage(overview, endpoint)
    print(summary_text.as_text(overview, paint_for(sys.stdout)) + (f"\n\n{commands}" if commands else ""))


def _show_workspace(project: Project, stack: str, workspace: str, form: Format) -> None:
    loaded = load_stack(stack_path(project, stack))
    if workspace not in loaded.data:
        suggestion = did_you_mean(workspace, loaded.data)
        fail(None, "", f"stack {stack!r} has no workspace {workspace!r}", suggestion or _some(sorted(loaded.data)))
    values = effective.effective(loaded, workspace)
    if form is Format.JSON:
        print(effective.as_json(stack, workspace, values))
    else:
        place = Origin(WORKSPACE, loaded.sources.key(("workspaces", workspace)))
        print(effective.as_text(workspace, values, place, paint_for(sys.stdout)))


def _some(names: list[str]) -> str:
    if not names:
        return "its files have none"
    more = len(names) - _SHOWN_NAMES
    return f"it has {', '.join(names[:_SHOWN_NAMES])}" + (f" and {more} more" if more > 0 else "")


def _print_ca(endpoint: Endpoint | None) -> None:
    if endpoint is None or endpoint.ca is None:
        where = f"the one of {endpoint.server}" if endpoint else "the kubeconfig"
        fail(None, "", f"{where} has no CA certificate", "check KUBECONFIG; a public server needs no --cacert")
    print(endpoint.ca.decode("ascii").rstrip())
