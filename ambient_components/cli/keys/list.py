"""`ambient keys list`: every key of one stack or of all, and which of them need attention."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import typer

from ambient_components import activity, clock
from ambient_components.cli import completion
from ambient_components.cli.options import NamedStack, Workspaces, duration_of, format_option
from ambient_components.cli.prompts import one_stack
from ambient_components.cli.tables import csv_text, plain_value, table
from ambient_components.cluster.client import core
from ambient_components.cluster.guard import Guard
from ambient_components.documentation import page
from ambient_components.engine import backend
from ambient_components.errors import StepError, stop
from ambient_components.output import Format, Paint, paint_for, plain, show_problem
from ambient_components.platform.contract import APP_LABEL, KEY_APP
from ambient_components.printable import json_text
from ambient_components.rotation.state import format_time
from ambient_components.rules.durations import format_rounded
from ambient_components.rules.findings import camel
from ambient_components.shards.names import split_shard
from ambient_components.stacks import pulumi
from ambient_components.stacks.deployed import Deployed, DeployedKey
from ambient_components.stacks.key_table import Limits, Seen, expiry, following, note, rows, run_interval, seen_in
from ambient_components.stacks.ledgers import check_workspaces
from ambient_components.stacks.project import Project, stack_files
from ambient_components.stacks.reading import read_deployed
from ambient_components.stacks.states import export

SOURCE_OF_USE: Final = (
    "last used: as the platform's backend recorded it. It does not see requests to the Kubernetes API, so ask a key's "
    "users before you revoke it."
)
"""What the column does not say. A key without a recorded use may be in use."""

_HEAD: Final = ("workspace/key", "role", "created", "last used", "expires", "state", "next", "")


def as_table(listed: Sequence[DeployedKey], now: datetime, paint: Paint = plain) -> str:
    """Return a line for each key, followed by what needs attention. With several stacks, each has a heading."""
    if not listed:
        return "There are no keys."
    blocks = []
    stacks = list(dict.fromkeys(row.stack for row in listed))
    for stack in stacks:
        of_stack = [row for row in listed if row.stack == stack]
        heading = [paint(stack, "bold")] if len(stacks) > 1 else []
        blocks.append("\n".join([*heading, *_lines(of_stack, now, paint)]))
    if any(row.last_used is not None for row in listed):
        blocks.append(paint(SOURCE_OF_USE, "dim"))
    calls = sum(bool(row.attention) for row in listed)
    if calls:
        blocks.append(paint(f"{calls} of {len(listed)} keys need attention", "loud"))
    return "\n\n".join(blocks)


_COLUMNS: Final = (
    "stack", "workspace", "id", "generation", "name", "description", "role", "created", "last_used", "expires",
    "state", "next", "next_at", "attention", "origin",
)  # fmt: skip


def columns(key: DeployedKey) -> dict[str, Any]:
    other = {"name": key.label, "next_at": None if key.until else key.next_at}
    return {column: other[column] if column in other else getattr(key, column) for column in _COLUMNS}


def as_json(listed: Iterable[DeployedKey], now: datetime) -> str:
    """Return the rows as JSON, described in the verb's help."""
    return json_text({"now": format_time(now), "keys": plain_value(list(map(columns, listed)))})


def as_csv(listed: Iterable[DeployedKey]) -> str:
    return csv_text(map(camel, _COLUMNS), (plain_value(columns(key)).values() for key in listed))


_METRIC: Final = "ambient_key_expiry_timestamp_seconds"


def as_openmetrics(listed: Iterable[DeployedKey]) -> str:
    """Return the expiry of each declared key's newest token that works, as OpenMetrics text."""
    shown = [key for key in listed if key.declared and not key.former and not key.dead]
    lines = [f"# TYPE {_METRIC} gauge", f"# UNIT {_METRIC} seconds", f"# HELP {_METRIC} When the key's token expires."]
    for key in shown:
        if isinstance(key.expires, datetime):
            labels = {"stack": key.stack, "workspace": key.workspace, "key": key.id}
            text = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
            lines.append(f"{_METRIC}{{{text}}} {int(key.expires.timestamp())}")
    return "\n".join([*lines, "# EOF", ""])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _lines(listed: Sequence[DeployedKey], now: datetime, paint: Paint) -> list[str]:
    return table(_HEAD, (_cells(row, now) for row in listed), paint, notes=[row.attention for row in listed])


def _cells(key: DeployedKey, now: datetime) -> tuple[str, ...]:
    return (
        f"{key.workspace}/{key.title}",
        key.role or "?",
        _ago(key.created, now),
        _ago(key.last_used, now),
        expiry(key, now),
        key.state,
        following(key, now),
        note(key),
    )


def _ago(moment: datetime | str | None, now: datetime) -> str:
    if moment is None:
        return "?"
    return f"{format_rounded(max(now - moment, timedelta()))} ago" if isinstance(moment, datetime) else moment


_FORMS: Final = (Format.TABLE, Format.JSON, Format.CSV, Format.OPENMETRICS)

ATTENTION: Final = 2
"""Exit code if a key needs attention, so that a pipeline can tell it from an error."""

