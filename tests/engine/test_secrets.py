"""Secrets on the real engine: every source, who wins over the UI, and changes in place."""

import base64
import json

from tests.support.stacks import Stack

INTEGRATIONS = "ambient-non-vertex-integrations"
FILE = """
guardrails: {secretSources: [{namespace: THIS-vault}, {variables: MADE_UP_TOKEN, workspaces: [THIS]}]}
workspaces:
  THIS:
    protect: false
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: anthropic}}
      integrations:
        FROM_ENV: {env: MADE_UP_TOKEN}
        FROM_FILE: {file: ../secrets/THIS/secret.txt}
        FROM_CLUSTER: {secret: {namespace: THIS-vault, name: shared, key: password}}
        PLAIN: {value: debug}
"""


def path(stack: Stack, name: str = INTEGRATIONS) -> str:
    return f"/api/v1/namespaces/{stack.w}/secrets/{name}"


def values(stack: Stack, name: str = INTEGRATIONS) -> dict[str, str]:
    found = stack.machine.get(path(stack, name))
    assert found is not None
    return {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}


def save_in_ui(stack: Stack, data: dict[str, str], name: str = INTEGRATIONS) -> None:
    """What the backend's PUT does: all data is replaced."""
    found = stack.machine.get(path(stack, name))
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    body = {**found, "data": encoded}
    token = stack.machine.cluster.token_of("sandbox-admin")
    assert stack.machine.request("PUT", path(stack, name), token=token, body=body) == 200


def vault(stack: Stack, value: str) -> None:
    admin = stack.machine.admin()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{stack.w}-vault"}}
    admin.request("POST", "/api/v1/namespaces", json.dumps(namespace).encode())
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shared"}, "stringData": {"password": value}}
    admin.request("POST", f"/api/v1/namespaces/{stack.w}-vault/secrets", json.dumps(secret).encode())


def test_every_source_and_what_is_missing(stack: Stack) -> None:
    keep = stack.machine.keep_secret
    stack.write(FILE)
    received = (
        "the stack's config has no 'anthropic'",
        "the environment variable 'MADE_UP_TOKEN' is not set",
        f"there is no file 'secrets/{stack.w}/secret.txt'",
        f"there is no Secret {stack.w}-vault/shared",
    )
    # As in the pipeline of a fork: the plan is there, the values are not.
    preview = stack.preview().ok()
    assert all(text in preview.text for text in received), preview.text
    assert "unknown in this preview, an error in pulumi up" in preview.text
    stack.up().refused(*received)
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None

    config = stack.secret("anthropic")
    stack.environment["MADE_UP_TOKEN"] = keep("ghx-of-the-pipeline-0123456789", "an environment variable")
    own = stack.folder / "secrets" / stack.w
    own.mkdir(parents=True)
    (own / "secret.txt").write_text(keep("of-a-file-0123456789", "a file") + "\n")
    vault(stack, keep("of-the-vault-0123456789", "a Secret of the cluster"))
    stack.up().ok()
    assert values(stack, "ambient-runner-secrets") == {"ANTHROPIC_API_KEY": config}
    assert values(stack) == {
        "FROM_ENV": "ghx-of-the-pipeline-0123456789",
        "FROM_FILE": "of-a-file-0123456789",
        "FROM_CLUSTER": "of-the-vault-0123456789",
        "PLAIN": "debug",
    }
    assert stack.preview("--expect-no-changes").unchanged


def test_a_change_is_made_in_place(stack: Stack) -> None:
    stack.environment["MADE_UP_TOKEN"] = stack.machine.keep_secret("first-value-0123456789", "an environment variable")
    text = (
        "guardrails: {secretSources: [{variables: MADE_UP_TOKEN}]}\n"
        "workspaces:\n"
        "  THIS: {protect: false, secrets: {integrations: {TOKEN_A: {env: MADE_UP_TOKEN}, B: {value: b}}}}\n"
    )
    stack.write(text)
    stack.up().ok()
    uid = stack.machine.get(path(stack))["metadata"]["uid"]
    stack.environment["MADE_UP_TOKEN"] = stack.machine.keep_secret("second-value-0123456789", "an environment variable")
    stack.write(text.replace("B: {value: b}", "C: {value: c}"))
    preview = stack.preview().ok()
    assert "~ TOKEN_A: [secret] => [secret]" in preview.text
    stack.up().ok()
    assert values(stack) == {"TOKEN_A": "second-value-0123456789", "C": "c"}
    # The same object: it never was away.
    assert stack.machine.get(path(stack))["metadata"]["uid"] == uid


def test_overwrite_brings_back_what_the_ui_changed(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {protect: false, secrets: {integrations: {A: {value: a}, B: {value: b}}}}\n")
    stack.up().ok()
    save_in_ui(stack, {"A": "of the UI", "STORAGE_MODE": "shared"})
    # What others did is seen by a refresh, by name and never by value.
    assert stack.preview("--expect-no-changes").unchanged
    refresh = stack.refresh().ok()
    assert "STORAGE_MODE" in refresh.text
    assert "of the UI" not in refresh.text
    preview = stack.preview().ok()
    for change in ("- STORAGE_MODE", "~ A", "+ B"):
        assert change in preview.text, preview.text
    result = stack.up().ok()
    assert f"Secret {stack.w}/{INTEGRATIONS}: removed what others saved in it: STORAGE_MODE" in result.text
    assert values(stack) == {"A": "a", "B": "b"}
    assert stack.preview("--expect-no-changes").unchanged


def test_keep_leaves_what_the_ui_saved_until_a_value_here_changes(stack: Stack) -> None:
    text = (
        "workspaces:\n  THIS:\n    protect: false\n    secrets:\n"
        "      integrations: {A: {value: a}, B: {value: b}, C: {value: c}}\n      onDrift: {integrations: keep}\n"
    )
    stack.write(text)
    stack.up().ok()
    save_in_ui(stack, {"A": "of the UI", "C": "c", "EXTRA": "x"})
    stack.refresh().ok()
    assert stack.preview("--expect-no-changes").unchanged
    stack.up().ok()
    assert values(stack) == {"A": "of the UI", "C": "c", "EXTRA": "x"}
    # One value changes, one leaves: those are ours, the rest stays the UI's.
    stack.write(text.replace("{value: b}", "{value: new}").replace(", C: {value: c}", ""))
    stack.up().ok()
    assert values(stack) == {"A": "of the UI", "B": "new", "EXTRA": "x"}


def test_a_secret_that_somebody_deleted_comes_back_and_one_that_left_the_file_goes(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {protect: false, secrets: {integrations: {A: {value: a}}}}\n")
    stack.up().ok()
    stack.machine.delete(path(stack))
    stack.refresh().ok()
    stack.up().ok()
    assert values(stack) == {"A": "a"}
    stack.write("workspaces:\n  THIS: {protect: false}\n")
    stack.up().ok()
    assert stack.machine.get(path(stack)) is None


def test_a_lost_state_finds_its_secrets(stack: Stack) -> None:
    stack.write(
        "workspaces:\n  THIS:\n    protect: false\n    secrets:\n"
        "      integrations: {A: {value: a}}\n      onDrift: {integrations: keep}\n"
    )
    stack.up().ok()
    save_in_ui(stack, {"A": "of the UI", "EXTRA": "x"})
    stack.lose_state()
    stack.up().ok()
    assert values(stack) == {"A": "of the UI", "EXTRA": "x"}
