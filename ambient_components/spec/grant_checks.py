"""Checks of grants: at most one a subject at any time, one object name a subject, and dates that can be kept."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from ambient_components.naming import grant_binding
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.grants import grant_names
from ambient_components.rules.states import WorkspaceState
from ambient_components.spec.models import Grant, StackFile, Workspace


def check_grants(stack: StackFile) -> Iterator[Finding]:
    """Run every check of grants over the whole stack: its time zone says when a day begins."""
    for name, workspace in stack.workspaces.items():
        here = ("workspaces", name, "grants")
        for index, grant in enumerate(workspace.grants):
            yield from _dates((*here, index), grant, stack.timezone, workspace.state)
        yield from _one_at_a_time(here, workspace, stack.timezone)


def _dates(path: Path, grant: Grant, zone: ZoneInfo, state: WorkspaceState) -> Iterator[Finding]:
    """Nothing ends before it begins; and what is released has no dates, as no run would keep them."""
    if grant.warn_ahead is not None and not grant.dated:
        yield Finding((*path, "warnAhead"), "announces the dates of a grant that has none", "add until, or remove it")
    if grant.span(zone).empty:
        remedy = "write a later day: the grant would never hold"
        yield Finding((*path, "until"), "is before its from", remedy, (*path, "from"))
    elif grant.dated and state is WorkspaceState.RELEASED:
        # In the cluster all stays as it is: what ends by its date would live on, and what begins would be made.
        yield Finding(
            (*path, "until" if grant.until is not None else "from"),
            "is a date in a released workspace: no run begins or ends its grants",
            "remove from and until of a grant that holds, it then stays; of one that does not, remove the line",
        )


def _one_at_a_time(path: Path, workspace: Workspace, zone: ZoneInfo) -> Iterator[Finding]:
    """One grant a subject at any time, and one object name a subject. Contract 1.3, 10.6.

    The platform's UI compares names without regard to case when it refuses a second grant; so do we. Grants of one
    subject that follow each other replace each other: the role changes on that day. Two subjects never share a name,
    not even one after the other: the object would be taken over, and then deleted with the access in it.
    """
    grants: dict[tuple[str, str], list[tuple[Path, Grant]]] = {}
    names = grant_names()
    for index, grant in enumerate(workspace.grants):
        subject = grant.subject
        here = (*path, index, str(subject.kind))
        others = grants.setdefault((subject.kind, subject.name.lower()), [])
        clash = next((other for other in others if _clash(other[1], grant, zone)), None)
        others.append((here, grant))
        if clash is not None:
            yield _second(here, grant, *clash)
            continue
        yield from names.add(here, subject.name, grant_binding(grant.role, subject))


def _clash(one: Grant, other: Grant, zone: ZoneInfo) -> bool:
    return one.subject != other.subject or one.span(zone).meets(other.span(zone))


def _second(here: Path, grant: Grant, taken: Path, other: Grant) -> Finding:
    subject = grant.subject
    if subject != other.subject or not (grant.dated and other.dated):
        problem = f"{subject.kind} {subject.name!r} has a grant already"
        return Finding(here, problem, "keep one grant a subject (upper and lower case count as equal)", taken)
    problem = f"{subject.kind} {subject.name!r} has a grant already that holds at the same time"
    return Finding(here, problem, "let one of them end before the other begins", taken)
