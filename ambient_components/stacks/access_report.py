"""The report on access: the declared role assignments compared with those in the cluster, which is only read.

With the workspaces of the cluster that the stack does not declare: those in no stack, and those of other stacks.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from ambient_components.access.access_tests import Result
from ambient_components.access.bindings import ROLE_BINDING, SERVICE_ACCOUNT
from ambient_components.access.cluster_access import expected, is_of_key, live, missing, unknown
from ambient_components.access.effective import RoleRight, Row, gives, rows, who_can
from ambient_components.access.entries import Ledger
from ambient_components.access.platform_own import claims_to_be_own_account
from ambient_components.access.recognition import Recognition, needs_of
from ambient_components.access.role_assignments import PLATFORM, RoleAssignment, of_ledger
from ambient_components.cluster.client import ApiError, Cluster, core, path
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import Json, annotations, is_ending, name, namespace
from ambient_components.cluster.role_reading import WHOLE_CLUSTER, Place, read_roles
from ambient_components.engine.state import Export, resources
from ambient_components.errors import AmbientError, StepError, stop
from ambient_components.platform.contract import MANAGED, MANAGED_LABEL, OWNER_ANNOTATION, RBAC_API_GROUP
from ambient_components.program.acknowledgements import unmanaged
from ambient_components.program.calendar import Calendar
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks.guard_report import GuardReport
from ambient_components.stacks.project import Project, stack_path

USER: Final = "user:"
GROUP: Final = "group:"
"""Beginnings of subjects."""

_RIGHTS: Final = (
    "--live needs the right to list rolebindings, roles, serviceaccounts, agenticsessions and projectsettings; with "
    "--workspace only there"
)


_ANNOTATED: Final = "has this stack's ownership annotation, and the stack does not declare it"


@dataclass(frozen=True, slots=True)
class Others:
    """The workspaces that a stack does not declare."""

    unmanaged: tuple[str, ...] = ()
    """Workspaces that no stack declares, sorted."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Workspaces of other stacks with their owner, PROJECT/FLEET, sorted."""
    annotated: tuple[str, ...] = ()
    """Those in `unmanaged` with this stack's ownership annotation, sorted: its state, or an entry of it, was lost."""
    acknowledged: tuple[str, ...] = ()
    """Workspaces in no stack that the stack file acknowledges, sorted. Not in `unmanaged`."""

    def reason(self, workspace: str) -> str:
        """Return why an unmanaged workspace is in no stack. Empty if it has no owner."""
        return _ANNOTATED if workspace in self.annotated else ""


@dataclass(frozen=True, slots=True)
class InCluster:
    assignments: frozenset[RoleAssignment]
    accounts: tuple[Any, ...]
    """The ServiceAccounts of keys."""
    others: Others | None = None
    """The workspaces that the stack does not declare. None if they were not asked for, or may not be listed."""
    guard: GuardReport | None = None
    """The cluster's guard. None if no workspace has one."""


def from_cluster(
    project: Project, stack: str, ledger: Ledger, *, one_by_one: bool, declared: Collection[str] | None = None
) -> InCluster:
    """Return the access that the stack's cluster gives to these workspaces.

    Args:
        one_by_one: Whether to query each namespace, which needs rights only there. Otherwise the whole cluster is
            listed.
        declared: All workspaces of the stack, to find those that it does not declare. None not to look for them.
    """
    try:
        cluster = Guard.of_config(project.config(stack)).cluster
        places = [("namespaces", name) for name in sorted(ledger)] if one_by_one else WHOLE_CLUSTER
        bindings, accounts = _listed(cluster, ledger, places)
        roles = read_roles(cluster, needs_of(bindings, accounts, own=True), places)
        own = Recognition.of(roles).own
        keys = [account for account in accounts if is_of_key(account)]
        others = [account for account in accounts if not is_of_key(account) and not own.has_account(account)]
        assignments = live(bindings, [*keys, *others], ledger, own)
        in_cluster = InCluster(assignments, tuple(keys), guard=GuardReport.of(cluster, ledger, assignments, places))
    except StepError as error:
        forbidden = isinstance(error, ApiError) and error.status == 403
        stop(str(error), _RIGHTS if forbidden else "")
    return in_cluster if declared is None else replace(in_cluster, others=_others(project, stack, cluster, declared))


