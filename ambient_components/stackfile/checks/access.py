"""Checks of grants and of exceptions: one at a time, unique object names, valid dates, and no needless exception."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ambient_components.model.access_tests import ANY, AlwaysTest, NeverTest, pattern
from ambient_components.model.acknowledgements import Acknowledgement
from ambient_components.model.grants import grant_findings
from ambient_components.model.guardrails import GuardrailException
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import Subject, who_is_meant
from ambient_components.rules.findings import Finding, Path, below
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.lifetimes import NEVER
from ambient_components.rules.warnings import OF_OBJECTS, WarningRule
from ambient_components.suggest import nearest_or_some

_ADMIN: Final = ("admin of ", "cluster-admin of ")


def check_grants(stack: StackFile) -> Iterator[Finding]:
    """Run all checks of grants over the whole stack, in its time zone."""
    for name, workspace in stack.workspaces.items():
        findings = grant_findings(workspace.grants, stack.timezone, workspace.state)
        yield from below(("workspaces", name, "grants"), findings)


def named_subjects(path: Path, workspace: Workspace) -> Iterator[tuple[Path, Subject]]:
    """Yield the owners of a workspace and the subjects of its grants, each with its path."""
    for index, owner in enumerate(workspace.owners):
        yield (*path, "owners", index), owner
    for index, grant in enumerate(workspace.grants):
        yield (*path, "grants", index, str(grant.subject.kind)), grant.subject


_USES: Final[Mapping[Guardrail, tuple[str, Callable[[Workspace], bool]]]] = {
    Guardrail.PUBLIC_ACCESS: (
        "no such group has access",
        lambda workspace: any(who_is_meant(str(subject)) for _, subject in named_subjects((), workspace)),
    ),
    Guardrail.ADMIN_KEY: (
        "there is no admin key",
        lambda workspace: any(key.role is Role.ADMIN for key in workspace.keys.values()),
    ),
    Guardrail.ADMIN_PIPELINE: (
        "no pipeline is admin",
        lambda workspace: any(grant.pipeline and grant.role is Role.ADMIN for grant in workspace.grants),
    ),
    Guardrail.NON_EXPIRING_KEY: (
        "every key expires",
        lambda workspace: any(key.lifetime == NEVER for key in workspace.keys.values()),
    ),
    Guardrail.ACTING_KEY: (
        "no key acts for a user",
        lambda workspace: any(key.acts_as is not None for key in workspace.keys.values()),
    ),
    Guardrail.ACTING_SCHEDULE: (
        "no schedule runs as a user",
        lambda workspace: any(schedule.run_as is not None for schedule in workspace.schedules.values()),
    ),
    Guardrail.INDIVIDUAL_GRANT: (
        "no single user has a grant",
        lambda workspace: any(grant.user is not None for grant in workspace.grants),
    ),
    Guardrail.EXPIRE_AFTER: (
        "the bucket has none",
        lambda workspace: workspace.storage.bucket is None or workspace.storage.bucket.expire_after is not None,
    ),
}
"""Guardrails that the files alone can show as unused, with the reason and the test for use."""


def check_exceptions(path: Path, workspace: Workspace) -> Iterator[Finding]:
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
            yield Finding(("exceptions", index, "guardrail"), problem, remedy, rule=rule)


def check_access_tests(stack: StackFile) -> Iterator[Finding]:
    """Find access tests about workspaces that do not exist: a misspelt name would make them hold."""
    lists: tuple[Sequence[NeverTest | AlwaysTest], ...] = (stack.access_tests.never, stack.access_tests.always)
    for tests in lists:
        for index, test in enumerate(tests):
            if test.in_ != ANY and not any(map(pattern(test.in_).fullmatch, stack.workspaces)):
                path = ("accessTests", test.word, index, "in")
                remedy = nearest_or_some(test.in_, stack.workspaces)
                yield Finding(path, f"{test.in_!r} is no workspace here", remedy, rule=WarningRule.UNKNOWN_WORKSPACE)


def _acknowledged_twice(path: Path, acknowledged: Sequence[Acknowledgement]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for index, acknowledgement in enumerate(acknowledged):
        yield from _objects((*path, index), acknowledgement)
        if acknowledgement.rule is WarningRule.UNMANAGED_WORKSPACE:
            continue  # Each names its own workspaces.
        for number, name in enumerate(acknowledgement.names):
            here: Path = (*path, index, "objects", number) if acknowledgement.objects else (*path, index, "rule")
            taken = first.setdefault(name, here)
            if taken != here:
                yield Finding(here, f"{name} is acknowledged already", "keep one of them", taken)


def _objects(path: Path, acknowledgement: Acknowledgement) -> Iterator[Finding]:
    """Find objects that are missing, have no effect, or can't be acknowledged."""
    if acknowledgement.rule not in OF_OBJECTS:
        if acknowledgement.objects:
            yield Finding((*path, "objects"), f"{acknowledgement.rule} is not about single objects", "remove objects")
    elif not acknowledgement.objects:
        problem = f"{acknowledgement.rule} is acknowledged without objects, and would hide all later access too"
        remedy = "name the access that is known, as the warning has it: objects: ['edit of user:bob@example.com']"
        yield Finding((*path, "rule"), problem, remedy)
    for number, named in enumerate(acknowledgement.objects):
        if named.startswith(_ADMIN):
            problem = "access as admin can't be acknowledged"
            yield Finding((*path, "objects", number), problem, "declare it, or remove it from the cluster")


def _each(path: Path, exceptions: Sequence[GuardrailException], workspaces: Sequence[Workspace]) -> Iterator[Finding]:
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
                yield Finding(here, problem, remedy, rule=WarningRule.UNUSED_EXCEPTION)
