"""Models of scheduled sessions, as the platform's API gets them, and what errors may quote of them."""

import pytest
import yaml

from ambient_components.errors import AmbientError
from ambient_components.stackfile.loader import parse_stack
from tests.support.stack_models import in_workspace, workspace

GIT = "https://github.com/example/app"
TOKEN = "ghp_" + "x" * 36
SMALL = {"schedule": "0 9 * * 1-5", "sessionTemplate": {"initialPrompt": "Review."}}
FULL = {
    "schedule": "0 9 * * 1-5",
    "displayName": "Morning review",
    "suspend": True,
    "reuseLastSession": False,
    "runAs": "ci-robot",
    "cronJob": "schedule-0b9f6e0a-7c1e-4f7f-9d33-5a2d8c1e4b60",
    "sessionTemplate": {
        "initialPrompt": "Review.",
        "runnerType": "gemini-cli",
        "llmSettings": {"model": "gemini-2.5-flash", "temperature": 1, "maxTokens": 100},
        "timeout": "10m",
        "inactivityTimeout": "never",
        "stopOnRunFinished": True,
        "repos": [{"url": GIT}, {"url": GIT, "branch": "main", "autoPush": True}],
        "activeWorkflow": {"gitUrl": GIT, "path": "a/b"},
        "environmentVariables": {"A": "b"},
        "mcpServers": {"custom": {"s": {"url": "https://x/mcp"}}, "disabled": ["webfetch"]},
    },
}


def as_platform(schedule):
    return workspace(schedules={"s": schedule}).schedules["s"].as_platform()


def template(**fields):
    findings = in_workspace(schedules={"s": {**SMALL, "sessionTemplate": {"initialPrompt": "x", **fields}}})
    return [(path.removeprefix("schedules.s.sessionTemplate"), problem) for path, problem, _ in findings]


def test_fields_that_are_left_out_stay_out():
    assert as_platform(SMALL) == SMALL


def test_all_fields_in_the_words_of_the_platforms_api():
    of_servers = {"custom": {"s": {"type": "http", "url": "https://x/mcp"}}, "disabled": ["webfetch"]}
    given = {**FULL["sessionTemplate"], "timeout": 600, "inactivityTimeout": 0, "mcpServers": of_servers}
    assert as_platform(FULL) == {**FULL, "sessionTemplate": given}


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("schedule", "hourly", "has 1 fields instead of five"),
        ("displayName", "x" * 51, "is longer than 50 characters"),
        ("displayName", "10\u00a0000", "has a character that can't be printed, U+00A0"),
        ("displayName", "two\nlines", "has a character that can't be printed, U+000A"),
        ("suspend", "yes", None),
        ("runAs", "alice@example.com", None),
        ("cronJob", "backup", None),
        ("sessionTemplate", {}, None),
        ("sessionTemplate", None, None),
        ("cron", "0 9 * * *", None),
    ],
)
def test_fields_that_are_refused(field, value, problem):
    (finding,) = in_workspace(schedules={"s": {**SMALL, field: value}})
    assert finding[0].startswith("schedules.s")
    assert problem is None or finding[1] == problem


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"initialPrompt": " "}, ".initialPrompt"),
        ({"timeout": 300}, ".timeout"),
        ({"llmSettings": {"temperature": 2.1}}, ".llmSettings.temperature"),
        ({"llmSettings": {"temperature": True}}, ".llmSettings.temperature"),
        ({"llmSettings": {"temperature": "hot"}}, ".llmSettings.temperature"),
        ({"llmSettings": {"maxTokens": 0}}, ".llmSettings.maxTokens"),
        ({"repos": [{"url": "git@x:y"}]}, ".repos.0.url"),
        ({"repos": [{"branch": "x"}]}, ".repos.0.url"),
        ({"activeWorkflow": {}}, ".activeWorkflow.gitUrl"),
        ({"userContext": {}}, ".userContext"),
        ({"environmentVariables": {"A": 5}}, ".environmentVariables.A"),
    ],
)
def test_fields_of_a_template_that_are_refused(fields, path):
    assert [found[0] for found in template(**fields)] == [path]


def shown(**schedules):
    """The report on a file with these schedules, as users read it."""
    with pytest.raises(AmbientError) as caught:
        parse_stack(yaml.safe_dump({"workspaces": {"pay": {"schedules": schedules}}}), "x.yaml")
    return str(caught.value)


def test_the_rules_of_the_whole_are_applied_too():
    findings = shown(
        Bad_Id=SMALL,
        a={**SMALL, "sessionTemplate": {"initialPrompt": "x", "runnerType": "gemini-cli"}},
        b={**SMALL, "sessionTemplate": {"initialPrompt": "x", "environmentVariables": {"DB_PASSWORD": "hunter2"}}},
    )
    assert "hunter2" not in findings
    assert "schedules.b.sessionTemplate.environmentVariables.DB_PASSWORD: looks like a credential" in findings
    assert "schedules.a.sessionTemplate.llmSettings: has no model" in findings
    assert "'Bad_Id' can't be a schedule's id" in findings


@pytest.mark.parametrize(
    "fields",
    [
        {"initialPrompt": f"use {TOKEN}"},
        {"initialPrompt": [TOKEN]},
        {TOKEN: "x"},
        {"environmentVariables": {"NOTE": TOKEN}},
        {"environmentVariables": {TOKEN: "x"}},
        {"environmentVariables": {"hunter2hunter2": 5}},
        {"repos": [{"url": f"https://a:{TOKEN}@b/c"}]},
        {"llmSettings": {"model": TOKEN, "x": TOKEN}},
        {"activeWorkflow": {"gitUrl": f"https://b/c?token={TOKEN}"}},
    ],
)
def test_no_secret_is_quoted(fields):
    findings = shown(s={**SMALL, "sessionTemplate": {"initialPrompt": "x", **fields}})
    assert TOKEN not in findings
    assert "hunter2" not in findings
    assert "schedules.s.sessionTemplate" in findings
