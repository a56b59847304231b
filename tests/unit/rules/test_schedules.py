"""Rules for scheduled sessions: cron expressions, templates, and no credentials in what the role view reads."""

import pytest

from ambient_components.rules.schedules import TEMPLATE_MAX, cron_problem, image_problem, schedules_findings
from tests.support.schedules import SCHEDULE, TEMPLATE

TOKEN = "ghp_" + "x" * 36
GIT = "https://github.com/example/app"


def found(schedule=None, schedule_id="nightly", **template):
    given = {**SCHEDULE, **(schedule or {})}
    if template:
        given["sessionTemplate"] = {**TEMPLATE, **template}
    return [(finding.path, finding.problem) for finding in schedules_findings({schedule_id: given})]


def paths(**template):
    return ["/".join(map(str, path[2:])) for path, _ in found(**template)]


@pytest.mark.parametrize(
    "expression",
    [
        "0 9 * * 1-5", "*/15 * * * *", "0 0 1,15 * *", "0 9 * jan-mar MON", "59 23 31 12 6", "0  9 * * 0",
        "10-50/10 * * * *", "5/20 * * * *", " 0 9 * * * ",
    ],
)  # fmt: skip
def test_cron_expressions_that_backend_and_kubernetes_accept(expression):
    assert cron_problem(expression) is None


@pytest.mark.parametrize(
    "expression",
    [
        "", "* * * *", "* * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
        "* * * * 7", "5-1 * * * *", "*/0 * * * *", "* * * foo *", "* * * * mon-", "? * * * *", "* * L * *",
        "*,, * * * *",
        "1,2,3,4,5,6,7,8,9,10,11 * * * *", "TZ=UTC 0 9 * * *", "-1 * * * *", "* * * * m\u00f6n", "\u0661 * * * *",
    ],
)  # fmt: skip
def test_cron_expressions_that_one_of_them_refuses(expression):
    problem, hints = cron_problem(expression)
    assert problem.startswith("has ")
    assert hints


def test_a_complete_schedule_is_valid():
    assert found() == []


@pytest.mark.parametrize("schedule_id", ["", "a_b", "A", "a--b", "-a", "a" * 64])
def test_ids_of_schedules(schedule_id):
    assert [path for path, _ in found(schedule_id=schedule_id)] == [(schedule_id,)]


def test_a_cronjob_is_adopted_once():
    adopted = {**SCHEDULE, "cronJob": "schedule-0b9f6e0a-7c1e-4f7f-9d33-5a2d8c1e4b60"}
    (finding,) = schedules_findings({"a": adopted, "b": adopted})
    assert (finding.path, finding.other) == (("b", "cronJob"), ("a", "cronJob"))


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("initialPrompt", " ", "initialPrompt"),
        ("initialPrompt", f"use {TOKEN}", "initialPrompt"),
        ("llmSettings", {"model": "a b"}, "llmSettings/model"),
        ("repos", [{"url": f"https://x:{TOKEN}@github.com/a/b"}], "repos/0/url"),
        ("environmentVariables", {"RUNNER_TYPE": "x"}, "environmentVariables/RUNNER_TYPE"),
        ("environmentVariables", {"DB_PASSWORD": "hunter2"}, "environmentVariables/DB_PASSWORD"),
        ("environmentVariables", {"NOTE": TOKEN}, "environmentVariables/NOTE"),
        ("environmentVariables", {"a-b": "x"}, "environmentVariables/a-b"),
        ("environmentVariables", {"S3_BUCKET": "x"}, "environmentVariables/S3_BUCKET"),
        ("mcpServers", {"custom": {"a": {"url": GIT, "headers": {"X-Api-Key": "hunter2"}}}},
         "mcpServers/custom/a/headers/X-Api-Key"),
        ("initialPrompt", "x" * TEMPLATE_MAX, ""),
    ],
)  # fmt: skip
def test_fields_of_templates(field, value, where):
    assert paths(**{field: value}) == [where]


def test_another_runner_needs_a_model():
    assert paths(runnerType="gemini-cli", llmSettings={}) == ["llmSettings"]
    assert paths(runnerType="gemini-cli", llmSettings={"model": "gemini-2.5-flash"}) == []


@pytest.mark.parametrize(
    ("image", "valid"),
    [
        ("quay.io/ambient_code/vteam_operator:latest", True), ("registry:5000/a@sha256:" + "0" * 64, True),
        ("", False), ("a b", False), ("https://quay.io/a", False), ("-a", False), ("a@sha256:1", False),
    ],
)  # fmt: skip
def test_images(image, valid):
    assert (image_problem(image) is None) is valid
