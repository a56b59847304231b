"""Owners and grants of an existing workspace: the RoleBindings that an entry can declare without changing them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from ambient_components.access.platform_own import PlatformOwn
from ambient_components.adoption.forms import (
    has_form,
    note_other_managers,
    role_of,
    subject_of,
)
from ambient_components.adoption.notes import NoteRule, Notes, shown
from ambient_components.adoption.undeclared import binding_deletion, binding_title, note_undeclared
from ambient_components.cluster.objects import Json, mappings, name, role_ref, subjects
from ambient_components.errors import hints_of
from ambient_components.model.types import SubjectText
from ambient_components.platform.bindings import grant_form, owner_form
from ambient_components.platform.contract import Role
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.rules.roles import rank
from ambient_components.stackfile import Grant

_CONTROL_PLANE: Final = "ambient-control-plane-project-manager"
"""RoleBinding and Role of the platform's control plane in the workspaces that it makes. Contract 6."""
_OWNER: Final[TypeAdapter[Subject]] = TypeAdapter(SubjectText)


@dataclass(slots=True)
class Access:
    owners: list[str] = field(default_factory=list)
    grants: list[dict[str, Any]] = field(default_factory=list)
    adopted: list[Json] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Grant:
    subject: Subject
    role: Role
    binding: Json


def read_access(
    notes: Notes, bindings: Iterable[Json], accounts: Collection[str], platform_namespace: str, own: PlatformOwn
) -> Access:
    """Return the owners and grants of a workspace. The notes receive all access that they do not declare."""
    found, grants, others = Access(), list[_Grant](), list[Json]()
    for binding in sorted(bindings, key=name):
        entries = mappings(binding.get("subjects"))
        if not entries or _is_of_key(binding, notes.workspace, accounts):
            continue
        if own.has_binding(binding) or _is_of_control_plane(binding, platform_namespace):
            continue
        subject = subject_of(entries[0], notes.workspace) if len(entries) == 1 else None
        role = role_of(binding)
        if subject is None or role is None:
            others.append(binding)
        elif has_form(binding, owner_form(subject)):
            if _accepts(notes, binding, subject, role, owner=True):
                found.owners.append(str(subject))
                found.adopted.append(binding)
        elif subject.kind is not SubjectKind.SERVICE_ACCOUNT and has_form(binding, grant_form(role, subject)):
            if _accepts(notes, binding, subject, role, owner=False):
                grants.append(_Grant(subject, role, binding))
        else:
            others.append(binding)
    for grant in _one_each(notes, grants):
        found.grants.append({str(grant.subject.kind): grant.subject.name, "role": grant.role.value})
        found.adopted.append(grant.binding)
    note_undeclared(notes, others, found.adopted)
    note_other_managers(notes, "RoleBinding", found.adopted)
    return found


def _is_of_control_plane(binding: Json, platform_namespace: str) -> bool:
    """Return whether the platform's control plane needs the binding itself: it is neither declared nor noted."""
    # Workspace users can make a binding of this name, with any subject.
    of_platform = all(one.startswith(f"serviceaccount:{platform_namespace}:") for one in subjects(binding))
    return of_platform and (name(binding), role_ref(binding)) == (_CONTROL_PLANE, f"Role/{_CONTROL_PLANE}")


def _is_of_key(binding: Json, workspace: str, accounts: Collection[str]) -> bool:
    prefix = f"serviceaccount:{workspace}:"
    named = {*subjects(binding)}
    return (
        len(named) == 1 and next(iter(named)).removeprefix(prefix) in accounts and next(iter(named)).startswith(prefix)
    )


def _accepts(notes: Notes, binding: Json, subject: Subject, role: Role, *, owner: bool) -> bool:
    try:
        if owner:
            _OWNER.validate_python(str(subject))
        else:
            Grant.model_validate({str(subject.kind): subject.name, "role": role.value})
    except ValidationError as error:
        context: Mapping[str, Any] = error.errors(include_url=False)[0].get("ctx") or {}
        notes.add(
            NoteRule.REFUSED_SUBJECT,
            f"{shown(str(subject))} has the role {role}, and the stack file does not accept the subject: "
            f"{context.get('problem', 'the name is invalid')}",
            *hints_of(tuple(context.get("hints", ()))),
            f"give the access to a valid subject, then delete the binding: {binding_deletion(notes, binding)}",
            object=binding_title(binding),
            subject=str(subject),
            role=role.value,
        )
        return False
    return True


def _one_each(notes: Notes, grants: Iterable[_Grant]) -> list[_Grant]:
    """Return the strongest grant of each subject. As in the platform's UI, case does not distinguish subjects."""
    chosen: dict[tuple[str, str], _Grant] = {}
    for grant in sorted(grants, key=lambda one: (-rank(one.role), str(one.subject))):
        taken = chosen.setdefault((grant.subject.kind, grant.subject.name.lower()), grant)
        if taken is grant:
            continue
        if taken.subject == grant.subject:
            what = (
                f"{shown(str(grant.subject))} has the role {grant.role} too, beside {taken.role}: an entry has one "
                "grant a subject"
            )
            hint = f"delete the weaker one: {binding_deletion(notes, grant.binding)}"
        else:
            what = (
                f"{shown(str(grant.subject))} has the role {grant.role}, and differs only in case from "
                f"{shown(str(taken.subject))}, which has {taken.role}: an entry has one of them"
            )
            hint = f"delete the binding of the name that is a mistake: {binding_deletion(notes, grant.binding)}"
        notes.add(
            NoteRule.SECOND_GRANT,
            what,
            hint,
            object=binding_title(grant.binding),
            subject=str(grant.subject),
            role=grant.role.value,
        )
    return sorted(chosen.values(), key=lambda one: str(one.subject))
