"""Evaluation of access tests over effective access: roles, and what escalation paths add to them.

A path leads from a role in a workspace to another one, and all with the same role can take it. So paths are edges
between a few nodes for each workspace, and a test `never` is one search in them: linear in the grants. A grant counts
for its whole span. Spans are not compared: a token that was minted in one still works in the next.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, takewhile
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from ambient_components.access.entries import Entry, Ledger, workspace_refusal
from ambient_components.access.escalation.findings import Finding, Severity
from ambient_components.access.escalation.paths import escalations
from ambient_components.access.role_assignments import GRANT, KEY, OWNER, RoleAssignment, of_ledger
from ambient_components.access.violations import is_over
from ambient_components.errors import PathPart, Problem
from ambient_components.model.access_tests import ANY, AlwaysTest, NeverTest, pattern
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.platform.contract import ROLES, Role
from ambient_components.rules.escalation_paths import ABILITIES, OF_EDIT, Path
from ambient_components.rules.refusals import Rule
from ambient_components.rules.roles import MINTERS, rank

_Node = tuple[str, str]
"""Workspace and role."""

_UTC: Final = ZoneInfo("UTC")
_EVERYONE: Final = frozenset(
    {
        "group:system:authenticated",
        "group:system:authenticated:oauth",
        "group:system:unauthenticated",
        "user:system:anonymous",
    }
)
"""Access of these is that of every subject. The members of other groups are not known."""

_ACCOUNTS: Final = frozenset({*_EVERYONE, "group:system:serviceaccounts"})
"""Access of these is that of every ServiceAccount."""

_ACCOUNT_AS_USER: Final = "user:system:serviceaccount:"

Members = Mapping[str, Iterable[str]]
"""Names of users by name of their group. For `ambient access` alone: no ledger knows them."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A way in which access breaks a test: for `never` the shortest path of a subject, for `always` a workspace."""

    test: NeverTest | AlwaysTest
    index: int
    """Place of the test in the list `never` or `always`."""
    workspace: str
    """The workspace that the test is about."""
    begins: RoleAssignment | None = None
    """The access from which the path begins, maybe in another workspace; None for access that is missing."""
    steps: tuple[Finding, ...] = ()
    """The escalation paths, in their order; empty if the role is enough."""

    @property
    def way(self) -> str:
        """The access and the paths, such as `edit in payments -> adminKey -> admin in payments`."""
        if self.begins is None:
            return ""
        ways = [f"{self.begins.role} in {self.begins.workspace}"]
        for step in self.steps:
            ways += [step.path.value, *([f"{step.becomes} in {step.workspace}"] if step.becomes else [])]
        can = self.test.can if isinstance(self.test, NeverTest) else None
        return " -> ".join([*ways, *([can] if can and can not in ways else [])])

    @property
    def place(self) -> tuple[PathPart, ...]:
        """The place of the access in the ledger's entry: `("grants", "group:devs", "edit")` or `("keys", "ci")`."""
        if self.begins is None:
            return ()
        section = {OWNER: "owners", GRANT: "grants"}.get(self.begins.reason, "keys")
        role = (self.begins.role,) if section == "grants" else ()
        return section, self.begins.subject.removeprefix(f"{KEY}:"), *role

    def refusal(self, at: str = "") -> Problem:
        """Return the refusal.

        Args:
            at: The place of the test in the files, if it is known.
        """
        if self.begins is None:
            what = f"{self.test.who} does not have {self.test.role} from now on and without an end"
            remedies = ["give it by a grant without until, or to an owner, or change the test with its reviewers"]
        else:
            what = f"{self.begins.subject} has {self.way}"
            remedies = ["change the access, or the test with its reviewers"]
            remedies += [f"against {step.path}: {step.remedy[0]}" for step in self.steps[-1:]]
        problem = f"{what}, which breaks the access test {self.test}{f', at {at}' if at else ''}"
        return workspace_refusal(self.workspace, problem, *remedies, rule=Rule.ACCESS_TEST)


@dataclass(frozen=True, slots=True)
class Result:
    test: NeverTest | AlwaysTest
    broken: tuple[Broken, ...]
    """What breaks it; empty if it holds."""


def results(
    ledger: Ledger, tests: GuardrailsRecord, now: datetime | None, members: Members = MappingProxyType({})
) -> list[Result]:
    """Return the result of each access test, `never` first, in the order of the file.

    With members, access of a group is also access of its members.
    """
    if not tests.never and not tests.always:
        return []
    users = {f"group:{group}": [f"user:{user}" for user in names] for group, names in members.items()}
    access = _Access(ledger, now, users)
    never = [Result(test, tuple(access.reaching(test, index))) for index, test in enumerate(tests.never)]
    lasting = {
        name: _of_members(_lasting(entry, now), users) for name, entry in sorted(ledger.items()) if entry.is_active
    }
    always = [Result(test, tuple(_missing(lasting, test, index))) for index, test in enumerate(tests.always)]
    return never + always


def broken_tests(ledger: Ledger, tests: GuardrailsRecord, now: datetime | None) -> list[Broken]:
    return [broken for result in results(ledger, tests, now) for broken in result.broken]


