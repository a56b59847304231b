"""`ambient grants revoke`: remove a subject's grants from the stack's files."""

from collections.abc import Collection, Iterable, Iterator
from typing import Annotated, Final

import typer

from ambient_components import clock
from ambient_components.access.remaining import Holder, without_spelling
from ambient_components.access.role_assignments import GRANT, OWNER
from ambient_components.cli import completion
from ambient_components.cli.edits.bucket_keys import by_hand_lines
from ambient_components.cli.edits.deployment import (
    ENDED_BEFORE,
    NOT_DEPLOYED_EITHER,
    NOT_KNOWN,
    STILL_DEPLOYED,
    by_stack,
    declared_in,
    deploy,
    finish,
    renew_alone,
    require_passphrases,
    states_of,
)
from ambient_components.cli.edits.files import write_stack
from ambient_components.cli.edits.renewal import Renew, require_now
from ambient_components.cli.edits.survey import survey
from ambient_components.cli.grants.arguments import is_subject, subject_of
from ambient_components.cli.grants.edit import check_workspaces, removal_lines, revocation
from ambient_components.cli.grants.now import GrantDeployment, groups_of
from ambient_components.cli.grants.written import Written, described, written
from ambient_components.cli.options import NamedStack, Now, Yes, misuse
from ambient_components.cli.options import Subject as SubjectArgument
from ambient_components.cli.prompts import one_stack
from ambient_components.documentation import page
from ambient_components.errors import AmbientError, Problem, StepError, refusal
from ambient_components.output import show_problems
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.reading import bindings
from ambient_components.stacks.states import of_shard
from ambient_components.suggest import nearest, some

EPILOG = f"""\
\b
examples:
  ambient grants revoke dev user:bob@example.com payments           remove the grant; the next run ends the access
  ambient grants revoke dev user:bob@example.com payments --now     end it now
  ambient grants revoke dev user:bob@example.com --all --owners --now    a person leaves: end all of their access
  ambient grants revoke dev user:bob@example.com payments --now --renew-accounts    also tokens that bob may have made
  ambient grants revoke dev group:payments-devs payments lab        several workspaces

\b
It removes the subject's entries and their comments from the stack's files. All other lines stay. Git remains the source
of truth: review the diff and commit it. Grants in the defaults, in a template or in an alias are refused, because other
workspaces have them too. The message says what to write.

\b
--now also deploys it, if the plan has exactly this change. Otherwise it prints the differences and deploys
nothing. Guardrails count. If the deployment fails, it deletes the remaining RoleBindings of the grants. Then it
verifies at the cluster that they are gone, and asks the API server whether the subject still has access
(SubjectAccessReview, if this identity may), with the groups that everyone is in and without all others. The platform's
backend caches access for up to 30 seconds.
It names RoleBindings that no file declares and that the subject can still use: those that name it or a group of
everyone, and after edit or admin also those of groups and ServiceAccounts.

\b
It ends only access of this subject. A person may have the same access by a group; only the identity provider knows its
members. A person with edit or admin could also mint tokens of every ServiceAccount of the workspace, and nothing shows
whether they did. The output names these accounts. --renew-accounts renews those of the platform and of Kubernetes, so
that all their tokens are refused, and ends those of sessions: running sessions have to be started again.
What else a person can leave behind: {page("tasks/person-leaves")}

\b
exit codes: 0 success or nothing to do, with --now also verified at the cluster; 1 error, a subject that the stack does
            not name (with --now only if its name is like one that is named), other changes pending, or with --now
            undeclared access that the subject can still use (each with a hint); 64 wrong usage; 130 Ctrl-C
"""


