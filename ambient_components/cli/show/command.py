"""`ambient show`: a stack's access and keys from its state, or one workspace's merged entry from the files."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from ambient_components import clock
from ambient_components.cli import completion
from ambient_components.cli.options import StackOrWorkspace, format_option, misuse
from ambient_components.cli.prompts import stack_and_workspace
from ambient_components.cli.show import summary_text
from ambient_components.cli.show.entry import Value, effective
from ambient_components.cli.tables import plain_value
from ambient_components.engine.state import bare
from ambient_components.errors import fail, format_path, stop
from ambient_components.output import Format, Paint, paint_for, plain
from ambient_components.printable import json_text
from ambient_components.rules.installation import PLATFORM_URL, platform_url_problem
from ambient_components.shards.names import shard_stack
from ambient_components.stackfile.layers import WORKSPACE, Origin
from ambient_components.stackfile.loader import load_stack
from ambient_components.stackfile.yaml.dumping import one_line
from ambient_components.stacks import cluster
from ambient_components.stacks.cluster import Endpoint
from ambient_components.stacks.key_table import Limits, run_interval
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.reading import read_deployed
from ambient_components.stacks.states import export
from ambient_components.suggest import nearest_or_some

_WIDEST: Final = 72
"""The column of comments. After a longer line the comment follows directly."""

_PLACE: Final = ("file", "line", "column")


def as_text(workspace: str, values: Sequence[Value], place: Origin, paint: Paint = plain) -> str:
    lines = [(f"{one_line(workspace)}:" + ("" if values else " {}"), _comment(place))]
    before: tuple[object, ...] = ()
    for value in values:
        *parents, last = value.path
        for depth, parent in enumerate(parents):
            if value.path[: depth + 1] != before[: depth + 1]:
                lines.append((f"{_indent(depth)}{one_line(parent)}:", ""))
        start = "-" if isinstance(last, int) else f"{one_line(last)}:"
        lines.append((f"{_indent(len(parents))}{start} {one_line(value.value)}", _comment(value.origin, value.written)))
        before = value.path
    column = max((len(text) for text, comment in lines if comment and len(text) <= _WIDEST), default=0)
    return "\n".join(
        f"{text.ljust(column)}  {paint(f'# {comment}', 'dim')}" if comment else text for text, comment in lines
    )


def _indent(depth: int) -> str:
    return "  " * (depth + 1)


def _comment(origin: Origin, written: Any = None) -> str:
    layer, where = origin
    if where is None:
        return layer
    place = f"{where.file}:{where.line}" + (f": {one_line(written)}, shortened" if written is not None else "")
    return place if layer == WORKSPACE else f"{layer}, {place}"


def as_json(stack: str, workspace: str, values: Sequence[Value]) -> str:
    """Return the entry as JSON. Defaults have no file, line and column."""
    shown: list[dict[str, Any]] = []
    for value in values:
        layer, where = value.origin
        place = {"file": where.file, "line": where.line, "column": where.column} if where else dict.fromkeys(_PLACE)
        shown.append(
            {"path": format_path(value.path), "value": value.value, "layer": layer, **place, "written": value.written}
        )
    return json_text({"workspace": workspace, "stack": stack, "values": shown})


EPILOG = """\
\b
examples:
  ambient show dev
  ambient show dev --format json | jq '.workspaces[].keys[].expiresAt'
  ambient show dev --ca-certificate > cluster-ca.crt      for curl --cacert
  ambient show dev --bare-state > state.json              for ambient plan dev --offline --state state.json
  ambient show dev payments                               its entry, and where each value comes from
  ambient show payments --stack dev                       the same

\b
For a stack it reads the state, the config and the kubeconfig, queries no cluster, and shows no secrets. Manual changes
in the cluster are visible after `pulumi refresh`. The commands at the end use a key with the platform's API at
platformUrl of the config, and with the Kubernetes API.

