"""Comparison of existing objects with the form in which a run would declare them."""

from collections.abc import Mapping
from typing import Final

from ambient_components.adoption.notes import NoteRule, Notes, shown
from ambient_components.cluster.objects import (
    Json,
    annotations,
    finalizers,
    labels,
    mapping,
    mappings,
    metadata,
    name,
    role_ref,
    text,
)
from ambient_components.platform.bindings import BindingForm
from ambient_components.platform.contract import OWNER_ANNOTATION, RELEASED_BY_ANNOTATION, ROLES, Role, cluster_role
from ambient_components.platform.subjects import Subject, SubjectKind, kind_of_user

_ROLES: Final = {f"ClusterRole/{cluster_role(role)}": role for role in ROLES}
_FIELDS: Final = ("kind", "apiGroup", "name", "namespace")
_TOOLS: Final = ("argocd", "kustomize-controller", "helm", "terraform", "pulumi", "rancher", "fleet-agent")
"""Beginnings of the names with which tools that restore their own declaration write to a cluster."""


def role_of(binding: Json) -> Role | None:
    return _ROLES.get(role_ref(binding))


def subject_of(entry: Json, workspace: str) -> Subject | None:
    """Return a subject of a RoleBinding; None if it is not a valid one."""
    kind, named = text(entry.get("kind")), text(entry.get("name"))
    try:
        if kind == "ServiceAccount":
            return Subject(SubjectKind.SERVICE_ACCOUNT, named, text(entry.get("namespace")) or workspace)
        kinds = {"User": kind_of_user(named), "Group": SubjectKind.GROUP}
        return Subject(kinds[kind], named) if kind in kinds else None
    except ValueError:
        return None


def has_form(binding: Json, form: BindingForm) -> bool:
    """Return whether a RoleBinding is exactly the declared one, so that a run changes nothing in it.

    Further labels and annotations stay, because runs merge theirs into them. Finalizers and owner references do not.
    """
    if name(binding) != form.name:
        return False
    entries = [
        {key: subject[key] for key in _FIELDS if subject.get(key)} for subject in mappings(binding.get("subjects"))
    ]
    return (
        entries == [form.subject.rbac_subject()]
        and {**mapping(binding.get("roleRef"))} == form.role_ref
        and _includes(labels(binding), form.labels)
        and _includes(annotations(binding), form.annotations)
        and not stays_behind(binding)
    )


def _includes(there: Mapping[str, str], declared: Mapping[str, str]) -> bool:
    return all(there.get(key) == value for key, value in declared.items())


def stays_behind(item: Json) -> bool:
    """Return whether an object has finalizers or owner references, which a run would remove."""
    return bool(finalizers(item) or metadata(item).get("ownerReferences"))


def is_of_stack(space: Json) -> bool:
    """Return whether a stack of this project owns a namespace, or released it. Workspace users can't write it."""
    return any(annotations(space).get(key) for key in (OWNER_ANNOTATION, RELEASED_BY_ANNOTATION))


def managing_tools(item: Json) -> tuple[str, ...]:
    """Return the field managers of an object that restore what a run changes, sorted.

    These are known tools, and all that use server-side apply, which is how controllers declare objects.
    """
    managers = {
        text(entry.get("manager"))
        for entry in mappings(metadata(item).get("managedFields"))
        if text(entry.get("operation")) == "Apply" or text(entry.get("manager")).lower().startswith(_TOOLS)
    }
    return tuple(sorted(filter(None, managers)))


def note_other_managers(notes: Notes, kind: str, items: list[Json]) -> None:
    managed = {name(item): managing_tools(item) for item in items}
    managed = {title: tools for title, tools in sorted(managed.items()) if tools}
    if managed:
        tools = sorted({tool for used in managed.values() for tool in used})
        notes.add(
            NoteRule.OTHER_OWNER,
            f"{len(managed)} {kind}s have further field managers ({shown(*tools)}): {shown(*managed)}",
            "remove these objects from the other tool after the adoption, or leave them out here",
        )
