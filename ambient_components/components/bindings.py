"""The RoleBinding of grants, owners and keys: one subject, one of the platform's ClusterRoles."""

from collections.abc import Mapping

import pulumi

from ambient_components.platform.contract import RBAC_API_GROUP, Role, cluster_role
from ambient_components.platform.subjects import Subject
from ambient_components.resources import MetadataArgs, RoleBinding, RoleBindingArgs


def role_binding(
    name: str,
    *,
    namespace: pulumi.Input[str],
    object_name: str,
    role: Role,
    subject: Subject,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    released: bool = False,
    opts: pulumi.ResourceOptions,
) -> RoleBinding:
    """Declare a RoleBinding to a role of the platform.

    It has exactly one subject (contract 10.6), and never ``retain_on_delete`` or ``deleted_with``: a binding that
    outlives its declaration is undeclared access (docs/surprises.md).
    """
    metadata: MetadataArgs = {"name": object_name, "namespace": namespace, "labels": dict(labels)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    args: RoleBindingArgs = {
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": cluster_role(role)},
        "subjects": [subject.rbac_subject()],
    }
    if released:
        args["released"] = True
    return RoleBinding(name, args, opts)