\b
For a workspace it reads only the stack's files and shows the merged values: defaults of the schema, then the stack's
defaults, then the template, then the workspace's own entry. Secrets are shown as references. As JSON:
  {"workspace", "stack", "values": [{"path", "value", "layer", "file", "line", "column", "written"}, ...]}
with layer workspace, template NAME, defaults or built-in. Built-in values have no file. written is null, or the file's
value where runs use a shorter one: rotateBefore and overlap of a key have to fit its lifetime and runEvery.

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


def show(
    stack: StackOrWorkspace = "",
    workspace: Annotated[
        str,
        typer.Argument(
            metavar="WORKSPACE", help="A workspace of the stack. Default: all.", autocompletion=completion.workspaces
        ),
    ] = "",
    named: Annotated[
        str,
        typer.Option("--stack", "-s", help="Same as STACK, as in pulumi. The argument is then the workspace."),
    ] = "",
    form: Annotated[Format, format_option("Output format.", Format.TEXT, Format.JSON)] = Format.TEXT,
    ca_certificate: Annotated[
        bool, typer.Option("--ca-certificate", help="Print only the cluster's CA certificate.")
    ] = False,
    bare_state: Annotated[
        bool,
        typer.Option(
            "--bare-state", help="Print only the state, without secrets, for `ambient plan --offline --state`."
        ),
    ] = False,
) -> None:
    """Show access and keys, or one workspace's entry."""
    stack, workspace = stack_and_workspace(stack, workspace, named)
    if workspace and (ca_certificate or bare_state):
        misuse("--ca-certificate" if ca_certificate else "--bare-state", "is not of a workspace: leave WORKSPACE out")
    project = Project.find()
    if bare_state:
        _print_state(project, stack)
        return
    if workspace:
        _show_workspace(project, stack, workspace, form)
    else:
        _show_stack(project, stack, form, ca_certificate=ca_certificate)


def _print_state(project: Project, stack: str) -> None:
    if project.shards(stack) is not None:
        fail(
            None,
            "--bare-state",
            f"{stack} is a fleet, and each shard has a state",
            f"name one: {shard_stack(stack, 0)}",
        )
    print(json_text(bare(export(project, stack))))


def _show_stack(project: Project, stack: str, form: Format, *, ca_certificate: bool) -> None:
    config = project.config(stack)
    endpoint = cluster.endpoint(config.get("context"))
    if ca_certificate:
        _print_ca(endpoint)
        return
    summary = read_deployed(export(project, stack), stack, clock.now())
    if form is Format.JSON:
        print(json_text(plain_value(summary)))
        return
    url = config.get(PLATFORM_URL)
    platform = url if isinstance(url, str) and platform_url_problem(url) is None else None
    commands = summary_text.usage(summary, endpoint, platform_url=platform)
    print(
        summary_text.as_text(summary, paint_for(sys.stdout), Limits(run_interval(project, stack)))
        + (f"\n\n{commands}" if commands else "")
    )


def _show_workspace(project: Project, stack: str, workspace: str, form: Format) -> None:
    loaded = load_stack(stack_path(project, stack))
    if workspace not in loaded.data:
        hint = nearest_or_some(workspace, loaded.data)
        stop(f"stack {stack!r} has no workspace {workspace!r}", hint)
    values = effective(loaded, workspace)
    if form is Format.JSON:
        print(as_json(stack, workspace, values))
    else:
        place = Origin(WORKSPACE, loaded.sources.key(("workspaces", workspace)))
        print(as_text(workspace, values, place, paint_for(sys.stdout)))


def _print_ca(endpoint: Endpoint | None) -> None:
    if endpoint is None or endpoint.ca is None:
        where = f"the one of {endpoint.server}" if endpoint else "the kubeconfig"
        stop(f"{where} has no CA certificate", "check KUBECONFIG", "use no --cacert for a public server")
    print(endpoint.ca.decode("ascii").rstrip())
