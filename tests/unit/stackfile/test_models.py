"""Models of workspaces: guardrails at their levels, MCP servers as the platform takes them, ages and lifetimes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ambient_components.model.settings import McpServer
from ambient_components.model.stack import Defaults, StackFile, Workspace
from ambient_components.model.storage import BucketCredentials
from ambient_components.rules.durations import DAY, YEAR, format_seconds
from ambient_components.rules.guardrail_names import GUARDRAILS, STACK_GUARDRAILS, WORKSPACE_GUARDRAILS
from tests.support.stack_models import in_workspace, workspace


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_a_guardrail_is_allowed_at_its_levels_alone(guardrail):
    line = {"guardrail": guardrail, "reason": "agreed"}
    for allowed, data in (
        (guardrail in WORKSPACE_GUARDRAILS, {"workspaces": {"pay": {"exceptions": [line]}}}),
        (guardrail in STACK_GUARDRAILS, {"workspaces": {}, "exceptions": [line]}),
    ):
        if allowed:
            StackFile.model_validate(data)
        else:
            with pytest.raises(ValidationError):
                StackFile.model_validate(data)


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


@pytest.mark.parametrize(
    ("text", "days"), [("1d", 1), ("90d", 90), ("1y", 365), ("48h", 2), ("1d24h", 2), ("100y", 36_500)]
)
def test_ages_are_days(text, days):
    storage = {"bucket": {"name": "pay-sessions", "expireAfter": text}}
    assert workspace(storage=storage).storage.bucket.expire_after_days == days


@given(st.integers(DAY, YEAR), st.integers(0, 3 * DAY))
def test_access_keys_and_tokens_are_renewed_alike(lifetime, run_every):
    text = format_seconds(lifetime)
    key = workspace(keys={"ci": {"lifetime": text}}).keys["ci"]
    assert BucketCredentials(lifetime=text).policy(run_every) == key.policy(run_every)


def test_defaults_know_every_other_field_of_a_workspace():
    assert set(Workspace.model_fields) - set(Defaults.model_fields) == {
        "template",
        "display_name",
        "description",
        "state",
        "adopt",
        "storage",
        "schedules",
        "exceptions",
        "acknowledge",
        "shard",
    }


@pytest.mark.parametrize(
    ("wait", "problem"), [("2h", "2h is too long"), (30, "30 has no unit"), ("x", "'x' is not a duration")]
)
def test_what_is_refused_of_the_end_of_sessions(wait, problem):
    remedy = "allowed: durations up to 1h, a whole number and a unit of s, m or h, such as 30s"
    assert in_workspace(onClose={"wait": wait}) == [("onClose.wait", problem, remedy)]