def revoke(
    stack: Annotated[
        str,
        typer.Argument(metavar="STACK", help="The stack. Default: the only one.", autocompletion=completion.stacks),
    ] = "",
    subject: SubjectArgument = "",
    workspaces: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORKSPACE", help="In these workspaces.", autocompletion=completion.workspaces),
    ] = None,
    named: NamedStack = "",
    everywhere: Annotated[bool, typer.Option("--all", help="In all workspaces of the stack.")] = False,
    owners: Annotated[bool, typer.Option("--owners", help="Also remove the subject from the owners.")] = False,
    now: Now = False,
    renew: Renew = False,
    yes: Yes = False,  # noqa: ARG001  # nothing is asked, and scripts give it to every command
) -> None:
    """Revoke grants: remove a subject's entries from the stack's files."""
    require_now(renew, now=now)
    names = list(workspaces or ())
    if is_subject(stack):
        stack, subject, names = "", stack, [subject, *names] if subject else names
    who, stack = subject_of(subject), one_stack(stack, named)
    if bool(names) == everywhere:
        misuse(
            "WORKSPACE", "name workspaces or --all, not both" if names else "in which workspaces? Name them, or --all"
        )
    project = Project.find()
    loaded = load_stack(stack_path(project, stack))
    check_workspaces(loaded, names)
    kinds = (GRANT, OWNER) if owners else (GRANT,)
    chosen = list(dict.fromkeys(names)) or _active(project, stack, loaded)
    entries = [entry for entry in written(loaded, clock.now(), chosen) if entry.subject == who]
    removed = [entry for entry in entries if entry.kind in kinds]
    places = by_stack(project, stack, loaded, dict(zip(chosen, chosen, strict=True)))
    engine = pulumi.engine_for(project.folder)
    if now:
        require_passphrases(project, places)
    texts = revocation(loaded, removed)
    changed = {entry.workspace for entry in removed}
    states = states_of(engine, project, stack, places, None if now else NOT_KNOWN) if now or not removed else []
    # What a previous command may have removed from the files.
    deployed = [it for here, state in states or () for it in bindings(state, str(who)) if it.workspace in here]
    changed |= {binding.workspace for binding in deployed if binding.kind in kinds}
    unknown = [] if removed or deployed else _unknown(loaded, who, known=states is not None)
    if unknown and not now:
        raise AmbientError(unknown)
    after = write_stack(loaded.path, texts) if texts else loaded
    if not unknown:
        print("\n".join([*removal_lines(removed), *nothing_lines(who, kinds, chosen, removed, changed)]))
        print(kept_access(after, who, chosen), end="")

    def deployment(place: str, of: LoadedStack) -> GrantDeployment:
        here = places[place]
        ends = [name for name in here if name in changed]
        declared = declared_in(of, here)
        return GrantDeployment(
            engine, project, place, list(texts), declared, ends, who, kinds, renews=renew, whole=everywhere
        )

    ending = [place for place, here in places.items() if changed & {*here}]
    outcome = deploy([deployment(place, after) for place in ending] if now else [])
    for place in places if renew else ():
        # Named workspaces where nothing was left to deploy: the command is safe to repeat.
        if rest := [name for name in places[place] if name in names and name not in changed]:
            outcome.left.extend(renew_alone(deployment(place, after), rest))
    if now:
        # In these clusters nothing was to be ended.
        outcome.left.extend(_others(deployment(place, after) for place in places if place not in ending))
        if (renew and names) or not _similar(loaded, who):
            # Repeated, the command has renewed the accounts, or has shown that the clusters have no access of it.
            show_problems(unknown)
        else:
            outcome.left.extend(unknown)
        if lines := by_hand_lines(project, stack, loaded, changed):
            print("\n" + "\n".join(lines))
    finish(outcome if now else None, list(texts), ending, stack if project.shards(stack) else "")


def _active(project: Project, stack: str, loaded: LoadedStack) -> list[str]:
    """Return all workspaces that the stack has not released. Of a shard, only its own."""
    own = of_shard(project, stack, {name: workspace.shard for name, workspace in loaded.file.workspaces.items()})
    return [name for name in own if loaded.file.workspaces[name].state is not WorkspaceState.RELEASED]


