"""One subject's access to one workspace, as the platform's Sharing page makes it."""

from typing import NotRequired, TypedDict

import pulumi

from ambient_components.components.bindings import role_binding
from ambient_components.components.rules import role_of
from ambient_components.contract import (
    APP_LABEL,
    GRANT_APP,
    ROLE_ANNOTATION,
    SUBJECT_KIND_ANNOTATION,
    SUBJECT_NAME_ANNOTATION,
    Role,
)
from ambient_components.engine import types
from ambient_components.naming import grant_binding
from ambient_components.resources import RoleBinding
from ambient_components.rules.grants import grantee


class GrantArgs(TypedDict):
    """Who may do what, where."""

    namespace: pulumi.Input[str]
    """The workspace's namespace."""

    subject: str
    """``user:NAME`` or ``group:NAME``, verbatim: Kubernetes compares names byte by byte."""

    role: NotRequired[str]
    """view, edit or admin; default view, as in the platform's UI."""


class Grant(pulumi.ComponentResource):
    """A grant on its own, in a workspace that something else declares.

    `Workspace` makes the same binding for each of its grants, without this node above it (docs/adr/0008).
    """

    binding: RoleBinding
    """The RoleBinding."""

    def __init__(self, name: str, args: GrantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(types.GRANT, name, {**args}, opts)
        self.binding = grant_role_binding(name, args, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"role": args.get("role") or Role.VIEW.value, "subject": args["subject"]})


def grant_role_binding(
    name: str, args: GrantArgs, opts: pulumi.ResourceOptions, *, released: bool = False
) -> RoleBinding:
    """A RoleBinding that the platform lists, and can revoke, as a grant of its own (contract 1.3).

    A new role is a replacement, made before the old one goes: the role is in the object's name, and not in the logical
    one. Nobody is without access in between, and a failed change keeps the old grant.

    Raises:
        ValueError: the subject is a ServiceAccount, or none at all, or the role is no role.
    """
    subject = grantee(args["subject"])
    role = role_of(args.get("role") or Role.VIEW)
    return role_binding(
        name,
        namespace=args["namespace"],
        object_name=grant_binding(role, subject),
        role=role,
        subject=subject,
        labels={APP_LABEL: GRANT_APP},
        annotations={
            SUBJECT_KIND_ANNOTATION: subject.rbac_kind,
            SUBJECT_NAME_ANNOTATION: subject.name,
            ROLE_ANNOTATION: role.value,
        },
        released=released,
        opts=opts,
    )
