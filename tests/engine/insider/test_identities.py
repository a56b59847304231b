"""Attacks on keys: identities prepared ahead, forged token Secrets, and what keeps an old identity alive."""

import json

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
from tests.support.attacks import CORE, RBAC, binding
from tests.support.insider import WITH_INSIDER, WITHOUT_INSIDER, Insider
from tests.support.stacks import Stack

YEAR = 300 * 86400


def second_generation(text: str) -> str:
    return text.replace("ci: {role: edit}", "ci: {role: edit, generation: 2}")


def prepared(insider: Insider, key_id: str, generation: int) -> str:
    """A token of a key's account, minted before this tool has made the account."""
    account = insider.account_of(key_id, generation)
    insider.create("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}})
    return minted(insider, account)


def minted(insider: Insider, account: str) -> str:
    """A token of an account, bound to nothing."""
    spec = {"expirationSeconds": YEAR}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    made = insider.create(f"serviceaccounts/{account}/token", body)
    return insider.stack.machine.keep_secret(made["status"]["token"], f"a token of {account} that the insider holds")


def forge(insider: Insider, name: str, generation: int, **annotations: str) -> None:
    """A Secret that looks like a token Secret of the key `ci`."""
    notes = {
        OWNER_ANNOTATION: "ambient/elsewhere",
        SERVICE_ACCOUNT_ANNOTATION: insider.account_of("ci", generation),
        KEY_GENERATION_ANNOTATION: "1",
        **annotations,
    }
    labels = {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci"}
    metadata = {"name": name, "labels": labels, "annotations": notes}
    insider.create("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": metadata})


FORGERIES = {
    "foreign-owner": {},
    "huge-generation": {OWNER_ANNOTATION: "", KEY_GENERATION_ANNOTATION: "9" * 5000},
    "time-before-time": {OWNER_ANNOTATION: "", ISSUED_AT_ANNOTATION: "0001-01-01T00:00:00+23:59"},
    "no-time": {OWNER_ANNOTATION: "", ISSUED_AT_ANNOTATION: "\x1b[2J now"},
}


def forge_all(insider: Insider, generation: int) -> None:
    owner = f"ambient-components/{insider.stack.name}"
    ours = (insider.stack.machine.get(f"{CORE}/{insider.stack.w}") or {})["metadata"]["annotations"]
    owner = ours.get(OWNER_ANNOTATION, owner)
    for name, annotations in FORGERIES.items():
        notes = {key: owner if key == OWNER_ANNOTATION else value for key, value in annotations.items()}
        forge(insider, f"{insider.account_of('ci', generation)}-{name}", generation, **notes)


def test_a_prepared_account(insider: Insider) -> None:
    """1: A token of a ServiceAccount that was prepared for the next generation does not survive rotate --leaked"""
    stack = insider.stack
    token = prepared(insider, "ci", 2)
    stack.write(WITHOUT_INSIDER)
    stack.up().ok()
    assert stack.ambient("keys", "rotate", stack.name, "--workspace", stack.w, "--leaked", "--now").code == 0
    stack.ended(token, "the prepared token")
    assert stack.sessions(stack.token("ci")) == 200


def test_a_prepared_account_of_a_new_key(insider: Insider) -> None:
    """1: A token of a ServiceAccount that was prepared for a guessed key id ends when the key is declared"""
    stack = insider.stack
    token = prepared(insider, "nightly", 1)
    stack.write(WITHOUT_INSIDER + "      nightly: {role: view}\n")
    stack.up().ok()
    stack.ended(token, "the prepared token")
    assert stack.sessions(stack.token("nightly")) == 200


def test_a_token_minted_while_access_ends(insider: Insider) -> None:
    """1: A grant and a key's identity that end in one run end before the next identity is made"""
    stack = insider.stack
    stack.write(second_generation(WITHOUT_INSIDER))
    result = stack.up("--json").ok()
    events = [line for line in result.text.splitlines() if line.startswith("{")]
    order = [json.loads(line) for line in events]
    reported = [event["diagnosticEvent"]["message"] for event in order if "diagnosticEvent" in event]
    made = [
        place
        for place, event in enumerate(order)
        if event.get("resourcePreEvent", {}).get("metadata", {}).get("type") == "ambient:index:ServiceAccount"
        and event["resourcePreEvent"]["metadata"]["op"] == "create"
    ]
    ended = [
        place
        for place, event in enumerate(order)
        if "ended edit of user:bob@example.com" in event.get("diagnosticEvent", {}).get("message", "")
    ]
    assert made, reported
    assert ended, reported
    assert ended[0] < made[0]


def test_forged_secrets_do_not_stop_a_refresh(insider: Insider) -> None:
    """2: Forged token Secrets do not stop pulumi up --refresh: a removed admin is removed"""
    stack = insider.stack
    forge_all(insider, 1)
    stack.write(WITHOUT_INSIDER)
    result = stack.up("--refresh").ok()
    assert "a bug in the ambient provider" not in result.text
    assert not insider.still_inside()
    assert stack.sessions(stack.token("ci")) == 200


def test_a_squatted_binding_does_not_stop_a_rotation(insider: Insider) -> None:
    """3: A RoleBinding of another role under the name of the next one does not stop keys rotate --leaked --now"""
    stack = insider.stack
    token = stack.token("ci")
    name = key_role_binding(Role.EDIT, key_account(stack.w, "ci", 2))
    insider.bind({**binding(name, Role.EDIT, "user:bob@example.com"), "roleRef": insider.own_role()})
    assert stack.ambient("keys", "rotate", stack.name, f"{stack.w}/ci", "--leaked", "--now").code == 0
    stack.ended(token, "the leaked token")
    assert stack.sessions(stack.token("ci")) == 200
    made = stack.machine.get(f"{RBAC}/{stack.w}/rolebindings/{name}") or {}
    assert made["roleRef"]["name"] == "ambient-project-edit"


def test_a_failed_next_identity_does_not_keep_the_old_one(insider: Insider) -> None:
    """3: Without an overlap a next identity that can't be made does not keep the old one alive"""
    stack = insider.stack
    token = stack.token("ci")
    stack.machine.fill(stack.w, "serviceaccounts", 0)
    stack.write(second_generation(WITH_INSIDER))
    stack.up().refused("exceeded quota")
    stack.ended(token, "the old token")


def test_a_finalizer_on_an_account(insider: Insider) -> None:
    """14: A finalizer on a key's ServiceAccount keeps neither the account nor its tokens"""
    stack = insider.stack
    token = stack.token("ci")
    account = insider.account_of("ci", 1)
    insider.patch("serviceaccounts", account, {"metadata": {"finalizers": ["example.com/stay"]}})
    held = minted(insider, account)
    stack.write(WITHOUT_INSIDER.replace("    keys:\n      ci: {role: edit}\n", ""))
    stack.up().ok()
    stack.ended(token, "the key's token")
    stack.ended(held, "the insider's token of the key's account")
    assert stack.machine.get(f"{CORE}/{stack.w}/serviceaccounts/{account}") is None


@pytest.mark.parametrize("adopt", [False, True])
def test_a_lost_state(stack: Stack, adopt: bool) -> None:
    """1: After a lost state keys are taken over by name alone"""
    stack.write(WITH_INSIDER)
    stack.up().ok()
    token = stack.token("ci")
    account = Insider(stack).account_of("ci", 1)
    stack.lose_state()
    if not adopt:
        stack.up().refused("this stack has no record of them", f"adopt: [{account}]")
        assert stack.sessions(token) == 200
        return
    stack.write(WITH_INSIDER.replace("ci: {role: edit}", f"ci: {{role: edit, adopt: [{account}]}}"))
    stack.up().ok()
    assert stack.sessions(token) == 200
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.up().unchanged
