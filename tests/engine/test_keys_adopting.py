"""Keys that the platform made: adopted under their own names, rotated, and given up as they were."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ambient_components.platform.naming import key_account
from sandbox.ui_style import UiKey
from tests.support.life import EMPTY, Workspace, made_in_the_ui, quiet
from tests.support.platform_keys import (
    KEY,
    dump,
    made_by_the_platform,
    make_account,
    make_binding,
    token_of,
    watched,
)
from tests.support.stacks import Stack

NIGHTLY = KEY.account
OTHER = UiKey("edit", suffix="99999999")
LATER = datetime.now(UTC).date() + timedelta(days=20)
LABEL = "name: Nightly build, description: Builds main"


def write(stack: Stack, *keys: str, state: str = "active") -> None:
    listed = "".join(f"      {key}\n" for key in keys)
    rest = f"    keys:\n{listed}" if keys else ""
    stack.write(
        f"workspaces:\n  THIS:\n    adopt: true\n    protect: false\n    state: {state}\n    onClose: {{wait: 1s}}\n"
        f"    owners: [user:carol@example.com]\n{rest}"
    )


def ci(more: str = "", role: str = "edit", label: str = LABEL) -> str:
    return f"ci: {{role: {role}, {label}, serviceAccount: {NIGHTLY}{more}}}"


def rows(stack: Stack) -> list[dict[str, object]]:
    """What `ambient keys list` has of each identity."""
    shown = stack.ambient("keys", "list", stack.name, "--format", "json").text
    return list(json.loads(shown)["keys"])


def prepared(stack: Stack, role: str = "edit") -> str:
    made_in_the_ui(Workspace(stack, stack.w))
    return made_by_the_platform(stack, replace(KEY, role=role))


def test_a_key_is_adopted_as_it_is_and_given_up_as_it_was(stack: Stack) -> None:
    token = prepared(stack)
    before = dump(stack)
    write(stack, ci())
    with watched(stack, token) as answers:
        planned = stack.ambient("plan", stack.name)
        assert "Keys adopted" in planned.text, planned.text
        assert "1 key adopted" in planned.text, planned.text
        assert "[platformKey]" in planned.text, planned.text
        assert dump(stack) == before
        done = stack.up(plain=True).ok()
        assert "the platform issued the tokens of this key, and does not record when they end" in done.text
        assert dump(stack) == before
        assert stack.token_secrets() == []
        quiet(stack.preview("--expect-no-changes"))
        assert stack.up("--expect-no-changes").unchanged
        assert stack.refresh().unchanged
        assert f"{stack.w}/ci" not in stack.outputs()

        (row,) = rows(stack)
        assert (row["origin"], row["expires"], row["lastUsed"]) == ("platform", "unknown", KEY.last_used)
        assert (row["name"], row["state"], row["attention"]) == ("Nightly build", "current", [])
        stack.ambient("keys", "show", stack.name, f"{stack.w}/ci").refused("the platform showed its own once")
        assert "made by the platform" in stack.ambient("show", stack.name).text

        write(stack, ci(), state="released")
        stack.up(plain=True).ok()
        stack.write(EMPTY)
        stack.up(plain=True).ok()
        assert dump(stack) == before
    assert answers == {200}


@pytest.mark.slow
def test_other_notes_and_the_role_are_changed_in_place_and_without_a_gap(stack: Stack) -> None:
    token = prepared(stack, role="view")
    write(stack, ci(role="view", label="name: Other"))
    stack.up().ok()
    (account,) = (one for path, one in dump(stack).items() if "serviceaccounts" in path)
    annotations = account["metadata"]["annotations"]
    assert annotations["ambient-code.io/key-name"] == "Other"
    assert annotations["ambient-code.io/description"] == ""
    assert annotations["ambient-code.io/last-used-at"] == KEY.last_used
    assert annotations["ambient-code.io/created-by-user-id"] == "alice-example.com"

    write(stack, ci(role="edit", label="name: Other"))
    with watched(stack, token) as answers:
        stack.up().ok()
    assert answers == {200}
    names = sorted(path.rpartition("/")[2] for path in dump(stack))
    assert names == ["ambient-key-edit-nightly-build-3f2a91bc", NIGHTLY]
    quiet(stack.preview("--expect-no-changes"))

    # The first rotation, with an overlap; then the end of it.
    rotated = stack.ambient("keys", "rotate", stack.name, f"{stack.w}/ci", "--overlap-until", LATER.isoformat())
    assert "generation 1 -> 2" in rotated.text, rotated.text
    with watched(stack, token) as answers:
        stack.up().ok()
        assert stack.sessions(stack.token("ci")) == 200
        former, current = rows(stack)
    assert answers == {200}
    assert (former["origin"], former["state"], former["expires"]) == ("platform", "former", "unknown")
    assert (current["origin"], current["state"], current["generation"]) == ("stack", "current", 2)
    quiet(stack.preview("--expect-no-changes"))
    new = stack.token("ci")
    stack.up(offset="22d").ok()
    stack.ended(token, "the platform's token, after the overlap")
    assert stack.sessions(new) == 200
    assert stack.accounts() == [key_account(stack.w, "ci", 2)]
    # The line may stay or go.
    write(stack, f"ci: {{role: edit, name: Other, generation: 2, overlapUntil: {LATER}}}")
    stack.up(offset="22d").ok()
    assert stack.sessions(new) == 200


def test_a_leaked_key_ends_at_once_and_a_revoked_one_too(stack: Stack) -> None:
    token = prepared(stack)
    other = made_by_the_platform(stack, OTHER)
    write(stack, ci(), f"other: {{serviceAccount: {OTHER.account}}}")
    stack.up().ok()
    done = stack.ambient("keys", "rotate", stack.name, f"{stack.w}/ci", "--leaked", "--now").ok()
    assert "generation 1 is over: its ServiceAccount is gone" in done.text, done.text
    stack.ended(token, "the leaked token")
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.sessions(other) == 200
    done = stack.ambient("keys", "revoke", stack.name, f"{stack.w}/other", "--now").ok()
    stack.ended(other, "the revoked token")
    assert stack.accounts() == [key_account(stack.w, "ci", 2)]


@pytest.mark.slow
def test_a_key_is_adopted_and_rotated_in_one_run(stack: Stack) -> None:
    token = prepared(stack)
    write(stack, ci(f", generation: 2, overlapUntil: {LATER}"))
    with watched(stack, token) as answers:
        stack.up().ok()
    assert answers == {200}
    assert stack.sessions(stack.token("ci")) == 200
    quiet(stack.preview("--expect-no-changes"))


def test_what_the_platform_did_not_make_is_refused(stack: Stack) -> None:
    made_in_the_ui(Workspace(stack, stack.w))
    write(stack, ci())
    for attempt in (stack.preview, stack.up):
        attempt().refused("is not in the cluster, so the platform's tokens of it have ended", "remove serviceAccount")
    # A workspace user prepared an account of the name, and has its token.
    make_account(stack, labels={})
    stack.up().refused("lacks the label app=ambient-access-key, which the platform gives to every key")
    account = f"/api/v1/namespaces/{stack.w}/serviceaccounts/{NIGHTLY}"
    stack.machine.delete(account)
    make_account(stack)
    stack.up().refused("has no role in the cluster")
    make_binding(stack, replace(KEY, role="admin"))
    stack.up().refused("its role is admin in the cluster, and edit in the files", "write role: admin")
    note = Workspace(stack, stack.w).owner_annotation
    assert note is None
    assert stack.export() == [] or not any("ServiceAccount" in one["type"] for one in stack.export())


@pytest.mark.slow
def test_an_account_that_is_gone_is_never_made_again(stack: Stack) -> None:
    token = prepared(stack)
    write(stack, ci())
    stack.up().ok()
    # Deleted on the Keys page; a user with edit makes another account of the name.
    account = f"/api/v1/namespaces/{stack.w}/serviceaccounts/{NIGHTLY}"
    stack.machine.delete(account)
    assert "is not made again: ambient keys rotate" in stack.preview().text
    stack.up("--refresh").refused("is gone, and its tokens with it: it is not made again")
    assert stack.accounts() == []
    make_account(stack)
    theirs = token_of(stack.machine, stack.w, NIGHTLY)
    stack.up("--refresh").refused("was replaced by another one of its name")
    stack.ended(theirs, "the token of the account that took its place")
    assert stack.accounts() == []
    assert rows(stack)[0]["attention"] == ["its ServiceAccount is not in the cluster: ambient keys rotate --leaked"]
    stack.ambient("keys", "rotate", stack.name, f"{stack.w}/ci", "--leaked").ok()
    stack.up().ok()
    assert stack.sessions(stack.token("ci")) == 200
    assert stack.sessions(token) == 401
    quiet(stack.preview("--expect-no-changes"))


@pytest.mark.slow
def test_a_closed_workspace_ends_it_and_reopening_needs_a_new_generation(stack: Stack) -> None:
    token = prepared(stack)
    write(stack, ci())
    stack.up().ok()
    write(stack, ci(), state="closed")
    stack.up().ok()
    stack.ended(token, "the key of a closed workspace")
    write(stack, ci())
    stack.up().refused("is not in the cluster, so the platform's tokens of it have ended", "write generation: 2")
    write(stack, ci(", generation: 2"))
    stack.up().ok()
    assert stack.sessions(stack.token("ci")) == 200


def test_the_identity_of_a_generation_cannot_be_exchanged(stack: Stack) -> None:
    prepared(stack)
    write(stack, ci(), "own: {role: view}")
    stack.up().ok()
    before = dump(stack)
    write(stack, "ci: {role: edit}", "own: {role: view, serviceAccount: ambient-key-own-00000000}")
    stack.up().refused(
        f"key 'ci': the ServiceAccount of generation 1 would change from {NIGHTLY}",
        f"write serviceAccount: {NIGHTLY} in its entry again",
        "key 'own': the ServiceAccount of generation 1 would change",
        "remove serviceAccount: this stack has made the key",
    )
    assert dump(stack) == before
