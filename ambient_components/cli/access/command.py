"""`ambient access`: who may do what in a stack's workspaces, and why."""

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from ambient_components import activity, clock
from ambient_components.access.effective import (
    ALL_RIGHTS,
    RoleRight,
    Row,
    by_subject,
    by_workspace,
    parse_right,
    roles_with,
)
from ambient_components.access.entries import Ledger
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.cli.access.due import due_reviews
from ambient_components.cli.access.markdown import as_markdown
from ambient_components.cli.access.review_branches import write_branches
from ambient_components.cli.access.unused import unused_in, unused_json, unused_text
from ambient_components.cli.audit_logs import read_logs
from ambient_components.cli.guard_text import guard_text
from ambient_components.cli.options import (
    Files,
    MoreWorkspaces,
    NamedStack,
    OnlySubject,
    Since,
    StackOrWorkspace,
    Workspaces,
    audit_option,
    choice,
    duration_of,
    format_option,
    misuse,
    refuse_files_and_state,
    refuse_since,
    state_option,
    wrong_value,
)
from ambient_components.cli.people import Members, read_members
from ambient_components.cli.prompts import stack_and_workspaces
from ambient_components.cli.tables import csv_text, plain_value
from ambient_components.cluster.objects import listing
from ambient_components.documentation import page
from ambient_components.errors import BadValue, refusal, stop
from ambient_components.output import CHANGES, Format, Paint, paint_for, plain, show_problem
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import SUBJECT_FORMS, parse_subject
from ambient_components.printable import counted, json_text, one_line
from ambient_components.review.access_tests import results_document, results_text
from ambient_components.review.facts import is_own
from ambient_components.review.making import Choice, findings_of, results_of, review
from ambient_components.review.page import as_html
from ambient_components.stacks.access_report import (
    GROUP,
    InCluster,
    Others,
    Report,
    Status,
    from_cluster,
    from_state,
    part,
    report,
)
from ambient_components.stacks.key_table import seen_in
from ambient_components.stacks.ledgers import check_workspaces, selected_access
from ambient_components.stacks.project import Project
from ambient_components.suggest import did_you_mean

COLUMNS: Final = ("workspace", "subject", "role", "reason", "status", "can")
"""The columns of the CSV."""

_NAMES: Final = {right: str(right) for right in ALL_RIGHTS}
_NO_NAMESPACES: Final = (
    "the workspaces in no stack are not known: this identity may not list namespaces",
    "let a cluster admin give it the right to list namespaces",
)
_NAME: Final = 300
"""Maximum characters of a name in the text. A subject has up to 253, and one long name would widen every line."""

_MARKS: Final = {
    Status.UNDECLARED: "in the cluster, and not declared",
    Status.MISSING: "declared, and not in the cluster",
    Status.LEFT: "not declared any more, and still given: ambient up",
}

UNMANAGED_HEAD: Final = "Workspaces in no stack:"
_SHOWN: Final = 50
"""Maximum workspaces of other stacks, or of none, in the text."""

_WIDEST: Final = 60
"""Maximum width that table columns are padded to, because one long name would widen every line."""


def as_text(report: Report, *, subjects_first: bool = False, paint: Paint = plain) -> str:
    """Return a heading for each workspace (or subject), and below it a line for each role with its reason."""
    reported = [_head(report.right)] if report.right else []
    reported += _groups(report, report.rows, subjects_first=subjects_first, paint=paint)
    reported += [] if report.rows else [_nobody(report)]
    if report.perhaps:
        reported.append("Perhaps these too, by roles with unread rules:")
        reported += _groups(report, report.perhaps, subjects_first=subjects_first, paint=paint)
    if report.missing:
        reported += _list("Declared, and not in the cluster:", report.missing, paint)
    if report.pending:
        reported += _list("Declared by the last run, and not given yet (ambient up):", report.pending, paint)
    if report.others is not None:
        reported += _others(report.others, paint)
    if report.tests:
        reported.append(results_text(report.tests))
    if report.guard is not None:
        reported.append(guard_text(report.guard, paint))
    if report.differs:
        counts = f"{len(report.undeclared)} not declared, {len(report.missing)} not in the cluster"
        reported.append(paint(f"What is declared and what is there differ: {counts}", "loud"))
    return "\n\n".join(reported)


