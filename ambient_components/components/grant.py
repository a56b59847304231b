"""One subject's access to one workspace, like a grant of the platform's Sharing page."""

from typing import Unpack

import pulumi

from ambient_components.components.argument_checks import read_arguments
from ambient_components.components.arguments import SeparateGrantArgs
from ambient_components.components.caller_options import of_caller
from ambient_components.engine import urns
from ambient_components.model.grants import SeparateGrant
from ambient_components.platform.bindings import BindingForm
from ambient_components.resources import MetadataArgs, RoleBinding, RoleBindingArgs


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


class Grant(pulumi.ComponentResource):
    """A separate grant, in a workspace that is declared elsewhere.

    A new role is a replacement, created before the old binding is deleted: the object's name contains the role, the
    logical name does not. Access is never interrupted, and a failed change keeps the old grant.

    All options apply to the RoleBinding too, but for `retain_on_delete` and `deleted_with`: access never outlives its
    declaration.

    `Workspace` declares the same RoleBinding for each of its grants, without this component (docs/internals/adr/0008).
    """

    binding: RoleBinding
    """The RoleBinding."""

    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **args: Unpack[SeparateGrantArgs]
    ) -> None:
        """Declare a grant.

        Raises:
            ValueError: All problems of the arguments, one per line.
        """
        grant = read_arguments(f"grant {resource_name!r}", SeparateGrant, args)
        given = {"role": grant.role.value} if "role" in grant.model_fields_set else {}
        opts = of_caller(f"grant {resource_name!r}", opts)
        opts.deleted_with = None
        super().__init__(
            urns.GRANT, resource_name, {"namespace": grant.namespace, "subject": str(grant.subject), **given}, opts
        )
        self.binding = role_binding(
            resource_name,
            grant.form,
            namespace=grant.namespace,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=False),
        )
        self.register_outputs({"role": grant.role.value, "subject": str(grant.subject)})
