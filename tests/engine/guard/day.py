"""A day of two people on the platform's pages in a guarded workspace: what they do every day passes.

Alice has admin, Bob has edit. The next run finds what they shared, and nothing of its own changed.
"""

from sandbox.credentials import ALICE, BOB
from tests.engine.test_closing_platform import started
from tests.support import platform as ui
from tests.support.attacks import PLATFORM
from tests.support.guarded import GuardedStack


def a_day(backend: ui.Platform, stack: GuardedStack, prefix: str = "") -> None:
    """Share, make keys, save settings, run sessions and schedules, each as both where both may.

    Args:
        prefix: What the API server puts before the names of users.
    """
    carol = ui.Permission("user", f"{prefix}carol@example.com", "edit")
    for user in (ALICE.name, BOB.name):
        ui.add_permission(backend, stack.w, carol, user=user)
        assert carol in ui.permissions(backend, stack.w)
        # The page answers 204 too where the guard refuses: with edit, Bob may take nothing back.
        ui.remove_permission(backend, stack.w, "user", carol.subject_name, user=user)
        assert (carol in ui.permissions(backend, stack.w)) is (user == BOB.name)
        ui.remove_permission(backend, stack.w, "user", carol.subject_name)
        assert carol not in ui.permissions(backend, stack.w)
        key = ui.create_key(backend, stack.w, "laptop", role="edit", user=user)
        token = stack.machine.keep_secret(key.token, "a key of the page")
        assert stack.sessions(token) == 200
        if user == BOB.name:
            path = f"/api/projects/{stack.w}/keys/{key.id}"
            assert backend.call("DELETE", path, user=user).status == 500
            assert stack.sessions(token) == 200
        ui.delete_key(backend, stack.w, key.id)
        assert key.id not in [one.id for one in ui.keys(backend, stack.w)]
    ui.save_integration_secrets(backend, stack.w, {"GITHUB_TOKEN": "made up"})
    ui.save_mcp_servers(backend, stack.w, ui.McpServers({}, ["webfetch"]))
    session = started(backend, stack, runs=True)
    sessions = f"/api/projects/{stack.w}/agentic-sessions"
    assert backend.call("POST", f"{sessions}/{session}/stop", user=BOB.name).status == 202
    stopped = f"{PLATFORM}/{stack.w}/agenticsessions/{session}"
    stack.machine.until(
        lambda: ((stack.machine.get(stopped) or {}).get("status") or {}).get("phase") == "Stopped", "stop"
    )
    assert backend.call("DELETE", f"{sessions}/{session}", user=ALICE.name).status == 204
    body = {"schedule": "0 6 * * *", "displayName": "Nightly", "sessionTemplate": {"initialPrompt": "Tidy up"}}
    made = backend.call("POST", f"/api/projects/{stack.w}/scheduled-sessions", body, user=BOB.name)
    assert made.status == 201, made
    (schedule,) = ui.schedules(backend, stack.w)
    ui.save_schedule(backend, stack.w, schedule["name"], body, user=BOB.name)
    ui.suspend_schedule(backend, stack.w, schedule["name"])
    assert stack.up("--refresh").ok().unchanged