def _head(right: RoleRight) -> str:
    roles = [role for role in Role if role in roles_with(right)]
    return f"{right} is a right of {' and '.join(roles)}. An owner is an admin."


def _nobody(report: Report) -> str:
    return f"No subject may {report.right}." if report.right else "No subject has access."


def _groups(report: Report, rows: Sequence[Row], *, subjects_first: bool, paint: Paint) -> Iterator[str]:
    people = [row for row in rows if not is_own(row)]
    groups = by_subject(people) if subjects_first else by_workspace(people)
    own = by_workspace(row for row in rows if is_own(row))
    for name in groups if subjects_first else sorted({*groups, *own}):
        assignments = [assignment for row in groups.get(name, ()) for assignment in row.assignments]
        lines = list(_lines(report, assignments, subjects_first=subjects_first, paint=paint))
        if not subjects_first and name in own:
            lines.append(paint(f"  {_accounts(len(own[name]))}", "dim"))
        yield "\n".join([paint(one_line(name), "bold"), *lines])
    if subjects_first and own:
        count = sum(map(len, own.values()))
        yield paint(_accounts(count), "dim")


def _accounts(count: int) -> str:
    return f"{counted(count, 'account')} of the platform's own: see --format json"


def _lines(
    report: Report, assignments: Sequence[RoleAssignment], *, subjects_first: bool, paint: Paint
) -> Iterator[str]:
    table = [
        (assignment.role, assignment.workspace if subjects_first else assignment.subject, assignment.reason)
        for assignment in assignments
    ]
    cells = [tuple(one_line(name, _NAME) for name in line) for line in table]
    widths = [min(max(len(line[column]) for line in cells), _WIDEST) for column in range(2)] if cells else []
    for assignment, (role, whom, reason) in zip(assignments, cells, strict=True):
        mark = _MARKS.get(report.status(assignment))
        line = f"  {role:<{widths[0]}}  {whom:<{widths[1]}}  {reason}{_members(report, assignment.subject)}"
        yield line + (paint(f"  ! {mark}", "loud") if mark else "")


def _members(report: Report, subject: str) -> str:
    """Return the members of a group. Empty for other subjects, and without a file of them."""
    if report.members is None or not subject.startswith(GROUP):
        return ""
    members = report.members_of(subject)
    return ": members unknown" if members is None else f": {listing(members) or 'no members'}"


def _list(head: str, assignments: Sequence[RoleAssignment], paint: Paint) -> list[str]:
    lines = [
        f"  {assignment.role} of {assignment.subject} in {assignment.workspace} ({assignment.reason})"
        for assignment in assignments
    ]
    return [paint("\n".join([head, *map(_indented, lines)]), "loud")]


def _others(others: Others, paint: Paint) -> Iterator[str]:
    """Yield the workspaces in no stack, and those of other stacks."""
    groups = (
        (UNMANAGED_HEAD, [f"{workspace}  {others.reason(workspace)}" for workspace in others.unmanaged], "loud"),
        ("Workspaces of other stacks:", [f"{workspace}  {owner}" for workspace, owner in others.elsewhere], "dim"),
    )
    for head, lines, look in groups:
        more = [f"and {len(lines) - _SHOWN} more: see --format json"] if len(lines) > _SHOWN else []
        if lines:
            yield paint("\n".join([head, *map(_indented, [*lines[:_SHOWN], *more])]), look)
    if others.acknowledged:
        yield paint(f"{len(others.acknowledged)} acknowledged in no stack: see --format json", "dim")


def _indented(line: str) -> str:
    return f"  {one_line(line.strip())}"


