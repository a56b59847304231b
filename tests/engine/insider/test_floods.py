"""Attacks by numbers and sizes: more forged objects than a run handles, and larger ones than it may keep."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ambient_components.platform.contract import (
    APP_LABEL,
    BOUND_OBJECT,
    BOUND_OBJECT_LABEL,
    DELIVERY,
    DELIVERY_LABEL,
    KEY_APP,
    KEY_LABEL,
    KEY_NAME_OF_DELIVERY,
    MANAGED,
    MANAGED_LABEL,
    OWNER_ANNOTATION,
    SERVICE_ACCOUNT_ANNOTATION,
)
from ambient_components.provider.tokens.token_secrets import MOST
from tests.support.attacks import CORE
from tests.support.insider import WITH_INSIDER, WITHOUT_INSIDER, Insider
from tests.support.stacks import Stack

MANY = MOST + 60


def owner_of(stack: Stack) -> str:
    notes: dict[str, str] = (stack.machine.get(f"{CORE}/{stack.w}") or {})["metadata"]["annotations"]
    return notes[OWNER_ANNOTATION]


def forge(insider: Insider, count: int, **more: Any) -> None:
    """Token Secrets of the key `ci`, as this tool makes them; a finalizer keeps each."""
    labels = {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci"}
    notes = {SERVICE_ACCOUNT_ANNOTATION: insider.account_of("ci", 1), OWNER_ANNOTATION: owner_of(insider.stack)}
    metadata = {"labels": labels, "annotations": notes, "finalizers": ["example.com/mine"], **more.pop("metadata", {})}

    def one(number: int) -> None:
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {**metadata, "name": f"forged-{number:04}"}, **more}
        insider.create("secrets", body)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(count)))


def forged(stack: Stack) -> list[str]:
    found = stack.machine.get(f"{CORE}/{stack.w}/secrets") or {"items": []}
    return [name for item in found["items"] if (name := item["metadata"]["name"]).startswith("forged-")]


def test_more_forged_token_secrets_than_a_run_ends(insider: Insider) -> None:
    """M4: Forged token Secrets by the hundred decide neither a run's work nor its output, and none is unreported"""
    stack = insider.stack
    token = stack.token("ci")
    forge(insider, MANY)
    stack.write(WITHOUT_INSIDER)
    result = stack.up("--refresh").ok()
    assert not insider.still_inside()
    assert len(forged(stack)) == MANY - MOST
    assert f"no state has {MANY - MOST} more Secrets that look like tokens of this key" in result.text
    assert len([line for line in result.text.splitlines() if "forged-0" in line]) <= 6
    assert len(result.text.splitlines()) < 150
    result = stack.up("--refresh").ok()
    assert forged(stack) == []
    assert "more Secrets that look like tokens" not in result.text
    assert stack.sessions(token) == 200
    assert stack.up("--refresh").unchanged


def test_the_key_of_a_flood_ends(insider: Insider) -> None:
    """M4: Forged token Secrets do not keep a removed key's own tokens, and the run says what it leaves"""
    stack = insider.stack
    token = stack.token("ci")
    forge(insider, MANY)
    stack.write(WITHOUT_INSIDER.replace("    keys:\n      ci: {role: edit}\n", ""))
    result = stack.up().ok()
    stack.ended(token, "the key's token")
    assert f"{MANY - MOST} more Secrets that look like tokens of this key stay" in result.text


def test_large_labels_and_finalizers(insider: Insider) -> None:
    """M4: Metadata of a megabyte, in finalizers and labels, stops no refresh, and no run repeats it"""
    stack = insider.stack
    labels = {f"{'x' * 56}-{number:04}": "y" * 63 for number in range(4_000)}
    labels |= {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci"}
    forge(insider, 12, metadata={"labels": labels})
    stack.write(WITHOUT_INSIDER)
    result = stack.up("--refresh").ok()
    assert not insider.still_inside()
    assert forged(stack) == []
    assert len(result.text) < 40_000


def test_accounts_by_the_hundred(insider: Insider) -> None:
    """M4: Accounts with the label of keys, by the hundred and large, are one line of a preview and of a run"""
    stack = insider.stack

    def one(number: int) -> None:
        metadata = {
            "name": f"ambient-key-theirs-{number:04}",
            "labels": {APP_LABEL: KEY_APP},
            "annotations": {"a": "x" * 20_000},
        }
        insider.create("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(300)))
    result = stack.preview().ok()
    assert len([line for line in result.text.splitlines() if "ambient-key-theirs-" in line]) <= 8
    stack.write(WITHOUT_INSIDER)
    result = stack.up("--refresh").ok()
    assert not insider.still_inside()
    assert len([line for line in result.text.splitlines() if "ambient-key-theirs-" in line]) <= 8


def test_a_prepared_delivery(insider: Insider) -> None:
    """L4: A Secret with this tool's annotations, prepared in a workspace of the UI, gets no key"""
    stack = insider.stack
    namespace = {"name": f"{stack.w}-ui", "labels": {MANAGED_LABEL: MANAGED}}
    stack.machine.create(CORE, {"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
    # As a user with edit there: the file of this stack does not know the workspace.
    notes = {OWNER_ANNOTATION: owner_of(stack), KEY_NAME_OF_DELIVERY: f"{stack.w}/sync"}
    metadata = {"name": "inbox", "labels": {DELIVERY_LABEL: DELIVERY}, "annotations": notes}
    secrets = f"{CORE}/{stack.w}-ui/secrets"
    stack.machine.create(secrets, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    target = "{secret: {namespace: THIS-ui, name: inbox, key: token}}"
    stack.write(f"{WITH_INSIDER}      sync: {{role: view, deliver: {target}}}\n")
    stack.up().refused(f"namespace '{stack.w}-ui' is a workspace: every session in it could read the key")
    found = stack.machine.get(f"{secrets}/inbox") or {}
    assert "data" not in found
    assert found["metadata"]["annotations"] == notes
