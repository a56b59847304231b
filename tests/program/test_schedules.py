"""Scheduled sessions of a workspace, as its component and the program declare them."""

import pytest

from ambient_components.platform.naming import schedule_name
from tests.program.conftest import CLUSTER
from tests.support.schedules import OWN_USER, PROMPT, TEMPLATE

FILE = """
workspaces:
  payments:
    owners: [user:alice@example.com]
    schedules:
      review: {schedule: "0 9 * * *", sessionTemplate: {initialPrompt: Review., timeout: 10m}}
"""
UIS = "schedule-0b9f6e0a-7c1e-4f7f-9d33-5a2d8c1e4b60"


SCHEDULE = {
    "schedule": "0 9 * * 1-5",
    "display_name": "Morning review",
    "session_template": {
        "initial_prompt": PROMPT,
        "runner_type": "claude-agent-sdk",
        "llm_settings": {"model": "claude-opus-4-6", "temperature": 0.2, "max_tokens": 8000},
        "timeout": "10m",
        "inactivity_timeout": "1h",
        "stop_on_run_finished": True,
        "repos": [{"url": "https://github.com/example/payments-api", "branch": "main", "auto_push": True}],
        "active_workflow": {"git_url": "https://github.com/example/workflows", "branch": "main", "path": "review"},
        "environment_variables": {"LOG_LEVEL": "debug"},
    },
}
"""A schedule as the component's argument."""


def declared(recording, schedule_id="review"):
    return recording.named("ScheduledSession", f"payments/schedule/{schedule_id}")


def test_a_schedule_is_a_resource_with_a_stable_name(workspace):
    assert declared(workspace(schedules={"review": SCHEDULE})).inputs == {
        "namespace": "payments",
        "name": schedule_name("payments", "review"),
        "owner": "project/fleet",
        "platformNamespace": "ambient-code",
        "schedule": "0 9 * * 1-5",
        "displayName": "Morning review",
        "runAs": OWN_USER.format("payments"),
        "sessionTemplate": TEMPLATE,
    }


@pytest.mark.parametrize(
    ("schedule", "args", "more"),
    [
        ({"suspend": False}, {}, {"suspend": False}),
        ({"reuse_last_session": True}, {}, {"reuseLastSession": True}),
        ({"run_as": "bob"}, {}, {"runAs": "bob"}),
        ({"cron_job": UIS}, {}, {"name": UIS, "adopt": True}),
        ({}, {"operator_image": "a/b:1"}, {"image": "a/b:1"}),
        ({}, {"platform_namespace": "acp"}, {"platformNamespace": "acp"}),
        ({}, {"adopt": True}, {"adopt": True}),
        ({}, {"state": "closed"}, {"closed": True}),
        ({}, {"state": "released"}, {"released": True}),
    ],
    ids=str,
)
def test_what_is_said_of_it_is_an_input(workspace, schedule, args, more):
    inputs = declared(workspace(schedules={"review": {**SCHEDULE, **schedule}}, **args)).inputs
    plain = declared(workspace(schedules={"review": SCHEDULE})).inputs
    assert inputs == {**plain, **more}


def test_the_default_of_its_name_is_its_id(workspace):
    schedule = {"schedule": "0 9 * * *", "session_template": {"initial_prompt": "x"}}
    assert declared(workspace(schedules={"nightly": schedule}), "nightly").inputs["displayName"] == "nightly"


def test_what_is_wrong_is_refused(workspace):
    with pytest.raises(ValueError, match=r"schedules.review.schedule: has 1 fields instead of five"):
        workspace(schedules={"review": {**SCHEDULE, "schedule": "hourly"}})


def test_the_config_names_the_operators_image(run_fleet):
    config = {**CLUSTER, "operatorImage": "registry.example.com/operator:1"}
    inputs = declared(run_fleet(FILE, config=config)).inputs
    assert inputs["image"] == config["operatorImage"]
    assert inputs["sessionTemplate"] == {"initialPrompt": "Review.", "timeout": 600}
    assert "image" not in declared(run_fleet(FILE)).inputs


def test_a_bad_image_is_refused(run_fleet):
    (line, *_) = run_fleet.refusal(FILE, config={**CLUSTER, "operatorImage": "a b"})
    assert line.startswith("operatorImage: is not the name of an image")
