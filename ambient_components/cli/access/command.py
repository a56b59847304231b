"""`ambient access`: who may do what in a stack's workspaces, and why."""

import sys
from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Final

import typer

from ambient_components.access.effective import parse_right
from ambient_components.access.entries import Ledger
from ambient_components.access.roles import RoleRight
from ambient_components.cli.access import text as access_text
from ambient_components.cli.access.report import Report, from_cluster, part, report
from ambient_components.cli.options import (
    Files,
    NamedStack,
    Stack,
    choice,
    format_option,
    refuse_files_and_state,
    state_option,
)
from ambient_components.cli.prompts import one_stack
from ambient_components.errors import BadValue
from ambient_components.output import Format, paint_for
from ambient_components.platform.subjects import SUBJECT_FORMS, parse_subject
from ambient_components.printable import one_line
from ambient_components.stacks.ledgers import check_workspaces, chosen_ledger
from ambient_components.stacks.project import Project
from ambient_components.suggest import did_you_mean

DIFFERS: Final = 2
"""Exit code if files and cluster differ, so that a pipeline can tell it from an error."""

EPILOG = """\
\b
examples:
  ambient access prod                                      access declared by the last run
  ambient access prod --files                              access declared by the files, without engine and cluster
  ambient access prod --state state.json                   access declared by a saved state, without an engine
  ambient access prod --live                               actual access in the cluster, and undeclared access
  ambient access prod --by subject
  ambient access prod --subject user:bob@example.com
  ambient access prod --workspace payments --who-can "create serviceaccounts/token"
  ambient access prod --live --format csv > access.csv
  ambient access prod --format json | jq -r '.access[] | select(.roles | index("admin")) | .subject'

\b
subject: user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME, or key:ID for a key of the workspace.
         Members of a group are not listed; only the identity provider knows them.
role:    view, edit or admin. An owner is an admin. With --live also any other role, such as ClusterRole/admin, and
         none for a key without a role.
reason:  owner, grant or key. With --live also: RoleBinding NAME (created neither by the files nor by the UI),
         groupAccess (a line of ProjectSettings), key of generation N (an earlier identity of a key), platform (the
         platform's own accounts).
right:   VERB RESOURCE, or VERB RESOURCE NAME, for objects in the namespace. Only direct rights count; docs/access.md
         describes what else a role allows.

\b
--live reads the cluster and changes nothing. It needs the right to list rolebindings and serviceaccounts, in the
whole cluster or, with --workspace, in these namespaces. Access by a ClusterRoleBinding is not shown.

\b
json:   {"stack", "source": "state" or "files", "live", "right",
         "access": [{"workspace", "subject", "roles": [...], "because": [{"role", "reason", "status"}, ...],
                     "rights": ["get secrets", ...], "complete"}, ...],
         "perhaps": [the same], "missing": [{"workspace", "subject", "role", "reason"}, ...]}
        status is declared, undeclared, platform or released. complete is false if a role's rules are unknown.
        perhaps (with --who-can) lists subjects with a role that may give the right. missing lists declared access
        that is not in the cluster.
csv:    workspace, subject, role, reason, status (also missing), can (yes or perhaps, with --who-can)

\b
exit codes: 0 success; 1 error; 2 files and cluster differ in what is shown (--live); 64 wrong usage
"""


class By(StrEnum):
    """The order of the text output."""

    WORKSPACE = "workspace"
    SUBJECT = "subject"


def access(
    stack: Stack = "",
    named: NamedStack = "",
    files: Files = False,
    state: Annotated[str, state_option()] = "",
    live: Annotated[bool, typer.Option("--live", help="Compare with the access in the cluster.")] = False,
    workspaces: Annotated[
        list[str] | None, typer.Option("--workspace", "-w", metavar="W", help="Only this workspace. Can be repeated.")
    ] = None,
    subject: Annotated[str, typer.Option("--subject", metavar="SUBJECT", help="Only this subject.")] = "",
    by: Annotated[By, choice("--by", By, "Order of the text output.")] = By.WORKSPACE,
    right: Annotated[
        str, typer.Option("--who-can", metavar="RIGHT", help='Only subjects with this right: "get secrets".')
    ] = "",
    form: Annotated[Format, format_option("Output format.", Format.TEXT, Format.JSON, Format.CSV)] = Format.TEXT,
) -> None:
    """Show who may do what, and why."""
    stack, wanted = one_stack(stack, named), _right(right)
    _check_subject(subject)
    refuse_files_and_state(files=files, state=state)
    project = Project.find()
    ledger = _chosen(stack, chosen_ledger(project, stack, files=files, state=state), workspaces or ())
    there = from_cluster(project, stack, ledger, one_by_one=bool(workspaces)) if live else None
    whole = report(stack, "files" if files else "state", ledger, there)
    found = part(whole, subject, wanted)
    _hint(whole, found, subject)
    if form is Format.JSON:
        print(access_text.as_json(found))
    elif form is Format.CSV:
        print(access_text.as_csv(found), end="")
    else:
        print(access_text.as_text(found, subjects_first=by is By.SUBJECT, paint=paint_for(sys.stdout)))
    if found.differs:
        raise typer.Exit(DIFFERS)


def _right(text: str) -> RoleRight | None:
    try:
        return parse_right(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--who-can") from None


def _check_subject(text: str) -> None:
    """Refuse an invalid subject, which could never match."""
    if not text or text.partition(":")[0] == "key":
        return
    try:
        parse_subject(text, f"{SUBJECT_FORMS}; key:ID for a key")
    except BadValue as error:
        raise typer.BadParameter(str(error), param_hint="--subject") from None


def _chosen(stack: str, ledger: Ledger, workspaces: Collection[str]) -> Ledger:
    """Return the entries of the given workspaces, or all."""
    check_workspaces(stack, ledger, workspaces)
    return {name: ledger[name] for name in workspaces} if workspaces else ledger


def _hint(whole: Report, found: Report, subject: str) -> None:
    """Print a hint to standard error if a subject has no access at all, because its name may be mistyped."""
    if not subject or found.rows or found.missing:
        return
    names = {row.subject for row in whole.rows} | {one.subject for one in whole.missing}
    if subject not in names:
        suggestion = did_you_mean(subject, names)
        said = f"ambient: no access of {one_line(subject)} is known" + (f"; {suggestion}" if suggestion else "")
        print(one_line(said), file=sys.stderr)
