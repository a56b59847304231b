"""The facts of a plan: who gains or loses access, and changes of workspaces, keys, buckets and schedules."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ambient_components.access.audit import Coverage
from ambient_components.access.endings import Ended
from ambient_components.access.role_assignments import KEY, AccessDiff, RoleAssignment
from ambient_components.errors import Problem
from ambient_components.problem_json import MISSING_VALUE
from ambient_components.rules.lifetimes import WARN_AHEAD
from ambient_components.rules.warnings import LOUD
from ambient_components.rules.workspaces import WorkspaceState

AHEAD: Final = timedelta(seconds=WARN_AHEAD)
"""How early upcoming dates are shown by default."""

Ahead = Mapping[tuple[str, ...], timedelta]
"""How early others are: by workspace, subject, role and date of a grant as written, or by workspace and id of a key."""

MADE: Final = "made"
ADOPTED: Final = "adopted"
OPENED: Final = "opened"
CLOSED: Final = WorkspaceState.CLOSED.value
RELEASED: Final = WorkspaceState.RELEASED.value
TAKEN_BACK: Final = "taken back"
REMOVED: Final = "removed"
FORGOTTEN: Final = "forgotten"

WORKSPACE_CHANGES: Final = (REMOVED, CLOSED, MADE, ADOPTED, OPENED, RELEASED, TAKEN_BACK, FORGOTTEN)
"""Changes of a workspace, most dangerous first."""

ISSUED: Final = "issued"
ROTATED: Final = "rotated"
REVOKED: Final = "revoked"
ENDED: Final = "old token revoked"
CHANGED: Final = "changed"
EXPIRING: Final = "expiring"

KEY_CHANGES: Final = (REVOKED, ISSUED, ADOPTED, ROTATED, ENDED, CHANGED, EXPIRING)
"""Changes of one identity of a key. `adopted`: the platform made it, and nothing is issued. `expiring` is not a change:
the token ends soon and is not renewed automatically."""

DELETED: Final = "deleted"
KEPT: Final = "kept"
NEW_ACCESS_KEY: Final = "new access key"
ACCESS_KEY_ENDED: Final = "access key revoked"

ALLOWED: Final = "allowed"
DISALLOWED: Final = "not allowed any more"

GUARDRAIL_RULE_CHANGES: Final = (ALLOWED, CHANGED, DISALLOWED)
BUCKET_CHANGES: Final = (DELETED, CHANGED, MADE, ADOPTED, RELEASED, TAKEN_BACK, KEPT, NEW_ACCESS_KEY, ACCESS_KEY_ENDED)
_RIGHTS: Final = ("kubernetes:rbac.authorization.k8s.io/", "kubernetes:authorization.openshift.io/")


@dataclass(frozen=True, slots=True, order=True)
class WorkspaceChange:
    workspace: str
    what: str


ALREADY: Final = "already has it"
CHANGES: Final = "changes"
UNDECLARED: Final = "undeclared"

ADOPTED_ACCESS: Final = (ALREADY, CHANGES, UNDECLARED)
"""What an adoption means for access that is there. `undeclared`: no file declares it, and it stays unchanged."""


@dataclass(frozen=True, slots=True, order=True)
class AccessThere:
    """One role that a subject has in an adopted workspace before the run."""

    subject: str
    role: str
    reason: str
    what: str


@dataclass(frozen=True, slots=True, order=True)
class Adopted:
    """A workspace that is adopted, with the access that it has before the run."""

    workspace: str
    access: tuple[AccessThere, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class KeyChange:
    workspace: str
    key: str
    generation: int
    what: str
    role: str
    why: str
    at: str = ""
    """When its current token ends, RFC 3339. Empty if unknown or never."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A change of a bucket, of a scheduled session, or of a guardrail's setting or exception."""

    workspace: str
    name: str
    what: str
    why: str = ""


SCHEDULE_CHANGES: Final = (REMOVED, MADE, ADOPTED, CHANGED)


@dataclass(frozen=True, slots=True, order=True)
class DateComing:
    """A grant that begins or ends by its own date."""

    at: str
    """The first moment after the change, RFC 3339."""
    workspace: str
    subject: str
    role: str
    what: str
    date: str


@dataclass(frozen=True, slots=True, order=True)
class SourceChange:
    """A changed source of a secret value, never the value itself."""

    workspace: str
    kind: str
    variable: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A difference between what the last run declared and what exists, after a run that failed."""

    workspace: str
    text: str
    subject: str = ""
    """The subject, if the difference is its access: who gains or loses it by this run is in `Plan.access`."""


@dataclass(frozen=True, slots=True, order=True)
class Drift:
    """An object that others deleted or changed since the last run. The run restores it."""

    workspace: str
    """Empty for an object beside the workspaces."""
    name: str
    """Kind and name of the object."""
    what: str
    fields: tuple[str, ...] = ()
    """The changed fields, such as ``spec.hard.pods 20 -> 999``. Values of secrets are left out."""
    subjects: tuple[str, ...] = ()
    """The subjects with access by the object, declared or not."""


DRIFTS: Final = (DELETED, CHANGED)


@dataclass(frozen=True, slots=True, order=True)
class Staying:
    """Access that a refused change was to end."""

    workspace: str
    what: str
    command: str
    """What ends just that, at once."""


@dataclass(frozen=True, slots=True, order=True)
class Step:
    op: str
    kind: str
    name: str
    paths: tuple[str, ...] = ()
    content: str = field(default="", compare=False)
    """Digest of what the step creates, for saved plans. It includes no secret value."""

    @property
    def rights(self) -> bool:
        return self.kind.startswith(_RIGHTS)


@dataclass(frozen=True, slots=True)
class Shards:
    """The stacks of a fleet's plan, each name sorted into one group."""

    evaluated: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.evaluated) + len(self.skipped) + len(self.failed)


