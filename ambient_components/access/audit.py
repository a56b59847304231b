"""The use of access by an API server's audit log (audit.k8s.io/v1): when each grant and key was used last, for what.

Each line is read once and forgotten: memory grows with the access of the stack, not with the log. A call counts as use
of every access that can have allowed it, because the log names at most one of several. Contract 2: the backend calls
with its caller's token or impersonates its caller, so that each call has the one who caused it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from ambient_components.access.cluster_access import of_generation
from ambient_components.access.effective import RIGHTS_OF, RoleRight
from ambient_components.access.entries import Ledger
from ambient_components.access.role_assignments import GRANT, KEY, OWNER, RoleAssignment
from ambient_components.platform.contract import ROLES, RUNNER_SECRET, Role
from ambient_components.platform.subjects import SubjectKind, parse_subject

READS: Final = ("get", "list", "watch")
WRITES: Final = ("create", "update", "patch", "delete")
_VERBS: Final = frozenset({*READS, *WRITES, "deletecollection"})
_LEVELS: Final = frozenset({"Metadata", "Request", "RequestResponse"})
_ACCOUNTS: Final = "system:serviceaccounts:"
_BY_CLUSTER: Final = "RBAC: allowed by ClusterRoleBinding"
"""Begins the authorizer's reason for a call that no access to a workspace was needed for."""
_OWN_NAME: Final = "selfsubjectreviews"
"""What a check of a key asks with its token: who it is, which uses none of its rights."""

Identity = tuple[str, str, int]
"""Workspace and subject, and of a key the generation; 0 for others."""


@dataclass(slots=True)
class Calls:
    """The calls of one kind."""

    last: datetime
    count: int = 0
    """Completed calls. 0 if the log has only the beginning of one, such as a watch."""

    def add(self, when: datetime, number: int) -> None:
        self.last = max(self.last, when)
        self.count += number


Use = dict[RoleRight, Calls]
"""The calls of an identity by what they asked for. A name is there only where a role has a right to one object."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a log has, and so what it can prove."""

    events: int
    """Calls, of any user anywhere."""
    broken: int
    """Lines that are no event."""
    first: datetime | None
    last: datetime | None
    gaps: tuple[tuple[date, date], ...]
    """First and last day, UTC, of each time without any event."""
    verbs: Mapping[str, int]
    """Calls by verb in the stack's workspaces, by anyone."""
    levels: tuple[str, ...]
    quiet: frozenset[str]
    """The stack's workspaces without any event."""

    def unproven(self, workspace: str, role: str) -> str:
        """Return why the log can't prove that access was not used. Empty if it can."""
        if workspace in self.quiet:
            return f"the log has nothing of {workspace}: its audit policy may leave the workspace out"
        needed = (READS,) if role == Role.VIEW else (READS, WRITES)
        absent = [verb for verbs in needed if not self.verbs.keys() & set(verbs) for verb in verbs]
        return f"the log has no {', '.join(absent)}: its audit policy may leave them out" if absent else ""

    def limits(self) -> Iterator[str]:
        """Yield what the log says nothing about, as sentences."""
        if self.gaps:
            days = [f"{first}" if first == last else f"{first} to {last}" for first, last in self.gaps[:_SHOWN]]
            more = ", …" if len(self.gaps) > _SHOWN else ""
            yield f"days without any event: {', '.join(days)}{more}"
        if self.broken:
            yield f"lines that could not be read: {self.broken}"
        if absent := [verb for verb in (*READS, *WRITES) if verb not in self.verbs]:
            yield f"no {', '.join(absent)} in the stack's workspaces: none was made, or the audit policy leaves it out"
        yield "calls to other API servers of the cluster: each has a log of its own"


_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Unused:
    assignment: RoleAssignment
    unproven: str
    """Why that is not proven. Empty if it is."""


@dataclass(slots=True)
class _Index:
    """The stack's identities by the names that an API server knows them by."""

    users: dict[tuple[str, str], Identity] = field(default_factory=dict)
    groups: dict[tuple[str, str], Identity] = field(default_factory=dict)
    accounts: dict[str, Identity] = field(default_factory=dict)
    """Those of keys."""
    acting: dict[tuple[str, str], list[Identity]] = field(default_factory=dict)
    """Keys that act for a user, by workspace and user. Several of one user can't be told apart."""


