"""Workspaces without our components: loops over the stack file's plain data.

Only a key's token and ProjectSettings come from the package, because Pulumi has no such resources. All else is
pulumi_kubernetes. It checks nothing: no rules of the file, no rights, no ownership, no removed workspaces.
"""

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
import yaml

from ambient_components.resources import AccessToken, ProjectSettings, Provider

RBAC = "rbac.authorization.k8s.io"
DAY = 24 * 3600

config = pulumi.Config()
kubernetes = k8s.Provider("cluster", kube_client_settings={"qps": 100, "burst": 200}, enable_secret_mutable=True)
on_kubernetes = pulumi.ResourceOptions(provider=kubernetes)
on_ambient = pulumi.ResourceOptions(provider=Provider("cluster"))
stack = yaml.safe_load(Path("stack.yaml").read_text(encoding="utf-8"))


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def bind(
    name: str,
    namespace: pulumi.Input[str],
    object_name: str,
    role: str,
    subject: k8s.rbac.v1.SubjectArgsDict,
    labels: dict[str, str],
    annotations: dict[str, str] | None = None,
) -> k8s.rbac.v1.RoleBinding:
    return k8s.rbac.v1.RoleBinding(
        name,
        metadata={"name": object_name, "namespace": namespace, "labels": labels, "annotations": annotations or {}},
        role_ref={"api_group": RBAC, "kind": "ClusterRole", "name": f"ambient-project-{role}"},
        subjects=[subject],
        opts=on_kubernetes,
    )


for workspace, spec in stack["workspaces"].items():
    namespace = k8s.core.v1.Namespace(
        workspace,
        metadata={
            "name": workspace,
            "labels": {"ambient-code.io/managed": "true", "app.kubernetes.io/managed-by": "ambient-code"},
        },
        opts=on_kubernetes,
    ).metadata["name"]

    ProjectSettings(
        f"{workspace}-settings", {"namespace": namespace, "inactivityTimeoutSeconds": 12 * 3600}, on_ambient
    )
    k8s.core.v1.ResourceQuota(
        f"{workspace}-quota",
        metadata={"name": "workspace-quota", "namespace": namespace},
        spec={"hard": {name: str(most) for name, most in spec["limits"]["quota"].items()}},
        opts=on_kubernetes,
    )

    for owner in spec["owners"]:
        kind, _, who = owner.partition(":")
        subject: k8s.rbac.v1.SubjectArgsDict = {"kind": kind.capitalize(), "api_group": RBAC, "name": who}
        labels = {"ambient-code.io/role": "admin"}
        bind(f"{workspace}-owner-{who}", namespace, f"ambient-admin-{slug(who)}", "admin", subject, labels)

    for grant in spec["grants"]:
        kind = "user" if "user" in grant else "group"
        who, role = grant[kind], grant["role"]
        bind(
            f"{workspace}-{kind}-{who}",
            namespace,
            f"ambient-permission-{role}-{slug(who)}-{kind}",
            role,
            {"kind": kind.capitalize(), "api_group": RBAC, "name": who},
            {"app": "ambient-permission"},
            {
                "ambient-code.io/subject-kind": kind.capitalize(),
                "ambient-code.io/subject-name": who,
                "ambient-code.io/role": role,
            },
        )

    for key, key_spec in spec["keys"].items():
        role = key_spec["role"]
        suffix = hashlib.sha256(json.dumps([workspace, key, 1]).encode()).hexdigest()[:8]
        account_name = f"ambient-key-{key}-{suffix}"
        labels = {"app": "ambient-access-key"}
        account = k8s.core.v1.ServiceAccount(
            f"{workspace}-key-{key}",
            metadata={
                "name": account_name,
                "namespace": namespace,
                "labels": labels,
                "annotations": {
                    "ambient-code.io/key-name": key,
                    "ambient-code.io/description": "",
                    "ambient-code.io/created-at": datetime.now(UTC).isoformat(),
                    "ambient-code.io/role": role,
                },
            },
            opts=pulumi.ResourceOptions(
                provider=kubernetes, ignore_changes=['metadata.annotations["ambient-code.io/created-at"]']
            ),
        )
        binding = bind(
            f"{workspace}-key-{key}",
            namespace,
            f"ambient-key-{role}-{key}-{suffix}",
            role,
            {"kind": "ServiceAccount", "name": account.metadata["name"], "namespace": namespace},
            labels,
            {"ambient-code.io/key-name": key, "ambient-code.io/sa-name": account_name, "ambient-code.io/role": role},
        )
        token = AccessToken(
            f"{workspace}-key-{key}",
            {
                "namespace": namespace,
                "serviceAccount": account.metadata["name"],
                "serviceAccountUid": account.metadata["uid"],
                "key": key,
                "owner": "plain/bench",
                "generation": 1,
                "lifetimeSeconds": 90 * DAY,
            },
            pulumi.ResourceOptions.merge(on_ambient, pulumi.ResourceOptions(depends_on=[binding])),
        )
        pulumi.export(f"{workspace}/{key}", token.token)

    if runner := spec["secrets"]["runner"]:
        k8s.core.v1.Secret(
            f"{workspace}-runner",
            metadata={
                "name": "ambient-runner-secrets",
                "namespace": namespace,
                "labels": {"app": "ambient-runner-secrets"},
                "annotations": {"ambient-code.io/runner-secret": "true"},
            },
            type="Opaque",
            data={
                name: config.require_secret(reference["config"]).apply(
                    lambda value: base64.b64encode(value.encode()).decode()
                )
                for name, reference in runner.items()
            },
            opts=on_kubernetes,
        )
