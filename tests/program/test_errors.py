"""What is wrong with a stack is said before anything is registered: all of it at once, with its place."""

import pulumi
import pytest

from ambient_components.problem_json import AS_JSON, MISSING_VALUE, VARIABLE, decode
from ambient_components.program import workspaces as stack_program
from tests.support.recorder import Recorder

VALUE = "sk-ant-not-a-real-key"
WITH_SECRET = """\
workspaces:
  payments:
    secrets:
      runner:
        ANTHROPIC_API_KEY: {config: payments/anthropic}
"""
AT = "workspaces.payments.secrets.runner.ANTHROPIC_API_KEY"
SET_IT = "pulumi config set --secret payments/anthropic --stack dev"


def test_ambient_gets_each_missing_secret_with_its_place(run_fleet, monkeypatch):
    monkeypatch.setenv(VARIABLE, AS_JSON)
    recording = run_fleet(WITH_SECRET, preview=True)
    problems = [one for text in recording.warnings for one in decode(text)]
    assert [(str(one.where), one.rule, one.workspaces) for one in problems] == [
        ("stacks/dev.yaml:5:28", MISSING_VALUE, ("payments",))
    ]


@pytest.mark.parametrize("preview", [True, False])
def test_a_config_that_names_no_cluster_is_refused(run_fleet, preview):
    (line,) = run_fleet.refusal({"workspaces": {}}, config={}, preview=preview)
    assert line.startswith(
        "clusterUid: the config of stack 'dev' does not say which cluster it belongs to; set it once:"
    )


def test_all_problems_come_at_once_and_in_order(run_fleet):
    stack = """\
workspaces:
  research:
    secrets: {runner: {GOOGLE_API_KEY: {config: research/google}}}
  payments:
    secrets:
      runner:
        ANTHROPIC_API_KEY: {config: payments/anthropic}
        GEMINI_API_KEY: {config: payments/gemini}
"""
    lines = run_fleet.refusal(stack, config={"payments/gemini": VALUE})
    assert [line.split(": ")[0] for line in lines] == [
        "clusterUid",
        "stacks/dev.yaml:3:40",
        "stacks/dev.yaml:7:28",
        "stacks/dev.yaml:8:25",
    ]
    assert VALUE not in "\n".join(lines)


def test_what_is_wrong_with_the_file_comes_with_its_places(run_fleet):
    stack = """\
workspaces:
  payments:
    grants:
      - {user: bob, role: admni}
      - {user: carol}
      - {user: carol, role: edit}
    keys: {CI: {}}
"""
    lines = run_fleet.refusal(stack)
    assert [line.split(": ")[:2] for line in lines] == [
        ["stacks/dev.yaml:4:27", "workspaces.payments.grants[0].role"],
        ["stacks/dev.yaml:6:16", "workspaces.payments.grants[2].user"],
        ["stacks/dev.yaml:7:12", "workspaces.payments.keys.CI"],
    ]


def test_a_secret_written_into_the_file_is_refused_and_never_shown(run_fleet):
    lines = run_fleet.refusal(WITH_SECRET.replace("{config: payments/anthropic}", VALUE))
    assert [line.split(": ")[:2] for line in lines] == [["stacks/dev.yaml:5:28", AT]]
    assert VALUE not in "\n".join(lines)


def test_a_grant_to_a_service_account_has_no_spelling_in_the_file(run_fleet):
    lines = run_fleet.refusal({"workspaces": {"payments": {"grants": [{"serviceaccount": "ci:bot"}]}}})
    assert any(line.startswith("stacks/dev.yaml:") and "serviceaccount" in line for line in lines)


def test_a_missing_file_is_an_error_as_any_other(run_fleet):
    recorder = Recorder({"clusterUid": "uid-1"})
    with pytest.raises(pulumi.RunError, match=r"stacks/dev\.yaml"):
        recorder.run(stack_program.run)
    assert list(recorder.last) == []
