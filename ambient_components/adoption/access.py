"""Owners and grants of an existing workspace: the RoleBindings that an entry can declare without changing them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from ambient_components.access.cluster_access import GROUP_ACCESS, reason_of
from ambient_components.access.platform_own import PlatformOwn
from ambient_components.adoption.forms import (
    has_form,
    managing_tools,
    note_other_managers,
    role_of,
    stays_behind,
    subject_of,
)
from ambient_components.adoption.notes import NoteRule, Notes, deletion, shown
from ambient_components.cluster.objects import Json, mappings, name, role_ref, short, subjects
from ambient_components.errors import hints_of
from ambient_components.model.grants import Grant, subject_fields
from ambient_components.model.types import SubjectText
from ambient_components.platform.bindings import BindingForm, grant_form, owner_form
from ambient_components.platform.contract import CONTROL_PLANE_BINDING, OWNER_ROLE_LABEL, Role
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.rules.roles import rank
from ambient_components.stackfile.yaml.dumping import line_of

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
    access, grants, others = Access(), list[_Grant](), list[Json]()
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
                access.owners.append(str(subject))
                access.adopted.append(binding)
        elif subject.kind is not SubjectKind.SERVICE_ACCOUNT and has_form(binding, grant_form(role, subject)):
            if _accepts(notes, binding, subject, role, owner=False):
                grants.append(_Grant(subject, role, binding))
        else:
            others.append(binding)
    for grant in _one_each(notes, grants):
        access.grants.append({**subject_fields(grant.subject), "role": grant.role.value})
        access.adopted.append(grant.binding)
    note_undeclared(notes, others, access.adopted)
    note_other_managers(notes, "RoleBinding", access.adopted)
    return access


def _is_of_control_plane(binding: Json, platform_namespace: str) -> bool:
    """Return whether the platform's control plane needs the binding itself: it is neither declared nor noted."""
    # Workspace users can make a binding of this name, with any subject.
    of_platform = all(subject.startswith(f"serviceaccount:{platform_namespace}:") for subject in subjects(binding))
    return of_platform and (name(binding), role_ref(binding)) == (
        CONTROL_PLANE_BINDING,
        f"Role/{CONTROL_PLANE_BINDING}",
    )


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
            Grant.model_validate({**subject_fields(subject), "role": role.value})
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
    for grant in sorted(grants, key=lambda grant: (-rank(grant.role), str(grant.subject))):
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
    return sorted(chosen.values(), key=lambda grant: str(grant.subject))


def note_undeclared(notes: Notes, others: Iterable[Json], adopted: Iterable[Json]) -> None:
    taken = {name(binding): subjects(binding) for binding in adopted}
    for binding in others:
        role, named = role_of(binding), subjects(binding)
        rule, why, hint = _undeclarable(notes, binding, taken)
        tools = [*managing_tools(binding)]
        if rule is NoteRule.GROUP_ACCESS:
            tools.append("groupAccess of ProjectSettings")
        notes.add(
            rule,
            f"RoleBinding {shown(name(binding))} gives {role or shown(role_ref(binding))} to {shown(*named)}{why}",
            hint,
            f"remove it from {shown(*tools)}, which would restore it" if tools else "",
            f"then, or if it is not needed, delete the binding: {binding_deletion(notes, binding)}",
            object=binding_title(binding),
            subject=named[0] if len(named) == 1 else "",
            role=role.value if role else role_ref(binding),
        )


def _undeclarable(notes: Notes, binding: Json, taken: Mapping[str, list[str]]) -> tuple[NoteRule, str, str]:
    """Return why the entry does not declare a binding, and what to do before its deletion."""
    entries, role = mappings(binding.get("subjects")), role_of(binding)
    if role is None:
        why = ": only view, edit and admin of the platform can be declared"
        return NoteRule.OTHER_ROLE, why, "declare a grant that suffices, and run ambient up"
    if len(entries) > 1:
        why = ": a declared binding has one subject"
        return NoteRule.SEVERAL_SUBJECTS, why, "declare a grant for each, and run ambient up"
    subject = subject_of(entries[0], notes.workspace)
    if subject is None:
        return NoteRule.REFUSED_SUBJECT, ", which is not a valid subject", "give the access to a valid subject"
    form = _declared(binding, subject, role)
    if form is None:
        why = ": the platform grants to users and groups only"
        return NoteRule.OTHER_BINDING, why, "for a program declare a key, and let the program use it"
    declare = f"declare it ({_line(form)}) and run ambient up"
    holder = taken.get(form.name)
    if holder == [str(subject)]:
        return NoteRule.OTHER_BINDING, " a second time: the entry declares the same access", ""
    if holder is not None:
        why = f": its grant would be the RoleBinding {form.name}, which {shown(*holder)} has"
        return NoteRule.SAME_NAME, why, "give one of them another role, or access through a group"
    if name(binding) == form.name and stays_behind(binding):
        return NoteRule.OTHER_OWNER, ", and a run would remove its finalizers or owner references", declare
    if name(binding) == form.name:
        return NoteRule.METADATA, ", and a run would change it: its fields are not a grant's", declare
    rule = NoteRule.GROUP_ACCESS if reason_of(binding) == GROUP_ACCESS else NoteRule.OTHER_BINDING
    return rule, f": a declared one has the name {form.name}, label and annotations", declare


def _declared(binding: Json, subject: Subject, role: Role) -> BindingForm | None:
    owner = owner_form(subject)
    if role is Role.ADMIN and (subject.kind is SubjectKind.SERVICE_ACCOUNT or name(binding) == owner.name):
        return owner
    return None if subject.kind is SubjectKind.SERVICE_ACCOUNT else grant_form(role, subject)


def _line(form: BindingForm) -> str:
    if OWNER_ROLE_LABEL in form.labels:
        return line_of({"owners": [short(str(form.subject))]})
    who = subject_fields(form.subject)
    return line_of(
        {
            "grants": [
                {
                    **{kind: short(name) if isinstance(name, str) else name for kind, name in who.items()},
                    "role": form.role.value,
                }
            ]
        }
    )


def binding_title(binding: Json) -> str:
    return f"RoleBinding {name(binding)}"


def binding_deletion(notes: Notes, binding: Json) -> str:
    return deletion("rolebinding", notes.workspace, name(binding))
