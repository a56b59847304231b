"""Every claim of `ambient report`, tried on the real API server by whoever it names: the yes and the no.

`CLAIMS` says which test holds which claim, and tests/unit/access/test_escalation.py that no path is without both.
Those about the platform's own programs are tried with them, in test_escalation_platform.py.
"""

import json

import pytest

from ambient_components.platform.contract import INTEGRATION_SECRET, RUNNER_SECRET, Role
from tests.support.attacks import (
    CORE,
    CREATOR_NOTE,
    MERGE,
    PLATFORM,
    RBAC,
    REVIEWS,
    Bearer,
    World,
    asked,
    binding,
    known,
)
from tests.support.stacks import Stack

CLAIMS = {
    "adminKey": {
        "yes": ["test_edit_takes_an_admin_keys_power_and_keeps_it_until_a_new_identity"],
        "no": ["test_edit_alone_is_no_admin", "test_view_mints_nothing"],
    },
    "account": {
        "yes": ["test_edit_of_one_workspace_takes_a_role_in_another", "test_edit_takes_the_role_of_an_own_account"],
        "no": ["test_edit_of_one_workspace_has_nothing_in_another"],
    },
    "actingKey": {
        "yes": [
            "test_edit_takes_an_admin_keys_power_and_keeps_it_until_a_new_identity",
            "test_with_sso_whoever_is_named_on_it_is_the_caller",
        ],
        "no": ["test_view_mints_nothing", "test_without_sso_a_keys_own_binding_counts"],
    },
    "staticKey": {
        "yes": ["test_a_session_reads_a_static_token"],
        "no": ["test_edit_reads_the_runner_secret_and_no_other"],
    },
    "creatorNote": {
        "yes": ["test_edit_writes_whom_an_account_acts_for", "test_with_sso_whoever_is_named_on_it_is_the_caller"],
        "no": ["test_view_writes_nothing_on_an_account", "test_without_sso_a_keys_own_binding_counts"],
    },
    "sessionUser": {
        "yes": ["test_edit_starts_a_session_of_any_user"],
        "no": ["test_view_starts_no_session"],
    },
    "actingSchedule": {
        "yes": ["test_edit_starts_a_session_of_any_user"],
        "no": ["test_edit_writes_no_schedule_in_the_kubernetes_api", "test_view_starts_no_session"],
    },
    "storeInPods": {
        "yes": ["test_view_reads_pods", "test_the_operator_writes_the_stores_credentials_into_pods"],
        "no": ["test_view_reads_no_secret"],
    },
    "keptToken": {
        "yes": ["test_edit_takes_an_admin_keys_power_and_keeps_it_until_a_new_identity", "test_a_key_keeps_itself"],
        "no": ["test_a_new_identity_ends_what_was_minted", "test_the_remedy_of_the_report_ends_what_was_minted"],
    },
    "sessionSecrets": {
        "yes": ["test_a_session_reads_every_secret_by_name"],
        "no": ["test_a_session_lists_no_secrets", "test_view_reads_no_secret"],
    },
    "platformAccount": {
        "yes": ["test_edit_reads_every_secret_with_a_sessions_token", "test_edit_is_a_session_that_the_operator_made"],
        "no": ["test_edit_reads_the_runner_secret_and_no_other", "test_view_mints_nothing"],
    },
    "runnerSecret": {
        "yes": ["test_edit_reads_the_runner_secret_and_no_other"],
        "no": ["test_view_reads_no_secret"],
    },
    "grantsEdit": {
        "yes": ["test_edit_grants_edit", "test_edit_stays_by_an_account_of_its_own"],
        "no": ["test_edit_grants_neither_view_nor_admin", "test_view_grants_nothing"],
    },
    "removesAccess": {
        "yes": ["test_edit_removes_an_admins_grant"],
        "no": ["test_view_removes_nothing"],
    },
    "deliveredKey": {
        "yes": ["test_whoever_reads_the_secret_elsewhere_has_the_key"],
        "no": ["test_edit_does_not_reach_a_secret_elsewhere"],
    },
    "pipeline": {
        "yes": ["test_whoever_has_a_pipelines_name_has_its_role"],
        "no": ["test_another_pipelines_name_has_nothing"],
    },
}  # fmt: skip
"""Tests by path and answer; those of a path's `no` show where its power ends, or who does not have it."""


