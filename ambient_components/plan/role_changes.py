"""Changed access as one fact for each subject of a workspace: the role before and the role after."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from ambient_components.access.adoption import Adoption
from ambient_components.access.role_assignments import KEY, AccessDiff, RoleAssignment, access_diff
from ambient_components.plan import facts
from ambient_components.plan.facts import ALREADY, AccessThere, Adopted, KeyChange, Plan
from ambient_components.platform.contract import ROLES, Role
from ambient_components.platform.subjects import pipeline_of
from ambient_components.rules.roles import rank

GAINED: Final = "gained"
RAISED: Final = "raised"
CHANGED: Final = "changed"
LOWERED: Final = "lowered"
REMOVED: Final = "removed"

ROLE_CHANGES: Final = (GAINED, RAISED, CHANGED, LOWERED, REMOVED, ALREADY)
"""Changes of a subject's role, most dangerous first. `changed`: the role stays, the reason for it is another one.
`already has it`: the subject of an adopted workspace has the declared role before the run."""


_UNRECORDED: Final = "its account is in the cluster, and in no state"


@dataclass(frozen=True, slots=True)
class RoleChange:
    workspace: str
    subject: str
    before: RoleAssignment | None
    """The strongest role of the subject before. None without a role."""
    after: RoleAssignment | None
    adopted: bool = False
    uncertain: bool = False
    """Whether the subject may have access already: what is adopted is known from the files alone."""
    is_new: bool = False
    """Whether the workspace is made in this run, so that it holds nothing yet."""

    @property
    def what(self) -> str:
        if self.before is None:
            return GAINED
        if self.after is None:
            return REMOVED
        old, new = strength(self.before.role), strength(self.after.role)
        if old == new:
            return ALREADY if self.adopted else CHANGED
        return RAISED if new > old else LOWERED

    @property
    def gains(self) -> bool:
        return self.what in (GAINED, RAISED)

    @property
    def is_of_pipeline(self) -> bool:
        return pipeline_of(self.subject) is not None

    @property
    def gains_admin(self) -> bool:
        """Whether the subject gains admin, or a role that is none of the platform's."""
        return self.gains and self.after is not None and strength(self.after.role) >= strength(Role.ADMIN)


def role_changes(plan: Plan) -> tuple[RoleChange, ...]:
    adopted = {workspace.workspace for workspace in plan.workspaces if workspace.what == facts.ADOPTED}
    keys = {(key.workspace, f"{KEY}:{key.key}"): key for key in plan.keys if key.what == facts.ADOPTED}
    changes = changes_of(plan.access, adopted, adopted - {adoption.workspace for adoption in plan.adopted}, keys)
    same = strongest(
        RoleAssignment(adoption.workspace, there.subject, there.role, there.reason)
        for adoption in plan.adopted
        for there in adoption.access
        if there.what == ALREADY
    )
    same |= {place: RoleAssignment(*place, key.role, KEY) for place, key in keys.items()}
    # A subject with the same role for another reason is in both, and so is a key of which the files alone are known.
    for change in changes:
        same.pop((change.workspace, change.subject), None)
    kept = (RoleChange(*place, role, role, adopted=True) for place, role in same.items())
    made = plan.made
    return tuple(
        sorted((replace(change, is_new=change.workspace in made) for change in (*changes, *kept)), key=_danger)
    )


def changes_of(
    diff: AccessDiff,
    adopted: Collection[str] = (),
    uncertain: Collection[str] = (),
    keys: Collection[tuple[str, str]] = (),
) -> tuple[RoleChange, ...]:
    """Return the changed role of each subject, most dangerous first.

    `uncertain` are adopted workspaces of which the cluster's access is not known; `keys` are adopted keys, by workspace
    and subject.
    """
    before, after = strongest((*diff.lost, *diff.kept)), strongest((*diff.gained, *diff.kept))
    changes = (
        RoleChange(
            *place,
            before.get(place),
            after.get(place),
            adopted=place[0] in adopted or place in keys,
            uncertain=place[0] in uncertain or (place in keys and place not in before),
        )
        for place in before.keys() | after.keys()
    )
    return tuple(sorted(changes, key=_danger))


def strongest(assignments: Iterable[RoleAssignment]) -> dict[tuple[str, str], RoleAssignment]:
    roles: dict[tuple[str, str], RoleAssignment] = {}
    for assignment in sorted(assignments, key=lambda assignment: (strength(assignment.role), assignment)):
        roles[assignment.workspace, assignment.subject] = assignment
    return roles