@dataclass(frozen=True, slots=True, order=True)
class InUse:
    """Access that a run takes away, and its use in the audit log that the next role does not allow."""

    workspace: str
    subject: str
    generation: int
    """Of a key; 0 for others."""
    before: str
    after: str
    """The next role; none for access that ends."""
    last: datetime
    calls: int
    kinds: tuple[tuple[str, int], ...]
    """Verb and resource with the number of calls, most frequent first."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What an audit log says of the access that a run takes away."""

    coverage: Coverage
    count: int
    """Access that ends or is lowered, used or not."""
    used: tuple[InUse, ...]
    """The last use first."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run at a given time would do. Every tuple is sorted."""

    stack: str
    at: datetime
    online: bool
    state_at: datetime | None = None
    """The time of the run that wrote the compared state, UTC. None online, for a fleet, and if unknown."""
    access: AccessDiff = field(default_factory=lambda: AccessDiff((), ()))
    granted: tuple[RoleAssignment, ...] = ()
    """All access after the run: what is declared, and in adopted workspaces also what stays."""
    dates: tuple[DateComing, ...] = ()
    workspaces: tuple[WorkspaceChange, ...] = ()
    adopted: tuple[Adopted, ...] = ()
    """The adopted workspaces of which the cluster's access is known. Empty offline."""
    keys: tuple[KeyChange, ...] = ()
    buckets: tuple[Change, ...] = ()
    schedules: tuple[Change, ...] = ()
    sources: tuple[SourceChange, ...] = ()
    other: tuple[str, ...] = ()
    exposed: tuple[Ended, ...] = ()
    """Access that ends and may have been used to mint tokens of identities that stay valid."""
    guardrails: tuple[Problem, ...] = ()
    """Guardrails that this change crosses without leave, and rules that allow no exception."""
    in_part: bool = False
    """Whether a refusal of a workspace leaves that unchanged, and the rest is deployed, as in a fleet."""
    staying: tuple[Staying, ...] = ()
    guardrail_changes: tuple[Change, ...] = ()
    unevaluated: tuple[str, ...] = ()
    pending: tuple[Waiting, ...] = ()
    refreshed: bool = True
    """Whether each deployed object was compared with the cluster. Without a refresh only access was. Only online."""
    drift: tuple[Drift, ...] = ()
    warnings: tuple[Problem, ...] = ()
    covered_warnings: tuple[Problem, ...] = ()
    """Warnings of what the run makes or ends anyway, or that a section has. Pages do not show them."""
    errors: tuple[Problem, ...] = ()
    """Why a run would fail, other than guardrail violations: the engine made no complete preview, or a secret has no
    value."""
    unknown: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    beside: tuple[Step, ...] = ()
    shards: Shards | None = None
    replay: Replay | None = None
    """None without an audit log, or where nothing is taken away."""

    @property
    def changes(self) -> bool:
        if self.online and not self.refused:
            return bool(self.steps)
        due = [key for key in self.keys if key.what != EXPIRING]
        # The steps are those of the other shards, if one shard is refused.
        return any(
            (
                self.access.gained, self.access.lost, self.workspaces, self.guardrail_changes, self.buckets,
                self.schedules, self.sources, self.other, self.pending, due, self.steps,
            )
        )  # fmt: skip

    @property
    def made(self) -> frozenset[str]:
        """The workspaces that the run makes, so that they hold nothing yet."""
        return frozenset(workspace.workspace for workspace in self.workspaces if workspace.what == MADE)

    @property
    def shown_warnings(self) -> tuple[Problem, ...]:
        """The warnings that are not acknowledged and that ask for something."""
        covered = {*self.covered_warnings}
        return tuple(warning for warning in self.warnings if warning.acknowledged is None and warning not in covered)

    @property
    def other_pending(self) -> tuple[Waiting, ...]:
        """What is pending, but for access and keys that this run gives or ends."""
        changed = {(role.workspace, role.subject) for role in (*self.access.gained, *self.access.lost)}
        changed |= {(key.workspace, f"{KEY}:{key.key}") for key in self.keys if key.what in (ISSUED, REVOKED)}
        return tuple(waiting for waiting in self.pending if (waiting.workspace, waiting.subject) not in changed)

    @property
    def acknowledged_warnings(self) -> tuple[Problem, ...]:
        return tuple(warning for warning in self.warnings if warning.acknowledged is not None)

    @property
    def complete(self) -> bool:
        """Whether the run could be evaluated. A secret without a value does not prevent that."""
        return all(error.rule == MISSING_VALUE for error in self.errors)

    @property
    def refused(self) -> bool:
        return bool(self.guardrails)

    @property
    def refused_alone(self) -> tuple[str, ...]:
        """The refused workspaces, also for a secret without a value, if the rest is deployed. Empty if nothing is."""
        if not self.in_part or not self.refused or not all(problem.workspaces for problem in self.guardrails):
            return ()
        return tuple(sorted({name for problem in self.to_settle for name in problem.workspaces}))

    @property
    def to_settle(self) -> tuple[Problem, ...]:
        return (*self.guardrails, *(error for error in self.errors if error.rule == MISSING_VALUE))

    @property
    def step_counts(self) -> dict[str, int]:
        return dict(sorted(Counter(step.op for step in self.steps).items()))


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order of a page, each once: warnings that can't be acknowledged first, then by rule."""
    return tuple(sorted(set(problems), key=_order))


def _order(problem: Problem) -> tuple[object, ...]:
    return (problem.rule not in LOUD, problem.rule or "", *problem.sort_key, problem.workspaces, problem.hints)
