"""The deployer's role in the cluster: its rules, replaced and back, and what they allow."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ambient_components.access.deployer import Right
from tests.support.machine import Machine


def deployer_role(machine: Machine) -> dict[str, Any]:
    role = machine.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/ambient-deployer")
    assert role is not None
    return role


def replace_rules(machine: Machine, rules: list[dict[str, Any]]) -> None:
    role = deployer_role(machine)
    role["rules"] = rules
    token = machine.cluster.token_of("sandbox-admin")
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/ambient-deployer"
    assert machine.request("PUT", path, token=token, body=role) == 200


def allowed(machine: Machine, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {"group": right.group, "resource": resource, "verb": right.verb}
    attributes |= {"subresource": subresource} if subresource else {}
    attributes |= {"name": right.name} if right.name else {}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": "ambient-deployer", "groups": ["ambient-deployers"], "resourceAttributes": attributes},
    }
    answer = machine.admin().request(
        "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", json.dumps(body).encode()
    )
    return bool(answer["status"]["allowed"])


@contextmanager
def rules_of(machine: Machine, rules: list[dict[str, Any]], gained: Right, lost: Right) -> Iterator[None]:
    """The deployer has these rules alone.

    Args:
        machine: The machine of the cluster.
        rules: The rules.
        gained: A right that they give.
        lost: A right that they do not give.
    """
    before = deployer_role(machine)["rules"]
    replace_rules(machine, rules)
    try:
        machine.until(lambda: allowed(machine, gained) and not allowed(machine, lost), "the rules are in force")
        yield
    finally:
        replace_rules(machine, before)
        machine.until(lambda: allowed(machine, lost), "the rules are back")
