"""Checks of grants and of exceptions: one at a time, unique object names, valid dates, and no needless exception."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from ambient_components.model.acknowledgements import Acknowledgement
from ambient_components.model.grants import Grant
from ambient_components.model.guardrails import Guardrail, GuardrailException, StackException
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.platform.contract import Role
from ambient_components.platform.naming import grant_binding
from ambient_components.platform.subjects import who_is_meant
from ambient_components.rules.acknowledgements import OF_OBJECTS
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.grants import grant_names
from ambient_components.rules.lifetimes import NEVER
from ambient_components.rules.states import WorkspaceState
from ambient_components.rules.warnings import WarningRule

_ADMIN: Final = ("admin of ", "cluster-admin of ")


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
            ("remove from and until of a grant that holds: it then stays", "remove the line of one that does not hold"),
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


_USES: Final[Mapping[Guardrail, tuple[str, Callable[[Workspace], bool]]]] = {
    Guardrail.PUBLIC_ACCESS: (
        "no such group has access",
        lambda one: any(map(who_is_meant, map(str, (*one.owners, *(grant.subject for grant in one.grants))))),
    ),
    Guardrail.ADMIN_KEY: (
        "there is no admin key",
        lambda one: any(key.role is Role.ADMIN for key in one.keys.values()),
    ),
    Guardrail.NON_EXPIRING_KEY: (
        "every key expires",
        lambda one: any(key.lifetime == NEVER for key in one.keys.values()),
    ),
    Guardrail.ACTING_KEY: (
        "no key acts for a user",
        lambda one: any(key.acts_as is not None for key in one.keys.values()),
    ),
    Guardrail.ACTING_SCHEDULE: (
        "no schedule runs as a user",
        lambda one: any(schedule.run_as is not None for schedule in one.schedules.values()),
    ),
    Guardrail.INDIVIDUAL_GRANT: (
        "no single user has a grant",
        lambda one: any(grant.user is not None for grant in one.grants),
    ),
    Guardrail.EXPIRE_AFTER: (
        "the bucket has none",
        lambda one: one.storage.bucket is None or one.storage.bucket.expire_after is not None,
    ),
}
"""Guardrails that the files alone can show as unused, with the reason and the test for use."""


def check_exceptions(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find duplicate and unused exceptions of a workspace, and duplicate acknowledgements."""
    yield from _each((*path, "exceptions"), workspace.exceptions, [workspace])
    yield from _acknowledged_twice((*path, "acknowledge"), workspace.acknowledge)


def check_stack_exceptions(stack: StackFile) -> Iterator[Finding]:
    """Find duplicate and unused exceptions of the stack, and exceptions for removals without an end date.

    Also find duplicate acknowledgements of the stack.
    """
    yield from _acknowledged_twice(("acknowledge",), stack.acknowledge)
    yield from _each(("exceptions",), stack.exceptions, list(stack.workspaces.values()))
    for index, exception in enumerate(stack.exceptions):
        if exception.guardrail is Guardrail.MASS_REMOVAL and exception.until is None:
            problem = f"{exception.guardrail} is allowed without an end"
            remedy = "write until: DAY beside it: it would let every later slip pass, too"
            rule = WarningRule.OPEN_MASS_REMOVAL
            yield Finding(("exceptions", index, "guardrail"), problem, remedy, warning=True, rule=rule)


def _acknowledged_twice(path: Path, acknowledged: Sequence[Acknowledgement]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for index, one in enumerate(acknowledged):
        yield from _objects((*path, index), one)
        if one.rule is WarningRule.UNMANAGED_WORKSPACE:
            continue  # Each names its own workspaces.
        for number, name in enumerate(one.names):
            here: Path = (*path, index, "objects", number) if one.objects else (*path, index, "rule")
            taken = first.setdefault(name, here)
            if taken != here:
                yield Finding(here, f"{name} is acknowledged already", "keep one of them", taken)


def _objects(path: Path, one: Acknowledgement) -> Iterator[Finding]:
    """Find objects that are missing, have no effect, or can't be acknowledged."""
    if one.rule not in OF_OBJECTS:
        if one.objects:
            yield Finding((*path, "objects"), f"{one.rule} is not about single objects", "remove objects")
    elif not one.objects:
        problem = f"{one.rule} is acknowledged without objects, and would hide all later access too"
        remedy = "name the access that is known, as the warning has it: objects: ['edit of user:bob@example.com']"
        yield Finding((*path, "rule"), problem, remedy)
    for number, named in enumerate(one.objects):
        if named.startswith(_ADMIN):
            problem = "access as admin can't be acknowledged"
            yield Finding((*path, "objects", number), problem, "declare it, or remove it from the cluster")


def _each(
    path: Path, exceptions: Sequence[GuardrailException | StackException], workspaces: Sequence[Workspace]
) -> Iterator[Finding]:
    first: dict[Guardrail, Path] = {}
    for index, exception in enumerate(exceptions):
        here = (*path, index, "guardrail")
        taken = first.setdefault(exception.guardrail, here)
        if taken != here:
            yield Finding(here, f"{exception.guardrail} is allowed already", "keep one of them", taken)
        elif exception.guardrail in _USES:
            none, is_used = _USES[exception.guardrail]
            if not any(map(is_used, workspaces)):
                problem = f"{exception.guardrail} is allowed, and {none}"
                remedy = "remove it: it would let the next one pass unseen"
                yield Finding(here, problem, remedy, warning=True, rule=WarningRule.UNUSED_EXCEPTION)