def as_json(report: Report, selected: Choice) -> str:
    """Return the report as JSON, described in the verb's help."""
    document = {
        "stack": report.stack,
        "source": report.source,
        "selected": selected.document(),
        "live": report.requested,
        "right": str(report.right) if report.right else None,
        "access": [_row(report, row) for row in report.rows],
        "perhaps": [_row(report, row) for row in report.perhaps],
        "missing": [plain_value(assignment) for assignment in report.missing],
        "pending": [plain_value(assignment) for assignment in report.pending],
        "unmanaged": list(report.others.unmanaged) if report.others else None,
        "annotated": list(report.others.annotated) if report.others else None,
        "acknowledged": list(report.others.acknowledged) if report.others else None,
        "elsewhere": [{"workspace": workspace, "owner": owner} for workspace, owner in report.others.elsewhere]
        if report.others
        else None,
        "guard": report.guard.document() if report.guard else None,
        "tests": results_document(report.tests),
    }
    return json_text(document)


def _row(report: Report, row: Row) -> dict[str, Any]:
    rights = row.rights
    return {
        "workspace": row.workspace,
        "subject": row.subject,
        "roles": list(row.roles),
        "because": [
            {"role": assignment.role, "reason": assignment.reason, "status": report.status(assignment).value}
            for assignment in row.assignments
        ],
        "rights": [name for right, name in _NAMES.items() if right in rights],
        "complete": row.complete,
        **(
            {"members": report.members_of(row.subject)}
            if report.members is not None and row.subject.startswith(GROUP)
            else {}
        ),
    }


def as_csv(report: Report) -> str:
    requested = report.right is not None
    records = [
        *_records(report, report.rows, "yes" if requested else ""),
        *_records(report, report.perhaps, "perhaps"),
        *([*plain_value(assignment).values(), Status.MISSING.value, ""] for assignment in report.missing),
        *([*plain_value(assignment).values(), Status.PENDING.value, ""] for assignment in report.pending),
    ]
    return csv_text(COLUMNS, records)


def _records(report: Report, rows: Iterable[Row], can: str) -> Iterator[list[str]]:
    for row in rows:
        yield from (
            [*plain_value(assignment).values(), report.status(assignment).value, can] for assignment in row.assignments
        )


DIFFERS: Final = CHANGES
"""Exit code if files and cluster differ, so that a pipeline can tell it from an error."""


class FailOn(StrEnum):
    """What ends the command with `DIFFERS`, in addition to differences."""

    UNMANAGED = "unmanaged"
    """Workspaces in no stack."""
    UNUSED = "unused"
    """Access without use in an audit log that would have it."""


