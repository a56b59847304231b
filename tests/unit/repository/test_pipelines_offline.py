"""Previews without a credential: what the printed files give to the code of a change request, and what it can show."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.pipelines import GITHUB, GITLAB, OFFLINE_GITHUB, OFFLINE_GITLAB, STAGES, jobs, read, run_bash

CREDENTIALS = ("id-token", "id_tokens", "secrets.", "environment", "vars.", "configure-aws", "kubeconfig", "pulumi ")


def test_no_job_of_a_pull_request_has_a_credential() -> None:
    """14: A preview cannot take the deployer's credential: its job has none, nor an environment that gives one."""
    every = jobs(OFFLINE_GITHUB)
    of_requests = {name: job for name, job in every.items() if name != "deploy"}
    assert set(of_requests) == {"validate", "preview", "no-preview", "comment"}
    assert "github.event_name != 'pull_request' && github.ref == 'refs/heads/main'" in every["deploy"]["if"]
    assert {name: job["permissions"] for name, job in of_requests.items()} == {
        "validate": {"contents": "read"},
        "preview": {"contents": "read", "actions": "read"},
        "no-preview": {},
        "comment": {"pull-requests": "write"},
    }
    assert [(name, word) for name, job in of_requests.items() for word in CREDENTIALS if word in json.dumps(job)] == []


def test_the_token_for_states_is_gone_before_code_of_the_request_runs() -> None:
    first, checkout, *others = jobs(OFFLINE_GITHUB)["preview"]["steps"]
    assert "github.token" in json.dumps(first)
    assert "actions/checkout@" in checkout["uses"]
    assert "github.token" not in json.dumps([checkout, *others])