@pytest.fixture
def w(world: World) -> str:
    """A workspace, with a secret that nobody but admins should read."""
    workspace = world.namespace("payments")
    world.secret(workspace, "anything", password="hunter2")
    return workspace


def does_what_only_admin_may(who: Bearer, workspace: str) -> bool:
    """Lists Secrets, and deletes a session."""
    lists = who.can("GET", f"{CORE}/{workspace}/secrets")
    body = {
        "apiVersion": "vteam.ambient-code/v1alpha1",
        "kind": "AgenticSession",
        "metadata": {"name": "old"},
        "spec": {},
    }
    path = f"{PLATFORM}/{workspace}/agenticsessions"
    Bearer(who.machine, who.machine.cluster.token_of("sandbox-admin")).send("POST", path, body)
    assert who.can("DELETE", f"{path}/old") is lists
    return lists


# Minting


def test_edit_takes_an_admin_keys_power_and_keeps_it_until_a_new_identity(world: World, w: str) -> None:
    edith, grant = world.person(w, Role.EDIT)
    root = world.key(w, "root", Role.ADMIN)
    assert not does_what_only_admin_may(edith, w)
    taken = edith.mint(w, root)
    assert taken is not None
    assert does_what_only_admin_may(taken, w)
    world.machine.delete(grant)
    world.machine.until(lambda: edith.mint(w, root) is None, "the grant is gone")
    assert does_what_only_admin_may(taken, w)
    world.key(w, "root", Role.ADMIN, generation=2)
    world.machine.delete(f"{CORE}/{w}/serviceaccounts/{root}")
    world.machine.until(lambda: taken.ended(w), "the account of the generation before is gone")


