"""The access that adopted workspaces have before the run, as a part of the plan."""

from collections.abc import Iterable
from dataclasses import replace

from ambient_components.access.adoption import Adoption
from ambient_components.access.role_assignments import KEY, RoleAssignment, access_diff
from ambient_components.plan import facts
from ambient_components.plan.facts import AccessThere, Adopted, Plan, WorkspaceChange
from ambient_components.plan.role_changes import strength, strongest


def with_adoptions(plan: Plan, found: Iterable[Adoption]) -> Plan:
    """Return the plan with what the cluster has of its adopted workspaces.

    A subject who has the declared role already gains nothing. Access that no file declares stays. A workspace that does
    not exist is made.
    """
    names = {one.workspace for one in plan.workspaces if one.what == facts.ADOPTED}
    known = [one for one in found if one.workspace in names]
    missing = {one.workspace for one in known if not one.exists}
    before = {*plan.access.lost, *plan.access.kept}
    after = {*plan.access.gained, *plan.access.kept}
    adopted = []
    for one in known:
        if one.exists:
            declared = {role for role in after if role.workspace == one.workspace}
            before |= {*one.taken, *one.staying}
            after |= {*one.staying}
            adopted.append(_adopted(one, declared))
    workspaces = (
        WorkspaceChange(one.workspace, facts.MADE) if one.workspace in missing else one for one in plan.workspaces
    )
    return replace(
        plan, access=access_diff(before, after), workspaces=tuple(sorted(workspaces)), adopted=tuple(sorted(adopted))
    )


def with_adopted_keys(plan: Plan) -> Plan:
    """Return an online plan in which adopted keys gain nothing: the preflight has found them with their role."""
    keys = {(one.workspace, f"{KEY}:{one.key}", one.role) for one in plan.keys if one.what == facts.ADOPTED}
    gained = (one for one in plan.access.gained if (one.workspace, one.subject, one.role) not in keys)
    return replace(plan, access=replace(plan.access, gained=tuple(gained)))


def _adopted(one: Adoption, declared: set[RoleAssignment]) -> Adopted:
    there = {*one.taken, *one.staying}
    old, new = strongest(there), strongest({*declared, *one.staying})
    subjects = {role.subject for role in declared}

    def meaning(role: RoleAssignment) -> str:
        place = role.workspace, role.subject
        is_same = place in new and strength(old[place].role) == strength(new[place].role)
        if is_same:
            return facts.ALREADY if role.subject in subjects else facts.UNDECLARED
        return facts.CHANGES

    return Adopted(
        one.workspace,
        tuple(sorted(AccessThere(role.subject, role.role, role.reason, meaning(role)) for role in there)),
    )