def test_no_job_of_a_merge_request_has_a_credential() -> None:
    """14: On GitLab too."""
    every = jobs(OFFLINE_GITLAB)
    of_requests = {name: job for name, job in every.items() if not name.startswith("deploy-")}
    assert set(of_requests) == {"validate", "no-preview", *(f"preview-{stage}" for stage in STAGES)}
    assert [(name, word) for name, job in of_requests.items() for word in CREDENTIALS if word in json.dumps(job)] == []
    fork = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID != $CI_MERGE_REQUEST_PROJECT_ID"
    for stage in STAGES:
        never, request = every[f"preview-{stage}"]["rules"]
        assert never == {"if": fork, "when": "never"}
        assert request == {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}
        rules = [rule["if"] for rule in every[f"deploy-{stage}"]["rules"]]
        assert all("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in rule for rule in rules)


def without_export(steps: list[Any]) -> list[Any]:
    marks = ("--bare-state", "state-${{ matrix.stage }}")
    return [step for step in steps if not any(mark in json.dumps(step) for mark in marks)]


def test_both_kinds_deploy_alike() -> None:
    offline, live = jobs(OFFLINE_GITHUB), jobs(GITHUB)
    exporting = offline["deploy"]["steps"]
    assert len(exporting) - len(without_export(exporting)) == 2
    assert {**offline["deploy"], "steps": without_export(exporting)} == live["deploy"]
    assert offline["validate"] == live["validate"]
    assert [step for step in offline["comment"]["steps"] if "run" in step] == [
        step for step in live["comment"]["steps"] if "run" in step
    ]
    assert [read(OFFLINE_GITHUB)[key] for key in ("on", "env")] == [read(GITHUB)[key] for key in ("on", "env")]
    mine, theirs = jobs(OFFLINE_GITLAB), jobs(GITLAB)
    for stage in STAGES:
        job = mine[f"deploy-{stage}"]
        assert {**job, "script": without_export(job["script"])} == theirs[f"deploy-{stage}"]
    assert mine["validate"] == theirs["validate"]


@pytest.mark.parametrize("private", [True, False])
def test_gitlab_exports_no_state_of_a_public_project(tmp_path: Path, *, private: bool) -> None:
    (script,) = [command for command in jobs(OFFLINE_GITLAB)["deploy-dev"]["script"] if "--bare-state" in command]
    programs = {"ambient": "echo state", "curl": 'echo "$@" > called'}
    environ = {"STACK": "acme/dev", "STAGE": "dev", "STATES": "https://x/states", "CI_JOB_TOKEN": "t"}
    visibility = "private" if private else "public"
    done = run_bash(script.replace(".venv/bin/", ""), tmp_path, programs, CI_PROJECT_VISIBILITY=visibility, **environ)
    assert done.returncode == 0
    assert (tmp_path / "called").exists() is private
    # A registry that is off costs the previews, not the deployment.
    programs["curl"] = "exit 22"
    done = run_bash(script.replace(".venv/bin/", ""), tmp_path, programs, CI_PROJECT_VISIBILITY=visibility, **environ)
    assert done.returncode == 0


def test_github_exports_no_state_of_a_public_repository() -> None:
    steps = jobs(OFFLINE_GITHUB)["deploy"]["steps"]
    exporting = [step for step in steps if step not in without_export(steps)]
    assert {step["if"] for step in exporting} == {"${{ !cancelled() && github.event.repository.private }}"}


def test_github_deploys_where_no_state_can_be_exported_and_a_second_attempt_replaces_the_artifact() -> None:
    steps = jobs(OFFLINE_GITHUB)["deploy"]["steps"]
    assert [step["continue-on-error"] for step in steps if step not in without_export(steps)] == [True, True]
    for path in (OFFLINE_GITHUB, GITHUB):
        text = path.read_text(encoding="utf-8")
        assert text.count("uses: actions/upload-artifact@") == text.count("overwrite: true") > 0


RUNS = [
    {"id": 1, "head_branch": "main", "head_repository_id": 7, "repository_id": 7, "head_sha": "aa"},
    {"id": 2, "head_branch": "main", "head_repository_id": 8, "repository_id": 7, "head_sha": "bb"},
    {"id": 3, "head_branch": "evil", "head_repository_id": 7, "repository_id": 7, "head_sha": "cc"},
    {"id": 4, "head_branch": "main", "head_repository_id": 7, "repository_id": 7, "head_sha": "dd"},
    {"id": 5, "head_branch": "main", "head_repository_id": 7, "repository_id": 7, "head_sha": "tag"},
    {"id": 6, "head_branch": "main", "head_repository_id": 7, "repository_id": 7, "head_sha": "aa"},
]
GH = """case "$*" in
  *name=state-dev*) cat artifacts.json | jq -r "${@: -1}" ;;
  *actions/runs/6*) echo pull_request ;;
  *actions/runs/*) echo push ;;
  *compare/main...tag*) echo diverged ;;
  *compare*) echo behind ;;
  run*) echo "$@" >> calls ;;
esac"""


def test_github_takes_the_newest_state_of_main_and_none_of_a_fork_branch_or_tag(tmp_path: Path) -> None:
    """14: Neither a fork, a branch, a tag nor a request of main supplies the state of another request's preview."""
    if not shutil.which("jq"):
        pytest.skip("jq is not installed, and gh brings its own")
    artifacts = [
        {"workflow_run": run, "expired": run["id"] == 4, "created_at": f"2026-11-0{run['id']}"} for run in RUNS
    ]
    (tmp_path / "artifacts.json").write_text(json.dumps({"artifacts": artifacts}))
    script = jobs(OFFLINE_GITHUB)["preview"]["steps"][0]["run"]
    environ = {"STAGES": " ".join(STAGES), "GH_REPO": "acme/w", "RUNNER_TEMP": str(tmp_path)}
    done = run_bash(script, tmp_path, {"gh": GH}, **environ)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text() == f"run download 1 --name state-dev --dir {tmp_path}/states\n"


@pytest.mark.parametrize(("code", "is_red"), [(0, False), (2, False), (3, True), (1, True)])
def test_github_shows_each_stages_plan_and_is_red_where_one_is_refused(code: int, is_red: bool, tmp_path: Path) -> None:
    (script,) = [
        step["run"] for step in jobs(OFFLINE_GITHUB)["preview"]["steps"] if "ambient plan" in step.get("run", "")
    ]
    (tmp_path / "states").mkdir()
    (tmp_path / "states/dev.json").write_text("{}")
    summary = tmp_path / "summary"
    done = run_bash(
        script.replace(".venv/bin/", ""), tmp_path, {"ambient": f'echo "$@"; exit {code}'},
        STAGES=" ".join(STAGES), RUNNER_TEMP=str(tmp_path), GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    assert (done.returncode != 0) is is_red
    assert (tmp_path / "previews/dev/plan.md").read_text() == (
        f"plan dev --offline --state {tmp_path}/states/dev.json --limit 20000 --format markdown\n"
    )
    assert (tmp_path / "previews/prod/plan.md").read_text().startswith("No plan: no run of main has exported")
    assert summary.read_text().count("\n## ") == len(STAGES)
