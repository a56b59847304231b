"""`ambient grants add`: write a grant, or the end of one, into the stack's files."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

import typer

from ambient_components import clock
from ambient_components.access.role_assignments import GRANT
from ambient_components.cli import completion
from ambient_components.cli.edits.deployment import by_stack, deploy, finish, require_passphrases
from ambient_components.cli.edits.files import write_stack
from ambient_components.cli.grants.arguments import date_of, is_subject, refuse_past, subject_of
from ambient_components.cli.grants.edit import addition, check_workspaces, existing, new_end, to_end
from ambient_components.cli.grants.now import GrantDeployment
from ambient_components.cli.grants.written import Period, Written, described, written
from ambient_components.cli.options import NamedStack, Now, StackOrWorkspace, choice, misuse
from ambient_components.cli.options import Subject as SubjectArgument
from ambient_components.cli.prompts import one_stack
from ambient_components.model.dates import written as written_date
from ambient_components.model.grants import Grant
from ambient_components.platform.contract import Role
from ambient_components.platform.naming import grant_binding
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, stack_path

EPILOG = """\
\b
examples:
  ambient grants add dev payments user:bob@example.com --role edit             write the grant; the next run gives it
  ambient grants add dev payments user:bob@example.com --role edit --now       give it now
  ambient grants add dev payments group:auditors --role view --until 2027-01-31
  ambient grants add dev payments user:bob@example.com --until 2026-12-31      set the end of a grant that exists
  ambient grants add payments group:auditors --role view -s dev

\b
It adds one item to `grants` in the workspace's entry. All other lines stay. Git remains the source of truth: review the
diff and commit it. If the subject has the same grant already, the file stays unchanged. With --until, a grant of the
same role gets this end; without --role, the subject's only one. Another grant of the subject at the same time is
refused: to change a role, edit the line. So is the first grant of a workspace that has grants by its defaults or
template: they would end with it.

\b
--now also deploys it, if the plan has exactly this change. Otherwise it prints the differences and deploys
nothing. Guardrails count. Then it verifies at the cluster that the RoleBinding is there.

\b
exit codes: 0 success, with --now also verified at the cluster; 1 error or other changes pending (each with a hint);
            64 wrong usage; 130 Ctrl-C
"""


def add(
    stack: StackOrWorkspace = "",
    workspace: Annotated[
        str,
        typer.Argument(metavar="WORKSPACE", help="The workspace.", autocompletion=completion.workspaces),
    ] = "",
    subject: SubjectArgument = "",
    named: NamedStack = "",
    role: Annotated[Role | None, choice("--role", Role, "The role.")] = None,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day. Default: the next run.")] = "",
    last: Annotated[str, typer.Option("--until", metavar="DAY", help="Last day. Default: no end.")] = "",
    now: Now = False,
) -> None:
    """Add a grant to the stack's files, or set its end."""
    if is_subject(workspace) and not subject:
        stack, workspace, subject = "", stack, workspace
    who, stack = subject_of(subject, granted=True), one_stack(stack, named)
    dates = {"from": date_of(first, "--from"), "until": date_of(last, "--until")}
    project = Project.find()
    loaded = load_stack(stack_path(project, stack))
    check_workspaces(loaded, [workspace])
    refuse_past(dates["until"], loaded.file.timezone)
    entries = _of(loaded, workspace, who)
    grant = None if role is None else _grant(who, role, dates)
    ending = to_end(entries, grant, str(who)) if dates["until"] else None
    if ending is not None:
        grant = _grant(who, ending.role, {**dates, "from": ending.from_})
    if grant is None:
        misuse("--role", f"which role? One of {', '.join(Role)}")
    present = None if ending and ending.until != grant.until else existing(loaded, stack, entries, grant)
    places = by_stack(project, stack, loaded, {workspace: workspace})
    if now:
        require_passphrases(project, places)
    texts: dict[str, str] = {}
    if present is None:
        texts = new_end(loaded, ending, grant.until) if ending and grant.until else addition(loaded, workspace, grant)
    after = write_stack(loaded.path, texts) if texts else loaded
    entry = existing(after, stack, _of(after, workspace, who), grant)
    assert entry is not None  # noqa: S101  # it is written now
    print(f"{entry.place}: {workspace}: {described(entry)}: {_what(present, ending)}")
    outcome = None
    if now:
        engine = pulumi.engine_for(project.folder)
        expected = ((workspace, grant_binding(grant.role, who)),) if entry.period is Period.NOW else ()
        (place,) = places
        deployment = GrantDeployment(
            engine, project, place, list(texts), {}, [workspace], who, (GRANT,), expected=expected, revokes=False
        )
        outcome = deploy([deployment])
    finish(outcome, list(texts), () if present else places, stack if project.shards(stack) else "")


def _grant(who: Subject, role: Role, dates: Mapping[str, date | None]) -> Grant:
    name = "user" if who.kind is SubjectKind.USER else "group"
    return Grant.model_validate({name: who.name, "role": role.value, **{key: day for key, day in dates.items() if day}})


def _what(present: Written | None, ending: Written | None) -> str:
    if present is not None:
        return "there already"
    if ending is None:
        return "added"
    return f"its end was {written_date(ending.until)}" if ending.until else "it had no end"


def _of(stack: LoadedStack, workspace: str, who: Subject) -> list[Written]:
    entries = written(stack, clock.now(), [workspace])
    return [entry for entry in entries if entry.kind == GRANT and entry.subject == who]
