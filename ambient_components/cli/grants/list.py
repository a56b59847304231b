"""`ambient grants list`: the grants and owners of a stack, with the line of each, and whether it is deployed."""

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Final

import typer

from ambient_components import clock
from ambient_components.access.role_assignments import GRANT, OWNER
from ambient_components.cli.grants.arguments import subject_of
from ambient_components.cli.grants.written import Period, Written, written
from ambient_components.cli.options import (
    Files,
    MoreWorkspaces,
    NamedStack,
    OnlySubject,
    StackOrWorkspace,
    Workspaces,
    format_option,
)
from ambient_components.cli.people import is_of, read_people
from ambient_components.cli.prompts import stack_and_workspaces
from ambient_components.cli.tables import csv_text, plain_value, table
from ambient_components.model.dates import written as date_text
from ambient_components.output import CHANGES, Format, Paint, paint_for, plain
from ambient_components.platform.subjects import parse_subject
from ambient_components.printable import json_text
from ambient_components.rules.findings import camel
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.deployed import Binding
from ambient_components.stacks.ledgers import check_workspaces
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.reading import bindings
from ambient_components.stacks.states import export, of_shard

EPILOG = """\
\b
examples:
  ambient grants list prod                                 all grants and owners
  ambient grants list prod payments                        of one workspace
  ambient grants list prod --subject user:bob@example.com  of one subject
  ambient grants list prod --files                         by the files alone, without an engine
  ambient grants list prod --files --gone left.txt         the lines that name people who left
  ambient grants list prod --format csv > grants.csv

\b
It reads the stack's files and its state. It queries no cluster; `ambient access --live` does. Groups are subjects
themselves: only the identity provider knows their members.

\b
period:   now; upcoming or over, by its dates; closed (the workspace is closed, so no grant of it is deployed)
deployed: yes; no (the next run gives it); with --files not known. A line without a place in the files is deployed and
          declared no more: the next run ends it.
from:     entry (the workspace's own), template NAME or defaults, with file and line

\b
json:   {"stack", "source": "state" or "files", "grants": [{"workspace", "subject", "kind", "role", "from", "until",
        "period", "deployed", "layer", "file", "line"}, ...]}; kind is grant or owner; from and until are null without a
        date; deployed is null with --files; period, layer, file and line are null if no file declares it
csv:    the same columns

\b
--gone compares names in any case, and without the prefix of a login: oidc:bob is bob. It looks at grants and owners.

\b
exit codes: 0 success; 1 error; 2 people who left have a line (--gone); 64 wrong usage; 130 Ctrl-C
"""

_ENTRY: Final = {"workspace": "entry"}
_HEAD: Final = ("workspace", "subject", "role", "dates", "period", "deployed", "from")


@dataclass(frozen=True, slots=True)
class Row:
    workspace: str
    subject: str
    kind: str
    """grant or owner."""
    role: str
    from_: str | None = None
    until: str | None = None
    period: Period | None = None
    """None if no file declares it."""
    deployed: bool | None = None
    """None if the state was not read."""
    layer: str | None = None
    """entry, template NAME or defaults."""
    file: str | None = None
    line: int | None = None


def rows(entries: Iterable[Written], deployed: Collection[Binding] | None) -> list[Row]:
    """Return the rows, by workspace.

    Args:
        deployed: The RoleBindings in the state. None if it was not read.
    """
    listed = list(entries)
    there = None if deployed is None else {_key(entry): entry for entry in deployed}
    known = {_declared(entry) for entry in listed if entry.period is Period.NOW}
    left = [entry for key, entry in (there or {}).items() if key not in known]
    declared = [_row(entry, there) for entry in listed]
    former = [Row(entry.workspace, entry.subject, entry.kind, entry.role, deployed=True) for entry in left]
    return sorted([*declared, *former], key=lambda row: row.workspace)


def _key(binding: Binding) -> tuple[str, str, str, str]:
    return binding.workspace, binding.subject, binding.kind, binding.role


def _declared(entry: Written) -> tuple[str, str, str, str]:
    return entry.workspace, str(entry.subject), entry.kind, entry.role.value


def _row(entry: Written, there: Collection[tuple[str, str, str, str]] | None) -> Row:
    where = entry.origin.where
    return Row(
        *_declared(entry),
        date_text(entry.from_) if entry.from_ is not None else None,
        date_text(entry.until) if entry.until is not None else None,
        entry.period,
        None if there is None else entry.period is Period.NOW and _declared(entry) in there,
        _ENTRY.get(entry.origin.layer, entry.origin.layer),
        where.file if where else None,
        where.line if where else None,
    )


def as_table(listed: Sequence[Row], paint: Paint = plain) -> str:
    return "\n".join(table(_HEAD, map(_cells, listed), paint)) if listed else "There are no grants."


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.workspace,
        row.subject,
        f"{row.role} (owner)" if row.kind == OWNER else row.role,
        f"{row.from_ or ''}..{row.until or ''}" if row.from_ or row.until else "-",
        row.period or "-",
        {None: "?", True: "yes", False: "no"}[row.deployed],
        f"{row.layer}  {row.file}:{row.line}" if row.file else "no file: the next run ends it",
    )


def as_csv(listed: Iterable[Row]) -> str:
    return csv_text([camel(field.name) for field in fields(Row)], (plain_value(row).values() for row in listed))


def list_grants(
    stack: StackOrWorkspace = "",
    names: MoreWorkspaces = None,
    named: NamedStack = "",
    workspaces: Workspaces = None,
    subject: OnlySubject = "",
    files: Files = False,
    gone: Annotated[
        str, typer.Option("--gone", metavar="FILE", help="Only people who left: one user a line, or CSV. - for stdin.")
    ] = "",
    form: Annotated[Format, format_option("Output format.", Format.TABLE, Format.JSON, Format.CSV)] = Format.TABLE,
) -> None:
    """List grants and owners with dates, the line of each, and whether it is deployed."""
    who = str(subject_of(subject)) if subject else ""
    stack, selected = stack_and_workspaces(stack, names, named, workspaces)
    people = read_people(gone) if gone else None
    project = Project.find()
    loaded = load_stack(stack_path(project, stack))
    own = of_shard(project, stack, {name: entry.shard for name, entry in loaded.file.workspaces.items()})
    check_workspaces(stack, own, selected)
    made = None if files else bindings(export(project, stack), who, (GRANT, OWNER))
    chosen = selected or [*own, *(entry.workspace for entry in made or ())]
    entries = [entry for entry in written(loaded, clock.now(), own) if who in ("", str(entry.subject))]
    listed = [row for row in rows(entries, made) if row.workspace in chosen]
    if people is not None:
        listed = [row for row in listed if is_of(parse_subject(row.subject), people)]
    if form is Format.JSON:
        source = "files" if files else "state"
        print(json_text({"stack": stack, "source": source, "grants": plain_value(listed)}))
    elif form is Format.CSV:
        print(as_csv(listed), end="")
    else:
        print(as_table(listed, paint_for(sys.stdout)))
    if people is not None and listed:
        raise typer.Exit(CHANGES)