class AuditLog:
    """The use of a stack's access by the lines of its cluster's audit logs, in any order."""

    def __init__(self, ledger: Ledger, others: Iterable[RoleAssignment] = ()) -> None:
        """Watch the access of a ledger.

        Args:
            others: Access that is not in it, such as that of a workspace before its adoption. Not of keys.
        """
        others = tuple(others)
        self.uses: dict[Identity, Use] = {}
        self.assignments: dict[RoleAssignment, Identity] = {}
        self._index = _Index()
        self._workspaces = frozenset(ledger).union(other.workspace for other in others)
        self._events, self._broken = 0, 0
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._days = set[date]()
        self._verbs, self._levels, self._noisy = Counter[str](), set[str](), set[str]()
        for other in others:
            self._watch(other)
        for workspace, entry in ledger.items():
            for owner in entry.owners:
                self._watch(RoleAssignment(workspace, owner, Role.ADMIN.value, OWNER))
            for who, role in entry.grants.items():
                self._watch(RoleAssignment(workspace, who, role, GRANT))
            for key_id, key in entry.keys.items():
                for generation in key.generations:
                    reason = KEY if generation == key.generation else of_generation(generation)
                    identity = workspace, f"{KEY}:{key_id}", generation
                    self.assignments[RoleAssignment(*identity[:2], key.role, reason)] = identity
                    account = key.account(workspace, key_id, generation)
                    self._index.accounts[_account(workspace, account)] = identity
                    if key.acts_as:
                        self._index.acting.setdefault((workspace, key.acts_as), []).append(identity)

    def _watch(self, assignment: RoleAssignment) -> None:
        subject = parse_subject(assignment.subject)
        identity = assignment.workspace, assignment.subject, 0
        self.assignments[assignment] = identity
        names = self._index.groups if subject.kind is SubjectKind.GROUP else self._index.users
        names[assignment.workspace, subject.platform_name] = identity

    def read(self, lines: Iterable[bytes]) -> None:
        """Read the lines of one log. A line that is no event is counted, and stops nothing."""
        for line in lines:
            if not line.isspace():
                # OpenShift's `oc adm node-logs` has the node in front.
                self.add(line[line.find(b"{") :])

    def add(self, line: bytes) -> None:
        """Read one event."""
        try:
            event = json.loads(line)
            if event["stage"] != "RequestReceived":  # Nothing is decided yet, and a later event has the same call.
                self._add(event, _time(event.get("stageTimestamp") or event["requestReceivedTimestamp"]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._broken += 1

    def broken(self) -> None:
        """Count the end of a log that is cut off."""
        self._broken += 1

    def _add(self, event: dict[str, Any], when: datetime) -> None:
        real: dict[str, Any] = event["user"]
        caller: dict[str, Any] = event.get("impersonatedUser") or real
        name, groups = str(caller.get("username", "")), [str(group) for group in caller.get("groups") or ()]
        where = event.get("objectRef") or {}
        workspace, verb = str(where.get("namespace", "")), str(event["verb"])
        resource = "/".join(str(where[part]) for part in ("resource", "subresource") if where.get(part))
        self._cover(when, workspace, verb, str(event.get("level")))
        used = set(_allowed(event, self._index, workspace, name, groups))
        if resource != _OWN_NAME:
            # Who has a key presents its token, whatever comes of the call.
            accounts = self._index.accounts
            used |= {accounts[user] for user in (name, str(real.get("username", ""))) if user in accounts}
            for group in groups:
                if group.startswith(_ACCOUNTS):
                    used.update(self._index.acting.get((group.removeprefix(_ACCOUNTS), name), ()))
        if used:
            is_named = (verb, resource, where.get("name")) == ("get", "secrets", RUNNER_SECRET)
            right = RoleRight(verb, resource or "an address", RUNNER_SECRET if is_named else "")
            number = 0 if event["stage"] == "ResponseStarted" else 1
            for identity in used:
                self.uses.setdefault(identity, {}).setdefault(right, Calls(when)).add(when, number)

    def _cover(self, when: datetime, workspace: str, verb: str, level: str) -> None:
        self._events += 1
        self._first = min(when, self._first or when)
        self._last = max(when, self._last or when)
        self._days.add(when.date())
        self._levels |= {level} & _LEVELS
        if workspace in self._workspaces:
            self._noisy.add(workspace)
            self._verbs.update({verb} & _VERBS)

    @property
    def coverage(self) -> Coverage:
        quiet = self._workspaces - self._noisy
        verbs, levels = dict(sorted(self._verbs.items())), tuple(sorted(self._levels))
        return Coverage(
            self._events, self._broken, self._first, self._last, tuple(_gaps(sorted(self._days))), verbs, levels, quiet
        )

    def unused(self) -> tuple[Unused, ...]:
        """Return the access without any use in the log, sorted."""
        coverage = self.coverage
        return tuple(
            Unused(assignment, coverage.unproven(assignment.workspace, assignment.role))
            for assignment, identity in sorted(self.assignments.items())
            if identity not in self.uses
        )

    def used(self) -> Iterator[tuple[RoleAssignment, Calls]]:
        """Yield the access with use in the log and its calls, sorted."""
        for assignment, identity in sorted(self.assignments.items()):
            if use := self.uses.get(identity):
                yield assignment, total(use)


def total(use: Use) -> Calls:
    """Return the calls of all kinds. There is at least one."""
    return Calls(max(calls.last for calls in use.values()), sum(calls.count for calls in use.values()))


def _allowed(
    event: dict[str, Any], index: _Index, workspace: str, name: str, groups: Iterable[str]
) -> Iterator[Identity]:
    """Yield whose access to a workspace can have allowed a call there."""
    notes = event.get("annotations") or {}
    decision = notes.get("authorization.k8s.io/decision")
    refused = decision == "forbid" or (decision is None and (event.get("responseStatus") or {}).get("code") == 403)
    if refused or str(notes.get("authorization.k8s.io/reason", "")).startswith(_BY_CLUSTER):
        return
    by_name = {index.users.get((workspace, name)), *(index.groups.get((workspace, group)) for group in groups)}
    yield from filter(None, by_name)


def lost(use: Use, before: str, after: str) -> Use:
    """Return the use that a role allows and the next one does not: all of it without a next one of known rules."""
    if before not in ROLES or after not in ROLES:
        return use
    old, new = RIGHTS_OF[Role(before)], RIGHTS_OF[Role(after)]
    return {right: calls for right, calls in use.items() if _has(right, old) and not _has(right, new)}


def _has(right: RoleRight, rights: frozenset[RoleRight]) -> bool:
    return right in rights or RoleRight(right.verb, right.resource) in rights


def _account(namespace: str, name: str) -> str:
    return f"system:serviceaccount:{namespace}:{name}"


def _time(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(text)
    return when.astimezone(UTC)


def _gaps(days: list[date]) -> Iterator[tuple[date, date]]:
    day = timedelta(days=1)
    for before, after in pairwise(days):
        if after - before > day:
            yield before + day, after - day