EPILOG = """\
\b
examples:
  ambient keys list                          all stacks of the project
  ambient keys list prod                     one stack
  ambient keys list prod -w payments         one workspace
  ambient keys list prod --idle 90d          also report keys of which no use was seen for 90 days
  ambient keys list --format csv > keys.csv
  ambient keys list --offline --format openmetrics > keys.prom
  ambient keys list prod --format json | jq '.keys[] | select(.attention != [])'

\b
It reads the stacks' states, and queries their clusters for the creation and the last use of each key. No key is shown.
--offline queries no cluster. The platform's backend records the last use, and only of requests to itself. A key that is
used with the Kubernetes API has none, so ask its users before you revoke a key without a recorded use.

\b
state:  current; expired; dead (revoked by hand, found by a refresh); former (a newer generation exists); revoked (no
        longer declared, but still there); missing (declared, but not created)
next:   rotate (a run from then on issues a new token); revoke (a run from then on revokes the previous token); expire
        (not renewed automatically); end after DAY (the last day of a former generation), with untilUsed once the next
        is used

\b
json:   {"now", "keys": [{"stack", "workspace", "id", "generation", "name", "description", "role", "created",
        "lastUsed", "expires", "state", "next", "nextAt", "attention": [...], "origin"}, ...]}, times as RFC
        3339; lastUsed is "Never" if no use is recorded, or null if the cluster was not queried; expires may be
        "never"; origin is "stack", or "platform" for an adopted key before its first rotation, of which expires is
        "unknown"
csv:    the same columns, attention as one text
openmetrics:  a gauge, ambient_key_expiry_timestamp_seconds{stack, workspace, key}, of each key with a token that works
              and ends

\b
exit codes: 0 success; 1 error; 2 a key needs attention: it expires before the next run, no longer works, could not be
            delivered or revoked, or no use of it was seen for --idle; 64 wrong usage; 130 Ctrl-C
"""


def list_keys(
    stack: Annotated[
        str,
        typer.Argument(
            metavar="STACK", help="The stack. Default: all stacks of the project.", autocompletion=completion.stacks
        ),
    ] = "",
    named: NamedStack = "",
    workspaces: Workspaces = None,
    form: Annotated[Format, format_option("Output format.", *_FORMS)] = Format.TABLE,
    idle: Annotated[
        str, typer.Option("--idle", metavar="DURATION", help="Report keys of which no use was seen for this long.")
    ] = "",
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not query the clusters. Leaves out creation and last use.")
    ] = False,
) -> None:
    """List keys with age, last use, expiry, state and next action."""
    seconds = duration_of(idle, "--idle", "100y")
    unused = None if seconds is None else timedelta(seconds=seconds)
    project = Project.find()
    desired = [one_stack(stack, named)] if stack or named else _deployed(project)
    summaries = [read_deployed(export(project, name), name, clock.now()) for name in desired]
    if workspaces:
        check_workspaces(
            ", ".join(desired),
            {workspace.name for summary in summaries for workspace in summary.workspaces},
            workspaces,
        )
        summaries = [_only(summary, workspaces) for summary in summaries]
    listed = [row for summary in summaries for row in _rows(project, summary, unused, offline=offline)]
    if form is Format.JSON:
        print(as_json(listed, clock.now()))
    elif form is Format.CSV:
        print(as_csv(listed), end="")
    elif form is Format.OPENMETRICS:
        print(as_openmetrics(listed), end="")
    elif not any(summary.workspaces for summary in summaries):
        what = "nothing is deployed, or the state is lost or in another backend"
        print(f"There are no keys: {what}: {page('tasks/killed-run', 'a-lost-state')}")
    else:
        print(as_table(listed, clock.now(), paint_for(sys.stdout)))
    if any(row.attention for row in listed):
        raise typer.Exit(ATTENTION)


def _deployed(project: Project) -> list[str]:
    """Return the stacks that have a file here and are in the backend. Not all files are stacks or deployed."""
    there = backend.stack_names(pulumi.PulumiEngine(project.folder))
    fleets = {shard[0] for name in there if (shard := split_shard(name)) is not None}
    names = [
        path.stem
        for path in stack_files(project)
        if path.stem in there or (path.stem in fleets and project.shards(path.stem))
    ]
    if not names:
        stop("no stack of this project is deployed", "name one, or check where the state is: pulumi whoami -v")
    return names


def _only(summary: Deployed, workspaces: Collection[str]) -> Deployed:
    return replace(
        summary, workspaces=tuple(workspace for workspace in summary.workspaces if workspace.name in workspaces)
    )


def _rows(project: Project, summary: Deployed, idle: timedelta | None, *, offline: bool) -> list[DeployedKey]:
    limits = Limits(run_interval(project, summary.stack), idle)
    return rows(summary, None if offline else _seen(project, summary.stack), limits)


def _seen(project: Project, stack: str) -> Mapping[tuple[str, str], Seen] | None:
    """Return what the stack's cluster reports about keys. On failure, print a warning and return None."""
    try:
        with activity.waiting(f"Reading the keys in the cluster of {stack}"):
            cluster = Guard.of_config(project.config(stack)).cluster
            return seen_in(cluster.each(core("serviceaccounts"), f"{APP_LABEL}={KEY_APP}"))
    except StepError as error:
        show_problem(error.problem.within(f"{stack}: when keys were used is not known"))
        return None
