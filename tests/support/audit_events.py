"""Events of an audit log, as an API server writes them at level Metadata."""

import json
from collections.abc import Sequence
from typing import Any

SIGNED_IN = ("system:authenticated",)


def event(
    what: str,
    user: str,
    *groups: str,
    at: str = "2026-11-24T12:00:00.5Z",
    impersonates: tuple[str, Sequence[str]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An allowed call: `what` is VERB RESOURCE@NAMESPACE, with /SUBRESOURCE, or :NAME for one object."""
    verb, _, where = what.partition(" ")
    resource, _, namespace = where.partition("@")
    resource, _, name = resource.partition(":")
    resource, _, subresource = resource.partition("/")
    reference = {"resource": resource, "subresource": subresource, "namespace": namespace, "name": name}
    caller = {"impersonatedUser": {"username": impersonates[0], "groups": [*impersonates[1]]}} if impersonates else {}
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "stage": "ResponseComplete",
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
        "verb": verb,
        "user": {"username": user, "groups": [*groups, *SIGNED_IN]},
        "objectRef": {name: value for name, value in reference.items() if value},
        "responseStatus": {"code": 200},
        "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "RBAC: allowed by"},
        **caller,
        **more,
    }


def log_of(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def account(namespace: str, name: str) -> str:
    return f"system:serviceaccount:{namespace}:{name}"


REFUSED = {"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": ""}
BY_CLUSTER = {
    "authorization.k8s.io/decision": "allow",
    "authorization.k8s.io/reason": 'RBAC: allowed by ClusterRoleBinding "ops" of ClusterRole "admin" to User "bob"',
}
