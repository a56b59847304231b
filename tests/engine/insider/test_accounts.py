"""Roles for ServiceAccounts. The attacker is the author of a change request, who may merge what no guardrail refuses: a
key of role edit becomes an admin by the name of its account, which everyone can compute.
"""

from typing import Any

import pytest

from ambient_components.platform.naming import key_account
from tests.support.attacks import RBAC
from tests.support.stacks import Stack

STACK = """\
guardrails: {isolateAdminKeys: true, groupsOnly: true}
workspaces:
  THIS: {protect: false, owners: [user:alice@example.com%s], keys: {ci: {role: edit}}%s}
  THIS-b: {protect: false, owners: [user:alice@example.com], keys: {report: {role: view}}}
"""


def attacks(workspace: str) -> dict[str, str]:
    """The attacks by what is added to the owners, or to the entry."""
    own, following = (key_account(workspace, "ci", generation) for generation in (1, 2))
    other = key_account(f"{workspace}-b", "report", 1)
    return {
        f", 'serviceaccount:{workspace}:{own}'": "adminKey",
        f", 'user:system:serviceaccount:{workspace}:{own}'": "adminKey",
        f", 'serviceaccount:{workspace}:{following}'": "adminKey",
        f", 'serviceaccount:{workspace}-b:{other}'": "adminKey",
        f", grants: [{{user: 'system:serviceaccount:{workspace}:{own}', role: admin}}]": "adminKey",
        f", grants: [{{user: 'system:serviceaccount:{workspace}-b:{other}', role: edit}}]": "adminKey",
        f", 'serviceaccount:{workspace}:default'": "adminKeyWithEditors",
        f", 'user:system:serviceaccount:{workspace}:ambient-session-trigger'": "adminKeyWithEditors",
        f", 'group:system:serviceaccounts:{workspace}'": "publicAccess",
    }


def names(bindings: dict[str, Any] | None) -> list[str]:
    return [one["metadata"]["name"] for one in (bindings or {})["items"]]


def written(attack: str) -> str:
    return STACK % (("", attack) if "grants" in attack else (attack, ""))


def test_a_keys_account_becomes_no_admin(stack: Stack) -> None:
    """The account of a key, or another one that an editor can mint a token of, becomes no owner and gets no grant."""
    bindings, namespace = f"{RBAC}/{stack.w}/rolebindings", f"/api/v1/namespaces/{stack.w}"
    for number, (attack, guardrail) in enumerate(attacks(stack.w).items()):
        stack.write(written(attack))
        stack.preview().refused(f"guardrail: {guardrail}")
        if number == 0:
            stack.up().refused(f"guardrail: {guardrail}")
            assert stack.machine.get(namespace) is None
    stack.write(written(""))
    stack.up().ok()
    deployed = names(stack.machine.get(bindings))
    for attack, guardrail in [*attacks(stack.w).items()][:2]:
        stack.write(written(attack))
        stack.up().refused(f"guardrail: {guardrail}")
        assert names(stack.machine.get(bindings)) == deployed


@pytest.mark.parametrize("guardrail", ["adminKey"])
def test_an_exception_lets_it_through_and_is_seen(stack: Stack, guardrail: str) -> None:
    """A key's account becomes an owner where the exception is written, which the preview shows."""
    owner = f", 'serviceaccount:{stack.w}:{key_account(stack.w, 'ci', 1)}'"
    text = (STACK % (owner, f", exceptions: [{{guardrail: {guardrail}, reason: a test}}]")).partition("\n")[2]
    stack.write(text)
    assert f'"{guardrail}"' in stack.preview().ok().text