EPILOG = f"""\
\b
examples:
  ambient access prod                                      access declared by the last run
  ambient access prod --files                              access declared by the files, without engine and cluster
  ambient access prod --state state.json                   access declared by a saved state, without an engine
  ambient access prod --live                               actual access in the cluster, and undeclared access
  ambient access prod --by subject
  ambient access prod --subject user:bob@example.com
  ambient access prod --workspace payments --who-can "create serviceaccounts/token"
  ambient access prod --live --fail-on unmanaged           also fails if the platform has workspaces in no stack
  ambient access prod --unused audit.log --unused audit-1.log.gz    access without use in the API server's audit log
  ambient access prod --members groups.json --subject user:bob@example.com    also by groups: oc get groups -o json
  ambient access prod --live --format csv > access.csv
  ambient access prod --format html > access.html          one page for a browser: access, findings, keys
  ambient access prod --format html --since before.json    also what changed since an exported state
  ambient access prod --due --within 30d                   access of which the review is due, by its reviewers
  ambient access prod --due --branch                       also a Git branch for the reviewers of each
  ambient access prod --format json | jq -r '.access[] | select(.roles | index("admin")) | .subject'

\b
subject: user:NAME, group:NAME, pipeline:NAME, serviceaccount:NAMESPACE:NAME, or key:ID for a key of the workspace.
         Only the identity provider knows the members of a group: --members lists them from its export.
role:    view, edit or admin. An owner is an admin. With --live also any other role, such as ClusterRole/admin, and
         none for a key without a role.
reason:  owner, grant or key. With --live also: RoleBinding NAME (created neither by the files nor by the UI),
         groupAccess (a line of ProjectSettings), key of generation N (an earlier identity of a key), ServiceAccount
         NAME (an account with the name of one of the platform's, and without its owner), platform (the platform's own).
right:   VERB RESOURCE, or VERB RESOURCE NAME, for objects in the namespace. Only direct rights count. What else a role
         allows: {page("tasks/access", "what-the-roles-come-to")}

\b
--live reads the cluster and changes nothing. It needs the right to list rolebindings, roles, serviceaccounts,
agenticsessions and projectsettings, in the whole cluster or, with --workspace, in these namespaces. Access by a
ClusterRoleBinding is not shown.
Without --workspace, --subject and --who-can it also lists the platform's workspaces that no stack declares, and those
of other stacks. That needs the right to list namespaces. The platform's own namespace is none of them.

\b
--unused lists the access without any call in the audit logs of the cluster's API servers, with what the logs have and
what they can't prove. A key is in use if its token was presented: {page("tasks/unused-access")}

\b
--members FILE: OpenShift's Group objects (oc get groups -o json, or YAML), CSV (group,user) or LDIF (memberUid,
member, uniqueMember). The access tests then look at members too. Nothing else does: a grant is one of the group.

\b
--due reads the files alone. It lists grants and keys after their reviewBy, and those without one. --branch changes no
file here: each branch has the lines that keep the access, with a reviewBy by guardrails.reviews. Who reviews removes
the entries of access that should end.

\b
json:   {{"stack", "source": "state" or "files", "live", "right",
         "selected": {{"workspaces": [...], "subject"}}, empty for all,
         "access": [{{"workspace", "subject", "roles": [...], "because": [{{"role", "reason", "status"}}, ...],
                     "rights": ["get secrets", ...], "complete"}}, ...],
         "perhaps": [the same], "missing": [{{"workspace", "subject", "role", "reason"}}, ...],
         "pending": [the same], "unmanaged": [workspace, ...], "annotated": [workspace, ...],
         "acknowledged": [workspace, ...], "elsewhere": [{{"workspace", "owner"}}, ...],
         "guard": {{"versions", "floor", "missing", "changed",
                   "workspaces": [{{"workspace", "mode", "sharing", "off"}}, ...],
                   "unbound": [the same as missing], "everywhere": [{{"subject", "role", "reason"}}, ...]}},
         "tests": [{{"test": "never" or "always", "who", "role" or "can", "in", "except", "holds",
                    "broken": [{{"workspace", "subject", "begins", "role", "path": [...]}}, ...]}}, ...]}}
        status is declared, undeclared, left (declared no more, and not ended yet), platform or released.
        complete is false if a role's rules are unknown.
        perhaps (with --who-can) lists subjects with a role that may give the right. missing lists declared access
        that is not in the cluster, pending access that an interrupted run declared and did not give.
        unmanaged lists workspaces in no stack, annotated those of them with this stack's ownership annotation (its
        state or an entry was lost), acknowledged those that the stack file acknowledges (unmanagedWorkspace), which
        are not in unmanaged, elsewhere those of other stacks. All are null if not known.
        guard (with --live, if a workspace has one) has the versions of the cluster's guard, what is missing of it or
        changed since, and unbound: access that it does not bind, as those subjects may impersonate service accounts or
        are exempt; everywhere those that ClusterRoleBindings exempt, null if not known. With a floor it is there too.
        tests are the access tests, by the declared access; empty for a part of the stack. Each entry of broken has the
        shortest path: from the subject's role in the workspace begins, by the escalation paths in path. Of a test
        always it has the workspace alone.
        With --members, each group in access has members: null if the file does not have it.
        With --unused: {{"stack", "coverage": {{"events", "brokenLines", "first", "last", "gaps": [{{"first", "last"}}],
        "verbs": {{verb: count}}, "levels", "workspacesWithoutEvents", "limits": [text, ...]}}, "access": count,
        "unused": [{{"workspace", "subject", "role", "reason", "unproven": text or null}}, ...],
        "used": [{{"workspace", "subject", "role", "reason", "last", "calls"}}, ...]}}
        With --due: {{"stack", "due": [{{"reviewers": [...], "workspace", "subject", "role", "reason", "reviewBy",
        "file", "line", "column"}}, ...]}}; reason and reviewBy are null if the file has none.
csv:    workspace, subject, role, reason, status (also missing, pending), can (yes or perhaps, with --who-can)

\b
exit codes: 0 success; 1 error; 2 files and cluster differ in what is shown (--live), workspaces are in no stack
            (--fail-on unmanaged), access is proven not to be used (--fail-on unused), or reviews are due (--due); 64
            wrong usage; 130 Ctrl-C
"""