def _others(deployments: Iterable[GrantDeployment]) -> Iterator[Problem]:
    """Yield the subject's undeclared access in the clusters."""
    for deployment in deployments:
        makes = frozenset(deployment.declared if deployment.renews else ())
        holder = Holder(str(deployment.subject), frozenset({without_spelling(str(deployment.subject))}), makes)
        try:
            left = survey(deployment.cluster(), holder, deployment.declared, whole=deployment.whole)
        except StepError as error:
            yield error.problem.within(f"{deployment.stack}: other access is not known")
        else:
            yield from left.problems()


_SHOWN: Final = 20


def nothing_lines(
    subject: Subject,
    kinds: Collection[str],
    chosen: Collection[str],
    removed: Iterable[Written],
    changed: Collection[str],
) -> Iterator[str]:
    """Yield a line for each workspace where the files have nothing to remove."""
    edited = {entry.workspace for entry in removed}
    if not edited and not changed:
        what = "grant and is no owner" if OWNER in kinds else "grant"
        where = ", ".join(chosen) if len(chosen) <= 3 else f"these {len(chosen)} workspaces"
        yield f"nothing to do: {subject} has no {what} in {where or 'this stack'}"
    for name in sorted({*changed} - edited):
        yield f"{name}: {STILL_DEPLOYED}"


def _unknown(stack: LoadedStack, subject: Subject, *, known: bool) -> list[Problem]:
    """Return the problem that a stack does not name a subject, if so; `known` if nothing is deployed for it either."""
    others = _named(stack)
    if subject in others:
        return []
    meant = _similar(stack, subject)
    hint = f"did you mean {' or '.join(meant)}?" if meant else f"it names {some([*map(str, others)])}"
    problem = f"{stack.path} does not name {subject}"
    if not known:
        return [refusal(problem, hint)]
    return [refusal(f"{problem}{NOT_DEPLOYED_EITHER}", hint, ENDED_BEFORE)]


def _named(stack: LoadedStack) -> set[Subject]:
    reviewers = {reviewer for workspace in stack.file.workspaces.values() for reviewer in workspace.reviewers}
    return {entry.subject for entry in written(stack, clock.now())} | reviewers


def _similar(stack: LoadedStack, subject: Subject) -> list[str]:
    """Return the subjects of a stack that may be meant, sorted."""
    # The domain, which most of them share, would make all of them alike.
    names = {str(other): other.name.partition("@")[0] for other in _named(stack)}
    near = nearest(subject.name.partition("@")[0], names.values())
    return sorted(other for other, name in names.items() if name == near)


def kept_access(stack: LoadedStack, subject: Subject, chosen: Collection[str]) -> str:
    """Return what access the files leave to the subject, and the groups that a person may be a member of."""
    left = [entry for entry in written(stack, clock.now()) if entry.subject == subject]
    lines = [f"  {entry.place}: {entry.workspace}: {described(entry)}" for entry in left]
    for name, workspace in stack.file.workspaces.items():
        for index, reviewer in enumerate(workspace.reviewers):
            where = stack.origin(("workspaces", name, "reviewers", index)).where
            if reviewer == subject and where is not None:
                lines.append(f"  {where.file}:{where.line}: {name}: reviewer {subject} (no access)")
    text = "\n".join(["", f"{subject} keeps, by the files:", *lines, ""]) if lines else ""
    if subject.kind is not SubjectKind.USER:
        return text
    groups = groups_of(declared_in(stack, chosen), chosen)
    if groups:
        text += "\nMembers of groups are not known here. Is the person a member of one?\n"
        shown = [f"  {name}: {', '.join(who)}" for name, who in groups.items()]
        text += "\n".join(shown[:_SHOWN]) + "\n"
        if len(shown) > _SHOWN:
            text += f"  and in {len(shown) - _SHOWN} more workspaces\n"
    return text
