"""A key whose account lives in another namespace, at the platform's own backend: what works and what does not.

docs/internals/adr/0017 rests on these.
"""

import pytest

from ambient_components.platform.contract import (
    APP_LABEL,
    KEY_APP,
    LAST_USED_AT_ANNOTATION,
    MANAGED,
    MANAGED_LABEL,
    SA_NAME_ANNOTATION,
    Role,
)
from sandbox.backend import Backend
from tests.support import platform as ui
from tests.support.attacks import CORE, MERGE, RBAC, World, binding


@pytest.fixture
def w(world: World) -> str:
    """A workspace on the platform's list, with Alice as its admin."""
    workspace = world.namespace("payments")
    world.admin.can("PATCH", f"{CORE}/{workspace}", {"metadata": {"labels": {MANAGED_LABEL: MANAGED}}}, MERGE)
    world.grant(workspace, Role.ADMIN, "user:alice@example.com")
    return workspace


def sessions(workspace: str) -> str:
    return f"/api/projects/{workspace}/agentic-sessions"


def elsewhere(world: World, workspace: str) -> tuple[str, str, str]:
    """A key of a workspace whose account lives in another namespace, bound and marked as the platform binds keys."""
    vault = world.namespace("keys")
    account = "ambient-key-root-0badc0de"
    subject = world.account(vault, account, labels={APP_LABEL: KEY_APP})
    body = binding("ambient-key-admin-root-0badc0de", Role.ADMIN, subject, {APP_LABEL: KEY_APP})
    body["metadata"]["annotations"] = {SA_NAME_ANNOTATION: account}
    world.machine.create(f"{RBAC}/{workspace}/rolebindings", body)
    return vault, account, world.bearer(subject).token


def test_a_key_whose_account_lives_elsewhere_works_and_is_out_of_reach_of_edit(
    world: World, w: str, platform: Backend
) -> None:
    vault, account, token = elsewhere(world, w)
    assert platform.call("GET", sessions(w), token=token).status == 200
    assert platform.call("GET", f"/api/projects/{w}/permissions", token=token).status == 200
    edith, _ = world.person(w, Role.EDIT)
    assert edith.mint(vault, account) is None


def test_a_key_whose_account_lives_elsewhere_is_on_no_keys_page_of_its_workspace(
    world: World, w: str, platform: Backend
) -> None:
    vault, account, token = elsewhere(world, w)
    assert platform.call("GET", sessions(w), token=token).status == 200
    assert ui.keys(platform, w) == []
    used = f"{CORE}/{vault}/serviceaccounts/{account}"
    world.machine.until(
        lambda: LAST_USED_AT_ANNOTATION in ((world.machine.get(used) or {})["metadata"].get("annotations") or {}),
        "its last use is noted where the account is",
    )


def test_revoking_a_key_whose_account_lives_elsewhere_leaves_its_tokens_valid(
    world: World, w: str, platform: Backend
) -> None:
    """Only by a call that names the account: no page has a button for it."""
    vault, account, token = elsewhere(world, w)
    ui.delete_key(platform, w, account)
    world.machine.until(
        lambda: platform.call("GET", sessions(w), token=token).status == 403, "the binding is gone, the token is not"
    )
    assert world.machine.get(f"{CORE}/{vault}/serviceaccounts/{account}") is not None