class By(StrEnum):
    WORKSPACE = "workspace"
    SUBJECT = "subject"


def access(
    stack: StackOrWorkspace = "",
    names: MoreWorkspaces = None,
    named: NamedStack = "",
    files: Files = False,
    state: Annotated[str, state_option()] = "",
    live: Annotated[bool, typer.Option("--live", help="Compare with the access in the cluster.")] = False,
    workspaces: Workspaces = None,
    subject: OnlySubject = "",
    by: Annotated[By, choice("--by", By, "Order of the text output.")] = By.WORKSPACE,
    right: Annotated[
        str, typer.Option("--who-can", metavar="RIGHT", help='Only subjects with this right: "get secrets".')
    ] = "",
    form: Annotated[
        Format,
        format_option("Output format.", Format.TEXT, Format.JSON, Format.CSV, Format.MARKDOWN, Format.HTML),
    ] = Format.TEXT,
    since: Since = "",
    fail_on: Annotated[
        FailOn | None,
        choice(
            "--fail-on", FailOn, "Also exit with 2 if the platform has workspaces in no stack, or for unused access."
        ),
    ] = None,
    unused: Annotated[list[str] | None, audit_option("--unused", "List access without use in an audit log.")] = None,
    members: Annotated[
        str, typer.Option("--members", metavar="FILE", help="Show the members of groups from a file.")
    ] = "",
    due: Annotated[bool, typer.Option("--due", help="Only access of which the review is due, by the files.")] = False,
    within: Annotated[
        str, typer.Option("--within", metavar="DURATION", help="With --due: also what is due by then, such as 30d.")
    ] = "",
    branch: Annotated[
        bool, typer.Option("--branch", help="With --due: write a Git branch for the reviewers of each.")
    ] = False,
) -> None:
    """Show who may do what, and why."""
    (stack, selected), desired = stack_and_workspaces(stack, names, named, workspaces), _right(right)
    _check_subject(subject)
    refuse_files_and_state(files=files, state=state)
    refuse_since(since, form)
    if since and right:
        misuse("--since", "compares all access: leave --who-can out")
    others = live or bool(right) or bool(members)
    _check_unused(unused, form, others=others)
    _check_fail_on(fail_on, live=live, is_part=bool(selected or subject or right), has_log=bool(unused))
    groups = _groups_in(members, form)
    project = Project.find()
    if due or within or branch:
        _check_due(form, due=due, within=within, others=others or bool(unused or state))
        _show_due(project, stack, selected, subject, form, within=within, branch=branch)
        return
    source = selected_access(project, stack, files=files, state=state)
    ledger = _selected(stack, source.ledger, selected)
    if unused:
        _unused(stack, ledger, unused, subject, form, fails=fail_on is not None)
        return
    whole_stack = None if selected or subject or right else source.ledger.keys()
    there = _in_cluster(project, stack, ledger, one_by_one=bool(selected), declared=whole_stack) if live else None
    if there and whole_stack is not None and there.others is None:
        _no_namespaces(fails=fail_on is not None)
    given = None if source.export is None else from_state(source.export, ledger)
    whole = report(stack, "files" if files else "state", ledger, there.assignments if there else None, given)
    whole = replace(whole, members=groups)
    shown = part(whole, subject, desired)
    if there:
        shown = replace(shown, others=there.others, guard=there.guard)
    if whole_stack is not None:
        shown = replace(shown, tests=results_of(source, shown.guard, groups))
    _hint(whole, shown, subject)
    chosen = Choice(tuple(selected), subject)
    if form is Format.JSON:
        print(as_json(shown, chosen))
    elif form is Format.CSV:
        print(as_csv(shown), end="")
    elif form is Format.MARKDOWN:
        print(as_markdown(shown), end="")
    elif form is Format.HTML:
        seen = seen_in(there.accounts) if there else None
        print(
            as_html(review(project, source, shown, findings_of(source, shown.guard), chosen, seen=seen, since=since)),
            end="",
        )
    else:
        print(as_text(shown, subjects_first=by is By.SUBJECT, paint=paint_for(sys.stdout)))
    if shown.differs or (fail_on and shown.others and shown.others.unmanaged):
        raise typer.Exit(DIFFERS)