def test_edit_alone_is_no_admin(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    world.key(w, "ci", Role.EDIT)
    world.key(w, "report", Role.VIEW)
    assert not does_what_only_admin_may(edith, w)
    for key_id in ("ci", "report"):
        taken = edith.mint(w, world.key(w, key_id, Role.VIEW, generation=2))
        assert taken is not None
        assert not does_what_only_admin_may(taken, w)


def test_view_mints_nothing(world: World, w: str) -> None:
    vera, _ = world.person(w, Role.VIEW)
    accounts = [world.key(w, "root", Role.ADMIN), world.key(w, "report", Role.VIEW), world.session(w), "default"]
    assert [vera.mint(w, account) for account in accounts] == [None] * 4


def test_a_key_keeps_itself(world: World, w: str) -> None:
    """Whoever has a leaked edit key has its power beyond that token's end."""
    ci = world.key(w, "ci", Role.EDIT)
    leaked = world.bearer(f"serviceaccount:{w}:{ci}")
    kept = leaked.mint(w, ci)
    assert kept is not None
    assert kept.token != leaked.token
    assert kept.mint(w, ci) is not None


def test_a_new_identity_ends_what_was_minted(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    report = world.key(w, "report", Role.VIEW)
    kept = edith.mint(w, report)
    assert kept is not None
    assert not kept.ended(w)
    world.machine.delete(f"{CORE}/{w}/serviceaccounts/{report}")
    world.machine.until(lambda: kept.ended(w), "a token of the generation before is refused")


def test_edit_of_one_workspace_takes_a_role_in_another(world: World, w: str) -> None:
    other = world.namespace("other")
    edith, _ = world.person(other, Role.EDIT)
    world.grant(w, Role.ADMIN, world.account(other, "bot"))
    world.grant(w, Role.VIEW, f"group:system:serviceaccounts:{other}")
    bot, any_account = edith.mint(other, "bot"), edith.mint(other, world.session(other))
    assert bot is not None
    assert does_what_only_admin_may(bot, w)
    assert any_account is not None
    assert any_account.can("GET", f"{PLATFORM}/{w}/agenticsessions")


def test_edit_takes_the_role_of_an_own_account(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    world.grant(w, Role.ADMIN, world.account(w, "bot"))
    bot = edith.mint(w, "bot")
    assert bot is not None
    assert does_what_only_admin_may(bot, w)


def test_edit_of_one_workspace_has_nothing_in_another(world: World, w: str) -> None:
    other = world.namespace("other")
    edith, _ = world.person(other, Role.EDIT)
    vera, _ = world.person(other, Role.VIEW)
    world.grant(w, Role.ADMIN, world.account(other, "bot"))
    assert not edith.can("GET", f"{PLATFORM}/{w}/agenticsessions")
    assert edith.mint(w, world.key(w, "root", Role.ADMIN)) is None
    assert vera.mint(other, "bot") is None


def test_edit_writes_whom_an_account_acts_for(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    path = f"{CORE}/{w}/serviceaccounts/{world.key(w, 'report', Role.VIEW)}"
    note = {"metadata": {"annotations": {CREATOR_NOTE: "alice"}}}
    assert edith.can("PATCH", path, note, MERGE)
    written = world.machine.get(path)
    assert written is not None
    assert written["metadata"]["annotations"][CREATOR_NOTE] == "alice"


def test_view_writes_nothing_on_an_account(world: World, w: str) -> None:
    vera, _ = world.person(w, Role.VIEW)
    path = f"{CORE}/{w}/serviceaccounts/{world.key(w, 'report', Role.VIEW)}"
    assert not vera.can("PATCH", path, {"metadata": {"annotations": {CREATOR_NOTE: "alice"}}}, MERGE)


def as_alice(name: str) -> dict[str, object]:
    context = {"userId": "alice", "displayName": "alice", "groups": []}
    body = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "metadata": {"name": name}}
    return {**body, "spec": {"initialPrompt": "x", "userContext": context}}


def test_edit_starts_a_session_of_any_user(world: World, w: str) -> None:
    """By reading, the platform then gives Alice's integrations to that session (BH/runtime_credentials.go:65-150)."""
    edith, _ = world.person(w, Role.EDIT)
    path = f"{PLATFORM}/{w}/agenticsessions"
    assert edith.can("POST", path, as_alice("run-1"))
    made = world.machine.get(f"{path}/run-1")
    assert made is not None
    assert made["spec"]["userContext"]["userId"] == "alice"


def test_view_starts_no_session(world: World, w: str) -> None:
    vera, _ = world.person(w, Role.VIEW)
    assert not vera.can("POST", f"{PLATFORM}/{w}/agenticsessions", as_alice("run-1"))


def test_edit_writes_no_schedule_in_the_kubernetes_api(world: World, w: str) -> None:
    """The platform's API writes one for edit, with the backend's own account."""
    edith, _ = world.person(w, Role.EDIT)
    path = f"/apis/batch/v1/namespaces/{w}/cronjobs"
    assert [edith.can("GET", path), edith.can("POST", path, {"metadata": {"name": "schedule-1"}})] == [False, False]


# Secrets


def test_a_session_reads_a_static_token(world: World, w: str) -> None:
    name = world.static_token(w, world.key(w, "nightly", Role.EDIT))
    session = world.bearer(f"serviceaccount:{w}:{world.session(w)}")
    read = session.secret(w, name)
    assert read is not None
    nightly = Bearer(world.machine, world.machine.keep_secret(read["token"], "a static token"))
    assert not session.can("POST", f"{CORE}/{w}/secrets", {"metadata": {"name": "new"}})
    assert nightly.can("POST", f"{CORE}/{w}/secrets", {"metadata": {"name": "new"}})


def test_a_session_reads_every_secret_by_name(world: World, w: str) -> None:
    world.secret(w, INTEGRATION_SECRET, GITHUB_TOKEN="hunter2", S3_SECRET_KEY="hunter3")
    session = world.bearer(f"serviceaccount:{w}:{world.session(w)}")
    assert session.secret(w, INTEGRATION_SECRET) == {"GITHUB_TOKEN": "hunter2", "S3_SECRET_KEY": "hunter3"}
    assert session.secret(w, "anything") == {"password": "hunter2"}


def test_a_session_lists_no_secrets(world: World, w: str) -> None:
    session = world.bearer(f"serviceaccount:{w}:{world.session(w)}")
    assert not session.can("GET", f"{CORE}/{w}/secrets")
    assert session.mint(w, "default") is None


def test_edit_reads_every_secret_with_a_sessions_token(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    world.account(w, "ambient-session-trigger")
    assert edith.secret(w, "anything") is None
    assert edith.mint(w, "ambient-session-trigger") is not None
    session = edith.mint(w, world.session(w))
    assert session is not None
    assert session.secret(w, "anything") == {"password": "hunter2"}


def test_edit_reads_the_runner_secret_and_no_other(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    for name in (RUNNER_SECRET, INTEGRATION_SECRET):
        world.secret(w, name, KEY="hunter2")
    static = world.static_token(w, world.key(w, "nightly", Role.VIEW))
    assert edith.secret(w, RUNNER_SECRET) == {"KEY": "hunter2"}
    assert [edith.secret(w, name) for name in (INTEGRATION_SECRET, "anything", static)] == [None] * 3
    assert not edith.can("GET", f"{CORE}/{w}/secrets")


def test_view_reads_no_secret(world: World, w: str) -> None:
    vera, _ = world.person(w, Role.VIEW)
    for name in (RUNNER_SECRET, INTEGRATION_SECRET):
        world.secret(w, name, KEY="hunter2")
    assert [vera.secret(w, name) for name in (RUNNER_SECRET, INTEGRATION_SECRET, "anything")] == [None] * 3


def test_view_reads_pods(world: World, w: str) -> None:
    container = {"name": "state-sync", "image": "x", "env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "run-1"}, "spec": {"containers": [container]}}
    world.machine.until(
        lambda: world.machine.get(f"{CORE}/{w}/serviceaccounts/default") is not None, "the namespace has its account"
    )
    world.machine.create(f"{CORE}/{w}/pods", pod)
    vera, _ = world.person(w, Role.VIEW)
    status, seen = vera.send("GET", f"{CORE}/{w}/pods/run-1")
    assert status == 200
    assert seen["spec"]["containers"][0]["env"] == container["env"]


def test_whoever_reads_the_secret_elsewhere_has_the_key(world: World, w: str) -> None:
    elsewhere = world.namespace("ci")
    ci = world.bearer(f"serviceaccount:{w}:{world.key(w, 'ci', Role.EDIT)}")
    world.secret(elsewhere, "payments-key", token=ci.token)
    reader, _ = world.person(elsewhere, Role.ADMIN)
    assert not reader.can("GET", f"{PLATFORM}/{w}/agenticsessions")
    read = reader.secret(elsewhere, "payments-key")
    assert read is not None
    assert Bearer(world.machine, read["token"]).can("GET", f"{PLATFORM}/{w}/agenticsessions")


def test_edit_does_not_reach_a_secret_elsewhere(world: World, w: str) -> None:
    elsewhere = world.namespace("ci")
    world.secret(elsewhere, "payments-key", token="hunter2")
    edith, _ = world.person(w, Role.EDIT)
    session = world.bearer(f"serviceaccount:{w}:{world.session(w)}")
    assert [who.secret(elsewhere, "payments-key") for who in (edith, session)] == [None, None]


# Granting


def test_edit_grants_edit(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    friend = world.account(world.people, "friend")
    assert not world.bearer(friend).can("GET", f"{PLATFORM}/{w}/agenticsessions")
    assert edith.bind(w, Role.EDIT, friend)
    assert world.bearer(friend).can("GET", f"{PLATFORM}/{w}/agenticsessions")


def test_edit_stays_by_an_account_of_its_own(world: World, w: str) -> None:
    edith, grant = world.person(w, Role.EDIT)
    assert edith.can("POST", f"{CORE}/{w}/serviceaccounts", {"metadata": {"name": "mine"}})
    assert edith.bind(w, Role.EDIT, f"serviceaccount:{w}:mine")
    mine = edith.mint(w, "mine")
    assert mine is not None
    world.machine.delete(grant)
    world.machine.until(lambda: edith.mint(w, "mine") is None, "the grant is gone")
    assert mine.mint(w, "mine") is not None


def test_edit_grants_neither_view_nor_admin(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    friend = world.account(world.people, "friend")
    assert [edith.bind(w, role, friend) for role in (Role.VIEW, Role.ADMIN)] == [False, False]
    anna, _ = world.person(w, Role.ADMIN)
    assert [anna.bind(w, role, friend) for role in Role] == [True] * 3


def test_view_grants_nothing(world: World, w: str) -> None:
    vera, _ = world.person(w, Role.VIEW)
    friend = world.account(world.people, "friend")
    assert [vera.bind(w, role, friend) for role in Role] == [False] * 3


def test_edit_removes_an_admins_grant(world: World, w: str) -> None:
    edith, _ = world.person(w, Role.EDIT)
    anna, grant = world.person(w, Role.ADMIN)
    world.machine.until(lambda: anna.can("GET", f"{CORE}/{w}/secrets"), "the API server knows the admin's grant")
    assert edith.can("DELETE", grant)
    world.machine.until(lambda: not anna.can("GET", f"{CORE}/{w}/secrets"), "the admin's grant is gone")


def test_view_removes_nothing(world: World, w: str) -> None:
    vera, _ = world.person(w, Role.VIEW)
    _, grant = world.person(w, Role.ADMIN)
    assert not vera.can("DELETE", grant)
    assert not vera.can("GET", f"{RBAC}/{w}/rolebindings")


# Pipelines: who gets which name is in test_keyless.py.

PIPELINE = "pipeline:github:acme/payments:123456@main"


def test_whoever_has_a_pipelines_name_has_its_role(world: World, w: str) -> None:
    world.machine.create(f"{RBAC}/{w}/rolebindings", binding("pipeline", Role.EDIT, PIPELINE))
    known(world.machine, w, PIPELINE)


@pytest.mark.parametrize("name", ["123456@other", "654321@main", "123456@environment:main", "123456@tag:*"])
def test_another_pipelines_name_has_nothing(name: str, world: World, w: str) -> None:
    world.machine.create(f"{RBAC}/{w}/rolebindings", binding("pipeline", Role.EDIT, PIPELINE))
    known(world.machine, w, PIPELINE)
    review = asked(w, f"pipeline:github:acme/payments:{name}")
    assert world.machine.create(REVIEWS, review)["status"]["allowed"] is False


# The report itself

BESIDE_EDIT = """
workspaces:
  THIS:
    protect: false
    grants: [{group: payments-devs, role: edit}]
    keys: {root: {role: admin}}
    exceptions: [{guardrail: adminKey, reason: a test of what it comes to}]
"""
APART = """
guardrails: {isolateAdminKeys: true}
workspaces:
  THIS:
    protect: false
    grants: [{group: payments-devs, role: edit}]
    keys: {root: {role: view, generation: 2}}
"""


def test_the_remedy_of_the_report_ends_what_was_minted(stack: Stack) -> None:
    """What it says of a deployed stack is so; after what it says to change it says it no more, and it is over."""
    stack.write(BESIDE_EDIT)
    stack.up().ok()
    received = stack.ambient("report", stack.name, "--verbose", "--fail-on", "high")
    assert received.code == 2, received.text
    assert "high    group:payments-devs (edit) can become admin" in received.text
    declared, deployed = (
        json.loads(stack.ambient("report", stack.name, "--format", "json", *flags).text) for flags in (["--files"], [])
    )
    assert declared["findings"] == deployed["findings"]
    (root,) = stack.accounts()
    taken = Bearer(stack.machine, stack.machine.mint(stack.w, root, user="bob@example.com"))
    assert does_what_only_admin_may(taken, stack.w)
    stack.write(APART)
    assert stack.ambient("report", stack.name, "--files", "--fail-on", "high").code == 0
    stack.up().ok()
    stack.machine.until(lambda: taken.ended(stack.w), "what was minted of the generation before is refused")
    assert stack.ambient("report", stack.name, "--fail-on", "high").code == 0