def of_any_time(ledger: Ledger, now: datetime | None) -> set[RoleAssignment]:
    """Return the present and the future access."""
    future = (
        RoleAssignment(name, who, period.role, GRANT)
        for name, entry in ledger.items()
        for who, periods in entry.dates.items()
        for period in periods
        if not is_over(period, now)
    )
    return {*of_ledger(ledger), *future}


@dataclass(frozen=True, slots=True)
class _Goal:
    """What leads to a forbidden role or ability."""

    nodes: Set[_Node]
    """The roles that are enough for it, also for a subject that reaches one by other paths."""
    finding: Finding | None = None
    """The path that such a role opens; None if the role itself is forbidden."""

    @property
    def steps(self) -> tuple[Finding, ...]:
        return (self.finding,) if self.finding else ()


class _Access:
    def __init__(self, ledger: Ledger, now: datetime | None, members: Members) -> None:
        everyone = sorted(of_any_time(ledger, now))
        self._workspaces = sorted(ledger)
        self._open = [finding for finding in escalations(ledger, everyone) if not finding.closed_by]
        self._by_subject: dict[str, list[RoleAssignment]] = {}
        for assignment in everyone:
            self._by_subject.setdefault(assignment.subject, []).append(assignment)
        self._names = _Names(self._by_subject, members)
        self._nodes: dict[int, Set[_Node]] = {}
        self._edges: dict[_Node, list[tuple[_Node, Finding]]] = {}
        for finding in self._open:
            if finding.becomes is not None:
                for node in self._enough_for(finding):
                    self._edges.setdefault(node, []).append(((finding.workspace, finding.becomes), finding))
        self._goals: dict[str, dict[str, list[_Goal]]] = {}
        self._searches: dict[tuple[str, ...], _Search] = {}

    def reaching(self, test: NeverTest, index: int) -> Iterator[Broken]:
        """Yield the access of each subject that has what a test forbids, or else the shortest path of one to it."""
        search, workspaces = self._search(test), pattern(test.in_)
        if not search.subjects:
            return
        for workspace, goals in self._goals_of(test.can or test.role or "").items():
            if not workspaces.fullmatch(workspace):
                continue
            direct: dict[RoleAssignment, _Goal] = {}
            for goal in goals:
                direct = dict.fromkeys(search.among(goal), goal) | direct
            ways = [] if direct else [(*search.way(node), goal) for goal in goals for node in search.reached(goal)]
            if ways:
                begins, steps, goal = min(ways, key=lambda way: (len(way[1]), way[0]))
                yield Broken(test, index, workspace, begins, (*steps, *goal.steps))
            yield from (Broken(test, index, workspace, begins, goal.steps) for begins, goal in direct.items())

    def _search(self, test: NeverTest) -> "_Search":
        key = (test.who, *test.except_)
        if key not in self._searches:
            everyone = _ACCOUNTS if test.who.startswith(("serviceaccount:", f"{KEY}:")) else _EVERYONE
            subjects = self._names.subjects(test) | (everyone & self._by_subject.keys())
            subjects.difference_update(*map(self._names.matching, test.except_))
            begins: dict[_Node, list[RoleAssignment]] = {}
            for subject in sorted(subjects):
                for assignment in self._by_subject[subject]:
                    begins.setdefault((assignment.workspace, assignment.role), []).append(assignment)
            self._searches[key] = _Search(subjects, begins, self._edges)
        return self._searches[key]

    def _goals_of(self, forbidden: str) -> dict[str, list[_Goal]]:
        """Return by workspace what leads to a role or an ability."""
        if forbidden not in self._goals:
            goals: dict[str, list[_Goal]] = {}
            paths = ABILITIES.get(forbidden, frozenset())
            if not paths or paths & OF_EDIT:
                role = Role.ADMIN if paths else forbidden
                for name in self._workspaces:
                    goals.setdefault(name, []).append(_Goal(frozenset(_from(name, role))))
            for finding in self._open:
                if finding.path in paths:
                    goals.setdefault(finding.workspace, []).append(_Goal(self._enough_for(finding), finding))
            self._goals[forbidden] = goals
        return self._goals[forbidden]

    def _enough_for(self, finding: Finding) -> Set[_Node]:
        """Return the roles that open a path: those of its subjects in each workspace, and stronger ones."""
        # The paths by the accounts of one workspace share a tuple of subjects, which may be long.
        if (nodes := self._nodes.get(id(finding.who))) is None:
            roles = {(who.workspace, who.role) for who in finding.who if not _is_own(finding, who)}
            nodes = frozenset(node for workspace, role in roles for node in _from(workspace, role))
            self._nodes[id(finding.who)] = nodes
        return nodes


def _is_own(finding: Finding, who: RoleAssignment) -> bool:
    """Return whether a path is a subject's own, and others with its role can't take it.

    Those are the accounts of an unknown namespace, and keys with view that act for a user.
    """
    if finding.path is Path.ACCOUNT:
        return finding.unguarded is Severity.MEDIUM
    return finding.path is Path.ACTING_KEY and who.role not in MINTERS


