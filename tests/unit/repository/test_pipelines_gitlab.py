"""The pipeline for GitLab: when it runs, and what it gives to whom."""

import re
from pathlib import Path

import pytest

from tests.support.pipelines import GITLAB, OFFLINE_GITLAB, STAGES, jobs, pipeline_id, read, run_bash


def test_gitlab_gives_forks_nothing_and_says_why() -> None:
    every = jobs(GITLAB)
    fork = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID != $CI_MERGE_REQUEST_PROJECT_ID"
    for stage in STAGES:
        never, request = every[f"preview-{stage}"]["rules"]
        assert never == {"if": fork, "when": "never"}
        # It runs the request's code: somebody looks first.
        assert request["when"] == "manual"
    assert every["no-preview"]["rules"] == [{"if": fork}]
    assert {name for name, job in every.items() if "id_tokens" in job} == {
        f"{verb}-{stage}" for verb in ("preview", "deploy") for stage in STAGES
    }
    assert {name for name, job in every.items() if "environment" not in job} == {"validate", "no-preview"}


def test_gitlab_keeps_the_environments_apart_and_runs_one_update_of_a_stack_at_a_time() -> None:
    every = jobs(GITLAB)
    for stage in STAGES:
        deploy, preview = every[f"deploy-{stage}"], every[f"preview-{stage}"]
        assert deploy["environment"] == {"name": stage}
        assert preview["environment"] == {"name": f"{stage}-preview", "action": "prepare"}
        assert deploy["dependencies"] == preview["dependencies"] == []
        assert deploy["variables"] == preview["variables"] == {"STAGE": stage}
        assert deploy["stage"] == deploy["resource_group"] == stage
        assert not deploy.get("interruptible")
        assert preview["artifacts"]["expose_as"] == f"plan of {stage}"
        assert preview["artifacts"]["when"] == "always"
    assert read(GITLAB)["default"]["interruptible"] is False


def test_gitlab_logs_in_to_pulumi_cloud_only_where_there_is_an_organisation(tmp_path: Path) -> None:
    """The preparation of a job, with stand-ins for all that it calls."""
    script = "\n".join(jobs(GITLAB)["deploy-dev"]["before_script"])
    script = script.replace(".venv/bin/pip", "pip") + '\necho "$STACK $PULUMI_BACKEND_URL $AWS_ROLE_ARN"'
    script += '\nstat -c %a "$AWS_WEB_IDENTITY_TOKEN_FILE"; cat "$AWS_WEB_IDENTITY_TOKEN_FILE"'
    programs = {name: f'echo {name} "$@" >> calls' for name in ("python", "pip", "aws", "pulumi")}
    given = {"STAGE": "dev", "STATE": "s3://bucket", "ROLE": "arn", "REGION": "r", "CLUSTER": "c"}
    tokens = {"CLOUD_TOKEN": "cloud", "PULUMI_TOKEN": "pulumi", "TMPDIR": str(tmp_path)}
    done = run_bash(script, tmp_path, programs, **given, **tokens)
    assert done.stdout == "dev s3://bucket arn\n600\ncloud"
    assert "pulumi" not in (tmp_path / "calls").read_text(encoding="utf-8")
    done = run_bash(script, tmp_path, programs, **given, **tokens, ORGANIZATION="acme")
    assert done.stdout.startswith("acme/dev ")
    called = (tmp_path / "calls").read_text(encoding="utf-8")
    assert re.search(r"^pulumi login --oidc-token file:///\S+ --oidc-org acme$", called, re.MULTILINE)


@pytest.mark.parametrize(("fails", "code"), [("nothing", 0), ("pulumi", 1), ("keys", 1), ("access", 75)], ids=str)
@pytest.mark.parametrize("path", [GITLAB, OFFLINE_GITLAB], ids=pipeline_id)
def test_gitlab_reports_keys_and_access_where_an_earlier_step_failed(
    path: Path, fails: str, code: int, tmp_path: Path
) -> None:
    script = "\n".join(jobs(path)["deploy-dev"]["script"]).replace(".venv/bin/", "")
    programs = {
        "pulumi": f"echo pulumi >> calls; [ {fails} != pulumi ]",
        "ambient": f'echo "$1" >> calls; [ {fails} != "$1" ] || exit 2',
        "curl": "true",
    }
    environ = {"STACK": "dev", "STAGE": "dev", "STATES": "x", "CI_PIPELINE_SOURCE": "schedule", "CI_JOB_TOKEN": "t"}
    assert run_bash(script, tmp_path, programs, **environ).returncode == code
    called = [call for call in (tmp_path / "calls").read_text().splitlines() if call != "show"]
    assert called == ["pulumi", "keys", "access"]
