"""Keys as the platform's backend makes them (contract 1.4), and what their objects look like."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from sandbox.ui_style import UiKey, UiWorkspace
from tests.support.life import RBAC
from tests.support.machine import Machine
from tests.support.stacks import Stack

KEY = UiKey("Nightly build", description="Builds main", last_used="2026-11-20T07:30:00Z")


def made_by_the_platform(stack: Stack, key: UiKey = KEY) -> str:
    """A key that somebody made on the Keys page and used since; its token."""
    make_account(stack, key)
    make_binding(stack, key)
    return token_of(stack.machine, stack.w, key.account)


def make_account(stack: Stack, key: UiKey = KEY, labels: dict[str, str] | None = None) -> None:
    (path, body), _ = UiWorkspace(stack.w).of_key(key)
    if labels is not None:
        body["metadata"]["labels"] = labels
    stack.machine.create(path, body)


def make_binding(stack: Stack, key: UiKey = KEY) -> None:
    _, (path, body) = UiWorkspace(stack.w).of_key(key)
    stack.machine.create(path, body)


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
    return {f"{path}/{item['metadata']['name']}": item for path, found in listed for item in found["items"]}


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
