"""The CronJob of a scheduled session beside what the platform's backend makes of the same fields."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.platform import schedules as form
from ambient_components.platform.naming import schedule_name
from ambient_components.provider.workspace.cron_job import Image, new
from tests.support.schedules import IMAGE, SCHEDULE, TEMPLATE, answer, of_backend

NAME = schedule_name("pay", "review")
INPUTS = {
    "namespace": "pay",
    "name": NAME,
    "owner": "app/dev",
    "platformNamespace": "ambient-code",
    "runAs": "bob",
    **SCHEDULE,
}


def made(**changes):
    return new({**INPUTS, **changes}, Image(IMAGE, "IfNotPresent"))


def without_ours(cronjob):
    metadata = cronjob["metadata"]
    notes = {key: value for key, value in metadata["annotations"].items() if key != "ambient-components/owner"}
    labels = {**metadata["labels"], "ambient-code.io/created-by": "bob"}
    containers = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    for variable in containers[0]["env"]:
        if variable["name"] == "SESSION_TEMPLATE":
            variable["value"] = json.loads(variable["value"])
    return {"metadata": {**metadata, "annotations": notes, "labels": labels}, "spec": cronjob["spec"]}


@pytest.mark.parametrize("more", [{}, {"suspend": True}, {"reuseLastSession": True}])
def test_the_object_is_the_backends(more):
    theirs = of_backend(NAME, "pay", "bob", {**SCHEDULE, **more}, IMAGE)
    assert answer(made(**more)) == answer(theirs)
    assert without_ours(made(**more)) == without_ours(theirs)


def test_names_are_stable_and_of_the_platforms_form():
    assert NAME == "schedule-331c60e8-df39-517f-997b-48f7157e97e6"
    assert len(NAME) == 45
    assert len({schedule_name(*one) for one in [("a", "b-c"), ("a-b", "c"), ("a", "b"), ("b", "a")]}) == 4


def test_what_is_left_out_gets_the_values_of_the_form():
    template = answer(made(sessionTemplate={"initialPrompt": "x"}))["sessionTemplate"]
    assert template == {
        "initialPrompt": "x",
        "displayName": "Morning review",
        "runnerType": "claude-agent-sdk",
        "llmSettings": {"model": "claude-sonnet-4-6", "temperature": 0.7, "maxTokens": 4000},
        "timeout": 300,
        "stopOnRunFinished": False,
        "userContext": {"userId": "bob", "displayName": "bob", "groups": []},
    }


def test_another_runner_is_a_variable_of_the_session_too():
    given = {**TEMPLATE, "runnerType": "gemini-cli"}
    variables = answer(made(sessionTemplate=given))["sessionTemplate"]["environmentVariables"]
    assert variables == {"LOG_LEVEL": "debug", "RUNNER_TYPE": "gemini-cli"}


def test_a_repository_without_a_branch_has_an_empty_one():
    repos = form.complete_template({"repos": [{"url": "https://x/y"}]}, "n", "u")["repos"]
    assert repos == [{"url": "https://x/y", "branch": "", "autoPush": False}]


def test_another_namespace_of_the_platform_is_named_for_follow_up_prompts():
    containers = made(platformNamespace="acp")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "BACKEND_NAMESPACE", "value": "acp"} in containers[0]["env"]


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())))
def test_templates_survive_kubernetes_replacements(template):
    text = form.template_text(template)
    assert "$" not in text
    assert form.read_template(text) == template


@pytest.mark.parametrize("text", ["", "x", "[]", "null", "{", "[" * 100_000])
def test_a_text_that_is_no_template_is_an_empty_one(text):
    assert form.read_template(text) == {}
