"""Models of the settings and limits of a workspace."""

import pytest

from ambient_components.rules.settings import IDLE_TIMEOUT_MAX, McpType
from ambient_components.stackfile import McpServer
from tests.support.stack_models import workspace

# Settings


@pytest.mark.parametrize(("text", "seconds"), [("12h", 43_200), ("never", 0), ("1s", 1), ("68y", IDLE_TIMEOUT_MAX)])
def test_idle_timeouts_are_seconds(text, seconds):
    assert workspace(settings={"idleTimeout": text}).settings.idle_timeout == seconds


@pytest.mark.parametrize(
    ("server", "platform"),
    [
        ({"url": "https://x.org/mcp"}, {"type": "http", "url": "https://x.org/mcp"}),
        (
            {"url": "http://x", "type": "sse", "headers": {"A": "${B}"}},
            {"type": "sse", "url": "http://x", "headers": {"A": "${B}"}},
        ),
        ({"command": "uvx"}, {"type": "stdio", "command": "uvx"}),
        (
            {"command": "uvx", "args": ["x"], "env": {"A": "b"}},
            {"type": "stdio", "command": "uvx", "args": ["x"], "env": {"A": "b"}},
        ),
    ],
)
def test_an_mcp_server_as_the_platform_takes_it(server, platform):
    assert McpServer.model_validate(server).as_platform() == platform


def test_the_type_follows_from_what_is_given():
    assert McpServer(url="https://x").transport is McpType.HTTP
    assert McpServer(command="x").transport is McpType.STDIO
