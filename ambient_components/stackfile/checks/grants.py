"""Checks of grants: one per subject at any time, unique object names, and valid dates."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from ambient_components.platform.naming import grant_binding
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.grants import grant_names
from ambient_components.rules.states import WorkspaceState
from ambient_components.stackfile.models.stack import Grant, StackFile, Workspace


def check_grants(stack: StackFile) -> Iterator[Finding]:
    """Run all checks of grants over the whole stack, in its time zone."""
    for name, workspace in stack.workspaces.items():
        here = ("workspaces", name, "grants")
        for index, grant in enumerate(workspace.grants):
            yield from _dates((*here, index), grant, stack.timezone, workspace.state)
        yield from _one_at_a_time(here, workspace, stack.timezone)


def _dates(path: Path, grant: Grant, zone: ZoneInfo, state: WorkspaceState) -> Iterator[Finding]:
    """Find dates out of order, and dates in a released workspace, where no run would apply them."""
    if grant.warn_ahead is not None and not grant.dated:
        yield Finding((*path, "warnAhead"), "announces the dates of a grant that has none", "add until, or remove it")
    if grant.span(zone).empty:
        remedy = "write a later day: the grant would never hold"
        yield Finding((*path, "until"), "is before its from", remedy, (*path, "from"))
    elif grant.dated and state is WorkspaceState.RELEASED:
        # Nothing changes in the cluster: an expired grant would stay, and a new one would be created.
        yield Finding(
            (*path, "until" if grant.until is not None else "from"),
            "is a date in a released workspace: no run begins or ends its grants",
            "remove from and until of a grant that holds, it then stays; of one that does not, remove the line",
        )


def _one_at_a_time(path: Path, workspace: Workspace, zone: ZoneInfo) -> Iterator[Finding]:
    """Find several grants for one subject at the same time, and subjects with the same object name. Contract 1.3, 10.6.

    As in the platform's UI, names that differ only in case count as the same subject. Grants of one subject that follow
    each other are allowed: the role changes on that day. Two subjects with the same object name are never allowed, even
    one after the other: the object would be taken over, then deleted, and the access with it.
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
