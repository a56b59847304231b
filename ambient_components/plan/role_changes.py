"""Changed access as one fact for each subject of a workspace: the role before and the role after."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ambient_components.access.role_assignments import KEY, AccessDiff, RoleAssignment
from ambient_components.plan import facts
from ambient_components.plan.facts import KeyChange, Plan
from ambient_components.platform.contract import ROLES, Role
from ambient_components.rules.roles import rank

GAINED: Final = "gained"
RAISED: Final = "raised"
CHANGED: Final = "changed"
LOWERED: Final = "lowered"
REMOVED: Final = "removed"

ROLE_CHANGES: Final = (GAINED, RAISED, CHANGED, LOWERED, REMOVED)
"""Changes of a subject's role, most dangerous first. `changed`: the role stays, the reason for it is another one."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    """The changed role of one subject in one workspace."""

    workspace: str
    subject: str
    before: RoleAssignment | None
    """The strongest role of the subject before. None without a role."""
    after: RoleAssignment | None
    """The strongest role of the subject after. None without a role."""
    adopted: bool = False
    """Whether the workspace or the key is taken over, so that the subject may have the role already."""

    @property
    def what(self) -> str:
        """One of `ROLE_CHANGES`."""
        if self.before is None:
            return GAINED
        if self.after is None:
            return REMOVED
        old, new = _strength(self.before.role), _strength(self.after.role)
        if old == new:
            return CHANGED
        return RAISED if new > old else LOWERED

    @property
    def gains(self) -> bool:
        """Whether the subject has more rights afterwards."""
        return self.what in (GAINED, RAISED)

    @property
    def gains_admin(self) -> bool:
        """Whether the subject gains admin, or a role that is none of the platform's."""
        return self.gains and self.after is not None and _strength(self.after.role) >= _strength(Role.ADMIN)


def role_changes(plan: Plan) -> tuple[RoleChange, ...]:
    """Return one change for each subject of each workspace, most dangerous first."""
    workspaces = {one.workspace for one in plan.workspaces if one.what == facts.ADOPTED}
    keys = {(one.workspace, f"{KEY}:{one.key}") for one in plan.keys if one.what == facts.ADOPTED}
    return changes_of(plan.access, workspaces, keys)


def changes_of(
    diff: AccessDiff, workspaces: Collection[str] = (), keys: Collection[tuple[str, str]] = ()
) -> tuple[RoleChange, ...]:
    """Return the same of two sets of role assignments.

    Args:
        diff: Their difference.
        workspaces: Workspaces that are taken over.
        keys: Keys that are taken over: workspace and subject.
    """
    before, after = _strongest((*diff.lost, *diff.kept)), _strongest((*diff.gained, *diff.kept))
    found = (
        RoleChange(*place, before.get(place), after.get(place), adopted=place[0] in workspaces or place in keys)
        for place in before.keys() | after.keys()
    )
    return tuple(sorted(found, key=_danger))


def _strongest(assignments: tuple[RoleAssignment, ...]) -> dict[tuple[str, str], RoleAssignment]:
    found: dict[tuple[str, str], RoleAssignment] = {}
    for one in sorted(assignments, key=lambda one: (_strength(one.role), one)):
        found[one.workspace, one.subject] = one
    return found


def _strength(role: str) -> int:
    """Return the sort key of a role: a role that is none of the platform's counts as the strongest."""
    return rank(role) if role in ROLES else len(ROLES) + 1


def _danger(one: RoleChange) -> tuple[int, int, str, str]:
    """Return the sort key of a page: gains first, the strongest first; then by the change."""
    group = 0 if one.gains else ROLE_CHANGES.index(one.what)
    role = (one.after if one.gains else one.before) or RoleAssignment("", "", "", "")
    return group, -_strength(role.role), one.workspace, one.subject


def keys_of_access(plan: Plan) -> dict[tuple[str, str], KeyChange]:
    """Return the issued and revoked keys that are shown with their access, by workspace and subject."""
    found: dict[tuple[str, str], KeyChange] = {}
    what = {(one.workspace, one.subject): one.what for one in role_changes(plan)}
    for key in sorted(plan.keys, key=lambda one: one.generation):
        place = (key.workspace, f"{KEY}:{key.key}")
        if (what.get(place), key.what) in ((GAINED, facts.ISSUED), (REMOVED, facts.REVOKED)):
            found[place] = key
    return found
