"""The platform's own programs in a guarded workspace: its pages do what they did, and it serves no attack."""

from collections.abc import Iterator

import pytest

from ambient_components.platform.contract import RUNNER_ACCOUNT_ANNOTATION, RUNNER_TOKEN_SECRET_ANNOTATION
from sandbox.backend import Backend
from sandbox.credentials import BOB
from tests.engine.guard.day import a_day
from tests.engine.test_closing_platform import started
from tests.support.attacks import CORE, MERGE, PLATFORM, Bearer
from tests.support.guarded import GuardedStack
from tests.support.insider import WITH_INSIDER

FILE = f"{WITH_INSIDER}    secrets: {{runner: {{ANTHROPIC_API_KEY: {{config: anthropic}}}}}}\n"


@pytest.fixture
def backend(platform_programs: None, stack: GuardedStack) -> Iterator[Backend]:
    stack.secret("anthropic")
    with Backend(stack.machine.cluster, operator=True) as backend:
        yield backend


@pytest.mark.platform
def test_a_day_on_the_pages(backend: Backend, stack: GuardedStack) -> None:
    stack.write(FILE)
    stack.up().ok()
    a_day(backend, stack)


@pytest.mark.platform
@pytest.mark.parametrize("guarded", [False, True])
def test_the_operator_writes_the_token_of_an_account_that_is_noted(
    backend: Backend, stack: GuardedStack, guarded: bool
) -> None:
    """Without the guard, Bob has the operator write a token of the key `ci` into a Secret of his: it mints for him."""
    (stack.write if guarded else super(GuardedStack, stack).write)(FILE)
    stack.up().ok()
    bob = Bearer(stack.machine, stack.machine.cluster.token_of(BOB.name))
    assert bob.can("POST", f"{CORE}/{stack.w}/secrets", {"metadata": {"name": "mine"}, "data": {"x": "eA=="}})
    (account,) = stack.accounts()
    session = f"{PLATFORM}/{stack.w}/agenticsessions/{started(backend, stack, runs=True)}"
    notes = {RUNNER_ACCOUNT_ANNOTATION: account, RUNNER_TOKEN_SECRET_ANNOTATION: "mine"}
    assert bob.can("PATCH", session, {"metadata": {"annotations": notes}}, MERGE) is not guarded
    if guarded:
        return
    admin = Bearer(stack.machine, stack.machine.cluster.token_of("sandbox-admin"))
    stack.machine.until(lambda: "k8s-token" in (admin.secret(stack.w, "mine") or {}), "the operator wrote a token")
    token = stack.machine.keep_secret((admin.secret(stack.w, "mine") or {})["k8s-token"], "a token of the key")
    me = Bearer(stack.machine, token).send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})[1]
    assert me["status"]["userInfo"]["username"] == f"system:serviceaccount:{stack.w}:{account}"