def _others(project: Project, stack: str, cluster: Cluster, declared: Collection[str]) -> Others | None:
    """Return the workspaces on the platform's list that a stack does not declare. None if they may not be listed.

    The platform's own namespace may be on its list too, and is none. A namespace that is being deleted is left out.
    """
    try:
        listed = list(cluster.each(core("namespaces"), f"{MANAGED_LABEL}={MANAGED}"))
    except StepError as error:
        if isinstance(error, ApiError) and error.status == 403:
            return None
        stop(str(error))
    owner, platform = project.owner(stack), project.platform_namespace(stack)
    acknowledged = _acknowledged(project, stack)
    is_shard = project.shard_of(stack) is not None
    unmanaged, annotated, known = list[str](), list[str](), list[str]()
    elsewhere = []
    for item in listed:
        workspace, holder = name(item), annotations(item).get(OWNER_ANNOTATION)
        if workspace == platform or is_ending(item):
            continue
        if holder and holder != owner:
            elsewhere.append((workspace, holder))
        elif workspace in declared:
            continue
        elif not holder:
            (known if workspace in acknowledged else unmanaged).append(workspace)
        elif not is_shard:
            annotated.append(workspace)
    everyone = tuple(sorted(unmanaged + annotated))
    return Others(everyone, tuple(sorted(elsewhere)), tuple(sorted(annotated)), tuple(sorted(known)))


def _acknowledged(project: Project, stack: str) -> frozenset[str]:
    """Return the workspaces that may be in no stack; none where the files can't be read."""
    if not project.stack_file(stack).exists():
        return frozenset()
    try:
        file = load_stack(stack_path(project, stack)).file
    except AmbientError:
        return frozenset()
    return unmanaged(file, Calendar.of(file))


def _listed(cluster: Cluster, workspaces: Collection[str], places: Collection[Place]) -> tuple[list[Json], list[Json]]:
    """Return the RoleBindings of workspaces, and the ServiceAccounts of keys or with a name of the platform's own."""
    bindings, accounts = list[Json](), list[Json]()
    for place in places:
        for item in cluster.each(path("apis", RBAC_API_GROUP, "v1", *place, "rolebindings")):
            if namespace(item) in workspaces:
                bindings.append(item)
        for item in cluster.each(core(*place, "serviceaccounts"), metadata=True):
            if namespace(item) in workspaces and (is_of_key(item) or claims_to_be_own_account(item)):
                accounts.append(item)
    return bindings, accounts


class Status(StrEnum):
    """The comparison of files and cluster for one role assignment."""

    DECLARED = "declared"
    """Declared, and in the cluster if it was queried."""
    UNDECLARED = "undeclared"
    """In the cluster, not declared."""
    MISSING = "missing"
    """Declared, not in the cluster."""
    PLATFORM = "platform"
    """The platform's own access for its own accounts."""
    PENDING = "pending"
    """Declared by the last run, and not made by it, as after an interruption."""
    LEFT = "left"
    """Given by an earlier run, and not declared any more."""
    RELEASED = "released"
    """In a released workspace, which is not compared."""


