"""Reading existing workspaces from a real API server, with exactly the rights that `ambient rbac --adopt` adds."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ambient_components.access.deployer import RIGHTS, Feature, rights_for
from ambient_components.adoption.existing import read_existing
from ambient_components.adoption.workspaces import ExistingWorkspace, Reader, existing_workspaces
from ambient_components.cli.rbac import deployer_manifest
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.errors import AmbientError
from ambient_components.platform.network_policies import policies
from tests.support import existing
from tests.support.deployer import rules_of
from tests.support.machine import Machine

READER = Reader("app/dev")
SERVERS = {"custom": {"a": {"type": "http", "url": "https://a.example.com", "headers": {"B": "${C}"}}}}
FIELDS = ("uid", "ownerReferences", "creationTimestamp")


def lived_in(workspace: str, value: str) -> list[dict[str, Any]]:
    return existing.replaced(
        existing.plain(workspace), existing.namespace(workspace, {"team": "x"}, annotations={"a.example/b": "c"}),
        existing.shared(workspace, "group:devs", "edit"), *existing.key(workspace, "GitHub Actions", "view", "Deploys"),
        existing.binding(workspace, "by-hand", "admin", "user:mallory"),
        existing.settings(workspace, inactivityTimeoutSeconds=3600, mcpServers=SERVERS),
        existing.flags(workspace, **{"jira-write": "true"}), existing.limit_range(workspace, max={"memory": "16Gi"}),
        existing.secret(workspace, "ambient-runner-secrets", ANTHROPIC_API_KEY=value),
        existing.secret(workspace, "ambient-non-vertex-integrations", GITHUB_TOKEN=value, LEVEL="info"),
        existing.made("ResourceQuota", workspace, "workspace-quota", spec={"hard": {"pods": "50"}}),
        *(existing.made("NetworkPolicy", workspace, name, spec=spec)
          for name, spec in policies("ambient-code", [{"cidr": "10.0.0.0/8", "ports": [5432]}]).items()),
    )  # fmt: skip


@pytest.fixture
def workspace(machine: Machine) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A workspace with a history, and the objects that it was made of."""
    name = f"lived-in-{secrets.token_hex(4)}"
    objects = lived_in(name, machine.keep_secret(f"sk-ant-{secrets.token_hex(16)}", "a value of a workspace secret"))
    rbac = "rbac.authorization.k8s.io/v1"
    versions = {"RoleBinding": rbac, "Role": rbac, "NetworkPolicy": "networking.k8s.io/v1"}
    owners = {"ProjectSettings", "AgenticSession"}
    uids = {}
    # Owners after the namespace and before what refers to their uids.
    for one in sorted(objects, key=lambda one: (one["kind"] != "Namespace", one["kind"] not in owners)):
        metadata = {field: value for field, value in one["metadata"].items() if field not in FIELDS}
        if references := one["metadata"].get("ownerReferences"):
            metadata["ownerReferences"] = [it | {"uid": uids[it["kind"], it["name"]]} for it in references]
        version = "vteam.ambient-code/v1alpha1" if one["kind"] in owners else versions.get(one["kind"], "v1")
        made = machine.create(
            existing.COLLECTIONS[one["kind"]].format(metadata.get("namespace", "")),
            {**one, "apiVersion": version, "metadata": metadata},
        )
        uids[one["kind"], metadata["name"]] = made["metadata"]["uid"]
    yield name, objects
    machine.admin().request("DELETE", f"/api/v1/namespaces/{name}")


def guard(machine: Machine) -> Guard:
    return Guard(Cluster(kubeconfig=machine.cluster.kubeconfig.read_text()), machine.cluster.uid)


def test_the_objects_of_a_real_server_are_read_as_they_were_made(
    machine: Machine, workspace: tuple[str, list[dict[str, Any]]]
) -> None:
    name, objects = workspace
    needed = rights_for([Feature.ADOPTION])
    lost = next(right for right in RIGHTS if right not in needed)
    (role, _) = yaml.safe_load_all(deployer_manifest([Feature.ADOPTION]))
    with rules_of(machine, role["rules"], needed[-1], lost):
        read = read_existing(guard(machine), [name])
    (found,) = existing_workspaces(read, READER)
    assert isinstance(found, ExistingWorkspace)
    assert found == existing_workspaces(existing.gathered(objects), READER)[0]
    assert [note.rule.value for note in found.notes] == ["otherBinding", "keyExpiry", "keyUser", "secrets", "secrets"]
    machine.outputs.append(repr(read))


def test_each_missing_right_is_named(machine: Machine) -> None:
    needed = rights_for([Feature.KEYS])
    lost = next(right for right in rights_for([Feature.ADOPTION]) if right not in needed)
    (role, _) = yaml.safe_load_all(deployer_manifest([Feature.KEYS]))
    with rules_of(machine, role["rules"], needed[-1], lost), pytest.raises(AmbientError) as caught:
        read_existing(guard(machine))
    problems = [problem.problem for problem in caught.value.problems]
    assert "the right to list limitranges in all namespaces is missing" in problems
    assert "the right to list cronjobs of the API group batch in all namespaces is missing" in problems
    assert len(problems) == 6  # Secrets, namespaces, bindings, accounts and settings are listed for keys too
