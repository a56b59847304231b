"""The access that a revocation leaves to a subject, as text. Pure."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from ambient_components import clock
from ambient_components.access.entries import Ledger
from ambient_components.access.role_assignments import OWNER
from ambient_components.cli.grants.proof import groups_of
from ambient_components.cli.grants.written import Written, described, written
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import ledger_of
from ambient_components.stackfile.loader import LoadedStack

_SHOWN: Final = 20


def nothing_lines(
    stack: LoadedStack,
    subject: Subject,
    kinds: Collection[str],
    chosen: Collection[str],
    removed: Iterable[Written],
    changed: Collection[str],
) -> Iterator[str]:
    """Yield a line for each workspace where the files have nothing to remove."""
    edited = {one.workspace for one in removed}
    if not edited and not changed:
        what = "grant and is no owner" if OWNER in kinds else "grant"
        where = ", ".join(chosen) if len(chosen) <= 3 else f"these {len(chosen)} workspaces"
        yield f"nothing to do: {subject} has no {what} in {where or 'this stack'}"
        if similar := _similar(stack, subject):
            yield f"  hint: names are compared exactly, and the stack has {', '.join(similar)}"
    for name in sorted({*changed} - edited):
        yield f"{name}: removed from the files already, and still deployed"


def _similar(stack: LoadedStack, subject: Subject) -> list[str]:
    """Return subjects that differ from another only in case or in kind."""
    name = subject.name.casefold()
    found = {str(one.subject) for one in written(stack, clock.now()) if one.subject.name.casefold() == name}
    return sorted(found - {str(subject)})


def kept_access(stack: LoadedStack, subject: Subject, chosen: Collection[str]) -> str:
    """Return what access the files leave to the subject, and the groups that a person may be a member of."""
    left = [one for one in written(stack, clock.now()) if one.subject == subject]
    lines = [f"  {one.place}: {one.workspace}: {described(one)}" for one in left]
    for name, workspace in stack.file.workspaces.items():
        for index, reviewer in enumerate(workspace.reviewers):
            where = stack.origin(("workspaces", name, "reviewers", index)).where
            if reviewer == subject and where is not None:
                lines.append(f"  {where.file}:{where.line}: {name}: reviewer {subject} (no access)")
    text = "\n".join(["", f"{subject} keeps, by the files:", *lines, ""]) if lines else ""
    if subject.kind is not SubjectKind.USER:
        return text
    ledger: Ledger = ledger_of({name: stack.file.workspaces[name] for name in chosen}, Calendar.of(stack.file))
    groups = groups_of(ledger, chosen)
    if groups:
        text += "\nMembers of groups are not known here. Is the person a member of one?\n"
        shown = [f"  {name}: {', '.join(who)}" for name, who in groups.items()]
        text += "\n".join(shown[:_SHOWN]) + "\n"
        if len(shown) > _SHOWN:
            text += f"  and in {len(shown) - _SHOWN} more workspaces\n"
    return text
