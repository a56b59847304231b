"""The RoleBindings that the platform makes for owners, grants and keys, field by field. Contract 1.2 to 1.4."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ambient_components.platform.contract import (
    APP_LABEL,
    GRANT_APP,
    KEY_APP,
    KEY_NAME_ANNOTATION,
    OWNER_ROLE_LABEL,
    RBAC_API_GROUP,
    ROLE_ANNOTATION,
    SA_NAME_ANNOTATION,
    SUBJECT_KIND_ANNOTATION,
    SUBJECT_NAME_ANNOTATION,
    Role,
    cluster_role,
)
from ambient_components.platform.naming import grant_binding, key_role_binding, owner_binding
from ambient_components.platform.subjects import Subject, SubjectKind


@dataclass(frozen=True, slots=True)
class BindingForm:
    """The content of one RoleBinding. It has exactly one subject (contract 10.6)."""

    name: str
    role: Role
    subject: Subject
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def role_ref(self) -> dict[str, Any]:
        return {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": cluster_role(self.role)}


def owner_form(subject: Subject) -> BindingForm:
    return BindingForm(owner_binding(subject), Role.ADMIN, subject, {OWNER_ROLE_LABEL: Role.ADMIN.value})


def grant_form(role: Role, subject: Subject) -> BindingForm:
    annotations = {
        SUBJECT_KIND_ANNOTATION: subject.rbac_kind,
        SUBJECT_NAME_ANNOTATION: subject.name,
        ROLE_ANNOTATION: role.value,
    }
    return BindingForm(grant_binding(role, subject), role, subject, {APP_LABEL: GRANT_APP}, annotations)


def key_form(role: Role, workspace: str, account: str, label: str) -> BindingForm:
    annotations = {KEY_NAME_ANNOTATION: label, SA_NAME_ANNOTATION: account, ROLE_ANNOTATION: role.value}
    subject = Subject(SubjectKind.SERVICE_ACCOUNT, account, workspace)
    return BindingForm(key_role_binding(role, account), role, subject, {APP_LABEL: KEY_APP}, annotations)
