"""Released: nothing is lost, nothing is ours any more, and whoever comes next takes all of it.

By plain runs, with the engine's own preview; runs that die are in test_life_crashes.py.
"""

import base64
import json

import pytest

from tests.support.life import (
    EMPTY,
    ENTRY,
    PLATFORM,
    RBAC,
    Workspace,
    brought_to,
    forgotten,
    is_open,
    is_released,
    quiet,
    side_by_side,
    write,
)
from tests.support.stacks import Stack

pytestmark = pytest.mark.slow

GRANT = ", {user: bob@example.com}"
SECRETS = ENTRY[ENTRY.index("    secrets:") : ENTRY.index("    settings:")]


def change(workspace: Workspace, path: str, **body: object) -> None:
    """Somebody changes an object, as the UI does."""
    api = workspace.machine.admin()
    api.request("PATCH", path, json.dumps(body).encode(), content_type="application/merge-patch+json")


def test_releasing_loses_nothing_and_whoever_adopts_gets_all_of_it(stack: Stack) -> None:
    made, _ = pair = side_by_side(stack)
    brought_to(stack, pair, "active")
    tokens, before = [one.token() for one in pair], [one.everything() for one in pair]

    write(stack, pair, "released")
    assert stack.up("--diff", plain=True).ok().text.count('~ state: "active" => "released"') >= 2
    assert [one.everything() for one in pair] == before
    assert stack.refresh().unchanged
    quiet(stack.preview("--expect-no-changes"))

    stack.write(EMPTY)
    stack.up(plain=True).ok()
    assert forgotten(stack)
    assert [one.everything() for one in pair] == before
    for one, token in zip(pair, tokens, strict=True):
        is_released(one, token)

    # Without adopt it is nobody's, and not touched; with it the running key lives on through its overlap.
    write(stack, pair)
    stack.up().refused(f"namespace '{made.name}' exists", "adopt: true")
    write(stack, [Workspace(stack, one.name, adopted=True) for one in pair])
    stack.up(plain=True).ok()
    for one, token in zip(pair, tokens, strict=True):
        is_open(one)
        assert one.token() != token
        assert one.sessions(token) == 200
        assert len(stack.token_secrets(one.name)) == 2
    stack.up(offset="46d").ok()
    assert [len(stack.token_secrets(one.name)) for one in pair] == [1, 1]


def test_nothing_else_changes_with_a_release_or_after_it_and_it_can_be_taken_back(stack: Stack) -> None:
    made, adopted = pair = side_by_side(stack)
    write(stack, pair, "released")
    stack.up(plain=True).refused(*(f"workspace '{one.name}': there is nothing to release" for one in pair))
    brought_to(stack, pair, "active")
    tokens = [one.token() for one in pair]

    write(stack, pair, "released", ENTRY.replace(GRANT, "").replace(SECRETS, "").replace("idleTimeout: 12h, ", ""))
    changed = "is released in this run, and its grants and secrets and settings would change in the same one"
    stack.up(plain=True).refused(*(f"workspace '{one.name}' {changed}" for one in pair))
    assert [one.owner_annotation for one in pair] == [one.owner for one in pair]
    write(stack, pair, "released")
    stack.up().ok()
    token_secrets = [stack.token_secrets(one.name) for one in pair]
    # Long after the tokens should have been renewed.
    stack.up(offset="89d").ok()
    assert [stack.token_secrets(one.name) for one in pair] == token_secrets
    assert [one.token() for one in pair] == tokens
    stack.write("workspaces:\n" + made.entry("closed") + adopted.entry("released", ENTRY.replace(GRANT, "")))
    stack.up().refused(
        f"workspace '{made.name}' is released: it can't be closed at once",
        f"workspace '{adopted.name}' is released in this run, and its grants would change",
    )

    # What others change meanwhile is the file's again once it is taken back.
    before = [one.everything() for one in pair]
    for one in pair:
        change(one, f"{one.path}/configmaps/feature-flag-overrides", data={"jira-write": "false"})
        change(one, f"{one.path}/secrets/ambient-non-vertex-integrations", data={"LOG_LEVEL": "eA==", "OTHER": "eA=="})
    write(stack, pair)
    stack.up(plain=True).ok()
    for one in pair:
        is_open(one)
    assert [one.everything() for one in pair] == before
    assert [one.token() for one in pair] == tokens
    quiet(stack.preview("--expect-no-changes"))
    # Nothing of the release is left: tokens are renewed, and what is removed is gone.
    write(stack, pair, text=ENTRY.replace(GRANT, ""))
    stack.up(offset="80d").ok()
    for one, token in zip(pair, tokens, strict=True):
        assert one.token() != token
        assert "ambient-permission-view-bob-example-com-user" not in one.bindings()


def test_what_others_do_in_a_released_workspace_is_theirs_and_a_destroy_leaves_it(stack: Stack) -> None:
    made, _ = pair = side_by_side(stack)
    brought_to(stack, pair, "active", "released")
    saved = {"ANTHROPIC_API_KEY": base64.b64encode(b"saved in the UI").decode(), "OTHER": "eA=="}
    for one in pair:
        change(one, f"{one.path}/secrets/ambient-runner-secrets", data=saved)
        change(one, f"{one.path}/configmaps/feature-flag-overrides", data={"jira-write": "false"})
        settings = {"inactivityTimeoutSeconds": 60, "mcpServers": {"disabled": ["webfetch"]}}
        change(one, f"{PLATFORM}/{one.name}/projectsettings/projectsettings", spec=settings)
        limits = [{"type": "Container", "max": {"memory": "1Gi"}}]
        change(one, f"{one.path}/limitranges/ambient-default-limits", spec={"limits": limits})
    before = [one.everything() for one in pair]
    stack.up("--refresh", plain=True).ok()
    assert [one.everything() for one in pair] == before

    # Access that was ended there stays ended, and holds back no other workspace.
    ended = "ambient-permission-edit-devs-group"
    stack.machine.delete(f"{RBAC}/{made.name}/rolebindings/{ended}")
    for flags in ((), ("--refresh",)):
        result = stack.up(*flags, plain=True).ok()
        assert (
            f"workspace '{made.name}' was released, and was changed since (RoleBinding {ended} is gone)" in result.text
        )
        assert ended not in made.bindings()
    before = [one.everything() for one in pair]
    stack.destroy().ok()
    assert stack.export() == []
    assert [one.everything() for one in pair] == before
    assert [one.listed() for one in pair] == [True, True]
