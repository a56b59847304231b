"""The pipeline for GitHub: when it runs, what each job is given, and what a pull request can't do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.pipelines import FLEET_GITHUB, GITHUB, STAGES, jobs, read, run_bash, scripts

PREVIEWS = [f"preview-{stage}" for stage in STAGES]


def github_triggers() -> dict[str, Any]:
    triggers: dict[str, Any] = read(GITHUB)["on"]
    return triggers


def test_github_runs_on_requests_pushes_and_every_night() -> None:
    triggers = github_triggers()
    assert set(triggers) == {"pull_request", "push", "schedule", "workflow_dispatch"}
    assert triggers["push"] == {"branches": ["main"]}
    (schedule,) = triggers["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])


def test_github_gives_each_job_what_it_needs() -> None:
    every = jobs(GITHUB)
    assert read(GITHUB)["permissions"] == {}
    assert {name: job["permissions"] for name, job in every.items()} == {
        "validate": {"contents": "read"},
        **{name: {"contents": "read", "id-token": "write"} for name in (*PREVIEWS, "deploy")},
        "no-preview": {},
        "comment": {"pull-requests": "write"},
    }
    assert {name for name, job in every.items() if "environment" in job} == {*PREVIEWS, "deploy"}
    assert {name for name, job in every.items() if "secrets." in json.dumps(job)} == {"deploy"}
    # What writes into the pull request runs nothing of it.
    assert {step["uses"].partition("@")[0] for step in every["comment"]["steps"] if "uses" in step} == {
        "actions/download-artifact"
    }
    assert [name for name, job in every.items() if "python -m venv" in json.dumps(job)] == [
        "validate",
        *PREVIEWS,
        "deploy",
    ]


def test_github_takes_a_stages_page_from_the_job_of_that_stage_alone() -> None:
    """14: A preview cannot upload the page of another stage."""
    every = jobs(GITHUB)
    for stage in STAGES:
        job = every[f"preview-{stage}"]
        assert (job["env"], job["environment"]) == ({"STAGE": stage}, f"{stage}-preview")
        assert job["outputs"] == {"page": "${{ steps.page.outputs.artifact-id }}"}
        assert job["concurrency"]["group"].startswith(f"preview-{stage}-")
        assert "strategy" not in job
        (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert (upload["id"], upload["with"]["name"]) == ("page", "preview-${{ env.STAGE }}")
    downloads = [step for step in every["comment"]["steps"] if "uses" in step]
    assert [(step["if"], step["with"]) for step in downloads] == [
        (
            f"needs.preview-{stage}.outputs.page",
            {"artifact-ids": f"${{{{ needs.preview-{stage}.outputs.page }}}}", "path": f"previews/{stage}"},
        )
        for stage in STAGES
    ]


def test_github_gives_forks_nothing_and_says_why() -> None:
    every = jobs(GITHUB)
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    assert all(own in every[name]["if"] for name in PREVIEWS)
    assert own.replace("==", "!=") in every["no-preview"]["if"]
    assert "A fork gets no credential" in every["no-preview"]["steps"][0]["run"]
    assert every["comment"]["needs"] == PREVIEWS
    assert "!contains(needs.*.result, 'skipped')" in every["comment"]["if"]
    assert "github.event_name != 'pull_request'" in every["deploy"]["if"]


def test_github_lets_a_person_start_prod_and_nobody_at_night() -> None:
    deploy = jobs(GITHUB)["deploy"]
    assert deploy["environment"] == (
        "${{ matrix.stage }}${{ matrix.stage == 'prod' && github.event_name == 'schedule' && '-nightly' || '' }}"
    )
    assert deploy["strategy"]["matrix"]["stage"] == STAGES
    assert deploy["strategy"]["max-parallel"] == 1
    assert deploy["strategy"]["fail-fast"] == "${{ github.event_name == 'push' }}"


def test_github_runs_one_update_of_a_stack_at_a_time_and_cuts_none_off() -> None:
    every = jobs(GITHUB)
    assert every["deploy"]["concurrency"] == {"group": "deploy-${{ matrix.stage }}", "cancel-in-progress": False}
    assert "timeout-minutes" not in every["deploy"]
    assert "concurrency" not in read(GITHUB)
    updating = [name for name, job in every.items() if "pulumi up" in json.dumps(job)]
    assert updating == ["deploy"]


def test_github_says_in_the_morning_what_wants_a_person() -> None:
    steps = jobs(GITHUB)["deploy"]["steps"]
    red, warning = [step for step in steps if "keys list" in step.get("run", "")]
    for step in (red, warning):
        assert step["if"] == "${{ !cancelled() && github.event_name != 'push' }}"
        assert "continue-on-error" not in step
    assert red["run"] == '.venv/bin/ambient keys list "$STACK"'
    assert warning["run"].startswith("if ! ")
    assert "::warning" in warning["run"]
    (unmanaged,) = [step for step in steps if "--fail-on unmanaged" in step.get("run", "")]
    assert unmanaged["if"] == red["if"]
    assert "continue-on-error" not in unmanaged


@pytest.mark.parametrize(("code", "ends", "warns"), [(0, 0, False), (2, 0, True), (1, 1, False)])
@pytest.mark.parametrize("path", [GITHUB, FLEET_GITHUB], ids=["stacks", "fleet"])
def test_github_warns_of_unmanaged_workspaces(path: Path, tmp_path: Path, code: int, ends: int, warns: bool) -> None:
    steps = [step for job in read(path)["jobs"].values() for step in job["steps"]]
    (script,) = [step["run"] for step in steps if "--fail-on unmanaged" in step.get("run", "")]
    script = script.replace(".venv/bin/ambient", "ambient")
    summary = tmp_path / "summary"
    done = run_bash(
        script, tmp_path, {"ambient": f"echo page; exit {code}"},
        GITHUB_STEP_SUMMARY=str(summary), RUNNER_TEMP=str(tmp_path), STACK="dev", STAGE="dev", FLEET="prod",
    )  # fmt: skip
    assert (done.returncode, "::warning" in done.stdout) == (ends, warns)
    assert summary.read_text() == "page\n"


def test_github_prepares_previews_and_deployments_alike() -> None:
    every = jobs(GITHUB)

    def preparation(name: str) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = every[name]["steps"]
        runs = ("pulumi up ", "ambient plan ")
        first = next(i for i, step in enumerate(steps) if any(one in step.get("run", "") for one in runs))
        return steps[:first]

    assert [name for name in PREVIEWS if preparation(name) != preparation("deploy")] == []
    (plan,) = [step for step in every["preview-dev"]["steps"] if "ambient plan" in step.get("run", "")]
    stack = every["deploy"]["env"]["STACK"].replace("matrix.stage", "env.STAGE")
    assert plan["env"] == {"STACK": stack, "PULUMI_BACKEND_URL": every["deploy"]["env"]["PULUMI_BACKEND_URL"]}


def test_nothing_of_a_pull_request_is_put_into_a_script() -> None:
    assert [script for script in scripts(GITHUB) if "${{" in script] == []
    assert "pull_request_target" not in GITHUB.read_text(encoding="utf-8")
