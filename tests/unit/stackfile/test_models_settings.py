"""Models of the settings and limits of a workspace."""

import pytest

from ambient_components.stackfile import McpServer

# Settings


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