def _no_namespaces(*, fails: bool) -> None:
    if fails:
        stop(*_NO_NAMESPACES)
    show_problem(refusal(*_NO_NAMESPACES))


def _groups_in(members: str, form: Format) -> Members | None:
    if members and form not in (Format.TEXT, Format.JSON):
        misuse("--members", "is shown as text and as JSON")
    return read_members(members) if members else None


def _unused(stack: str, ledger: Ledger, paths: Sequence[str], subject: str, form: Format, *, fails: bool) -> None:
    log = read_logs(paths, ledger)
    unused = unused_in(log, subject)
    if form is Format.JSON:
        print(unused_json(stack, log, unused, subject))
    else:
        print(unused_text(log, unused, paint_for(sys.stdout)))
    if fails and not all(each.unproven for each in unused):
        raise typer.Exit(DIFFERS)


def _check_unused(unused: Sequence[str] | None, form: Format, *, others: bool) -> None:
    if unused and (others or form not in (Format.TEXT, Format.JSON)):
        misuse("--unused", "is text or JSON of its own: leave --live, --who-can, --members and other formats out")


def _check_due(form: Format, *, due: bool, within: str, others: bool) -> None:
    if not due:
        misuse("--within" if within else "--branch", "is for --due")
    if others or form not in (Format.TEXT, Format.JSON):
        misuse("--due", "is text or JSON by the files: leave the other sources of access and formats out")


def _show_due(
    project: Project, stack: str, selected: Sequence[str], subject: str, form: Format, *, within: str, branch: bool
) -> None:
    seconds = duration_of(within, "--within", "10y") or 0
    reviews = due_reviews(project, stack, selected, subject, timedelta(seconds=seconds))
    if branch:
        for line in write_branches(reviews, clock.now()):
            print(line, file=sys.stderr)
    print(reviews.text(form, paint_for(sys.stdout)))
    if reviews.items:
        raise typer.Exit(DIFFERS)


def _in_cluster(
    project: Project, stack: str, ledger: Ledger, *, one_by_one: bool, declared: Collection[str] | None
) -> InCluster:
    with activity.waiting(f"Reading the access in the cluster of {stack}"):
        return from_cluster(project, stack, ledger, one_by_one=one_by_one, declared=declared)


def _check_fail_on(fail_on: FailOn | None, *, live: bool, is_part: bool, has_log: bool) -> None:
    """Refuse `--fail-on` without what it is about."""
    if fail_on is FailOn.UNUSED and not has_log:
        misuse("--fail-on", "unused needs an audit log: add --unused AUDIT.log")
    if fail_on is FailOn.UNMANAGED and (is_part or not live):
        misuse(
            "--fail-on",
            "lists the cluster's workspaces: add --live, and leave --workspace, --subject and --who-can out",
        )


def _right(text: str) -> RoleRight | None:
    try:
        return parse_right(text) if text else None
    except ValueError as error:
        raise wrong_value(error, "--who-can") from None


def _check_subject(text: str) -> None:
    """Refuse an invalid subject, which could never match."""
    if not text or text.partition(":")[0] == "key":
        return
    try:
        parse_subject(text, f"{SUBJECT_FORMS}, or key:ID for a key")
    except BadValue as error:
        raise wrong_value(error, "--subject") from None


def _selected(stack: str, ledger: Ledger, workspaces: Collection[str]) -> Ledger:
    check_workspaces(stack, ledger, workspaces)
    return {name: ledger[name] for name in workspaces} if workspaces else ledger


def _hint(whole: Report, shown: Report, subject: str) -> None:
    """Print a hint to standard error if a subject has no access at all, because its name may be mistyped."""
    if not subject or shown.rows or shown.missing or shown.pending:
        return
    names = {row.subject for row in whole.rows} | {
        assignment.subject for assignment in (*whole.missing, *whole.pending)
    }
    if subject not in names:
        suggestion = did_you_mean(subject, names)
        show_problem(refusal(f"no access of {subject} is known", suggestion))
