"""Claims of `ambient report` that are about the platform's own programs, tried with them: the backend and the operator.

Each test starts its own, since each wants them in another way.
"""

from collections.abc import Iterator

import pytest

from ambient_components.platform.contract import INTEGRATION_SECRET, MANAGED, MANAGED_LABEL, RUNNER_SECRET, Role
from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.attacks import CORE, CREATOR_NOTE, MERGE, World


@pytest.fixture
def w(world: World) -> str:
    """A workspace on the platform's list, with Alice as its admin."""
    workspace = world.namespace("payments")
    world.admin.can("PATCH", f"{CORE}/{workspace}", {"metadata": {"labels": {MANAGED_LABEL: MANAGED}}}, MERGE)
    world.grant(workspace, Role.ADMIN, "user:alice@example.com")
    world.secret(workspace, "anything", password="hunter2")
    return workspace


def sessions(workspace: str) -> str:
    return f"/api/projects/{workspace}/agentic-sessions"


def note(world: World, workspace: str, account: str, user: str) -> None:
    """Somebody with edit writes whom an account acts for."""
    edith, _ = world.person(workspace, Role.EDIT)
    body = {"metadata": {"annotations": {CREATOR_NOTE: user}}}
    assert edith.can("PATCH", f"{CORE}/{workspace}/serviceaccounts/{account}", body, MERGE)


def noted_key(world: World, workspace: str) -> tuple[str, str]:
    """A view key on which somebody with edit has named the admin of another workspace; that workspace, and a token."""
    other = world.namespace("vault")
    world.admin.can("PATCH", f"{CORE}/{other}", {"metadata": {"labels": {MANAGED_LABEL: MANAGED}}}, MERGE)
    world.grant(other, Role.ADMIN, "user:vaultkeeper")
    report = world.key(workspace, "report", Role.VIEW)
    note(world, workspace, report, "vaultkeeper")
    return other, world.bearer(f"serviceaccount:{workspace}:{report}").token


def test_with_sso_whoever_is_named_on_it_is_the_caller(
    platform_programs: None, world: World, w: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSO_ENABLED", "true")
    other, token = noted_key(world, w)
    with Backend(world.machine.cluster) as backend:
        assert backend.call("GET", sessions(other), token=token).status == 200
        assert backend.call("GET", f"/api/projects/{other}/permissions", token=token).status == 200
        assert backend.call("GET", sessions(w), token=token).status == 403


def test_without_sso_a_keys_own_binding_counts(platform_programs: None, world: World, w: str) -> None:
    other, token = noted_key(world, w)
    with Backend(world.machine.cluster) as backend:
        assert backend.call("GET", sessions(other), token=token).status == 403
        assert backend.call("GET", sessions(w), token=token).status == 200


STORE = {
    "STORAGE_MODE": "custom",
    "S3_ENDPOINT": "http://127.0.0.1:9",
    "S3_BUCKET": "sessions",
    "S3_ACCESS_KEY": "AKIAHUNTER2",
    "S3_SECRET_KEY": "hunter2-secret-key",
}


@pytest.fixture
def session(platform_programs: None, world: World, w: str) -> Iterator[str]:
    """A session in a workspace that has a bucket of its own, once the operator has made its pod; the session's name."""
    world.secret(w, INTEGRATION_SECRET, **STORE)
    world.secret(w, RUNNER_SECRET, ANTHROPIC_API_KEY="hunter2")
    with Backend(world.machine.cluster, operator=True) as backend:
        name = ui.create_session(backend, w, "Tidy up")
        pods = f"{CORE}/{w}/pods"
        world.machine.until(lambda: bool((world.machine.get(pods) or {})["items"]), "the session has its pod")
        yield name


def test_the_operator_writes_the_stores_credentials_into_pods(world: World, w: str, session: str) -> None:
    vera, _ = world.person(w, Role.VIEW)
    status, found = vera.send("GET", f"{CORE}/{w}/pods")
    assert status == 200
    (pod,) = found["items"]
    read = {
        variable["name"]: variable.get("value")
        for container in (*pod["spec"]["initContainers"], *pod["spec"]["containers"])
        for variable in container.get("env", ())
    }
    assert read["AWS_ACCESS_KEY_ID"] == STORE["S3_ACCESS_KEY"]
    assert read["AWS_SECRET_ACCESS_KEY"] == STORE["S3_SECRET_KEY"]
    assert vera.secret(w, INTEGRATION_SECRET) is None


def test_edit_is_a_session_that_the_operator_made(world: World, w: str, session: str) -> None:
    """With the Role that the operator gives it, not with our copy of that."""
    edith, _ = world.person(w, Role.EDIT)
    assert edith.secret(w, INTEGRATION_SECRET) is None
    taken = edith.mint(w, f"ambient-session-{session}")
    assert taken is not None
    assert taken.secret(w, INTEGRATION_SECRET) == STORE
    assert taken.secret(w, "anything") == {"password": "hunter2"}
    assert not taken.can("GET", f"{CORE}/{w}/secrets")
