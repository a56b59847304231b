"""What an admin of a workspace saves in the UI does not spread into the stack's state and logs."""

import json

from tests.support.attacks import MERGE, PLATFORM
from tests.support.stacks import Stack

DECLARED = """\
workspaces:
  THIS:
    protect: false
    settings:
      mcpServers:
        custom:
          search: {type: http, url: "https://search.example.com", headers: {X-Team: payments}}
"""


def test_a_credential_in_a_header(stack: Stack) -> None:
    """14: A credential that an admin saves in a declared MCP server's header stays out of diffs and state"""
    stack.write(DECLARED)
    stack.up().ok()
    # Everything that is kept so is looked for in all that the run printed and left behind.
    saved = stack.machine.keep_secret("sk-saved-in-the-ui-0123456789abcdef", "a header that an admin saved")
    server = {"headers": {"Authorization": f"Bearer {saved}"}}
    body = {"spec": {"mcpServers": {"custom": {"search": server}}}}
    path = f"{PLATFORM}/{stack.w}/projectsettings/projectsettings"
    status = stack.machine.admin().request("PATCH", path, json.dumps(body).encode(), MERGE)
    assert status["spec"]["mcpServers"]["custom"]["search"]["headers"]["Authorization"].endswith(saved)
    shown = stack.preview("--refresh").ok().text
    assert saved not in shown
    assert "[secret]" in shown
    stack.refresh().ok()
    assert saved not in str(stack.export())
    stack.up("--refresh").ok()
    assert stack.preview("--expect-no-changes").unchanged
