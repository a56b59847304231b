"""One subject's access to one workspace, like a grant of the platform's Sharing page."""

from typing import NotRequired, TypedDict

import pulumi

from ambient_components.components.argument_checks import role_of
from ambient_components.engine import urns
from ambient_components.platform.bindings import BindingForm, grant_form
from ambient_components.platform.contract import Role
from ambient_components.resources import MetadataArgs, RoleBinding, RoleBindingArgs
from ambient_components.rules.grants import grantee


def role_binding(
    name: str,
    form: BindingForm,
    *,
    namespace: pulumi.Input[str],
    released: bool = False,
    opts: pulumi.ResourceOptions,
) -> RoleBinding:
    """Declare a RoleBinding to a role of the platform.

    It never has ``retain_on_delete`` or ``deleted_with``: a binding that outlives its declaration is undeclared access
    (docs/internals/upstream-issues.md).
    """
    metadata: MetadataArgs = {"name": form.name, "namespace": namespace, "labels": dict(form.labels)}
    if form.annotations:
        metadata["annotations"] = dict(form.annotations)
    args: RoleBindingArgs = {
        "metadata": metadata,
        "roleRef": form.role_ref,
        "subjects": [form.subject.rbac_subject()],
    }
    if released:
        args["released"] = True
    return RoleBinding(name, args, opts)


class GrantArgs(TypedDict):
    """Subject, role and workspace of a grant."""

    namespace: pulumi.Input[str]
    """Namespace of the workspace."""

    subject: str
    """``user:NAME`` or ``group:NAME``, verbatim: Kubernetes compares names byte by byte."""

    role: NotRequired[str]
    """view, edit or admin; default view, as in the platform's UI."""


class Grant(pulumi.ComponentResource):
    """A separate grant, in a workspace that is declared elsewhere.

    `Workspace` declares the same RoleBinding for each of its grants, without this component (docs/internals/adr/0008).
    """

    binding: RoleBinding
    """The RoleBinding."""

    def __init__(self, name: str, args: GrantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(urns.GRANT, name, {**args}, opts)
        self.binding = grant_role_binding(name, args, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"role": args.get("role") or Role.VIEW.value, "subject": args["subject"]})


def grant_role_binding(
    name: str, args: GrantArgs, opts: pulumi.ResourceOptions, *, released: bool = False
) -> RoleBinding:
    """Declare a RoleBinding that the platform lists and revokes like its own grants (contract 1.3).

    A new role is a replacement, created before the old binding is deleted: the object's name contains the role, the
    logical name does not. Access is never interrupted, and a failed change keeps the old grant.

    Raises:
        ValueError: The subject is a ServiceAccount or invalid, or the role is unknown.
    """
    form = grant_form(role_of(args.get("role") or Role.VIEW), grantee(args["subject"]))
    return role_binding(name, form, namespace=args["namespace"], released=released, opts=opts)