def strength(role: str) -> int:
    """Return the sort key of a role: a role that is none of the platform's counts as the strongest."""
    return rank(role) if role in ROLES else len(ROLES) + 1


def _danger(change: RoleChange) -> tuple[bool, int, int, str, str]:
    """Return the sort key of a page: new workspaces last; gains first, the strongest first; then by the change."""
    group = 0 if change.gains else ROLE_CHANGES.index(change.what)
    role = (change.after if change.gains else change.before) or RoleAssignment("", "", "", "")
    return change.is_new, group, -strength(role.role), change.workspace, change.subject


def keys_of_access(plan: Plan) -> dict[tuple[str, str], KeyChange]:
    """Return the issued and revoked keys that are shown with their access, by workspace and subject."""
    keys: dict[tuple[str, str], KeyChange] = {}
    what = {(change.workspace, change.subject): change.what for change in role_changes(plan)}
    for key in sorted(plan.keys, key=lambda key: key.generation):
        place = (key.workspace, f"{KEY}:{key.key}")
        if (what.get(place), key.what) in ((GAINED, facts.ISSUED), (REMOVED, facts.REVOKED)):
            keys[place] = key
    return keys


def keys_with_successors(plan: Plan) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the pipelines that gain access where a key loses it, by the key's workspace and subject."""
    changes = role_changes(plan)
    return {
        place: successors
        for place, key in keys_of_access(plan).items()
        if key.what == facts.REVOKED
        and (
            successors := tuple(
                c.subject for c in changes if c.workspace == key.workspace and c.gains and c.is_of_pipeline
            )
        )
    }


def with_adoptions(plan: Plan, adoptions: Iterable[Adoption]) -> Plan:
    """Return the plan with what the cluster has of its adopted workspaces.

    A subject who has the declared role already gains nothing. Access that no file declares stays. A workspace that does
    not exist is made; after a lost state, one that exists is not.
    """
    names = {workspace.workspace for workspace in plan.workspaces if workspace.what in (facts.ADOPTED, facts.MADE)}
    known = [adoption for adoption in adoptions if adoption.workspace in names]
    fates = {adoption.workspace: facts.ADOPTED if adoption.exists else facts.MADE for adoption in known}
    before = {*plan.access.lost, *plan.access.kept}
    after = {*plan.access.gained, *plan.access.kept}
    adopted = []
    for adoption in known:
        if adoption.exists:
            declared = {role for role in after if role.workspace == adoption.workspace}
            before |= {*adoption.taken, *adoption.staying}
            after |= {*adoption.staying}
            adopted.append(_adopted(adoption, declared))
    workspaces = (
        replace(workspace, what=fates.get(workspace.workspace, workspace.what)) for workspace in plan.workspaces
    )
    taken = {(role.workspace, role.subject) for adoption in known for role in adoption.taken}
    keys = (replace(key, why=_UNRECORDED) if (key.workspace, f"{KEY}:{key.key}") in taken else key for key in plan.keys)
    return replace(
        plan, access=access_diff(before, after), granted=tuple(sorted({*plan.granted, *after})),
        workspaces=tuple(sorted(workspaces)), adopted=tuple(sorted(adopted)), keys=tuple(sorted(keys)),
    )  # fmt: skip


def with_adopted_keys(plan: Plan) -> Plan:
    """Return an online plan in which adopted keys gain nothing: the preflight has found them with their role."""
    keys = {(key.workspace, f"{KEY}:{key.key}", key.role) for key in plan.keys if key.what == facts.ADOPTED}
    gained = (
        assignment
        for assignment in plan.access.gained
        if (assignment.workspace, assignment.subject, assignment.role) not in keys
    )
    return replace(plan, access=replace(plan.access, gained=tuple(gained)))


def _adopted(adoption: Adoption, declared: set[RoleAssignment]) -> Adopted:
    there = {*adoption.taken, *adoption.staying}
    old, new = strongest(there), strongest({*declared, *adoption.staying})
    subjects = {role.subject for role in declared}

    def meaning(role: RoleAssignment) -> str:
        place = role.workspace, role.subject
        is_same = place in new and strength(old[place].role) == strength(new[place].role)
        if is_same:
            return facts.ALREADY if role.subject in subjects else facts.UNDECLARED
        return facts.CHANGES

    return Adopted(
        adoption.workspace,
        tuple(sorted(AccessThere(role.subject, role.role, role.reason, meaning(role)) for role in there)),
    )