class _Search:
    """All that some subjects reach, by the shortest paths."""

    def __init__(
        self,
        subjects: Set[str],
        begins: Mapping[_Node, Sequence[RoleAssignment]],
        edges: Mapping[_Node, Iterable[tuple[_Node, Finding]]],
    ) -> None:
        self.subjects = subjects
        self._begins = begins
        self._among: dict[int, list[RoleAssignment]] = {}
        self._before: dict[_Node, tuple[_Node, Finding] | None] = dict.fromkeys(sorted(begins))
        todo = deque(self._before)
        while todo:
            node = todo.popleft()
            for reached, finding in edges.get(node, ()):
                if reached not in self._before:
                    self._before[reached] = node, finding
                    todo.append(reached)

    def among(self, goal: _Goal) -> list[RoleAssignment]:
        """Return the access of the subjects that is enough by itself."""
        if goal.finding is None:
            return [assignment for node in goal.nodes for assignment in self._begins.get(node, ())]
        who = goal.finding.who
        if id(who) not in self._among:
            self._among[id(who)] = [assignment for assignment in who if assignment.subject in self.subjects]
        return self._among[id(who)]

    def reached(self, goal: _Goal) -> Iterator[_Node]:
        """Yield the roles that are enough, and that a subject reaches by paths."""
        return (node for node in goal.nodes if self._before.get(node) is not None)

    def way(self, node: _Node) -> tuple[RoleAssignment, tuple[Finding, ...]]:
        """Return the access from which a node is reached, and the paths."""
        steps: list[Finding] = []
        while (before := self._before[node]) is not None:
            node, finding = before
            steps.insert(0, finding)
        return self._begins[node][0], tuple(steps)


class _Names:
    """The names of subjects; a ServiceAccount has two, and a group those of its members too."""

    def __init__(self, subjects: Iterable[str], members: Members) -> None:
        self._subjects = {subject: subject for subject in subjects}
        accounts = [subject for subject in self._subjects if subject.startswith(_ACCOUNT_AS_USER)]
        self._subjects |= {f"serviceaccount:{who.removeprefix(_ACCOUNT_AS_USER)}": who for who in accounts}
        self._sorted = sorted(self._subjects)
        self._members = {group: users for group, users in members.items() if group in self._subjects}

    def matching(self, text: str) -> set[str]:
        """Return the subjects that a pattern matches."""
        first, whole = text.partition(ANY)[0], pattern(text)
        near = takewhile(lambda name: name.startswith(first), self._sorted[bisect_left(self._sorted, first) :])
        return {self._subjects[name] for name in near if whole.fullmatch(name)}

    def subjects(self, test: NeverTest) -> set[str]:
        """Return the subjects of a test, and the groups with a member who is one and no exception."""
        who, exceptions = pattern(test.who), [pattern(text) for text in test.except_]
        groups = (
            group
            for group, users in self._members.items()
            if any(who.fullmatch(user) and not any(each.fullmatch(user) for each in exceptions) for user in users)
        )
        return self.matching(test.who).union(groups)


def _from(workspace: str, role: str) -> Iterator[_Node]:
    """Yield a role in a workspace, and the stronger ones."""
    return ((workspace, stronger) for stronger in ROLES if rank(stronger) >= rank(role))


def _lasting(entry: Entry, now: datetime | None) -> dict[str, str]:
    """Return the role that each subject of a workspace has from now on and without an end."""
    roles: dict[str, str] = {who: role for who, role in entry.grants.items() if who not in entry.dates}
    for who, periods in entry.dates.items():
        left = [period for period in periods if not is_over(period, now)]
        # Days of one time zone follow each other in every time zone.
        spans = [period.span(_UTC) for period in left]
        gaps = (
            after.start is None or before.end is None or after.start > before.end for before, after in pairwise(spans)
        )
        if who in entry.grants and spans and spans[-1].end is None and not any(gaps):
            roles[who] = min((period.role for period in left), key=rank)
    keys = {f"{KEY}:{key_id}": key.role for key_id, key in entry.keys.items()}
    return {**roles, **keys, **dict.fromkeys(entry.owners, Role.ADMIN)}


def _of_members(roles: dict[str, str], members: Members) -> dict[str, str]:
    """Return the roles, also those that users have by a group."""
    by_group = [(user, role) for who, role in roles.items() for user in members.get(who, ())]
    return dict(sorted([*by_group, *roles.items()], key=lambda given: rank(given[1]))) if by_group else roles


def _missing(lasting: Mapping[str, Mapping[str, str]], test: AlwaysTest, index: int) -> Iterator[Broken]:
    who, workspaces, least = pattern(test.who), pattern(test.in_), rank(test.role)
    for workspace, roles in lasting.items():
        subjects = [subject for subject in roles if who.fullmatch(subject)] if ANY in test.who else [test.who]
        if workspaces.fullmatch(workspace) and not any(rank(roles.get(subject)) >= least for subject in subjects):
            yield Broken(test, index, workspace)
