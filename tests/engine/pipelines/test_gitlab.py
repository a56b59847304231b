"""The files of `ambient pipeline gitlab`, run by gitlab-ci-local against the sandbox.

What it has not is not covered: images, protected environments, the issuer of ID tokens, resource groups, and the start
of a child pipeline, whose file runs by itself here.
"""

import pytest

from tests.support.forge import GitLab
from tests.support.git_project import GRANTS, KEY, STAGES, Repository

pytestmark = pytest.mark.slow

REQUEST = {
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
    "CI_MERGE_REQUEST_PROJECT_ID": "1",
    "CI_COMMIT_BRANCH": "",
}
ADMIN = {"user": "bob@example.com", "role": "admin"}


def test_pushes_deploy_requests_are_previewed_and_nights_renew(stages: Repository, gitlab: GitLab) -> None:
    stages.ambient("pipeline", "gitlab")
    stages.commit()
    # Prod waits for a person.
    gitlab.run("push").came_to(validate="success", deploy_dev="success", deploy_stage="success")
    assert [stages.has(stage) for stage in STAGES] == [True, True, False]
    gitlab.run("push", "deploy-prod").came_to(deploy_prod="success")
    assert len(gitlab.server.files) == 3
    tokens = {stage: stages.token(stage, f"{stage}/ci") for stage in STAGES}

    # A request: a plan of each stage, of jobs without variables of an environment.
    stages.commit("request")
    stages.write("stage", stage={"grants": [*GRANTS, ADMIN], "keys": {"ci": KEY}})
    stages.write("prod", prod={"keys": {"ci": KEY}})
    stages.commit()
    run = gitlab.run("merge_request_event", **REQUEST)
    run.came_to(validate="success", preview_dev="success", preview_stage="success", preview_prod="failure")
    assert "No changes" in run.logs["preview-dev"]
    assert "`user:bob@example.com` | `none -> admin`" in run.logs["preview-stage"]
    assert "massRemoval" in run.logs["preview-prod"]
    assert not stages.has_admin("stage", "bob@example.com")

    # A night, four weeks later: one key ends before the next one, and a workspace is in no stack.
    stages.checkout("main")
    stages.write("dev", dev={"grants": GRANTS, "keys": {"ci": {**KEY, "rotate": "manual"}}})
    stages.commit()
    stages.make_unmanaged()
    night = gitlab.run("schedule", AMBIENT_CLOCK_OFFSET="29d")
    night.came_to(validate="success", deploy_dev="failure", deploy_stage="warning", deploy_prod="warning")
    assert "1 of 1 keys need attention" in night.logs["deploy-dev"]
    assert all(f"{stages.name}-unmanaged" in night.logs[f"deploy-{stage}"] for stage in STAGES)
    assert {stage for stage in STAGES if stages.token(stage, f"{stage}/ci") != tokens[stage]} == {"stage", "prod"}
    # Two nights later it has expired.
    night = gitlab.run("schedule", "deploy-dev", AMBIENT_CLOCK_OFFSET="31d").came_to(deploy_dev="failure")
    assert "expired on " in night.logs["deploy-dev"]


def test_a_live_preview_asks_the_cluster_and_changes_nothing(stages: Repository, gitlab: GitLab) -> None:
    """Each is started by hand, as a person of a protected environment does."""
    stages.ambient("pipeline", "gitlab", "--preview", "live")
    stages.commit("request")
    gitlab.run("merge_request_event", **REQUEST).came_to(validate="success")
    run = gitlab.run("merge_request_event", "preview-dev", **REQUEST).came_to(preview_dev="success")
    assert "1 workspace made" in run.logs["preview-dev"]
    assert not stages.has("dev")


def test_a_failed_shard_stops_no_other_and_a_push_reports_unmanaged_workspaces(
    fleet: Repository, gitlab: GitLab
) -> None:
    fleet.ambient("pipeline", "gitlab", "--fleet", "prod")
    fleet.commit()
    fleet.make_unmanaged()
    gitlab.run("push", "shards").came_to(shards="success")
    child = gitlab.run("push", "--file", "shards.yaml", SOURCE="push")
    assert sorted(child.jobs.values()) == ["failure", "success", "success"], child.text
    assert "the environment variable" in child.text
    assert (fleet.has("a"), fleet.has("b"), fleet.has("c")) == (True, False, True)
    run = gitlab.run("push", "unmanaged").came_to(unmanaged="warning")
    assert f"{fleet.name}-unmanaged" in run.logs["unmanaged"]
