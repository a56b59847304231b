"""The files of `ambient pipeline github`, run by `act` against the sandbox.

What `act` has not is not covered: environments with their reviewers and variables, OIDC, concurrency groups, rights of
the job's token, and `fail-fast` with an expression, which it ignores.
"""

import pytest

from tests.support.forge import GitHub
from tests.support.git_project import GRANTS, KEY, STAGES, Repository

pytestmark = pytest.mark.slow

WORKFLOWS = ".github/workflows"
ADMIN = {"user": "bob@example.com", "role": "admin"}


def print_pipeline(repository: Repository, *flags: str) -> None:
    """Print the files, for a state under a passphrase, and commit them."""
    repository.ambient("pipeline", "github", *flags)
    name = "fleet" if flags and flags[0] == "--fleet" else "workspaces"
    repository.edit(f"{WORKFLOWS}/{name}.yaml", "# (PULUMI_CONFIG_PASSPHRASE:)", r"\1")
    repository.commit()


def test_pushes_deploy_requests_are_previewed_and_nights_renew(stages: Repository, github: GitHub) -> None:
    print_pipeline(stages)
    deployed = {"validate": "success", "deploy_dev": "success", "deploy_stage": "success", "deploy_prod": "success"}
    github.run("push").came_to(**deployed)
    assert all(stages.has(stage) for stage in STAGES)
    tokens = {stage: stages.token(stage, f"{stage}/ci") for stage in STAGES}

    # "Re-run job": the artifact of the first attempt is there.
    github.run("push", "--matrix", "stage:dev", again=True).came_to(validate="success", deploy_dev="success")

    # A request to main: a plan of each stage in one comment, and nothing changes.
    stages.commit("request")
    stages.write("stage", stage={"grants": [*GRANTS, ADMIN], "keys": {"ci": KEY}})
    stages.commit()
    github.run("pull_request").came_to(validate="success", preview="success", comment="success")
    assert "`user:bob@example.com` | `none -> admin`" in github.comment
    assert github.comment.count("No changes") == 2
    assert not stages.has_admin("stage", "bob@example.com")

    # One that a guardrail refuses is red, and says so in the same comment.
    stages.write("stage", stage={"keys": {"ci": KEY}})
    stages.commit()
    github.run("pull_request").came_to(validate="success", preview="failure", comment="success")
    assert "massRemoval" in github.comment
    assert (github.forge / "comments").read_text().splitlines()[1:] == ["repos/example/workspaces/issues/comments/71"]

    # A night, four weeks later: one key ends before the next one, a workspace is in no stack, and no artifact is kept.
    stages.checkout("main")
    stages.write("dev", dev={"grants": GRANTS, "keys": {"ci": {**KEY, "rotate": "manual"}}})
    stages.commit()
    stages.make_unmanaged()
    (github.forge / "full").touch()
    night = github.run("schedule", AMBIENT_CLOCK_OFFSET="29d")
    night.came_to(validate="success", deploy_dev="failure", deploy_stage="success", deploy_prod="success")
    assert "1 of 1 keys need attention" in night.logs["deploy dev"]
    assert all(
        f"::warning title={stage}::Workspaces are in no stack" in night.logs[f"deploy {stage}"] for stage in STAGES
    )
    assert {stage for stage in STAGES if stages.token(stage, f"{stage}/ci") != tokens[stage]} == {"stage", "prod"}
    # Two nights later it has expired.
    night = github.run("schedule", "--matrix", "stage:dev", AMBIENT_CLOCK_OFFSET="31d")
    night.came_to(validate="success", deploy_dev="failure")
    assert "expired on " in night.logs["deploy dev"]


def test_a_live_preview_asks_the_cluster_and_changes_nothing(stages: Repository, github: GitHub) -> None:
    """Approval of the environments is left out: no person is asked here."""
    print_pipeline(stages, "--preview", "live")
    stages.commit("request")
    previews = {f"preview_{stage}": "success" for stage in STAGES}
    github.run("pull_request").came_to(validate="success", **previews, comment="success")
    assert [f"## {stage}" for stage in STAGES] == [line for line in github.comment.splitlines() if line[:3] == "## "]
    assert github.comment.count("1 workspace made") == 3
    assert not any(stages.has(stage) for stage in STAGES)


def test_a_failed_shard_stops_no_other_and_a_push_reports_unmanaged_workspaces(
    fleet: Repository, github: GitHub
) -> None:
    print_pipeline(fleet, "--fleet", "prod")
    fleet.make_unmanaged()
    run = github.run("push")
    run.came_to(
        shards="success",
        deploy_prod_00="success",
        deploy_prod_01="failure",
        deploy_prod_02="success",
        unmanaged="success",
    )
    assert "the environment variable" in run.logs["deploy prod-01"]
    assert (fleet.has("a"), fleet.has("b"), fleet.has("c")) == (True, False, True)
    assert "::warning title=prod::Workspaces are in no stack" in run.logs["unmanaged"]
    assert fleet.token("prod-00", "a/ci")
