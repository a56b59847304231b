"""The life of a key's tokens: minted in an update only, found dead by a refresh, renewed, revoked."""

from tests.support.stacks import Stack


def file_of(key: str = "{role: view}") -> str:
    return f"workspaces:\n  THIS:\n    protect: false\n    keys:\n      ci: {key}\n"


def current(stack: Stack, generation: int = 1) -> dict:
    return stack.resource("AccessToken", f"{stack.w}/key/ci/g{generation}")["outputs"]["current"]


def test_a_preview_mints_nothing(stack: Stack) -> None:
    stack.write(file_of())
    stack.preview().ok()
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None
    stack.up().ok()
    token_secrets = stack.token_secrets()
    rotating = stack.preview(offset="80d").ok()
    assert not rotating.unchanged
    assert stack.token_secrets() == token_secrets


def test_a_token_revoked_by_hand_shows_in_a_refresh_and_is_replaced(stack: Stack) -> None:
    stack.write(file_of())
    stack.up().ok()
    token, (token_secret,) = stack.token("ci"), stack.token_secrets()
    stack.machine.delete(f"/api/v1/namespaces/{stack.w}/secrets/{token_secret}")
    stack.machine.until(lambda: stack.sessions(token) == 401, "a token without its handle is refused")
    refreshed = stack.refresh().ok()
    assert "it was revoked: its token Secret was deleted" in refreshed.text
    assert current(stack)["dead"] == "it was revoked: its token Secret was deleted"
    assert not stack.preview().ok().unchanged
    assert stack.token_secrets() == []
    stack.up().ok()
    assert stack.token("ci") != token
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.preview("--expect-no-changes").unchanged


def test_a_key_deleted_by_hand_is_made_again(stack: Stack) -> None:
    stack.write(file_of())
    stack.up().ok()
    token = stack.token("ci")
    account = current(stack)["handle"].rsplit("-", 1)[0]
    stack.machine.delete(f"/api/v1/namespaces/{stack.w}/serviceaccounts/{account}")
    stack.refresh().ok()
    assert current(stack)["dead"] == "its ServiceAccount was deleted"
    stack.up().ok()
    stack.machine.until(lambda: stack.sessions(token) == 401, "a deleted ServiceAccount's token is refused")
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.preview("--expect-no-changes").unchanged


def test_a_workspace_deleted_by_hand_is_made_again(stack: Stack) -> None:
    stack.write(file_of())
    stack.up().ok()
    stack.machine.delete(f"/api/v1/namespaces/{stack.w}")
    stack.machine.until(lambda: stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None, "the namespace is gone")
    stack.refresh().ok()
    stack.up().ok()
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.preview("--expect-no-changes").unchanged


def test_a_token_near_its_end_is_renewed_with_an_overlap(stack: Stack) -> None:
    stack.write(file_of("{role: view, lifetime: 30d}"))
    stack.up().ok()
    old, (first,) = stack.token("ci"), stack.token_secrets()
    assert stack.preview("--expect-no-changes", offset="22d").unchanged  # 7.5 days before expiry is the renewal window
    plan = stack.preview(offset="23d").ok()
    assert not plan.unchanged
    stack.up(offset="23d").ok()
    new = stack.token("ci")
    assert new != old
    assert (stack.sessions(old), stack.sessions(new)) == (200, 200)
    assert len(stack.token_secrets()) == 2
    assert stack.preview("--expect-no-changes", offset="23d").unchanged
    stack.up(offset="27d").ok()  # the overlap is half of the renewal window
    assert first not in stack.token_secrets()
    stack.machine.until(lambda: stack.sessions(old) == 401, "the retired token is refused")
    assert stack.sessions(new) == 200


def test_a_handle_that_a_dead_run_left_is_revoked_by_the_next_rotation(stack: Stack) -> None:
    stack.write(file_of("{role: view, lifetime: 30d}"))
    stack.up().ok()
    state = stack.resource("AccessToken", f"{stack.w}/key/ci/g1")["outputs"]
    left = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{state['serviceAccount']}-0badc0de",
            "labels": {"ambient-components/handle": "true", "ambient-components/key": "ci"},
            "annotations": {
                "ambient-components/owner": state["owner"],
                "ambient-components/service-account": state["serviceAccount"],
                "ambient-components/generation": "1",
                "ambient-components/issued-at": state["current"]["issuedAt"],
            },
        },
    }
    machine = stack.machine
    path = f"/api/v1/namespaces/{stack.w}/secrets"
    assert machine.request("POST", path, token=machine.cluster.token_of("sandbox-admin"), body=left) == 200
    up = stack.up(offset="23d").ok()
    assert "no state has it: the run that minted it died" in up.text
    assert left["metadata"]["name"] not in stack.token_secrets()
    assert len(stack.token_secrets()) == 2


def test_a_lost_state_file_locks_nobody_out_whose_key_is_adopted(stack: Stack) -> None:
    stack.write(file_of())
    stack.up().ok()
    token, (token_secret,) = stack.token("ci"), stack.token_secrets()
    stack.lose_state()
    (account,) = stack.accounts()
    stack.up().refused("this stack has no record of them", f"adopt: [{account}]")
    page = stack.ambient("plan", stack.name).text
    assert "0 admin gained · 0 lowered · 0 removed · 1 already has the role · 1 key issued\n" in page
    assert "view: its account is in the cluster, and in no state\n" in page
    stack.ambient("adopt", stack.name, "--keys").ok()
    assert f"adopt: [{account}]" in (stack.folder / "stacks" / f"{stack.name}.yaml").read_text()
    assert "Workspaces adopted (1)" in stack.ambient("plan", stack.name).text
    up = stack.up().ok()
    assert f"key {stack.w}/ci: 1 token in the cluster without a record" in up.text
    assert f"{stack.w}/ci: adopt is taken out" in stack.ambient("adopt", stack.name, "--keys").ok().text
    assert "none in access, keys or buckets" in stack.ambient("plan", stack.name).text
    assert stack.sessions(token) == 200
    assert token_secret in stack.token_secrets()
    assert stack.sessions(stack.token("ci")) == 200
    stack.up(offset="8d").ok()
    assert token_secret not in stack.token_secrets()
