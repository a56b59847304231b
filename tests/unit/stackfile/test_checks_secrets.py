"""Checks of secrets: their names, and what is no place for them."""

import pytest

from ambient_components.stackfile.checks.names import Finding
from tests.support.stack_checks import INSTEAD, REF, WS, findings_of


def test_the_runner_secret_takes_three_keys():
    found = findings_of(secrets={"runner": {"OPENAI_API_KEY": REF, "ANTHROPIC_API_KEY": REF}})
    assert found == [
        Finding(
            (*WS, "secrets", "runner", "OPENAI_API_KEY"),
            "is a key that the runner secret doesn't take",
            ("allowed: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY", "did you mean 'GEMINI_API_KEY'?"),
            at_key=True,
        )
    ]


def test_a_secret_is_left_out_rather_than_empty():
    assert findings_of(secrets={"runner": {}, "integrations": {}}) == [
        Finding(
            (*WS, "secrets", "runner"),
            "is an empty secret",
            ("allowed: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY", "leave runner out for no secret"),
        ),
        Finding(
            (*WS, "secrets", "integrations"),
            "is an empty secret",
            "name a variable, or leave integrations out for no secret",
        ),
    ]
    assert findings_of(secrets={}) == []


def test_a_runner_secret_without_claudes_key_is_worth_a_warning():
    assert findings_of(secrets={"runner": {"GEMINI_API_KEY": REF}}) == [
        Finding(
            (*WS, "secrets", "runner"),
            "has no ANTHROPIC_API_KEY: the platform refuses sessions with Claude",
            "add ANTHROPIC_API_KEY, unless all sessions are Gemini's",
            warning=True,
            rule="noClaudeKey",
        )
    ]


def test_a_plain_value_is_no_key_of_a_language_model():
    found = findings_of(secrets={"runner": {"ANTHROPIC_API_KEY": {"value": "hunter2"}}})
    path = (*WS, "secrets", "runner", "ANTHROPIC_API_KEY", "value")
    assert found == [Finding(path, "is a plain value for a secret", INSTEAD)]


@pytest.mark.parametrize("name", ["DB_PASSWORD", "GITHUB_TOKEN", "api_key"])
def test_a_plain_value_is_refused_where_the_name_says_secret(name):
    found = findings_of(secrets={"integrations": {name: {"value": "hunter2"}}})
    path = (*WS, "secrets", "integrations", name, "value")
    assert found == [Finding(path, "is a plain value, and the variable's name says secret", INSTEAD)]


@pytest.mark.parametrize(
    ("name", "problem", "warning"),
    [
        ("S3_BUCKET", "is reserved for the workspace's storage", False),
        ("1ST", "is not a name for a variable", False),
        ("hunter 2", "is not a name for a variable", False),
        ("JIRA_URL", "is deleted by the Claude runner before every run", True),
        ("MCP_hunter2_X", "is deleted by the Claude runner before every run", True),
        ("USE_VERTEX", "is set by the platform itself in every session, and that wins", True),
        (
            "ANTHROPIC_API_KEY",
            "is a key of a language model, for which the platform asks the runner secret alone",
            True,
        ),
        ("hunter.2", "is a name that no shell can read", True),
    ],
)
def test_names_of_integrations(name, problem, warning):
    (finding,) = findings_of(secrets={"integrations": {name: REF}})
    assert (finding.path, finding.problem) == ((*WS, "secrets", "integrations", name), problem)
    assert (finding.at_key, finding.warning) == (True, warning)
    assert "hunter" not in f"{finding.problem} {finding.remedy}"
