"""The RoleBinding that grants, owners and keys have in common: one subject, one of the platform's ClusterRoles."""

from collections.abc import Mapping
from typing import cast

import pulumi
import pulumi_kubernetes.rbac.v1 as rbac

from ambient_components.contract import RBAC_API_GROUP, Role, cluster_role
from ambient_components.subjects import Subject


def role_binding(
    name: str,
    *,
    namespace: pulumi.Input[str],
    object_name: str,
    role: Role,
    subject: Subject,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    opts: pulumi.ResourceOptions,
) -> rbac.RoleBinding:
    """A RoleBinding to a role of the platform.

    Exactly one subject (contract 10.6), and never ``retain_on_delete`` or ``deleted_with``: a binding that outlives its
    entry is access that nobody declared (docs/surprises.md).
    """
    return rbac.RoleBinding(
        name,
        metadata={
            "name": object_name,
            "namespace": namespace,
            "labels": dict(labels),
            **({"annotations": dict(annotations)} if annotations else {}),
        },
        role_ref={"api_group": RBAC_API_GROUP, "kind": "ClusterRole", "name": cluster_role(role)},
        subjects=[cast("rbac.SubjectArgsDict", subject.rbac_subject())],
        opts=opts,
    )