@dataclass(frozen=True, slots=True)
class Report:
    stack: str
    source: str
    """The source of the declared access: state or files."""
    requested: bool
    """Whether the cluster was queried. `rows` are then its actual access, otherwise the declared access."""
    rows: tuple[Row, ...]
    undeclared: frozenset[RoleAssignment]
    missing: tuple[RoleAssignment, ...]
    """Declared access that is not in the cluster, sorted. Not included in `rows`."""
    released: frozenset[str] = frozenset()
    """Released workspaces, which are not compared."""
    right: RoleRight | None = None
    """The right that the report is limited to, if any."""
    perhaps: tuple[Row, ...] = ()
    """Subjects that may have the right through a role with unknown rules."""

    pending: tuple[RoleAssignment, ...] = ()
    """Access that the last run declared and did not make, sorted. Not included in `rows`."""
    left: frozenset[RoleAssignment] = frozenset()
    """Access in the state that the last run no longer declared and did not end."""
    others: Others | None = None
    """The cluster's workspaces that the stack does not declare. None if they are not known, or for a part of it."""
    guard: GuardReport | None = None
    """The cluster's guard. None if it was not queried, or no workspace has one."""
    tests: tuple[Result, ...] = ()
    """The access tests of the whole stack."""
    members: Mapping[str, Collection[str]] | None = None
    """Names of users by name of their group, for display alone. None if no file of them was given."""

    def members_of(self, group: str) -> list[str] | None:
        """Return the members of a subject group:NAME. None if they are not known."""
        members = (self.members or {}).get(group.removeprefix(GROUP))
        return None if members is None else sorted(members)

    def is_of(self, subject: str, assigned: str) -> bool:
        """Tell whether access of `assigned` is access of a subject: its own, or by a group of which it is a member."""
        if subject in ("", assigned):
            return True
        is_user, is_group = subject.startswith(USER), assigned.startswith(GROUP)
        return is_user and is_group and subject.removeprefix(USER) in (self.members_of(assigned) or ())

    @property
    def differs(self) -> bool:
        return bool(self.undeclared or self.missing)

    def status(self, assignment: RoleAssignment) -> Status:
        if assignment in self.undeclared:
            return Status.UNDECLARED
        if assignment in self.missing:
            return Status.MISSING
        if assignment in self.left:
            return Status.LEFT
        if assignment.reason == PLATFORM:
            return Status.PLATFORM
        return Status.RELEASED if self.requested and assignment.workspace in self.released else Status.DECLARED


def from_state(export: Export, ledger: Ledger) -> frozenset[RoleAssignment]:
    """Return the access that runs gave, by the objects in the state."""
    objects: dict[str, list[Any]] = {ROLE_BINDING: [], SERVICE_ACCOUNT: []}
    for item in resources(export):
        if item.kind in objects:
            objects[item.kind].append(item.inputs)
    return live(objects[ROLE_BINDING], objects[SERVICE_ACCOUNT], ledger)


def report(
    stack: str,
    source: str,
    ledger: Ledger,
    there: Collection[RoleAssignment] | None,
    given: Collection[RoleAssignment] | None = None,
) -> Report:
    """Return all access of a stack.

    Args:
        there: The actual access in the cluster. None if it was not queried.
        given: The access that runs gave, from the state. None if the access is from files.
    """
    released = frozenset(name for name, entry in ledger.items() if entry.is_released)

    def kept(assignments: Iterable[RoleAssignment]) -> list[RoleAssignment]:
        return [assignment for assignment in assignments if assignment.workspace not in released]

    declared = kept(expected(ledger))
    if there is None:
        made = declared if given is None else kept(given)
        pending, left = missing(declared, made), frozenset(unknown(declared, made))
        shown = tuple(rows(of_ledger(ledger).difference(pending) | left))
        return Report(stack, source, False, shown, frozenset(), (), pending=pending, left=left)
    compared = kept(there)
    others = frozenset(unknown(declared, compared))
    return Report(stack, source, True, tuple(rows(there)), others, missing(declared, compared), released)


def part(whole: Report, subject: str = "", right: RoleRight | None = None) -> Report:
    kept = tuple(row for row in whole.rows if whole.is_of(subject, row.subject))
    gone = tuple(assignment for assignment in whole.missing if whole.is_of(subject, assignment.subject))
    pending = tuple(assignment for assignment in whole.pending if whole.is_of(subject, assignment.subject))
    perhaps: tuple[Row, ...] = ()
    if right is not None:
        who = who_can(kept, right)
        kept, perhaps = who.can, who.perhaps
        gone = tuple(assignment for assignment in gone if gives(assignment, right))
        pending = tuple(assignment for assignment in pending if gives(assignment, right))
    shown = {assignment for row in (*kept, *perhaps) for assignment in row.assignments}
    return replace(
        whole,
        rows=kept,
        undeclared=whole.undeclared & shown,
        missing=gone,
        pending=pending,
        left=whole.left & shown,
        right=right,
        perhaps=perhaps,
    )
