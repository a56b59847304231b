"""The platform's own programs in a guarded workspace: its pages do what they did, and it serves no attack."""

from collections.abc import Iterator

import pytest

from ambient_components.platform.contract import RUNNER_ACCOUNT_ANNOTATION, RUNNER_TOKEN_SECRET_ANNOTATION
from sandbox.backend import Backend
from sandbox.credentials import ALICE, BOB
from tests.engine.test_closing_platform import started
from tests.support import platform as ui
from tests.support.attacks import CORE, MERGE, PLATFORM, Bearer
from tests.support.guarded import GuardedStack
from tests.support.insider import WITH_INSIDER

FILE = f"{WITH_INSIDER}    secrets: {{runner: {{ANTHROPIC_API_KEY: {{config: anthropic}}}}}}\n"
CAROL = ui.Permission("user", "carol@example.com", "edit")


@pytest.fixture
def backend(platform_programs: None, stack: GuardedStack) -> Iterator[Backend]:
    stack.secret("anthropic")
    with Backend(stack.machine.cluster, operator=True) as backend:
        yield backend


@pytest.mark.platform
def test_a_day_on_the_pages(backend: Backend, stack: GuardedStack) -> None:
    """Alice has admin, Bob has edit; the next run finds what they shared, and nothing of its own changed."""
    stack.write(FILE)
    stack.up().ok()
    for user in (ALICE.name, BOB.name):
        ui.add_permission(backend, stack.w, CAROL, user=user)
        assert CAROL in ui.permissions(backend, stack.w)
        # The page answers 204 too where the guard refuses: with edit, Bob may take nothing back.
        ui.remove_permission(backend, stack.w, "user", CAROL.subject_name, user=user)
        assert (CAROL in ui.permissions(backend, stack.w)) is (user == BOB.name)
        ui.remove_permission(backend, stack.w, "user", CAROL.subject_name)
        assert CAROL not in ui.permissions(backend, stack.w)
        key = ui.create_key(backend, stack.w, "laptop", role="edit", user=user)
        token = stack.machine.keep_secret(key.token, "a key of the page")
        assert stack.sessions(token) == 200
        if user == BOB.name:
            path = f"/api/projects/{stack.w}/keys/{key.id}"
            assert backend.call("DELETE", path, user=user).status == 500
            assert stack.sessions(token) == 200
        ui.delete_key(backend, stack.w, key.id)
        assert key.id not in [one.id for one in ui.keys(backend, stack.w)]
    ui.save_integration_secrets(backend, stack.w, {"GITHUB_TOKEN": "made up"})
    ui.save_mcp_servers(backend, stack.w, ui.McpServers({}, ["webfetch"]))
    session = started(backend, stack, runs=True)
    sessions = f"/api/projects/{stack.w}/agentic-sessions"
    assert backend.call("POST", f"{sessions}/{session}/stop", user=BOB.name).status == 202
    stopped = f"{PLATFORM}/{stack.w}/agenticsessions/{session}"
    stack.machine.until(
        lambda: ((stack.machine.get(stopped) or {}).get("status") or {}).get("phase") == "Stopped", "stop"
    )
    assert backend.call("DELETE", f"{sessions}/{session}", user=ALICE.name).status == 204
    body = {"schedule": "0 6 * * *", "displayName": "Nightly", "sessionTemplate": {"initialPrompt": "Tidy up"}}
    made = backend.call("POST", f"/api/projects/{stack.w}/scheduled-sessions", body, user=BOB.name)
    assert made.status == 201, made
    (schedule,) = ui.schedules(backend, stack.w)
    ui.save_schedule(backend, stack.w, schedule["name"], body, user=BOB.name)
    ui.suspend_schedule(backend, stack.w, schedule["name"])
    assert stack.up("--refresh").ok().unchanged


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
