"""Keys as the platform's backend makes them (contract 1.4), and what their objects look like."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from tests.support.life import RBAC
from tests.support.machine import Machine
from tests.support.stacks import Stack

LABELS = {"app": "ambient-access-key"}
DIGITS = "3f2a91bc"
NIGHTLY = f"ambient-key-nightly-build-{DIGITS}"
MADE_AT = "2026-03-01T09:00:00Z"
USED_AT = "2026-11-20T07:30:00Z"


def notes(**annotations: str) -> dict[str, str]:
    return {f"ambient-code.io/{name.replace('_', '-')}": value for name, value in annotations.items()}


def made_by_the_platform(stack: Stack, *, role: str = "edit", account: str = NIGHTLY, **changed: Any) -> str:
    """A key that somebody made on the Keys page and used since; its token."""
    make_account(stack, account, role, **changed)
    make_binding(stack, account, role)
    return token_of(stack.machine, stack.w, account)


def make_account(
    stack: Stack, account: str = NIGHTLY, role: str = "edit", labels: dict[str, str] | None = None
) -> None:
    annotations = notes(
        key_name="Nightly build", description="Builds main", role=role, created_at=MADE_AT, last_used_at=USED_AT,
        created_by_user_id="alice-example-com",
    )  # fmt: skip
    metadata = {"name": account, "labels": LABELS if labels is None else labels, "annotations": annotations}
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    stack.machine.create(f"/api/v1/namespaces/{stack.w}/serviceaccounts", body)


def make_binding(stack: Stack, account: str = NIGHTLY, role: str = "edit") -> None:
    name = account.replace("ambient-key-", f"ambient-key-{role}-", 1)
    annotations = notes(key_name="Nightly build", sa_name=account, role=role)
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "labels": LABELS, "annotations": annotations},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": f"ambient-project-{role}",
        },
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": stack.w}],
    }
    stack.machine.create(f"{RBAC}/{stack.w}/rolebindings", body)


def token_of(machine: Machine, workspace: str, account: str) -> str:
    """As the backend asks for it: bound to nothing."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7_776_000}}
    path = f"/api/v1/namespaces/{workspace}/serviceaccounts/{account}/token"
    answer = machine.admin().request("POST", path, json.dumps(body).encode())
    return machine.keep_secret(answer["status"]["token"], f"the platform's token of {account}")


def dump(stack: Stack) -> dict[str, Any]:
    """The whole objects of all keys in the workspace, with versions, times and field managers."""
    paths = (f"/api/v1/namespaces/{stack.w}/serviceaccounts", f"{RBAC}/{stack.w}/rolebindings")
    listed = ((path, stack.machine.get(f"{path}?labelSelector=app=ambient-access-key") or {}) for path in paths)
    return {f"{path}/{one['metadata']['name']}": one for path, found in listed for one in found["items"]}


@contextmanager
def watched(stack: Stack, token: str) -> Iterator[set[int]]:
    """All answers that a key gets meanwhile."""
    answers, over = set[int](), Event()

    def ask() -> None:
        while not over.wait(0.1):
            answers.add(stack.sessions(token))

    thread = Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()
