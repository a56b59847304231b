"""Notes on RoleBindings that an entry does not declare: why, and what to do about each."""

from collections.abc import Iterable, Mapping

from ambient_components.access.cluster_access import GROUP_ACCESS, reason_of
from ambient_components.adoption.dumping import line_of
from ambient_components.adoption.forms import managing_tools, role_of, stays_behind, subject_of
from ambient_components.adoption.notes import NoteRule, Notes, deletion, shown
from ambient_components.cluster.objects import Json, mappings, name, role_ref, short, subjects
from ambient_components.platform.bindings import BindingForm, grant_form, owner_form
from ambient_components.platform.contract import OWNER_ROLE_LABEL, Role
from ambient_components.platform.subjects import Subject, SubjectKind


def note_undeclared(notes: Notes, others: Iterable[Json], adopted: Iterable[Json]) -> None:
    taken = {name(one): subjects(one) for one in adopted}
    for binding in others:
        entries = mappings(binding.get("subjects"))
        role, named = role_of(binding), subjects(binding)
        subject = subject_of(entries[0], notes.workspace) if len(entries) == 1 else None
        gives = role or shown(role_ref(binding))
        has = f"RoleBinding {shown(name(binding))} gives {gives} to {shown(*named)}"
        about = {
            "object": binding_title(binding),
            "subject": named[0] if len(named) == 1 else "",
            "role": role.value if role else role_ref(binding),
        }
        if role is None:
            notes.add(
                NoteRule.OTHER_ROLE,
                f"{has}: only view, edit and admin of the platform can be declared",
                f"if it is not needed, delete it: {binding_deletion(notes, binding)}",
                "or declare a grant that suffices, run pulumi up, then delete it",
                **about,
            )
        elif len(entries) > 1:
            notes.add(
                NoteRule.SEVERAL_SUBJECTS,
                f"{has}: a declared binding has one subject",
                "declare a grant for each, run pulumi up, then delete the binding: " + binding_deletion(notes, binding),
                **about,
            )
        elif subject is None:
            notes.add(
                NoteRule.REFUSED_SUBJECT,
                f"{has}, which is not a valid subject",
                f"give the access to a valid subject, then delete the binding: {binding_deletion(notes, binding)}",
                **about,
            )
        else:
            _note_binding(notes, binding, subject, role, has, taken, about)


def _note_binding(
    notes: Notes,
    binding: Json,
    subject: Subject,
    role: Role,
    has: str,
    taken: Mapping[str, list[str]],
    about: Mapping[str, str],
) -> None:
    form = _declared(binding, subject, role)
    if form is None:
        why = "the platform grants to users and groups only"
        hint = "for a program declare a key, and let the program use it"
        notes.add(NoteRule.OTHER_BINDING, f"{has}: {why}", hint, f"then: {binding_deletion(notes, binding)}", **about)
    elif taken.get(form.name, [str(subject)]) != [str(subject)]:
        notes.add(
            NoteRule.SAME_NAME,
            f"{has}: its grant would be the RoleBinding {form.name}, which {shown(*taken[form.name])} has",
            "give one of them another role, or access through a group",
            f"then delete the binding: {binding_deletion(notes, binding)}",
            **about,
        )
    elif form.name in taken:
        notes.add(
            NoteRule.OTHER_BINDING,
            f"{has} a second time",
            f"the entry declares the same access by RoleBinding {form.name}, so delete it: "
            f"{binding_deletion(notes, binding)}",
            **about,
        )
    elif name(binding) == form.name:
        rule = NoteRule.OTHER_OWNER if stays_behind(binding) else NoteRule.METADATA
        why = "it has finalizers or owner references" if stays_behind(binding) else "its fields are not a grant's"
        hint = f"declare it ({_line(form)}): the run then corrects the binding in place"
        notes.add(rule, f"{has}, and a run would change it: {why}", hint, **about)
    else:
        rule = NoteRule.GROUP_ACCESS if reason_of(binding) == GROUP_ACCESS else NoteRule.OTHER_BINDING
        tools = [
            *managing_tools(binding),
            *(["groupAccess of ProjectSettings"] if rule is NoteRule.GROUP_ACCESS else []),
        ]
        managed = f"remove it from {shown(*tools)}, which would restore it" if tools else ""
        notes.add(
            rule,
            f"{has}: a declared one has the name {form.name}, label and annotations",
            f"declare it ({_line(form)}) and run pulumi up",
            managed,
            f"then delete the binding: {binding_deletion(notes, binding)}",
            **about,
        )


def _declared(binding: Json, subject: Subject, role: Role) -> BindingForm | None:
    owner = owner_form(subject)
    if role is Role.ADMIN and (subject.kind is SubjectKind.SERVICE_ACCOUNT or name(binding) == owner.name):
        return owner
    return None if subject.kind is SubjectKind.SERVICE_ACCOUNT else grant_form(role, subject)


def _line(form: BindingForm) -> str:
    if OWNER_ROLE_LABEL in form.labels:
        return line_of({"owners": [short(str(form.subject))]})
    return line_of({"grants": [{str(form.subject.kind): short(form.subject.name), "role": form.role.value}]})


def binding_title(binding: Json) -> str:
    return f"RoleBinding {name(binding)}"


def binding_deletion(notes: Notes, binding: Json) -> str:
    return deletion("rolebinding", notes.workspace, name(binding))
