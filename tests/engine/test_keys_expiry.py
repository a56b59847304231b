"""A key works, is refused what it may not do, and ends: by its own expiry, and by a revocation that nothing stops."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.machine import Machine, claims
from tests.support.stacks import Stack


@dataclass(frozen=True)
class Ending:
    """A token that is left alone to its end."""

    stack: Stack
    token: str
    expires: int
    """Seconds since 1970."""


@pytest.fixture(scope="session")
def ending(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ending]:
    """Minted once a session, by whichever test asks first; its workspace goes when all tests are over."""
    stack = Stack(machine, f"ending-{secrets.token_hex(2)}", tmp_path_factory.mktemp("ending"))
    stack.write("workspaces:\n  THIS: {protect: false, keys: {ci: {role: view, lifetime: 10m, rotate: manual}}}\n")
    stack.up().ok()
    token = stack.token("ci")
    yield Ending(stack, token, claims(token)["exp"])
    stack.remove()


def test_a_real_token_is_minted(ending: Ending) -> None:
    """First of all tests: conftest.py sees to it."""
    assert ending.stack.tokens("ci")["grantedSeconds"] == 600
    assert ending.stack.sessions(ending.token) == 200


ROLES = ("view", "edit", "admin")
SESSIONS = "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/agenticsessions"
SESSION = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "spec": {}}
REQUESTS = [
    ("GET", f"{SESSIONS}", (200, 200, 200)),
    ("POST", f"{SESSIONS}", (403, 200, 200)),
    ("GET", "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings", (403, 200, 200)),
    ("GET", "/api/v1/namespaces/{}/secrets", (403, 403, 200)),
    ("GET", f"{SESSIONS.format('default')}", (403, 403, 403)),
    ("GET", "/api/v1/namespaces", (403, 403, 403)),
]
"""What keys of the three roles are answered."""


def test_a_key_may_what_its_role_may_and_nothing_once_it_is_removed(stack: Stack) -> None:
    machine = stack.machine
    keys = "".join(f"      a-{role}: {{role: {role}}}\n" for role in ROLES)
    allow = "    exceptions: [{guardrail: adminKey, reason: every role is tried}]\n"
    stack.write(f"workspaces:\n  THIS:\n    protect: false\n    keys:\n{keys}{allow}")
    stack.up().ok()
    tokens = {role: stack.token(f"a-{role}") for role in ROLES}

    def answers(method: str, path: str) -> tuple[int, ...]:
        bodies = {role: SESSION | {"metadata": {"name": f"by-{role}"}} for role in ROLES if method == "POST"}
        return tuple(
            machine.request(method, path.format(stack.w), token=token, body=bodies.get(role))
            for role, token in tokens.items()
        )

    assert [(method, path, answers(method, path)) for method, path, _ in REQUESTS] == REQUESTS
    stack.write("workspaces:\n  THIS: {protect: false}\n")
    stack.up().ok()
    for role, token in tokens.items():
        stack.ended(token, f"the removed {role} key")
    assert [answers(method, path) for method, path, _ in REQUESTS] == [(401, 401, 401)] * len(REQUESTS)


def test_a_failure_elsewhere_stops_no_revocation(stack: Stack) -> None:
    text = "workspaces:\n  THIS:\n    protect: false\n    keys:\n      ci: {role: view, lifetime: 30d}\n"
    stack.write(f"{text}      leaving: {{role: view}}\n  THIS-b: {{protect: false}}\n")
    stack.up().ok()
    old, leaving = stack.token("ci"), stack.token("leaving")
    stack.up(offset="23d").ok()
    new = stack.token("ci")
    assert [stack.sessions(token) for token in (old, new, leaving)] == [200, 200, 200]
    stack.machine.fill(f"{stack.w}-b", "serviceaccounts", 0)
    stack.write(f"{text}  THIS-b: {{protect: false, keys: {{bad: {{}}}}}}\n")
    assert stack.environment["PULUMI_CONTINUE_ON_ERROR"] == "true"
    stack.up(offset="27d").refused("exceeded quota")
    stack.ended(old, "the token whose overlap is over")
    stack.ended(leaving, "the key that left the file")
    assert stack.sessions(new) == 200
    assert len(stack.token_secrets()) == 1


@pytest.mark.timeout(900)
def test_a_real_token_has_expired(ending: Ending) -> None:
    """Last of all tests: conftest.py sees to it. Alone, it waits for the whole ten minutes."""
    stack = ending.stack
    if (left := ending.expires - time.time()) > 5:
        time.sleep(left - 5)
        assert stack.sessions(ending.token) == 200
    # The API server takes a token for a minute more, as clocks may differ (go-jose, DefaultLeeway), and caches that.
    late = ending.expires + 60 + 15 - time.time()
    stack.machine.until(lambda: stack.sessions(ending.token) == 401, "a token that has expired", seconds=max(late, 15))
    # Nobody has revoked it: this is the expiry itself.
    assert stack.token_secrets() == [stack.tokens("ci")["current"]["handle"]]
