"""Attacks on `--now`: whatever the insider prepared, a leaked key is refused once the command has ended.

The exit code says whether all is as it should be; that the old token is refused does not depend on it.
"""

import json
from typing import Any

import pytest

from ambient_components.platform.contract import (
    BOUND_OBJECT,
    BOUND_OBJECT_LABEL,
    ISSUED_AT_ANNOTATION,
    KEY_GENERATION_ANNOTATION,
    KEY_LABEL,
    OWNER_ANNOTATION,
    SERVICE_ACCOUNT_ANNOTATION,
    Role,
)
from ambient_components.platform.naming import key_account, key_role_binding
from tests.support.attacks import CORE, RBAC
from tests.support.insider import WITH_INSIDER, Insider
from tests.support.stacks import Result

KEPT = {"metadata": {"finalizers": ["insider.example/keep"]}}
DELIVERED = """\
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants:
      - {user: bob@example.com, role: edit}
    keys:
      ci: {role: edit, deliver: {secret: {namespace: THIS-ops, name: ci-key}}, retain: none}
"""


def rotate_now(insider: Insider) -> Result:
    """The command of the night."""
    stack = insider.stack
    return stack.ambient("keys", "rotate", stack.name, f"{stack.w}/ci", "--leaked", "--now")


def revoke_now(insider: Insider) -> Result:
    stack = insider.stack
    return stack.ambient("keys", "revoke", stack.name, f"{stack.w}/ci", "--now")


def refused(insider: Insider, token: str) -> bool:
    """Whether the API server refuses a token at this moment."""
    return insider.stack.sessions(token) == 401


def forge(insider: Insider, account: str, name: str, **notes: str) -> None:
    """A Secret that looks like the token Secret of an account."""
    labels = {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci"}
    annotations = {SERVICE_ACCOUNT_ANNOTATION: account, **notes}
    insider.create("secrets", {"metadata": {"name": name, "labels": labels, "annotations": annotations}})


def test_a_stale_checkout_rotates_the_deployed_key(insider: Insider) -> None:
    """7: `rotate --leaked --now` on a stale checkout ends the key that is deployed."""
    stack, first = insider.stack, insider.stack.token("ci")
    done = rotate_now(insider).ok()
    assert refused(insider, first)
    assert "1 known token refused (401), which worked before" in done.text
    leaked = stack.token("ci")
    assert not refused(insider, leaked)
    stack.write(WITH_INSIDER)  # without the generation that was deployed
    done = rotate_now(insider).ok()
    assert "generation 1 -> 3 (2 is deployed), no overlap" in done.text
    assert refused(insider, leaked)
    assert not refused(insider, stack.token("ci"))


def test_an_account_that_the_state_has_lost(insider: Insider) -> None:
    """7: `rotate --leaked --now` ends a key whose account the state has lost."""
    stack, leaked = insider.stack, insider.stack.token("ci")
    stack.edit_state(_without_the_account)  # no plan deletes it
    done = rotate_now(insider).ok()
    assert refused(insider, leaked)
    assert "generation 1 is over: its ServiceAccount is gone" in done.text


def test_a_finalizer_on_the_keys_account(insider: Insider) -> None:
    """14: A finalizer on a key's account does not keep a leaked key alive through `rotate --leaked --now`."""
    leaked = insider.stack.token("ci")
    insider.patch("serviceaccounts", insider.account_of("ci", 1), KEPT)
    rotate_now(insider).ok()
    assert refused(insider, leaked)


def test_a_finalizer_on_a_revoked_keys_account(insider: Insider) -> None:
    """14: A finalizer on a key's account does not keep a key alive through `revoke --now`."""
    leaked = insider.stack.token("ci")
    insider.patch("serviceaccounts", insider.account_of("ci", 1), KEPT)
    revoke_now(insider).ok()
    assert refused(insider, leaked)


def test_forged_token_secrets_and_a_revocation(insider: Insider) -> None:
    """3: Forged token Secrets do not keep a key alive through `revoke --now`."""
    leaked, account = insider.stack.token("ci"), insider.account_of("ci", 1)
    forge(insider, account, "foreign", **{OWNER_ANNOTATION: "somebody/else"})
    forge(insider, account, "overflow", **{ISSUED_AT_ANNOTATION: "0001-01-01T00:00:00+23:59"})
    forge(insider, account, "digits", **{KEY_GENERATION_ANNOTATION: "9" * 5000})
    done = revoke_now(insider)
    assert refused(insider, leaked), done.text
    assert "generation 1 is over" in done.text


def test_forged_token_secrets_of_the_next_generation(insider: Insider) -> None:
    """3: A forged token Secret of the next generation does not keep a key alive through `rotate --leaked --now`."""
    leaked = insider.stack.token("ci")
    forge(insider, insider.account_of("ci", 2), "foreign", **{OWNER_ANNOTATION: "somebody/else"})
    done = rotate_now(insider)
    assert refused(insider, leaked), done.text
    assert "generation 1 is over" in done.text


def test_a_squatted_binding_of_the_next_generation(insider: Insider) -> None:
    """3: A binding under the next key's name does not keep a leaked key alive through `rotate --leaked --now`."""
    stack, leaked = insider.stack, insider.stack.token("ci")
    # A Role of his own, which gives nothing: no roleRef can be changed afterwards.
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "own"}, "rules": []}
    assert insider.bearer.can("POST", f"{RBAC}/{stack.w}/roles", role)
    name = key_role_binding(Role.EDIT, key_account(stack.w, "ci", 2))
    role_ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "own"}
    insider.bind({"metadata": {"name": name}, "roleRef": role_ref, "subjects": []})
    done = rotate_now(insider)
    assert refused(insider, leaked), done.text
    assert "generation 1 is over" in done.text


@pytest.mark.slow
def test_an_immutable_delivered_secret(insider: Insider) -> None:
    """12: An immutable delivered Secret does not keep a leaked key alive through `rotate --leaked --now`."""
    stack = insider.stack
    ops = f"{stack.w}-ops"
    stack.machine.create(CORE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ops}})
    stack.write(DELIVERED)
    stack.up().ok()
    path = f"{CORE}/{ops}/secrets/ci-key"
    leaked = (stack.delivered("ci-key", ops) or {})["token"]
    assert not refused(insider, leaked)
    _immutable(insider, path)
    done = rotate_now(insider)
    assert refused(insider, leaked), done.text
    assert "generation 1 is over" in done.text


def _immutable(insider: Insider, path: str) -> None:
    """Who may write Secrets where it is delivered makes it immutable."""
    body = json.dumps({"immutable": True}).encode()
    insider.stack.machine.admin().request("PATCH", path, body, "application/merge-patch+json")


def _without_the_account(deployment: dict[str, Any]) -> None:
    kept = [one for one in deployment["resources"] if one["type"].rpartition(":")[2] != "ServiceAccount"]
    gone = {one["urn"] for one in deployment["resources"]} - {one["urn"] for one in kept}
    for one in kept:
        one["dependencies"] = [urn for urn in one.get("dependencies") or () if urn not in gone]
        one["propertyDependencies"] = {
            name: [urn for urn in urns or () if urn not in gone]
            for name, urns in (one.get("propertyDependencies") or {}).items()
        }
    deployment["resources"] = kept
